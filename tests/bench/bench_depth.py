#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The depth network here and in PyTorch, side by side: inference and a training step (forward,
loss, backward, AdamW) at 256 x 256, attention on levels 2 to 5, 2 threads.

usage: bench_depth.py build/tests/bench_depth [--quick] [--modes infer train] [--base 64 32]
                      [--batch 1 4] [--forms sdpa padded] [--runs 3] [--size 256]

Every number is of a process of its own: medians of --runs after one that is not counted, and the
most memory that the process had, libraries included. PyTorch's attention is
scaled_dot_product_attention as it is (sdpa: q and v differ in head size, so it takes the slow
path), and with q and k padded with zeros to v's head size (padded: the fast path). GFLOP count
what the layers need: a training step is three times the products of the forward pass, and of
attention also the scores that are computed anew. --quick: base 32, batch 1, one run. The largest
configurations take PyTorch minutes. Needs torch and safetensors.
"""
import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tools"))
LEVELS = (2, 3, 4, 5)


def gflop(mode, base, batch, size):
    """Multiplications and additions of a pass, in 1e9."""
    c = [base, 2 * base, 4 * base, 8 * base, 8 * base]
    pixels = [(size >> i) ** 2 for i in range(5)]
    maps = 2 * 9 * (c[0] + c[0] ** 2) * pixels[0]
    for i in range(1, 5):
        maps += 2 * 9 * (c[i - 1] * c[i] + c[i] ** 2) * pixels[i]
    pairs, again = 0, 0
    for level in LEVELS:
        n, width = pixels[level - 1], c[level - 1]
        key = max(width // 8, 1)
        maps += 2 * (2 * width * key + 2 * width ** 2) * n
        pairs += 2 * n * n * (key + width)
        again += 2 * n * n * key
    maps += sum(2 * a * a * n for a, n in zip(c, pixels))
    for i, (inputs, outputs) in enumerate(((16, 4), (8, 2), (4, 1), (2, 1))):
        middle = inputs // 2
        maps += 9 * base ** 2 * middle * (inputs + outputs) * pixels[3 - i]
    forward = maps + pairs
    return 2e-9 * batch * (forward if mode == "infer" else 3 * forward + again)


def peak_mib():
    """Most memory this program has had (getrusage would count the process before exec, too)."""
    with open("/proc/self/status", encoding="ascii") as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith("VmHWM"))


def torch_row(form, mode, base, batch, size, threads, runs):
    """Prints what bench_depth prints."""
    import torch
    from torch.nn import functional as F
    from make_depth_golden import CrossAttention, DepthNet, depth_loss

    class Attention(CrossAttention):
        def look(self, own, other):
            q, k, v = (some.flatten(2).transpose(1, 2)[:, None].contiguous()
                       for some in (self.q(own), self.k(other), self.v(other)))
            if form == "padded":
                more = v.shape[-1] - q.shape[-1]
                q, k = F.pad(q, (0, more)), F.pad(k, (0, more))
            found = F.scaled_dot_product_attention(q, k, v, scale=self.scale)
            return self.out(found[:, 0].transpose(1, 2).reshape(own.shape))

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    model = DepthNet(base, LEVELS, True, 30.0)
    for name in model.attention:
        model.attention[name].__class__ = Attention
    model = model.train() if mode == "train" else model.eval()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
    x, truth = torch.rand(batch, 2, size, size), 10 * torch.rand(batch, size, size)
    seconds = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        if mode == "train":
            optimizer.zero_grad()
            depth_loss(model(x), truth)[0].backward()
            optimizer.step()
        else:
            with torch.inference_mode():
                model(x)
        seconds.append(time.perf_counter() - start)
    print(f"{mode}: {1e3 * statistics.median(seconds[1:]):.1f} ms peak {peak_mib():.0f} MiB")


def measured(command):
    """Milliseconds, MiB, and the limit in GFLOP/s where the program says it; None: it failed."""
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, text=True, check=False)
    found = re.search(r"([\d.]+) ms peak (\d+) MiB(?:.* limit (\d+) GFLOP)?", done.stdout)
    if done.returncode != 0 or found is None:
        return None
    return float(found[1]), float(found[2]), float(found[3] or 0)


def cpu_name():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        return next((line.split(":")[1].strip() for line in f if "model name" in line), "processor")


def configuration(args, mode, base, batch):
    ours = measured([args.program, mode, base, batch, args.threads, args.runs, args.size])
    if ours is None:
        raise SystemExit(f"{args.program} {mode} {base} {batch} failed")
    work = gflop(mode, base, batch, args.size)
    name = f"{mode:5} base {base:2} batch {batch}"
    speed = work / ours[0] * 1e3
    share = f", {100 * speed / ours[2]:.0f} % of {ours[2]:.0f}" if ours[2] else ""
    print(f"| {name} | ours | {ours[0] * 1e-3:.3f} | {ours[1]:.0f} | "
          f"{speed:.0f} GFLOP/s of {work:.0f}{share} |", flush=True)
    for form in args.forms:
        theirs = measured([sys.executable, __file__, "--row", form, mode, base, batch, args.size,
                           args.threads, args.runs])
        if theirs is None:
            print(f"| {name} | PyTorch {form} | failed | | |", flush=True)
        else:
            print(f"| {name} | PyTorch {form} | {theirs[0] * 1e-3:.3f} | {theirs[1]:.0f} | ours is "
                  f"{theirs[0] / ours[0]:.2f} times as fast, with {ours[1] / theirs[1]:.2f} of the "
                  "memory |", flush=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("program", nargs="?")
    p.add_argument("--quick", action="store_true")
    p.add_argument("--modes", nargs="+", default=["infer", "train"], choices=["infer", "train"])
    p.add_argument("--base", nargs="+", type=int, default=[64, 32])
    p.add_argument("--batch", nargs="+", type=int, default=[1, 4])
    p.add_argument("--forms", nargs="*", default=["sdpa", "padded"], choices=["sdpa", "padded"])
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--size", type=int, default=256)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--row", nargs=7, help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.row:
        form, mode, *numbers = args.row
        torch_row(form, mode, *(int(n) for n in numbers))
        return
    if args.program is None:
        p.error("which bench_depth?")
    if args.quick:
        args.base, args.batch, args.runs = [32], [1], 1
    import torch
    print(f"{cpu_name()}, {args.threads} threads, {args.size} x {args.size}, medians of "
          f"{args.runs}, PyTorch {torch.__version__}, load average {os.getloadavg()[0]:.1f}\n")
    print("| | | seconds | peak MiB | |\n|---|---|---|---|---|")
    for base in args.base:
        for batch in args.batch:
            for mode in args.modes:
                configuration(args, mode, base, batch)


if __name__ == "__main__":
    main()
