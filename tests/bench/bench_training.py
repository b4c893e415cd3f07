#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Training of the seed refiner here and in PyTorch, side by side: microseconds per sample-step
(forward, backward and AdamW; one sample of one row), 2 threads.

usage: bench_training.py build/tests/bench_training [RUNS]      (needs torch, safetensors and numpy)
"""
import pathlib
import statistics
import subprocess
import sys
import time

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tools"))
from make_refiner_golden import Seed  # noqa: E402

THREADS, SHAPES = 2, ((1, 4000), (4, 4000), (16, 2000), (32, 1000))


def torch_us(batch, frames, runs):
    """Median of the wall clock, and of the time of all processors."""
    torch.set_num_threads(THREADS)
    model, x = Seed(), torch.rand(batch, 4, frames) * 2 - 1
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
    wall, processors = [], []
    for _ in range(runs + 1):  # the first touches the memory
        start, cpu = time.perf_counter(), time.process_time()
        optimizer.zero_grad()
        (model(x) ** 2).mean().backward()
        optimizer.step()
        wall.append(time.perf_counter() - start)
        processors.append(time.process_time() - cpu)
    scale = 1e6 / (batch * frames)
    return statistics.median(wall[1:]) * scale, statistics.median(processors[1:]) * scale


def main():
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    subprocess.run([sys.argv[1], str(THREADS), str(2 * runs)], check=True)
    for batch, frames in SHAPES:
        wall, processors = torch_us(batch, frames, runs)
        print(f"PyTorch {torch.__version__} {batch:2} x {frames}  {wall:7.2f} us/sample-step; "
              f"processors {processors:.2f}", flush=True)
    subprocess.run([sys.argv[1], str(THREADS), str(2 * runs)], check=True)


if __name__ == "__main__":
    main()
