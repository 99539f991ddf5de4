"""Clients that want nothing special, and notice at once when somebody else harms them: each asks for what it knows
to be stored, over kept and fresh connections, HTTP/1.1 and HTTP/2, and takes no other response than the right one."""

import hashlib
import os
import socket
import ssl
import time

import h2_frames as h2

MESSAGE = b"of somebody else"
DIGEST = hashlib.sha256(MESSAGE).hexdigest()
GET = ("GET /messages/%s HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\n\r\n" % DIGEST).encode()
POST = (b"POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(MESSAGE)) + MESSAGE
PATIENCE_SECONDS = 10  # for any response, and for a place among uploads
FORM_END = b"\r\n--other--\r\n"


class Harmed(Exception):
    """Somebody else did not get the right response."""


def connect(port, cacert, protocol="http/1.1", seconds=PATIENCE_SECONDS):
    context = ssl.create_default_context(cafile=cacert)
    context.set_alpn_protocols([protocol])
    context.options |= getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    raw = socket.create_connection(("127.0.0.1", port), timeout=seconds)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(raw, server_hostname="localhost")


def read_response(sock):
    """(status, body) of one HTTP/1.1 response with a stated length, or until the connection ends."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        if not more:
            raise Harmed("the connection ended after %r" % data[:100])
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    lengths = [line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while not lengths or len(body) < int(lengths[0]):
        more = sock.recv(65536)
        if not more:
            if lengths:
                raise Harmed("the connection ended inside a response")
            break
        body += more
    return int(head[9:12]), body


class Http1:
    """One kept connection; each request is a GET, or with `posts` a POST of what is known."""

    def __init__(self, port, cacert, posts=False):
        self.sock = connect(port, cacert)
        self.request, self.right = (POST, b'{"digest":"%s"}' % DIGEST.encode()) if posts else (GET, MESSAGE)

    def send(self):
        self.sock.sendall(self.request)

    def receive(self):
        status, body = read_response(self.sock)
        if status != 200 or body != self.right:
            raise Harmed("%r was answered with %d, %r" % (self.request[:30], status, body[:200]))


class Http2:
    """One kept connection, one stream at a time."""

    def __init__(self, port, cacert):
        self.sock = connect(port, cacert, "h2")
        self.sock.sendall(h2.PREFACE + h2.frame(h2.SETTINGS, 0, 0))
        self.stream, self.buffer = -1, bytearray()

    def send(self):
        self.stream += 2
        fields = ((b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/messages/" + DIGEST.encode()),
                  (b":authority", b"localhost"), (b"accept", b"text/plain"))
        self.sock.sendall(h2.headers(self.stream, fields, True))

    def receive(self):
        body = b""
        while True:
            for kind, flags, stream, payload in h2.take_frames(self.buffer):
                if kind == h2.SETTINGS and not flags & h2.ACK:
                    self.sock.sendall(h2.frame(h2.SETTINGS, h2.ACK, 0))
                elif kind in (h2.GOAWAY, h2.RST_STREAM):
                    raise Harmed("an HTTP/2 stream ended with frame %d" % kind)
                elif kind == h2.DATA and stream == self.stream:
                    body += payload
                    self.sock.sendall(h2.frame(h2.WINDOW_UPDATE, 0, 0, max(1, len(payload)).to_bytes(4, "big")))
                    if flags & h2.END_STREAM:
                        if body != MESSAGE:
                            raise Harmed("HTTP/2 gave %r" % body[:200])
                        return
            more = self.sock.recv(65536)
            if not more:
                raise Harmed("the HTTP/2 connection ended")
            self.buffer += more


class Others:
    def __init__(self, port, cacert, kept=6):
        self.port, self.cacert = port, cacert
        try:
            with connect(port, cacert) as first:
                first.sendall(POST)
                if read_response(first)[0] not in (200, 201):
                    raise Harmed("nothing can be stored")
            self.kept = [Http1(port, cacert, posts=number % 3 == 2) for number in range(kept)] + [Http2(port, cacert)]
        except OSError as error:
            raise Harmed("no new connection is served: %r" % error) from error
        self.asked = self.refused = 0

    def ask(self):
        """All of them at once, and a new one. Returns the longest that one waited."""
        begun = time.monotonic()
        for client in self.kept:
            client.send()
        try:
            new = Http1(self.port, self.cacert)
            new.send()
            for client in self.kept + [new]:
                client.receive()
            new.sock.close()
        except (OSError, ssl.SSLError) as error:
            raise Harmed("after %.1f s: %r" % (time.monotonic() - begun, error)) from error
        self.asked += len(self.kept) + 1
        return time.monotonic() - begun

    def ask_large(self, kind):
        """One bulk upload, or one to the file drop (of what is no token, so 400 is right). Whoever is told 503 asks again, as
        clients do. Returns how long it took."""
        begun = time.monotonic()
        if kind == "bulk":
            body, path, media_type, right = b'{"message":"%s"}\n' % MESSAGE, "/messages", "application/x-ndjson", 200
        else:
            body = b'--other\r\nContent-Disposition: form-data; name="file"; filename="other.xml.enc"\r\n\r\nno token' + FORM_END
            path, media_type, right = "/upload/other-%s" % os.urandom(4).hex(), "multipart/form-data; boundary=other", 400
        head = "POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
        status = 503
        while status == 503 and time.monotonic() - begun < PATIENCE_SECONDS:
            try:
                with connect(self.port, self.cacert) as sock:
                    sock.sendall((head % (path, media_type, len(body))).encode() + body)
                    status, answer = read_response(sock)
            except (OSError, ssl.SSLError) as error:
                raise Harmed("%s after %.1f s: %r" % (kind, time.monotonic() - begun, error)) from error
            self.refused += status == 503
        if status != right:
            raise Harmed("%s was answered with %d, %r" % (kind, status, answer[:200]))
        self.asked += 1
        return time.monotonic() - begun
