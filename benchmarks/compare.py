"""Gradus and its peers on the same training workloads, in turn, in one run; writes compare.md and compare.json.

    cmake --workflow --preset bench
    python3 benchmarks/compare.py

Needs nothing but Python's standard library. The peers PyTorch and Keras (on JAX and on TensorFlow) are installed from
requirements.txt into virtual environments of this script's own; RLtools (its headers come from there, too), dlib
(Debian's libdlib-dev) and oneDNN (libdnnl-dev) are compiled. Whichever cannot be had is left out and named. --peers
none measures Gradus alone.

In every round each system runs once, in a fresh process, in an order that rotates. All run on the same CPUs, one for
each thread. The limit is the rate of Gradus's micro-kernel on data in the first cache, on one thread, measured by
kernel_bench in the same rounds, times threads: what a step must compute would take that long if nothing else cost
anything.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time
from typing import Callable

import peers

ROOT = pathlib.Path(__file__).resolve().parent.parent


# What a training step must compute for one sample: for each weight 2 operations forward, 2 for its gradient, 2 for the
# gradient of the input. Nobody asks the first layer for the last, unless it stands on an embedding.
def dense_flop(inputs, units, first=False):
    return (4 if first else 6) * inputs * units


def lstm_flop(inputs, units, steps):
    return 6 * steps * (inputs + units) * 4 * units


def mlp_flop(features, units):
    return dense_flop(features, units, first=True) + dense_flop(units, units) + dense_flop(units, 10)


@dataclasses.dataclass(frozen=True)
class Workload:
    """A model of train_bench with its sizes; `flop(units, length)` is for one sample."""
    batch: int
    units: int
    length: int
    flop: Callable[[int, int], int]


WORKLOADS = {
    "mlp_small": Workload(32, 64, 0, lambda u, t: mlp_flop(20, u)),
    "mlp_mnist": Workload(128, 512, 0, lambda u, t: mlp_flop(784, u)),
    "lstm_text": Workload(32, 64, 100, lambda u, t: lstm_flop(50, u, t) + dense_flop(u, 1)),
    "lstm_char": Workload(64, 256, 64, lambda u, t: lstm_flop(128, u, t) + lstm_flop(u, u, t) + t * dense_flop(u, 65)),
}


class Failed(Exception):
    """A program ended with an error, or said nothing to read."""


def allowed_cpus():
    """CPUs this process may use, the first of every core before their siblings."""
    if not hasattr(os, "sched_getaffinity"):
        return list(range(os.cpu_count() or 1))

    def sibling(cpu):
        try:
            listed = pathlib.Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text()
            return cpu != int(re.match(r"\d+", listed).group())
        except (OSError, AttributeError):
            return False

    return sorted(os.sched_getaffinity(0), key=lambda cpu: (sibling(cpu), cpu))


def run(command, threads, environment=None, timeout=900):
    """Output of a program on the first `threads` CPUs, and the time at which it was started."""
    env = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
    env.update({"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads), **(environment or {})})
    cpus = allowed_cpus()[:threads]
    pin = (lambda: os.sched_setaffinity(0, cpus)) if hasattr(os, "sched_setaffinity") else None
    started = time.time()
    try:
        done = subprocess.run([str(c) for c in command], env=env, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, preexec_fn=pin, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise Failed(f"not done after {timeout} s") from None
    except OSError as error:
        raise Failed(str(error)) from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise Failed(lines[-1] if lines else f"exit status {done.returncode}")
    return done.stdout, started


def run_window(command, threads, environment=None):
    """The line of JSON of a training program; its first step counted from the start of the process."""
    out, started = run(command, threads, environment)
    for line in reversed(out.splitlines()):
        if line.startswith("{"):
            window = json.loads(line)
            window["first_step_seconds"] = round(window.pop("first_step_at") - started, 4)
            return window
    raise Failed("printed no line of JSON")


def kernel_peak(programs):
    """GFLOP/s of the micro-kernel on one thread, now; None without kernel_bench. Failed where that does not say it."""
    program = programs / "kernel_bench"
    if not program.exists():
        return None
    out, _ = run([program, "--benchmark_filter=^$"], 1)
    found = re.search(r"float ([\d.]+)", out)
    if not found:
        raise Failed("kernel_bench printed no peak")
    return float(found.group(1))


def spread(values):
    return (max(values) - min(values)) / statistics.median(values)


def summarize(workload, threads, system, windows, flop, peaks):
    """One row: medians over the rounds; `flop` for one sample, `peaks` in GFLOP/s of one thread."""
    rates = [w["samples_per_second"] for w in windows]
    rate = statistics.median(rates)
    peak = statistics.median(peaks) if peaks else None
    allocations = [w["allocations_per_step"] for w in windows if "allocations_per_step" in w]
    return {"workload": workload, "batch": WORKLOADS[workload].batch, "threads": threads, "system": system,
            "samples_per_second": rate, "spread": spread(rates), "windows": rates, "ratio_to_best_peer": None,
            "flop_per_sample": flop, "peak_gflops_one_thread": peak,
            "percent_of_limit": 100 * flop * rate / (threads * peak * 1e9) if peak else None,
            "peak_rss_mib": statistics.median(w["peak_rss_mib"] for w in windows),
            "first_step_seconds": statistics.median(w["first_step_seconds"] for w in windows),
            "allocations_per_step": max(allocations) if allocations else None}


def add_ratios(rows):
    others = [row["samples_per_second"] for row in rows if row["system"] not in {"gradus", *peers.PARTS}]
    best = max(others, default=None)
    for row in rows:
        row["ratio_to_best_peer"] = row["samples_per_second"] / best if best else None


def number(x):
    if x is None:
        return "-"
    return f"{x:,.0f}" if abs(x) >= 100 else f"{x:.3g}"


def percent(x):
    return "-" if x is None else f"{x:.0f} %"


def factor(x):
    return "-" if x is None else f"{x:.2f}"


COLUMNS = [("workload", lambda r: r["workload"]), ("batch", lambda r: str(r["batch"])),
           ("threads", lambda r: str(r["threads"])), ("system", lambda r: peers.LABELS[r["system"]]),
           ("samples/s", lambda r: number(r["samples_per_second"])), ("spread", lambda r: percent(100 * r["spread"])),
           ("of best peer", lambda r: factor(r["ratio_to_best_peer"])),
           ("of limit", lambda r: percent(r["percent_of_limit"])), ("memory, MiB", lambda r: number(r["peak_rss_mib"])),
           ("first step, s", lambda r: number(r["first_step_seconds"])),
           ("allocations/step", lambda r: number(r["allocations_per_step"]))]


def markdown(columns, rows):
    lines = ["| " + " | ".join(name for name, _ in columns) + " |", "|---" * len(columns) + "|"]
    return lines + ["| " + " | ".join(cell(row) for _, cell in columns) + " |" for row in rows]


def print_row(columns, row=None):
    cells = [name if row is None else cell(row) for name, cell in columns]
    print("  ".join(f"{cell:>{max(len(name), 9)}}" for cell, (name, _) in zip(cells, columns)), flush=True)


def machine():
    """What the figures hold for."""
    model = platform.processor() or platform.machine()
    try:
        found = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
        model = found.group(1) if found else model
    except OSError:
        if shutil.which("sysctl"):
            model = subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], text=True,
                                   capture_output=True).stdout.strip() or model
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {"cpu": model, "cpus": len(allowed_cpus()), "system": platform.platform(),
            "python": platform.python_version(), "load_before": load, "date": time.strftime("%Y-%m-%d")}


def describe(about):
    gradus = about["gradus"]
    line = f"{about['cpu']}, {about['cpus']} CPUs"
    if gradus:
        line += f"; Gradus {gradus['version']}, {gradus['compiler']}, {gradus['instructions']}"
    if about["load_before"] is not None:
        line += f"; load before the run {about['load_before']:.1f}"
    return line + f"; {about['date']}."


def find_programs(given):
    for directory in [given] if given else [ROOT / "build/bench/bin", ROOT / "build/release/bin"]:
        if (pathlib.Path(directory) / "train_bench").exists():
            return pathlib.Path(directory).resolve()
    sys.exit("no train_bench" + (f" in {given}" if given else "") + ": `cmake --workflow --preset bench` builds it, "
             "--bin DIR says where it is")


def integers(text):
    values = [int(part) for part in text.split(",") if part]
    if any(v < 1 for v in values):
        raise argparse.ArgumentTypeError(f"expects numbers from 1 up, got {text}")
    return values


def positive(kind):
    def parse(text):
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"expects more than 0, got {text}")
        return value
    return parse


def names(known):
    def parse(text):
        wanted = [part for part in text.split(",") if part]
        for name in wanted:
            if name not in known:
                raise argparse.ArgumentTypeError(f"expects some of {', '.join(known)}, got {name}")
        return wanted
    return parse


def possible_threads(wanted):
    possible = [n for n in wanted if n <= len(allowed_cpus())]
    for n in wanted:
        if n not in possible:
            print(f"left out: {n} threads, for there are {len(allowed_cpus())} CPUs", file=sys.stderr)
    return possible


def common_options(parser, output):
    parser.add_argument("--rounds", type=positive(int), default=5, help="windows of each system (default %(default)s)")
    parser.add_argument("--seconds", type=positive(float), default=3,
                        help="of one window, after its warm-up (default %(default)s)")
    parser.add_argument("--bin", help="directory of train_bench and kernel_bench (default build/bench/bin)")
    parser.add_argument("--output", type=pathlib.Path, default=output,
                        help="directory of the tables (default build/compare)")


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", type=names(WORKLOADS), default=list(WORKLOADS), help="default: all")
    parser.add_argument("--peers", type=lambda text: [] if text == "none" else names(peers.NAMES)(text),
                        default=peers.NAMES, help=f"some of {','.join(peers.NAMES)}, or none (default: all)")
    parser.add_argument("--threads", type=integers, default=[1, 2], help="default: 1,2")
    common_options(parser, ROOT / "build/compare")
    parser.add_argument("--python", help="a Python that has the peers already; nothing is installed into it")
    parser.add_argument("--compile", action="store_true", help="PyTorch with torch.compile, too (needs a C++ compiler)")
    return parser.parse_args(arguments)


def measure(systems, workload, threads, options, programs, about, left_out):
    """Rows of one workload on one number of threads. What fails once has none, or no percent of the limit."""
    windows, peaks = {s.name: [] for s in systems}, []
    where = f"{workload}, {threads} thread{'s' if threads > 1 else ''}"
    no_limit = f"percent of the limit, {where}"
    for r in range(options.rounds):
        try:
            peak = None if no_limit in left_out else kernel_peak(programs)
            peaks += [peak] if peak else []
        except Failed as why:
            left_out[no_limit] = str(why)
            peaks = []
        for system in systems[r % len(systems):] + systems[:r % len(systems)]:
            if system.name not in windows:
                continue
            try:
                window = run_window(system.command(workload, threads, options.seconds), threads, system.environment)
            except Failed as why:
                left_out[f"{system.name}, {where}"] = str(why)
                del windows[system.name]
                continue
            windows[system.name].append(window)
            if system.name == "gradus":
                about["gradus"] = {k: window[k] for k in ("version", "compiler", "instructions")}
            else:
                about["peers"][system.name] = window["version"]
    spec = WORKLOADS[workload]
    rows = [summarize(workload, threads, s.name, windows[s.name], spec.flop(spec.units, spec.length), peaks)
            for s in systems if s.name in windows]
    add_ratios(rows)
    return rows


def main(arguments=None):
    options = parse(arguments)
    programs = find_programs(options.bin)
    about = {**machine(), "gradus": None, "peers": {}}
    found, left_out = peers.prepare(options.peers, options.python, ROOT / "build/peers", options.compile)
    if not (programs / "kernel_bench").exists():
        left_out["percent of the limit"] = "no kernel_bench, which needs Google Benchmark"
    gradus = peers.Peer("gradus", lambda workload, threads, seconds: [
        programs / "train_bench", "--workload", workload, "--threads", threads, "--seconds", seconds])

    results, threads_asked = [], possible_threads(options.threads)
    print_row(COLUMNS)
    for workload in options.workloads:
        systems = [gradus] + [p for p in found if workload in p.workloads]
        for threads in threads_asked:
            rows = measure(systems, workload, threads, options, programs, about, left_out)
            results += rows
            for row in rows:
                print_row(COLUMNS, row)
    for name, why in left_out.items():
        print(f"left out: {name}: {why}")

    text = [describe(about), ""]
    text += [f"Forward, backward and an Adam step on random data in memory; medians of {options.rounds} windows of "
             f"{options.seconds:g} s each, the systems in turn, each in a fresh process. Spread: (largest - smallest) "
             "/ median. Of best peer: the rate as a multiple of the best peer's. Of limit: of the micro-kernel's rate "
             "on one thread in the same run, times threads. Memory: peak resident. First step: from the start of the "
             "process to the step's end.", ""]
    text += markdown(COLUMNS, results) + [""]
    text += [f"- {peers.LABELS[name]}: {version}" for name, version in about["peers"].items()]
    text += [f"- {peers.NOTES[p.name]}" for p in found if p.name in peers.NOTES]
    text += [f"- Left out: {name}: {why}" for name, why in left_out.items()]
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "compare.md").write_text("\n".join(text) + "\n")
    (options.output / "compare.json").write_text(json.dumps(
        {"machine": about, "rounds": options.rounds, "seconds": options.seconds, "results": results,
         "left_out": left_out}, indent=1) + "\n")
    print(f"wrote {options.output}/compare.md and compare.json")
    return 0 if results and not any(name.startswith("gradus,") for name in left_out) else 1


if __name__ == "__main__":
    sys.exit(main())
