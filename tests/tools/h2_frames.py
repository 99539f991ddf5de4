"""HTTP/2 frames as bytes (RFC 9113 section 4, RFC 7541), for clients that misbehave in ways no library allows."""

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 1, 1, 4, 8, 32
INITIAL_WINDOW_SIZE = 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# The statuses of HPACK's static table, from index 8.
STATIC_STATUSES = (200, 204, 206, 304, 400, 404, 500)
HUFFMAN_DIGITS = {format(n, "05b"): n for n in range(3)} | {format(25 + n - 3, "06b"): n for n in range(3, 10)}


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def setting(name, value):
    return name.to_bytes(2, "big") + value.to_bytes(4, "big")


def text(value):
    """A string literal without Huffman coding; its length has a prefix of 7 bits."""
    if len(value) < 127:
        return bytes((len(value),)) + value
    rest, length = b"\x7f", len(value) - 127
    while length >= 128:
        rest, length = rest + bytes((length % 128 + 128,)), length // 128
    return rest + bytes((length,)) + value


def headers(stream, fields, end_stream=False):
    """Of (name, value) pairs in bytes, each a literal that enters no table."""
    block = b"".join(b"\0" + text(name) + text(value) for name, value in fields)
    return frame(HEADERS, END_HEADERS | (END_STREAM if end_stream else 0), stream, block)


def take_frames(buffer):
    """Takes whole frames from the bytearray: (kind, flags, stream, payload) of each."""
    while len(buffer) >= 9:
        end = 9 + int.from_bytes(buffer[:3], "big")
        if len(buffer) < end:
            return
        kind, flags, stream = buffer[3], buffer[4], int.from_bytes(buffer[5:9], "big") & 0x7FFFFFFF
        payload = bytes(buffer[9:end])
        del buffer[:end]
        yield kind, flags, stream, payload


def status_of(flags, payload):
    """The status in the HEADERS frame of a response, or 0 where it was coded by a dynamic table."""
    if flags & PADDED:
        payload = payload[1:]
    if flags & PRIORITY:
        payload = payload[5:]
    while payload and payload[0] & 0xE0 == 0x20:  # an update of the table's size
        at = 1
        if payload[0] & 0x1F == 0x1F:
            while payload[at] & 0x80:
                at += 1
            at += 1
        payload = payload[at:]
    if payload and payload[0] & 0x80:
        index = payload[0] & 0x7F
        return STATIC_STATUSES[index - 8] if 8 <= index < 15 else 0
    # A literal whose name is one of the static table's.
    if len(payload) < 2 or not 8 <= payload[0] & (0x3F if payload[0] & 0x40 else 0x0F) < 15:
        return 0
    value = payload[2:2 + (payload[1] & 0x7F)]
    if not payload[1] & 0x80:
        return int(value)
    bits, digits = "".join(format(byte, "08b") for byte in value), ""
    while len(digits) < 3:
        size = 5 if bits[:5] in HUFFMAN_DIGITS else 6
        digits += str(HUFFMAN_DIGITS[bits[:size]])
        bits = bits[size:]
    return int(digits)
