"""Pure arithmetic of the benchmarks: medians, failures, ratios, and the table of what the figures should be."""

import statistics

# name, how it is told, how it is computed (a function of Results), what is wanted, and which way is better.
AT_LEAST, AT_MOST = "≥", "≤"


def failures(sample):
    """How many requests of a sample were not answered as they must be."""
    return sample["wrong"] + sample["broken"] + sample["timeouts"]


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def divide(value, by):
    return value / by if value is not None and by else None


def summary(samples, check=None):
    """What is told of the rounds of one system in one cell: medians, and the failures of all rounds and of the
    check before them together."""
    if not samples:
        return None
    everything = [*samples, check] if check else samples
    roles = sorted({role for sample in samples for role in sample.get("cpu_us", {})})
    return {
        "rate": median([sample["requests"] / sample["seconds"] for sample in samples]),
        "bytes_per_second": median([sample["bytes"] / sample["seconds"] for sample in samples]),
        "us": {percent: median([sample["us"].get(percent) for sample in samples]) for percent in samples[0]["us"]},
        "cpu_us": {role: median([sample["cpu_us"].get(role) for sample in samples]) for role in roles},
        "requests": sum(sample["requests"] for sample in everything),
        "failed": sum(failures(sample) for sample in everything),
        "wrong_status": max(sample.get("wrong_status", 0) for sample in everything),
        "rounds": len(samples),
    }


class Results:
    """Medians by cell and system, as bench/results/*.json has them; None for what was not measured."""

    def __init__(self, document):
        self.cells = document.get("cells", {})
        self.systems = document.get("systems", {})
        self.probes = document.get("probes", {})
        self.growth = document.get("growth", {})

    def of(self, cell, system):
        return self.cells.get(cell, {}).get("systems", {}).get(system)

    def rate(self, cell, system, key="rate"):
        found = self.of(cell, system)
        return found[key] if found else None

    def p50(self, cell, system):
        found = self.of(cell, system)
        return found["us"]["50"] if found else None

    def best(self, cell, systems):
        """The fastest of the systems that ran the cell without a failure: (rate, name), or (None, None)."""
        rates = [(self.rate(cell, name), name) for name in systems
                 if self.of(cell, name) and not self.of(cell, name)["failed"]]
        return max(rates, default=(None, None))

    def peers_behind(self, front):
        return [name for name, system in self.systems.items() if system["peer"] and system["front"].lower() == front]

    def own(self):
        return [name for name in self.systems if name.startswith("hashpost-")]


def loss(results, system):
    return divide(results.rate("get-64-c512", system), results.rate("get-64-c64", system))


def lone_extra(results):
    post, get = results.p50("post-new-64-c1", "hashpost-apache"), results.p50("get-64-c1", "hashpost-apache")
    # A POST that seems faster than a GET tells of a busy machine, not of a bound that is met.
    return divide(post - get, results.probes.get("put_commit_us")) if post and get and post > get else None


def table(document):
    """The figures wanted, measured: a list of {"what", "measured", "wanted", "met"}; met is None if not measured."""
    results = Results(document)
    ours = "hashpost-apache"
    static = results.rate("get-64-c64", "ceiling")
    post_static = results.rate("post-new-64-c64", "ceiling") or static
    get, post = results.rate("get-64-c64", ours), results.rate("post-new-64-c64", ours)
    peers = results.peers_behind("apache")
    best_get, get_front = results.best("get-64-c64", results.own())
    best_post, post_front = results.best("post-new-64-c64", results.own())
    peer_get, peer_post = results.best("get-64-c64", peers), results.best("post-new-64-c64", peers)
    rss = results.probes.get("bulk_rss_anon_mib")
    rows = [
        ("GET behind Apache ÷ Apache's tuned static file", divide(get, static), AT_LEAST, 0.75, ""),
        ("durable new POST behind Apache ÷ the same static file", divide(post, post_static), AT_LEAST, 0.55, ""),
        ("GET behind Apache ÷ the best peer there", divide(get, peer_get[0]), AT_LEAST, 1.2, peer_get[1]),
        ("POST behind Apache ÷ the best peer there", divide(post, peer_post[0]), AT_LEAST, 2.5, peer_post[1]),
        ("GET, best front ÷ nginx + Lua + Redis", divide(best_get, results.rate("get-64-c64", "nginx-lua-redis")),
         AT_LEAST, 1.0, get_front),
        ("durable POST, best front ÷ nginx + Lua + Redis (AOF always)",
         divide(best_post, results.rate("post-new-64-c64", "nginx-lua-redis")), AT_LEAST, 1.0, post_front),
        ("durable POST, best front ÷ Go + bbolt with its own TLS",
         divide(best_post, results.rate("post-new-64-c64", "go-bbolt-tls")), AT_LEAST, 4.0, post_front),
        ("bulk messages/s ÷ a bare loop of sorted mdb_put",
         divide(results.probes.get("bulk_messages_per_second"), results.probes.get("put_loop_messages_per_second")),
         AT_LEAST, 0.8, ""),
        ("1 MiB GET bytes/s ÷ static 1 MiB file",
         divide(results.rate("get-1m-c64", ours, "bytes_per_second"),
                results.rate("get-1m-c64", "ceiling", "bytes_per_second")), AT_LEAST, 0.6, ""),
        ("GET at 10 million messages ÷ at 10 thousand", results.growth.get("get_ratio"), AT_LEAST, 0.85, ""),
        ("durable POST at 10 million messages ÷ at 10 thousand", results.growth.get("post_ratio"), AT_LEAST, 0.7, ""),
        ("lone client: (p50 POST − p50 GET) ÷ p50 of a bare put and commit", lone_extra(results), AT_MOST, 1.5, ""),
        ("GET, 512 ÷ 64 connections, relative to the static file's", divide(loss(results, ours), loss(results, "ceiling")),
         AT_LEAST, 0.9, ""),
        ("RssAnon added by a 1 GiB bulk upload, MiB a worker", rss, AT_MOST, 16.0, ""),
    ]
    return [row(results, *values) for values in rows]


def row(results, what, measured, sign, bound, note):
    met = None
    if measured is not None:
        met = measured >= bound if sign == AT_LEAST else measured <= bound
        if "512" in what:
            met = met and not results.of("get-64-c512", "hashpost-apache")["failed"]
    return {"what": what, "measured": measured, "wanted": f"{sign} {bound:g}", "met": met, "note": note or ""}
