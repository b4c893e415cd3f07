#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The depth network in PyTorch, by the tensor names of checkpoints/format.md.

FOLDER     writes FOLDER/depth_net.safetensors, what tests/nn/test_depth_net.c compares with: small
           networks in double. Weights, inputs and noise come from an integer hash that
           tests/nn/depth_net_check.h repeats, so the file holds results only:

             CASE.eval, CASE.training   depth by running and by the batch's statistics
             CASE.gradient              of every parameter, after one backward pass of the loss
             CASE.running               every running statistic after that forward pass
             fast.losses, calm.losses   loss, l1, edge, smooth of ten AdamW steps. Rounding grows
                                        from step to step: at the fast rate float32 PyTorch is up
                                        to 1e-2 away from double, at the calm one up to 5e-4
             optimizer                  the parameters after ten AdamW steps on given gradients

           A row of gradient, running and optimizer is a tensor: its norm and 16 sums of the tensor
           times noise. Their mean square is 1/3 of the tensor's square norm, so the sums of a
           difference tell its norm.

--load     runs a checkpoint of ours on what `v2s-infer depth --spectrogram-out` wrote, and says how
           far `v2s-infer depth -o DEPTH.npy` is from it.

usage: make_depth_golden.py FOLDER
       make_depth_golden.py --load FILE.safetensors --input SPECTROGRAM.npy [--depth DEPTH.npy]

