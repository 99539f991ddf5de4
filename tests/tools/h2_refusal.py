#!/usr/bin/env python3
"""h2_refusal.py PORT CACERT PATH: begins a POST over HTTP/2 whose body never comes, and prints the status of its refusal. Fails
unless the response is whole, its last frame says so, and the stream then ends without an error (RFC 9113 section 8.1)."""

import os
import socket
import ssl
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import h2_frames as h2  # noqa: E402


def main():
    port, cacert, path = int(sys.argv[1]), sys.argv[2], sys.argv[3].encode()
    context = ssl.create_default_context(cafile=cacert)
    context.set_alpn_protocols(["h2"])
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port), 20), server_hostname="localhost") as sock:
        fields = [(b":method", b"POST"), (b":scheme", b"https"), (b":path", path), (b":authority", b"localhost"),
                  (b"content-type", b"text/plain"), (b"content-length", b"5")]
        sock.sendall(h2.PREFACE + h2.frame(h2.SETTINGS, 0, 0) + h2.headers(1, fields))
        status, body, buffer = 0, b"", bytearray()
        while True:
            more = sock.recv(65536)
            if not more:
                sys.exit("The connection ended before the response was whole (status %d)." % status)
            buffer += more
            for kind, flags, stream, payload in h2.take_frames(buffer):
                if kind == h2.RST_STREAM or kind == h2.GOAWAY:
                    sys.exit("The stream ended before the response was whole (status %d, frame %d, %s)." % (status, kind, payload.hex()))
                if stream != 1:
                    continue
                if kind == h2.HEADERS:
                    status = h2.status_of(flags, payload)
                body += payload if kind == h2.DATA else b""
                if flags & h2.END_STREAM:
                    return finish(sock, buffer, status, body)


def finish(sock, buffer, status, body):
    """What follows on the stream: nothing, or its end without an error. The response to a PING is behind it."""
    sock.sendall(h2.frame(h2.PING, 0, 0, b"the end?"))
    while True:
        for kind, flags, stream, payload in h2.take_frames(buffer):
            if kind == h2.RST_STREAM and payload != bytes(4):
                sys.exit("The stream ended with error %d." % int.from_bytes(payload, "big"))
            if kind == h2.PING and flags & h2.ACK:
                if b'"err_msg"' not in body:
                    sys.exit("The response is not a problem document: %r" % body)
                return print(status)
        more = sock.recv(65536)
        if not more:
            return print(status)
        buffer += more


main()
