# SPDX-License-Identifier: MIT
"""Runs tests/examples as their users do and compares what they make with what v2s-infer makes.

    check_examples.py V2S_INFER NETWORK_FORWARD CHECKPOINTS EXAMPLES FOLDER

What lacks a package is skipped with the reason. The last line is the count that .ci/count.awk
reads.
"""
import importlib.util
import os
import subprocess
import sys
import wave

import numpy as np

infer, forward, checkpoints, examples, folder = sys.argv[1:6]
counts = {"passed": 0, "failed": 0, "skipped": 0}


def check(name, holds, why=""):
    counts["passed" if holds else "failed"] += 1
    if not holds:
        print(f"not ok: {name}: {why}")


def missing(name, *packages):
    gone = [p for p in packages if importlib.util.find_spec(p) is None]
    if gone:
        counts["skipped"] += 1
        print(f"skipped: {name}: Python has no {', '.join(gone)}")
    return bool(gone)


def run(*words):
    """Exits 0, or a failed case that shows what it said."""
    made = subprocess.run(words, capture_output=True, text=True)
    check(" ".join(map(os.path.basename, words[:3])), made.returncode == 0, made.stderr.strip())
    return made.returncode == 0


def example(name, *words):
    return run(sys.executable, os.path.join(examples, name), *words)


def at(name):
    return os.path.join(folder, name)


# ---- run_onnx.py against render ---------------------------------------------------------------

PATH = "time_s,object,az_deg,el_deg,dist_m,confidence\n"


def make_sound(name, rate, seconds):
    """Bursts of noise in a room: direct sound and a tail that decays by 60 dB in 0.6 s."""
    rng = np.random.default_rng(1)
    n, tail = int(rate * seconds), rate // 2
    dry = rng.standard_normal(n) * np.repeat(rng.uniform(0, 1, n // 800 + 1) ** 4, 800)[:n]
    room = rng.standard_normal(tail) * np.exp(-6.9 * np.arange(tail) / (0.6 * rate))
    room[0] = 4
    size = 1 << (n + tail).bit_length()
    x = np.fft.irfft(np.fft.rfft(dry, size) * np.fft.rfft(room, size), size)[:n]
    with wave.open(at(name), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((x / np.abs(x).max() * 10000).astype("<i2").tobytes())


def check_run_onnx():
    if missing("run_onnx.py", "onnxruntime"):
        return
    sys.path.insert(0, examples)
    from run_onnx import read_wav

    run(infer, "export", "v2s-omni", "-o", at("v2s-omni.onnx"), "--quiet")
    still, moving = "0,1,30,10,2,1\n", "0,1,30,10,2,1\n1,1,100,0,1.5,1\n3,1,-60,-20,3,1\n"
    # 14 s: two stretches of 12 s that overlap.
    for rate, seconds, rows in ((16000, 3, still), (48000, 2, moving), (44100, 14, moving)):
        name = f"run_onnx.py, {rate} Hz, {seconds} s"
        make_sound("in.wav", rate, seconds)
        with open(at("path.csv"), "w") as file:
            file.write(PATH + rows)
        words = [infer, "render", "--trajectory", at("path.csv"), "--sound", at("in.wav"), "-q"]
        ok = run(*words, "--refiner", "none", "-o", at("geometric.wav"))
        ok = ok and run(*words, "--refiner", "v2s-omni", "-o", at("refined.wav"))
        files = [at(n) for n in ("v2s-omni.onnx", "geometric.wav", "path.csv", "example.wav")]
        if not ok or not example("run_onnx.py", *files):
            continue
        ours, theirs, before = (
            read_wav(at(n + ".wav"))[1] for n in ("refined", "example", "geometric")
        )
        added = np.abs(ours - before).max()
        check(f"{name}: refined", added > 0.01, f"the refiner adds {added:.1e}")
        worst = np.abs(ours - theirs).max() if ours.shape == theirs.shape else np.inf
        check(name, worst <= 1e-6, f"differs by {worst:.1e}")


# ---- load_refiner.py against our own forward, and back ----------------------------------------


def check_load_refiner():
    if missing("load_refiner.py", "torch", "safetensors"):
        return
    rng = np.random.default_rng(2)
    for name, shape in (("seed-omni", (2, 4, 700)), ("v2s-dry", (3, 90, 44))):
        np.save(at("in.npy"), rng.standard_normal(shape).astype(np.float32))
        run(forward, os.path.join(checkpoints, name + ".safetensors"), at("in.npy"), at("ours.npy"))
        for option in ((), ("--weights-only",)):
            run(infer, "export", name, "-o", at("weights.safetensors"), "--quiet", *option)
            names = ("weights.safetensors", "in.npy", "out.npy", "saved.safetensors")
            if not example("load_refiner.py", *map(at, names)):
                continue
            ours, theirs = np.load(at("ours.npy")), np.load(at("out.npy"))
            worst = np.abs(ours - theirs).max() / max(1, np.abs(ours).max())
            check(f"{name} in PyTorch", worst <= 1e-5, f"differs by {worst:.1e}")
            # What PyTorch saved, without metadata, and that with metadata again: the same network.
            run(infer, "export", at("saved.safetensors"), "-o", at("back.safetensors"), "--quiet")
            for file in ("saved", "back"):
                run(forward, at(file + ".safetensors"), at("in.npy"), at("again.npy"))
                same = np.array_equal(ours, np.load(at("again.npy")))
                check(f"{name} back from PyTorch, {file}", same)


check_run_onnx()
check_load_refiner()
print("cases: {passed} passed, {failed} failed, {skipped} skipped".format(**counts))
sys.exit(counts["failed"] > 0)
