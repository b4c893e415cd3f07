#!/usr/bin/env python3
"""Writes tests/data/golden/room_w.f32: W of the room of tests/spatial/test_room.c (flat walls, order 4, 16 kHz)
by pyroomacoustics' image-source method (made with 0.10.1, whose gain is 1 / d), without its high-pass filter and air
absorption, and without the delay of its fractional-delay filters.

    python3 tests/tools/make_room_golden.py tests/data/golden/room_w.f32
"""
import sys

import numpy as np
import pyroomacoustics as pra

FRAMES = 800
names = ["west", "east", "south", "north", "floor", "ceiling"]  # x = 0, x = L, y = 0, y = W, z = 0, z = H
pra.constants.set("c", 343.0)
pra.constants.set("rir_hpf_enable", False)
materials = {name: pra.Material(0.2 + 0.05 * wall) for wall, name in enumerate(names)}
room = pra.ShoeBox([6.3, 4.7, 3.1], fs=16000, materials=materials, max_order=4, air_absorption=False)
room.add_source([4.1, 1.3, 1.7])
room.add_microphone([2.2, 2.9, 1.4])
room.compute_rir()
rir = np.asarray(room.rir[0][0])
offset = pra.constants.get("frac_delay_length") // 2
w = np.zeros(FRAMES, np.float32)
cut = rir[offset : offset + FRAMES]
w[: len(cut)] = cut
w.tofile(sys.argv[1])
print(len(rir), "samples; first arrival at", int(np.argmax(np.abs(w))))
