"""The table of isolation.py: every method, path, media type, framing and speed that tells one way of a request from another,
with the spellings in which a web server and a worker may disagree. Data only."""

import json

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "post")
NDJSON, JSON, FORM = "application/x-ndjson", "application/json", "multipart/form-data; boundary=slow"
PATHS = (
    "/messages", "/messages/", "/messages/x", "/messages//", "//messages", "/./messages", "/upload/../messages", "/Messages", "/MESSAGES",
    "/%6dessages", "/messages%20application/x-ndjson;", "/messages;application/x-ndjson", "/messages?x", "/messages?/upload/x",
    "/messages?application/x-ndjson;", "/messages%3fx", "/messages%00", "/.bulk", "/%2ebulk", "/messages/.bulk",
    "/upload", "/upload/", "/upload/other", "/upload/other/", "/Upload/other", "/UPLOAD/other", "/%75pload/other", "/upload/a%2fb",
    "/upload/%2e%2e/messages", "/upload/..%2fmessages", "//upload/other", "/messages/../upload/other", "/upload/other?x",
    "/", "/livez", "/readyz", "/problems/x", "/.problem/400.json", "/nothing", "/nothing/upload/other", "/nothing/messages",
)
# Lists of header lines: what a web server and a worker may each take for the media type.
TYPES = (
    ("Content-Type: " + JSON,),
    ("Content-Type: " + NDJSON,),
    ("Content-Type: " + FORM,),
    ("Content-Type: text/plain",),
    ("Content-Type: image/png",),
    (),
    ("Content-Type: Application/X-NDJSON",),
    ("content-type:application/x-ndjson;",),
    ("Content-Type: application/x-ndjson ; charset=utf-8",),
    ("Content-Type: application/x-ndjsonx",),
    ("Content-Type: application/jsonl",),
    ("Content-Type: application/ndjson",),
    ("Content-Type: x, application/x-ndjson",),
    ("Content-Type: " + JSON, "Content-Type: " + NDJSON),
    ("Content-Type: " + NDJSON, "Content-Type: " + JSON),
    ("Content_Type: " + JSON, "Content-Type: " + NDJSON),
    ("Content-Type: " + NDJSON, "Content_Type: " + JSON),
    ("Content_Type: " + NDJSON, "Content-Type: " + JSON),
    ("Content.Type: " + NDJSON, "Content-Type: " + JSON),
    ("Http-Content-Type: " + NDJSON, "Content-Type: " + JSON),
    ("Content-Type: " + JSON, "Content_Length: 3"),
    ("Content-Type: " + NDJSON, "Http-Content-Length: 3"),
    ("Content-Type: " + JSON, "Hashpost-Spooled: 1"),
    ("Content-Type: " + NDJSON, "HASHPOST_SPOOLED: 1"),
)
# How the body comes. `held` ones stay unfinished while others are asked, and come ten at a time.
WHOLE = ("empty", "whole", "large", "chunked", "cut", "expect")
HELD = ("slow", "slow-large", "slow-chunked", "endless", "huge")
PROTOCOLS = ("http/1.1", "h2")

# The default run: where the web servers' configurations and the worker choose a way.
CHOICE_PATHS = ("/messages", "/messages/", "/messages%20application/x-ndjson;", "/%6dessages", "/Messages", "/messages?x", "/upload/other",
                "/upload/", "/livez", "/nothing")


def body_for(lines, large):
    """A body of the media type that these header lines name last, as far as one of ours is named."""
    named = " ".join(lines).lower()
    if "multipart" in named:
        return b'--slow\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n' + b"A" * (100000 if large else 10) + b"\r\n--slow--\r\n"
    if "ndjson" in named:
        return b'{"message":"isolation"}\n' * (5000 if large else 2)
    if "json" in named:
        return json.dumps({"message": "x" * 100000 if large else "isolation"}).encode()
    return b"x" * (100000 if large else 9)


def cases(full):
    """(protocol, method, path, header lines, framing) of each."""
    def make(protocols, methods, paths, types, framings):
        for protocol in protocols:
            for framing in framings:
                for path in paths:
                    for lines in types:
                        for method in methods:
                            # Browsers and libraries write no such lines in HTTP/2; chunks are none of its.
                            if protocol != "h2" or ("chunked" not in framing and framing != "expect"):
                                yield protocol, method, path, lines, framing
    usual = TYPES[:3]
    if full:
        yield from make(("http/1.1",), ("POST",), PATHS, TYPES, WHOLE + HELD)
        yield from make(("http/1.1",), METHODS, PATHS, usual, WHOLE + HELD)
        yield from make(("h2",), ("POST", "PUT", "GET"), PATHS, TYPES[:7], ("whole", "large", "cut", "slow", "huge"))
        return
    yield from make(("http/1.1",), ("POST",), PATHS, TYPES[:2], ("whole",))
    yield from make(("http/1.1",), ("POST",), CHOICE_PATHS[:3], TYPES[2:], ("whole",))
    yield from make(("http/1.1",), ("GET", "PUT", "DELETE", "post"), CHOICE_PATHS[:8], usual, ("whole", "large"))
    yield from make(("http/1.1",), ("POST",), CHOICE_PATHS, usual, ("large", "chunked", "cut", "expect"))
    yield from make(("h2",), ("POST", "PUT"), CHOICE_PATHS, usual[:2], ("whole", "cut"))
    yield from make(("http/1.1",), ("POST",), CHOICE_PATHS[:8], usual[:2], HELD)
    yield from make(("http/1.1",), ("POST",), ("/messages",), TYPES[6:], ("slow",))
    yield from make(("http/1.1",), ("PUT",), ("/messages", "/upload/other"), usual[1:], HELD)
    yield from make(("h2",), ("POST",), CHOICE_PATHS[:7], usual[:2], ("slow", "huge"))
