"""Starting, watching and ending the systems: folders with system.json, up and perhaps down (bench/README.md)."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TICKS = os.sysconf("SC_CLK_TCK")
MARK = "HASHPOST_BENCH_RUN"  # in the environment of everything that a run starts: its process id

KEPT = {MARK, "HASHPOST_ROOT", "HASHPOST_WORKER_BIN", "HASHPOST_START_SECONDS"}


class Failed(Exception):
    """A system does not do what it must; the text says what it said last."""


def find(also=()):
    """The folders of all systems, and of those in the folders `also`, by name; the ceiling and ours first."""
    bench = ROOT / "bench"
    places = [*sorted(bench.glob("*/system.json")), *sorted(bench.glob("peers/*/system.json"))]
    for folder in also:
        places += sorted(pathlib.Path(folder).glob("*/system.json"))
    return {path.parent.name: path.parent for path in places}


class System:
    def __init__(self, name, folder, run_folder, port, certificate):
        self.name = name
        self.folder = folder
        self.about = json.loads((folder / "system.json").read_text())
        self.port = port
        self.place = run_folder / name
        self.log = run_folder / f"{name}.log"
        self.env = {**os.environ, MARK: str(os.getpid()), "BENCH_DIR": str(self.place), "BENCH_PORT": str(port),
                    "BENCH_CERT": str(certificate[0]), "BENCH_KEY": str(certificate[1]), "HASHPOST_ROOT": str(ROOT)}
        # What make or a shell left there must not reach the parts of another instance.
        for variable in self.env.keys() - KEPT:
            if variable.startswith("HASHPOST_") or variable in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "LOG_LEVEL"):
                del self.env[variable]
        self.error = None
        self.roots = []  # (role, process id)

    @property
    def url(self):
        return f"https://localhost:{self.port}"

    def start(self, patience=180):
        self.place.mkdir(mode=0o755)
        self.log.unlink(missing_ok=True)
        try:
            with self.log.open("ab") as log:
                subprocess.run([self.folder / "up"], env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                               timeout=patience, check=True, start_new_session=True)
            lines = (self.place / "processes").read_text().split("\n")
            self.roots = [(line.split()[0], int(line.split()[1])) for line in lines if line.strip()]
        except (subprocess.SubprocessError, OSError, ValueError, IndexError) as fault:
            why = f"status {fault.returncode}" if isinstance(fault, subprocess.CalledProcessError) else str(fault)
            raise Failed(f"{self.name} did not start ({why}):\n{self.last_lines()}") from None

    def last_lines(self, count=20):
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])
        except OSError:
            return ""

    def stop(self):
        down = self.folder / "down"
        if down.exists() and self.place.exists():
            with self.log.open("ab") as log:
                try:
                    subprocess.run([down], env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=60,
                                   start_new_session=True, check=False)
                except subprocess.SubprocessError:
                    pass
        groups = {pid for _, pid in self.roots}
        for number in (signal.SIGTERM, signal.SIGKILL):
            for group in groups:
                try:
                    os.killpg(group, number)
                except (ProcessLookupError, PermissionError):
                    pass
            # (By group as well: nginx and others write their title over their environment.)
            if wait_until(lambda: not in_groups(groups) and not marked("BENCH_DIR", str(self.place)), 10):
                break
        end_marked("BENCH_DIR", str(self.place))
        self.roots = []
        shutil.rmtree(self.place, ignore_errors=True)

    def cpu(self):
        """CPU seconds so far of each role: its process and what descends from it, but not from another role."""
        parents, used = {}, {}
        for pid in all_pids():
            try:
                fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            except (OSError, IndexError):
                continue
            parents[pid] = int(fields[1])
            used[pid] = (int(fields[11]) + int(fields[12])) / TICKS
        roles = {pid: role for role, pid in self.roots}
        sums = {role: 0.0 for role, _ in self.roots}
        for pid in used:
            at = pid
            while at and at not in roles:
                at = parents.get(at, 0)
            if at:
                sums[roles[at]] += used[pid]
        return sums

    def rss_anon(self, role):
        """Bytes of RssAnon of each process of a role."""
        sizes = []
        for name, pid in self.roots:
            if name == role:
                text = pathlib.Path(f"/proc/{pid}/status").read_text()
                sizes.append(1024 * int(text.split("RssAnon:")[1].split()[0]))
        return sizes


def all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def in_groups(groups):
    """The processes of these groups that are more than zombies."""
    found = []
    for pid in all_pids():
        try:
            state, _, group = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[:3]
        except (OSError, ValueError, IndexError):
            continue
        if int(group) in groups and state != "Z":
            found.append(pid)
    return found


def marked(variable, value):
    """The processes with that variable in their environment, but for this one."""
    needle = f"{variable}={value}".encode()
    found = []
    for pid in all_pids():
        try:
            if pid != os.getpid() and needle in pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.append(pid)
        except OSError:
            continue
    return found


def end_marked(variable, value):
    for number, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        for pid in marked(variable, value):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        if wait_until(lambda: not marked(variable, value), patience):
            return


def end_leftovers():
    """Ends what a run that was itself killed has left behind."""
    for pid in all_pids():
        try:
            words = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        for word in words:
            run = word.removeprefix(MARK.encode() + b"=") if word.startswith(MARK.encode() + b"=") else b""
            if run.isdigit() and not pathlib.Path(f"/proc/{int(run)}").exists():
                end_marked(MARK, run.decode())


def wait_until(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
