"""odd_receiver.py PORT FOLDER [CERTIFICATE KEY]: what may stand where a receiver should: stubs, gateways, proxies, and
receivers that are slow. Over TLS with a certificate. FOLDER/requests has a line for each request: what was asked for, and
the status. What it does depends on the name that is uploaded:

  deaf      stops reading in the middle of the upload, for ten minutes
  early     says 201 before it has read the upload, and reads on
  dripping  404 before it has read the upload, with a body like that of trickle
  foreign   404 as a web server says it, in HTML; foreign-json: in JSON of its own
  refused   400 as a receiver says it
  moved     a redirect
  endless   201 with a body that does not end
  trickle   201 with a body of which a byte comes every 50 ms, for ten minutes
  slow      201 after as many seconds as FOLDER/seconds says
  never...  503
  other names   201; 503 while there is a file FOLDER/unavailable

A request that is meant for a proxy gets the 403 of one, and is noted as "proxy"; one that is not HTTP, as "unreadable"."""

import http.server
import json
import os
import ssl
import sys
import threading
import time
import urllib.parse

FOLDER = sys.argv[2]
lock = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def note(self, name, status):
        with lock, open(os.path.join(FOLDER, "requests"), "a") as file:
            file.write("%s %d\n" % (name, status))

    def head(self, status, size, kind="application/json", fields=()):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        for name, value in fields:
            self.send_header(name, value)
        self.end_headers()

    def respond(self, name, status, body, kind="application/json", fields=()):
        self.note(name, status)
        self.head(status, len(body), kind, fields)
        self.wfile.write(body)

    def own(self, name, status, text):
        self.respond(name, status, json.dumps({"msg": text, "status_code": status}).encode())

    def send_error(self, code, message=None, explain=None):
        self.note("unreadable", int(code))
        super().send_error(code, message, explain)

    def trickle(self, name, status):
        self.note(name, status)
        self.head(status, 12000)
        for _ in range(12000):
            self.wfile.write(b"x")
            time.sleep(0.05)

    def proxy(self):
        self.respond("proxy", 403, b"<html>This proxy does not allow that.</html>", "text/html")
        self.close_connection = True

    def do_CONNECT(self):
        self.proxy()

    def do_GET(self):
        self.own("health", 200, "Server is healthy")

    def read(self):
        left = int(self.headers["Content-Length"])
        while left > 0:
            left -= len(self.rfile.read(min(left, 65536)))

    def do_POST(self):
        if not self.path.startswith("/"):
            self.read()
            return self.proxy()
        name = urllib.parse.unquote(self.path.removeprefix("/upload/"))
        if name == "early":
            self.own(name, 201, "saved, says the stub")
            return self.read()
        if name == "deaf":
            self.rfile.read(65536)
            time.sleep(600)
        if name == "dripping":
            return self.trickle(name, 404)
        self.read()
        if name == "foreign":
            return self.respond(name, 404, b"<html>Not here.</html>", "text/html")
        if name == "foreign-json":
            return self.respond(name, 404, b'{"error": "no such route"}')
        if name == "refused":
            return self.own(name, 400, "no key fits")
        if name == "moved":
            return self.respond(name, 301, b"", fields=[("Location", "https://moved.example/upload/moved")])
        if name == "endless":
            self.note(name, 201)
            self.head(201, 1 << 40)
            while True:
                self.wfile.write(b"x" * 65536)
        if name == "trickle":
            return self.trickle(name, 201)
        if name == "slow":
            with open(os.path.join(FOLDER, "seconds")) as file:
                time.sleep(float(file.read()))
        if name.startswith("never") or os.path.exists(os.path.join(FOLDER, "unavailable")):
            return self.own(name, 503, "The file drop is not available.")
        return self.own(name, 201, "File is decrypted and saved to %s.xml" % name)

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass


class TlsServer(Server):
    def finish_request(self, request, client_address):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[3], sys.argv[4])
        super().finish_request(context.wrap_socket(request, server_side=True), client_address)


(TlsServer if len(sys.argv) > 3 else Server)(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
