#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What metrics_reference_stereo.py says of pairs of two-channel sounds from an integer hash and
from sines: metrics_stereo.txt, for tests/infer/test_judge_ears.c, which makes the same sounds.

usage: make_metrics_stereo_golden.py FOLDER          (needs numpy, scipy and librosa >= 0.10)
"""
import sys

import numpy as np

import metrics_reference_stereo as reference
from hash_noise import hash_noise


def noise(stream, n):
    return hash_noise(stream, 2 * n, 0.3).reshape(n, 2).T.astype(np.float64)


def tones(n, rate, gains):
    """440 Hz and 1234.5 Hz; gains [2][2] of channel and tone."""
    t = np.arange(n) / rate
    s = [np.sin(2 * np.pi * f * t) for f in (440.0, 1234.5)]
    return np.stack([g[0] * s[0] + g[1] * s[1] for g in gains])


def pair(kind, rate, n):
    """Truth and prediction, [2][n]."""
    t, q = noise(1, n), noise(2, n)
    if kind == "noise":
        p = 0.7 * t + 0.5 * q
    elif kind == "other":
        p = q
    elif kind == "tones":
        t, p = tones(n, rate, ((0.4, 0.1), (0.1, 0.3))), tones(n, rate, ((0.3, 0.2), (0.2, 0.2)))
    elif kind == "identical":
        p = t
    elif kind == "negative":
        p = -t
    elif kind == "swapped":
        p = t[::-1]
    elif kind == "mono":
        p = np.stack([(t[0] + t[1]) / 2] * 2)
    elif kind == "right_silent":
        p = np.stack([0.7 * t[0] + 0.5 * q[0], 0 * t[0]])
    elif kind == "silent":
        p = 0 * t
    elif kind == "truth_silent":
        t, p = 0 * t, q
    elif kind == "offset":
        p = 0.5 * t + 0.25
    else:
        raise ValueError(kind)
    return (x.astype(np.float32) for x in (t, p))


CASES = (
    ("noise", 16000, 16000),
    ("noise", 48000, 48001),
    ("noise", 44100, 30011),
    ("noise", 22050, 9973),
    ("noise", 8000, 4001),
    ("other", 48000, 14403),
    ("tones", 16000, 8191),
    ("tones", 44100, 22050),
    ("identical", 16000, 3000),
    ("negative", 48000, 9000),
    ("swapped", 16000, 5003),
    ("mono", 16000, 4100),
    ("right_silent", 16000, 4000),
    ("right_silent", 48000, 6001),
    ("silent", 16000, 2000),
    ("truth_silent", 16000, 2000),
    ("offset", 16000, 6007),
    ("noise", 16000, 1),
    ("noise", 16000, 2),
    ("noise", 16000, 3),
    ("noise", 16000, 100),
    ("noise", 16000, 257),
    ("noise", 48000, 40),
    ("noise", 48000, 1),
)


def main():
    with open(sys.argv[1] + "/metrics_stereo.txt", "w", encoding="ascii") as f:
        f.write("# made by tests/tools/make_metrics_stereo_golden.py\n")
        names = None
        for kind, rate, n in CASES:
            t, p = pair(kind, rate, n)
            # Two or three samples reflected are lines with nothing but rounding between them, the
            # phase of which has no digits.
            for compat in ("0.9", "0.8") if n > 3 else ("0.9",):
                for normalise in (False, True):
                    m = reference.two_channels(t, p, rate, compat, normalise)
                    if names is None:
                        names = list(m)
                        f.write("# kind rate frames compat normalised " + " ".join(names) + "\n")
                    words = [f"{v:.16g}" if np.isfinite(v) else "null" for v in m.values()]
                    words = [kind, str(rate), str(n), compat, str(int(normalise))] + words
                    f.write(" ".join(words) + "\n")


main()
