"""pool_events.py POOL_JSON SOCKET [PROGRAM]: supervisord's event listener for the pool, whose program there is called worker.

Protocol: http://supervisord.org/events.html (events on stdin, answers on stdout).
Keeps POOL_JSON up to date: the state of each worker, its crashes within the last minute, its failed starts and
when it is tried again (both from service/start-worker). Logs one plain line for each crash. Ends workers and whatever
else supervisord or the web server started that somebody stopped (SIGSTOP) for longer than HASHPOST_HANG_SECONDS: a
stopped worker may hold the store's write lock, and a stopped child of httpd its clients. While no worker can start, it closes the pool's SOCKET, so that the front answers 503 at
once instead of letting its clients wait: it takes every permission from the file, which belongs to its user.

It is also supervisord's alarm clock. supervisord looks after its children only when its poll() returns: at
input from a child, else once a second. A dead worker would wait that long to be started again. Any line that
this process logs is such input; so it watches the web server, the readers of its logs and the workers itself (pidfd) and
logs when one has ended. What fails outside of it (a full disk, a process that has just gone) is logged or passed over.
"""

import json
import os
import select
import signal
import stat
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # (-I leaves it out)
from stopped_processes import StoppedProcesses, descendants, look

CRASH_WINDOW_SECONDS = 60
LOOPING_FROM = 3  # crashes within the window, or failed starts in a row
CLOSED_FROM = 2  # failed starts in a row of every worker, and the pool's socket is closed
WORKER = "hashpost-worker"
OPEN_MODE = 0o660  # of the pool's socket, as in supervisord.conf
LOOK_SECONDS = 5  # how often to look for stopped processes
# Time for supervisord to reap what it was woken for by the closed pipe; only the next wake-up starts it.
REAP_SECONDS = 0.01
RING_AGAIN_SECONDS = 0.1


def log(level, text):
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + ".%03dZ" % (now % 1 * 1000)
    try:
        os.write(2, ("[%s] - [%s] - [pool] - %s\n" % (stamp, level, text)).encode())
    except OSError:  # supervisord is gone, which the next read tells
        pass


class Worker:
    def __init__(self, state="STOPPED", crashes=()):
        self.state = state
        self.crashes = list(crashes)  # times, oldest first
        self.pid = None
        self.failed_starts = 0  # in a row
        self.retry_at = None

    def forget_old_crashes(self, now):
        self.crashes = [t for t in self.crashes if t > now - CRASH_WINDOW_SECONDS]

    def read_failed_starts(self, path):
        """The count that start-worker keeps; the file is gone once the worker is ready."""
        try:
            with open(path) as file:
                numbers = [int(word) for word in file.read().split()]
            if not numbers:
                return  # it is being written
        except (OSError, ValueError):
            numbers = []
        # While a start is under way it is counted already, but has not failed yet.
        pausing = len(numbers) > 1
        self.failed_starts = (numbers[0] - (not pausing)) if numbers else 0
        self.retry_at = numbers[1] if pausing else None

    def is_looping(self):
        return len(self.crashes) >= LOOPING_FROM or self.failed_starts >= LOOPING_FROM

    def cannot_start(self):
        return self.failed_starts >= CLOSED_FROM


