#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What metrics_reference_room.py says of seeded responses, labels and paths, and scipy of
assignments: metrics_room.txt, for tests/spatial/test_room_measures.c,
test_doa_scores.c, test_path_scores.c and test_assignment.c; and scipy's paired tests, for
tests/infer/test_paired_tests.c.

usage: make_metrics_room_golden.py FOLDER          (needs numpy, scipy; pyroomacoustics 0.10 for
       its own RT60)
"""
import sys

import numpy as np
import scipy.stats
from scipy.optimize import linear_sum_assignment

from hash_noise import hash_noise
from metrics_reference_room import DECAY_DB, RT60, directed, labels, m8, m11, measures, path, paths
from metrics_reference_room import response, unit

RESPONSES = (  # rate, frames, stream, lead, tail, r1, a2, r2
    (16000, 12000, 1, 0, 0, 0.9995, 0.0, 0.5),
    (22050, 20000, 2, 0, 0, 0.9994, 0.0, 0.5),
    (48000, 30000, 3, 0, 0, 0.9997, 0.0, 0.5),
    (48000, 30000, 4, 400, 0, 0.9996, 0.0, 0.5),
    (44100, 25000, 5, 0, 3000, 0.9995, 0.0, 0.5),
    (16000, 14000, 6, 120, 500, 0.998, 0.05, 0.9997),
    (22050, 15000, 7, 33, 0, 0.995, 0.2, 0.9995),
    (8000, 4000, 8, 0, 0, 0.9999, 0.0, 0.5),  # falls by less than 35 dB until near its end
    (16000, 300, 9, 0, 0, 0.99, 0.0, 0.5),  # shorter than 50 ms
    (16000, 30, 10, 0, 0, 0.9, 0.0, 0.5),  # shorter than 3 ms
    (16000, 2000, 11, 2000, 0, 0.9, 0.0, 0.5),  # silence
    (16000, 2000, 12, 0, 1999, 0.9, 0.0, 0.5),  # one sample
    (16000, 2000, 13, 700, 1298, 0.9, 0.0, 0.5),  # two samples
    (96000, 40000, 14, 5, 7, 0.99985, 0.0, 0.5),
)


LABELS = (  # stream, frames, classes, sources, noise_deg, lost, distance
    (1, 60, 3, 1, 8, 0.1, True),
    (2, 83, 4, 2, 25, 0.2, True),
    (3, 41, 2, 3, 40, 0.3, False),
    (4, 30, 5, 2, 15, 0.9, True),
    (5, 25, 2, 1, 5, 1.0, True),  # nothing but false alarms
)


def write_line(f, name, inputs, outputs):
    numbers = " ".join(f"{x:.12g}" for x in outputs)
    f.write(f"{name} {' '.join(str(x) for x in inputs)} | {numbers}\n")


def write_responses(f):
    for i, r in enumerate(RESPONSES):
        h = response(*r[1:])
        for k, family in enumerate(RT60):
            for decay in (DECAY_DB[family], 20):
                values = measures(h, r[0], family, decay).values()
                write_line(f, "response", [*r, k, float(decay)], values)
        if i < 7:
            p = response(r[1], r[2] + 50, r[3] + 7, r[4], r[5] * 0.9999, r[6], r[7])
            write_line(f, "difference", r, m11(p, h, r[0]).values())


def write_labels(f):
    for number, case in enumerate(LABELS):
        truth, prediction = labels(*case)
        for side, rows in enumerate((truth, prediction)):
            for row in rows:
                write_line(f, "label", [number, side, *row[:4], float(row[4])], [])
        pair = [(directed(truth), directed(prediction))]
        for year in (2023, 2024):
            for classes in (0, 13):
                for drop in (0, 1):
                    values = m8(pair, year, classes, case[-1], bool(drop)).values()
                    write_line(f, "scores", [number, year, classes, int(case[-1]), drop], values)


def write_paths(f):
    for stream, count, fps in ((1, 50, 25.0), (3, 7, 10.0), (5, 3, 10.0), (7, 200, 29.97)):
        truth, prediction = path(stream, count)
        directions = [unit(x[:, 0], x[:, 1]).T for x in (truth, prediction)]
        write_line(f, "path", [stream, count, fps], paths([directions], fps).values())


def write_assignments(f):
    rng = np.random.default_rng(7)
    for rows, columns in ((1, 1), (2, 2), (3, 3), (5, 2), (2, 6), (4, 4), (7, 7), (12, 9), (3, 5)):
        for most in (3, 1000):  # few different costs: several cheapest assignments
            cost = rng.integers(0, most, (rows, columns))
            out = np.full(rows, -1)
            i, j = linear_sum_assignment(cost)
            out[i] = j
            write_line(f, "assignment", [rows, columns, *cost.flatten()], out)


def signed_ranks_p(d):
    """Two-sided p of Wilcoxon's signed ranks over all signs of the shared ranks."""
    d = d[d != 0]
    ranks = scipy.stats.rankdata(np.abs(d))
    w = min(ranks[d > 0].sum(), ranks[d < 0].sum())
    signs = (np.arange(2 ** len(d))[:, None] >> np.arange(len(d))) & 1
    return w, min(1.0, 2 * np.mean((signs * ranks).sum(1) <= w + 1e-9))


def paired(a, b):
    """n, mean, lo, hi, median of a - b, t, its p, W, its p, share of a > b."""
    d = a - b
    t = scipy.stats.ttest_rel(a, b)
    lo, hi = scipy.stats.t.interval(0.95, len(d) - 1, d.mean(), d.std(ddof=1) / np.sqrt(len(d)))
    if len(d) <= 14:  # with ties, which scipy's own exact test does not take
        w, p = signed_ranks_p(d)
    else:
        method = "exact" if len(d) <= 50 else "approx"
        w, p = scipy.stats.wilcoxon(a, b, method=method, correction=False)
    wins = np.mean(np.where(d == 0, 0.5, d > 0))
    return [len(d), d.mean(), lo, hi, np.median(d), t.statistic, t.pvalue, w, p, wins]


def write_paired(f):
    for stream, count, whole in ((1, 2, 0), (2, 5, 0), (3, 9, 1), (4, 14, 1), (5, 30, 0), (6, 50, 0),
                                 (7, 70, 1), (8, 75, 0)):
        a, b = (hash_noise(s, count, 10).astype(np.float64) for s in (stream, stream + 20))
        b -= 2
        if whole:  # with ties and zeros
            a, b = np.trunc(a), np.trunc(b)
        write_line(f, "paired", [stream, count, whole], paired(a, b))


def main():
    with open(sys.argv[1] + "/metrics_room.txt", "w", encoding="ascii") as f:
        f.write("# made by tests/tools/make_metrics_room_golden.py: name, inputs | numbers\n")
        write_responses(f)
        write_labels(f)
        write_paths(f)
        write_assignments(f)
        write_paired(f)


if __name__ == "__main__":
    main()
