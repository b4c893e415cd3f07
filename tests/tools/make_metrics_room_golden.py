#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Re-states M11 (measures of impulse responses), M8 (DCASE scores of located sources) and M12's
scores of paths in numpy and scipy, from their formulas alone, and writes what they say of seeded
responses, labels and paths: metrics_room.txt, for tests/spatial/test_room_measures.c,
test_doa_scores.c, test_path_scores.c and test_assignment.c; and scipy's paired tests, for
tests/infer/test_paired_tests.c.

usage: make_metrics_room_golden.py FOLDER          (needs numpy, scipy; pyroomacoustics 0.10 for
       its own RT60)
       make_metrics_room_golden.py --example FOLDER
       writes pairs of responses (.wav), labels and trajectories (.csv) for v2s-infer compare and
       prints what numpy, scipy and pyroomacoustics say of them

As a module: m11(), m8() and paths() return dictionaries with the keys of v2s-infer compare --json.
"""
import sys

import numpy as np
import scipy.stats
from scipy.optimize import linear_sum_assignment

from hash_noise import hash_noise

EPS = np.finfo(float).eps
NAN = float("nan")


# ---- M11 -----------------------------------------------------------------------------------------


def decay_curve(h):
    """Schroeder's curve in dB without the zeros at the end and without the sample before them."""
    energy = np.cumsum((h**2)[::-1])[::-1]
    energy = energy[: np.nonzero(energy > 0)[0].max()]
    level = 10 * np.log10(energy)
    return level - level[0]


def first(condition):
    return int(np.nonzero(condition)[0].min())  # ValueError where there is none


def rt60_crossings(h, rate, decay=30):
    level = decay_curve(h)
    return 60 / decay * (first(level < -5 - decay) / rate - first(level < -5) / rate)


def rt60_reduced(h, rate, decay=60):
    level = decay_curve(h)
    if -level.min() - 5 < decay:
        decay = -level.min()
    below = np.nonzero(level < -5)[0]
    if len(below) == 0:
        return 0.0
    end = np.nonzero(level < -5 - decay)[0]
    end = end.min() if len(end) else len(level)
    return 60 / decay * (end / rate - below.min() / rate)


def rt60_regression(h, rate, decay=60):
    """The reference itself."""
    import pyroomacoustics

    return pyroomacoustics.experimental.measure_rt60(h, fs=rate, decay_db=decay)


RT60 = {"crossings": rt60_crossings, "regression": rt60_regression, "reduced": rt60_reduced}
DECAY_DB = {"crossings": 30, "regression": 60, "reduced": 60}


def edt(h, rate):
    return 6 * (first(decay_curve(h) < -10) / rate)


def c50(h, rate):
    t = int(50 / 1000 * rate + 1)
    with np.errstate(all="ignore"):
        return 10 * np.log10(np.sum(h[:t] ** 2) / np.sum(h[t:] ** 2))


def drr(h, rate):
    peak = np.abs(h).max()
    h = np.trim_zeros(h / peak if peak > 0 else h)
    k = int(0.003 * rate) + 1
    direct, rest = np.sum(h[:k] ** 2), np.sum(h[k:] ** 2)
    return 1.0 if direct == 0 or rest == 0 else 10 * np.log10(direct / rest)


def defined(function, *arguments):
    try:
        with np.errstate(all="ignore"):
            value = float(function(*arguments))
    except (ValueError, IndexError):
        return NAN
    return value if np.isfinite(value) else NAN


def measures(h, rate, family="crossings", decay=None):
    h = np.asarray(h, dtype=np.float64)
    decay = DECAY_DB[family] if decay is None else decay
    return {
        "rt60_s": defined(RT60[family], h, rate, decay),
        "edt_s": defined(edt, h, rate),
        "c50_db": defined(c50, h, rate),
        "drr_db": defined(drr, h, rate),
    }


def m11(prediction, truth, rate, family="crossings", decay=None):
    n = min(len(prediction), len(truth))
    p = measures(prediction[:n], rate, family, decay)
    t = measures(truth[:n], rate, family, decay)
    d = {k: abs(p[k] - t[k]) for k in p}
    return {
        "M11_rt60_percent": d["rt60_s"] / t["rt60_s"] * 100 if t["rt60_s"] > 0 else NAN,
        "M11_rt60_s": d["rt60_s"],
        "M11_edt_s": d["edt_s"],
        "M11_c50_db": d["c50_db"],
        "M11_drr_db": d["drr_db"],
    }


# ---- M8 ------------------------------------------------------------------------------------------
# A label is (frame, class, x, y, z, distance in metres or NaN).


def unit(azimuth_deg, elevation_deg):
    a, e = np.radians(azimuth_deg), np.radians(elevation_deg)
    return np.array([np.cos(a) * np.cos(e), np.sin(a) * np.cos(e), np.sin(e)])


