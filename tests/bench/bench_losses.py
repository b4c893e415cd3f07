#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The losses here and in PyTorch, side by side: value and gradient of one row of one second at
16 kHz, one thread each, microseconds per sample.

usage: bench_losses.py build/tests/bench_losses      (needs torch and numpy)
"""
import pathlib
import statistics
import subprocess
import sys
import time

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tools"))
import make_loss_golden as golden  # noqa: E402

T, RUNS, SIZES = 16000, 7, (256, 512, 1024)


def us_a_sample(work):
    work()
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) / T * 1e6


def gradient_of(loss, x, y):
    def work():
        x.grad = None
        loss(x, y).backward()
    return work


def main():
    torch.set_num_threads(1)
    # the golden restatements in float and with the programs' windows and taps
    taps = 256
    filters = torch.randn(2, 4, taps)

    def stft(x, n, hop, win, center, pad_mode):
        return torch.stft(x, n, hop, win, torch.hann_window(win), center=center,
                          pad_mode=pad_mode, return_complex=True)

    def decode(x):  # by Fourier transform, as here
        n = 2 ** 14 + 512
        X = torch.fft.rfft(x.T, n)
        return torch.fft.irfft((torch.fft.rfft(filters, n) * X).sum(1), n)[:, :T + taps - 1].T

    golden.stft = stft
    losses = {"mse": golden.mse, "mrstft": lambda x, y: golden.mrstft(x, y, SIZES),
              "intensity": golden.intensity, "edc": golden.edc,
              "binaural": lambda x, y: golden.mrstft(decode(x), decode(y), SIZES),
              "binaural-mse": lambda x, y: golden.mse(decode(x), decode(y))}
    x, y = torch.rand(T, 4).sub(0.5).requires_grad_(True), torch.rand(T, 4) - 0.5
    signal = y[:, 0].contiguous()
    print(f"PyTorch {torch.__version__}, 1 thread")
    for name, loss in losses.items():
        print(f"{name:14} {us_a_sample(gradient_of(loss, x, y)):8.4f} us/sample")
    print(f"{'stft':14} {us_a_sample(lambda: stft(signal, 512, 128, 512, True, 'constant')):8.4f} "
          "us/sample")
    print("here, 1 thread", flush=True)
    subprocess.run([sys.argv[1]], check=True)


if __name__ == "__main__":
    main()
