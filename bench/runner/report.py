"""What a run says at its end: the JSON, the tables for the terminal and for docs/benchmarks.md."""

import datetime
import json
import pathlib
import re

from runner import figures, plots, systems

DOCUMENT = systems.ROOT / "docs/benchmarks.md"
README = systems.ROOT / "README.md"


def number(value):
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def with_growth(document, results_folder):
    """The document with the newest figures of make bench-growth, which is run apart."""
    files = sorted(pathlib.Path(results_folder).glob("growth-*.json"))
    return {**document, "growth": json.loads(files[-1].read_text()).get("figures", {})} if files else document


def write(document, folder):
    folder.mkdir(parents=True, exist_ok=True)
    date = datetime.datetime.fromisoformat(document["date"])
    path = folder / f"{date:%Y-%m-%dT%H%M%S}{'' if document['matrix'] == 'full' else '-' + document['matrix']}.json"
    path.write_text(compact(document) + "\n")
    return path


def compact(document):
    """JSON without the single rounds, whose medians it has; the innermost lists and objects stand on one line each."""
    cells = {name: {key: value for key, value in cell.items() if key not in ("samples", "checks")}
             for name, cell in document["cells"].items()}
    text = json.dumps({**document, "cells": cells}, indent=1, ensure_ascii=False)
    return re.sub(r"[{\[][^{}\[\]]*[}\]]", lambda found: re.sub(r"\s*\n\s*", " ", found[0]), text)


def first_lines(text, count=4):
    return "\n  ".join(text.splitlines()[:count])


def verdict(row):
    return {True: "met", False: "not met", None: "not measured"}[row["met"]]


def terminal(document):
    """The figures wanted, with what failed and what broke."""
    lines = []
    for name, cell in document["cells"].items():
        for system, taken in cell["systems"].items():
            if taken["failed"]:
                lines.append(f"FAILED answers: {name}, {system}: {taken['failed']} of {taken['requests']}"
                             + (f" (status {taken['wrong_status']})" if taken["wrong_status"] else ""))
        for system, error in cell["errors"].items():
            if not document["systems"].get(system, {}).get("error"):
                lines.append(f"FAILED cell: {name}, {system}: {first_lines(error)}")
    for name, system in document["systems"].items():
        if system["error"]:
            lines.append(f"FAILED system: {name}: {first_lines(system['error'])}")
    lines.append("")
    rows = document["figures"]
    width = max(len(row["what"]) for row in rows)
    for row in rows:
        note = f"  ({row['note']})" if row["note"] else ""
        lines.append(f"{row['what']:{width}}  {number(row['measured']):>7}  {row['wanted']:>7}  {verdict(row)}{note}")
    return "\n".join(lines)


def markdown(header, rows):
    align = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, align, *rows]) + "\n"


def figures_table(document):
    rows = [[row["what"], number(row["measured"]), row["wanted"], verdict(row) + (f" ({row['note']})" if row["note"] else "")]
            for row in document["figures"]]
    return markdown(["what", "measured", "wanted", ""], rows)


def milliseconds(us):
    return f"{us / 1000:.1f} ms"


def readme_table(document):
    """What README tells: rates and latencies at 64 connections, the static file first, then the fastest."""
    rows = []
    for name, what in (("get-64-c64", "GET"), ("post-new-64-c64", "durable POST")):
        cell = document["cells"][name]["systems"]
        shown = [key for key in cell if key.startswith("hashpost-") or key == "nginx-lua-redis"]
        shown.sort(key=lambda key: -cell[key]["rate"])
        for key in ["ceiling"] * (what == "GET") + shown:
            taken = cell[key]
            rows.append([f"{what}, {document['systems'][key]['title']}", number(taken["rate"]),
                         f"{taken['rate'] / cell['ceiling']['rate']:.2f}", milliseconds(taken["us"]["50"]), milliseconds(taken["us"]["99"])])
    return markdown(["64 bytes, 64 connections, TLS", "requests/s", "÷ static file", "p50", "p99"], rows)


