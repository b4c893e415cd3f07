#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes what PyTorch says, in double, of the picture and attention operations, softmax,
reductions and the loss of depth maps, to FOLDER/ops.txt (for tests/kernels/test_ops_golden.c). A line is a whole tensor:

CASE TENSOR COUNT VALUE...

Gradients are those of sum(y * dy). Inputs come from an integer hash that
tests/support/hash_noise.c repeats: tensor number s of a case is stream s.

usage: make_ops_golden.py FOLDER          (needs torch and numpy)
"""
import math
import sys

import torch
from torch.nn import functional as F

from hash_noise import hash_noise


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


def batch_norm(out, case, training, relu=False):
    layer = torch.nn.BatchNorm2d(3, eps=1e-5, momentum=0.25).double().train(training)
    with torch.no_grad():
        layer.weight.copy_(noise(2, 3))
        layer.bias.copy_(noise(3, 3))
        layer.running_mean.copy_(noise(4, 3))
        layer.running_var.copy_(noise(5, 3).abs() + 0.5)
    x = noise(1, 2, 3, 4, 5)
    y = torch.relu(layer(x)) if relu else layer(x)
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


def residual(out):
    x, branch, gamma = noise(1, 2, 7), noise(2, 2, 7), noise(3, 1)
    y = x + gamma * branch
    backward(y, 4)
    write(out, "residual", y=y, dx=x.grad, dbranch=branch.grad, dgamma=gamma.grad)


def mean(values):
    return values.mean() if values.numel() else 0 * values.sum()


def depth_loss(out, case, bound):
    """A pixel is valid where noise is above the bound."""
    p, g = noise(1, 3, 8, 9, scale=2.0), noise(2, 3, 8, 9).detach() + 2
    g = torch.where(noise(3, 3, 8, 9).detach() > bound, g, torch.zeros(()))
    valid, off = g > 0, p - g
    l1 = mean(off.abs()[valid])
    pairs = []
    for axis in (1, 2):
        n = p.shape[axis] - 1
        both = valid.narrow(axis, 0, n) & valid.narrow(axis, 1, n)
        pairs.append(torch.diff(off, dim=axis).abs()[both])
    edge = mean(torch.cat(pairs))

    def around(t):  # inner pixels, and those above, below, left and right of them
        return t[:, 1:-1, 1:-1], t[:, :-2, 1:-1], t[:, 2:, 1:-1], t[:, 1:-1, :-2], t[:, 1:-1, 2:]

    middle, above, below, left, right = around(p)
    g_middle, _, g_below, _, g_right = around(g)
    share = torch.exp(-((g_right - g_middle).abs() + (g_below - g_middle).abs()))
    inner = torch.stack(around(valid)).all(0)
    smooth = mean(((4 * middle - above - below - left - right).abs() * share)[inner])
    (l1 + 0.2 * edge + 0.1 * smooth).backward()
    write(out, case, terms=torch.stack([l1, edge, smooth]), dp=p.grad)


def main():
    with open(f"{sys.argv[1]}/ops.txt", "w", encoding="ascii") as out:
        print(f"# torch {torch.__version__}, tests/tools/make_ops_golden.py", file=out)
        conv2d(out, "conv3x3", 2, 3, 4, 5, 6, 3, 3, True)
        conv2d(out, "conv1x1", 2, 5, 3, 4, 4, 1, 1, False)
        conv2d(out, "conv3x5", 1, 2, 2, 6, 5, 3, 5, True)
        conv2d(out, "conv5x7-beyond", 1, 2, 2, 2, 3, 5, 7, True)  # wider than the picture
        batch_norm(out, "norm-training", True)
        batch_norm(out, "norm-inference", False)
        batch_norm(out, "norm-relu-training", True, relu=True)
        batch_norm(out, "norm-relu-inference", False, relu=True)
        pool2d(out)
        upsample2d(out, "double", 4, 5, 8, 10)
        upsample2d(out, "other-size", 5, 3, 4, 11)
        upsample2d(out, "one-row", 1, 4, 3, 1)
        softmax(out)
        attention(out, "cross", 2, 5, 9, 3, 4)
        attention(out, "one-key", 1, 3, 1, 2, 2)
        reduce(out)
        residual(out)
        depth_loss(out, "depth-all", -2.0)
        depth_loss(out, "depth-most", -0.7)
        depth_loss(out, "depth-half", 0.0)
        depth_loss(out, "depth-none", 2.0)


if __name__ == "__main__":
    main()
