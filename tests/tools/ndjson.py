#!/usr/bin/python3
"""ndjson.py make LINES BYTES SEED [DUPLICATES]: prints an upload of random messages, of which every
DUPLICATES-th (if given) repeats one before it.
ndjson.py check UPLOAD ANSWER [whole]: is ANSWER, line by line, what a store that had none of it must say to
UPLOAD? It may break off unless whole is wanted. Prints the digests that were acknowledged.
"""

import hashlib
import json
import random
import sys


def make(lines, size, seed, duplicates):
    rand = random.Random(seed)
    before = []
    for number in range(lines):
        if duplicates and number % duplicates == duplicates - 1:
            message = rand.choice(before)
        else:
            message = "%0*x" % (size, rand.getrandbits(4 * size))
        if duplicates:
            before.append(message)
        sys.stdout.write('{"message":"%s"}\n' % message)


def check(upload, answer, whole):
    known = set()
    count = 0
    with open(upload, "rb") as lines, open(answer, "rb") as answers:
        for line, said in zip(lines, answers):
            if not said.endswith(b"\n"):
                break  # the answer was cut within a line
            digest = hashlib.sha256(json.loads(line)["message"].encode()).hexdigest()
            wanted = {"status": 200 if digest in known else 201, "digest": digest}
            if json.loads(said) != wanted:
                sys.exit("line %d: %r, but %s was wanted" % (count + 1, said, wanted))
            known.add(digest)
            count += 1
            print(digest)
        if whole and (lines.readline() or answers.readline() or not count):
            sys.exit("%d lines were answered, and that is not all, or more than that" % count)


def main():
    if sys.argv[1] == "make":
        make(*map(int, sys.argv[2:5]), int(sys.argv[5]) if len(sys.argv) > 5 else 0)
    else:
        check(sys.argv[2], sys.argv[3], "whole" in sys.argv[4:])


if __name__ == "__main__":
    main()
