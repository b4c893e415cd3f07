#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a miniature of every published data set that `v2s-train prepare` reads, in the layout and
with the file names of its archive, to try README's commands on: a few seeded seconds each, bursts of
noise as plane waves, echoes of walls. In each of the ten but BatVision (whose check is the file) and
FAIR-Play (which has no directions) one recording's sound comes from elsewhere than its label says.

usage: make_miniature_sets.py FOLDER          (needs numpy, scipy; h5py for FAIR-Play's own splits)
"""
import json
import os
import sys

import numpy as np
import scipy.io.wavfile

RNG = np.random.default_rng(1)


def write_text(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def write_sound(path, rate, sound):
    """[samples] or [samples][channels], 16 bit."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    scipy.io.wavfile.write(path, rate, np.round(32767 * np.clip(sound, -1, 1)).astype(np.int16))


def write_array(path, array):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    np.save(path, array)


def bursts(rate, seconds):
    """Noise that comes and goes four times a second, as syllables do."""
    t = np.arange(round(rate * seconds)) / rate
    return 0.1 * RNG.standard_normal(len(t)) * (0.3 + np.sin(np.pi * 4 * t) ** 2)


def unit(azimuth, elevation):
    a, e = np.radians(azimuth), np.radians(elevation)
    return np.stack([np.cos(a) * np.cos(e), np.sin(a) * np.cos(e), np.sin(e) + 0 * a])


def wave(sound, azimuth, elevation):
    """AmbiX [samples][4], with a little noise from everywhere."""
    x, y, z = unit(azimuth, elevation)
    foa = np.stack([sound, sound * y, sound * z, sound * x], 1)
    return foa + 0.003 * RNG.standard_normal(foa.shape)


def recordings(folds):
    """(split folder, fold, number, azimuth of the label, of the sound): the last one is wrong."""
    rows = []
    for split, fold in folds:
        for number in range(1, 4):
            azimuth = 70 * len(rows) % 360 - 180
            rows.append((split, fold, number, azimuth, azimuth))
    split, fold, _, azimuth, _ = rows[1]
    return rows + [(split, fold, 4, azimuth, azimuth + 90)]


def dcase(root, folds, distance):
    """Two sources one after the other, 3 s each, and half a second of both."""
    for split, fold, number, label, truth in recordings(folds):
        name = f"{split}/fold{fold}_room{number + 10 * split.endswith('tau')}_mix00{number}"
        first, second = bursts(24000, 3.5), bursts(24000, 3)
        sound = np.zeros((6 * 24000, 4))
        sound[: len(first)] += wave(first, truth, 10)
        sound[-len(second) :] += wave(second, truth + 120, -10)
        write_sound(f"{root}/foa_dev/{name}.wav", 24000, sound)
        end = (",150", ",220") if distance else ("", "")
        other = (label + 120 + 180) % 360 - 180
        rows = [(f, f"{f},2,0,{label},10{end[0]}\n") for f in range(35)]
        rows += [(f, f"{f},5,0,{other},-10{end[1]}\n") for f in range(30, 60)]
        write_text(f"{root}/metadata_dev/{name}.csv", "".join(r for _, r in sorted(rows)))


def tau2019(root):
    folds = [("", s) for s in (1, 2, 3, 4)]
    for _, split, number, label, truth in recordings(folds):
        name = f"split{split}_ir{number}_ov1_{number}"
        sound = np.zeros((4 * 48000, 4))
        sound[24000:168000] = wave(bursts(48000, 3), truth, 20)
        write_sound(f"{root}/foa_dev/{name}.wav", 48000, sound)
        header = "sound_event_recording,start_time,end_time,ele,azi,dist\n"
        write_text(f"{root}/metadata_dev/{name}.csv", f"{header}speech,0.5,3.5,20,{label},1\n")


def ytambigen(root):
    codes = {}
    for name, count in (("train", 5), ("valid", 2), ("test", 2)):
        ids = [f"{name:_<10}{i}_{5 * i}" for i in range(count)]
        write_text(f"{root}/{name}.csv", "id\n" + "".join(f"{i}.npy\n" for i in ids))
        for i, clip in enumerate(ids):
            codes[clip] = [40, 30 + 20 * i]  # elevation, azimuth
            truth = 2 * codes[clip][1] - 179 + (90 if name == "train" and i == 0 else 0)
            write_sound(f"{root}/audio/{clip}.wav", 16000, wave(bursts(16000, 5), truth, 9))
    write_text(f"{root}/ambi.json", json.dumps(codes))


def fairplay(root):
    lists = {"train": range(1, 7), "val": range(7, 9), "test": range(9, 12)}
    for i in range(1, 12):
        sound, lag = bursts(16000, 2), i  # the right ear hears it later and softer
        ears = np.stack([sound, 0.6 * np.roll(sound, lag)], 1)
        write_sound(f"{root}/binaural_audios/{i:06d}.wav", 16000, ears)
    for name, numbers in lists.items():
        write_text(f"{root}/new_splits/split1/{name}.txt", "".join(f"{i:06d}.mp3\n" for i in numbers))
        try:
            import h5py
        except ModuleNotFoundError:
            continue
        os.makedirs(f"{root}/splits/split1", exist_ok=True)
        with h5py.File(f"{root}/splits/split1/{name}.h5", "w") as f:
            f["audio"] = np.array([b"/authors/binaural_audios/%06d.wav" % i for i in numbers])


def room_response(away):
    """[samples][9], N3D, 44.1 kHz: the first sound from `away` (axes of the mesh, front +y), a tail."""
    distance = np.linalg.norm(away)
    x, y, z = away[1] / distance, -away[0] / distance, away[2] / distance
    h, tail = np.zeros((22050, 9)), 20000
    arrival = round(44100 * distance / 343)
    h[arrival, :4] = np.array([1, np.sqrt(3) * y, np.sqrt(3) * z, np.sqrt(3) * x]) / distance
    decay = 10 ** (-3 * np.arange(tail) / 44100 / 0.45)
    h[arrival + 200 : arrival + 200 + tail] = 0.01 * RNG.standard_normal((tail, 9))[
        : len(h) - arrival - 200
    ] * decay[: len(h) - arrival - 200, None]
    return h.astype(np.float32)


def soundspaces(root):
    places = np.array([[0, 0, 0], [2, 0, 0], [1, 1.5, 0], [0.3, 2.5, 0]])
    for scene in ("apartment_0", "office_1", "office_2", "room_0", "room_1", "room_2"):
        rows = [f"{i}\t{p[0]}\t{p[1]}\t{p[2]}\n" for i, p in enumerate(places)]
        write_text(f"{root}/data/metadata/replica/{scene}/points.txt", "".join(rows))
        folder = f"{root}/data/ambisonic_rirs/replica/{scene}/irs"
        os.makedirs(folder)
        for r, s in ((0, 1), (1, 2), (2, 3), (3, 0), (2, 0)):
            away = places[s] - places[r]
            wrong = scene == "office_1" and r == 0
            h = room_response(-away if wrong else away)
            scipy.io.wavfile.write(f"{folder}/{r}_{s}.wav", 44100, h)
    for i in range(8):
        write_sound(f"{root}/data/sounds/1s_all/sound{i}.wav", 44100, bursts(44100, 1))


def echo(distance):
    """A chirp at two ears and its echo."""
    t = np.arange(132) / 44100
    chirp = np.sin(2 * np.pi * (20 * t + (20000 - 20) / (2 * 0.003) * t**2))
    sound = 0.002 * RNG.standard_normal((3200, 2))
    at = round(2 * distance / 340 * 44100)
    sound[:132] += 0.5 * chirp[:, None]
    sound[at : at + 132] += 0.3 * chirp[:, None] / distance
    return sound


def batvision1(root):
    for split, count in (("train", 6), ("val", 2), ("test", 2)):
        rows = ["depth path,audio path left,audio path right\n"]
        for i in range(count):
            distance = 1 + i
            names = [f"{kind}/{split}_{i}.npy" for kind in ("depth", "left", "right")]
            rows.append(",".join(names) + "\n")
            write_array(f"{root}/{names[0]}", np.full((72, 128), 1000.0 * distance, np.float32))
            for name, ear in zip(names[1:], echo(distance).T):
                write_array(f"{root}/{name}", np.round(32767 * ear).astype(np.int16))
        write_text(f"{root}/{split}.csv", "".join(rows))


def batvision2(root):
    for split, count in (("train", 6), ("val", 2), ("test", 2)):
        rows = ["depth path,depth file name,audio path,audio file name\n"]
        for i in range(count):
            depth, sound = f"depth_{split}{i}.npy", f"audio_{split}{i}.wav"
            rows.append(f"Attic/depth,{depth},Attic/audio,{sound}\n")
            write_array(f"{root}/Attic/depth/{depth}", np.full((72, 128), 1000 * (1 + i), np.uint16))
            write_sound(f"{root}/Attic/audio/{sound}", 44100, echo(1 + i))
        write_text(f"{root}/Attic/{split}.csv", "".join(rows))


def pairs(root):
    for i in range(8):
        sound, azimuth = bursts(16000, 3), 45 * i - 180
        write_sound(f"{root}/foa/take{i}.wav", 16000, wave(sound, azimuth + (90 if i == 3 else 0), 0))
        write_sound(f"{root}/mono/take{i}.wav", 16000, sound)
        head = "time_s,object,az_deg,el_deg,dist_m,confidence\n"
        write_text(f"{root}/traj/take{i}.csv", head + f"0,1,{azimuth},0,1,1\n3,1,{azimuth},0,1,1\n")
    split = ["train"] * 5 + ["val"] + ["test"] * 2
    write_text(f"{root}/splits.csv", "name,split\n" + "".join(f"take{i},{s}\n" for i, s in enumerate(split)))


STARSS = [("dev-train-sony", 3), ("dev-train-tau", 3), ("dev-test-tau", 4)]
TAU = [("dev-train", 1), ("dev-val", 5), ("dev-test", 6)]
SETS = {
    "TAU2019": tau2019,
    "TAU2021": lambda root: dcase(root, TAU, False),
    "STARSS22": lambda root: dcase(root, STARSS, False),
    "STARSS23": lambda root: dcase(root, STARSS, True),
    "YT-Ambigen": ytambigen,
    "FAIR-Play": fairplay,
    "SoundSpaces": soundspaces,
    "BatVision_V1": batvision1,
    "BatVision_V2": batvision2,
    "MINE": pairs,
}

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: make_miniature_sets.py FOLDER")
    for set_name, make in SETS.items():
        make(f"{sys.argv[1]}/{set_name}")
