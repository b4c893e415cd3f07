# SPDX-License-Identifier: MIT
"""M11 (measures of impulse responses), M8 (DCASE scores of located sources) and M12's scores of
paths, re-stated from their formulas with numpy and scipy; M11's fitted RT60 is pyroomacoustics 0.10
itself. What `v2s-infer compare --pred --truth` is held to.

m11(), m8() and paths() return dicts of our keys; SOURCES names where each comes from; demo_*() write
responses, labels and trajectories that anyone can make. Formulas: spatial/room_measures.h,
doa_scores.h, path_scores.h.
"""
import numpy as np
import scipy.io.wavfile
from scipy.optimize import linear_sum_assignment

from hash_noise import hash_noise

EPS = np.finfo(float).eps
NAN = float("nan")

SOURCES = {
    "crossings": "NAF's and xRIR's evaluation",
    "regression": "pyroomacoustics 0.10, measure_rt60",
    "reduced": "pyroomacoustics before 0.10, measure_rt60",
    "M8": "DCASE baseline, SELD_evaluation_metrics.py",
    "M12": "vid2spatial, evaluation/metrics.py",
}


def source(signals, key):
    """Where a metric comes from; of responses `signals` ends with the family of RT60."""
    if "rt60" in key:
        return SOURCES[signals.split(", ")[-1]]
    if signals == "trajectories" and key.startswith("M8"):
        return "ours: the angle of DCASE's scores"
    return next((text for start, text in SOURCES.items() if key.startswith(start)), "ours")


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


def path(stream, count):
    """A source that goes round and one that follows it, as whole numbers of 1/1000 degrees."""
    a, b = hash_noise(stream, count, 4), hash_noise(stream + 1, count, 2)
    i = np.arange(count)
    truth = np.stack([(7 * i + 150) % 360 - 180, 20 * np.abs((i % 20) / 10 - 1) - 10], 1)
    prediction = np.stack([truth[:, 0] + a, truth[:, 1] * 0.5 + b], 1)
    return truth, prediction


def write_rows(path, rows, header=""):
    with open(path, "w", encoding="ascii") as f:
        f.write(header)
        f.writelines(",".join(str(x) for x in row) + "\n" for row in rows)


def demo_responses(folder):
    """Prediction, truth and their rate; response-pred.wav and response-truth.wav."""
    rate = 48000
    t = response(40000, 21, 100, 0, 0.9996, 0.02, 0.9999)
    p = response(40000, 22, 90, 0, 0.99955, 0.03, 0.9999)
    for name, h in (("truth", t), ("pred", p)):
        scipy.io.wavfile.write(f"{folder}/response-{name}.wav", rate, h)
    return p, t, rate


def demo_labels(folder):
    """Truth and prediction; labels-truth.csv (cm) and labels-pred.csv (m)."""
    truth, prediction = labels(2, 120, 4, 2, 25, 0.2, True)
    for name, rows, scale in (("truth", truth, 100), ("pred", prediction, 1)):
        table = [(f, k, 0, a, e, round(d * scale, 2)) for f, k, a, e, d in rows]
        write_rows(f"{folder}/labels-{name}.csv", table)
    return directed(truth), directed(prediction)


def demo_paths(folder):
    """Truth and prediction, directions, and their rate; path-truth.csv and path-pred.csv."""
    head, angles = "time_s,object,az_deg,el_deg,dist_m,confidence\n", []
    for name, rows in zip(("truth", "pred"), path(7, 200)):
        rows = np.round(rows, 6)
        angles.append(unit(rows[:, 0], rows[:, 1]).T)
        table = [(f"{i / 25:.6f}", 1, a, e, 2, 1) for i, (a, e) in enumerate(rows.tolist())]
        write_rows(f"{folder}/path-{name}.csv", table, head)
    return tuple(angles), 25.0
