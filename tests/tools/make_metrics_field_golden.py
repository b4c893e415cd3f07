#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What metrics_reference_field.py says of pairs of four-channel sounds from an integer hash:
metrics_field.txt, for tests/infer/test_judge_field.c, which makes the same sounds
(tests/support/field_pair.c). And what a linear program says of transportation problems:
transport.txt, for tests/spatial/test_transport.c.

usage: make_metrics_field_golden.py FOLDER          (needs numpy, scipy and librosa >= 0.10)
"""
import sys

import numpy as np

import metrics_reference_field as reference
from hash_noise import hash_noise


def wave(s, direction):
    """direction: Y, Z, X, numbers or one for each sample."""
    return np.stack([s] + [s * d for d in direction])


def turning(azimuth):
    flat, up = np.cos(0.3), np.sin(0.3)
    return np.sin(azimuth) * flat, up + 0 * azimuth, np.cos(azimuth) * flat


def pair(kind, rate, n):
    """Truth and prediction, AmbiX [4][n]: products and sums in double, rounded once."""
    s, i = hash_noise(1, n, 0.5).astype(np.float64), np.arange(n)
    q, r = (hash_noise(k, 4 * n, 0.1).astype(np.float64).reshape(n, 4).T for k in (2, 3))
    here, there = (0.48, 0.6, 0.64), (-0.6, 0.28, 0.75)
    t = wave(s / (1 + i / (0.2 * rate)), here) + q
    p = (wave(s, here) + r) * np.array([1, 0.75, 0.75, 0.75])[:, None]
    if kind == "waves":
        t, p = wave(s, here), wave(s, there)
    elif kind == "diffuse":
        t, p = q, r
    elif kind == "moving":
        azimuth = 2 * np.pi * 0.2 * i / rate
        t, p = wave(s, turning(azimuth)), wave(s, turning(azimuth - 0.3)) + r
    elif kind == "flat":
        t[2] = p[2] = 0
    elif kind == "mono":
        p[1:] = 0
    elif kind == "truth_mono":
        t[1:] = 0
    elif kind == "silent":
        p = 0 * p
    elif kind == "identical":
        p = t
    elif kind == "half":
        t[:, n // 2 :] = 0
    elif kind == "turned":
        p = np.stack([t[0], t[3], t[2], -t[1]])
    else:
        assert kind == "scene", kind
    return (x.astype(np.float32) for x in (t, p))


FOUR = (
    ("scene", 16000, 80000),
    ("scene", 48000, 62400),
    ("scene", 44100, 44117),
    ("scene", 8000, 56003),
    ("waves", 16000, 80000),
    ("waves", 22050, 30011),
    ("diffuse", 16000, 90000),
    ("moving", 16000, 80000),
    ("moving", 44100, 220500),
    ("flat", 8000, 40000),
    ("mono", 8000, 40000),
    ("truth_mono", 8000, 40000),
    ("silent", 8000, 40000),
    ("identical", 8000, 30000),
    ("half", 8000, 40000),
    ("turned", 16000, 20803),
)
EARS = (("scene", 16000, 16000), ("scene", 48000, 26000), ("moving", 44100, 20001), ("diffuse", 8000, 9001))
DISTANCES = (("scene", 48000, 14400), ("scene", 16000, 3300), ("moving", 44100, 4410), ("flat", 8000, 1600))


def write(f, name, cases, measure):
    for index, (kind, rate, n) in enumerate(cases):
        m = measure(*pair(kind, rate, n), rate)
        if index == 0:
            f.write("names " + name + " " + " ".join(m) + "\n")
        numbers = " ".join(f"{v:.16g}" if np.isfinite(v) else "null" for v in m.values())
        f.write(f"{name} {kind} {rate} {n} {numbers}\n")


def write_transport(path):
    with open(path, "w", encoding="ascii") as f:
        f.write("# made by tests/tools/make_metrics_field_golden.py: points, stream, least work\n")
        for n, stream in ((1, 10), (2, 20), (3, 30), (7, 40), (20, 50), (60, 60)):
            cost = abs(hash_noise(stream, n * n, 1).astype(np.float64)).reshape(n, n)
            p, q = (abs(hash_noise(stream + k, n, 1).astype(np.float64)) for k in (1, 2))
            f.write(f"{n} {stream} {reference.work(p, q, cost):.12g}\n")


def main():
    write_transport(sys.argv[1] + "/transport.txt")
    with open(sys.argv[1] + "/metrics_field.txt", "w", encoding="ascii") as f:
        f.write("# made by tests/tools/make_metrics_field_golden.py\n")
        write(f, "four", FOUR, reference.four_channels)
        write(f, "ears", EARS, lambda t, p, rate: reference.two_ears(t[:2], p[:2], rate))
        write(f, "distances", DISTANCES, reference.m10)


if __name__ == "__main__":
    main()
