# SPDX-License-Identifier: MIT
"""The metrics of four-channel sound, re-stated from their formulas with numpy, scipy and (M10's mel
spectrogram) librosa: what `v2s-infer compare --pred --truth` is held to.

four_channels(truth, prediction, rate) takes AmbiX arrays [4][samples], two_ears arrays [2][samples],
and both return a dict of our keys; m10 is a function of its own, for its earth mover's distance is a
linear program that takes its time. SOURCES names where each comes from; demo() is a pair of sounds
that anyone can make. Formulas: spatial/map_agreement.h, foa_stats.h, ear_stats.h, foa_distance.h.
"""
import numpy as np
import scipy.optimize
import scipy.signal
import scipy.special

from metrics_reference_stereo import si_sdr_db

SOURCES = {
    "M6_cc": "ViSAGe, evaluate_spatial.py and utils/wild_360.py, CorrCoeff",
    "M6_auc": "ViSAGe, evaluate_spatial.py and utils/wild_360.py, AUC_Judd without its jitter",
    "M8": "ours: the angle of DCASE's scores, of active intensities",
    "M9": "ours, for OmniAudio's unpublished evaluation",
    "M10": "spatialaudiogen, model.py, myutils.py, pyutils/ambisonics/distance.py",
    "M12": "vid2spatial, evaluation/metrics.py, si_sdr (mean of the channels)",
}


def source(key):
    """Where a metric comes from; the spatial statistics are ours."""
    text = next((text for start, text in SOURCES.items() if key.startswith(start)), "ours")
    return "the same with SN3D's gains" if key.endswith("_sn3d") else text


def demo(rate=16000, seconds=6, seed=7):
    """Truth and prediction, float32 AmbiX [4][samples]: a source that walks around the listener in
    noise from everywhere, and one that walks behind it, lower and without the noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(rate * seconds) / rate
    s, noise = 0.3 * rng.standard_normal(len(t)), 0.03 * rng.standard_normal((4, len(t)))

    def walk(azimuth, elevation):
        flat = np.cos(elevation)
        return np.stack([s, s * np.sin(azimuth) * flat, s * np.sin(elevation), s * np.cos(azimuth) * flat])

    truth = walk(0.8 * t, 0.4 + 0 * t) + noise
    prediction = 0.7 * walk(0.8 * t - 0.35, 0.1 + 0 * t)
    return truth.astype(np.float32), prediction.astype(np.float32)


# ---- S1 .. S5 ----------------------------------------------------------------------------------


def stft(x, rate):
    """[frames][bins][channels] of x [samples][channels], and the length of a frame."""
    n = 2 ** round(np.log2(0.032 * rate))
    hop = n // 4
    window = scipy.signal.get_window("hann", n, fftbins=True)
    count = (len(x) - n) // hop + 1
    frames = np.stack([x[t * hop : t * hop + n] for t in range(count)])
    return np.fft.rfft(frames * window[None, :, None], axis=1), n


def bands(rate, n):
    def erb(f):
        return 21.4 * np.log10(1 + 0.00437 * f)

    points = np.linspace(0, erb(min(8000, rate / 2)), 26)
    e = erb(np.arange(n // 2 + 1) * rate / n)
    return np.stack([np.interp(e, points[b : b + 3], [0, 1, 0]) for b in range(24)])


def covariances(spectra, weights):
    """[frames][bands][4][4]."""
    return np.stack([np.einsum("bk,ki,kj->bij", weights, s, s.conj(), optimize=True) for s in spectra])


def blocks(c):
    return np.stack([c[i : i + 8].sum(0) for i in range(0, len(c), 8)])


def energies(c):
    w = c[..., 0, 0].real
    d = c[..., 1, 1].real + c[..., 2, 2].real + c[..., 3, 3].real
    return w, d, np.sqrt((c[..., 0, 1:].real ** 2).sum(-1))


def diffuseness(c):
    w, d, i = energies(c)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(w + d > 0, 1 - 2 * i / (w + d), 1)


def level_difference(p, t):
    """Ends at 60 dB."""
    with np.errstate(divide="ignore", invalid="ignore"):
        p, t = energies(p)[1], energies(t)[1]
        return np.where(p == t, 0, np.minimum(abs(10 * np.log10(p / t)), 60))


def statistics(p, t, rate):
    """Of [samples][4]."""
    sp, n = stft(p, rate)
    st, _ = stft(t, rate)
    weights = bands(rate, n)
    fp, ft = covariances(sp, weights), covariances(st, weights)
    cp, ct, bp, bt = fp.sum(0), ft.sum(0), blocks(fp), blocks(ft)

    def mean(x, c):
        w = c[..., 0, 0].real
        return np.where(w > 0, w * x, 0).sum() / w.sum()

    floor = 1e-3 * np.sqrt((abs(st[:, :, 0]) ** 2).mean())
    log = [20 * np.log10(abs(s[:, :, 1:]) + floor) for s in (sp, st)]
    ip, it = cp.sum(0)[0, 1:].real, ct.sum(0)[0, 1:].real
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = ip @ it / np.linalg.norm(ip) / np.linalg.norm(it)
        distance = np.sqrt((abs(bp - bt) ** 2).sum((-2, -1)) / (abs(bt) ** 2).sum((-2, -1)))
    return {
        "diffuseness": mean(abs(diffuseness(cp) - diffuseness(ct)), ct),
        "level": mean(level_difference(cp, ct), ct),
        "lsd": np.sqrt(((log[0] - log[1]) ** 2).mean()),
        "direction": np.degrees(np.arccos(np.clip(cosine, -1, 1))),
        "diffuseness_block": mean(abs(diffuseness(bp) - diffuseness(bt)), bt),
        "level_block": mean(level_difference(bp, bt), bt),
        "covariance": mean(distance, bt),
    }


# ---- two ears ------------------------------------------------------------------------------------

LAGS = np.arange(-48, 49) / 48000


def itd_us(cross, energy, w):
    """Of one block's sums per bin."""
    used = (abs(cross) > 0) & (energy > 1e-6 * energy.max())
    if not used.any():
        return np.nan
    phase = cross[used] / abs(cross[used])
    g = (phase[:, None] * np.exp(1j * w[used, None] * LAGS)).real.sum(0)
    best = np.argmax(g)
    shift = 0
    if 0 < best < len(LAGS) - 1:
        a, b, c = g[best - 1 : best + 2]
        shift = 0.5 * (a - c) / (a - 2 * b + c)
    return 1e6 * (LAGS[best] + shift / 48000)