def cell_table(document, name):
    cell = document["cells"][name]
    static = cell["systems"].get("ceiling")
    rows = []
    ranked = sorted(cell["systems"].items(), key=lambda item: -item[1]["rate"])
    for system, taken in ranked:
        ratio = figures.divide(taken["rate"], static["rate"]) if static else None
        us = taken["us"]
        failed = f"**{taken['failed']}**" if taken["failed"] else "0"
        cpu = ", ".join(f"{role} {value:.0f}" for role, value in taken["cpu_us"].items() if value >= 0.5)
        rows.append([document["systems"][system]["title"], number(taken["rate"]), number(ratio), number(us["50"]), number(us["99"]), cpu,
                     failed])
    for system, error in cell["errors"].items():
        rows.append([document["systems"][system]["title"], "failed", "", "", "", "", " ".join(error.split())[:100].replace("|", "/")])
    return markdown(["system", "requests/s", "÷ static", "p50 µs", "p99 µs", "CPU µs a request", "failed"], rows)


def cell_title(name, cell):
    size = {64: "64 B", 4096: "4 KiB", 262144: "256 KiB", 1048576: "1 MiB"}.get(cell["size"], f"{cell['size']} B")
    how = {"wrk": "HTTP/1.1, closed loop", "h2load": "HTTP/2, closed loop, eight streams on each connection",
           "open-loop": f"HTTP/1.1, open loop at {cell['rate']:,} requests/s"}[cell["tool"]]
    disk = cell["fdatasync_us"]
    durable = f"; fdatasync of this disk just before: p50 {disk['p50']:.0f} µs, p99 {disk['p99']:.0f} µs" if disk else ""
    streams = "streams" if cell["tool"] == "h2load" else "connection" + ("s" if cell["connections"] != 1 else "")
    return f"### {name}\n\n{cell['load']}, {size}, {cell['connections']} {streams}, {how}{durable}.\n"


def conditions(document):
    host = document["host"]
    disk = host["fdatasync_us"]
    programs = "; ".join(f"{name}: {version}" for name, version in host["programs"].items())
    changed = ", ".join(f"--{name}={value}" for name, value in document.get("shortened", {}).items() if value)
    short = f" **A shortened run ({changed}), not the one of make bench.**" if changed else ""
    return (f"Run of {document['date']}, revision {host['revision']}, {document['took_seconds'] // 60} min "
            f"{document['took_seconds'] % 60} s. {host['cores']} cores of {host['cpu']}, {host['memory']}, "
            f"{host['os']}, kernel {host['kernel']}. Stores on {host['disk']}: fdatasync of a page p50 {disk['p50']:.0f} µs, "
            f"p99 {disk['p99']:.0f} µs.{short}\n\n{programs}.\n")


def replace_part(text, name, part):
    """The text with what stands between the markers of that name replaced."""
    pattern = re.compile(rf"(<!-- {name}: begin[^\n]*-->\n).*?(<!-- {name}: end -->)", re.S)
    return pattern.sub(lambda found: found[1] + "\n" + part.strip() + "\n\n" + found[2], text)


def publish(document):
    """Puts tables and plots into docs/ and README. Of a quick run only the table of its figures goes to the terminal."""
    if document["matrix"] != "full":
        return
    names = plots.render(document, systems.ROOT / "docs/images")
    text = DOCUMENT.read_text()
    text = replace_part(text, "figures", figures_table(document))
    text = replace_part(text, "conditions", conditions(document))
    cells = "\n".join(cell_title(name, cell) + "\n" + cell_table(document, name) for name, cell in document["cells"].items())
    text = replace_part(text, "cells", cells)
    text = replace_part(text, "plots", "\n".join(f"![{title}](images/{name})" for name, title in names))
    DOCUMENT.write_text(text)
    README.write_text(replace_part(README.read_text(), "figures", readme_table(document)))
