#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every number of README's "Reproduce published numbers": makes the seeded signals, judges them
with the program, re-states each metric (metrics_reference_*.py) and prints one Markdown table.

usage: published_numbers.py V2S-INFER [FOLDER]
       FOLDER keeps the signals and the program's JSON (without it nothing is left behind)

Needs numpy and scipy; librosa 0.10 or later for M1-M4, M5's magnitude and M10, pyroomacoustics 0.10
for its own RT60. What a missing package leaves out is named and is no failure. Exit 1 where a
re-statement or the published code's own value is further from the program's than LIMIT.
"""
import json
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import scipy.io.wavfile

    import metrics_reference_field as field
    import metrics_reference_room as room
    import metrics_reference_stereo as stereo
except ModuleNotFoundError as missing:
    sys.exit(f"needs Python's {missing.name}: pip install numpy scipy librosa pyroomacoustics")

LIMIT, AUC_LIMIT = 1e-6, 1e-4  # relative to max(|value|, 1e-3)

# What the published code itself says of the same signals; (signal and options, key): value.
CODE = {
    # 2.5D Visual Sound, PseudoBinaural, CCStereo, AV-NeRF, vid2spatial: their functions of the two
    # files as librosa.load gives them, in single precision.
    ("two channels", "M1_stft"): 0.23938935,
    ("two channels", "M2_env"): 0.10482214,
    ("two channels", "M3_mag"): 0.47877866,
    ("two channels", "M3_wav"): 0.0032106314,
    ("two channels", "M4_dphase"): 0.24444260,
    ("two channels", "M4_snr_db"): 9.4887819,
    ("two channels", "M5_mag"): 0.64015192,
    ("two channels", "M5_env"): 0.10610878,
    ("two channels", "M12_si_sdr_db"): 13.090564,
    ("two channels", "M12_ild_db"): 1.6696286,  # adds 1e-8 to each rms
    ("two channels, normalised", "M1_stft"): 1.0764594,
    ("two channels, normalised", "M2_env"): 0.21534577,
    ("two channels, normalised", "M4_snr_db"): 11.812244,
    # ViSAGe, evaluate_spatial.py with its jitter off; its maps are in single precision.
    ("four channels", "M6_cc_all"): 0.860985206,
    ("four channels", "M6_auc_all"): 0.934563658,
    ("four channels", "M6_cc_1fps"): 0.910657317,
    ("four channels", "M6_auc_1fps"): 0.958707783,
    ("four channels", "M6_cc_5fps"): 0.907714589,
    ("four channels", "M6_auc_5fps"): 0.958944549,
    # DCASE 2024 baseline, SELDMetrics, and SELDMetricsSegmentLevel of the years before, 13 classes.
    ("labels, 2024", "M8_er"): 0.5513888888888889,
    ("labels, 2024", "M8_f20"): 0.10070941111275272,
    ("labels, 2024", "M8_angle_deg"): 19.49438767650227,
    ("labels, 2024", "M8_distance_m"): 1.453607803391627,
    ("labels, 2024", "M8_relative_distance"): 0.6175608607862785,
    ("labels, 2024", "M8_lr"): 0.2455837443500079,
    ("labels, 2024", "M8_seld"): 0.8357494798387874,
    ("labels, 2023", "M8_er"): 0.5340909090909091,
    ("labels, 2023", "M8_f20"): 0.17261658567942584,
    ("labels, 2023", "M8_angle_deg"): 130.55264633870152,
    ("labels, 2023", "M8_lr"): 0.2976588628762542,
    ("labels, 2023", "M8_seld"): 0.6972769850486705,
}


class Signals:
    """Pairs of files in a folder, and what the program says of them."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def write(self, name, truth, prediction, rate):
        """Arrays [channels][samples]."""
        for side, sound in (("truth", truth), ("pred", prediction)):
            scipy.io.wavfile.write(f"{self.folder}/{name}-{side}.wav", rate, sound.T)

    def judge(self, name, ending, label, options):
        out = f"{self.folder}/{label.replace(', ', '-').replace(' ', '-')}.json"
        pair = [f"{self.folder}/{name}-{side}.{ending}" for side in ("pred", "truth")]
        words = [self.program, "compare", "--pred", pair[0], "--truth", pair[1], "--json", out]
        subprocess.run(words + ["-q", *options], check=True, stdout=subprocess.DEVNULL)
        with open(out, encoding="utf-8") as f:
            return json.load(f)["metrics"]


