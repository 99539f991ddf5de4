"""One sample: a load generator against one system for some seconds, and what it and the system used."""

import hashlib
import json
import os
import pathlib
import re
import resource
import ssl
import subprocess
import tempfile
import urllib.request

from runner.cells import CEILING, EXPECTED, STORED

BENCH = pathlib.Path(__file__).resolve().parents[1]
OPEN_LOOP = BENCH.parent / "build/bench/open-loop"


def message(seed, index, size):
    """As bench/native and load.lua make it."""
    return f"{seed}-{index:0{size - len(seed) - 1}d}"


def digests(size):
    """The digests of the messages that are in every store."""
    return [hashlib.sha256(message("stored", index, size).encode()).hexdigest() for index in range(STORED[size])]


def write_lists(folder):
    """The lists that load.lua reads: digests stored, digests that nobody has, and (per system) entity tags."""
    for size in STORED:
        (folder / f"stored-{size}").write_text("\n".join(digests(size)) + "\n")
    missing = [hashlib.sha256(b"missing-%d" % index).hexdigest() for index in range(STORED[64])]
    (folder / "missing").write_text("\n".join(missing) + "\n")


def write_tags(system, run_folder):
    """The list for 304: each digest with the entity tag that the system gives it, learnt from one answer."""
    known = (run_folder / f"stored-{64}").read_text().split()
    path = system.about["get_path"].replace("{size}", "64").replace("{digest}", known[0])
    # (Without the proxies that the environment names for others.)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                         urllib.request.HTTPSHandler(context=ssl._create_unverified_context()))
    with opener.open(system.url + path, timeout=10) as answer:
        tag = answer.headers.get("ETag", "").replace(known[0], "{digest}")
    lines = [f"{digest} {tag.replace('{digest}', digest)}\n" for digest in known]
    (run_folder / f"tags-{system.name}").write_text("".join(lines))


def environment(system, load, size, seed, run_folder, first=0):
    """What load.lua wants to know."""
    lists = {"get-miss": "missing", "not-modified": f"tags-{system.name}"}
    get_path = system.about.get("paths", {}).get(load) or system.about["get_path"]
    return {**os.environ, "BENCH_LOAD": load, "BENCH_SIZE": str(size), "BENCH_SEED": seed, "BENCH_FIRST": str(first),
            "BENCH_STORED": str(STORED.get(size, 1)), "BENCH_GET_PATH": get_path.replace("{size}", str(size)),
            "BENCH_POST_PATH": system.about.get("post_path", "/messages"),
            "BENCH_DIGESTS": str(run_folder / lists.get(load, f"stored-{size}")),
            "BENCH_EXPECTED": " ".join(map(str, EXPECTED[load]))}


def run(command, env, patience):
    """Runs a generator; returns what it printed, or raises RuntimeError."""
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=patience,
                          check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {(done.stdout + done.stderr)[-400:]}")
    return done.stdout


def with_wrk(system, load, size, connections, seconds, seed, run_folder, first=0, check=False):
    """check: every status is compared, which costs wrk 5 to 10 µs a request; else what is over 399 is counted."""
    threads = "1" if load == "fill" else str(min(2, connections))  # one: what is sent first arrives first
    out = run(["wrk", "-t", threads, "-c", str(connections), "-d", f"{seconds}s", "--timeout", "5s",
               "-s", str(BENCH / "load.lua"), system.url],
              {**environment(system, load, size, seed, run_folder, first), "BENCH_THREADS": threads,
               "BENCH_CHECK": "1" if check else ""}, seconds + 30)
    sample = json.loads(out.strip().splitlines()[-1])
    if not check:
        expect_over_399 = min(EXPECTED[load]) > 399
        sample["wrong"] = sample["requests"] - sample["not_2xx"] if expect_over_399 else sample["not_2xx"]
        if load == "get" and sample["bytes"] < sample["requests"] * size:
            sample["wrong"] = sample["requests"]  # cut short
    return sample


