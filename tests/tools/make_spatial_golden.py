#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Re-states the metrics of `v2s-infer compare` in numpy, from their formulas alone, and writes what
they say of signals from an integer hash: spatial_metrics.txt, for tests/spatial/test_foa_stats.c,
test_ear_stats.c, test_stereo_distance.c and test_map_agreement.c.

usage: make_spatial_golden.py FOLDER          (needs numpy and scipy)
"""
import sys

import numpy as np
import scipy.signal
import scipy.special


def hash_noise(stream, count, scale):
    """As tests/support/hash_noise.c."""
    x = np.arange(count, dtype=np.uint64) + np.uint64(0x9E3779B9) * np.uint64(stream + 1)
    x &= np.uint64(0xFFFFFFFF)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        x ^= x >> np.uint64(shift)
        x = x * np.uint64(factor) & np.uint64(0xFFFFFFFF)
    unit = (x >> np.uint64(8)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)
    return unit * np.float32(scale)


def scene(rate, frames, stream):
    """A source at (0.48, 0.6, 0.64) = (Y, Z, X) that fades, in a field of incoherent noise, float32
    as the C test makes it: products and sums in double, rounded once."""
    s = hash_noise(stream, frames, 0.5).astype(np.float64)
    fade = 1.0 / (1.0 + np.arange(frames) / (0.2 * rate))
    u = np.array([1, 0.48, 0.6, 0.64])
    noise = hash_noise(stream + 1, 4 * frames, 0.1).astype(np.float64).reshape(frames, 4)
    return (s[:, None] * fade[:, None] * u + noise).astype(np.float32)


# ---- S1 .. S5 ----------------------------------------------------------------------------------


def stft(x, rate):
    n = 2 ** round(np.log2(0.032 * rate))
    hop = n // 4
    window = scipy.signal.get_window("hann", n, fftbins=True)
    count = (len(x) - n) // hop + 1
    frames = np.stack([x[t * hop : t * hop + n] for t in range(count)])  # [t, n, c]
    return np.fft.rfft(frames * window[None, :, None], axis=1), n  # [t, k, c]


def bands(rate, n):
    def erb(f):
        return 21.4 * np.log10(1 + 0.00437 * f)

    points = np.linspace(0, erb(min(8000, rate / 2)), 26)
    e = erb(np.arange(n // 2 + 1) * rate / n)
    return np.stack([np.interp(e, points[b : b + 3], [0, 1, 0]) for b in range(24)])  # [b, k]


def covariances(spectra, weights):
    """[t, b, 4, 4] of each frame."""
    return np.einsum("bk,tki,tkj->tbij", weights, spectra, spectra.conj(), optimize=True)


def blocks(c):
    return np.stack([c[i : i + 8].sum(0) for i in range(0, len(c), 8)])


def energies(c):
    w = c[..., 0, 0].real
    d = c[..., 1, 1].real + c[..., 2, 2].real + c[..., 3, 3].real
    i = np.sqrt((c[..., 0, 1:].real ** 2).sum(-1))
    return w, d, i


def diffuseness(c):
    w, d, i = energies(c)
    return 1 - 2 * i / (w + d)


def foa_scores(p, t, rate):
    sp, n = stft(p.astype(np.float64), rate)
    st, _ = stft(t.astype(np.float64), rate)
    weights = bands(rate, n)
    fp, ft = covariances(sp, weights), covariances(st, weights)
    cp, ct, bp, bt = fp.sum(0), ft.sum(0), blocks(fp), blocks(ft)

    def mean(x, c):
        w = c[..., 0, 0].real
        return (w * x).sum() / w.sum()

    def level(a, b):
        return abs(10 * np.log10(energies(a)[1] / energies(b)[1]))

    floor = 1e-3 * np.sqrt((abs(st[:, :, 0]) ** 2).mean())
    log = [20 * np.log10(abs(s[:, :, 1:]) + floor) for s in (sp, st)]
    ip, it = cp.sum(0)[0, 1:].real, ct.sum(0)[0, 1:].real
    cosine = ip @ it / np.linalg.norm(ip) / np.linalg.norm(it)
    difference = np.sqrt((abs(bp - bt) ** 2).sum((-2, -1)) / (abs(bt) ** 2).sum((-2, -1)))
    return [
        mean(abs(diffuseness(cp) - diffuseness(ct)), ct),
        mean(level(cp, ct), ct),
        np.sqrt(((log[0] - log[1]) ** 2).mean()),
        np.degrees(np.arccos(cosine)),
        mean(abs(diffuseness(bp) - diffuseness(bt)), bt),
        mean(level(bp, bt), bt),
        mean(difference, bt),
    ]


# ---- ears ----------------------------------------------------------------------------------------


def ear_bands(x, rate):
    s, n = stft(x.astype(np.float64), rate)
    weights = bands(rate, n)
    left = weights @ (abs(s[:, :, 0]) ** 2).sum(0)
    right = weights @ (abs(s[:, :, 1]) ** 2).sum(0)
    cross = (s[:, :, 0] * s[:, :, 1].conj()).sum(0)
    w = 2 * np.pi * np.arange(n // 2 + 1) * rate / n
    lags = np.arange(-48, 49) / 48000
    correlation = weights @ (cross[:, None] * np.exp(1j * w[:, None] * lags)).real
    return 10 * np.log10(left / right), abs(correlation).max(1) / np.sqrt(left * right)


def ear_scores(p, t, rate):
    (ildp, iaccp), (ildt, iacct) = ear_bands(p, rate), ear_bands(t, rate)
    return [abs(iaccp - iacct).mean(), abs(ildp - ildt).mean()]


# ---- M1, M2 (2.5D Visual Sound, evaluate.py, with librosa's stft written out) --------------------


def librosa_stft(x, mode):
    window = np.pad(scipy.signal.get_window("hann", 400, fftbins=True), 56)
    x = np.pad(x.astype(np.float64), 256, mode=mode)
    count = 1 + (len(x) - 512) // 160
    frames = np.stack([x[t * 160 : t * 160 + 512] for t in range(count)])
    return np.fft.rfft(frames * window, axis=1)


def m1(p, t, mode):
    total = 0
    for c in range(2):
        a, b = librosa_stft(p[:, c], mode), librosa_stft(t[:, c], mode)
        re, im = (a - b).real ** 2, (a - b).imag ** 2
        total += np.mean(np.stack([re, im]))
    return total


def m2(p, t):
    return sum(
        np.sqrt(np.mean((abs(scipy.signal.hilbert(t[:, c])) - abs(scipy.signal.hilbert(p[:, c]))) ** 2))
        for c in range(2)
    )


def normalised(x):
    return x / max(1e-20, abs(x).max())


# ---- M6 (ViSAGe, evaluate_spatial.py, without its jitter) and M8 ---------------------------------


def reference_matrix():
    """utils/view_video.py, its misplaced parenthesis included: gains 1, sqrt 2, 1, sqrt 2."""
    phi = np.flip(np.arange(-180.0, 180.0, 2) / 180 * np.pi)
    nu = np.arange(-90.0, 90.0, 2) / 180 * np.pi
    phi, nu = (g.reshape(-1) for g in np.meshgrid(phi, nu))
    out = []
    for order, degree in ((0, 0), (1, -1), (1, 0), (1, 1)):
        norm = np.sqrt(2.0 - float(degree == 0) * 1.0)
        angle = np.cos(abs(degree) * phi) if degree >= 0 else np.sin(abs(degree) * phi)
        out.append((-1) ** degree * norm * scipy.special.lpmv(abs(degree), order, np.sin(nu)) * angle)
    return np.stack(out)


def sphere_sample(data):
    height, width = data.shape
    out = []
    for row in range(height):
        s = np.round(width * np.sin(np.pi * (row + 0.5) / height))
        x = np.arange(s) * (width - 0.5 * (width / s)) / s
        out.extend(np.interp(x=x, xp=np.arange(width), fp=data[row], period=360))
    return np.array(out)


def maps(x, length, matrix):
    windows = x.reshape(-1, length, 4).astype(np.float64)
    energy = np.sqrt(((windows @ matrix) ** 2).mean(1)).reshape(-1, 90, 180)
    return [sphere_sample(np.flipud(e)) for e in energy]


def auc_judd(saliency, fixation):
    s = (saliency - saliency.min()) / (saliency.max() - saliency.min())
    at = s[fixation > fixation.max() - fixation.std()]
    tp, fp = np.zeros(len(at) + 2), np.zeros(len(at) + 2)
    tp[-1] = fp[-1] = 1
    for i, threshold in enumerate(np.sort(at)[::-1]):
        above = (s >= threshold).sum()
        tp[i + 1] = i / len(at)
        fp[i + 1] = (above - i) / (len(s) - len(at))
    return ((fp[1:] - fp[:-1]) * (tp[1:] + tp[:-1]) / 2).sum()


def m6(p, t, rate):
    matrix, out = reference_matrix(), []
    p, t = (np.concatenate([x, np.zeros((5 * rate, 4))])[: 5 * rate] for x in (p, t))
    for length in (5 * rate, rate, rate // 5):
        cc, auc = [], []
        for a, b in zip(maps(p, length, matrix), maps(t, length, matrix)):
            if a.std() > 1e-6 * a.mean() and b.std() > 1e-6 * b.mean():
                cc.append(np.corrcoef(a, b)[0, 1])
                auc.append(auc_judd(a, b))
        out += [np.mean(cc), np.mean(auc)]
    return out


def m8(p, t, rate):
    step, angles, p, t = rate // 10, [], p.astype(np.float64), t.astype(np.float64)
    frames = [slice(i * step, (i + 1) * step) for i in range(len(t) // step)]
    loudest = max((t[f, 0] ** 2).sum() for f in frames)
    for f in frames:
        if (t[f, 0] ** 2).sum() > 1e-4 * loudest:
            u, v = ((x[f, :1] * x[f, 1:]).sum(0) for x in (p, t))
            u, v = u / np.linalg.norm(u), v / np.linalg.norm(v)
            u, v = (x / np.sqrt((x**2).sum() + 1e-10) for x in (u, v))
            angles.append(np.degrees(np.arccos(np.clip(u @ v, -1, 1))))
    return [np.mean(angles)]


# --------------------------------------------------------------------------------------------------

SCENES = ((16000, 9000, 10), (48000, 26000, 20), (44100, 20001, 30))


def main():
    with open(sys.argv[1] + "/spatial_metrics.txt", "w", encoding="ascii") as f:
        f.write("# made by tests/tools/make_spatial_golden.py: name, rate, frames, stream, numbers\n")

        def line(name, rate, frames, stream, numbers):
            text = " ".join(f"{x:.9g}" for x in numbers)
            f.write(f"{name} {rate} {frames} {stream} {text}\n")

        for rate, frames, stream in SCENES:
            t = scene(rate, frames, stream)
            p = scene(rate, frames, stream + 2)
            p[:, 1:] *= np.float32(0.75)  # exact
            line("foa", rate, frames, stream, foa_scores(p, t, rate))
            line("ears", rate, frames, stream, ear_scores(p[:, :2], t[:, :2], rate))
            line("direction", rate, frames, stream, m8(p, t, rate))
        for frames, stream in ((9000, 10), (8191, 40), (1001, 50)):
            t, p = (scene(16000, frames, s)[:, 2:] for s in (stream, stream + 2))
            numbers = [m1(p, t, "constant"), m1(p, t, "reflect"), m2(p, t)]
            numbers += [m1(normalised(p), normalised(t), "constant")]
            line("stereo", 16000, frames, stream, numbers)
        for rate, frames, stream in ((8000, 30000, 60), (8000, 45000, 70)):
            t, p = (scene(rate, frames, s) for s in (stream, stream + 2))
            p = p[:, [0, 2, 1, 3]]
            line("maps", rate, frames, stream, m6(p, t, rate))


main()
