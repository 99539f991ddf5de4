"""What the figures were measured on: machine, kernel, disk, programs, revision."""

import os
import pathlib
import platform
import subprocess
import time

PROGRAMS = {
    "httpd": ["/usr/sbin/apache2", "-v"], "lighttpd": ["/usr/sbin/lighttpd", "-v"], "nginx": ["/usr/sbin/nginx", "-v"],
    "redis": ["redis-server", "--version"], "go": ["go", "version"], "php": ["php", "--version"],
    "python": ["python3", "--version"], "ruby": ["ruby", "--version"], "wrk": ["wrk", "--version"],
    "h2load": ["h2load", "--version"], "openssl": ["openssl", "version"], "g++": ["g++", "--version"],
    "gnuplot": ["gnuplot", "--version"],
}
# Debian 13 has another name for some of them.
LIBRARIES = ("liblmdb0", "libfcgi0ldbl", "libfcgi0t64", "libssl3", "libssl3t64")


def first_line(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return None
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0].strip() if lines else None


def field(path, name):
    for line in pathlib.Path(path).read_text().splitlines():
        if line.startswith(name):
            return line.split(":", 1)[1].strip()
    return None


def versions():
    found = {name: first_line(command) for name, command in PROGRAMS.items()}
    for library in LIBRARIES:
        found[library] = first_line(["dpkg-query", "-W", "-f", "${Version}", library])
    return {name: version for name, version in found.items() if version}


def facts(root, folder):
    revision = first_line(["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"])
    changed = first_line(["git", "-C", str(root), "status", "--porcelain", "--untracked-files=no"])
    return {
        "cpu": field("/proc/cpuinfo", "model name"), "cores": os.cpu_count(), "kernel": platform.release(),
        "memory": field("/proc/meminfo", "MemTotal"),
        "os": next((line.split("=")[1].strip('"') for line in pathlib.Path("/etc/os-release").read_text().splitlines()
                    if line.startswith("PRETTY_NAME=")), None),
        "file_system": first_line(["stat", "-f", "-c", "%T", str(folder)]),
        "disk": first_line(["findmnt", "-n", "-o", "SOURCE,FSTYPE,OPTIONS", "-T", str(folder)]),
        "load_average": os.getloadavg()[0],
        "revision": revision + ("+changes" if changed else "") if revision else None,
        "programs": versions(),
    }


def fdatasync_us(folder, count=400):
    """p50 and p99 in µs of an fdatasync after a page was appended, on the disk that holds the stores."""
    path = pathlib.Path(folder, "sync-probe")
    times = []
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        for _ in range(count):
            os.write(descriptor, b"x" * 4096)
            start = time.perf_counter()
            os.fdatasync(descriptor)
            times.append(1e6 * (time.perf_counter() - start))
    finally:
        os.close(descriptor)
        path.unlink()
    times.sort()
    return {"p50": round(times[count // 2], 1), "p99": round(times[count * 99 // 100], 1)}
