#!/usr/bin/python3
"""spellings.py --port N --cacert FILE [--plain] [--prefix /path] [--token FILE] OPERATION: asks for one operation (read, write,
delete or upload) in every spelling of path and method below, over HTTP/1.1 and HTTP/2, without any credential, and prints
each request that the worker carried out: "<method> <target>: <why>". The last line says how many were sent.

What counts is the effect, not the status: a response with the message (or with what only its holder knows), a digest of
what was stored, a deletion, a file that was taken.
"""

import argparse
import base64
import hashlib
import re
import socket
import ssl
import subprocess
import sys
import tempfile

SECRET = "hello"
DIGEST = hashlib.sha256(SECRET.encode()).hexdigest()

PATIENCE = 5
SEPARATOR = "----- end of response -----"

OVERRIDES = ["X-HTTP-Method-Override: %s", "X-HTTP-Method: %s", "X-Method-Override: %s", "X-Original-Method: %s",
             "X-Original-URL: %s", "X-Rewrite-URL: %s"]

# {p} is the prefix, {t} the path behind it without its first slash.
TARGETS = """
{p}/{t}
{p}//{t}
{p}///{t}
{p}/./{t}
{p}/%2e/{t}
{p}/.%2f{t}
{p}/x/../{t}
{p}/x/%2e%2e/{t}
{p}/x/..%2f{t}
{p}/livez/../{t}
{p}/livez/%2e%2e/{t}
{p}/livez%2f..%2f{t}
{p}/livez//../{t}
{p}/livez;/../{t}
{p}/livez?/../{t}
{p}/livez%3f/../{t}
{p}/livez/{t}
{p}/livez%00/{t}
{p}/readyz/../{t}
{p}/problems/../{t}
{p}/problems/%2e%2e/{t}
{p}/problems/x/../../{t}
{p}/problems//{t}
{p}/problems/..//{t}
{p}/problems/{t}
{p}/.problem/../{t}
{p}/.problem/%2e%2e/{t}
{p}/.problem/{t}
{p}/.bulk
{p}/.bulk/
{p}/%2ebulk
{p}/.bulk/../{t}
{p}/upload/../{t}
{p}/upload/%2e%2e/{t}
{p}/upload//../{t}
{p}/upload/..%2f{t}
{p}/upload/{t}
{p}/messages/../{t}
{p}/messages/%2e%2e/{t}
{p}/messages/..%2f{t}
{p}/messages//{t}
{p}/%2f{t}
{p}%2f{t}
{p}\\{t}
{p}/%5c{t}
{p}/{t}/
{p}/{t}//
{p}/{t}/.
{p}/{t}/..
{p}/{t}/x/..
{p}/{t}?
{p}/{t}?x=/livez
{p}/{t}?/../../livez
{p}/{t}#/livez
{p}/{t}%23/livez
{p}/{t}%3f
{p}/{t};x=/livez
{p}/{t}%00
{p}/{t}%00/livez
{p}/{t}%20
{p}/{t}%0a
{p}/{t}/../livez
{p}/{t}/%2e%2e/livez
{p}/{t}.
{p}/{t}.json
http://localhost{p}/{t}
https://localhost{p}/{t}
HTTPS://LOCALHOST{p}//{t}
https://localhost/livez@localhost{p}/{t}
{p}/{percent}
{p}/{last_percent}
{p}/{upper}
{p}/{capital}
{p}/{overlong}
{p}/{double}
{P}/{t}
{t}
*
""".split()

FORMS = [("text/plain", "%s"), ("application/json", '{"message":"%s"}'), ("application/x-ndjson", '{"message":"%s"}\n')]

METHODS = {
    "read": ["GET", "HEAD", "get", "Get", "head", "GET\x00", "PROPFIND", "SEARCH", "QUERY"],
    "write": ["POST", "post", "Post", "PUT", "PATCH", "pOST", "MKCOL"],
    "delete": ["DELETE", "delete", "Delete", "dELETE", "MOVE", "PURGE"],
    "upload": ["POST", "post", "Post", "PUT", "PATCH"],
}


