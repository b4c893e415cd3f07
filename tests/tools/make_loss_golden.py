#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes what PyTorch says of the transforms and losses, in double, to FOLDER/losses.txt (for
tests/kernels/test_stft.c, test_loss_golden.c and tests/train/test_loss_list.c):

stft NAME FRAME BIN RE IM        torch.stft, and torch.istft of its own output times a hash weight
istft NAME SAMPLE VALUE
value NAME VALUE                 a loss, restated here from its header with torch's own operations
grad NAME SAMPLE CHANNEL VALUE   its gradient by autograd, at picked samples
norm NAME VALUE                  the gradient's Euclidean norm

Sounds come from an integer hash that tests/support/hash_noise.c repeats.

usage: make_loss_golden.py FOLDER          (needs torch and numpy)
"""
import sys

import numpy as np
import torch

from hash_noise import hash_noise

T, RATE_HZ, TAPS = 500, 16000, 33
SIZES = (64, 128, 256)
STFTS = {"none": (64, 16, 64, False, "constant"), "zero": (64, 16, 40, True, "constant"),
         "reflect": (48, 20, 48, True, "reflect")}


def sounds():
    """x and its truth y, [T,4] in double: y decays, x is part of it and other noise."""
    decay = np.exp(-4.0 * np.arange(T) / T)[:, None]
    a = hash_noise(200, T * 4, 0.5).reshape(T, 4).astype(np.float64)
    b = hash_noise(201, T * 4, 0.5).reshape(T, 4).astype(np.float64)
    return torch.from_numpy(decay * (0.6 * a + 0.4 * b)), torch.from_numpy(decay * a)


def filters():
    return torch.from_numpy(hash_noise(202, 2 * 4 * TAPS, 0.25).astype(np.float64)).reshape(
        2, 4, TAPS)


def stft(x, n, hop, win, center, pad_mode):
    window = torch.hann_window(win, periodic=True, dtype=torch.float64)
    return torch.stft(x, n, hop, win, window, center=center, pad_mode=pad_mode,
                      return_complex=True)


def mse(x, y):
    return torch.mean((x - y) ** 2)


def mrstft(x, y, sizes=SIZES):
    total = 0.0
    for n in sizes:
        X, Y = (stft(v.T, n, n // 4, n, True, "constant") for v in (x, y))
        window = torch.hann_window(n, periodic=True, dtype=torch.float64)
        floor = 1e-6 * (Y.abs() ** 2).mean() + 1e-10 * (window**2).sum()
        M, N = (torch.sqrt(Z.real**2 + Z.imag**2 + floor) for Z in (X, Y))
        total = total + torch.norm(M - N) / torch.norm(N) + (M.log() - N.log()).abs().mean()
    return total / len(sizes)


def edc(x, y):
    E_x, E_y = (torch.flip(torch.cumsum(torch.flip(v**2, (0,)), 0), (0,)) for v in (x, y))
    floor = 1e-4 * E_y[0].mean() + 1e-10 * len(x)
    return (10 * torch.log10((E_x + floor) / (E_y + floor))).abs().mean()


def intensity(x, y):
    n, bands, block = 512, 24, 8
    f_hz = torch.arange(n // 2 + 1, dtype=torch.float64) * RATE_HZ / n
    place = 21.4 * torch.log10(1 + 0.00437 * f_hz)
    place = place / place[-1] * (bands + 1)  # 8 kHz is half the rate
    peak = torch.arange(1, bands + 1, dtype=torch.float64)[:, None]
    heights = torch.clamp(1 - (place - peak).abs(), min=0)  # [bands,bins]

    def flow(v):
        Z = stft(v.T, n, n // 4, n, True, "constant")
        each = heights.to(v.dtype) @ (Z[0].conj() * Z[1:]).real  # [3,bands,frames]
        each = torch.nn.functional.pad(each, (0, -each.shape[-1] % block))
        return each.reshape(3, bands, -1, block).sum(-1)

    I_x, I_y = flow(x), flow(y)
    size = torch.norm(I_y, dim=0)
    tiny = 1e-10 * 0.375 * n
    e = 1e-3 * size.mean() + tiny
    product = (I_x * I_y).sum(0) / torch.sqrt((I_x**2).sum(0) + e**2)
    return (size - product).sum() / (size.sum() + tiny)


def decode(x):
    h = torch.flip(filters(), (2,))
    return torch.nn.functional.conv1d(x.T[None], h, padding=TAPS - 1)[0].T


LOSSES = {"mse": mse, "mrstft": mrstft, "edc": edc, "intensity": intensity,
          "binaural": lambda x, y: mrstft(decode(x), decode(y)),
          "binaural-mse": lambda x, y: mse(decode(x), decode(y))}


def write_transforms(out):
    x = sounds()[0][:, 0]
    for name, (n, hop, win, center, pad) in STFTS.items():
        X = stft(x, n, hop, win, center, pad)
        for f in range(0, X.shape[1], 3):
            for k in (0, 1, 5, n // 4 + 1, n // 2):
                print("stft", name, f, k, f"{X[k, f].real:.17g} {X[k, f].imag:.17g}", file=out)
        if center:
            weight = torch.from_numpy(hash_noise(203, X.numel(), 1.0).astype(np.float64))
            X = X * weight.reshape(X.T.shape).T
            back = torch.istft(X, n, hop, win, torch.hann_window(win, dtype=torch.float64),
                               center=True, length=T)
            for t in (*range(4), *range(4, T - 4, 41), *range(T - 4, T)):
                print("istft", name, t, f"{back[t]:.17g}", file=out)


def write_losses(out):
    for name, loss in LOSSES.items():
        x, y = sounds()
        x.requires_grad_(True)
        value = loss(x, y)
        value.backward()
        print("value", name, f"{value.item():.17g}", file=out)
        print("norm", name, f"{torch.norm(x.grad).item():.17g}", file=out)
        for t in (0, 1, 7, 100, 251, 498, 499):
            for c in range(4):
                print("grad", name, t, c, f"{x.grad[t, c]:.17g}", file=out)


def main():
    with open(f"{sys.argv[1]}/losses.txt", "w", encoding="ascii") as out:
        print(f"# torch {torch.__version__}, tests/tools/make_loss_golden.py", file=out)
        write_transforms(out)
        write_losses(out)


if __name__ == "__main__":
    main()
