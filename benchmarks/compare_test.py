"""Tests of compare.py and scaling.py with the programs of one build: compare_test.py DIRECTORY"""
import json
import pathlib
import sys
import tempfile
import unittest

import compare
import peers
import peers.common
import scaling

PROGRAMS = sys.argv.pop()


class Arithmetic(unittest.TestCase):
    def test_flop_of_a_sample(self):
        # Counted by hand: dense layers 4 or 6 times their weights, LSTMs 6 times theirs for each step.
        counted = {"mlp_small": 4 * 20 * 64 + 6 * (64 * 64 + 64 * 10),
                   "mlp_mnist": 4 * 784 * 512 + 6 * (512 * 512 + 512 * 10),
                   "lstm_text": 100 * 6 * (50 + 64) * 256 + 6 * 64,
                   "lstm_char": 64 * 6 * ((128 + 256) * 1024 + (256 + 256) * 1024 + 256 * 65)}
        self.assertEqual({name: w.flop(w.units, w.length) for name, w in compare.WORKLOADS.items()}, counted)

    def test_row_and_ratio(self):
        def window(rate, **more):
            return {"samples_per_second": rate, "peak_rss_mib": 5, "first_step_seconds": 0.1, **more}
        ours = [window(rate, allocations_per_step=n) for rate, n in ((300, 0), (200, 1), (400, 0))]
        rows = [compare.summarize("mlp_small", 2, "gradus", ours, 1e6, [1, 3, 2]),
                compare.summarize("mlp_small", 2, "jax", [window(100)], 1e6, []),
                compare.summarize("mlp_small", 2, "torch", [window(150)], 1e6, []),
                compare.summarize("mlp_small", 2, "onednn", [window(600)], 1e6, [])] # a part of the step
        compare.add_ratios(rows)
        self.assertEqual(rows[0]["samples_per_second"], 300)
        self.assertAlmostEqual(rows[0]["spread"], 200 / 300)
        self.assertAlmostEqual(rows[0]["percent_of_limit"], 100 * 300e6 / (2 * 2e9))
        self.assertEqual(rows[0]["allocations_per_step"], 1)
        self.assertEqual([row["ratio_to_best_peer"] for row in rows], [2, 100 / 150, 1, 4])
        self.assertIsNone(rows[1]["percent_of_limit"])
        self.assertIsNone(rows[1]["allocations_per_step"])

    def test_requirements_name_every_peer(self):
        for name, (projects, _) in peers.PYTHON.items():
            self.assertGreaterEqual(len(peers.pinned(projects)), len(projects), name)
            self.assertTrue(all("==" in line for line in peers.pinned(projects)))

    def test_every_peer_and_workload_is_entered_everywhere(self):
        self.assertEqual(peers.LABELS.keys(), {*peers.NAMES, "torch compiled", "gradus"})
        self.assertEqual(set(peers.NAMES), {*peers.PYTHON, *peers.COMPILED})
        self.assertEqual(set(compare.WORKLOADS), set(peers.ALL))
        self.assertEqual({name: w.batch for name, w in compare.WORKLOADS.items()}, peers.common.BATCH)

    def test_a_peer_that_cannot_be_had_is_left_out(self):
        with tempfile.TemporaryDirectory() as directory:
            found, left_out = peers.prepare(["torch", "jax", "rltools"], pathlib.Path(directory) / "no-python", directory)
        self.assertEqual(found, [])
        self.assertEqual(set(left_out), {"torch", "jax", "rltools"})


