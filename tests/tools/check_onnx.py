# SPDX-License-Identifier: MIT
"""Exported networks: checked by onnx.checker, run by onnxruntime, compared with our own forward.

    check_onnx.py V2S_INFER NETWORK_FORWARD CHECKPOINTS FOLDER

CHECKPOINTS is the folder of those that ship; FOLDER is empty and takes what is made. Networks of
other sizes are written here as safetensors.torch.save_file writes them: names and shapes of
PyTorch, no metadata. The last line is the count that .ci/count.awk reads.
"""
import json
import os
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import load_file, save_file

infer, forward, checkpoints, folder = sys.argv[1:5]
counts = {"passed": 0, "failed": 0}


def check(name, holds, why=""):
    counts["passed" if holds else "failed"] += 1
    if not holds:
        print(f"not ok: {name}: {why}")


def run(*words):
    return subprocess.run(words, capture_output=True, text=True)


def at(name):
    return os.path.join(folder, name)


# ---- networks of any size ---------------------------------------------------------------------


def draw(rng, shapes):
    """Weights small enough that nothing saturates everywhere, variances above 0."""
    tensors = {}
    for name, shape in shapes.items():
        fan = max(1, int(np.prod(shape[1:])))
        x = rng.standard_normal(shape) / np.sqrt(fan) * (1.4 if len(shape) > 1 else 0.3)
        if name.endswith("running_var"):
            x = rng.uniform(0.3, 2, shape)
        if len(shape) == 1 and name.endswith("weight"):
            x = rng.uniform(0.5, 1.5, shape)
        tensors[name] = x.astype(np.float32)
    return tensors


def refiner_shapes(inputs, kernel, channels, hidden, outputs):
    shapes = {"conv1d.weight": (channels, inputs, kernel), "conv1d.bias": (channels,)}
    for end in ("", "_reverse"):
        shapes["gru.weight_ih_l0" + end] = (3 * hidden, channels)
        shapes["gru.weight_hh_l0" + end] = (3 * hidden, hidden)
        shapes["gru.bias_ih_l0" + end] = (3 * hidden,)
        shapes["gru.bias_hh_l0" + end] = (3 * hidden,)
    shapes["output.weight"] = (outputs, 2 * hidden)
    shapes["output.bias"] = (outputs,)
    return shapes


