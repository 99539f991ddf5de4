#!/usr/bin/python3
"""load.py: many clients at once, each on its own kept-alive TLS connection, each answer held against the
exact status and body that it must have.

Prints a JSON summary and exits 0 only if every request was answered as expected. It never sends a request
twice; what happened to each is counted under one of:
  answered          with the expected status and body, or with a status named by --allow
  unexpected        another status, or a wrong body (the first few are shown as examples)
  failed_requests   the connection broke, or --timeout passed, after the request was begun and before its
                    answer was whole. failed_unanswered is that part of them where a connection that had
                    served before was closed without a byte of the answer.
Connections are counted apart: refused_connections (nobody listened; tried again every 50 ms) and
failed_connections (broke before they could carry a request).

--acks FILE receives a line for each acknowledged change: "+<digest>" stored, "-<digest>" deleted, and
"?<digest>" for a delete whose answer never came. --verify FILE reads them all back instead of making load.
SIGTERM ends the load early: no new requests, the open ones finish.
"""

import argparse
import errno
import hashlib
import heapq
import json
import os
import random
import selectors
import signal
import socket
import ssl
import sys
import time

DEFAULT_MIX = "get=40,text=5,head=5,miss=10,post=15,again=5,delete=5,cached=5,bad=5,type=2,method=2,path=1"
RECONNECT_SECONDS = 0.05
EXAMPLES = 8
prefix = ""  # of every path: --prefix


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1", help="address to connect to")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--prefix", default="", help="the path below which the service is")
    parser.add_argument("--cacert", required=True, help="the only certificate that is trusted")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--requests", type=int, default=0, help="end after so many requests")
    parser.add_argument("--seconds", type=float, default=0, help="end after so long")
    parser.add_argument("--mix", default=DEFAULT_MIX, help="kinds of request and their weights")
    parser.add_argument("--size", type=int, default=64, help="bytes of a message")
    parser.add_argument("--timeout", type=float, default=60, help="seconds for one request")
    parser.add_argument("--allow", default="", help="statuses that count as answered whatever was expected")
    parser.add_argument("--acks", help="append acknowledged changes to this file")
    parser.add_argument("--verify", help="read back what this file says was acknowledged")
    options = parser.parse_args()
    if not (options.requests or options.seconds or options.verify):
        parser.error("one of --requests, --seconds and --verify is needed")
    options.allow = {int(status) for status in options.allow.split(",") if status}
    options.processes = max(1, min(options.processes, options.clients))
    return options


class Request:
    __slots__ = ("kind", "data", "status", "body", "digest", "number", "head")

    def __init__(self, kind, data, status, body=None, digest=None, number=0):
        self.kind = kind
        self.data = data
        self.status = status
        self.body = body  # exact bytes, a function that judges them, or None: any
        self.digest = digest
        self.number = number
        self.head = kind == "head"


def plain(method, path, fields=b""):
    return b"%s %s%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n" % (method, prefix.encode(), path, fields)


def with_body(method, path, media_type, body):
    return plain(method, path, b"Content-Type: %s\r\nContent-Length: %d\r\n" % (media_type, len(body))) + body


