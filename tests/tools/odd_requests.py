#!/usr/bin/python3
"""odd_requests.py --port N --cacert FILE FAILURES: sends requests that are odd, each on a connection of its own over HTTP/1.1,
and fails if one gets a failure that is no problem document, or none of the lines "status type" in FAILURES. A server may also
take it, or close without a word.
"""

import argparse
import concurrent.futures
import json
import re
import socket
import ssl
import sys

BODY = "\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"


def requests():
    """Yields each as text; what has no empty line gets "Host: localhost" and one."""
    for version in ("HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "HTTP/3.0", "HTTP/9.9", "HTTP/x.y", "http/1.1", "HTTP/1.1 x"):
        yield "GET /livez " + version
    for method in ("TRACE", "BREW", "get", "G@T", "PROPFIND", "LOCK", "PRI", "CONNECT", "X" * 300):
        for path in ("/messages", "/livez", "/problems/x", "/upload/x", "/messages/x"):
            yield method + " " + path + " HTTP/1.1"
    yield "CONNECT localhost:443 HTTP/1.1"
    for target in (
        "*", "livez", "//", "/livez#x", "/%00", "/%zz", "/%", "/a b", "/a\x01b", "/a\xff", "/../../x", "/%2e%2e/x", "/./livez",
        "https://localhost/livez", "http://example.com/livez", "ftp://localhost/livez", "/messages%2Fx", "/" + "a" * 2000,
        "/" + "a" * 9000, "/" + "a" * 70000, "/?" + "a" * 9000, "/.bulk", "/.problem/404.json", "/.problem/507.asis", "/problems/",
        "/problems/X", "/problems.html", "/upload/", "/upload/x/y",
    ):  # fmt: skip
        yield "GET " + target + " HTTP/1.1"
        yield "POST " + target + " HTTP/1.1\r\nHost: localhost" + BODY
        yield "OPTIONS " + target + " HTTP/1.1"
    for field in (
        "X: a\0b", "X: a\rb", "Bad Name: x", "no colon", "X: a\r\n folded", "X : a", ": x", "Host: two", "Expect: 100-continue",
        "Expect: fish", "Max-Forwards: 0", "Max-Forwards: -1", "Max-Forwards: x", "X: " + "a" * 9000, "X: " + "a" * 70000,
        "Content-Length: x", "Content-Length: -1", "Content-Length: 5, 5", "Content-Length: " + "9" * 20, "Content-Length: 100000000",
        "Content-Length: 5\r\nContent-Length: 6", "Transfer-Encoding: snail", "Transfer-Encoding: chunked, snail",
        "Transfer-Encoding: snail, chunked", "Transfer-Encoding: chunked\r\nContent-Length: 5", "Range: bytes=9999999-",
        "If-Match: \"z\"", "If-Unmodified-Since: Mon, 01 Jan 2001 00:00:00 GMT", "Authorization: Basic !!!", "Authorization: x",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        "Connection: Upgrade\r\nUpgrade: websocket", "\r\n".join("X-%d: a" % number for number in range(200)),
        "\r\n".join("X-%d: %s" % (number, "a" * 8000) for number in range(20)),
    ):  # fmt: skip
        for line in ("GET /livez", "GET /problems/x", "DELETE /messages/x", "POST /messages", "POST /upload/x", "PUT /nothing"):
            yield line + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n" + field + "\r\n\r\n0\r\n\r\n"
    for kind in ("text/plain", "application/x-ndjson"):
        for path in ("/messages", "/upload/x"):
            for chunk in ("zz\r\nhello\r\n0\r\n\r\n", "f" * 17 + "\r\nhello\r\n", "-1\r\n\r\n"):
                yield "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Type: " + kind + "\r\n\r\n" + chunk
    yield "GET /livez HTTP/1.1\r\n\r\n"
    yield "GET /livez HTTP/1.1\r\nHost: a b\r\n\r\n"
    yield "GET /livez HTTP/1.1\nHost: localhost\n\n"
    yield "garbage\r\n\r\n"
    yield "GET\r\n\r\n"


def ask(options, text):
    """Returns what came until a whole response was there, or the server closed, or was silent for a moment."""
    if "\n\r\n" not in text and "\n\n" not in text:
        text += "\r\nHost: localhost\r\n\r\n"
    context = ssl.create_default_context(cafile=options.cacert)
    context.options |= getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    got = b""
    with socket.create_connection(("127.0.0.1", options.port), timeout=60) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as sock:
            try:
                sock.sendall(text.encode("latin-1"))
            except OSError:
                pass  # refused before the end
            try:
                while not complete(got):
                    data = sock.recv(65536)
                    if not data:
                        break
                    got += data
                    sock.settimeout(3)
            except OSError:
                pass
    return got


def split(got):
    """Head and body of the response that is no 1xx."""
    head, _, body = got.partition(b"\r\n\r\n")
    return split(body) if re.match(rb"HTTP/1.1 1", head) and body else (head, body)


def complete(got):
    head, body = split(got)
    length = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
    return bool(length) and b"\r\n\r\n" in got and len(body) >= int(length[1])


def fault(got, failures):
    head, body = split(got)
    status = re.match(rb"HTTP/1\.[01] ([1-5]\d\d)[ \r]", head)
    if not status or status[1] < b"400":
        return None
    if not re.search(rb"\r\ncontent-type: application/problem\+json\r?$", head, re.IGNORECASE | re.MULTILINE):
        return "it is no problem document"
    problem = json.loads(body)
    if "%s %s" % (status[1].decode(), problem["type"].removeprefix("/problems/")) not in failures:
        return "it is not in the list"
    if problem["status"] != int(status[1]) or not problem["err_msg"]:
        return "its members are wrong"
    if status[1] == b"405" and not re.search(rb"\r\nallow: ", head, re.IGNORECASE):
        return "it has no Allow"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--cacert", required=True)
    parser.add_argument("failures")
    options = parser.parse_args()
    with open(options.failures) as file:
        failures = set(file.read().splitlines())
    count = bad = 0
    texts = list(requests())
    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        responses = threads.map(lambda text: ask(options, text), texts)
    for text, got in zip(texts, responses):
        why = fault(got, failures)
        count += 1
        if why:
            bad += 1
            print("%r: %s: %r" % (text[:100], why, got[:400]))
    print("%d requests, %d wrong responses" % (count, bad))
    sys.exit(bad > 0 or count < 300)


if __name__ == "__main__":
    main()
