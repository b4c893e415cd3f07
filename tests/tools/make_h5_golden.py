# SPDX-License-Identifier: MIT
# Lists of strings as h5py writes them: tests/data/golden/h5/*.h5, for tests/data/test_h5_strings.c.
# Run from the repository's root: python tests/tools/make_h5_golden.py
import h5py
import numpy as np

PATHS = [b"/authors/disk/FAIR-Play/binaural_audios/000001.wav",
         b"/authors/disk/FAIR-Play/binaural_audios/000300.wav",
         b"/x/1871.wav"]
FOLDER = "tests/data/golden/h5/"

with h5py.File(FOLDER + "fixed.h5", "w", libver="earliest") as f:
    f["audio"] = np.array(PATHS)  # numpy's S50: fixed length, zero-padded
    f["numbers"] = np.arange(3)
    f["table"] = np.array([[b"a", b"b"], [b"c", b"d"]])
    f["none"] = np.array([], dtype="S4")
with h5py.File(FOLDER + "variable.h5", "w", libver="earliest") as f:
    f.create_dataset("audio", data=PATHS, dtype=h5py.special_dtype(vlen=bytes))
    f.create_dataset("utf8", data=["ä.wav", ""], dtype=h5py.special_dtype(vlen=str))

# The three lists of a split of FAIR-Play, for tests/train/test_prepare_fairplay.c.
LISTS = {"train": (1, 2, 3, 4, 5), "val": (6, 7), "test": (8,)}
for name, numbers in LISTS.items():
    paths = [b"/authors/data/disk/FAIR-Play/binaural_audios/%06d.wav" % n for n in numbers]
    with h5py.File(FOLDER + name + ".h5", "w", libver="earliest") as f:
        f["audio"] = np.array(paths)
