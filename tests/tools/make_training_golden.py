#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes what PyTorch says about training the seed refiner, in double, to FOLDER/refiner_training.txt.

gradient TENSOR    of sum(residual * dresidual) for every parameter and the input
adamw|adam|sgd TENSOR    a parameter after ten steps on the mean square error

Each line then holds a norm (of the gradient; of the way that the tensor moved) and 16 projections:
sums of the tensor times noise. Their mean square is 1/3 of the tensor's square norm, so the
projections of a difference tell its norm. Weights, inputs and noise come from an integer hash that
tests/support/hash_noise.c repeats.

usage: make_training_golden.py FOLDER          (needs torch, numpy and safetensors)
"""
import sys

import numpy as np
import torch
from hash_noise import hash_noise
from make_refiner_golden import hash_seed

BATCH, FRAMES, STEPS, PROJECTIONS = 2, 60, 10, 16


def noise(stream):
    """[B,4,T] from [B,T,4]"""
    flat = hash_noise(stream, BATCH * FRAMES * 4, 1.0).astype(np.float64)
    return torch.from_numpy(flat.reshape(BATCH, FRAMES, 4)).transpose(1, 2)


def line(out, kind, name, index, norm, tensor):
    flat = tensor.detach().numpy().reshape(-1)
    sums = [float(flat @ hash_noise(1000 + PROJECTIONS * index + j, flat.size, 1.0)
                  .astype(np.float64)) for j in range(PROJECTIONS)]
    print(kind, name, *(f"{v:.17g}" for v in [norm] + sums), file=out)


def write_gradients(out):
    model, x = hash_seed().double(), noise(100).clone().requires_grad_()
    (model(x) * noise(101)).sum().backward()
    named = [(n, p.grad) for n, p in model.named_parameters()]
    named.append(("input", x.grad.transpose(1, 2).contiguous()))
    for i, (name, grad) in enumerate(named):
        line(out, "gradient", name, i, float(grad.norm()), grad)


def write_steps(out, kind, make):
    model = hash_seed().double()
    start = [p.detach().clone() for p in model.parameters()]
    optimizer = make(model.parameters())
    for step in range(STEPS):
        optimizer.zero_grad()
        ((model(noise(300 + step)) - noise(400 + step)) ** 2).mean().backward()
        optimizer.step()
    for i, ((name, p), p0) in enumerate(zip(model.named_parameters(), start)):
        line(out, kind, name, i, float((p.detach() - p0).norm()), p)


def main():
    with open(f"{sys.argv[1]}/refiner_training.txt", "w", encoding="ascii") as out:
        print(f"# seed refiner, torch {torch.__version__}, tests/tools/make_training_golden.py",
              file=out)
        write_gradients(out)
        write_steps(out, "adamw", lambda p: torch.optim.AdamW(p, lr=1e-3, weight_decay=1e-2))
        write_steps(out, "adam", lambda p: torch.optim.Adam(p, lr=1e-3, weight_decay=1e-2))
        write_steps(out, "sgd", lambda p: torch.optim.SGD(p, lr=1e-2, momentum=0.9,
                                                          weight_decay=1e-3))


if __name__ == "__main__":
    main()
