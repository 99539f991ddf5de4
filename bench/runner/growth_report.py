"""What make bench-growth says: JSON, the plot, and its part of docs/benchmarks.md."""

import datetime
import json

from runner import plots, report, systems


def figures(stores):
    """The two ratios that are wanted; None unless both stores were measured."""
    by_size = {store["messages"]: store for store in stores}
    small, large = by_size.get(10_000), by_size.get(10_000_000)
    if not (small and large):
        return {"get_ratio": None, "post_ratio": None}
    return {"get_ratio": large["get_rate"] / small["get_rate"], "post_ratio": large["post_rate"] / small["post_rate"]}


def write(document, folder):
    folder.mkdir(parents=True, exist_ok=True)
    date = datetime.datetime.fromisoformat(document["date"])
    path = folder / f"growth-{date:%Y-%m-%dT%H%M%S}.json"
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return path


def table(stores):
    header = ["messages", "GET/s", "POST/s", "bulk messages/s", "bare mdb_put/s", "bytes a message", "start, s",
              "RssAnon, MiB", "Rss, MiB"]
    rows = [[f"{store['messages']:,}", report.number(store["get_rate"]), report.number(store["post_rate"]),
             report.number(store["bulk_rate"]), report.number(store["bare_put_rate"]),
             report.number(store["bytes_per_message"]), f"{store['start_seconds']:.2f}",
             f"{store['rss_anon_kb'] / 1024:.0f}", f"{store['rss_kb'] / 1024:.0f}"] for store in stores]
    return header, rows


def conditions(document):
    syncs = [store["fdatasync_p50_us"] for store in document["stores"]]
    return (f"Run of {document['date']}, revision {document['host']['revision']}, {document['took_seconds'] // 60} min "
            f"{document['took_seconds'] % 60} s, on {document['host']['disk']}; p50 of fdatasync before the POSTs "
            f"{min(syncs):.0f}–{max(syncs):.0f} µs. Messages of 64 bytes, 64 connections; `bare mdb_put` is LMDB by itself "
            "in sorted commits of 32; memory is that of both workers, and Rss counts the pages of the store that they read.")


def text(document):
    header, rows = table(document["stores"])
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    lines = ["  ".join(value.rjust(width) for value, width in zip(row, widths)) for row in (header, *rows)]
    wanted = {"get_ratio": ("GET", 0.85), "post_ratio": ("durable POST", 0.7)}
    for name, (what, bound) in wanted.items():
        ratio = document["figures"][name]
        if ratio is not None:
            verdict = "met" if ratio >= bound else "not met"
            lines.append(f"{what} at 10 million messages ÷ at 10 thousand: {ratio:.2f} (at least {bound}: {verdict})")
    return conditions(document) + "\n\n" + "\n".join(lines)


def plot(stores, output):
    script = plots.STYLE.format(height=420, output=output, title="Requests a second against the size of the store")
    lines = []
    for name, title, colour in (("get_rate", "GET", "#1F6FB4"), ("post_rate", "durable POST", "#D9541A"),
                                ("bulk_rate", "bulk, messages", "#3B8F4A"), ("bare_put_rate", "bare mdb put", "#888888")):
        points = "\n".join(f"{store['messages']}\t{store[name]:.0f}" for store in stores if store[name])
        if points:
            script += f"${name} << END\n{points}\nEND\n"
            lines.append(f"${name} using 1:2 with linespoints lw 2 pt 7 lc rgb '{colour}' title '{title}'")
    script += ("set key top right\nset logscale x\nset format x '10^{%L}'\nset xlabel 'messages in the store'\n"
               "set yrange [0:]\nset grid y\nplot " + ", ".join(lines) + "\n")
    plots.gnuplot(script)


def publish(document):
    """Puts the plot into docs/images and the table between the markers of docs/benchmarks.md."""
    folder = systems.ROOT / "docs/images"
    folder.mkdir(parents=True, exist_ok=True)
    plot(document["stores"], folder / "growth.svg")
    if not report.DOCUMENT.exists():
        return
    part = conditions(document) + "\n\n" + report.markdown(*table(document["stores"])) + "\n\n![growth](images/growth.svg)"
    report.DOCUMENT.write_text(report.replace_part(report.DOCUMENT.read_text(), "growth", part))
