#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Attention here and in PyTorch, side by side: one item of N queries and N keys, 2 threads.

usage: bench_attention.py build/tests/bench_attention [--all] [--runs N]     (needs torch)

Forms: ours tiled; ours with the whole map in memory (naive); PyTorch's
scaled_dot_product_attention as it is (q and v differ in head size, so it takes the slow path), the
same with q and k padded with zeros to v's head size (its fast path), and softmax(q k^T) v written
out. Each is measured in a process of its own, so that the peak of memory (beyond the operands,
results and libraries) is its own. Without --all only the largest map (level 2, base 64).
GFLOP/s count 2 N^2 (D + E) forward and 2 N^2 (3 D + 2 E) backward, whatever a form computes.
"""
import argparse
import statistics
import subprocess
import sys
import time

THREADS = 2
SIZES = ((16384, 16, 128), (4096, 32, 256), (1024, 64, 512), (256, 64, 512), (16384, 8, 64),
         (4096, 16, 128))
TORCH = ("sdpa", "padded", "written")


def peak_mib():
    """Most memory this program has had (getrusage would count the process before exec, too)."""
    with open("/proc/self/status", encoding="ascii") as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith("VmHWM"))


def torch_row(form, passes, n, d, e, runs):
    """Prints one row."""
    import torch
    import torch.nn.functional as F
    torch.set_num_threads(THREADS)
    both = passes == "both"
    q, k, v = (torch.rand(1, 1, n, c, requires_grad=both) for c in (d, d, e))
    d_o = torch.rand(1, 1, n, e)
    for x in (q, k, v):
        x.grad = torch.zeros_like(x) if both else None

    def forward():
        if form == "written":
            return torch.softmax(q @ k.transpose(-1, -2) * d ** -0.5, -1) @ v
        if form == "padded":
            return F.scaled_dot_product_attention(F.pad(q, (0, e - d)), F.pad(k, (0, e - d)), v,
                                                  scale=d ** -0.5)
        return F.scaled_dot_product_attention(q, k, v)

    before, seconds = peak_mib(), []
    for _ in range(runs + 1):  # the first touches the memory
        start = time.perf_counter()
        if both:
            forward().backward(d_o)
        else:
            with torch.inference_mode():
                forward()
        seconds.append(time.perf_counter() - start)
    s = statistics.median(seconds[1:])
    flop = 2 * n * n * ((d + e) + (3 * d + 2 * e if both else 0))
    print(f"{form:7} {passes:8} N {n:5} D {d:2} E {e:3}  {s * 1e3:10.3f} ms  "
          f"{flop / s * 1e-9:6.1f} GFLOP/s  {'':15}{peak_mib() - before:8.1f} MiB", flush=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("program", nargs="?")
    p.add_argument("--all", action="store_true")
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--row", nargs=5, help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.row:
        form, passes, *sizes = args.row
        torch_row(form, passes, *(int(x) for x in sizes), args.runs)
        return
    if args.program is None:
        p.error("which bench_attention?")
    for size in SIZES if args.all else SIZES[:1]:
        size = [str(x) for x in size]
        for passes in ("forward", "both"):
            for form in ("tiled", "naive"):
                subprocess.run([args.program, form, passes, *size, str(THREADS), str(args.runs)],
                               check=True)
            for form in TORCH:
                subprocess.run([sys.executable, __file__, "--row", form, passes, *size,
                                "--runs", str(args.runs)], check=True)
    import torch
    print(f"PyTorch {torch.__version__}, {THREADS} threads, medians of {args.runs}")


if __name__ == "__main__":
    main()
