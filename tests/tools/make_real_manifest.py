#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes a manifest of the real recordings for `v2s-infer compare`: AmbiX float WAV files,
trajectories and real.jsonl ("recorded": true, so the rule for real recordings holds).

  chapman      a voice at 26 known directions: each utterance is a clip with the direction of the
               list that is nearest to its intensity vector
  BF_rec2,3    stretches of SECONDS (2), direction = intensity vector of the stretch (FuMa files)
  yt360-*      the same (ready AmbiX files)
  tau2019sse   the second that there is, with its label

usage: make_real_manifest.py FOA_FOLDER OUT [SECONDS]          (needs numpy, soundfile, and ffmpeg)
Chapman's file and the scripted yt360 one were panned, not recorded in a room: "free_field".
then:  v2s-infer compare OUT/real.jsonl --refiner FILE
"""
import json
import os
import subprocess
import sys

import numpy as np
import soundfile as sf



def ambix_from_fuma(x):
    return np.stack([x[:, 0] * np.sqrt(2), x[:, 2], x[:, 3], x[:, 1]], 1)


def unit(az, el):
    az, el = np.radians(az), np.radians(el)
    return np.array([np.cos(az) * np.cos(el), np.sin(az) * np.cos(el), np.sin(el)])


def intensity(x):
    """Unit vector (front, left, up) to where AmbiX sound comes from."""
    i = (x[:, :1] * x[:, [3, 1, 2]]).sum(0)
    return i / max(np.linalg.norm(i), 1e-30)


def angles(u):
    return np.degrees(np.arctan2(u[1], u[0])), np.degrees(np.arcsin(np.clip(u[2], -1, 1)))


class Writer:
    def __init__(self, out, stretch_s):
        self.out, self.stretch_s, self.lines = out, stretch_s, []
        os.makedirs(out, exist_ok=True)

    def sound(self, name, x, rate):
        sf.write(f"{self.out}/{name}.wav", x.astype(np.float32), rate, subtype="FLOAT")

    def clip(self, name, number, start_s, duration_s, az, el, distance_m=2.0):
        key = f"{name}-{number:02d}"
        with open(f"{self.out}/{key}.csv", "w", encoding="ascii") as f:
            f.write("time_s,object,az_deg,el_deg,dist_m,confidence\n")
            f.write(f"0,1,{az:.6f},{el:.6f},{distance_m:.6f},1\n")
        self.lines.append(
            {
                "id": key,
                "split": "test",
                "pairing": "omni",
                "truth": f"{name}.wav",
                "trajectory": f"{key}.csv",
                "start_s": round(start_s, 6),
                "duration_s": round(duration_s, 6),
                "source": name,
                "recorded": True,
                "free_field": name in ("chapman", "yt360-scripted"),
            }
        )

    def stretches(self, name, x, rate):
        self.sound(name, x, rate)
        n = int(self.stretch_s * rate)
        for i in range(len(x) // n):
            az, el = angles(intensity(x[i * n : (i + 1) * n]))
            self.clip(name, i + 1, i * self.stretch_s, self.stretch_s, az, el)


def utterances(w, rate):
    """Stretches of at least 0.25 s between pauses of at least 0.35 s."""
    hop = rate // 100
    level = np.sqrt((w[: len(w) // hop * hop].reshape(-1, hop) ** 2).mean(1))
    loud = level > 0.02 * level.max()
    out, start, last = [], None, None
    for i, is_loud in enumerate(np.append(loud, np.zeros(40, bool))):
        if is_loud:
            start = i if start is None else start
            last = i
        elif start is not None and i - last > 35:
            if last - start > 25:
                out.append((start * hop, (last + 1) * hop))
            start = None
    return out


def chapman(w, path):
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", path, "-map", "0:a:0", "-f", "f32le", "-"],
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    rate, x = 48000, ambix_from_fuma(np.frombuffer(raw, np.float32).reshape(-1, 4))
    known = [(az, el) for el in (30, 0, -30) for az in (45, 0, -45, 90, -90, 135, 180, -135)]
    known += [(0, 90), (0, -90)]
    vectors = np.stack([unit(*k) for k in known])
    w.sound("chapman", x, rate)
    for i, (a, b) in enumerate(utterances(x[:, 0], rate)):
        cosines = vectors @ intensity(x[a:b])
        best = int(np.argmax(cosines))
        print(
            f"chapman {i + 1}: {a / rate:.2f} .. {b / rate:.2f} s, az {known[best][0]} "
            f"el {known[best][1]}, measured {np.degrees(np.arccos(cosines[best])):.0f} deg off"
        )
        w.clip("chapman", i + 1, a / rate, (b - a) / rate, *known[best])


def main():
    folder, out = sys.argv[1:3]
    w = Writer(out, float(sys.argv[3]) if len(sys.argv) > 3 else 2.0)
    chapman(w, f"{folder}/fuma_speech_positions_chapman.mp4")
    for name in ("BF_rec2", "BF_rec3"):
        x, rate = sf.read(f"{folder}/jsambisonics/{name}.ogg", always_2d=True)
        w.stretches(name, ambix_from_fuma(x), rate)
    for name, file in (("yt360-clip", "kqAZkf5Odyw-80"), ("yt360-scripted", "redownloaded_from_YT")):
        x, rate = sf.read(f"{folder}/yt360-order/{file}.ambix_wyzx.flac", always_2d=True)
        w.stretches(name, x, rate)
    x, rate = sf.read(f"{folder}/tau2019sse/foa_dev/split1_ir0_ov1_1.wav", always_2d=True)
    w.sound("tau2019sse", x, rate)
    w.clip("tau2019sse", 1, 0, len(x) / rate, -10, -10)
    with open(f"{out}/real.jsonl", "w", encoding="ascii") as f:
        for line in w.lines:
            f.write(json.dumps(line) + "\n")
    print(f"{len(w.lines)} clips in {out}/real.jsonl")


main()
