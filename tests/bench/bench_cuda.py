#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Times in PyTorch, on the same machine, what bench_cuda has timed: every line of OURS (its --json
file) that has a twin here, with the same sizes and precision.

usage: bench_cuda.py OURS.jsonl OUT.jsonl [--budget SECONDS] [--quick]

A line of OUT is {name, shape, precision, variant, seconds, ...}. Variants: eager; of whole
refiners also graph (the eager step as one CUDA graph), compile (torch.compile) and reduce-overhead
(torch.compile with CUDA graphs). CUDA events around so many queued calls that a sample takes 20 ms,
the median of several samples, warm-up before. Float32 is float32 (TF32 off); tf32 allows it; bf16
is autocast, as inputs and weights are float32 on both sides. Where OURS is no measurement of a GPU,
the processor will do to show that it runs.
"""
import argparse
import json
import re
import statistics
import sys
import time

import torch
import torch.nn.functional as F

DEVICE, LIMITS = "cuda", {"sample_s": 0.02, "most_s": 1.0}
MINIMUM, MAXIMUM = 3, 11  # samples


# ---- timing -----------------------------------------------------------------------------------

def seconds_of(work, calls):
    if DEVICE == "cpu":
        start = time.perf_counter()
        for _ in range(calls):
            work()
        return time.perf_counter() - start
    first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    first.record()
    for _ in range(calls):
        work()
    last.record()
    last.synchronize()
    return first.elapsed_time(last) / 1e3


def measure(work):
    for _ in range(2):
        work()
    once = seconds_of(work, 1)
    calls = max(1, min(20000, int(LIMITS["sample_s"] / max(once, 1e-7))))
    if calls > 1:  # one call alone is slower than one of many
        once = seconds_of(work, calls) / calls
        calls = max(1, min(20000, int(LIMITS["sample_s"] / max(once, 1e-7))))
    begin, all_s = time.perf_counter(), []
    while len(all_s) < MAXIMUM and (len(all_s) < MINIMUM or
                                    time.perf_counter() - begin < LIMITS["most_s"]):
        all_s.append(seconds_of(work, calls) / calls)
    return {"seconds": statistics.median(all_s), "best": min(all_s), "samples": len(all_s),
            "calls": calls}


def noise(*shape, grad=False):
    return (torch.rand(*shape, device=DEVICE) * 2 - 1).requires_grad_(grad)


def backward(y, inputs):
    """The gradients of y's inputs alone, from a noise gradient, again and again."""
    dy = noise(*y.shape)
    return lambda: torch.autograd.grad(y, inputs, dy, retain_graph=True)


def without_grad(work):
    def run():
        with torch.inference_mode():
            work()
    return run


# ---- twins of single operations: a function of the shape's numbers gives what is to be timed -----