def depth_shapes(c, levels):
    channels = [c, 2 * c, 4 * c, 8 * c, 8 * c]
    shapes = {}

    def norm(name, n):
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.{part}"] = (n,)

    def double_conv(name, i, middle, o):
        shapes[f"{name}.double_conv.0.weight"] = (middle, i, 3, 3)
        norm(f"{name}.double_conv.1", middle)
        shapes[f"{name}.double_conv.3.weight"] = (o, middle, 3, 3)
        norm(f"{name}.double_conv.4", o)

    for ear in ("left", "right"):
        double_conv(f"encoder_{ear}.inc", 1, c, c)
        for i in range(4):
            double_conv(f"encoder_{ear}.downs.{i}", channels[i], channels[i + 1], channels[i + 1])
    for level in levels:
        n = channels[level - 1]
        k = max(n // 8, 1)
        for ear in ("left", "right"):
            shapes[f"attention.{level}.gamma_{ear}"] = (1,)
        for part, o in (("q", k), ("k", k), ("v", n), ("out", n)):
            shapes[f"attention.{level}.{part}.weight"] = (o, n, 1, 1)
            shapes[f"attention.{level}.{part}.bias"] = (o,)
    for i, n in enumerate(channels):
        shapes[f"fusion.{i}.0.weight"] = (n, 2 * n, 1, 1)
        shapes[f"fusion.{i}.0.bias"] = (n,)
        norm(f"fusion.{i}.1", n)
    for i, (a, b) in enumerate(((16 * c, 4 * c), (8 * c, 2 * c), (4 * c, c), (2 * c, c))):
        double_conv(f"decoder.{i}", a, a // 2, b)
    shapes["head.weight"] = (1, c, 1, 1)
    shapes["head.bias"] = (1,)
    return shapes


# ---- one network ------------------------------------------------------------------------------


# How much larger than noise of variance 1 the extreme inputs are: a sound may be of any level, rows
# of features lie within -6 .. 4. In pictures like that, products of attention are so large that
# their rounding decides; against a run in float64 (onnx.reference), this program's depth is off by
# up to 1.8e-5 and onnxruntime's by up to 1.0e-5. So BOUND holds for all but those.
EXTREME_SOUND, EXTREME_FEATURES, EXTREME_PICTURE = 1e4, 30, 4
BOUND, EXTREME_PICTURE_BOUND = 1e-5, 1e-4


def largest_difference(ours, theirs):
    return float(np.max(np.abs(ours - theirs)) / max(1.0, np.max(np.abs(ours))))


def compare(name, checkpoint, session, inputs):
    for what, x in inputs:
        extreme = x.ndim == 4 and what.endswith("huge")
        bound = EXTREME_PICTURE_BOUND if extreme else BOUND
        np.save(at("in.npy"), x)
        made = run(forward, checkpoint, at("in.npy"), at("out.npy"))
        if made.returncode != 0:
            check(f"{name}, {what}", False, made.stderr.strip())
            continue
        ours = np.load(at("out.npy"))
        theirs = session.run(None, {session.get_inputs()[0].name: x})[0]
        if ours.shape != theirs.shape:
            check(f"{name}, {what}", False, f"shapes {ours.shape} and {theirs.shape}")
            continue
        worst = largest_difference(ours, theirs)
        check(f"{name}, {what}", np.isfinite(worst) and worst <= bound, f"differs by {worst:.2e}")


def export(name, checkpoint, *options):
    """Exports to the same bytes twice, checks the file, and gives a session."""
    files = [at(f"{i}.onnx") for i in range(2)]
    for file in files:
        made = run(infer, "export", checkpoint, "-o", file, "--quiet", *options)
        check(f"{name}, export", made.returncode == 0, made.stderr.strip())
        if made.returncode != 0:
            return None
    data = [open(file, "rb").read() for file in files]
    check(f"{name}, same bytes twice", data[0] == data[1])
    model = onnx.load(files[0])
    try:
        onnx.checker.check_model(model, full_check=True)
        check(f"{name}, onnx.checker", True)
    except Exception as error:
        check(f"{name}, onnx.checker", False, str(error))
    return onnxruntime.InferenceSession(files[0], providers=["CPUExecutionProvider"])


def sounds(rng, columns_first, columns, lengths):
    extreme = EXTREME_SOUND if columns_first else EXTREME_FEATURES

    def shape(batch, time):
        return (batch, columns, time) if columns_first else (batch, time, columns)

    for batch, time in lengths:
        x = rng.standard_normal(shape(batch, time)).astype(np.float32)
        yield f"batch {batch}, {time} steps", x
        yield f"batch {batch}, {time} steps, huge", x * np.float32(extreme)
    yield "silence", np.zeros(shape(1, 50), np.float32)
    yield "one impulse", np.eye(1, int(np.prod(shape(1, 50))), 77, dtype=np.float32).reshape(
        shape(1, 50)
    )


def check_refiner(name, checkpoint, *options):
    session = export(name, checkpoint, *options)
    if session is None:
        return
    into, out = session.get_inputs()[0], session.get_outputs()[0]
    metadata = session.get_modelmeta().custom_metadata_map
    seed = metadata["preset"] == "seed"
    columns = 4 if seed else json.loads(metadata["features"])[-1]["last"] + 1
    wanted = ["batch", 4, "time"] if seed else ["batch", "time", columns]
    check(f"{name}, input", (into.name, into.shape) == ("foa" if seed else "features", wanted))
    check(f"{name}, output", out.name == ("foa_refined" if seed else "gains"))
    if not seed:
        gains = len(json.loads(metadata["gains"])) * len(json.loads(metadata["bands_hz"]))
        check(f"{name}, gains", out.shape == ["batch", "time", gains], f"{out.shape}")
        check(f"{name}, told", {"hop", "pairing", "basis", "smoothing"} <= set(metadata))
    rng = np.random.default_rng(5)
    lengths = [(1, 1), (1, 7), (3, 7), (1, 5000), (3, 129)]
    compare(name, checkpoint, session, sounds(rng, seed, columns, lengths))


def pictures(rng, size):
    for batch in (1, 3):
        x = np.abs(rng.standard_normal((batch, 2, size, size))).astype(np.float32)
        yield f"batch {batch}", x
        yield f"batch {batch}, huge", x * np.float32(EXTREME_PICTURE)
    yield "silence", np.zeros((1, 2, size, size), np.float32)


def check_depth(name, checkpoint, size, *options):
    session = export(name, checkpoint, *options)
    if session is None:
        return
    shapes = (session.get_inputs()[0].shape, session.get_outputs()[0].shape)
    check(f"{name}, shapes", shapes == (["batch", 2, size, size], ["batch", 1, size, size]))
    # Our forward takes what options said from the file that the export writes with the same ones.
    ours = at("ours.safetensors")
    made = run(infer, "export", checkpoint, "-o", ours, "--quiet", *options)
    check(f"{name}, to safetensors", made.returncode == 0, made.stderr.strip())
    compare(name, ours, session, pictures(np.random.default_rng(6), size))


# ---- all of them ------------------------------------------------------------------------------

rng = np.random.default_rng(1)

for shipped in ("v2s-omni", "v2s-dry", "seed-omni", "seed-dry"):
    check_refiner(shipped, os.path.join(checkpoints, shipped + ".safetensors"))
for name, sizes in {
    "seed, other sizes": (4, 3, 5, 7, 4),
    "seed, kernel 1": (4, 1, 8, 1, 4),
    "v2s omni, other sizes": (66, 5, 9, 11, 192),
    "v2s dry, other sizes": (44, 3, 16, 24, 512),
}.items():
    save_file(draw(rng, refiner_shapes(*sizes)), at("bare.safetensors"))
    check_refiner(name, at("bare.safetensors"))

check_depth("depth-small", os.path.join(checkpoints, "depth-small.safetensors"), 64)
for base, levels, size, options in (
    (8, [], 16, []),
    (8, [1, 2, 3, 4, 5], 32, ["--attention-scale", "key", "--max-depth", "12.5"]),
    (8, [3], 48, ["--ears", "left"]),
    (16, [2, 3, 4, 5], 32, ["--attention-scale", "channels"]),
    (16, [1], 32, ["--attention-scale", "key", "--ears", "left"]),
    (32, [2, 4], 64, ["--attention-scale", "key", "--max-depth", "0.5"]),
    (32, [5], 32, []),
):
    name = f"depth, base {base}, levels {levels}, size {size} {' '.join(options)}"
    save_file(draw(rng, depth_shapes(base, levels)), at("bare.safetensors"))
    check_depth(name, at("bare.safetensors"), size, "--size", str(size), *options)

# Other number types of the file: bit-equal in safetensors, the same network in ONNX.


def check_bits(name, tensors):
    save_file(tensors, at("odd.safetensors"))
    made = run(infer, "export", at("odd.safetensors"), "-o", at("back.safetensors"), "--quiet")
    back = load_file(at("back.safetensors")) if made.returncode == 0 else {}
    same = back.keys() == tensors.keys() and all(
        (back[k].dtype, back[k].shape, back[k].tobytes()) == (v.dtype, v.shape, v.tobytes())
        for k, v in tensors.items()
    )
    check(f"{name}, bit for bit", same, made.stderr.strip())


for kind in (np.float16, np.float64):
    odd = {k: v.astype(kind) for k, v in draw(rng, refiner_shapes(4, 3, 5, 7, 4)).items()}
    check_bits(f"seed in {kind.__name__}", odd)
    check_refiner(f"seed in {kind.__name__}", at("odd.safetensors"))
# PyTorch's batch norms count their batches: single whole numbers.
odd = draw(rng, depth_shapes(8, [4]))
for name in [k for k in odd if k.endswith("running_var")]:
    odd[name.replace("running_var", "num_batches_tracked")] = np.array(7, np.int64)
check_bits("depth with counts", odd)
check_depth("depth with counts", at("odd.safetensors"), 32, "--size", "32")

print(f"cases: {counts['passed']} passed, {counts['failed']} failed, 0 skipped")
sys.exit(counts["failed"] > 0)