class Mix:
    """Makes the requests of one process, and remembers which of its messages are stored."""

    def __init__(self, options, process):
        pairs = [word.split("=") for word in options.mix.split(",")]
        self.makers = [getattr(self, "make_" + name) for name, _ in pairs]
        weights, total = [int(weight) for _, weight in pairs], 0
        self.cumulative = []
        for weight in weights:
            total += weight
            self.cumulative.append(total)
        self.deletes = any(name == "delete" for name, _ in pairs)
        self.prefix = "%s-%d-" % (os.urandom(6).hex(), process)
        self.size = options.size
        self.count = 0
        self.alive = []   # (number, digest): stored, never deleted
        self.doomed = []  # stored, only good for one DELETE
        self.gone = []    # deleted
        self.process = process

    def next(self):
        return random.choices(self.makers, cum_weights=self.cumulative)[0]()

    def message(self, number):
        return ("%s%d-" % (self.prefix, number)).ljust(self.size, "x").encode()

    def make_post(self):
        self.count += 1
        message = self.message(self.count)
        digest = hashlib.sha256(message).hexdigest().encode()
        return Request("post", with_body(b"POST", b"/messages", b"application/json", b'{"message":"%s"}' % message),
                       201, b'{"digest":"%s"}' % digest, digest, self.count)

    def make_again(self):
        if not self.alive:
            return self.make_post()
        number, digest = random.choice(self.alive)
        return Request("again", with_body(b"POST", b"/messages", b"text/plain", self.message(number)), 200,
                       b'{"digest":"%s"}' % digest, digest)

    def make_get(self):
        if not self.alive:
            return self.make_post()
        number, digest = random.choice(self.alive)
        return Request("get", plain(b"GET", b"/messages/" + digest), 200, b'{"message":"%s"}' % self.message(number))

    def make_text(self):
        if not self.alive:
            return self.make_post()
        number, digest = random.choice(self.alive)
        return Request("text", plain(b"GET", b"/messages/" + digest, b"Accept: text/plain\r\n"), 200,
                       self.message(number))

    def make_head(self):
        if not self.alive:
            return self.make_post()
        return Request("head", plain(b"HEAD", b"/messages/" + random.choice(self.alive)[1]), 200, b"")

    def make_cached(self):
        if not self.alive:
            return self.make_post()
        digest = random.choice(self.alive)[1]
        return Request("cached", plain(b"GET", b"/messages/" + digest, b'If-None-Match: "%s.json"\r\n' % digest),
                       304, b"")

    def make_delete(self):
        if not self.doomed:
            return self.make_post()
        number, digest = self.doomed.pop()
        return Request("delete", plain(b"DELETE", b"/messages/" + digest), 200,
                       b'{"message_deleted":"%s"}' % digest, digest, number)

    def make_miss(self):
        digest = random.choice(self.gone) if self.gone and random.random() < 0.5 else os.urandom(32).hex().encode()
        return Request("miss", plain(b"GET", b"/messages/" + digest), 404,
                       lambda body: json.loads(body)["err_msg"] == "Message not found for hash: " + digest.decode())

    def make_bad(self):
        return Request("bad", with_body(b"POST", b"/messages", b"application/json", b'{"message":'), 400,
                       problem_of("/problems/malformed-json"))

    def make_type(self):
        return Request("type", with_body(b"POST", b"/messages", b"image/png", b"x"), 415,
                       problem_of("/problems/unsupported-media-type"))

    def make_method(self):
        return Request("method", with_body(b"PUT", b"/messages", b"text/plain", b"x"), 405,
                       problem_of("/problems/method-not-allowed"))

    def make_path(self):
        return Request("path", plain(b"GET", b"/nothing-here"), 404, problem_of("/problems/not-found"))

    def settle(self, request, answered_as_expected, acks):
        """Books a change after its answer, or after its failure."""
        if request.kind == "post" and answered_as_expected:
            acks.append(b"+%s\n" % request.digest)
            doomed = self.deletes and random.random() < 0.35
            (self.doomed if doomed else self.alive).append((request.number, request.digest))
        elif request.kind == "delete":
            acks.append((b"-%s\n" if answered_as_expected else b"?%s\n") % request.digest)
            if answered_as_expected:
                self.gone.append(request.digest)


def problem_of(kind):
    return lambda body: json.loads(body)["type"] == prefix + kind and bool(json.loads(body)["err_msg"])


class Verification:
    """The same interface as Mix: one GET for each digest of an acks file."""

    def __init__(self, changes):
        self.changes = changes

    def next(self):
        if not self.changes:
            return None
        digest, state = self.changes.pop()
        wire = plain(b"GET", b"/messages/" + digest, b"Accept: text/plain\r\n")
        if state == b"-":
            return Request("gone", wire, 404)
        return Request("stored", wire, 200, lambda body: hashlib.sha256(body).hexdigest().encode() == digest, digest)

    def settle(self, request, answered_as_expected, acks):
        pass


