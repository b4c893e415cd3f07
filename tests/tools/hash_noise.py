# SPDX-License-Identifier: MIT
"""Noise from an integer hash, the same on every machine: the scripts here and the tests in C
(tests/support/hash_noise.c) make the same samples of it."""
import numpy as np


def hash_noise(stream, count, scale):
    """`count` float32 numbers, uniform in [-scale, scale)."""
    x = np.arange(count, dtype=np.uint64) + np.uint64(0x9E3779B9) * np.uint64(stream + 1)
    x &= np.uint64(0xFFFFFFFF)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        x ^= x >> np.uint64(shift)
        x = x * np.uint64(factor) & np.uint64(0xFFFFFFFF)
    unit = (x >> np.uint64(8)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)
    return unit * np.float32(scale)
