#!/usr/bin/python3
"""commit_order.py TRACE KIND: was everything that a worker acknowledged on the disk before the response left?

TRACE: strace -f -yy -s 512 of a worker, with the calls of CALLS below. KIND:
  message  a POST or DELETE of one message, acknowledged by a status line
  line     a line of a bulk upload, acknowledged by a line with its digest
  file     an upload to the file drop, acknowledged by a status line

LMDB commits in this order: it writes the pages to data.mdb, fdatasyncs it, and writes the meta page to data.mdb
through a descriptor that was opened with O_DSYNC. A file is synced without a name, the ledger commits, the file gets
a name beside the output folder and is moved into that, which is synced. Only then may the first byte of the response leave.
Prints how many responses were right; exits 1 at the first that was not.
"""

import re
import sys

CALLS = "pwrite64,pwritev,fdatasync,fsync,linkat,renameat,renameat2,write,writev,sendto,sendmsg"
LINE = re.compile(r"^(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)$")

# Each call that matters is one letter; what a response needs is an expression over those since the response before.
NEEDED = {
    "message": re.compile("D+SD+$"),
    "line": re.compile("D+SD+$"),
    "file": re.compile("FL+CL+ANO$"),
}
LETTERS = {"message": "DS", "line": "DS", "file": "FLCANO"}
RESPONSES = {"message": "Status: 20", "line": '\\"digest\\"', "file": "Status: 201"}


def letter(name, text):
    """'' for a call that does not matter, or that failed."""
    if not re.search(r"= \d+\s*$", text):
        return ""
    file = text.split(",", 1)[0]
    ledger = "/ledger/data.mdb>" in file
    store = "/data.mdb>" in file and not ledger
    if name in ("pwrite64", "pwritev", "write", "writev"):
        return "D" if store else "L" if ledger else ""
    if name == "fdatasync":
        return "S" if store else "C" if ledger else ""
    if name == "fsync":
        return "F" if re.search(r"/#\d+", file) else "O" if "/output>" in file else ""
    if name == "linkat":
        return "A"
    return "N" if name in ("renameat", "renameat2") and "/output>" in text else ""


def calls(lines, response):
    """Yields (name, text) of each call when it returned, put together again if another thread's line is in between;
    of a response when it begins."""
    begun = {}
    for line in lines:
        match = LINE.match(line)
        if not match:
            continue
        thread, resumed, name, text = match.groups()
        if resumed:
            before = begun.pop(thread, "")
            if not is_response(resumed, before, response):
                yield resumed, before + text
        elif text.endswith("<unfinished ...>"):
            begun[thread] = text
            if is_response(name, text, response):
                yield name, text
        else:
            yield name, text


def is_response(name, text, response):
    return name in ("write", "writev", "sendto", "sendmsg") and response in text


def main():
    kind = sys.argv[2]
    seen, right = "", 0
    with open(sys.argv[1], errors="replace") as file:
        for name, text in calls(file, RESPONSES[kind]):
            if is_response(name, text, RESPONSES[kind]):
                done = "".join(c for c in seen if c in LETTERS[kind])
                if not NEEDED[kind].search(done):
                    sys.exit("a response left after only %r of %s\n%s" % (done, NEEDED[kind].pattern, text))
                right, seen = right + 1, ""
            else:
                seen += letter(name, text)
    print(right)


if __name__ == "__main__":
    main()
