"""The plots, drawn by gnuplot as SVG."""

import subprocess

STYLE = """set terminal svg size 900,{height} font 'sans-serif,13' background rgb 'white'
set output '{output}'
set title '{title}'
set datafile separator '\\t'
set style fill solid 0.85 noborder
set border 3
set tics nomirror out
set key off
"""


def gnuplot(script):
    subprocess.run(["gnuplot"], input=script, text=True, check=True, timeout=60)


def quoted(text):
    return text.replace("'", "''").replace("_", "\\\\_")


def bars(document, cell, title, output):
    """A bar for each system, as a share of the ceiling's rate; ours in a colour of their own."""
    taken = document["cells"][cell]["systems"]
    static = taken["ceiling"]["rate"]
    ranked = sorted(taken.items(), key=lambda item: item[1]["rate"])
    rows = "\n".join(f"{index}\t{values['rate'] / static:.4f}\t{document['systems'][name]['title']}\t{colour(name)}"
                     f"\t{values['rate']:,.0f}/s" + (" (failures)" if values["failed"] else "")
                     for index, (name, values) in enumerate(ranked))
    script = STYLE.format(height=90 + 34 * len(ranked), output=output, title=quoted(title))
    script += f"$bars << END\n{rows}\nEND\n"
    widest = max(values["rate"] for values in taken.values()) / static
    script += (f"set xrange [0:{1.18 * widest:.3f}]\nset xlabel 'share of the static file'\nset grid x\nset boxwidth 0.7\n"
               f"set yrange [-0.6:{len(ranked) - 0.4}]\n"
               "plot $bars using (0):1:(0):2:($1-0.35):($1+0.35):4:ytic(3) with boxxyerror lc rgb variable, "
               "'' using ($2+0.01):1:5 with labels left\n")
    gnuplot(script)


def colour(name):
    if name == "ceiling":
        return 0x888888
    return 0x1F6FB4 if name.startswith("hashpost-") else 0xD9A441


def latencies(document, cell, title, output):
    """Percentiles of the open loop, counted from when each request was due."""
    taken = {name: values for name, values in document["cells"][cell]["systems"].items()}
    script = STYLE.format(height=420, output=output, title=quoted(title))
    plots = []
    for index, (name, values) in enumerate(taken.items()):
        points = "\n".join(f"{place}\t{values['us'][percent] / 1000:.4f}"
                           for place, percent in enumerate(("50", "90", "99", "99.9")))
        script += f"$line{index} << END\n{points}\nEND\n"
        plots.append(f"$line{index} using 1:2 with linespoints lw 2 pt 7 title '{quoted(document['systems'][name]['title'])}'")
    script += ("set key outside right top Left reverse\nset logscale y\nset ylabel 'ms from when the request was due'\nset grid y\n"
               "set xrange [-0.2:3.2]\nset xtics ('p50' 0, 'p90' 1, 'p99' 2, 'p99.9' 3)\nplot " + ", ".join(plots) + "\n")
    gnuplot(script)


PLOTS = (
    (bars, "get-64-c64", "GET of 64 bytes, 64 connections", "get.svg"),
    (bars, "post-new-64-c64", "Durable new POST of 64 bytes, 64 connections", "post.svg"),
    (latencies, "get-64-open", "GET at a fixed rate", "get-latency.svg"),
    (latencies, "post-new-64-open", "Durable POST at a fixed rate", "post-latency.svg"),
)


def render(document, folder):
    """Draws what the document has figures for; returns (file name, title) of each."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for draw, cell, title, name in PLOTS:
        taken = document["cells"].get(cell, {}).get("systems", {})
        if taken and (draw is not bars or "ceiling" in taken):
            draw(document, cell, title, folder / name)
            drawn.append((name, title))
    return drawn
