#!/usr/bin/python3
"""pages.py --port N --page FILE --result FILE: serves the page to a browser, on 127.0.0.1, and writes down what it reports.

GET gives the page whatever the path; the first POST's body becomes the result file, whole.
"""

import argparse
import http.server
import os


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--page", required=True)
    parser.add_argument("--result", required=True)
    options = parser.parse_args()

    class Handler(http.server.BaseHTTPRequestHandler):
        def respond(self, content):
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self):
            with open(options.page, "rb") as file:
                self.respond(file.read())

        def do_POST(self):
            with open(options.result + ".new", "wb") as file:
                file.write(self.rfile.read(int(self.headers["Content-Length"])))
            os.rename(options.result + ".new", options.result)
            self.respond(b"")

        def log_message(self, *_):
            pass

    http.server.ThreadingHTTPServer(("127.0.0.1", options.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