def two_channels(signals):
    truth, prediction = stereo.demo()
    signals.write("two", truth, prediction, 48000)
    first = "two channels"
    yield first, "two", "wav", (), lambda: stereo.two_channels(truth, prediction, 48000)
    yield first, "two", "wav", (), lambda: stereo.without_librosa(truth, prediction)
    yield first, "two", "wav", (), lambda: field.two_ears(truth, prediction, 48000)
    words = ("--normalization", "true", "--metrics", "M1,M2,M3,M4")
    yield f"{first}, normalised", "two", "wav", words, lambda: {
        key: value
        for key, value in stereo.two_channels(truth, prediction, 48000, "0.9", True).items()
        if key[:2] in ("M1", "M2", "M3", "M4") and not key.startswith("M12")
    }


def four_channels(signals):
    rate = 16000
    truth, prediction = field.demo(rate)
    short = truth[:, : 3 * rate // 10], prediction[:, : 3 * rate // 10]
    signals.write("four", truth, prediction, rate)
    signals.write("short", *short, rate)
    four = field.four_channels(truth, prediction, rate)
    angle = {"M8": four.pop("M8")}
    yield "four channels", "four", "wav", (), lambda: four
    yield "four channels, asked for", "four", "wav", ("--metrics", "M8"), lambda: angle
    words = ("--metrics", "M10")
    yield "four channels, 0.3 s", "short", "wav", words, lambda: field.m10(*short, rate)


def rooms(signals):
    pair = room.demo_responses(signals.folder)
    for family in room.RT60:  # the other measures are the same in each
        words = ("--metrics", "M11", "--rt60-family", family)
        yield f"response, {family}", "response", "wav", words, lambda f=family: {
            key: value
            for key, value in room.m11(*pair, f).items()
            if f == "crossings" or "rt60" in key
        }
    labels = [room.demo_labels(signals.folder)]
    for year in (2024, 2023):
        words = ("--seld-classes", "13", "--seld-year", str(year))
        yield f"labels, {year}", "labels", "csv", words, lambda y=year: room.m8(labels, y, 13)
    paths, fps = room.demo_paths(signals.folder)
    yield "trajectories", "path", "csv", (), lambda: room.paths([paths], fps)


def source(label, key):
    """The code that a metric comes from."""
    if label.startswith("two") and key in stereo.SOURCES:
        return stereo.SOURCES[key]
    if label.startswith(("two", "four")):
        return field.source(key)
    return room.source(label, key)


def relative(value, reference):
    if value is None or not np.isfinite(reference):
        return 0.0 if value is None and not np.isfinite(reference) else np.inf
    return abs(value - reference) / max(abs(reference), 1e-3)


def shown(value):
    return "null" if value is None or not np.isfinite(value) else f"{value:.9g}"


def print_row(label, key, ours, reference):
    """True where all is near enough."""
    off, code = relative(ours, reference), CODE.get((label, key))
    if code is not None:
        off = max(off, relative(ours, code))
    near = off <= (AUC_LIMIT if "_auc" in key else LIMIT)
    theirs = "" if code is None else f"{code:.9g}"
    words = [f"`{key}` ({label})", source(label, key), shown(ours), shown(reference), theirs]
    print("| " + " | ".join([*words, f"{off:.1e}" if near else f"**{off:.1e}**"]) + " |", flush=True)
    return near


def run(program, folder):
    """The number of rows, how many are too far off, and what was left out."""
    signals, rows, far, missing, printed = Signals(program, folder), 0, 0, {}, set()
    for kind in (two_channels, four_channels, rooms):
        for label, name, ending, words, restate in kind(signals):
            try:
                reference = restate()
            except ModuleNotFoundError as error:
                missing.setdefault(error.name, []).append(label)
                continue
            ours = signals.judge(name, ending, label, words)
            for key, value in reference.items():
                if (label, key) not in printed:
                    printed.add((label, key))
                    rows += 1
                    far += not print_row(label, key, ours[key], value)
    return rows, far, missing


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: published_numbers.py V2S-INFER [FOLDER]")
    print("| metric (signals) | reference code | v2s-infer | re-statement | the code itself | off |")
    print("|---|---|---|---|---|---|")
    if len(sys.argv) == 3:
        os.makedirs(sys.argv[2], exist_ok=True)
        rows, far, missing = run(sys.argv[1], sys.argv[2])
    else:
        with tempfile.TemporaryDirectory() as folder:
            rows, far, missing = run(sys.argv[1], folder)
    print(f"\n{rows} numbers, {far} of them too far off")
    for package, labels in missing.items():
        print(f"left out without Python's {package} (pip install {package}): " + "; ".join(labels))
    sys.exit(1 if far else 0)


if __name__ == "__main__":
    main()
