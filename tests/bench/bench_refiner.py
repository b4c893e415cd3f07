#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The seed refiner here and in PyTorch, side by side: one second at 16 kHz, batch 1, 2 threads.

usage: bench_refiner.py build/tests/bench_refiner      (needs torch, safetensors and numpy)
"""
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from safetensors.torch import save_file

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tools"))
from make_refiner_golden import FRAMES, hash_foa, hash_seed  # noqa: E402


def torch_us(model, x, threads, runs=7):
    """Median microseconds a step."""
    torch.set_num_threads(threads)
    seconds = []
    with torch.inference_mode():
        model(x)
        for _ in range(runs):
            start = time.perf_counter()
            model(x)
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) / FRAMES * 1e6


def main():
    model, foa = hash_seed(), hash_foa()
    x = torch.from_numpy(foa.T.copy())[None]
    before = {n: torch_us(model, x, n) for n in (1, 2)}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        save_file(model.state_dict(), folder / "weights.safetensors")
        foa.tofile(folder / "foa.f32")
        subprocess.run([sys.argv[1], folder / "weights.safetensors", folder / "foa.f32",
                        folder / "out.f32"], check=True)
        ours = np.fromfile(folder / "out.f32", dtype=np.float32).reshape(FRAMES, 4)
    after = {n: torch_us(model, x, n) for n in (1, 2)}
    for n in (1, 2):
        print(f"PyTorch {torch.__version__}, {n} thread(s): {before[n]:.2f} us/step before, "
              f"{after[n]:.2f} after")
    with torch.inference_mode():
        theirs = model(x)[0].numpy().T
    print(f"max abs error to PyTorch over {FRAMES} samples: {np.abs(ours - theirs).max():.2e}")


if __name__ == "__main__":
    main()