class Pool:
    def __init__(self, path, socket, groups, shared, hang_seconds):
        self.path = path
        self.folder = os.path.dirname(path)
        self.socket = socket
        self.shared = shared
        self.groups = groups  # as supervisord calls them: that of the workers first
        self.stopped = StoppedProcesses(hang_seconds, log)
        self.look_seconds = min(LOOK_SECONDS, hang_seconds)
        self.workers = {}
        self.others = {}  # the web server and the readers of its logs, only for the alarms
        self.looping = False
        self.written = None
        self.unwritable = False
        self.closed = False  # what was logged last about the socket
        self.alarms = {}  # name -> (time, text): a line that is logged then, unless an event comes first
        self.pidfds = {}  # fd -> name
        self.poller = select.poll()
        self.adopt()

    def adopt(self):
        """A listener that was restarted goes on from what the last one wrote."""
        try:
            with open(self.path) as file:
                known = json.load(file)["workers"].items()
            now = time.time()
            self.workers = {name: Worker(entry["state"], [now] * entry["crashes_last_minute"]) for name, entry in known}
        except (OSError, ValueError, LookupError, TypeError, AttributeError):  # there is none, or a part of one
            pass

    def end_orphans(self):
        """Of a supervisord that was killed, workers live on with a socket of that time: they drain into the pool of now."""
        if os.getppid() == 1:  # supervisord is the first process, as in a container: it has no earlier one
            return
        for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
            found = look(pid)
            if found and found.command == WORKER and found.parent == 1:
                try:
                    os.kill(pid, signal.SIGTERM)
                    log("INFO", "worker %d of an earlier supervisord is ended" % pid)
                except OSError:  # it has gone, or is another user's
                    pass

    def process(self, name):
        return self.workers.get(name) or self.others.setdefault(name, Worker())

    def watch(self, name, pid):
        try:
            fd = os.pidfd_open(pid)
        except OSError:  # it is gone already; supervisord's event is on its way
            return
        self.pidfds[fd] = name
        self.poller.register(fd, select.POLLIN)

    def on_pidfd(self, fd):
        self.poller.unregister(fd)
        os.close(fd)
        name = self.pidfds.pop(fd)
        worker = self.process(name)
        if worker.state not in ("EXITED", "STOPPED"):
            self.alarms[name] = (time.time() + REAP_SECONDS, "%s (pid %s) has ended" % (name, worker.pid))

    def on_event(self, kind, fields):
        if fields.get("groupname") not in self.groups or not kind.startswith("PROCESS_STATE_"):
            return
        name, now = fields["processname"], time.time()
        of_pool = fields["groupname"] == self.groups[0]
        worker = (self.workers if of_pool else self.others).setdefault(name, Worker())
        worker.state = kind[len("PROCESS_STATE_"):]
        self.alarms.pop(name, None)
        if "pid" in fields:
            worker.pid = int(fields["pid"])
        if worker.state == "RUNNING":
            self.watch(name, worker.pid)
        elif not of_pool:
            if worker.state == "EXITED":
                log("ERROR", "%s (pid %s) has ended; the next one starts" % (name, worker.pid))
        elif worker.state == "EXITED":
            if fields.get("expected") == "1":
                log("INFO", "%s (pid %s) has drained and ended; the next one starts" % (name, worker.pid))
            else:
                worker.crashes.append(now)
                log("ERROR", "%s (pid %s) crashed; the next one starts" % (name, worker.pid))
        elif worker.state in ("BACKOFF", "FATAL", "UNKNOWN"):
            log("ERROR", "%s is %s: supervisord cannot start service/start-worker" % (name, worker.state))

    def end_stopped(self):
        names = {worker.pid: name for name, worker in self.workers.items() if worker.pid and worker.state == "RUNNING"}
        # (Programs of another supervisord are not ours.)
        self.stopped.end(names if self.shared else descendants(os.getppid()), names)

    def open_or_close(self):
        """Looks at the file each time: supervisord makes a new one, open, whenever the last worker has ended."""
        close = bool(self.workers) and all(worker.cannot_start() for worker in self.workers.values())
        try:
            found = os.lstat(self.socket)
            if not stat.S_ISSOCK(found.st_mode) or (stat.S_IMODE(found.st_mode) == 0) == close:
                return
            os.chmod(self.socket, 0 if close else OPEN_MODE)
        except OSError:  # it is being made anew
            return
        if close != self.closed:
            self.closed = close
            log(*(("ERROR", "no worker can start: every request is answered with 503 until one can")
                  if close else ("INFO", "a worker has started: requests are served again")))

    def ring_alarms(self):
        now = time.time()
        for name, (due, text) in list(self.alarms.items()):
            if now < due:
                continue
            log("INFO", text)
            if self.process(name).state == "STOPPING":
                del self.alarms[name]
            else:  # supervisord was busy; it must still hear of this
                self.alarms[name] = (now + RING_AGAIN_SECONDS, "%s is still waited for" % name)

    def write(self):
        """Writes POOL_JSON if anything changed; by rename, so that a reader never sees a part."""
        now = time.time()
        entries = {}
        for name, worker in sorted(self.workers.items()):
            worker.forget_old_crashes(now)
            worker.read_failed_starts(os.path.join(self.folder, name + ".failed-starts"))
            left = None if worker.retry_at is None else max(0, round(worker.retry_at - now))
            entries[name] = {"state": worker.state, "crashes_last_minute": len(worker.crashes),
                             "failed_starts": worker.failed_starts, "retrying_in_seconds": left}
        looping = any(worker.is_looping() for worker in self.workers.values())
        if looping != self.looping:
            self.looping = looping
            log(*(("ERROR", "the pool keeps crashing; it is retried for ever, with pauses growing by a second")
                  if looping else ("INFO", "the pool has been calm for a minute")))
        if entries == self.written:
            return
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        # One worker a line, which service/pool.sh reads with a regular expression.
        lines = ",\n".join("%s: %s" % (json.dumps(name), json.dumps(entry)) for name, entry in entries.items())
        text = '{"workers": {\n%s},\n"crash_looping": %s, "updated": "%s"}\n' % (lines, json.dumps(looping), stamp)
        aside = self.path + ".new"
        try:
            with open(aside, "w") as file:
                file.write(text)
            os.replace(aside, self.path)
        except OSError as error:  # tried again at the next look
            if not self.unwritable:
                log("ERROR", "%s cannot be written: %s; make status and /readyz show an older state" % (self.path, error.strerror))
            self.unwritable = True
            return
        self.written, self.unwritable = entries, False

    def seconds_to_next(self):
        now = time.time()
        moments = [due for due, _ in self.alarms.values()]
        for worker in self.workers.values():
            moments.append(now + (1 if worker.failed_starts else self.look_seconds))
            if worker.crashes:
                moments.append(worker.crashes[0] + CRASH_WINDOW_SECONDS + 0.1)
        return max(0.0, min(moments, default=now + self.look_seconds) - now)


