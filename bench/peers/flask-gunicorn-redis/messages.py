"""The message service in Flask: Redis holds the messages under their hexadecimal digests."""
import hashlib
import os

import redis
from flask import Flask, request

app = Flask(__name__)
store = redis.Redis(unix_socket_path=os.environ["REDIS_SOCKET"])


@app.post("/messages")
def post():
    document = request.get_json(force=True, silent=True)
    message = document.get("message") if isinstance(document, dict) else None
    if not isinstance(message, str):
        return {"err_msg": 'The body must be a JSON object with a string "message".'}, 400
    content = message.encode()
    digest = hashlib.sha256(content).hexdigest()
    return {"digest": digest}, 201 if store.setnx(digest, content) else 200


@app.get("/messages/<digest>")
def get(digest):
    content = store.get(digest)
    if content is None:
        return {"err_msg": f"Message not found for hash: {digest}"}, 404
    return {"message": content.decode()}
