"""What the training programs of the Python peers share: options, threads, windows and the line of JSON."""
import argparse
import json
import os
import statistics
import time

BATCH = {"mlp_small": 32, "mlp_mnist": 128, "lstm_text": 32, "lstm_char": 64}
BATCHES = 8
WARM_UP = 20


def options(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--workload", choices=BATCH, default="mlp_small")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=6, help="time for the windows")
    return parser


def use_threads(n):
    """Before any library is imported: some read the variables, JAX only the affinity mask."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        os.environ[name] = str(n)
    os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    if hasattr(os, "sched_setaffinity"):
        cpus = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cpus[:n])


def peak_rss_mib():
    try:  # Linux's ru_maxrss begins with the memory of the process that started this one
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))
    except OSError:
        import resource
        import sys
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def windows(seconds, run):
    """Rates of at least three windows that fill `seconds`; run(t) trains for about t seconds and returns samples."""
    rates, start = [], time.perf_counter()
    while time.perf_counter() - start < seconds or len(rates) < 3:
        window = time.perf_counter()
        samples = run(seconds / 8)
        rates.append(samples / (time.perf_counter() - window))
    return rates


def report(args, version, first_step_at, rates, **more):
    print(json.dumps({"version": version, "workload": args.workload, "threads": args.threads,
                      "samples_per_second": statistics.median(rates), "best": max(rates),
                      "first_step_at": first_step_at, "peak_rss_mib": round(peak_rss_mib(), 1), **more}))
