#!/usr/bin/python3
"""isolation.py --port N --cacert FILE [--logs FOLDER] table|beside: does what one client sends harm another?

table   sends every case of isolation_cases.py (--full: all of them). While it is unfinished, and after it, others ask
        (others.py) and must be served rightly and soon. With the logs of the workers (LOG_LEVEL=debug) it also holds what
        a worker took each request for against what the web server did with it: what goes to the lanes for bulk and files
        comes unspooled, and what is accepted on the ordinary one comes spooled.
beside  asks as others for --seconds, beside whatever else is going on; --large: bulk and file uploads too.

Prints what it found and the figures; exits 1 if anything is wrong, or if others waited longer than --bound seconds.
"""

import argparse
import datetime
import glob
import os
import re
import signal
import socket
import ssl
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import h2_frames as h2  # noqa: E402
from isolation_cases import HELD, body_for, cases  # noqa: E402
from others import Harmed, Others, connect  # noqa: E402

HELD_AT_ONCE = 10
ANSWER_SECONDS = 10
ENOUGH = 20
CLOCKS = 0.002  # seconds by which a log's clock, in milliseconds, may be off
TOOK = re.compile(r"^\[([^]]+)\] - \[DEBUG\] - \[server\] - (\S+) (\S+) goes to (\S+), lane (\w+), spooled (yes|no)$")


def name_of(case):
    protocol, method, path, lines, framing = case
    return "%s %s %s, %s [%s]" % (protocol, method, path, " + ".join(lines) or "no type", framing)


