#!/usr/bin/python3
"""commit_order.py TRACE: was every 201 in strace's output of a worker written after its commit's fdatasync?

TRACE: strace -f -yy -s 64 -e trace=pwrite64,pwritev,fdatasync,write,writev,sendto,sendmsg. LMDB commits in this
order: it writes the pages to data.mdb, fdatasyncs it, and writes the meta page to data.mdb. (The meta page
goes through a descriptor that was opened with O_DSYNC.) Only then may the answer's first byte leave.
Prints how many answers were right; exits 1 at the first that was not.
"""

import re
import sys

LINE = re.compile(r"^(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)$")


def completed_calls(lines):
    """Yields (name, text) of each call when it returned; one that was interrupted by another thread's line
    is put together again. An answer counts when it begins, so it is yielded at its start."""
    open_calls = {}
    for line in lines:
        match = LINE.match(line)
        if not match:
            continue
        thread, resumed, name, text = match.groups()
        if resumed:
            begun = open_calls.pop(thread, "")
            if not is_answer(resumed, begun):
                yield resumed, begun + text
        elif text.endswith("<unfinished ...>"):
            open_calls[thread] = text
            if is_answer(name, text):
                yield name, text
        else:
            yield name, text


def is_answer(name, text):
    return name in ("write", "writev", "sendto", "sendmsg") and "Status: 201" in text


def main():
    stage, right = "nothing", 0
    with open(sys.argv[1], errors="replace") as file:
        for name, text in completed_calls(file):
            if name != "fdatasync" and "/data.mdb>" in text.split(",", 1)[0]:
                stage = "committed" if stage == "synced" else "pages written"
            elif name == "fdatasync" and "/data.mdb>" in text and text.rstrip().endswith("= 0"):
                stage = "synced" if stage == "pages written" else "synced without pages"
            elif is_answer(name, text):
                if stage != "committed":
                    sys.exit("an answer left when the commit had got only so far: %s\n%s" % (stage, text))
                right, stage = right + 1, "nothing"
    print(right)


if __name__ == "__main__":
    main()
