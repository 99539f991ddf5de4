#!/usr/bin/python3
"""raw.py --port N --cacert FILE [--plain] STEP…: says to the server exactly what the steps say, over TLS.

Steps, in order (TEXT with Python's escapes, such as \\r\\n and \\xff; TEXT@N is TEXT repeated N times):
  send TEXT    sends it, up to a response that comes meanwhile
  file NAME    sends the file's content
  answer       reads one HTTP/1.1 answer and prints it: status line, fields, empty line, body
  status       reads one answer and prints its status only
  interim      reads one 1xx answer and prints its status line
  seen TEXT    reads, and keeps, until that text has come
  until NAME   does nothing, reads nothing, until that file is there
  silence      fails if anything comes within 300 ms
  end          expects the server to close, and prints what came before
  reset        closes at once with a TCP reset
"""

import argparse
import os
import re
import signal
import socket
import ssl
import struct
import sys
import time

POLL_SECONDS = 0.05
PIECE = 65536


def text_of(word):
    repeated = re.fullmatch(r"(.*)@(\d+)", word, re.DOTALL)
    word, count = (repeated[1], int(repeated[2])) if repeated else (word, 1)
    return word.encode("latin-1").decode("unicode_escape").encode("latin-1") * count


class Conversation:
    def __init__(self, options):
        self.sock = socket.create_connection(("127.0.0.1", options.port), timeout=options.timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not options.plain:
            context = ssl.create_default_context(cafile=options.cacert)
            # A server that closes without TLS's own goodbye has closed all the same.
            context.options |= getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
            self.sock = context.wrap_socket(self.sock, server_hostname="localhost")
        self.buffer = b""

    def more(self):
        try:
            data = self.sock.recv(65536)
        except ConnectionError:
            data = b""
        self.buffer += data
        return bool(data)

    def take_head(self):
        while b"\r\n\r\n" not in self.buffer:
            if not self.more():
                sys.exit("the server closed after %r" % self.buffer)
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        return head

    def take_answer(self):
        head = self.take_head()
        length = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
        wanted = int(length[1]) if length else 0
        while len(self.buffer) < wanted:
            if not self.more():
                sys.exit("the server closed within the body, after %r" % self.buffer)
        body, self.buffer = self.buffer[:wanted], self.buffer[wanted:]
        return head, body

    # A server that refuses a long body ends the connection while it is sent, and what it said may be lost unless it is read then.
    def has_come(self):
        timeout = self.sock.gettimeout()
        self.sock.setblocking(False)
        try:
            self.more()
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        self.sock.settimeout(timeout)
        return bool(self.buffer)

    def send(self, data):
        try:
            self.sock.sendall(data[:PIECE])
            for begin in range(PIECE, len(data), PIECE):
                if self.has_come():
                    return
                self.sock.sendall(data[begin : begin + PIECE])
        except (ConnectionError, ssl.SSLError):
            pass  # refused before the end; what the server said is read by the next step

    def run(self, steps):
        steps = iter(steps)
        out = sys.stdout.buffer
        for step in steps:
            if step == "send":
                self.send(text_of(next(steps)))
            elif step == "file":
                with open(next(steps), "rb") as file:
                    self.send(file.read())
            elif step == "answer":
                head, body = self.take_answer()
                out.write(head + b"\r\n\r\n" + body)
            elif step == "status":
                out.write(self.take_answer()[0].split(b" ")[1] + b"\n")
            elif step == "interim":
                out.write(self.take_head().split(b"\r\n")[0] + b"\n")
            elif step == "seen":
                text = text_of(next(steps))
                while text not in self.buffer:
                    if not self.more():
                        sys.exit("the server closed after %r" % self.buffer)
            elif step == "until":
                name = next(steps)
                while not os.path.exists(name):
                    time.sleep(POLL_SECONDS)
            elif step == "silence":
                self.expect_silence()
            elif step == "end":
                while self.more():
                    pass
                out.write(self.buffer)
            elif step == "reset":
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.sock.close()
                return
            else:
                sys.exit("raw.py: no such step: " + step)

    def expect_silence(self):
        before = self.sock.gettimeout()
        self.sock.settimeout(0.3)
        try:
            if self.buffer or self.more():
                sys.exit("the server said %r" % self.buffer)
            sys.exit("the server closed")
        except (TimeoutError, ssl.SSLWantReadError):
            self.sock.settimeout(before)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--cacert", required=True)
    parser.add_argument("--plain", action="store_true", help="no TLS")
    parser.add_argument("--timeout", type=float, default=60, help="seconds for each step that reads or sends")
    parser.add_argument("--limit", type=int, default=180, help="seconds for everything: what a test left behind ends, too")
    parser.add_argument("steps", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    signal.alarm(options.limit)
    Conversation(options).run(options.steps)


if __name__ == "__main__":
    main()
