"""Ends processes that somebody stopped (SIGSTOP) for too long: no watchdog of theirs can. For pool_events.py."""

import collections
import os
import signal
import time


Process = collections.namedtuple("Process", "command state parent start")


def look(pid):
    """What proc(5) says of a process, or None if it is gone."""
    try:
        with open("/proc/%d/stat" % pid, errors="replace") as file:
            command, rest = file.read().split("(", 1)[1].rsplit(")", 1)
        fields = rest.split()
        return Process(command, fields[0], int(fields[1]), fields[19])
    except (OSError, IndexError):
        return None


def descendants(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
            children = [int(word) for word in file.read().split()]
    except OSError:
        return
    for child in children:
        yield child
        yield from descendants(child)


class StoppedProcesses:
    def __init__(self, longest_seconds, log):
        self.longest = longest_seconds
        self.log = log
        self.since = {}  # (pid, start time) of a stopped process -> when it was first seen so
        self.complained = set()  # those of them that could not be killed, which is said once

    def end(self, pids, names):
        """Kills those of `pids` that have been stopped for too long; `names` has better names for some than their command."""
        now = time.monotonic()
        stopped = {}
        for pid in pids:
            found = look(pid)
            if found is None or found.state != "T":
                continue
            since = stopped[(pid, found.start)] = self.since.get((pid, found.start), now)
            if now - since >= self.longest:
                self.kill(pid, found.start, names.get(pid, found.command), now - since)
        self.since = stopped
        self.complained &= stopped.keys()

    def kill(self, pid, start, name, seconds):
        if (pid, start) in self.complained:
            return
        what = "%s (pid %d) has been stopped for %d s" % (name, pid, seconds)
        try:
            fd = os.pidfd_open(pid)
            try:
                # The number may have gone to another process since it was looked at; what has the descriptor may not.
                found = look(pid)
                if found is None or (found.state, found.start) != ("T", start):
                    return
                signal.pidfd_send_signal(fd, signal.SIGKILL)
            finally:
                os.close(fd)
            self.log("ERROR", what + "; it is killed and replaced")
        except ProcessLookupError:
            pass
        except OSError as error:  # another user's, such as the web server's parent
            self.complained.add((pid, start))
            self.log("ERROR", "%s, and cannot be killed: %s" % (what, error.strerror))
