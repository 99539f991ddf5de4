"""The matrix: named cells, each one load at one size over some connections, and who takes part."""

import dataclasses
import fnmatch
from dataclasses import dataclass

EXPECTED = {
    "get": (200,), "get-miss": (404,), "not-modified": (304,), "empty": (204,), "post-new": (201,),
    "post-known": (200,), "mix": (200, 201), "fill": (200, 201),
}
CEILING = "ceiling"
# The ceiling has files only. Where it stands beside writes, it is its static file that does.
REFERENCE = {"post-new": "get", "mix": "get", "post-known": "get"}

# Messages in the store before a cell, by size.
STORED = {64: 10_000, 4096: 2_000, 262144: 100, 1048576: 64}


@dataclass(frozen=True)
class Cell:
    name: str
    load: str
    size: int = 64
    connections: int = 64
    tool: str = "wrk"  # wrk: HTTP/1.1 closed loop; h2load: HTTP/2 closed loop; open-loop: HTTP/1.1 at a fixed rate
    rate: int = 0
    rounds: int = 3
    seconds: int = 2
    others: int = 0  # rounds of the peers, if not as many
    systems: tuple = ()  # empty: all that know the load
    fresh: bool = False  # every system starts again with an empty store and the messages of STORED

    def takes(self, name, loads):
        """Does the system take part?"""
        if self.systems and name not in self.systems:
            return False
        return self.load_for(name) in loads

    def rounds_for(self, name):
        return self.rounds if name in CLOSE or not self.others else self.others

    def load_for(self, name):
        return REFERENCE.get(self.load, self.load) if name == CEILING else self.load


OWN = ("hashpost-apache", "hashpost-lighttpd", "hashpost-nginx")
CLOSE = (CEILING,) + OWN
WITH_NGINX = CLOSE + ("nginx-lua-redis",)
RIVALS = WITH_NGINX + ("go-bbolt-tls",)

# Reads before writes: what is posted makes the stores larger. One client before many: a bare put is measured beside it, on a
# store of the same size.
FULL = (
    Cell("get-64-c64", "get", rounds=5, others=3),
    Cell("empty-c64", "empty"),
    Cell("get-64-c512", "get", connections=512, seconds=3, systems=CLOSE),
    Cell("get-64-c1", "get", connections=1, systems=WITH_NGINX),
    Cell("get-miss-c64", "get-miss", systems=WITH_NGINX),
    Cell("not-modified-c64", "not-modified", systems=CLOSE),
    Cell("get-4k-c64", "get", size=4096, systems=WITH_NGINX),
    Cell("get-1m-c64", "get", size=1048576, rounds=5, systems=CLOSE),
    Cell("get-64-h2", "get", tool="h2load", systems=WITH_NGINX),
    Cell("get-64-open", "get", tool="open-loop", rate=5000, rounds=2, seconds=3, systems=RIVALS),
    Cell("post-new-64-c1", "post-new", connections=1, systems=RIVALS),
    Cell("post-new-64-c64", "post-new", rounds=5, others=3, fresh=True),
    Cell("post-known-64-c64", "post-known", systems=WITH_NGINX),
    Cell("mix-64-c64", "mix", systems=RIVALS),
    Cell("post-new-64-open", "post-new", tool="open-loop", rate=2500, rounds=2, seconds=3, systems=RIVALS),
    Cell("post-new-256k-c64", "post-new", size=262144, systems=WITH_NGINX),
)
QUICK_SYSTEMS = (CEILING, "hashpost-apache")
QUICK = (
    Cell("get-64-c64", "get", rounds=5, systems=QUICK_SYSTEMS),
    Cell("get-64-c1", "get", connections=1, rounds=3, seconds=1, systems=QUICK_SYSTEMS),
    Cell("get-1m-c64", "get", size=1048576, rounds=3, seconds=2, systems=QUICK_SYSTEMS),
    Cell("post-new-64-c1", "post-new", connections=1, rounds=3, seconds=1, systems=QUICK_SYSTEMS),
    Cell("post-new-64-c64", "post-new", rounds=5, systems=QUICK_SYSTEMS),
)
MATRICES = {"full": FULL, "quick": QUICK}


def matches(name, patterns):
    """Is the name one of the patterns (with commas between)? No patterns: every name is."""
    return not patterns or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns.split(","))


def changed(cell, rounds, seconds):
    """The cell with other rounds and seconds, where they are given."""
    if rounds:
        cell = dataclasses.replace(cell, rounds=rounds, others=rounds)
    return dataclasses.replace(cell, seconds=seconds) if seconds else cell