def angle_deg(u, v):
    u, v = np.asarray(u, dtype=float), np.asarray(v, dtype=float)
    u = u / np.sqrt((u**2).sum(-1, keepdims=True) + 1e-10)
    v = v / np.sqrt((v**2).sum(-1, keepdims=True) + 1e-10)
    return np.degrees(np.arccos(np.clip((u * v).sum(-1), -1, 1)))


def pairs_of(truth, prediction):
    """Assignment of one class in one frame: rows, columns, angles."""
    t = np.array([x[2:5] for x in truth])
    p = np.array([x[2:5] for x in prediction])
    cost = angle_deg(t[:, None, :], p[None, :, :])
    rows, columns = linear_sum_assignment(cost)
    return rows, columns, cost[rows, columns]


class Counts:
    def __init__(self):
        self.tp = self.fps = self.fp = self.fn = self.pairs = self.missed = self.truths = 0
        self.angle = self.distance = self.relative = 0.0

    def __iadd__(self, other):
        for key, value in vars(other).items():
            setattr(self, key, getattr(self, key) + value)
        return self


def select(labels, **keys):
    names = ("frame", "type")
    return [x for x in labels if all(x[names.index(k)] == v for k, v in keys.items())]


def judge_frame(c, truth, prediction, distances):
    """Of a class in a frame; returns false positives and negatives for S, D, I."""
    rows, columns, angles = pairs_of(truth, prediction)
    wrong = 0
    for i, j, a in zip(rows, columns, angles):
        error = abs(truth[i][5] - prediction[j][5])
        relative = error / (truth[i][5] + EPS)
        bad = a > 20 or (distances and relative > 1)
        wrong += bad
        c.angle += a
        c.distance += error
        c.relative += relative
    c.pairs += len(angles)
    c.tp += len(angles) - wrong
    c.fps += wrong
    surplus = max(0, len(prediction) - len(truth))
    missing = max(0, len(truth) - len(prediction))
    c.fp += surplus
    c.fn += missing
    c.missed += missing
    return surplus + wrong, missing


def tracks(labels):
    frames = [x[0] for x in labels]
    return max((frames.count(f) for f in set(frames)), default=0)


def judge_segment(c, truth, prediction):
    sums = {}
    for f in sorted({x[0] for x in truth} & {x[0] for x in prediction}):
        for i, _, a in zip(*pairs_of(select(truth, frame=f), select(prediction, frame=f))):
            sums.setdefault(i, []).append(a)
    nt, np_ = tracks(truth), tracks(prediction)
    if not sums:
        c.fn += np_
        c.missed += np_
        return 0, np_
    positives = negatives = 0
    for angles in sums.values():
        mean = sum(angles) / len(angles)
        c.pairs += 1
        c.angle += mean
        c.tp += mean <= 20
        c.fps += mean > 20
        positives += mean > 20
    c.fp += max(0, np_ - nt)
    c.fn += max(0, nt - np_)
    c.missed += max(0, nt - np_)
    return positives + max(0, np_ - nt), negatives + max(0, nt - np_)


def class_scores(c, er, segments, distances):
    none = 180.0 if segments else NAN
    f20 = c.tp / (EPS + c.tp + c.fps + 0.5 * (c.fp + c.fn))
    angle = c.angle / (c.pairs + EPS) if c.pairs else none
    lr = c.pairs / (EPS + c.pairs + c.missed)
    distance = c.distance / (c.pairs + EPS) if c.pairs and distances else NAN
    relative = c.relative / (c.pairs + EPS) if c.pairs and distances else NAN
    terms = [1 - f20, angle / 180, relative] if distances else [er, 1 - f20, angle / 180, 1 - lr]
    seld = np.nanmean(terms)
    return [f20, angle, distance, relative, lr, seld]


def nanmean(x):
    x = [v for v in x if not np.isnan(v)]
    return float(np.mean(x)) if x else NAN