Needs torch, numpy and safetensors.
"""
import argparse
import math

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from hash_noise import hash_noise

PROJECTIONS, STEPS, BATCH, SIZE, BASE, MAX_DEPTH = 16, 10, 2, 32, 8, 10.0


class DoubleConv(nn.Module):
    def __init__(self, inputs, middle, outputs):
        super().__init__()
        self.double_conv = nn.Sequential(
            nn.Conv2d(inputs, middle, 3, padding=1, bias=False), nn.BatchNorm2d(middle), nn.ReLU(),
            nn.Conv2d(middle, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs),
            nn.ReLU())

    def forward(self, x):
        return self.double_conv(x)


class Encoder(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.inc = DoubleConv(1, channels[0], channels[0])
        self.downs = nn.ModuleList(DoubleConv(a, b, b) for a, b in zip(channels, channels[1:]))

    def forward(self, x):
        levels = [self.inc(x)]
        for down in self.downs:
            levels.append(down(F.max_pool2d(levels[-1], 2)))
        return levels


class CrossAttention(nn.Module):
    def __init__(self, channels, by_key):
        super().__init__()
        key = max(channels // 8, 1)
        self.scale = 1 / math.sqrt(key if by_key else channels)
        self.gamma_left = nn.Parameter(torch.zeros(1))
        self.gamma_right = nn.Parameter(torch.zeros(1))
        self.q = nn.Conv2d(channels, key, 1)
        self.k = nn.Conv2d(channels, key, 1)
        self.v = nn.Conv2d(channels, channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def look(self, own, other):
        q, k, v = self.q(own).flatten(2), self.k(other).flatten(2), self.v(other).flatten(2)
        found = [v @ torch.softmax(self.scale * k.transpose(1, 2) @ some, 1)  # [B,N,4096]
                 for some in q.split(4096, 2)]
        return self.out(torch.cat(found, 2).view_as(own))

    def forward(self, left, right):
        return (left + self.gamma_left * self.look(left, right),
                right + self.gamma_right * self.look(right, left))


class DepthNet(nn.Module):
    def __init__(self, base, levels, by_key, max_depth):
        super().__init__()
        channels = [base, 2 * base, 4 * base, 8 * base, 8 * base]
        self.max_depth = max_depth
        self.encoder_left = Encoder(channels)
        self.encoder_right = Encoder(channels)
        self.attention = nn.ModuleDict({str(l): CrossAttention(channels[l - 1], by_key)
                                        for l in levels})
        self.fusion = nn.ModuleList(nn.Sequential(nn.Conv2d(2 * c, c, 1), nn.BatchNorm2d(c),
                                                  nn.ReLU()) for c in channels)
        self.decoder = nn.ModuleList(DoubleConv(i * base, i * base // 2, o * base)
                                     for i, o in ((16, 4), (8, 2), (4, 1), (2, 1)))
        self.head = nn.Conv2d(base, 1, 1)

    def forward(self, x):
        """x [B,2,S,S] -> depth [B,S,S]"""
        pairs = list(zip(self.encoder_left(x[:, :1]), self.encoder_right(x[:, 1:])))
        fused = []
        for i, (left, right) in enumerate(pairs):
            if str(i + 1) in self.attention:
                left, right = self.attention[str(i + 1)](left, right)
            fused.append(self.fusion[i](torch.cat((left, right), 1)))
        d = fused[4]
        for step, skip in zip(self.decoder, reversed(fused[:4])):
            up = F.interpolate(d, scale_factor=2, mode="bilinear", align_corners=True)
            d = step(torch.cat((skip, up), 1))
        return self.max_depth * torch.sigmoid(self.head(d))[:, 0]


def depth_loss(p, g):
    """kernels/loss_depth.h: loss, l1, edge, smooth of p, g [B,H,W]"""
    valid = g > 0
    l1 = (p - g).abs()[valid].mean()
    diff = p - g
    across = (diff[:, :, 1:] - diff[:, :, :-1])[valid[:, :, 1:] & valid[:, :, :-1]]
    down = (diff[:, 1:] - diff[:, :-1])[valid[:, 1:] & valid[:, :-1]]
    edge = torch.cat((across, down)).abs().mean()
    every, middle, after, before = slice(None), slice(1, -1), slice(2, None), slice(None, -2)
    inner = (every, middle, middle)
    around = ((every, middle, after), (every, after, middle), (every, middle, before),
              (every, before, middle))
    laplacian = 4 * p[inner] - sum(p[a] for a in around)
    fade = torch.exp(-((g[around[0]] - g[inner]).abs() + (g[around[1]] - g[inner]).abs()))
    mask = valid[inner]
    for a in around:
        mask = mask & valid[a]
    smooth = (laplacian.abs() * fade)[mask].mean()
    return l1 + 0.2 * edge + 0.1 * smooth, l1, edge, smooth


# ---- numbers of tests/nn/depth_net_check.h -------------------------------------------------------

def noise(stream, shape, middle, scale):
    count = int(np.prod(shape))
    values = (middle + scale * hash_noise(stream, count, 1.0).astype(np.float64)).astype(np.float32)
    return torch.from_numpy(values.astype(np.float64).reshape(shape))


def tensors_of(model):
    return [(n, t) for n, t in model.state_dict().items() if not n.endswith("num_batches_tracked")]


def fill(model, peak):
    for i, (name, t) in enumerate(tensors_of(model)):
        middle, scale = 0.0, 0.1
        if t.dim() == 4:
            scale = math.sqrt(6 / (t.shape[0] * t.shape[2] * t.shape[3]))
            scale *= peak if name.endswith(".q.weight") else 1.0
        elif "gamma_" in name:
            middle, scale = 0.5, 0.0
        elif name.endswith("running_var"):
            middle, scale = 1.0, 0.5
        elif name.endswith(".weight"):
            middle, scale = 1.0, 0.2
        t.copy_(noise(i, t.shape, middle, scale))


def make(levels, by_key, peak):
    model = DepthNet(BASE, levels, by_key, MAX_DEPTH).double()
    fill(model, peak)
    return model


def spectrograms():
    return noise(500, (BATCH, 2, SIZE, SIZE), 0.5, 0.5)


def truth(stream):
    return noise(stream, (BATCH, SIZE, SIZE), 5.0, 6.0).clamp(min=0)


def row(index, t):
    flat = t.detach().reshape(-1).numpy()
    sums = [float(flat @ hash_noise(1000 + PROJECTIONS * index + j, flat.size, 1.0)
                  .astype(np.float64)) for j in range(PROJECTIONS)]
    return [float(np.linalg.norm(flat))] + sums


def rows(named):
    return torch.tensor([row(i, t) for i, (_, t) in enumerate(named)], dtype=torch.float64)


# ---- cases ---------------------------------------------------------------------------------------

def run_case(out, case, levels, by_key, peak):
    model, x, g = make(levels, by_key, peak), spectrograms(), truth(501)
    with torch.no_grad():
        out[f"{case}.eval"] = model.eval()(x)
    depth = model.train()(x)
    depth_loss(depth, g)[0].backward()
    out[f"{case}.training"] = depth.detach()
    out[f"{case}.gradient"] = rows([(n, p.grad) for n, p in model.named_parameters()])
    out[f"{case}.running"] = rows([(n, t) for n, t in tensors_of(model) if ".running_" in n])


def run_steps(out, case, rate):
    model, x = make([1, 2, 3, 4, 5], True, 1.0).train(), spectrograms()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-2)
    losses = []
    for step in range(STEPS):
        optimizer.zero_grad()
        terms = depth_loss(model(x), truth(510 + step % 2))
        terms[0].backward()
        optimizer.step()
        losses.append([float(t.detach()) for t in terms])
    out[f"{case}.losses"] = torch.tensor(losses, dtype=torch.float64)


def run_optimizer(out):
    model = make([], True, 1.0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
    for step in range(STEPS):
        for i, p in enumerate(model.parameters()):
            p.grad = noise(2000 + 200 * step + i, p.shape, 0.0, 1e-2)
        optimizer.step()
    out["optimizer"] = rows(list(model.named_parameters()))


def write_golden(folder):
    out = {}
    run_case(out, "all", [1, 2, 3, 4, 5], True, 1.0)
    run_case(out, "some", [2, 4], False, 1.0)
    run_case(out, "peaked", [1, 2, 3, 4, 5], True, 8.0)
    run_steps(out, "fast", 1e-3)
    run_steps(out, "calm", 1e-5)
    run_optimizer(out)
    save_file({name: t.contiguous() for name, t in out.items()}, f"{folder}/depth_net.safetensors",
              metadata={"made_by": f"torch {torch.__version__}, tests/tools/make_depth_golden.py"})


# ---- checkpoints ---------------------------------------------------------------------------------

def load(path):
    with safe_open(path, framework="pt") as f:
        said = f.metadata() or {}
        tensors = {n: f.get_tensor(n) for n in f.keys()}
    base = tensors["encoder_left.inc.double_conv.0.weight"].shape[0]
    levels = sorted({int(n.split(".")[1]) for n in tensors if n.startswith("attention.")})
    model = DepthNet(base, levels, said.get("attention_scale", "channels") == "key",
                     float(said.get("max_depth_m", 30)))
    own = {n: t for n, t in tensors.items() if n in model.state_dict()}
    absent, foreign = model.load_state_dict(own, strict=False)
    absent = [n for n in absent if not n.endswith("num_batches_tracked")]
    if absent or foreign:
        raise SystemExit(f"{path}: missing {absent}, foreign {foreign}")
    return model.eval()


def compare(args):
    x = torch.from_numpy(np.load(args.input)).float()
    x = x if x.dim() == 4 else x[None]
    with torch.no_grad():
        depth = load(args.load)(x)
    print(f"PyTorch {torch.__version__}: depth {float(depth.min()):.4f} .. "
          f"{float(depth.max()):.4f} m, mean {float(depth.mean()):.4f} m")
    if args.depth:
        gap = (depth - torch.from_numpy(np.load(args.depth)).reshape(depth.shape)).abs()
        print(f"{args.depth}: largest difference {float(gap.max()):.2e} m, "
              f"mean {float(gap.mean()):.2e} m")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--load")
    parser.add_argument("--input")
    parser.add_argument("--depth")
    args = parser.parse_args()
    if args.load and args.input:
        compare(args)
    elif args.folder and not args.load:
        write_golden(args.folder)
    else:
        parser.error("give a FOLDER, or --load and --input")


if __name__ == "__main__":
    main()
