#!/usr/bin/python3
"""watch_output.py FOLDER WANTED: says of each file that appears under its final name in FOLDER whether it is whole.

Prints "NAME whole" or "NAME partial" for each *.xml that comes to be there, also in place of another one, when it is or is
not the file of that name in the folder WANTED; "ready" first, and "overflow" if events were lost. Until a signal.
"""

import ctypes
import os
import struct
import sys

IN_MOVED_TO, IN_CREATE, IN_Q_OVERFLOW = 0x80, 0x100, 0x4000


def content(path):
    with open(path, "rb") as file:
        return file.read()


def main():
    folder, wanted = sys.argv[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init()
    if libc.inotify_add_watch(watch, folder.encode(), IN_MOVED_TO | IN_CREATE) < 0:
        raise OSError(ctypes.get_errno(), folder)
    print("ready", flush=True)
    while True:
        events = os.read(watch, 1 << 20)
        while events:
            _, mask, _, size = struct.unpack_from("iIII", events)
            name = events[16 : 16 + size].rstrip(b"\0").decode()
            events = events[16 + size :]
            if mask & IN_Q_OVERFLOW:
                print("overflow", flush=True)
            elif name.endswith(".xml"):
                same = content(os.path.join(folder, name)) == content(os.path.join(wanted, name))
                print(name, "whole" if same else "partial", flush=True)


if __name__ == "__main__":
    main()
