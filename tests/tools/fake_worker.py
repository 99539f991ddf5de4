#!/usr/bin/python3
"""fake_worker.py SOCKET MODE: listens there in place of the workers (FastCGI 1.0), until it is killed.

mute     takes requests and never responds
close    takes a request and closes
garbage  responds with lines that are no header fields
problem  responds with the failure that the query names (?404+not-found), as a worker writes it, once the body has come
"""

import json
import os
import re
import socket
import struct
import sys
import threading

BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6


def record(kind, content):
    return struct.pack("!BBHHBB", 1, kind, 1, len(content), 0, 0) + content


def read_records(stream):
    """Yields (type, content) until the peer closes."""
    while True:
        head = stream.read(8)
        if len(head) < 8:
            return
        _, kind, _, length, padding, _ = struct.unpack("!BBHHBB", head)
        content = stream.read(length)
        stream.read(padding)
        yield kind, content


def length_at(data, at):
    if data[at] < 128:
        return data[at], at + 1
    return struct.unpack("!I", data[at : at + 4])[0] & 0x7FFFFFFF, at + 4


def parameters(data):
    found, at = {}, 0
    while at < len(data):
        name_length, at = length_at(data, at)
        value_length, at = length_at(data, at)
        name, value = data[at : at + name_length], data[at + name_length : at + name_length + value_length]
        found[name.decode("latin-1")] = value.decode("latin-1")
        at += name_length + value_length
    return found


def problem(query):
    status, slug = re.fullmatch(r"(\d{3})\+([a-z0-9-]+)", query).groups()
    sentence = "This is the sentence of %s." % slug
    body = json.dumps({"type": "/problems/" + slug, "title": "Some title", "status": int(status), "detail": sentence, "err_msg": sentence})
    head = "Status: %s\r\nContent-Type: application/problem+json\r\nCache-Control: no-store\r\nContent-Length: %d\r\n\r\n"
    return (head % (status, len(body)) + body).encode()


def serve(connection, mode):
    raw, done = b"", False
    with connection, connection.makefile("rb") as stream:
        for kind, content in read_records(stream):
            if kind == PARAMS:
                raw += content
            if kind != STDIN or done:
                continue
            if mode == "mute":
                continue
            if mode == "close":
                return
            if mode == "garbage":
                connection.sendall(record(STDOUT, b"not a field\r\n\r\n") + record(STDOUT, b"") + record(END, bytes(8)))
                return
            if not content:
                done = True
                out = problem(parameters(raw)["QUERY_STRING"])
                connection.sendall(record(STDOUT, out) + record(STDOUT, b"") + record(END, bytes(8)))
                return


def main():
    path, mode = sys.argv[1:]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        os.chmod(path, 0o666)
        listener.listen(64)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection, mode), daemon=True).start()


if __name__ == "__main__":
    main()