class Client:
    """One connection and the request that is open on it."""

    __slots__ = ("sock", "state", "request", "begun", "out", "received", "head_end", "length", "served", "mask",
                 "close_after", "status")

    def __init__(self):
        self.sock = None
        self.request = None
        self.mask = 0


class Loader:
    def __init__(self, options, process, source, count, quota):
        self.options, self.source, self.quota = options, source, quota
        self.selector = selectors.DefaultSelector()
        self.context = ssl.create_default_context(cafile=options.cacert)
        self.clients = [Client() for _ in range(count)]
        self.deadline = time.monotonic() + options.seconds if options.seconds else float("inf")
        self.stopping = False
        self.later = []  # heap of (when, number of the client) that reconnect
        self.acks = []
        self.acks_fd = os.open(options.acks, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644) if options.acks else -1
        self.answered = self.unexpected = self.failed = self.failed_unanswered = self.timed_out = 0
        self.refused = self.failed_connections = self.connections = self.begun = 0
        self.statuses, self.kinds, self.examples, self.times = {}, {}, [], []

    # --- connections ---------------------------------------------------------------------------------

    def connect(self, number):
        client = self.clients[number]
        if self.wants_no_more():
            return
        raw = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            # On loopback a listener answers at once; non-blocking comes after, for the handshake.
            raw.settimeout(5)
            raw.connect((self.options.host, self.options.port))
            raw.setblocking(False)
            client.sock = self.context.wrap_socket(raw, server_hostname="localhost", do_handshake_on_connect=False)
        except OSError as error:
            raw.close()
            if error.errno == errno.ECONNREFUSED:
                self.refused += 1
            else:
                self.failed_connections += 1
                self.example("connect: %r" % error)
            self.reconnect(number)
            return
        client.state, client.served, client.request, client.mask = "handshake", 0, None, 0
        client.begun = time.monotonic()
        self.watch(number, selectors.EVENT_WRITE)

    def reconnect(self, number):
        heapq.heappush(self.later, (time.monotonic() + RECONNECT_SECONDS, number))

    def watch(self, number, mask):
        client = self.clients[number]
        if client.mask == mask:
            return
        if client.mask:
            self.selector.modify(client.sock, mask, number)
        else:
            self.selector.register(client.sock, mask, number)
        client.mask = mask

    def close(self, number):
        client = self.clients[number]
        self.selector.unregister(client.sock)
        client.mask = 0
        client.sock.close()
        client.sock = None

    def broken(self, number, why):
        """The connection ended under us, or took too long."""
        client = self.clients[number]
        request, client.request = client.request, None
        if client.state == "handshake":
            self.failed_connections += 1
            self.example("handshake: %s" % why)
        elif request is not None:
            self.failed += 1
            if client.served and not client.received:
                self.failed_unanswered += 1
            self.example("%s on a connection that served %d before: %s after %d bytes of the answer" % (
                request.kind, client.served, why, len(client.received)))
            self.source.settle(request, False, self.acks)
        self.close(number)
        self.reconnect(number)

    def example(self, text):
        if len(self.examples) < EXAMPLES:
            self.examples.append(text)

    # --- requests ------------------------------------------------------------------------------------

    def wants_no_more(self):
        if not self.stopping and (self.begun >= self.quota or time.monotonic() >= self.deadline):
            self.stopping = True
        return self.stopping

    def begin(self, number):
        client = self.clients[number]
        request = None if self.wants_no_more() else self.source.next()
        if request is None:
            self.stopping = True
            self.close(number)
            return
        self.begun += 1
        client.request, client.begun = request, time.monotonic()
        client.received, client.head_end, client.close_after = b"", -1, False
        client.state, client.out = "sending", request.data
        self.send(number)

    def send(self, number):
        client = self.clients[number]
        try:
            sent = client.sock.send(client.out)
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError, BlockingIOError):
            self.watch(number, selectors.EVENT_READ | selectors.EVENT_WRITE)
            return
        except OSError as error:
            self.broken(number, repr(error))
            return
        if sent < len(client.out):
            client.out = client.out[sent:]
            self.watch(number, selectors.EVENT_READ | selectors.EVENT_WRITE)
            return
        client.state = "receiving"
        self.watch(number, selectors.EVENT_READ)

    def receive(self, number):
        client = self.clients[number]
        try:
            data = client.sock.recv(262144)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            return
        except OSError as error:
            self.broken(number, repr(error))
            return
        if not data:
            self.broken(number, "the server closed")
            return
        client.received = client.received + data if client.received else data
        while client.sock is not None and client.sock.pending():
            client.received += client.sock.recv(262144)
        if client.head_end < 0 and not self.read_head(client):
            return
        if len(client.received) - client.head_end >= client.length:
            self.finish(number)

    @staticmethod
    def read_head(client):
        end = client.received.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = client.received[:end + 2].lower()
        client.head_end = end + 4
        client.status = int(head[9:12])
        # The first answer of a connection also offers h2: "Connection: Upgrade, close".
        at = head.find(b"\r\nconnection: ")
        client.close_after = at >= 0 and b"close" in head[at:head.index(b"\r\n", at + 2)]
        client.length = 0
        if not (client.request.head or client.status in (204, 304)):
            at = head.find(b"\r\ncontent-length: ")
            # An answer without a length cannot be told from a cut one: wait for what never comes.
            client.length = int(head[at + 18:].split(b"\r\n", 1)[0]) if at >= 0 else sys.maxsize
        return True

    def finish(self, number):
        client = self.clients[number]
        request, client.request = client.request, None
        body = client.received[client.head_end:]
        self.times.append(time.monotonic() - client.begun)
        self.statuses[client.status] = self.statuses.get(client.status, 0) + 1
        self.kinds[request.kind] = self.kinds.get(request.kind, 0) + 1
        good = client.status == request.status and self.body_is_right(request, body)
        if good or (client.status != request.status and client.status in self.options.allow):
            self.answered += 1
        else:
            self.unexpected += 1
            self.example("%s: wanted %d, got %d with %r" % (request.kind, request.status, client.status, body[:300]))
        self.source.settle(request, good, self.acks)
        client.served += 1
        if client.close_after:
            self.close(number)
            self.connect(number)
        else:
            self.begin(number)

    @staticmethod
    def body_is_right(request, body):
        if request.body is None:
            return True
        if isinstance(request.body, bytes):
            return body == request.body
        try:
            return request.body(body)
        except (ValueError, KeyError, TypeError):
            return False

    # --- the loop ------------------------------------------------------------------------------------

    def on_event(self, number, mask):
        client = self.clients[number]
        if client.state == "handshake":
            try:
                client.sock.do_handshake()
            except ssl.SSLWantReadError:
                self.watch(number, selectors.EVENT_READ)
                return
            except ssl.SSLWantWriteError:
                self.watch(number, selectors.EVENT_WRITE)
                return
            except OSError as error:
                self.broken(number, repr(error))
                return
            self.connections += 1
            self.begin(number)
            return
        if mask & selectors.EVENT_WRITE and client.state == "sending":
            self.send(number)
        if mask & selectors.EVENT_READ and client.sock is not None and client.state != "handshake":
            self.receive(number)

    def end_slow_ones(self, now):
        for number, client in enumerate(self.clients):
            if client.sock is not None and now - client.begun > self.options.timeout:
                self.timed_out += 1
                self.broken(number, "no answer in %g s" % self.options.timeout)

    def write_acks(self):
        if self.acks and self.acks_fd >= 0:
            os.write(self.acks_fd, b"".join(self.acks))
        self.acks.clear()

    def run(self):
        for number in range(len(self.clients)):
            self.connect(number)
        next_check = 0.0
        while True:
            now = time.monotonic()
            while self.later and self.later[0][0] <= now:
                self.connect(heapq.heappop(self.later)[1])
            if now >= next_check:
                self.write_acks()
                self.end_slow_ones(now)
                next_check = now + 0.1
            if self.wants_no_more():
                self.later.clear()
                for number, client in enumerate(self.clients):
                    if client.sock is not None and client.request is None:
                        self.close(number)
                if not any(client.sock for client in self.clients):
                    break
            for key, mask in self.selector.select(RECONNECT_SECONDS):
                if self.clients[key.data].mask:
                    self.on_event(key.data, mask)
        self.write_acks()

    def result(self):
        return {"answered": self.answered, "unexpected": self.unexpected, "failed_requests": self.failed,
                "failed_unanswered": self.failed_unanswered, "timed_out": self.timed_out, "requests": self.begun,
                "refused_connections": self.refused, "failed_connections": self.failed_connections,
                "connections": self.connections, "statuses": self.statuses, "kinds": self.kinds,
                "examples": self.examples, "times": self.times}


