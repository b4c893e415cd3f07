#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One static room response here and by pyroomacoustics' C++ builder, side by side, one thread each.

usage: bench_room.py build/tests/bench_room      (needs pyroomacoustics and numpy)

The room is 6.3 x 4.7 x 3.1 m, order 10: what arrives within 90 ms. Ours: all of v2s_room_response, four channels
(images, filters of the walls, delays, everything opened and closed). Theirs, one channel: room.compute_rir() with the
image sources known already ("builder"), and image_source_model() + compute_rir() ("all"); high-pass and air absorption
off. Flat walls: one absorption for all frequencies. Octave walls: eight here, seven in pyroomacoustics. Medians.
"""
import statistics
import subprocess
import sys
import time

import pyroomacoustics as pra

ORDER = 10
OCTAVES = [0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4]  # 125 Hz to 8 kHz


def theirs_us(rate_hz, flat, runs):
    """Median microseconds of the builder, and of builder and image sources."""
    centres = [125 * 2**i for i in range(7)]
    material = pra.Material(0.2) if flat else pra.Material({"coeffs": OCTAVES, "center_freqs": centres})
    room = pra.ShoeBox([6.3, 4.7, 3.1], fs=rate_hz, materials=material, max_order=ORDER, air_absorption=False)
    room.add_source([4.1, 1.3, 1.7])
    room.add_microphone([2.2, 2.9, 1.4])
    room.image_source_model()
    images, builder = [], []
    for _ in range(runs):
        start = time.perf_counter()
        room.image_source_model()
        middle = time.perf_counter()
        room.compute_rir()
        builder.append(time.perf_counter() - middle)
        images.append(middle - start)
    builder = statistics.median(builder) * 1e6
    return builder, builder + statistics.median(images) * 1e6


def main():
    pra.constants.set("num_threads", 1)
    pra.constants.set("rir_hpf_enable", False)
    print(f"pyroomacoustics {pra.__version__}, order {ORDER}")
    for rate_hz in (16000, 48000):
        before = [theirs_us(rate_hz, flat, 31) for flat in (True, False)]
        out = subprocess.run([sys.argv[1], str(ORDER), str(rate_hz)], check=True, capture_output=True, text=True)
        ours = [float(x) for x in out.stdout.split()]
        after = [theirs_us(rate_hz, flat, 31) for flat in (True, False)]
        for i, name in enumerate(("flat walls", "octave walls")):
            builder, both = ((before[i][k] + after[i][k]) / 2 for k in (0, 1))
            print(f"{rate_hz // 1000} kHz, {name}: ours {ours[i] / 1e3:.3f} ms; theirs: builder {builder / 1e3:.3f} ms "
                  f"({builder / ours[i]:.1f} x), all {both / 1e3:.3f} ms ({both / ours[i]:.1f} x)")


if __name__ == "__main__":
    main()