def with_h2load(system, load, size, connections, seconds, seed, run_folder):
    """HTTP/2: so many streams at once over an eighth as many connections."""
    env = environment(system, load, size, seed, run_folder)
    with tempfile.TemporaryDirectory(dir=run_folder) as folder:
        uris, log = pathlib.Path(folder, "uris"), pathlib.Path(folder, "log")
        known = pathlib.Path(env["BENCH_DIGESTS"]).read_text().split()
        uris.write_text("".join(system.url + env["BENCH_GET_PATH"].replace("{digest}", digest) + "\n" for digest in known))
        clients = max(1, connections // 8)
        out = run(["h2load", "-t2", "-c", str(clients), "-m", str(connections // clients), "-D", str(seconds),
                   "--warm-up-time", "0", f"--log-file={log}", "-i", str(uris)], env, seconds + 30)
        rows = [line.split() for line in log.read_text().splitlines()]
    return h2load_sample(out, rows, EXPECTED[load])


def h2load_sample(out, rows, expected):
    """From h2load's summary and its log (start µs, status, µs)."""
    times = sorted(int(row[2]) for row in rows)
    statuses = [int(row[1]) for row in rows]
    wrong = [status for status in statuses if status not in expected]
    seconds = re.search(r"finished in ([0-9.]+)(m?s)", out)
    protocol = re.search(r"Application protocol: (\S+)", out)
    if not (times and seconds and protocol and protocol[1] == "h2"):
        raise RuntimeError("h2load measured nothing over HTTP/2: " + out[-300:])
    total = re.search(r"traffic: .*?\((\d+)\) total", out)
    span = float(seconds[1]) / (1000 if seconds[2] == "ms" else 1)
    return {"requests": len(rows), "seconds": span, "bytes": int(total[1]) if total else 0,
            "right": len(rows) - len(wrong), "wrong": len(wrong), "wrong_status": max(wrong, default=0),
            "broken": int(re.search(r"(\d+) errored", out)[1]), "timeouts": int(re.search(r"(\d+) timeout", out)[1]),
            "us": {name: times[min(len(times) - 1, int(len(times) * float(name) / 100))]
                   for name in ("50", "90", "99", "99.9", "100")}}


def with_open_loop(system, load, size, connections, seconds, seed, run_folder, rate):
    out = run([OPEN_LOOP, "--rate", str(rate), "--connections", str(connections), "--seconds", str(seconds)],
              {**environment(system, load, size, seed, run_folder), "BENCH_PORT": str(system.port)}, seconds + 30)
    return json.loads(out)


def sample(system, cell, seed, run_folder):
    """Measures one round; adds the CPU time for each request, of each role of the system and of the generator."""
    load = cell.load_for(system.name)
    arguments = (system, load, cell.size, cell.connections, cell.seconds, seed, run_folder)
    before, own_before = system.cpu(), resource.getrusage(resource.RUSAGE_CHILDREN)
    if cell.tool == "h2load":
        taken = with_h2load(*arguments)
    elif cell.tool == "open-loop":
        taken = with_open_loop(*arguments, cell.rate)
    else:
        taken = with_wrk(*arguments)
    after, own_after = system.cpu(), resource.getrusage(resource.RUSAGE_CHILDREN)
    requests = max(1, taken["requests"])
    used = {role: after[role] - before[role] for role in before}
    used["generator"] = own_after.ru_utime + own_after.ru_stime - own_before.ru_utime - own_before.ru_stime
    taken["cpu_us"] = {role: round(1e6 * seconds / requests, 2) for role, seconds in used.items()}
    return taken


def check(system, cell, seed, run_folder):
    """A second of the cell before it is timed, in which each status is compared; it also warms the system up."""
    load = cell.load_for(system.name)
    return with_wrk(system, load, cell.size, cell.connections, 1, seed, run_folder, check=True)


def fill(system, size, run_folder, deadline_seconds=40):
    """Posts the messages of STORED to a system through its own front door, with wrk, a second at a time."""
    if system.name == CEILING or "post_path" not in system.about:
        return
    connections = min(64, STORED[size] // 8)
    # What was on its way when a second ended may not have arrived: so much is sent again.
    margin = 3 * connections
    first, spent = 0, 0
    while first < STORED[size] + margin:
        if spent > deadline_seconds:
            raise RuntimeError(f"stored only {first} of {STORED[size]} messages in {spent} s")
        taken = with_wrk(system, "fill", size, connections, 1, "stored", run_folder, first, check=True)
        spent += 1
        if taken["wrong"]:
            raise RuntimeError(f"{taken['wrong']} messages were answered {taken['wrong_status']}")
        first += max(1, taken["requests"] - margin)