def read_acks(path):
    """The last word on each digest; what was left open ("?") is not asked for."""
    last = {}
    with open(path, "rb") as file:
        for line in file:
            last[line[1:].strip()] = line[:1]
    return [(digest, state) for digest, state in last.items() if state != b"?"]


def share(total, parts, part):
    return total // parts + (1 if part < total % parts else 0)


def child(options, process, changes, pipe):
    clients = share(options.clients, options.processes, process)
    if changes is None:
        quota = share(options.requests, options.processes, process) if options.requests else float("inf")
        loader = Loader(options, process, Mix(options, process), clients, quota)
    else:
        loader = Loader(options, process, Verification(changes[process::options.processes]), clients, float("inf"))

    def stop(*_):
        loader.stopping = True
    signal.signal(signal.SIGTERM, stop)
    loader.run()
    with os.fdopen(pipe, "w") as out:
        json.dump(loader.result(), out)


def merge(results, seconds):
    total = {}
    times = sorted(time for result in results for time in result.pop("times"))
    for result in results:
        for name, value in result.items():
            if isinstance(value, dict):
                mine = total.setdefault(name, {})
                for key, count in value.items():
                    mine[key] = mine.get(key, 0) + count
            else:
                total[name] = total.get(name, [] if isinstance(value, list) else 0) + value
    total["examples"] = total["examples"][:EXAMPLES]
    total["seconds"] = round(seconds, 2)
    total["per_second"] = round(total["answered"] / seconds)
    if times:
        total["milliseconds"] = {"p50": round(times[len(times) // 2] * 1000, 2),
                                 "p99": round(times[len(times) * 99 // 100] * 1000, 2),
                                 "max": round(times[-1] * 1000, 2)}
    return total


def main():
    global prefix
    options = arguments()
    prefix = options.prefix
    changes = read_acks(options.verify) if options.verify else None
    begun = time.monotonic()
    children, pipes = [], []
    for process in range(options.processes):
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            code = 2
            try:
                os.close(reader)
                child(options, process, changes, writer)
                code = 0
            except BaseException as error:  # a child never runs the parent's code
                sys.stderr.write("load.py: %r\n" % error)
                raise
            finally:
                sys.stderr.flush()
                os._exit(code)
        os.close(writer)
        children.append(pid)
        pipes.append(reader)
    signal.signal(signal.SIGTERM, lambda *_: [os.kill(pid, signal.SIGTERM) for pid in children])
    results = []
    for reader in pipes:
        with os.fdopen(reader) as file:
            results.append(json.load(file))
    for pid in children:
        os.waitpid(pid, 0)
    total = merge(results, time.monotonic() - begun)
    json.dump(total, sys.stdout, indent=1, sort_keys=True)
    print()
    expected = len(changes) if changes is not None else total["requests"]
    whole = total["answered"] == expected and not total["failed_connections"]
    sys.exit(0 if whole else 1)


if __name__ == "__main__":
    main()
