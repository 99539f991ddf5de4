"""What is measured besides the cells: the bare store and disk, and bulk. A part that is not built or fails is
left out, and says so."""

import json
import subprocess
import threading
import time

from runner import figures, progress, systems
from runner.cells import STORED
from runner.load import message

PROBE = systems.ROOT / "build/bench/hashpost-probe"
OURS = "hashpost-apache"
# The default of HASHPOST_BULK_BATCH_LINES.
BATCH = next(int(line.split("|")[1]) for line in (systems.ROOT / "service/settings.table").open() if line.startswith("HASHPOST_BULK_BATCH_LINES "))
BULK_LINES = 200_000
LARGE_LINES, LARGE_BYTES = 262_144, 4096  # 1 GiB of messages
ANSWER_BYTES = 1 << 20


def ask_probe(run_folder, command, *options, folder=None):
    """One answer of bench/native. The store stays, and is larger the next time."""
    done = subprocess.run([PROBE, command, f"--folder={run_folder}/probe-{folder or command}", *options], capture_output=True, text=True,
                          timeout=120, check=True, stdin=subprocess.DEVNULL)
    return json.loads(done.stdout)


class BarePut:
    """One put and its commit by LMDB alone, on a store of as many messages; measured between the rounds of a lone
    client, when the disk is as it was for that."""

    def __init__(self, run_folder):
        self.run_folder, self.p50, self.p99 = run_folder, [], []

    def round(self):
        try:
            if not self.p50:
                ask_probe(self.run_folder, "fill", f"--count={STORED[64]}", folder="put-one")
            taken = ask_probe(self.run_folder, "put-one", "--count=2000")
        except (OSError, subprocess.SubprocessError) as fault:
            progress.say(f"the bare put was not measured: {fault}")
            return
        self.p50.append(taken["p50_us"])
        self.p99.append(taken["p99_us"])

    def figures(self):
        return {"put_commit_us": figures.median(self.p50), "put_commit_p99_us": figures.median(self.p99)} if self.p50 else {}


def lines(seed, count, size):
    for index in range(count):
        yield b'{"message":"%s"}\n' % message(seed, index, size).encode()


def blocks(parts, size=1 << 16):
    """The same bytes in larger pieces."""
    block = bytearray()
    for part in parts:
        block += part
        if len(block) >= size:
            yield bytes(block)
            block.clear()
    yield bytes(block)


def bulk_with_curl(system, body_file, run_folder):
    """Seconds of one upload of a file, and how many of its lines were answered 201."""
    answers = run_folder / "bulk-answers"
    started = time.monotonic()
    subprocess.run(["curl", "-q", "--noproxy", "*", "-ksS", "--fail", "--http1.1", "--max-time", "120", "-X", "POST", "-T", str(body_file), "-o", str(answers),
                    "-H", "Content-Type: application/x-ndjson", "-H", "Expect:", system.url + "/messages"],
                   check=True, timeout=150, stdin=subprocess.DEVNULL)
    seconds = time.monotonic() - started
    with answers.open("rb") as file:
        created = sum(line.startswith(b'{"status":201,') for line in file)
    answers.unlink()
    return seconds, created


def bulk(system, run_folder, rounds, count=BULK_LINES):
    """Bulk through the front against the bare loop, in alternating rounds; both stores grow alike."""
    rates, loops = [], []
    body = run_folder / "bulk-body"
    for number in range(rounds):
        with body.open("wb") as file:
            file.writelines(blocks(lines(f"bulk-{number}", count, 64)))
        loops.append(ask_probe(run_folder, "put-loop", f"--count={count}", f"--batch={BATCH}")["messages_per_second"])
        seconds, created = bulk_with_curl(system, body, run_folder)
        if created != count:
            raise RuntimeError(f"{count - created} of {count} lines were not answered 201")
        rates.append(count / seconds)
    body.unlink()
    return {"bulk_messages_per_second": round(figures.median(rates)), "bulk_batch": BATCH,
            "put_loop_messages_per_second": round(figures.median(loops)), "bulk_samples": rates, "put_loop_samples": loops}


def bulk_memory(system, run_folder):
    """What a bulk upload of 1 GiB adds to the anonymous memory of a worker, at its highest."""
    body = run_folder / "bulk-body"
    with body.open("wb") as file:
        file.writelines(blocks(lines("large", LARGE_LINES, LARGE_BYTES)))
    before = system.rss_anon("worker")
    peaks, stop = list(before), threading.Event()

    def watch():
        while not stop.wait(0.1):
            peaks[:] = map(max, peaks, system.rss_anon("worker"))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        seconds, created = bulk_with_curl(system, body, run_folder)
    finally:
        stop.set()
        watcher.join()
        body.unlink()
    if created != LARGE_LINES:
        raise RuntimeError(f"{LARGE_LINES - created} of {LARGE_LINES} lines were not answered 201")
    peaks[:] = map(max, peaks, system.rss_anon("worker"))
    added = max(peak - start for peak, start in zip(peaks, before))
    return {"bulk_rss_anon_mib": round(added / (1 << 20), 1), "bulk_gib_seconds": round(seconds, 1)}


def measure(running, run_folder, matrix):
    """The figures of all parts, with what went wrong under "errors"."""
    found, errors = {}, {}
    ours = next((system for system in running if system.name == OURS and not system.error), None)
    parts = [("bulk", lambda: fresh(ours) or bulk(ours, run_folder, 3)),
             ("memory of a bulk upload of 1 GiB", lambda: bulk_memory(ours, run_folder))]
    if not ours or matrix != "full":
        parts = []
    for name, part in parts:
        try:
            progress.say(f"measuring: {name}")
            found.update(part())
        except Exception as fault:  # the table says "not measured" instead
            errors[name] = str(fault)
            progress.say(f"{name}: {fault}")
    return {**found, "errors": errors}


def fresh(system):
    """An empty store, as the bare loop begins with."""
    system.stop()
    system.start()