class Sender:
    def __init__(self, options):
        self.options, self.sent, self.found, self.count = options, 0, [], 0
        self.messages = []
        self.context = ssl.create_default_context(cafile=options.cacert)

    # --- what is sent --------------------------------------------------------------------------------------

    def targets(self):
        """Each spelling of the operation's path, with a name of its own for what is uploaded."""
        for pattern in TARGETS:
            self.count += 1
            path = {"read": "messages/" + DIGEST, "delete": "messages/" + DIGEST, "write": "messages",
                    "upload": "upload/f%d" % self.count}[self.options.operation]
            first, last, prefix = path[0], path[-1], self.options.prefix
            yield pattern.format(p=prefix, P=prefix.upper(), t=path, percent="%%%02x%s" % (ord(first), path[1:]),
                                 last_percent="%s%%%02X" % (path[:-1], ord(last)), upper=path.upper(),
                                 capital=path.capitalize(), overlong="%c1%" + "%02x%s" % (ord(first), path[1:]),
                                 double="%25" + "%02x%s" % (ord(first), path[1:]))

    def bodies(self):
        """(fields, body) pairs; a message of its own for each request that may store one."""
        if self.options.operation == "upload":
            body = (b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + self.options.token +
                    b"\r\n--b--\r\n")
            return [(["Content-Type: multipart/form-data; boundary=b"], body)]
        if self.options.operation != "write":
            return [([], b"")]
        pairs = []
        for media, form in FORMS:
            message = "stored %d" % len(self.messages)
            self.messages.append(message)
            pairs.append((["Content-Type: " + media], (form % message).encode()))
        return pairs

    def cases(self):
        """(method, target, fields, body) for all of it."""
        operation, prefix = self.options.operation, self.options.prefix
        for target in self.targets():
            methods = METHODS[operation] if self.options.closed else METHODS[operation][:1]
            for method in methods[:None if target.endswith(("messages", DIGEST)) else 2]:
                for fields, body in self.bodies():
                    yield method, target, fields, body
        if not self.options.closed:
            return
        plain = prefix + {"read": "/messages/" + DIGEST, "delete": "/messages/" + DIGEST, "write": "/messages",
                          "upload": "/upload/override"}[operation]
        for override in OVERRIDES:
            value = plain if "URL" in override else METHODS[operation][0]
            for method, target in (("OPTIONS", plain), ("GET", prefix + "/livez"), ("POST", plain), ("GET", prefix + "/messages")):
                for fields, body in self.bodies():
                    yield method, target, fields + [override % value], body
                    yield method, target + "?_method=" + METHODS[operation][0], fields + [override % value], body

    # --- over HTTP/1.1 and HTTP/2 ----------------------------------------------------------------------------

    def http1(self, method, target, fields, body, version="HTTP/1.1"):
        sock = socket.create_connection(("127.0.0.1", self.options.port), timeout=PATIENCE)
        if not self.options.plain:
            self.context.options |= getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
            sock = self.context.wrap_socket(sock, server_hostname="localhost")
        head = ["%s %s %s" % (method, target, version), "Host: localhost:%d" % self.options.port, "Connection: close"] + fields
        if body or method not in ("GET", "HEAD", "OPTIONS"):
            head.append("Content-Length: %d" % len(body))
        with sock:
            try:
                sock.sendall("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body)
                response = b""
                while chunk := sock.recv(65536):
                    response += chunk
            except (TimeoutError, ConnectionError, ssl.SSLError):
                response = b""
        return response.decode("latin-1")

    def http2(self, cases, folder):
        """The responses to all of them, by one curl. (It sends the path as it is given, but for what follows a #.)"""
        lines = []
        for number, (method, target, fields, body) in enumerate(cases):
            lines += ["next"] if number else []
            lines += ["silent", "include", "http2", "path-as-is", "max-time = %d" % PATIENCE, 'cacert = "%s"' % self.options.cacert,
                      'request-target = "%s"' % target, 'url = "https://localhost:%d/"' % self.options.port,
                      'write-out = "\\n%s"' % SEPARATOR, "head" if method == "HEAD" else 'request = "%s"' % method]
            lines += ['header = "%s"' % field for field in fields]
            if body:
                name = "%s/%d" % (folder, number)
                with open(name, "wb") as file:
                    file.write(body)
                lines.append('data-binary = "@%s"' % name)
        said = subprocess.run(["curl", "-K", "-"], input="\n".join(lines).encode(), capture_output=True, check=False)
        return said.stdout.decode("latin-1").split(SEPARATOR)[:-1]

    # --- what came of it --------------------------------------------------------------------------------------

    def effect(self, response):
        lower = response.lower()
        status = (re.match(r"HTTP/[0-9.]+ (\d+)", response) or [None, "0"])[1]
        digests = [DIGEST] if self.options.operation == "read" else []
        if self.options.operation == "read":
            head, _, body = response.partition("\r\n\r\n")
            if SECRET in body or any('"%s.' % digest in head.lower() for digest in digests) or "message-not-found" in lower:
                return "the worker read"
        elif self.options.operation == "write":
            if re.search(r'"digest":', lower):
                return "the worker stored"
        elif self.options.operation == "delete":
            if "message_deleted" in lower:
                return "the worker deleted"
        elif '"status_code":201' in lower or status == "201":
            return "the worker took a file"
        return None

    def judge(self, protocol, case, response):
        self.sent += 1
        why = self.effect(response)
        if why:
            self.found.append("%s %r %r: %s" % (protocol, case[0], case[1], why))

    def run(self):
        cases = list(self.cases())
        if not self.options.plain:
            with tempfile.TemporaryDirectory() as folder:
                own = METHODS[self.options.operation][:3] + ["OPTIONS"]
                second = [case for case in cases if case[0] in own and "\\" not in case[1]]
                responses = self.http2(second, folder)
            if len(responses) != len(second):
                sys.exit("curl ended after %d of %d requests" % (len(responses), len(second)))
            for case, response in zip(second, responses):
                self.judge("HTTP/2", case, response)
        for case in cases:
            self.judge("HTTP/1.1", case, self.http1(*case))
        target = self.options.prefix + "/messages/" + DIGEST
        self.judge("HTTP/1.0", ("GET", target), self.http1("GET", target, [], b"", "HTTP/1.0"))
        self.judge("HTTP/0.9", ("GET", target), self.http1("GET", target, [], b"", ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--cacert", required=True)
    parser.add_argument("--plain", action="store_true", help="no TLS, and so no HTTP/2")
    parser.add_argument("--prefix", default="")
    parser.add_argument("--token", default="/dev/null", help="file with a token to upload")
    parser.add_argument("--closed", action="store_true", help="the operation is closed to us: also ask with other methods and with fields that name another one")
    parser.add_argument("operation", choices=sorted(METHODS))
    options = parser.parse_args()
    with open(options.token, "rb") as file:
        options.token = file.read().strip()
    sender = Sender(options)
    sender.run()
    print("\n".join(sender.found))
    print("%d sent, %d carried out" % (sender.sent, len(sender.found)))


if __name__ == "__main__":
    main()