def ears(x, rate):
    s, n = stft(x, rate)
    weights = bands(rate, n)
    left, right = abs(s[:, :, 0]) ** 2, abs(s[:, :, 1]) ** 2
    cross = s[:, :, 0] * s[:, :, 1].conj()
    w = 2 * np.pi * np.arange(n // 2 + 1) * rate / n
    correlation = weights @ (cross.sum(0)[:, None] * np.exp(1j * w[:, None] * LAGS)).real
    l, r = weights @ left.sum(0), weights @ right.sum(0)
    hz = np.arange(n // 2 + 1) * rate / n
    low = (hz > 0) & (hz <= 1500)
    be, bc = blocks(left + right), blocks(cross)
    itd = np.array([itd_us(c[low], e[low], w[low]) for c, e in zip(bc, be)])
    weight = be[:, hz < min(8000, rate / 2)].sum(1)
    return 10 * np.log10(l / r), abs(correlation).max(1) / np.sqrt(l * r), itd, weight


def two_ears(truth, prediction, rate):
    p, t = (np.asarray(x, dtype=np.float64).T for x in (prediction, truth))
    (ildp, iaccp, itdp, _), (ildt, iacct, itdt, weight) = ears(p, rate), ears(t, rate)
    used = (weight > 1e-6 * weight.max()) & np.isfinite(itdp) & np.isfinite(itdt)
    return {
        "iacc": abs(iaccp - iacct).mean(),
        "ild": abs(ildp - ildt).mean(),
        "itd": (weight * abs(itdp - itdt))[used].sum() / weight[used].sum(),
    }


# ---- M6 (ViSAGe, evaluate_spatial.py, without its jitter) -----------------------------------------


def harmonics(published):
    """[4][90 * 180]. Published: the misplaced parenthesis included, gains 1, sqrt 2, 1, sqrt 2."""
    azimuth = np.flip(np.arange(-180.0, 180.0, 2)) / 180 * np.pi
    elevation = np.arange(-90.0, 90.0, 2) / 180 * np.pi
    azimuth, elevation = (g.reshape(-1) for g in np.meshgrid(azimuth, elevation))
    out = []
    for order, degree in ((0, 0), (1, -1), (1, 0), (1, 1)):
        gain = np.sqrt(2.0) if published and degree != 0 else 1.0
        turn = np.cos(degree * azimuth) if degree >= 0 else np.sin(-degree * azimuth)
        legendre = scipy.special.lpmv(abs(degree), order, np.sin(elevation))
        out.append((-1) ** degree * gain * legendre * turn)
    return np.stack(out)


def resampled(data):
    height, width = data.shape
    out = []
    for row in range(height):
        s = np.round(width * np.sin(np.pi * (row + 0.5) / height))
        x = np.arange(s) * (width - 0.5 * (width / s)) / s
        out.append(np.interp(x, np.arange(width), data[row], period=360))
    return np.concatenate(out)


def fine_energies(x, rate, matrix):
    """Sums of squares of the decoded samples, for each of 25 windows."""
    length, out = rate // 5, []
    for w in range(25):
        window = x[w * length : (w + 1) * length]
        parts = range(0, length, 1024)
        out.append(sum(((window[i : i + 1024] @ matrix) ** 2).sum(0) for i in parts))
    return np.stack(out)


def contrast(m):
    """The deviation of a map, without that of rounding."""
    return m.std() if m.std() > 1e-12 * m.mean() else 0.0


def correlation_of(a, b):
    if contrast(a) == 0 or contrast(b) == 0:
        return np.nan
    a, b = ((m - m.mean()) / m.std() for m in (a, b))
    return (a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum())


def auc_judd(guess, truth):
    if contrast(guess) == 0:
        return np.nan
    s = (guess - guess.min()) / (guess.max() - guess.min())
    at = s[truth > truth.max() - contrast(truth)]
    tp, fp = np.zeros(len(at) + 2), np.zeros(len(at) + 2)
    tp[-1] = fp[-1] = 1
    for i, threshold in enumerate(np.sort(at)[::-1]):
        tp[i + 1] = i / len(at)
        fp[i + 1] = ((s >= threshold).sum() - i) / (len(s) - len(at))
    return ((fp[1:] - fp[:-1]) * (tp[1:] + tp[:-1]) / 2).sum()


def m6(p, t, rate, published):
    """Of [samples][4]; a rate that 5 divides."""
    matrix, out = harmonics(published), {}
    p, t = (np.concatenate([x, np.zeros((5 * rate, 4))])[: 5 * rate] for x in (p, t))
    p, t = (fine_energies(x, rate, matrix) for x in (p, t))
    for name, count in (("all", 1), ("1fps", 5), ("5fps", 25)):
        cc, auc = [], []
        for a, b in zip(*(x.reshape(count, 25 // count, -1).sum(1) for x in (p, t))):
            a, b = (resampled(np.flipud(np.sqrt(m).reshape(90, 180))) for m in (a, b))
            cc.append(correlation_of(a, b))
            auc.append(auc_judd(a, b))
        used = [i for i in range(count) if count == 1 or np.isfinite([cc[i], auc[i]]).all()]
        suffix = name if published else name + "_sn3d"
        out["M6_cc_" + suffix] = np.mean([cc[i] for i in used]) if used else np.nan
        out["M6_auc_" + suffix] = np.mean([auc[i] for i in used]) if used else np.nan
    return out


# ---- M8, M9, M12 -----------------------------------------------------------------------------------


def m8(p, t, rate):
    """Degrees."""
    step, angles = round(rate / 10), []
    frames = [slice(i * step, (i + 1) * step) for i in range(len(t) // step)]
    loudest = max((t[f, 0] ** 2).sum() for f in frames)
    for f in frames:
        u, v = ((x[f, :1] * x[f, 1:]).sum(0) for x in (p, t))
        sizes = np.linalg.norm(u) * np.linalg.norm(v)
        if (t[f, 0] ** 2).sum() > 1e-4 * loudest and sizes > 0:
            angles.append(np.degrees(np.arctan2(np.linalg.norm(np.cross(u, v)), u @ v)))
    return np.mean(angles) if angles else np.nan


def m9(p, t):
    (y, z, x), (y0, z0, x0) = ((s[:, :1] * s[:, 1:]).sum(0) for s in (p, t))
    u, v = np.array([x, y, z]), np.array([x0, y0, z0])
    if not u.any() or not v.any():
        return {"M9_azimuth_rad": np.nan, "M9_elevation_rad": np.nan, "M9_angle_rad": np.nan}
    turn = np.arctan2(y, x) - np.arctan2(y0, x0)
    return {
        "M9_azimuth_rad": abs((turn + np.pi) % (2 * np.pi) - np.pi),
        "M9_elevation_rad": abs(np.arctan2(z, np.hypot(x, y)) - np.arctan2(z0, np.hypot(x0, y0))),
        "M9_angle_rad": np.arctan2(np.linalg.norm(np.cross(u, v)), u @ v),
    }


def four_channels(truth, prediction, rate):
    """Not finite where a metric is not defined."""
    p, t = (np.asarray(x, dtype=np.float64).T for x in (prediction, truth))
    return {
        **statistics(p, t, rate),
        **m6(p, t, rate, True),
        **m6(p, t, rate, False),
        "M8": m8(p, t, rate),
        **m9(p, t),
        "M12_si_sdr_db": si_sdr_db(p.T, t.T),
    }


# ---- M10 (spatialaudiogen) ---------------------------------------------------------------------------


def work(p, q, cost):
    """min sum f c, row sums <= p, column sums <= q, all of the lighter mass moved."""
    n, m = cost.shape
    rows = scipy.sparse.kron(scipy.sparse.eye(n), np.ones((1, m)))
    columns = scipy.sparse.kron(np.ones((1, n)), scipy.sparse.eye(m))
    result = scipy.optimize.linprog(
        cost.reshape(-1),
        A_ub=scipy.sparse.vstack([rows, columns]),
        b_ub=np.concatenate([p, q]),
        A_eq=np.ones((1, n * m)),
        b_eq=[min(p.sum(), q.sum()) * (1 - 1e-12)],
        options={"dual_feasibility_tolerance": 1e-10, "primal_feasibility_tolerance": 1e-10},
    )
    assert result.status == 0, result.message
    return result.fun


def earth_mover(p, q, cost):
    return work(p, q, cost) + abs(p.sum() - q.sum()) * cost.max()


def amplitude_map(x):
    azimuth = np.radians(np.flip(np.arange(-180.0, 180.0, 20)))
    elevation = np.radians(np.arange(-90.0, 90.1, 20))
    azimuth, elevation = (g.reshape(-1) for g in np.meshgrid(azimuth, elevation))
    u = np.stack([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    decoded = x[:, :1] + x[:, [3, 1, 2]] @ u
    return np.sqrt((decoded**2).mean(0)), np.arccos(np.clip(u.T @ u, -1, 1))


def stft_error(d, rate):
    n = 2 ** int(np.ceil(np.log2(int(0.025 * rate))))
    window, spectra = 0.5 - 0.5 * np.cos(2 * np.pi / n * np.arange(n)), []
    for start in (0, n // 2):
        for i in range(int((len(d) - start - 1) / n)):
            spectra.append(np.fft.fft(d[start + i * n : start + (i + 1) * n] * window))
    return 100 * np.mean(abs(np.stack(spectra)) ** 2)


def mel_db(x, rate):
    import librosa

    mel = librosa.feature.melspectrogram(y=x, sr=rate, n_mels=128, fmax=12000, pad_mode="reflect")
    return 10 * np.log10(mel + 1e-2)


def m10_chunk(p, t, rate):
    out, dipoles = {}, range(1, 4)
    for c, name in zip(dipoles, "yzx"):
        out["M10_stft_" + name] = stft_error(p[:, c] - t[:, c], rate)
    for c, name in zip(dipoles, "yzx"):
        e = [abs(scipy.signal.hilbert(s[:, c])) for s in (p, t)]
        out["M10_env_" + name] = np.sqrt(np.mean((e[0] - e[1]) ** 2))
    out["M10_lsd_db"] = np.mean(
        [np.sqrt(np.mean((mel_db(p[:, c], rate) - mel_db(t[:, c], rate)) ** 2)) for c in dipoles]
    )
    out["M10_mse"] = 5e3 * np.mean((p - t)[:, 1:] ** 2)
    energy, error = (t**2).sum(0)[1:], ((p - t) ** 2).sum(0)[1:]
    out["M10_snr_db"] = np.mean(10 * np.log10((energy + 0.1) / (error + 0.1)))
    (a, cost), (b, _) = amplitude_map(p), amplitude_map(t)
    out["M10_emd"] = earth_mover(a / len(a), b / len(b), cost)
    out["M10_emd_norm"] = earth_mover(a / (a.sum() + 0.01), b / (b.sum() + 0.01), cost)
    return out


def m10(truth, prediction, rate):
    """Of AmbiX arrays [4][samples]; whole chunks of 0.1 s."""
    p, t = (np.asarray(x, dtype=np.float64).T for x in (prediction, truth))
    n = int(rate * 0.1)
    chunks = [m10_chunk(p[i : i + n], t[i : i + n], rate) for i in range(0, len(t) - n + 1, n)]
    return {key: np.mean([c[key] for c in chunks]) for key in chunks[0]}
