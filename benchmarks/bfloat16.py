"""Gradus's product in bfloat16 beside PyTorch's (oneDNN), in turn, shape by shape; prints a table.

    cmake --workflow --preset bench
    python3 benchmarks/bfloat16.py [--threads 1] [--python PATH]

Runs under a Python that has PyTorch: --python, by default that of compare.py's environments. Three figures for each
shape, in GFLOP/s, the best of several windows: Gradus's product of float operands, PyTorch's with both operands rounded
in each product, as autocast does, and PyTorch's of operands that are bfloat16 already.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TRANSPOSED = ["", "left", "right"]


def shapes(bench):
    """(m, n, k, transposed) of each of kernel_bench's products in bfloat16."""
    names = subprocess.run([bench, "--benchmark_list_tests"], check=True, capture_output=True, text=True).stdout
    found = re.findall(r"^matmul_bfloat16/m:(\d+)/n:(\d+)/k:(\d+)/transposed:(\d)", names, re.MULTILINE)
    return [tuple(map(int, sizes)) for sizes in found]


def ours(bench, m, n, k, transposed, threads):
    name = f"^matmul_bfloat16/m:{m}/n:{n}/k:{k}/transposed:{transposed}/"
    run = subprocess.run([bench, f"--benchmark_filter={name}", "--benchmark_format=json"], check=True,
                         capture_output=True, text=True, env={**os.environ, "GRADUS_BENCH_THREADS": str(threads)})
    return json.loads(run.stdout[run.stdout.index("{"):])["benchmarks"][0]["GFLOP/s"]


def best_rate(function, flop):
    function()
    repeats = max(1, int(4e-3 * 1e11 / flop))
    best = float("inf")
    for _ in range(9):
        start = time.perf_counter()
        for _ in range(repeats):
            function()
        best = min(best, (time.perf_counter() - start) / repeats)
    return 1e-9 * flop / best


def peer(torch, m, n, k, transposed):
    a = torch.rand((k, m) if transposed == 1 else (m, k)) - 0.5
    b = torch.rand((n, k) if transposed == 2 else (k, n)) - 0.5
    a, b = (a.T if transposed == 1 else a), (b.T if transposed == 2 else b)
    half_a, half_b = a.to(torch.bfloat16), b.to(torch.bfloat16)
    flop = 2.0 * m * n * k

    def autocast():
        return torch.matmul(a.to(torch.bfloat16), b.to(torch.bfloat16))

    return best_rate(autocast, flop), best_rate(lambda: torch.matmul(half_a, half_b), flop)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--python", default=str(ROOT / "build/peers/torch/bin/python"))
    parser.add_argument("--bench", default=str(ROOT / "build/bench/bin/kernel_bench"))
    args = parser.parse_args()
    try:
        import torch
    except ImportError:
        if sys.executable == args.python or not pathlib.Path(args.python).exists():
            sys.exit("bfloat16.py: no PyTorch here; name a Python that has it with --python")
        os.execv(args.python, [args.python, __file__, *sys.argv[1:], "--python", args.python])
    torch.set_num_threads(args.threads)
    print("| m n k | transposed | Gradus | PyTorch, autocast | ratio | PyTorch, bfloat16 | ratio |")
    print("|---|---|---|---|---|---|---|")
    with torch.no_grad():
        for m, n, k, transposed in shapes(args.bench):
            mine = ours(args.bench, m, n, k, transposed, args.threads)
            cast, plain = peer(torch, m, n, k, transposed)
            print(f"| {m} {n} {k} | {TRANSPOSED[transposed]} | {mine:.0f} | {cast:.0f} | {mine / cast:.2f} | {plain:.0f} | "
                  f"{mine / plain:.2f} |", flush=True)


if __name__ == "__main__":
    main()
