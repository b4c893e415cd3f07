# SPDX-License-Identifier: MIT
"""OpenCV's KCF on the same pictures as bench_tracker, one thread, in one run.

usage: bench_tracker.py BENCH_TRACKER [SIZE WIDTH HEIGHT]     (needs opencv-contrib-python)
"""
import statistics
import subprocess
import sys
import tempfile
import time

import cv2

bench = sys.argv[1]
size, width, height = (int(v) for v in (sys.argv[2:5] or (60, 640, 480)))
cv2.setNumThreads(1)

with tempfile.TemporaryDirectory() as folder:
    print("ours  ", subprocess.run([bench, str(size), str(width), str(height), folder], check=True,
                                   capture_output=True, text=True).stdout.strip())
    pictures = [cv2.imread(f"{folder}/{i:04d}.pgm") for i in range(60)]

params = cv2.TrackerKCF_Params()
params.detect_thresh = 0.0  # its default gives up early
tracker = cv2.TrackerKCF_create(params)
# place(0) of bench_tracker.c
box = (round(0.62 * width - size / 2), round(0.5 * height - size / 2), size, size)
tracker.init(pictures[0], box)
steps = []
for i in range(1, 241):
    start = time.process_time()
    tracker.update(pictures[i % 60])
    steps.append(time.process_time() - start)
median = statistics.median(steps)
print(f"OpenCV {cv2.__version__} KCF: median {1e3 * median:.3f} ms, "
      f"mean {1e3 * statistics.mean(steps):.3f} ms, {1 / median:.0f} pictures a second")
