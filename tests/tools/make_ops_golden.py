#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes what PyTorch says, in double, of the picture and attention operations, softmax and
reductions, to FOLDER/ops.txt (for tests/kernels/test_ops_golden.c). A line is a whole tensor:

CASE TENSOR COUNT VALUE...

Gradients are those of sum(y * dy). Inputs come from an integer hash that
tests/support/hash_noise.c repeats: tensor number s of a case is stream s.

usage: make_ops_golden.py FOLDER          (needs torch and numpy)
"""
import math
import sys

import torch
from torch.nn import functional as F

from make_refiner_golden import hash_noise


def noise(stream, *shape, scale=1.0):
    values = hash_noise(stream, math.prod(shape), scale).astype("float64")
    return torch.from_numpy(values).reshape(shape).requires_grad_(True)


def write(out, case, **tensors):
    for name, t in tensors.items():
        values = " ".join(f"{v:.12g}" for v in t.detach().double().flatten().tolist())
        print(case, name, t.numel(), values, file=out)


def backward(y, stream):
    y.backward(noise(stream, *y.shape).detach())


def conv2d(out, case, N, C, O, H, W, KH, KW, with_bias):
    x, w, bias = noise(1, N, C, H, W), noise(2, O, C, KH, KW), noise(3, O)
    y = F.conv2d(x, w, bias if with_bias else None, padding=(KH // 2, KW // 2))
    backward(y, 4)
    write(out, case, y=y, dx=x.grad, dw=w.grad)
    if with_bias:
        write(out, case, dbias=bias.grad)


def batch_norm(out, case, training):
    layer = torch.nn.BatchNorm2d(3, eps=1e-5, momentum=0.25).double().train(training)
    with torch.no_grad():
        layer.weight.copy_(noise(2, 3))
        layer.bias.copy_(noise(3, 3))
        layer.running_mean.copy_(noise(4, 3))
        layer.running_var.copy_(noise(5, 3).abs() + 0.5)
    x = noise(1, 2, 3, 4, 5)
    y = layer(x)
    backward(y, 6)
    write(out, case, y=y, dx=x.grad, dweight=layer.weight.grad, dbias=layer.bias.grad,
          running_mean=layer.running_mean, running_var=layer.running_var)


def pool2d(out):
    x = noise(1, 2, 3, 7, 9)
    with torch.no_grad():
        x[0] = torch.round(2 * x[0])  # equal ones
        x[1, 2, 0, 1] = x[1, 2, 2, 2] = x[1, 2, 3, 3] = math.nan
    y, at = F.max_pool2d(x, 2, return_indices=True)
    backward(y, 2)
    write(out, "pool", y=y, index=at // 9 % 2 * 2 + at % 9 % 2, dx=x.grad)


def upsample2d(out, case, H, W, OH, OW):
    x = noise(1, 2, 2, H, W)
    y = F.interpolate(x, size=(OH, OW), mode="bilinear", align_corners=True)
    backward(y, 2)
    write(out, case, y=y, dx=x.grad)


def softmax(out):
    x = noise(1, 5, 33, scale=8.0)
    y = torch.softmax(x, -1)
    backward(y, 2)
    write(out, "softmax", y=y, dx=x.grad)


def attention(out, case, B, Nq, Nk, D, E):
    q, k, v = noise(1, B, Nq, D), noise(2, B, Nk, D), noise(3, B, Nk, E)
    scores = 2.5 * q @ k.transpose(1, 2)
    o = torch.softmax(scores, -1) @ v
    backward(o, 4)
    write(out, case, o=o, lse=torch.logsumexp(scores, -1), dq=q.grad, dk=k.grad, dv=v.grad)


def reduce(out):
    for axis, dim in (("rows", 1), ("columns", 0)):
        for kind in ("sum", "mean", "max"):
            x = noise(1, 7, 11)
            y = x.max(dim).values if kind == "max" else getattr(x, kind)(dim)
            backward(y, 2)
            write(out, f"{kind}-{axis}", y=y, dx=x.grad)


def main():
    with open(f"{sys.argv[1]}/ops.txt", "w", encoding="ascii") as out:
        print(f"# torch {torch.__version__}, tests/tools/make_ops_golden.py", file=out)
        conv2d(out, "conv3x3", 2, 3, 4, 5, 6, 3, 3, True)
        conv2d(out, "conv1x1", 2, 5, 3, 4, 4, 1, 1, False)
        conv2d(out, "conv3x5", 1, 2, 2, 6, 5, 3, 5, True)
        conv2d(out, "conv5x7-beyond", 1, 2, 2, 2, 3, 5, 7, True)  # wider than the picture
        batch_norm(out, "norm-training", True)
        batch_norm(out, "norm-inference", False)
        pool2d(out)
        upsample2d(out, "double", 4, 5, 8, 10)
        upsample2d(out, "other-size", 5, 3, 4, 11)
        upsample2d(out, "one-row", 1, 4, 3, 1)
        softmax(out)
        attention(out, "cross", 2, 5, 9, 3, 4)
        attention(out, "one-key", 1, 3, 1, 2, 2)
        reduce(out)


if __name__ == "__main__":
    main()
