#!/usr/bin/python3
"""The pure parts of the benchmarks: medians, failures, ratios, tables. Run by bench.bats."""

import json
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))

from runner import cells, figures, load, report  # noqa: E402


def sample(rate, wrong=0, p50=100.0, status=0):
    return {"requests": rate * 2, "seconds": 2.0, "bytes": rate * 200, "right": 0, "wrong": wrong, "wrong_status": status,
            "broken": 0, "timeouts": 0, "us": {"50": p50, "99": 2 * p50}, "cpu_us": {"httpd": 10.0}}


def document(**rates):
    """A document with one cell; rates are by system, with _ for -."""
    named = {name.replace("_", "-"): figures.summary([sample(rate)]) for name, rate in rates.items()}
    systems = {name: {"front": "apache", "peer": name.startswith("peer"), "title": name, "error": None} for name in named}
    cell = {"systems": named, "errors": {}, "size": 64, "tool": "wrk", "connections": 64, "load": "get", "rate": 0,
            "fdatasync_us": None}
    return {"cells": {"get-64-c64": cell}, "systems": systems, "probes": {}}


def row(rows, start):
    return next(row for row in rows if row["what"].startswith(start))


class Summary(unittest.TestCase):
    def test_the_median_of_the_rounds_counts(self):
        self.assertEqual(figures.summary([sample(10), sample(90), sample(30)])["rate"], 30)
        self.assertEqual(figures.summary([sample(10), sample(30)])["rate"], 20)

    def test_failures_of_all_rounds_and_of_the_check_are_added(self):
        broken = {**sample(10), "broken": 3, "timeouts": 4}
        told = figures.summary([sample(10, wrong=2, status=500), broken], sample(5, wrong=1, status=404))
        self.assertEqual((told["failed"], told["wrong_status"]), (10, 500))

    def test_no_sample_is_no_figure(self):
        self.assertIsNone(figures.summary([]))
        self.assertIsNone(figures.median([]))
        self.assertIsNone(figures.divide(1, None))
        self.assertIsNone(figures.divide(None, 1))


class Table(unittest.TestCase):
    def test_a_ratio_is_of_the_medians_of_the_same_cell(self):
        rows = figures.table(document(ceiling=200, hashpost_apache=160, peer_one=100, peer_two=120))
        self.assertEqual(row(rows, "GET behind Apache ÷ Apache's")["measured"], 0.8)
        self.assertTrue(row(rows, "GET behind Apache ÷ Apache's")["met"])
        self.assertAlmostEqual(row(rows, "GET behind Apache ÷ the best")["measured"], 160 / 120)
        self.assertEqual(row(rows, "GET behind Apache ÷ the best")["note"], "peer-two")

    def test_what_is_too_slow_is_not_met_and_what_is_missing_not_measured(self):
        rows = figures.table(document(ceiling=200, hashpost_apache=100))
        self.assertIs(row(rows, "GET behind Apache ÷ Apache's")["met"], False)
        self.assertIsNone(row(rows, "bulk")["met"])
        self.assertEqual(len(rows), 14)

    def test_a_peer_whose_answers_failed_is_not_the_best(self):
        told = document(ceiling=200, hashpost_apache=160, peer_one=100, peer_two=150)
        told["cells"]["get-64-c64"]["systems"]["peer-two"]["failed"] = 1
        self.assertEqual(row(figures.table(told), "GET behind Apache ÷ the best")["note"], "peer-one")

    def test_an_upper_bound_is_met_from_below(self):
        told = document(ceiling=200)
        told["probes"] = {"bulk_rss_anon_mib": 12.0}
        self.assertTrue(row(figures.table(told), "RssAnon")["met"])
        told["probes"] = {"bulk_rss_anon_mib": 17.0}
        self.assertIs(row(figures.table(told), "RssAnon")["met"], False)

    def test_the_lone_client_is_told_by_medians_of_latency(self):
        told = document(ceiling=200)
        for name, p50 in (("get-64-c1", 100.0), ("post-new-64-c1", 250.0)):
            told["cells"][name] = {"systems": {"hashpost-apache": figures.summary([sample(10, p50=p50)])}}
        told["probes"] = {"put_commit_us": 100.0}
        self.assertEqual(row(figures.table(told), "lone")["measured"], 1.5)
        told["cells"]["get-64-c1"] = {"systems": {"hashpost-apache": figures.summary([sample(10, p50=4000.0)])}}
        self.assertIsNone(row(figures.table(told), "lone")["met"])


class Loads(unittest.TestCase):
    def test_messages_are_those_of_the_native_probe(self):
        self.assertEqual(load.message("stored", 7, 24), "stored-00000000000000007")
        self.assertEqual(len(load.message("s", 7, 4096)), 4096)

    def test_h2load_is_read_from_its_log(self):
        out = ("Application protocol: h2\nfinished in 500.00ms, 6.00 req/s\n"
               "requests: 3 total, 3 started, 3 done, 2 succeeded, 1 failed, 1 errored, 0 timeout\n"
               "traffic: 1.0KB (1024) total, 12B (12) headers\n")
        told = load.h2load_sample(out, [["1", "200", "10"], ["2", "200", "30"], ["3", "503", "20"]], (200,))
        self.assertEqual((told["requests"], told["seconds"], told["wrong"], told["wrong_status"]), (3, 0.5, 1, 503))
        self.assertEqual((told["broken"], told["us"]["50"], told["bytes"]), (1, 20, 1024))

    def test_the_ceiling_stands_beside_writes_with_its_file(self):
        cell = cells.Cell("p", "post-new")
        self.assertEqual(cell.load_for("ceiling"), "get")
        self.assertTrue(cell.takes("ceiling", ["get"]))
        self.assertFalse(cell.takes("reader", ["get"]))


class Report(unittest.TestCase):
    def test_failures_are_shown(self):
        told = document(ceiling=200, peer_one=100)
        told["cells"]["get-64-c64"]["systems"]["peer-one"].update(failed=7, wrong_status=500)
        told["systems"]["peer-two"] = {"front": "nginx", "peer": True, "error": "peer-two did not start (status 1):\nits log"}
        told["figures"] = figures.table(told)
        self.assertIn("FAILED answers: get-64-c64, peer-one: 7 of 200 (status 500)", report.terminal(told))
        self.assertIn("FAILED system: peer-two", report.terminal(told))
        self.assertIn("**7**", report.cell_table(told, "get-64-c64"))

    def test_only_what_is_between_the_markers_is_replaced(self):
        text = "a\n<!-- x: begin (made) -->\nold\n<!-- x: end -->\nb\n<!-- y: begin -->\nkept\n<!-- y: end -->\n"
        self.assertEqual(report.replace_part(text, "x", "new"),
                         text.replace("old", "\nnew\n"))


class Published(unittest.TestCase):
    def test_the_documents_show_the_newest_run(self):
        newest = max(pathlib.Path(report.systems.ROOT, "bench/results").glob("2*[0-9].json"))
        run = json.loads(newest.read_text())
        for file, table in ((report.README, report.readme_table(run)), (report.DOCUMENT, report.figures_table(run))):
            self.assertIn(table, file.read_text(), file.name)

    def test_a_written_run_has_its_medians_and_not_its_rounds(self):
        run = document(ceiling=200, hashpost_apache=160)
        run["cells"]["get-64-c64"].update(samples=[sample(200)], checks={})
        written = json.loads(report.compact(run))
        del run["cells"]["get-64-c64"]["samples"], run["cells"]["get-64-c64"]["checks"]
        self.assertEqual(written, run)


if __name__ == "__main__":
    unittest.main()
