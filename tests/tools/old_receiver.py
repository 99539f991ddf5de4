"""old_receiver.py PORT FOLDER KEY_FILE: a receiver in the old shape (COMPAT: POST /upload/<name>, multipart part
`file`, a Fernet token), opened by Python's `cryptography`. It writes FOLDER/out/<name>.xml, and FOLDER/requests has a
line for each upload: name, status, file name of the part, SHA-256 of what was opened, time of the token.

What it does with a name is told by files in FOLDER, read at each request:
  answer.<name>    its status and the seconds of Retry-After, such as "503 1"; once answered, it is removed
  cut.<name>       it reads the upload, writes the file, and hangs up without a word; once done, it is removed
  hold.<name>      it reads the upload and waits, until that file is gone
A Content-Length is wanted, as by the servers of the time."""

import email.parser
import email.policy
import hashlib
import http.server
import json
import os
import sys
import threading
import time
import urllib.parse

from cryptography.fernet import Fernet

FOLDER = sys.argv[2]
lock = threading.Lock()
active = {}  # name → uploads under way


def fernet():
    with open(sys.argv[3]) as file:
        text = file.read().split()[0]
    return Fernet(text.replace("+", "-").replace("/", "_").encode())


def take(path):
    """The text of a file, which is removed; None if there is none."""
    with lock:
        try:
            with open(path) as file:
                text = file.read()
            os.unlink(path)
            return text
        except FileNotFoundError:
            return None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, text, fields=()):
        body = json.dumps({"msg": text, "status_code": status}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in fields:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def note(self, *words):
        with lock, open(os.path.join(FOLDER, "requests"), "a") as file:
            file.write(" ".join(str(word) for word in words) + "\n")

    def do_GET(self):
        self.answer(200, "Server is healthy")

    def do_POST(self):
        raw = self.path.removeprefix("/upload/")
        name = urllib.parse.unquote(raw)
        with lock:
            active[name] = active.get(name, 0) + 1
            if active[name] > 1:
                with open(os.path.join(FOLDER, "requests"), "a") as file:
                    file.write("TWICE %s\n" % raw)
        try:
            self.upload(raw, name)
        finally:
            with lock:
                active[name] -= 1

    def upload(self, raw, name):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        head = b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n"
        form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
        parts = list(form.iter_parts())
        assert len(parts) == 1 and parts[0].get_param("name", header="content-disposition") == "file", parts
        token = parts[0].get_payload(decode=True)
        status = take(os.path.join(FOLDER, "answer." + name))
        if status is not None:
            status, _, wait = status.strip().partition(" ")
            self.note(raw, status)
            return self.answer(int(status), "told to say so", [("Retry-After", wait)] if wait else [])
        xml = fernet().decrypt(token)
        with open(os.path.join(FOLDER, "out", name + ".xml"), "wb") as file:
            file.write(xml)
        while os.path.exists(os.path.join(FOLDER, "hold." + name)):
            time.sleep(0.01)
        cut = take(os.path.join(FOLDER, "cut." + name)) is not None
        self.note(raw, "cut" if cut else 201, urllib.parse.quote(parts[0].get_filename()),
                  hashlib.sha256(xml).hexdigest(), fernet().extract_timestamp(token))
        if cut:
            self.close_connection = True
            return None
        return self.answer(201, "File is decrypted and saved to out/%s.xml" % name)

    def log_message(self, *arguments):
        pass


os.makedirs(os.path.join(FOLDER, "out"), exist_ok=True)
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
server.daemon_threads = True
server.serve_forever()
