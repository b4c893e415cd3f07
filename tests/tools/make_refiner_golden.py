#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes what PyTorch's form of the seed refiner says, to a folder (tests/data/golden):

refiner_seed.txt                  outputs of the seed refiner, for tests/nn/test_refiner.c
refiner_tiny_torch.safetensors    a tiny refiner as safetensors.torch.save_file writes it

Weights and input come from an integer hash that tests/support/hash_noise.c repeats, so the text
only holds outputs: 96 frames, and per block of 400 frames the sum of each channel's residual.

usage: make_refiner_golden.py FOLDER          (needs torch, safetensors and numpy)
"""
import sys

import numpy as np
import torch
from safetensors.torch import save_file

from hash_noise import hash_noise

FRAMES = 16000


class Seed(torch.nn.Module):
    """docs: h = Conv1d(4, 64, 15, same); BiGRU(64, 128); Linear(256, 4); residual = 0.1 * r."""

    def __init__(self, kernel=15, channels=64, hidden=128):
        super().__init__()
        self.conv1d = torch.nn.Conv1d(4, channels, kernel, padding=kernel // 2)
        self.gru = torch.nn.GRU(channels, hidden, batch_first=True, bidirectional=True)
        self.output = torch.nn.Linear(2 * hidden, 4)

    def forward(self, foa):  # [B,4,T] -> [B,4,T]
        h = self.conv1d(foa).transpose(1, 2)
        return 0.1 * self.output(self.gru(h)[0]).transpose(1, 2)


# Larger than PyTorch's own start, so that gates leave their linear range.
SCALES = {"conv1d": 0.25, "gru": 0.15, "output": 0.25}


def hash_seed(*sizes):
    model = Seed(*sizes).eval()
    with torch.no_grad():
        for stream, (name, p) in enumerate(model.named_parameters()):
            noise = hash_noise(stream, p.numel(), SCALES[name.split(".")[0]])
            p.copy_(torch.from_numpy(noise).reshape(p.shape))
    return model


def hash_foa(frames=FRAMES):
    """[T,4] interleaved frames."""
    return hash_noise(100, frames * 4, 1.0).reshape(frames, 4)


def main():
    model, foa = hash_seed(), hash_foa()
    with torch.no_grad():
        r = model(torch.from_numpy(foa.T.copy())[None])[0].numpy().T
    picked = sorted(set(range(8)) | set(range(FRAMES - 8, FRAMES)) |
                    {int(f) for f in np.linspace(8, FRAMES - 9, 80)})
    with open(f"{sys.argv[1]}/refiner_seed.txt", "w", encoding="ascii") as out:
        print(f"# seed refiner, torch {torch.__version__}, tests/tools/make_refiner_golden.py",
              file=out)
        for f in picked:
            print("frame", f, *(f"{v:.9g}" for v in r[f]), file=out)
        for b in range(0, FRAMES, 400):
            sums = r[b:b + 400].astype(np.float64).sum(axis=0)
            print("block", b, *(f"{v:.9g}" for v in sums), file=out)
    save_file(hash_seed(3, 5, 4).state_dict(), f"{sys.argv[1]}/refiner_tiny_torch.safetensors")


if __name__ == "__main__":
    main()
