# SPDX-License-Identifier: MIT
"""Refines a geometric first-order file by the exported network of v2s-omni, in numpy.

    v2s-infer export v2s-omni -o v2s-omni.onnx
    v2s-infer render --trajectory path.csv --sound talk.wav --refiner none -o geometric.wav
    python run_onnx.py v2s-omni.onnx geometric.wav path.csv refined.wav

gives what `render --refiner v2s-omni` gives, but for rounding. ONNX has no inverse short-time
transform, so the network alone is in the file: rows of features in, gains of a fixed basis out.
Everything around it stands here, with the names of spatial/foa_basis.h and infer/band_features.h.
One source; AmbiX (W, Y, Z, X; SN3D) as float32 WAV.
"""
import json
import struct
import sys

import numpy as np
import onnxruntime

BANDS, LOW_HZ, HIGH_HZ = 32, 50.0, 20000.0
SEGMENTS = [(0, 1, 4), (4, 1, 5), (9, 2, 8)]  # first delay, step, taps; in frames
NOISE_SEED = 20190901
STRETCH_S, FADE_S, MEMORY_S = 12.0, 4.0, 0.250


# ---- files ------------------------------------------------------------------------------------


def read_wav(path):
    """Rate and samples [frames, channels] of a float32 WAV file."""
    data = open(path, "rb").read()
    at, rate, channels = 12, 0, 0
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        if name == b"fmt ":
            channels, rate = struct.unpack_from("<HI", data, at + 10)
            if struct.unpack_from("<H", data, at + 22)[0] != 32:
                sys.exit(f"{path}: expected samples of 32 bits")
        if name == b"data":
            return rate, np.frombuffer(data, "<f4", size // 4, at + 8).reshape(-1, channels)
        at += 8 + size + size % 2
    sys.exit(f"{path}: no sound in it")


def write_wav(path, rate, sound):
    body = sound.astype("<f4").tobytes()
    channels = sound.shape[1]
    form = struct.pack("<HHIIHH", 3, channels, rate, 4 * channels * rate, 4 * channels, 32)
    with open(path, "wb") as file:
        file.write(struct.pack("<4sI8sI", b"RIFF", 36 + len(body), b"WAVEfmt ", len(form)))
        file.write(form + struct.pack("<4sI", b"data", len(body)) + body)


def read_trajectory(path):
    """Times [n], unit vectors [n, 3] (x front, y left, z up)."""
    rows = [line.split(",") for line in open(path) if line[0] not in "#\n"][1:]
    times = np.array([float(r[0]) for r in rows])
    az, el = (np.radians([float(r[i]) for r in rows]) for i in (2, 3))
    return times, np.stack([np.cos(az) * np.cos(el), np.sin(az) * np.cos(el), np.sin(el)], 1)


def directions(times, units, at):
    """Unit vectors at the times `at`, along great circles between the points."""
    i = np.clip(np.searchsorted(times, at, "right") - 1, 0, max(len(times) - 2, 0))
    j = np.minimum(i + 1, len(times) - 1)
    span = np.where(j > i, times[j] - times[i], 1.0)
    share = np.clip((at - times[i]) / span, 0, 1)[:, None] * (j > i)[:, None]
    a, b = units[i], units[j]
    angle = np.arccos(np.clip((a * b).sum(1), -1, 1))[:, None]
    small = angle < 1e-9
    sine = np.where(small, 1, np.sin(angle))
    u = np.where(small, a, (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / sine)
    return u / np.linalg.norm(u, axis=1, keepdims=True)


# ---- the basis --------------------------------------------------------------------------------


def philox(stream, count):
    """`count` blocks of four words of Philox4x32-10 (Salmon et al. 2011): [count, 4]."""
    mask = np.uint64(0xFFFFFFFF)
    c = [np.arange(count, dtype=np.uint64)] + [np.full(count, v, np.uint64) for v in (0, stream, 0)]
    key = [NOISE_SEED, 0]
    for _ in range(10):
        p, q = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [
            (q >> np.uint64(32)) ^ c[1] ^ np.uint64(key[0]),
            q & mask,
            (p >> np.uint64(32)) ^ c[3] ^ np.uint64(key[1]),
            p & mask,
        ]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return np.stack(c, 1)


def words(stream, count):
    """`count` numbers of 64 bits."""
    block = philox(stream, (count + 1) // 2).reshape(-1, 2)
    return (block[:, 0] | block[:, 1] << np.uint64(32))[:count]


def normals(stream, count):
    u = (words(stream, 2 * count) >> np.uint64(11)).astype(float).reshape(-1, 2) * 2.0**-53
    return np.sqrt(-2 * np.log(1 - u[:, 0])) * np.cos(2 * np.pi * u[:, 1])


def is_fast(n):
    while n % 2 == 0:
        n //= 2
    return n in (1, 3, 5, 7, 9, 15)


def transform_length(rate):
    wanted = 0.032 * rate
    above = int(np.ceil(wanted))
    while not is_fast(above):
        above += 1
    below = next((n for n in range(int(wanted), 0, -1) if is_fast(n) and n % 16 == 0), above)
    return above if above - wanted < wanted - below else below


class Basis:
    def __init__(self, rate):
        self.rate, self.length = rate, transform_length(rate)
        N, self.hop = self.length, self.length // 4
        self.window = np.sqrt(0.5) * np.sin(np.pi * (np.arange(N) + 0.5) / N)
        self.memory = np.exp(-self.hop / (MEMORY_S * rate))
        self.place_bands()
        self.delays = [[first + i * step for i in range(n)] for first, step, n in SEGMENTS]
        self.place_noise()
        self.power = 1 / self.energy_kept()

    def place_bands(self):
        """Weights [BANDS, bins]: triangles between equal steps of the ERB rate."""
        erb = lambda hz: 21.4 * np.log10(1 + 0.00437 * hz)
        step = (erb(HIGH_HZ) - erb(LOW_HZ)) / (BANDS - 1)
        bins = np.arange(self.length // 2 + 1)
        at = np.clip((erb(bins * self.rate / self.length) - erb(LOW_HZ)) / step, 0, BANDS - 1)
        lower = np.minimum(at.astype(int), BANDS - 2)
        self.weights = np.zeros((BANDS, len(bins)))
        self.weights[lower, bins] = 1 - (at - lower)
        self.weights[lower + 1, bins] = at - lower
        self.used = int(np.clip(np.ceil((erb(self.rate / 2) - erb(LOW_HZ)) / step), 1, BANDS))

    def place_noise(self):
        """Spectrum of one burst of a hop's length, and at which bin each tap reads it."""
        N, hop = self.length, self.hop
        noise = normals(0, 2 * hop).reshape(-1, 2) @ np.array([1, 1j])
        x = np.zeros(N, complex)
        x[(np.arange(hop) - hop // 2) % N] = noise
        self.burst = np.fft.fft(x)
        self.burst *= np.sqrt(N / (np.abs(self.burst) ** 2).sum())
        places = 4 * sum(n for _, _, n in SEGMENTS)
        order = np.zeros(places, int)
        for i, word in enumerate(words(2, places)):
            j = int(word) % (i + 1)
            order[i] = order[j]
            order[j] = i
        self.shift = (order * (N // places)).reshape(-1, 4).T  # [channel, tap]

    def energy_kept(self):
        """Share of a smeared frame's energy that is left when frames overlap."""
        N, hop, w = self.length, self.hop, self.window
        d = np.arange(-hop // 2, hop // 2, max(hop // 64, 1))[:, None, None]
        m = np.arange(hop)[:, None] + hop * np.arange(4)
        product = w[m] * w[(m - d) % N]
        inside = (m >= d) & (m - d < N)
        straight, around = (np.where(k, product, 0).sum(2) for k in (inside, ~inside))
        return (straight**2 + around**2).mean()

    def collect(self, x, y):
        return np.real(np.conj(x) * y) @ self.weights.T

    def analyse(self, w):
        frames = -(-len(w) // self.hop) + 2
        padded = np.zeros((frames + 4) * self.hop)
        padded[2 * self.hop : 2 * self.hop + len(w)] = w
        rows = self.hop * np.arange(frames)[:, None] + np.arange(self.length)
        return np.fft.rfft(padded[rows] * self.window)

    def synthesise(self, spectra, samples):
        out = np.zeros((len(spectra) + 4) * self.hop)
        for t, x in enumerate(np.fft.irfft(spectra, self.length) * self.window):
            out[t * self.hop : t * self.hop + self.length] += x
        return out[2 * self.hop :][:samples]

    def running(self, x):
        """Running means over the frames, from zero."""
        mean = np.zeros(x.shape[1:])
        out = np.empty_like(x)
        for t in range(len(x)):
            mean = self.memory * mean + (1 - self.memory) * x[t]
            out[t] = mean
        return out


def delayed(x, frames):
    return np.concatenate([np.zeros_like(x[:frames]), x[: len(x) - frames]])


# ---- the network's side -----------------------------------------------------------------------


def features(basis, energy, times, units, first):
    """Rows of a stretch that begins at frame `first`, in the order of the model's metadata."""
    frames = len(energy)
    mean = energy.mean(0)
    known = (np.arange(BANDS) < basis.used) & (mean > 0)
    level = np.log10(energy / np.where(known, mean, 1) + 1e-6) * known
    contrast = np.zeros(BANDS)
    for i in range(basis.used):
        sides = [j for j in range(i - 2, i + 3) if 0 <= j < basis.used and j != i]
        if known[i] and sides and known[sides].all():
            contrast[i] = np.clip(np.log10(mean[i]) - np.log10(mean[sides]).mean(), -3, 3)
    now = (first + np.arange(frames)) * basis.hop / basis.rate
    u, before = directions(times, units, now), directions(times, units, now - 0.05)
    speed = np.arccos(np.clip((u * before).sum(1), -1, 1)) / 0.05
    rows = [level, u[:, 2:], np.tanh(speed)[:, None], np.tile(contrast, (frames, 1))]
    return np.concatenate(rows, 1).astype(np.float32), u


def split(gains, u):
    """Coherent part c [frames, bands, 3] of unit length u, and the tails' share r."""
    a, b, d = gains[..., 0], gains[..., 1], gains[..., 2]
    flat, up = 1 + a + b, 1 + a
    c = np.stack([u[:, :1] * flat, u[:, 1:2] * flat, u[:, 2:] * up + d], -1)
    untouched = (a == 0) & (b == 0) & (d == 0)
    length = np.where(untouched, 1, np.maximum(0.9, np.linalg.norm(c, axis=-1)))
    c = c / length[..., None]
    rest = np.where(untouched, 0, 1 - (c**2).sum(-1))
    return c, np.sqrt(np.where(rest > 1e-12, rest, 0))


def smooth(gains, radius):
    sums = np.concatenate([np.zeros_like(gains[:1]), np.cumsum(gains, 0)])
    t = np.arange(len(gains))
    begin, end = np.maximum(t - radius, 0), np.minimum(t + radius + 1, len(gains))
    return (sums[end] - sums[begin]) / (end - begin)[:, None, None]


def all_gains(basis, session, energy, times, units):
    """Gains [frames, bands, 3 + segments] from stretches of 12 s that overlap by 4 s."""
    per_s = basis.rate / basis.hop
    stretch, fade = round(STRETCH_S * per_s), round(FADE_S * per_s)
    total = np.zeros((len(energy), BANDS, 3 + len(SEGMENTS)))
    first, last = 0, False
    while not last:
        last = len(energy) - first <= stretch
        part = energy[first : first + stretch]
        x, u = features(basis, part, times, units, first)
        gains = session.run(None, {"features": x[None]})[0][0].astype(float)
        gains = smooth(gains.reshape(len(part), BANDS, -1), 3)
        coherent = np.linalg.norm(split(gains, u)[0], axis=-1)
        if 1 - (part * coherent).sum() / max(part.sum(), 1e-300) < 0.075:
            gains[:] = 0  # the network finds it dry: left to geometry
        t = np.arange(len(part))
        fade_in = (t + 0.5) / fade if first > 0 else np.ones(len(t))
        fade_out = np.ones(len(t)) if last else (stretch - t - 0.5) / fade
        share = np.minimum(np.minimum(fade_in, fade_out), 1)
        total[first : first + len(part)] += share[:, None, None] * gains
        first += stretch - fade
    return total


# ---- the residual -----------------------------------------------------------------------------


def residual(basis, session, w, times, units):
    """What is added to Y, Z, X: [samples, 3]."""
    spectra = basis.analyse(w)
    energy = basis.collect(spectra, spectra)
    gains = all_gains(basis, session, energy, times, units)
    u = directions(times, units, np.arange(len(spectra)) * basis.hop / basis.rate)
    c, r = split(gains, u)
    out = np.zeros((len(w), 3))
    for column, (channel, axis) in enumerate([(1, 1), (2, 2), (3, 0)]):  # Y, Z, X
        mixed = ((c[..., axis] - u[:, None, axis]) @ basis.weights) * spectra
        tap = 0
        for k, delays in enumerate(basis.delays):
            tail = np.zeros_like(spectra)
            for delay in delays:
                bins = (basis.shift[channel, tap] + np.arange(spectra.shape[1])) % basis.length
                tail += basis.burst[bins] * delayed(spectra, delay)
                tap += 1
            own = basis.collect(spectra, tail) / np.where(energy > 0, energy, np.inf)
            tail -= (own @ basis.weights) * spectra
            smeared = basis.running(sum(delayed(energy, d) for d in delays) / len(delays))
            power, level2 = basis.power / 3, basis.power / 3 / len(delays)
            mean = level2 * basis.running(basis.collect(tail, tail))
            even = np.sqrt(np.where(mean > 0, power * smeared / np.where(mean > 0, mean, 1), 1))
            even = np.sqrt(level2) * np.clip(even, 0.25, 4)
            mixed += ((r * gains[..., 3 + k] * even) @ basis.weights) * tail
        out[:, column] = basis.synthesise(mixed, len(w))
    return out


def main(model, geometric, trajectory, refined):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    told = session.get_modelmeta().custom_metadata_map
    if (told.get("preset"), told.get("pairing"), told.get("basis")) != ("v2s", "omni", "1"):
        sys.exit(f"{model}: expected a v2s network of pairing omni and basis 1")
    for row in json.loads(told["features"]):
        print(f"features {row['first']}..{row['last']}: {row['name']} ({row['unit']})")
    rate, sound = read_wav(geometric)
    added = residual(Basis(rate), session, sound[:, 0].astype(float), *read_trajectory(trajectory))
    refined_sound = sound.astype(float)
    refined_sound[:, 1:4] += added
    write_wav(refined, rate, refined_sound)
    print(f"{refined}: {len(sound) / rate:.2f} s, {rate} Hz")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
