#!/usr/bin/python3
"""flask_receiver.py PORT FOLDER KEY_FILE: a receiver as existing ones are, made with Flask and Python's cryptography."""

import pathlib
import sys

from cryptography.fernet import Fernet, InvalidToken
from flask import Flask, jsonify, request

port, folder, key_file = int(sys.argv[1]), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
# Existing key files may be in either alphabet; the library knows one.
fernet = Fernet(key_file.read_text().strip().translate(str.maketrans("+/", "-_")))
app = Flask(__name__)


def answer(status, sentence):
    return jsonify(msg=sentence, status_code=status), status


@app.get("/")
def health():
    return answer(200, "Server is healthy")


@app.post("/upload/<filename>")
def upload(filename):
    if "file" not in request.files:
        return answer(400, "No file part")
    part = request.files["file"]
    if part.filename != filename + ".xml.enc":
        return answer(400, "Another file name: " + part.filename)
    try:
        content = fernet.decrypt(part.read())
    except InvalidToken:
        return answer(400, "Not decrypted")
    path = folder / (filename + ".xml")
    path.write_bytes(content)
    return answer(201, f"File is decrypted and saved to {path}")


app.run(host="127.0.0.1", port=port)
