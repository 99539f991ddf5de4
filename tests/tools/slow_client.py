"""One connection of slow.py: what it sends at once, what each of its turns adds, and what it makes of what comes."""

import socket
import ssl
import time

import h2_frames as h2

LINE = b'{"message":"slow"}\n'
FORM = (b'--slow\r\nContent-Disposition: form-data; name="file"; filename="slow.xml.enc"\r\n\r\n', b"gAAAAAB")


def content(shape, start, size):
    """`size` bytes of the endless body, from its byte `start`."""
    head, repeated = {"bulk": (b"", LINE), "upload": FORM}.get(shape, (b'{"message":"', b"x"))
    whole = head[start:start + size]
    while len(whole) < size:
        at = (start + len(whole) - len(head)) % len(repeated)
        whole += repeated[at:at + size - len(whole)]
    return whole


class Connection:
    """One client. `out` is what it has yet to send at once; each turn adds its few bytes."""

    def __init__(self, options, context):
        self.options = options
        self.begun = time.monotonic()
        self.sent = self.budget = 0
        self.established = self.watched = False
        self.received = bytearray()
        self.open_streams = set()
        raw = socket.socket()
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if options.shape == "reader":
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.settimeout(5)
        raw.connect(("127.0.0.1", options.port))
        raw.setblocking(False)
        self.sock = raw
        if options.shape == "handshake":
            hello = ssl.MemoryBIO()
            try:
                context.wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost").do_handshake()
            except ssl.SSLWantReadError:
                pass
            self.out, self.established = hello.read(), True
        else:
            self.sock = context.wrap_socket(raw, server_hostname="localhost", do_handshake_on_connect=False)
            self.out = b"" if options.h2 else self.request()
            if options.h2:
                self.out = self.h2_opening()

    def request(self):
        options = self.options
        lines = ["%s %s HTTP/1.1" % (options.method, options.path), "Host: localhost"] + options.field
        if options.shape == "header":
            return ("\r\n".join(lines) + "\r\nX-Slow: ").encode("latin-1")
        if options.type:
            lines.append("Content-Type: " + options.type)
        if options.shape != "reader":
            lines.append("Content-Length: %d" % options.length if options.length >= 0 else "Transfer-Encoding: chunked")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def h2_opening(self):
        options, reads = self.options, self.options.shape == "reader"
        window = h2.setting(h2.INITIAL_WINDOW_SIZE, 1024) if reads else b""
        out = h2.PREFACE + h2.frame(h2.SETTINGS, 0, 0, window)
        fields = [(":method", options.method), (":scheme", "https"), (":path", options.path), (":authority", "localhost")]
        if options.type:
            fields.append(("content-type", options.type))
        if options.length >= 0 and not reads:
            fields.append(("content-length", str(options.length)))
        fields += [tuple(part.strip().lower() if n == 0 else part.strip() for n, part in enumerate(line.split(":", 1)))
                   for line in options.field]
        coded = [(name.encode(), value.encode("latin-1")) for name, value in fields]
        for number in range(options.streams):
            out += h2.headers(2 * number + 1, coded, reads)
            self.open_streams.add(2 * number + 1)
        return out

    def turn(self):
        """The few bytes of this turn."""
        shape, size = self.options.shape, self.options.bytes
        if shape == "reader":
            self.budget = size
            if self.options.h2:
                more = size.to_bytes(4, "big")
                self.out += b"".join(h2.frame(h2.WINDOW_UPDATE, 0, stream, more) for stream in sorted(self.open_streams))
            return
        if shape == "handshake":
            return
        piece = b"x" * size if shape == "header" else content(shape, self.sent, size)
        self.sent += len(piece)
        if self.options.h2:
            self.out += b"".join(h2.frame(h2.DATA, 0, stream, piece) for stream in sorted(self.open_streams))
        elif self.options.length < 0:
            self.out += b"%x\r\n%s\r\n" % (len(piece), piece)
        else:
            self.out += piece

    def send(self):
        while self.out:
            self.out = self.out[self.sock.send(self.out):]

    def receive(self):
        """Returns the statuses of responses that began; b"" from the socket ends it by EOFError."""
        slowly = self.options.shape == "reader" and not self.options.h2
        size = self.budget if slowly else 65536
        if size <= 0:
            return []
        data = self.sock.recv(size)
        if not data:
            raise EOFError
        self.budget -= len(data) if slowly else 0
        if self.options.shape == "handshake":
            return []
        if self.options.h2:
            self.received += data
            return self.h2_received()
        before = len(self.received)
        self.received += data[:max(0, 12 - before)]
        return [int(self.received[9:12])] if before < 12 <= len(self.received) else []

    def h2_received(self):
        statuses = []
        for kind, flags, stream, payload in h2.take_frames(self.received):
            if kind == h2.SETTINGS and not flags & h2.ACK:
                self.out += h2.frame(h2.SETTINGS, h2.ACK, 0)
            elif kind == h2.PING and not flags & h2.ACK:
                self.out += h2.frame(h2.PING, h2.ACK, 0, payload)
            elif kind == h2.HEADERS:
                statuses.append(h2.status_of(flags, payload))
            elif kind == h2.GOAWAY:
                raise EOFError
            if kind == h2.RST_STREAM or (kind in (h2.DATA, h2.HEADERS) and flags & h2.END_STREAM):
                self.open_streams.discard(stream)
        if not self.open_streams:
            raise EOFError
        return statuses