def m8(recordings, year=2024, classes=0, distances=True, drop_last=False):
    """recordings: [(truth, prediction)] of labels."""
    segments = year < 2024
    distances = distances and not segments
    length = 10 if segments else 1
    counts, errors, truths = {}, 0, 0
    for truth, prediction in recordings:
        frames = max(x[0] for x in truth) + (0 if drop_last else 1)
        limit = -(-frames // length) * length
        truth = [x for x in truth if x[0] < limit]
        prediction = [x for x in prediction if x[0] < limit]
        if classes:
            truth = [x for x in truth if x[1] < classes]
            prediction = [x for x in prediction if x[1] < classes]
        for u in range(limit // length):
            tu = [x for x in truth if x[0] // length == u]
            pu = [x for x in prediction if x[0] // length == u]
            positives = negatives = 0
            for k in sorted({x[1] for x in tu + pu}):
                c = counts.setdefault(k, Counts())
                t, p = select(tu, type=k), select(pu, type=k)
                c.truths += tracks(t)
                truths += tracks(t)
                if t and p and segments:
                    more = judge_segment(c, t, p)
                elif t and p:
                    more = judge_frame(c, t, p, distances)
                else:
                    c.fp += tracks(p)
                    c.fn += tracks(t)
                    c.missed += tracks(t)
                    more = (tracks(p), tracks(t))
                positives += more[0]
                negatives += more[1]
            both = min(positives, negatives)
            errors += both + max(0, negatives - positives) + max(0, positives - negatives)
    er = errors / (truths + EPS)
    averaged = range(classes) if classes else sorted(counts)
    rows = [class_scores(counts.get(k, Counts()), er, segments, distances) for k in averaged]
    macro = [nanmean(column) for column in zip(*rows)]
    total = Counts()
    for k in averaged:
        total += counts.get(k, Counts())
    micro = class_scores(total, er, segments, distances)
    return {
        "M8_f20": macro[0],
        "M8_angle_deg": macro[1],
        "M8_distance_m": macro[2],
        "M8_relative_distance": macro[3],
        "M8_lr": macro[4],
        "M8_er": er,
        "M8_seld": macro[5],
        "M8_f20_micro": micro[0],
        "M8_angle_deg_micro": micro[1],
        "M8_relative_distance_micro": micro[3],
        "M8_lr_micro": micro[4],
    }


def read_labels(path, scale=1.0):
    """A DCASE csv; `scale` makes metres of its distances."""
    out = []
    with open(path, encoding="ascii") as f:
        for line in f:
            v = [float(x) for x in line.split(",")]
            head = [int(v[0]), int(v[1])]
            if len(v) == 7:
                out.append(tuple(head + v[3:6] + [v[6] * scale]))
                continue
            angles = v[2:4] if len(v) == 4 else v[3:5]
            out.append(tuple(head + list(unit(*angles)) + [v[5] * scale if len(v) == 6 else NAN]))
    return out


# ---- M12 of paths --------------------------------------------------------------------------------


def third_differences(x, fps):
    return np.abs(np.diff(x, n=3) * fps**3)


def paths(sources, fps):
    """sources: [(truth, prediction)], each [n, 3] directions without gaps."""
    angles, azimuths, elevations = [], [], []
    jerks = {"": [[], []], "elevation_": [[], []]}
    ratios = {"": [], "elevation_": []}
    for t, p in sources:
        t, p = np.asarray(t), np.asarray(p)
        angles.extend(angle_deg(t, p))
        at, ap = (np.degrees(np.arctan2(x[:, 1], x[:, 0])) for x in (t, p))
        et, ep = (np.degrees(np.arctan2(x[:, 2], np.hypot(x[:, 0], x[:, 1]))) for x in (t, p))
        azimuths.extend(np.abs((ap - at + 180) % 360 - 180))
        elevations.extend(np.abs(ep - et))
        for name, (xp, xt) in (
            ("", [np.unwrap(x, period=360) for x in (ap, at)]),
            ("elevation_", (ep, et)),
        ):
            jerks[name][0].extend(third_differences(xp, fps))
            jerks[name][1].extend(third_differences(xt, fps))
            if np.ptp(xt) > 1e-6:
                ratios[name].append(np.clip(np.ptp(xp) / np.ptp(xt), 0, 2))
    out = {
        "M8_angle_deg": nanmean(angles),
        "M12_azimuth_error_deg": nanmean(azimuths),
        "M12_elevation_error_deg": nanmean(elevations),
    }
    for name in ("", "elevation_"):
        out[f"M12_{name}jerk"] = nanmean(jerks[name][0])
        out[f"M12_{name}jerk_truth"] = nanmean(jerks[name][1])
        out[f"M12_{name}amplitude_ratio"] = nanmean(ratios[name])
    return out


# ---- seeded inputs -------------------------------------------------------------------------------


def powers(ratio, count):
    """1, r, r r, ...: one rounding a step, so that C has the same bits."""
    return np.multiply.accumulate(np.concatenate([[1.0], np.full(count - 1, ratio)]))


def response(frames, stream, lead, tail, r1, a2, r2):
    """`lead` zeros, noise under r1^i + a2 r2^i, `tail` zeros; float32."""
    n = frames - lead - tail
    noise = hash_noise(stream, n, 1).astype(np.float64) if n > 0 else np.zeros(0)
    body = noise * (powers(r1, n) + a2 * powers(r2, n)) if n > 0 else noise
    return np.concatenate([np.zeros(lead), body, np.zeros(tail)]).astype(np.float32)


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


def labels(stream, frames, classes, sources, noise_deg, lost, with_distance):
    """Truth and prediction of seeded moving sources: whole degrees, as in published labels."""
    rng = np.random.default_rng(stream)
    truth, prediction = [], []
    for f in range(frames):
        for k in range(classes):
            for s in range(sources):
                if (f // 7 + 3 * k + 5 * s) % 4 == 0:
                    continue
                azimuth = (40 * k + 90 * s + 3 * f + 180) % 360 - 180
                elevation = 10 * k - 15 * s
                d = round(1 + 0.5 * k + 0.01 * f, 2)
                truth.append((f, k, azimuth, elevation, d))
                if rng.random() < lost:
                    continue
                da, de = rng.integers(-noise_deg, noise_deg + 1, 2)
                dd = round(d * (0.5 + rng.random() * 2), 2)
                prediction.append((f, k, (azimuth + int(da) + 180) % 360 - 180, elevation + int(de), dd))
        if rng.random() < 0.2:  # heard where nothing is
            k = int(rng.integers(0, classes + 1))
            prediction.append((f, k, int(rng.integers(-180, 181)), int(rng.integers(-90, 91)), 2.0))
    if not with_distance:
        truth = [(*x[:4], NAN) for x in truth]
        prediction = [(*x[:4], NAN) for x in prediction]
    return truth, prediction


def directed(rows):
    return [(f, k, *unit(a, e), d) for f, k, a, e, d in rows]


LABELS = (  # stream, frames, classes, sources, noise_deg, lost, distance
    (1, 60, 3, 1, 8, 0.1, True),
    (2, 83, 4, 2, 25, 0.2, True),
    (3, 41, 2, 3, 40, 0.3, False),
    (4, 30, 5, 2, 15, 0.9, True),
    (5, 25, 2, 1, 5, 1.0, True),  # nothing but false alarms
)


def path(stream, count):
    """A source that goes round and one that follows it, as whole numbers of 1/1000 degrees."""
    a, b = hash_noise(stream, count, 4), hash_noise(stream + 1, count, 2)
    i = np.arange(count)
    truth = np.stack([(7 * i + 150) % 360 - 180, 20 * np.abs((i % 20) / 10 - 1) - 10], 1)
    prediction = np.stack([truth[:, 0] + a, truth[:, 1] * 0.5 + b], 1)
    return truth, prediction


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


def write_rows(path, rows, header=""):
    with open(path, "w", encoding="ascii") as f:
        f.write(header)
        f.writelines(",".join(str(x) for x in row) + "\n" for row in rows)


def example(folder):
    """Files, and {name of the pair: {key: value}}."""
    import scipy.io.wavfile

    rate, out = 48000, {}
    t = response(40000, 21, 100, 0, 0.9996, 0.02, 0.9999)
    p = response(40000, 22, 90, 0, 0.99955, 0.03, 0.9999)
    for name, h in (("truth", t), ("pred", p)):
        scipy.io.wavfile.write(f"{folder}/response-{name}.wav", rate, h)
    for family in RT60:
        out[f"response, {family}"] = m11(p, t, rate, family)

    truth, prediction = labels(2, 120, 4, 2, 25, 0.2, True)
    for name, rows, scale in (("truth", truth, 100), ("pred", prediction, 1)):  # cm, m
        table = [(f, k, 0, a, e, round(d * scale, 2)) for f, k, a, e, d in rows]
        write_rows(f"{folder}/labels-{name}.csv", table)
    for year in (2023, 2024):
        out[f"labels, {year}"] = m8([(directed(truth), directed(prediction))], year, 13)

    truth, prediction = path(7, 200)
    head = "time_s,object,az_deg,el_deg,dist_m,confidence\n"
    angles = []
    for name, rows in (("truth", truth), ("pred", prediction)):
        rows = np.round(rows, 6)
        angles.append(unit(rows[:, 0], rows[:, 1]).T)
        table = [(f"{i / 25:.6f}", 1, a, e, 2, 1) for i, (a, e) in enumerate(rows.tolist())]
        write_rows(f"{folder}/path-{name}.csv", table, head)
    out["path"] = paths([tuple(angles)], 25.0)
    return out


def main():
    if sys.argv[1] == "--example":
        for name, values in example(sys.argv[2]).items():
            for key, value in values.items():
                print(f"{name}: {key} {value:.9g}")
        return
    with open(sys.argv[1] + "/metrics_room.txt", "w", encoding="ascii") as f:
        f.write("# made by tests/tools/make_metrics_room_golden.py: name, inputs | numbers\n")
        write_responses(f)
        write_labels(f)
        write_paths(f)
        write_assignments(f)
        write_paired(f)


if __name__ == "__main__":
    main()
