#!/usr/bin/python3
"""damage.py DATA_FILE KIND: damages a store's file as a disk does. The layout is in docs/store-format.md.

  text:TEXT    changes one byte of TEXT wherever it stands, in old copies of its page too
  leaf         a page with messages becomes zeros
  slots        the places of entries in such a page become garbage
  key          one byte of a message's key changes
  branch       a page above them becomes zeros
  root         the newest meta page leads nowhere
  meta0 meta1  a meta page becomes zeros
"""

import struct
import sys

PAGE = 4096


def number(data, at, size=8):
    return int.from_bytes(data[at:at + size], sys.byteorder)


def node(data, page, slot):
    return page * PAGE + number(data, page * PAGE + 16 + 2 * slot, 2)


def child(data, at):
    return number(data, at, 4) | number(data, at + 4, 2) << 32


def main():
    name, kind = sys.argv[1:]
    with open(name, "rb") as file:
        data = bytearray(file.read())
    meta = max((0, 1), key=lambda page: number(data, page * PAGE + 144))
    main_root = number(data, meta * PAGE + 88 + 40)
    # The databases are "messages" and "meta", in this order.
    described = node(data, main_root, 0)
    branch = number(data, described + 8 + number(data, described + 6, 2) + 40)
    is_branch = number(data, branch * PAGE + 10, 2) == 1
    leaf = child(data, node(data, branch, 1)) if is_branch else branch
    if kind.startswith("text:"):
        text = kind[5:].encode()
        at = data.index(text)
        while at >= 0:
            data[at + 3] = ord("#")
            at = data.find(text, at + 1)
    elif kind in ("leaf", "branch"):
        assert kind == "leaf" or is_branch
        page = leaf if kind == "leaf" else branch
        data[page * PAGE:(page + 1) * PAGE] = bytes(PAGE)
    elif kind == "slots":
        data[leaf * PAGE + 16:leaf * PAGE + 24] = b"\x55\xaa\x13\x37\xff\xff\x01\x00"
    elif kind == "key":
        data[node(data, leaf, 3) + 8 + 31] ^= 1
    elif kind == "root":
        struct.pack_into("=Q", data, meta * PAGE + 88 + 40, 2 ** 64 - 1)
    else:
        page = int(kind[-1])
        data[page * PAGE:(page + 1) * PAGE] = bytes(PAGE)
    with open(name, "r+b") as file:
        file.write(data)


if __name__ == "__main__":
    main()
