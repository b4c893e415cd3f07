# SPDX-License-Identifier: MIT
"""The metrics M1-M5 and M12 of two channels, re-stated from their formulas with numpy, scipy and
librosa (0.10 or later): what `v2s-infer compare --pred --truth` is held to.

two_channels(truth, prediction, rate) takes arrays [2][samples] and returns a dict of our keys.
Sources of the formulas: spatial/stereo_distance.h, spatial/si_sdr.h.
"""
import librosa
import numpy as np
import scipy.signal

RATE = 16000


def normalised(x):
    return x / max(1e-20, np.abs(x).max())


def convert(x, rate):
    if rate == RATE:
        return x
    return np.stack([librosa.resample(c, orig_sr=rate, target_sr=RATE, res_type="soxr_hq") for c in x])


def stft(x, hop, win, compat):
    """compat "0.9": zeros at both ends; "0.8": the sound reflected there."""
    if compat == "0.8":
        x = np.pad(x, 256, mode="reflect")
        return librosa.stft(x, n_fft=512, hop_length=hop, win_length=win, center=False)
    return librosa.stft(x, n_fft=512, hop_length=hop, win_length=win, pad_mode="constant")


def envelope_distance(p, t):
    p, t = (np.abs(scipy.signal.hilbert(x)) for x in (p, t))
    return sum(np.sqrt(np.mean((p - t) ** 2, axis=1)))


def stft_distance(p, t, compat):
    total = 0
    for pc, tc in zip(p, t):
        d = stft(pc, 160, 400, compat) - stft(tc, 160, 400, compat)
        total += np.mean([d.real**2, d.imag**2])
    return total


def complex_distance(p, t, compat):
    return sum(
        np.mean(np.abs(stft(pc, 160, 400, compat) - stft(tc, 160, 400, compat)) ** 2)
        for pc, tc in zip(p, t)
    )


def phase_distance(p, t, compat):
    p, t = (stft(x[0] - x[1], 160, 400, compat) for x in (p, t))
    p, t = (np.where(s == 0, 0, np.angle(s)) for s in (p, t))
    a = np.abs(p - t)
    return np.mean(np.minimum(a, np.clip(2 * np.pi - a, 0, 2 * np.pi)))


def snr_db(p, t):
    return 10 * np.log10((np.mean(t**2) + 1e-4) / (np.mean((p - t) ** 2) + 1e-4))


def magnitude_distance(p, t, compat):
    return sum(
        np.mean((np.abs(stft(pc, 128, 512, compat)) - np.abs(stft(tc, 128, 512, compat))) ** 2)
        for pc, tc in zip(p, t)
    )


def si_sdr_db(p, t):
    """Mean over channels."""
    values = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for pc, tc in zip(p, t):
            pc, tc = pc - pc.mean(), tc - tc.mean()
            wanted = np.dot(pc, tc) / (np.dot(tc, tc) + 1e-8) * tc
            values.append(10 * np.log10(np.sum(wanted**2) / np.sum((wanted - pc) ** 2)))
        return np.mean(values)


def ild_error_db(p, t):
    with np.errstate(divide="ignore", invalid="ignore"):
        rms = [np.sqrt(np.mean(x**2, axis=1)) for x in (p, t)]
        return abs(20 * np.log10(rms[0][0] / rms[0][1]) - 20 * np.log10(rms[1][0] / rms[1][1]))


def two_channels(truth, prediction, rate, compat="0.9", normalise=False):
    """Arrays [2][samples] of one length at `rate`; not finite where a metric is not defined."""
    t, p = (np.asarray(x, dtype=np.float64) for x in (truth, prediction))
    t16, p16 = (convert(x, rate) for x in (t, p))
    if normalise:
        t16, p16 = normalised(t16), normalised(p16)
    return {
        "M1_stft": stft_distance(p16, t16, compat),
        "M2_env": envelope_distance(p16, t16),
        "M3_mag": complex_distance(p16, t16, compat),
        "M3_wav": np.sum(np.mean((p16 - t16) ** 2, axis=1)),
        "M4_dphase": phase_distance(p16, t16, compat),
        "M4_snr_db": snr_db(p16, t16),
        "M5_mag": magnitude_distance(p, t, compat),
        "M5_env": envelope_distance(p, t),
        "M12_si_sdr_db": si_sdr_db(p, t),
        "M12_ild_db": ild_error_db(p, t),
    }


if __name__ == "__main__":
    import sys

    import soundfile

    if len(sys.argv) not in (3, 4):
        sys.exit("usage: metrics_reference_stereo.py PREDICTION.wav TRUTH.wav [0.8|0.9]")
    (p_, rate_), (t_, _) = (soundfile.read(name, always_2d=True) for name in sys.argv[1:3])
    n_ = min(len(p_), len(t_))
    for key, value in two_channels(t_[:n_].T, p_[:n_].T, rate_, *sys.argv[3:]).items():
        print(f"{key} {value:.9g}")