def copy(N):
    x, y = noise(N // 4), torch.empty(N // 4, device=DEVICE)
    return lambda: y.copy_(x)


def linear(M, C, O, back):
    x, w, b = noise(M, C, grad=back), noise(O, C, grad=back), noise(O, grad=back)
    if back:
        return backward(F.linear(x, w, b), (x, w, b))
    return without_grad(lambda: F.linear(x, w, b))


def product(M, C, O):
    if torch.is_autocast_enabled(DEVICE):  # the machine's best, without conversions
        x, w = noise(M, C).bfloat16(), noise(O, C).bfloat16()
        return without_grad(lambda: x @ w.T)
    return linear(M, C, O, False)


def conv1d(B, T, C, O, K, back):
    x, w, b = noise(B, C, T, grad=back), noise(O, C, K, grad=back), noise(O, grad=back)
    if back:
        return backward(F.conv1d(x, w, b, padding=K // 2), (x, w, b))
    return without_grad(lambda: F.conv1d(x, w, b, padding=K // 2))


def gru(B, T, C, H, D, kind):
    model = torch.nn.GRU(C, H, batch_first=True, bidirectional=D == 2).to(DEVICE)
    x, dy = noise(B, T, C, grad=kind != "forward"), noise(B, T, D * H)
    if kind == "forward":
        return without_grad(lambda: model(x))
    if kind == "saving":
        return lambda: model(x)
    inputs = (x, *model.parameters())
    return lambda: torch.autograd.grad(model(x)[0], inputs, dy)


def conv2d(N, C, H, K, back):
    x, w = noise(N, C, H, H, grad=back), noise(C, C, K, K, grad=back)
    if back:
        return backward(F.conv2d(x, w, padding=K // 2), (x, w))
    return without_grad(lambda: F.conv2d(x, w, padding=K // 2))


def batch_norm(N, C, H, back):
    x, w, b = noise(N, C, H, H, grad=back), noise(C, grad=back), noise(C, grad=back)
    mean, var = noise(C), noise(C)
    if back:
        return backward(F.batch_norm(x, mean, var, w, b, True), (x, w, b))
    return without_grad(lambda: F.batch_norm(x, mean, var, w, b, True))


def of_one(function, *shape, back):
    x = noise(*shape, grad=back)
    return backward(function(x), (x,)) if back else without_grad(lambda: function(x))


def upsample(x):
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)


def to_rows(N, C, H):
    x, y = noise(N, C, H * H), torch.empty(N, H * H, C, device=DEVICE)
    return lambda: y.copy_(x.transpose(1, 2))


def from_rows(N, C, H):
    x, y = noise(N, H * H, C), torch.zeros(N, C, H * H, device=DEVICE)
    return lambda: y.add_(x.transpose(1, 2))


def concat(N, C, H, back):
    a, b = noise(N, C, H, H, grad=back), noise(N, C, H, H, grad=back)
    if back:
        return backward(torch.cat((a, b), 1), (a, b))
    return without_grad(lambda: torch.cat((a, b), 1))


def residual(N, back):
    x, branch, gamma = noise(N, grad=back), noise(N, grad=back), noise(1, grad=back)
    if back:
        return backward(x + gamma * branch, (x, branch, gamma))
    return without_grad(lambda: x + gamma * branch)


def attention(B, N, D, E, back):
    q, k, v = (noise(B, 1, N, d, grad=back) for d in (D, D, E))
    if back:
        return backward(F.scaled_dot_product_attention(q, k, v, scale=0.25), (q, k, v))
    return without_grad(lambda: F.scaled_dot_product_attention(q, k, v, scale=0.25))


def adding(N):
    a, b, y = noise(N), noise(N), torch.empty(N, device=DEVICE)
    return lambda: torch.add(a, b, out=y)


def adamw(N):
    p = noise(N, grad=True)
    p.grad = noise(N)
    optimizer = torch.optim.AdamW([p], lr=1e-4, weight_decay=1e-2, fused=True)

    def work():
        torch.nn.utils.clip_grad_norm_([p], 1.0)
        optimizer.step()
    return work


# ---- losses; formulas in kernels/loss_*.h -------------------------------------------------------

def spectra(x, n):  # [B,T,C]
    flat = x.transpose(1, 2).reshape(-1, x.shape[1])
    window = torch.hann_window(n, device=x.device)
    return torch.stft(flat, n, n // 4, n, window, pad_mode="constant", return_complex=True)


def mrstft(x, y):
    total = 0
    for n in (256, 512, 1024):
        X, Y = spectra(x, n), spectra(y, n)
        floor = 1e-6 * (Y.abs() ** 2).mean() + 1e-10 * n * 0.375
        X, Y = ((S.real ** 2 + S.imag ** 2 + floor).sqrt() for S in (X, Y))
        total = total + (X - Y).norm() / Y.norm() + (X.log() - Y.log()).abs().mean()
    return total / 3


def edc(x, y):
    X, Y = (s.square().flip(1).cumsum(1).flip(1) for s in (x, y))
    floor = 1e-4 * Y[:, :1].mean(2, keepdim=True) + 1e-10 * x.shape[1]
    return (10 * ((X + floor) / (Y + floor)).log10()).abs().mean()


def ears(x, filters):
    n = x.shape[1] + filters.shape[2] - 1
    X = torch.fft.rfft(x.transpose(1, 2), n)
    return torch.fft.irfft((torch.fft.rfft(filters, n) * X[:, None]).sum(2), n).transpose(1, 2)


def loss(function, B, T):
    x, y = noise(B, T, 4, grad=True), noise(B, T, 4)
    return lambda: torch.autograd.grad(function(x, y), x)


def binaural(B, T):
    filters = noise(2, 4, 256)
    return loss(lambda x, y: mrstft(ears(x, filters), ears(y, filters)), B, T)


def istft(B, T, N):
    window = torch.hann_window(N, device=DEVICE)
    X = spectra(noise(B, T, 4), N)
    return without_grad(lambda: torch.istft(X, N, N // 4, N, window, length=T))


OPERATIONS = {
    "copy": copy,
    "product": product,
    "linear_forward": lambda **s: linear(**s, back=False),
    "linear_backward": lambda **s: linear(**s, back=True),
    "conv1d_forward": lambda **s: conv1d(**s, back=False),
    "conv1d_backward": lambda **s: conv1d(**s, back=True),
    "gru_forward": lambda **s: gru(**s, kind="forward"),
    "gru_forward_saving": lambda **s: gru(**s, kind="saving"),
    "gru_training": lambda **s: gru(**s, kind="training"),
    "conv2d_forward": lambda **s: conv2d(**s, back=False),
    "conv2d_backward": lambda **s: conv2d(**s, back=True),
    "batch_norm_forward": lambda **s: batch_norm(**s, back=False),
    "batch_norm_backward": lambda **s: batch_norm(**s, back=True),
    "pool2d_forward": lambda N, C, H: of_one(lambda x: F.max_pool2d(x, 2), N, C, H, H, back=False),
    "pool2d_backward": lambda N, C, H: of_one(lambda x: F.max_pool2d(x, 2), N, C, H, H, back=True),
    "upsample2d_forward": lambda N, C, H: of_one(upsample, N, C, H, H, back=False),
    "upsample2d_backward": lambda N, C, H: of_one(upsample, N, C, H, H, back=True),
    "picture_to_rows": to_rows,
    "picture_from_rows": from_rows,
    "concat_forward": lambda **s: concat(**s, back=False),
    "concat_backward": lambda **s: concat(**s, back=True),
    "residual_forward": lambda **s: residual(**s, back=False),
    "residual_backward": lambda **s: residual(**s, back=True),
    "softmax_forward": lambda M, N: of_one(lambda x: x.softmax(1), M, N, back=False),
    "softmax_backward": lambda M, N: of_one(lambda x: x.softmax(1), M, N, back=True),
    "attention_forward": lambda **s: attention(**s, back=False),
    "attention_backward": lambda **s: attention(**s, back=True),
    "reduce_rows": lambda M, N: of_one(lambda x: x.sum(1), M, N, back=False),
    "reduce_columns": lambda M, N: of_one(lambda x: x.sum(0), M, N, back=False),
    "random_uniform": lambda N: torch.empty(N, device=DEVICE).uniform_,
    "random_normal": lambda N: torch.empty(N, device=DEVICE).normal_,
    "elementwise_add": adding,
    "tanh_forward": lambda N: of_one(torch.tanh, N, back=False),
    "tanh_backward": lambda N: of_one(torch.tanh, N, back=True),
    "adamw": adamw,
    "loss_mse": lambda **s: loss(F.mse_loss, **s),
    "loss_edc": lambda **s: loss(edc, **s),
    "loss_mrstft": lambda **s: loss(mrstft, **s),
    "loss_binaural": binaural,
    "stft_forward": lambda B, T, N: of_one(lambda x: spectra(x, N), B, T, 4, back=False),
    "istft_forward": istft,
}


# ---- whole refiners -----------------------------------------------------------------------------

class Refiner(torch.nn.Module):
    """Conv1d, bidirectional GRU, Linear, as nn/refiner.h; time-major rows in and out."""

    def __init__(self, I, K, C, H, O):
        super().__init__()
        self.conv1d = torch.nn.Conv1d(I, C, K, padding=K // 2)
        self.gru = torch.nn.GRU(C, H, batch_first=True, bidirectional=True)
        self.output = torch.nn.Linear(2 * H, O)

    def forward(self, x):  # [B,I,T] -> [B,T,O]
        return 0.1 * self.output(self.gru(self.conv1d(x).transpose(1, 2))[0])


def inference(B, T, compiled, **sizes):
    model, x = compiled(Refiner(**sizes).to(DEVICE).eval()), noise(B, sizes["I"], T)
    return without_grad(lambda: model(x))


def training(B, T, compiled, capturable=False, **sizes):
    """Forward, squared distance from the truth, backward, clipping, AdamW. Of bands, too, the loss
    is the squared distance here, which is less work than the loss of bands there."""
    model = Refiner(**sizes).to(DEVICE)
    x, truth = noise(B, sizes["I"], T), noise(B, T, sizes["O"])
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, weight_decay=1e-2, fused=True,
                                  capturable=capturable)
    foa = sizes["I"] == sizes["O"]

    def loss_of(x, truth):
        refined = model(x)
        return F.mse_loss(refined + x.transpose(1, 2) if foa else refined, truth)
    loss_of = compiled(loss_of)

    def work():
        optimizer.zero_grad(set_to_none=not capturable)
        loss_of(x, truth).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    return work


REFINERS = {"refiner_inference": inference, "v2s_inference": inference,
            "refiner_step": training, "v2s_step": training}


def as_it_is(function):
    return function


def refiner(name, sizes, variant):
    make = REFINERS[name]
    if variant == "eager":
        return make(**sizes, compiled=as_it_is)
    if variant == "graph":
        extra = {"capturable": True} if make is training else {}
        return captured(make(**sizes, compiled=as_it_is, **extra))
    mode = None if variant == "compile" else variant
    torch._dynamo.reset()
    return make(**sizes, compiled=lambda f: torch.compile(f, mode=mode, dynamic=False))


def captured(work):
    """The same work as one CUDA graph."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


# ---- the run ------------------------------------------------------------------------------------

def precision_of(name, graph=False):
    """A graph must not hold on to weights that autocast converted while it was captured."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = name != "f32"
    return torch.autocast(DEVICE, dtype=torch.bfloat16, enabled=name == "bf16",
                          cache_enabled=not graph)


def in_precision(work, name):
    """Each call by itself: converted weights are kept within a call and not from call to call."""
    def run():
        with precision_of(name):
            work()
    return run if name == "bf16" else work


def wanted(path):
    """The lines of OURS, each name, shape and precision once; and whether they are of a GPU."""
    rows, seen, gpu = [], set(), False
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            gpu = gpu or (row["name"] == "device" and row["measured"])
            key = tuple(row.get(k) for k in ("name", "shape", "precision"))
            if key not in seen and (key[0] in OPERATIONS or key[0] in REFINERS):
                seen.add(key)
                rows.append(key)
    return rows, gpu


def order(rows, graphs):
    """What the goals are about first, then what is quick, and most of the slow compiler last."""
    whole = [r for r in rows if r[0] in REFINERS]
    f32 = [r for r in whole if r[2] == "f32"]
    steps = [r for r in f32 if r[0] == "refiner_step"]
    plan = [(*r, "eager") for r in f32 + [r for r in rows if r[0].startswith("gru_")]]
    plan += [(*r, "compile") for r in steps]
    plan += [(*r, "eager") for r in rows]
    if graphs:
        plan += [(*r, variant) for variant in ("graph", "reduce-overhead") for r in steps]
        plan += [(*r, "graph") for r in f32]
    plan += [(*r, "compile") for r in f32]
    if graphs:
        plan += [(*r, "reduce-overhead") for r in f32]
    return list(dict.fromkeys(plan))


def run_one(name, shape, precision, variant):
    sizes = {k: int(v) for k, v in re.findall(r"([A-Z]+)(\d+)", shape)}
    with precision_of(precision, variant == "graph"):
        work = (OPERATIONS[name](**sizes) if name in OPERATIONS else
                refiner(name, sizes, variant))
    return measure(in_precision(work, precision))


def meta():
    out = {"name": "pytorch", "version": torch.__version__, "device": "cpu", "cuda": None,
           "cudnn": None}
    if DEVICE == "cuda":
        out.update(device=torch.cuda.get_device_name(), cuda=torch.version.cuda,
                   cudnn=torch.backends.cudnn.version())
    return out


def main():
    global DEVICE
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ours")
    parser.add_argument("out")
    parser.add_argument("--budget", type=float, default=3600)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    rows, gpu = wanted(options.ours)
    DEVICE = "cuda" if gpu else "cpu"
    if options.quick:
        LIMITS.update(sample_s=0.005, most_s=0.3)
    if DEVICE == "cuda" and not torch.cuda.is_available():
        sys.exit("bench_cuda.py: PyTorch finds no CUDA device")
    deadline, left_out = time.monotonic() + options.budget, 0
    with open(options.out, "w", encoding="utf-8") as out:
        print(json.dumps(meta()), file=out, flush=True)
        for case in order(rows, gpu):
            row = dict(zip(("name", "shape", "precision", "variant"), case))
            if time.monotonic() > deadline:
                left_out += 1
                row.update(seconds=None, left_out=True)
            else:
                try:
                    row.update(run_one(*case))
                except Exception as error:  # told in the table; the others go on
                    row.update(seconds=None, failed=f"{type(error).__name__}: {error}"[:300])
                if DEVICE == "cuda":
                    torch.cuda.empty_cache()
            print(json.dumps(row), file=out, flush=True)
            took = "left out" if row.get("left_out") else row.get("failed") or \
                f"{1e6 * row['seconds']:12.2f} us"
            print(f"{row['name']:24} {row['shape']:36} {row['precision']:5} {row['variant']:16} "
                  f"{took}", flush=True)
    print(f"PyTorch {torch.__version__}: {left_out} left out")


if __name__ == "__main__":
    main()