class Failures(unittest.TestCase):
    """With programs that are scripts: `gradus` always works, `jax` fails in its second window on one thread."""

    WINDOW = ('{"samples_per_second": 100, "peak_rss_mib": 5, "first_step_at": 0, "version": "1", "compiler": "c", '
              '"instructions": "i"}')

    def measure(self, directory, kernel_bench, threads):
        programs = pathlib.Path(directory)
        (programs / "kernel_bench").write_text("#!/bin/sh\n" + kernel_bench)
        (programs / "kernel_bench").chmod(0o755)
        once = (f"[ $1 = 2 ] || [ ! -e {programs}/seen ] || {{ echo no memory >&2; exit 1; }}; : > {programs}/seen; "
                f"echo '{self.WINDOW}'")
        systems = [peers.Peer("gradus", lambda *_: ["echo", self.WINDOW]),
                   peers.Peer("jax", lambda workload, threads, seconds: ["sh", "-c", once, "sh", threads])]
        options = compare.parse(["--rounds", "3"])
        about, left_out = {"peers": {}}, {}
        rows = [row for n in threads
                for row in compare.measure(systems, "mlp_small", n, options, programs, about, left_out)]
        return [(row["system"], row["threads"], len(row["windows"]), row["percent_of_limit"]) for row in rows], left_out

    def test_a_window_that_fails_leaves_out_its_system_there(self):
        with tempfile.TemporaryDirectory() as directory:
            rows, left_out = self.measure(directory, "echo float 1", [1, 2])
        percents = [row[-1] for row in rows]
        self.assertEqual([row[:-1] for row in rows], [("gradus", 1, 3), ("gradus", 2, 3), ("jax", 2, 3)])
        self.assertTrue(all(p > 0 for p in percents))
        self.assertEqual(left_out, {"jax, mlp_small, 1 thread": "no memory"})

    def test_a_peak_that_cannot_be_had_leaves_its_column_empty(self):
        for script, why in (("echo broken >&2; exit 1", "broken"), ("echo nothing", "kernel_bench printed no peak")):
            with self.subTest(why), tempfile.TemporaryDirectory() as directory:
                rows, left_out = self.measure(directory, script, [2])
                self.assertEqual(rows, [("gradus", 2, 3, None), ("jax", 2, 3, None)])
                self.assertEqual(left_out, {"percent of the limit, mlp_small, 2 threads": why})


class Programs(unittest.TestCase):
    def run_in(self, main, name, *arguments):
        with tempfile.TemporaryDirectory() as directory:
            self.assertEqual(main(["--bin", PROGRAMS, "--output", directory, "--rounds", "1", *arguments]), 0)
            self.assertIn("|---|", (pathlib.Path(directory) / f"{name}.md").read_text())
            return json.loads((pathlib.Path(directory) / f"{name}.json").read_text())

    def test_compare(self):
        said = self.run_in(compare.main, "compare", "--peers", "none", "--seconds", "0.2", "--workloads", "mlp_small",
                           "--threads", "1")
        self.assertEqual([(r["workload"], r["batch"], r["threads"], r["system"]) for r in said["results"]],
                         [("mlp_small", 32, 1, "gradus")])
        row = said["results"][0]
        self.assertGreater(row["samples_per_second"], 0)
        self.assertGreater(row["peak_rss_mib"], 0)
        self.assertGreater(row["first_step_seconds"], 0)
        self.assertEqual(row["allocations_per_step"], 0)
        if not any(name.startswith("percent of the limit") for name in said["left_out"]):
            self.assertGreater(row["percent_of_limit"], 0)

    def test_scaling(self):
        said = self.run_in(scaling.main, "scaling", "--seconds", "0.05", "--batch", "1,8", "--time", "16",
                           "--units", "16", "--threads", "1")
        self.assertEqual([(r["question"], r["value"], r["model"]) for r in said["results"]],
                         [("batch", 1, "dense"), ("batch", 1, "LSTM"), ("batch", 8, "dense"), ("batch", 8, "LSTM"),
                          ("time", 16, "LSTM"), ("units", 16, "dense"), ("units", 16, "LSTM"), ("threads", 1, "dense"),
                          ("threads", 1, "LSTM")])
        shorter = next(r for r in said["results"] if r["question"] == "time")
        self.assertEqual(shorter["flop_per_sample"], 16 * 6 * (50 + 64) * 256 + 6 * 64)


if __name__ == "__main__":
    unittest.main()
