#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes what PyTorch and numpy say of the depth network's input and scores, in double, to
FOLDER/echo.txt (for tests/data/test_echo.c and test_depth_map.c):

spectrogram NAME SIZE ROW COLUMN VALUE    |torch.stft| as torchaudio's Spectrogram(n_fft=512,
                                          win_length=64, hop_length=16, power=1) calls it, then
                                          interpolate(mode="bilinear", align_corners=False)
resize MODE SIZE ROW COLUMN VALUE         a depth map in metres: bilinear, or nearest-exact
m7 NAME KEY VALUE                         the scores of a depth map

Sounds and maps come from an integer hash that tests/support/hash_noise.c repeats.

usage: make_echo_golden.py FOLDER         (needs torch and numpy)
"""
import sys

import numpy as np
import torch
from torch.nn.functional import interpolate

from hash_noise import hash_noise

RATE_HZ, SAMPLES = 44100, 7782
HEIGHT, WIDTH, PIXELS = 45, 80, 1000


def sounds():
    t = np.arange(SAMPLES) / RATE_HZ
    noise = hash_noise(300, SAMPLES, 0.5).astype(np.float64)
    chirp = (0.7 * np.sin(2 * np.pi * (20 + 55000 * t) * t)).astype(np.float32)
    short = np.where(np.arange(SAMPLES) < 5000, noise, 0)
    return {"noise": noise, "chirp": chirp.astype(np.float64), "short": short}


def spectrogram(x, size):
    window = torch.hann_window(64, periodic=True, dtype=torch.float64)
    X = torch.stft(torch.from_numpy(x), 512, 16, 64, window, center=True, pad_mode="reflect",
                   normalized=False, onesided=True, return_complex=True).abs()
    return interpolate(X[None, None], size=(size, size), mode="bilinear", align_corners=False,
                       antialias=False)[0, 0].numpy()


def depth_mm():
    h = hash_noise(301, HEIGHT * WIDTH, 1.0).astype(np.float64).reshape(HEIGHT, WIDTH)
    return np.where(h < -0.6, 0, np.floor(16100 + 16000 * h))


def resized(mode, size):
    d = torch.from_numpy(np.minimum(depth_mm() / 1000, 30.0))[None, None]
    more = {} if mode == "nearest" else {"align_corners": False, "antialias": False}
    name = "nearest-exact" if mode == "nearest" else mode
    return interpolate(d, size=(size, size), mode=name, **more)[0, 0].numpy()


def score(p, t):
    """compute_errors of the public BatVision repository, restated from its formulas."""
    p, t = p[t > 0].astype(np.float64), t[t > 0].astype(np.float64)
    with np.errstate(all="ignore"):
        ratio = np.maximum(t / p, p / t)
        s = {"rmse": np.sqrt(np.mean((t - p) ** 2)), "abs_rel": np.mean(np.abs(t - p) / t),
             "log10": np.mean(np.abs(np.log10(t) - np.log10(p))), "mae": np.mean(np.abs(t - p))}
        for k in (1, 2, 3):
            s[f"delta{k}"] = np.mean(ratio < 1.25**k)
    return {k: 0.0 if np.isnan(v) else v for k, v in s.items()}


def maps():
    base = (np.float32(5) + hash_noise(302, PIXELS, 4.5)).astype(np.float32)
    truth = np.where(hash_noise(303, PIXELS, 1.0) < -0.7, np.float32(0), base)
    plain = (base + hash_noise(304, PIXELS, 0.45) * base).astype(np.float32)
    zero, negative = plain.copy(), plain.copy()
    at = int(np.nonzero(truth > 0)[0][5])
    zero[at] = 0
    negative[at] = -1
    return truth, {"plain": plain, "zero": zero, "negative": negative}


def main(folder):
    rng = np.random.default_rng(6)
    with open(f"{folder}/echo.txt", "w") as f:
        f.write(f"# torch {torch.__version__}, tests/tools/make_echo_golden.py\n")
        for name, x in sounds().items():
            for size in (32, 64, 300):
                S = spectrogram(x, size)
                picks = {divmod(int(i), size) for i in rng.integers(0, size * size, 60)}
                ends = {(r, c) for r in (0, size - 1) for c in (0, size - 1)}
                peak = np.unravel_index(np.argmax(S), S.shape)
                for r, c in sorted(picks | ends | {(int(peak[0]), int(peak[1]))}):
                    f.write(f"spectrogram {name} {size} {r} {c} {S[r, c]:.9g}\n")
        for mode in ("nearest", "bilinear"):
            for size in (16, 64):
                D = resized(mode, size)
                for i in sorted({int(i) for i in rng.integers(0, size * size, 60)}):
                    r, c = divmod(i, size)
                    f.write(f"resize {mode} {size} {r} {c} {D[r, c]:.9g}\n")
        truth, predicted = maps()
        for name, p in predicted.items():
            for key, value in score(p, truth).items():
                f.write(f"m7 {name} {key} {value:.12g}\n")


if __name__ == "__main__":
    main(sys.argv[1])
