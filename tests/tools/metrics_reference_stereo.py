# SPDX-License-Identifier: MIT
"""The metrics M1-M5 and M12 of two channels, re-stated from their formulas with numpy, scipy and
librosa (0.10 or later): what `v2s-infer compare --pred --truth` is held to.

two_channels(truth, prediction, rate) takes arrays [2][samples] and returns a dict of our keys;
SOURCES names the published code of each; demo() is a pair of sounds that anyone can make.
"""
import numpy as np
import scipy.signal

RATE = 16000

SOURCES = {
    "M1_stft": "2.5D Visual Sound, evaluate.py, STFT_L2_distance",
    "M2_env": "2.5D Visual Sound, evaluate.py, Envelope_distance",
    "M3_mag": "PseudoBinaural, evaluate.py, Magnitude_distance",
    "M3_wav": "CCStereo, util/eval.py, WAV_distance",
    "M4_dphase": "PseudoBinaural, evaluate.py, Angle_Diff_distance",
    "M4_snr_db": "PseudoBinaural, evaluate.py, SNR",
    "M5_mag": "AV-NeRF, utils.py, Evaluator.Magnitude_distance",
    "M5_env": "AV-NeRF, utils.py, Evaluator.Envelope_distance",
    "M12_si_sdr_db": "vid2spatial, evaluation/metrics.py, si_sdr (mean of the channels)",
    "M12_ild_db": "vid2spatial, evaluation/metrics.py, itd_ild_similarity",
}


def demo(rate=48000, seconds=5, seed=7):
    """Truth and prediction, float32 [2][samples]: a tone that moves from ear to ear in noise, and
    the same half as far, softer and with noise of its own."""
    rng = np.random.default_rng(seed)
    t = np.arange(rate * seconds) / rate
    tone, pan = 0.3 * np.sin(2 * np.pi * 440 * t), 0.3 + 0.6 * np.sin(2 * np.pi * 0.4 * t)
    noise = rng.standard_normal((4, len(t)))
    truth = np.stack([(1 + pan) * tone, (1 - pan) * tone]) / 2 + 0.05 * noise[:2]
    prediction = 0.4 * np.stack([(1 + pan / 2) * tone, (1 - pan / 2) * tone])
    prediction += 0.04 * noise[:2] + 0.01 * noise[2:]
    return truth.astype(np.float32), prediction.astype(np.float32)


def normalised(x):
    return x / max(1e-20, np.abs(x).max())


def convert(x, rate):
    if rate == RATE:
        return x
    import librosa

    return librosa.resample(x, orig_sr=rate, target_sr=RATE, res_type="soxr_hq", axis=1)


def stft(x, hop, win, compat):
    """compat "0.9": zeros at both ends; "0.8": the sound reflected there."""
    import librosa

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


def without_librosa(truth, prediction):
    """Those of two_channels() that need neither its short-time transform nor its resampling."""
    t, p = (np.asarray(x, dtype=np.float64) for x in (truth, prediction))
    return {
        "M5_env": envelope_distance(p, t),
        "M12_si_sdr_db": si_sdr_db(p, t),
        "M12_ild_db": ild_error_db(p, t),
    }


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
        **without_librosa(t, p),
    }
