"""Gradus's cost as work grows: time of a training step per sample against batch, length, units and threads.

    cmake --workflow --preset bench
    python3 benchmarks/scaling.py

A dense model (mlp_mnist: 784 - 512 relu - 512 relu - 10) and an LSTM (lstm_text: Embedding(10000, 50) - LSTM(64) - 1)
change one size at a time. Rounds go over all points, each in a fresh process, so that a disturbance of the machine does
not fall on one point alone. Writes scaling.md and scaling.json. The limit is compare.py's.
"""
import argparse
import json
import pathlib
import statistics
import sys

import compare

MODELS = {"dense": "mlp_mnist", "LSTM": "lstm_text"}
QUESTIONS = ["batch", "time", "units", "threads"]
TITLES = {"batch": "Batch", "time": "Sequence length", "units": "Units", "threads": "Threads"}


def powers(first, last):
    return [2**i for i in range(32) if first <= 2**i <= last]


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    values = {"batch": powers(1, 4096), "time": powers(16, 1024), "units": powers(16, 1024), "threads": powers(1, 16)}
    for name in QUESTIONS:
        parser.add_argument(f"--{name}", type=compare.integers, default=values[name],
                            help=f"default: powers of two, {values[name][0]} to {values[name][-1]}; none: \"\"")
    parser.add_argument("--at-threads", type=compare.positive(int), default=1,
                        help="threads of the other three tables (default 1)")
    compare.common_options(parser, compare.ROOT / "build/compare")
    parser.set_defaults(rounds=3, seconds=1)
    return parser.parse_args(arguments)


class Point:
    """One model with one size changed, and what its windows said."""

    def __init__(self, question, value, model, at_threads):
        self.question, self.value, self.model, self.workload = question, value, model, MODELS[model]
        spec = compare.WORKLOADS[self.workload]
        self.threads = value if question == "threads" else at_threads
        self.flop = spec.flop(value if question == "units" else spec.units,
                              value if question == "time" else spec.length)
        self.rates, self.failed = [], None

    def arguments(self):
        changed = [] if self.question == "threads" else [f"--{self.question}", self.value]
        return ["--workload", self.workload, "--threads", self.threads, *changed]

    def measure(self, programs, seconds):
        command = [programs / "train_bench", *self.arguments(), "--seconds", seconds]
        try:
            window = compare.run_window(command, self.threads)
            self.rates.append(window["samples_per_second"])
            return {k: window[k] for k in ("version", "compiler", "instructions")}
        except compare.Failed as why:
            self.failed = str(why)

    def row(self, peaks):
        rate = statistics.median(self.rates)
        limit = self.threads * statistics.median(peaks) * 1e9 if peaks else None
        return {"question": self.question, "value": self.value, "model": self.model, "workload": self.workload,
                "threads": self.threads, "microseconds_per_sample": 1e6 / rate, "samples_per_second": rate,
                "spread": compare.spread(self.rates), "flop_per_sample": self.flop,
                "percent_of_limit": 100 * self.flop * rate / limit if limit else None}


def points(options):
    asked = {name: getattr(options, name) for name in QUESTIONS}
    asked["threads"] = compare.possible_threads(asked["threads"])
    return [Point(name, value, model, options.at_threads) for name in QUESTIONS for value in asked[name]
            for model in MODELS if (name, model) != ("time", "dense")]


def table(question, rows):
    """Lines of Markdown: one row for each value, three columns for each model that was asked."""
    of = {(row["value"], row["model"]): row for row in rows if row["question"] == question}
    models = [model for model in MODELS if any(m == model for _, m in of)]

    def cells(model):
        def cell(key, show):
            return lambda value: show(of[value, model][key]) if (value, model) in of else "-"
        return [(f"{model}, µs/sample", cell("microseconds_per_sample", compare.number)),
                ("spread", cell("spread", lambda x: compare.percent(100 * x))),
                ("of limit", cell("percent_of_limit", compare.percent))]

    columns = [(TITLES[question].lower(), str)] + [column for model in models for column in cells(model)]
    return compare.markdown(columns, sorted({value for value, _ in of}))


def main(arguments=None):
    options = parse(arguments)
    programs = compare.find_programs(options.bin)
    if not compare.possible_threads([options.at_threads]):
        return 1
    about = {**compare.machine(), "gradus": None}
    measured, peaks, no_limit = points(options), [], None
    for r in range(options.rounds):
        for i, point in enumerate(measured):
            if sys.stderr.isatty():
                print(f"\rround {r + 1} of {options.rounds}, point {i + 1} of {len(measured)} ", end="",
                      file=sys.stderr)
            if i % 8 == 0 and not no_limit:
                try:
                    peak = compare.kernel_peak(programs)
                    peaks += [peak] if peak else []
                except compare.Failed as why:
                    no_limit, peaks = str(why), []
            if not point.failed:
                about["gradus"] = point.measure(programs, options.seconds) or about["gradus"]
    rows = [point.row(peaks) for point in measured if point.rates and not point.failed]

    text = [compare.describe(about), "",
            f"Time of a training step per sample; medians of {options.rounds} windows of {options.seconds:g} s. Dense: "
            "784 - 512 relu - 512 relu - 10, batch 128. LSTM: Embedding(10000, 50) - LSTM(64) - 1, length 100, batch "
            f"32. Threads: {options.at_threads}, but for the table of threads. Of limit: of the micro-kernel's rate on "
            "one thread in the same run, times threads.", ""]
    for question in QUESTIONS:
        if any(row["question"] == question for row in rows):
            text += [f"**{TITLES[question]}**", "", *table(question, rows), ""]
    failed = [point for point in measured if point.failed]
    text += [f"- Failed: {p.model}, {p.question} {p.value}: {p.failed}" for p in failed]
    text += [f"- No percent of the limit: {no_limit}"] if no_limit else []
    print("\n".join(text))
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "scaling.md").write_text("\n".join(text) + "\n")
    (options.output / "scaling.json").write_text(json.dumps(
        {"machine": about, "rounds": options.rounds, "seconds": options.seconds,
         "peak_gflops_one_thread": statistics.median(peaks) if peaks else None, "results": rows}, indent=1) + "\n")
    print(f"wrote {options.output}/scaling.md and scaling.json")
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