def answer(text):
    try:
        os.write(1, text.encode())
    except OSError:
        sys.exit(0)  # supervisord is gone


class Events:
    """Cuts stdin into events: a line of key:value words, whose `len` says how long the next part is."""

    def __init__(self):
        self.buffer = b""

    def read(self):
        data = os.read(0, 65536)
        if not data:
            sys.exit(0)  # supervisord is gone
        self.buffer += data
        while b"\n" in self.buffer:
            line, rest = self.buffer.split(b"\n", 1)
            header = words(line)
            length = int(header["len"])
            if len(rest) < length:
                return
            self.buffer = rest[length:]
            yield header["eventname"], words(rest[:length])


def words(data):
    return dict(word.split(":", 1) for word in data.decode().split() if ":" in word)


def main():
    if len(sys.argv) not in (3, 4):
        log("ERROR", "usage: pool_events.py POOL_JSON SOCKET [PROGRAM]")
        return 64
    os.umask(0o027)
    shared = len(sys.argv) > 3  # with other programs of that supervisord, and no web server of ours
    groups = (sys.argv[3],) if shared else ("worker", "front", "front-log")
    pool, events = Pool(sys.argv[1], sys.argv[2], groups, shared, int(os.environ["HASHPOST_HANG_SECONDS"])), Events()
    if shared:
        pool.end_orphans()
    pool.poller.register(0, select.POLLIN | select.POLLHUP)
    answer("READY\n")
    while True:
        pool.write()
        pool.open_or_close()
        wait = pool.seconds_to_next()
        for fd, _ in pool.poller.poll(int(wait * 1000) + 1):
            if fd == 0:
                for kind, fields in events.read():
                    pool.on_event(kind, fields)
                    answer("RESULT 2\nOKREADY\n")
            else:
                pool.on_pidfd(fd)
        pool.ring_alarms()
        pool.end_stopped()


if __name__ == "__main__":
    sys.exit(main())
