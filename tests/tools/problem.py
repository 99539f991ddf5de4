#!/usr/bin/python3
"""problem.py STATUS SLUG < BODY: is the body the problem document (RFC 9457) that it should be?"""

import json
import sys


def fault(text, status, slug):
    try:
        problem = json.loads(text)
    except ValueError as error:
        return "it is not JSON: %s" % error
    # What is for senders of files is in all documents of a web server, and in those of a worker below /upload/.
    for_senders = {name: problem.pop(name) for name in ("msg", "status_code") if name in problem}
    if for_senders and for_senders != {"msg": problem.get("err_msg"), "status_code": status}:
        return "its members for senders are %s" % for_senders
    if sorted(problem) != ["detail", "err_msg", "status", "title", "type"]:
        return "its members are %s" % sorted(problem)
    if problem["err_msg"] != problem["detail"]:
        return "its err_msg is not its detail"
    if problem["type"] != "/problems/" + slug:
        return "its type is %r" % problem["type"]
    if type(problem["status"]) is not int or problem["status"] != status:
        return "its status is %r" % problem["status"]
    for name in ("title", "detail", "err_msg"):
        if not isinstance(problem[name], str) or len(problem[name]) < 4:
            return "its %s is %r" % (name, problem[name])
    if len(problem["detail"].split()) < 4:
        return "its detail is no sentence: %r" % problem["detail"]
    return None


def main():
    text = sys.stdin.buffer.read().decode("utf-8", "replace")
    why = fault(text, int(sys.argv[1]), sys.argv[2])
    if why:
        sys.exit("not the problem %s (%s), since %s: %s" % (sys.argv[2], sys.argv[1], why, text[:500]))


if __name__ == "__main__":
    main()
