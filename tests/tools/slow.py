#!/usr/bin/python3
"""slow.py --port N --cacert FILE SHAPE [OPTION…]: clients that occupy what a server gives them, and ask for little.

Shapes:
  handshake  begins TLS (its ClientHello) and says no more
  header     a request whose header never ends
  body       a request whose body comes --bytes at a time; what it is, --method, --path, --type and --length say
  bulk       the same with a bulk upload's type: lines of which each is a message
  upload     the same to the file drop
  reader     a GET of --path whose response is read --bytes at a time
With --h2 the last four are --streams streams on each of the HTTP/2 connections.

A connection that ends is opened again, so that --connections are always there, until --seconds have passed or SIGTERM
comes. Then it prints what it saw as JSON: opened, held (at the end), most (at once), ended (by the server), responses (by
status) and longest (seconds that a connection lasted). --ready FILE is made once all connections are there at once.
"""

import argparse
import heapq
import json
import os
import resource
import selectors
import signal
import ssl
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from slow_client import Connection  # noqa: E402

REOPEN_SECONDS = 0.25
PRESETS = {
    "body": ("POST", "/messages", "application/json", 60000),
    "bulk": ("POST", "/messages", "application/x-ndjson", 10**9),
    "upload": ("POST", "/upload/slow", "multipart/form-data; boundary=slow", 10**9),
    "header": ("GET", "/livez", None, 0),
    "reader": ("GET", None, None, 0),
    "handshake": ("", "", None, 0),
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--cacert", required=True)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--streams", type=int, default=1, help="of each HTTP/2 connection")
    parser.add_argument("--h2", action="store_true")
    parser.add_argument("--bytes", type=int, default=1, help="of each turn")
    parser.add_argument("--every", type=float, default=1, help="seconds between two turns")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--once", action="store_true", help="open no connection again")
    parser.add_argument("--method")
    parser.add_argument("--path")
    parser.add_argument("--type")
    parser.add_argument("--length", type=int, help="Content-Length; -1: chunked, or unstated with --h2")
    parser.add_argument("--field", action="append", default=[], help="a further header line")
    parser.add_argument("--ready", help="a file to make")
    parser.add_argument("shape", choices=sorted(PRESETS))
    options = parser.parse_args()
    for name, value in zip(("method", "path", "type", "length"), PRESETS[options.shape]):
        if getattr(options, name) is None:
            setattr(options, name, value)
    if options.path is None:
        parser.error("a reader needs --path")
    if not 0 < options.seconds <= 600:
        parser.error("--seconds is from 1 to 600")
    return options


class Crowd:
    def __init__(self, options):
        self.options = options
        self.selector = selectors.DefaultSelector()
        self.context = ssl.create_default_context(cafile=options.cacert)
        self.context.set_alpn_protocols(["h2" if options.h2 else "http/1.1"])
        self.alive, self.turns = set(), [(0.0, n, None) for n in range(options.connections)]
        self.count = options.connections
        self.opened = self.ended = self.most = 0
        self.longest, self.responses, self.stopping = 0.0, {}, False

    def later(self, seconds, connection):
        self.count += 1
        heapq.heappush(self.turns, (time.monotonic() + seconds, self.count, connection))

    def open(self):
        try:
            connection = Connection(self.options, self.context)
        except OSError:
            self.later(REOPEN_SECONDS, None)
            return
        self.opened += 1
        self.alive.add(connection)
        self.drive(connection)
        self.later(self.options.every, connection)

    def end(self, connection):
        self.alive.discard(connection)
        if connection.watched:
            self.selector.unregister(connection.sock)
        connection.sock.close()
        self.ended += 1
        self.longest = max(self.longest, time.monotonic() - connection.begun)
        if not self.options.once:
            self.later(REOPEN_SECONDS, None)

    def drive(self, connection):
        """Sends and receives what can be, and watches for more."""
        mask = selectors.EVENT_READ
        try:
            if not connection.established:
                connection.sock.do_handshake()
                connection.established = True
            connection.send()
            while not self.stopping:
                statuses = connection.receive()
                for status in statuses:
                    self.responses[status] = self.responses.get(status, 0) + 1
                connection.send()
                if connection.options.shape == "reader" and not connection.options.h2 and connection.budget <= 0:
                    mask = 0
                    break
        except (ssl.SSLWantReadError, BlockingIOError):
            pass
        except ssl.SSLWantWriteError:
            mask |= selectors.EVENT_WRITE
        except (EOFError, OSError, ssl.SSLError):
            self.end(connection)
            return
        if connection.watched:
            self.selector.unregister(connection.sock)
        connection.watched = mask != 0
        if mask:
            self.selector.register(connection.sock, mask, connection)

    def established(self):
        return sum(connection.established for connection in self.alive)

    def run(self):
        deadline = time.monotonic() + self.options.seconds
        while not self.stopping and time.monotonic() < deadline and (self.alive or self.turns):
            now = time.monotonic()
            for _ in range(50):  # a few at a time, so that what came meanwhile is read
                if not self.turns or self.turns[0][0] > now:
                    break
                connection = heapq.heappop(self.turns)[2]
                if connection is None:
                    self.open()
                elif connection in self.alive:
                    if connection.established and not connection.out:
                        connection.turn()
                    self.drive(connection)
                    self.later(self.options.every, connection)
            wait = min(0.2, max(0.0, self.turns[0][0] - now)) if self.turns else 0.2
            for key, _ in self.selector.select(wait):
                if key.data in self.alive:
                    self.drive(key.data)
            if self.most < self.options.connections:
                self.most = max(self.most, self.established())
                if self.most == self.options.connections and self.options.ready:
                    open(self.options.ready, "w", encoding="ascii").close()


def main():
    options = arguments()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = Crowd(options)

    def stop(*_):
        crowd.stopping = True
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    crowd.run()
    now = time.monotonic()
    longest = max([crowd.longest] + [now - connection.begun for connection in crowd.alive])
    print(json.dumps({"opened": crowd.opened, "held": crowd.established(), "most": crowd.most, "ended": crowd.ended,
                      "responses": crowd.responses, "longest": round(longest, 2)}))


if __name__ == "__main__":
    main()
