#!/usr/bin/python3
"""h2_connect.py --port N --cacert FILE: asks for a CONNECT over HTTP/2, which has no path (RFC 9113 section 8.5), and prints the
response as curl -i does. (No client of Debian's does that.)
"""

import argparse
import ctypes
import os
import socket
import ssl
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import h2_frames as h2

FLAG_FINAL, FLAG_EMIT = 1, 2


class Field(ctypes.Structure):
    """nghttp2_nv."""

    _fields_ = [
        ("name", ctypes.POINTER(ctypes.c_char)), ("value", ctypes.POINTER(ctypes.c_char)),
        ("name_size", ctypes.c_size_t), ("value_size", ctypes.c_size_t), ("flags", ctypes.c_uint8),
    ]  # fmt: skip


def fields(block):
    """Decodes HPACK (RFC 7541) with curl's own library."""
    library = ctypes.CDLL("libnghttp2.so.14")
    inflate = library.nghttp2_hd_inflate_hd2
    inflate.restype = ctypes.c_ssize_t
    inflate.argtypes = (
        ctypes.c_void_p, ctypes.POINTER(Field), ctypes.POINTER(ctypes.c_int), ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int,
    )  # fmt: skip
    inflater = ctypes.c_void_p()
    library.nghttp2_hd_inflate_new(ctypes.byref(inflater))
    flags = ctypes.c_int()
    while not flags.value & FLAG_FINAL:
        field = Field()
        used = inflate(inflater, ctypes.byref(field), ctypes.byref(flags), block, len(block), 1)
        if used < 0:
            raise ValueError("no HPACK: %d" % used)
        block = block[used:]
        if flags.value & FLAG_EMIT:
            yield field.name[:field.name_size].decode(), field.value[:field.value_size].decode()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--cacert", required=True)
    options = parser.parse_args()
    context = ssl.create_default_context(cafile=options.cacert)
    context.set_alpn_protocols(["h2"])
    plain = socket.create_connection(("127.0.0.1", options.port), timeout=60)
    with context.wrap_socket(plain, server_hostname="localhost") as sock:
        request = h2.headers(1, [(b":method", b"CONNECT"), (b":authority", b"localhost:443")], end_stream=True)
        sock.sendall(h2.PREFACE + h2.frame(h2.SETTINGS, 0, 0) + request)
        buffer, body, flags = bytearray(), b"", 0
        while not flags & h2.END_STREAM:
            data = sock.recv(65536)
            if not data:
                sys.exit("closed before the end of the response")
            buffer += data
            for kind, flags_here, stream, payload in h2.take_frames(buffer):
                if kind == h2.HEADERS and stream == 1:
                    response = dict(fields(payload))
                    print("HTTP/2 %s\r" % response.pop(":status"))
                    print("".join("%s: %s\r\n" % each for each in response.items()), end="\r\n")
                if stream == 1 and kind in (h2.HEADERS, h2.DATA):
                    body += payload if kind == h2.DATA else b""
                    flags = flags_here
    print(body.decode(), end="")


if __name__ == "__main__":
    main()
