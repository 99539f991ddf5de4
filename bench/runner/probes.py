"""What is measured besides the cells: the bare store, and bulk. A part that is not built or fails is left out,
and says so."""

import json
import subprocess

from runner import progress, systems

PROBE = systems.ROOT / "build/bench/hashpost-probe"


def ask_probe(run_folder, command, *options):
    """One answer of bench/native, from a store of its own."""
    done = subprocess.run([PROBE, command, f"--folder={run_folder}/probe-{command}", *options], capture_output=True, text=True,
                          timeout=120, check=True, stdin=subprocess.DEVNULL)
    return json.loads(done.stdout)


def bare_store(run_folder):
    return {"put_commit_us": ask_probe(run_folder, "put-one", "--count=2000")["p50_us"]}


def measure(running, run_folder, matrix):
    found, errors = {}, {}
    parts = [("bare store", lambda: bare_store(run_folder))]
    for name, part in parts:
        try:
            progress.say(f"measuring: {name}")
            found.update(part())
        except Exception as fault:  # the table says "not measured" instead
            errors[name] = str(fault)
            progress.say(f"{name}: {fault}")
    return {**found, "errors": errors}