class Sent:
    """One request of a case on its way."""

    def __init__(self, options, case):
        self.protocol, self.method, self.path, self.lines, self.framing = case
        body = b"" if self.framing == "empty" else body_for(self.lines, "large" in self.framing)
        self.sock = connect(options.port, options.cacert, self.protocol, ANSWER_SECONDS)
        try:
            (self.send_h2 if self.protocol == "h2" else self.send_http1)(body)
        except (ConnectionError, ssl.SSLError):
            pass  # refused before the end

    def send_http1(self, body):
        head = ["%s %s HTTP/1.1" % (self.method, self.path), "Host: localhost", *self.lines]
        length, part = len(body), body
        if self.framing in ("cut", "slow", "slow-large"):
            part = body[:len(body) // 2]
        elif self.framing == "huge":
            length, part = 10**12, body[:5]
        if self.framing in ("chunked", "slow-chunked", "endless"):
            head.append("Transfer-Encoding: chunked")
            part = b"%x\r\n%s\r\n" % (max(1, len(body)), body or b"x")
            part = part + b"0\r\n\r\n" if self.framing == "chunked" else part * 40 if self.framing == "endless" else part
        else:
            head.append("Content-Length: %d" % length)
        if self.framing == "expect":
            head.append("Expect: 100-continue")
        self.sock.sendall(("\r\n".join(head) + "\r\n\r\n").encode("latin-1") + part)

    def send_h2(self, body):
        fields = [(":method", self.method), (":scheme", "https"), (":path", self.path), (":authority", "localhost")]
        fields += [(name.lower(), value.strip()) for name, value in (line.split(":", 1) for line in self.lines)]
        length = 10**12 if self.framing == "huge" else len(body)
        fields.append(("content-length", str(length)))
        coded = [(name.encode(), value.encode("latin-1")) for name, value in fields]
        whole = self.framing in ("empty", "whole", "large")
        part = body if whole else body[:len(body) // 2]
        out = h2.PREFACE + h2.frame(h2.SETTINGS, 0, 0) + h2.headers(1, coded, whole and not body)
        pieces = [part[at:at + 16000] for at in range(0, min(len(part), 60000), 16000)]  # what fits into the first window
        for number, piece in enumerate(pieces):
            last = whole and number == len(pieces) - 1 and len(part) <= 60000
            out += h2.frame(h2.DATA, h2.END_STREAM if last else 0, 1, piece)
        self.sock.sendall(out)

    def status(self):
        """Of the response; 0 if the connection ended without any."""
        if self.protocol == "h2":
            return self.h2_status()
        data = b""
        try:
            while True:
                while b"\r\n\r\n" not in data:
                    more = self.sock.recv(65536)
                    if not more:
                        return 0
                    data += more
                if data[9:12] != b"100":
                    return int(data[9:12])
                data = data.split(b"\r\n\r\n", 1)[1]
        except ConnectionError:
            return 0

    def h2_status(self):
        buffer = bytearray()
        while True:
            try:
                more = self.sock.recv(65536)
            except ConnectionError:
                return 0
            buffer += more
            for kind, flags, _, payload in h2.take_frames(buffer):
                if kind == h2.HEADERS:
                    return h2.status_of(flags, payload) or -1
                if kind in (h2.RST_STREAM, h2.GOAWAY):
                    return 0
            if not more:
                return 0

    def close(self):
        self.sock.close()


class Run:
    def __init__(self, options):
        self.options = options
        self.others = Others(options.port, options.cacert)
        self.faults, self.windows, self.worst, self.asked = [], [], ("", 0.0), 0

    def fault(self, case, text):
        self.faults.append("%s: %s" % (name_of(case), text))
        print("WRONG " + self.faults[-1], flush=True)

    def ask(self, case, when):
        try:
            if self.others is None:
                self.others = Others(self.options.port, self.options.cacert)
            waited = self.others.ask()
        except Harmed as error:
            self.fault(case, "%s, others: %s" % (when, error))
            self.others = None
            return
        self.asked += 1
        if waited > self.worst[1]:
            self.worst = ("%s, %s" % (name_of(case), when), waited)
        if waited > self.options.bound:
            self.fault(case, "%s, others waited %.1f s" % (when, waited))

    def one(self, case):
        framing = case[4]
        held = framing in HELD
        begun = time.time()
        sent = [Sent(self.options, case) for _ in range(HELD_AT_ONCE if held else 1)]
        statuses = []
        if held:
            self.ask(case, "beside ten of them")
        elif framing != "cut" and not (case[0] == "h2" and framing == "large"):
            try:
                statuses = [sent[0].status()]
            except (TimeoutError, socket.timeout):
                self.fault(case, "no response in %d s" % ANSWER_SECONDS)
        for request in sent:
            request.close()
        self.windows.append((begun, time.time(), case, statuses))
        self.ask(case, "after it")
        if statuses and statuses[0] in (500, 502, 503, 504):
            self.fault(case, "its status is %d" % statuses[0])

    def compare(self):
        """Holds the workers' lines against the cases that were under way when they were written. Returns how often each
        lane was taken, spooled and not."""
        counts, at = {}, 0
        for when, method, lane, spooled in sorted(taken(self.options.logs)):
            while at < len(self.windows) and self.windows[at][1] + CLOCKS < when:
                at += 1
            if at == len(self.windows):
                break
            begun, _, case, statuses = self.windows[at]
            if when < begun - CLOCKS or method != case[1]:
                continue  # of others
            way = lane + (" spooled" if spooled else " unspooled")
            counts[way] = counts.get(way, 0) + 1
            # What is refused may come either way: it harms nobody, as others have told.
            accepted = bool(statuses) and 200 <= statuses[0] < 300
            if (lane == "ordinary" and not spooled and accepted) or (lane != "ordinary" and spooled and not self.may_be_spooled(lane)):
                self.fault(case, "a worker took it as " + way)
        return counts

    def may_be_spooled(self, lane):
        """Small uploads to the file drop are, by lighttpd (httpd-conf/lighttpd.conf)."""
        return self.options.server == "lighttpd" and lane == "upload"


def taken(logs):
    for file in glob.glob(os.path.join(logs, "worker-*.log*")):
        with open(file, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                match = TOOK.match(line.rstrip("\n"))
                if match:
                    when = datetime.datetime.fromisoformat(match[1].replace("Z", "+00:00")).timestamp()
                    yield when, match[2], match[5], match[6] == "yes"


def table(options):
    run, count = Run(options), 0
    for case in cases(options.full):
        run.one(case)
        count += 1
        if len(run.faults) >= ENOUGH:
            break
    print("%d cases, others asked %d times, longest wait %.3f s (%s)" % (count, run.asked, run.worst[1], run.worst[0]))
    if options.logs:
        counts = run.compare()
        print("a worker took them so: " + ", ".join("%s %d" % each for each in sorted(counts.items())))
        if not counts.get("ordinary spooled") or not counts.get("bulk unspooled") or not counts.get("upload unspooled"):
            run.faults.append("")
            print("WRONG no request went each way; is LOG_LEVEL=debug?")
    return run.faults


def beside(options):
    others, small, large, faults = Others(options.port, options.cacert), [], [], []
    deadline = time.monotonic() + options.seconds
    try:
        while time.monotonic() < deadline:
            small.append(others.ask())
            if options.large:
                large += [others.ask_large("bulk"), others.ask_large("upload")]
    except Harmed as error:
        faults.append("others: %s" % error)
    small.sort()
    if small:
        print("others asked %d times: p50 %.0f ms, p99 %.0f ms, longest %.3f s" % (
            others.asked, small[len(small) // 2] * 1000, small[len(small) * 99 // 100] * 1000, small[-1]))
    if large:
        print("their uploads: longest %.3f s, 503 %d times" % (max(large), others.refused))
    # (Uploads have a bound of their own: others.py.)
    if small and small[-1] > options.bound:
        faults.append("they waited up to %.1f s" % small[-1])
    for fault in faults:
        print("WRONG " + fault)
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--cacert", required=True)
    parser.add_argument("--server", default="apache")
    parser.add_argument("--logs")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--bound", type=float, default=5)
    parser.add_argument("what", choices=("table", "beside"))
    options = parser.parse_args()
    signal.alarm(3600 if options.full else 300)
    faults = (table if options.what == "table" else beside)(options)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
