#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the small SOFA files of tests/data/golden: python3 make_sofa.py FOLDER (needs netCDF4, numpy).

Response of ear e in direction m: an impulse of height (m + 1) / 10 (the far ear a tenth of it) at
sample 4, or 4 + Data.Delay once the reader has applied it. The directions are front, left,
right, back, up.
"""
import sys

import netCDF4
import numpy as np

UNITS = np.array([[1, 0, 0], [0, 1, 0], [0, -1, 0], [-1, 0, 0], [0, 0, 1]], float)
SPHERICAL = np.array([[0, 0, 1.2], [90, 0, 1.2], [270, 0, 1.2], [180, 0, 1.2], [0, 90, 1.2]], float)
TAPS = 16


def responses(receivers):
    ir = np.zeros((len(UNITS), receivers, TAPS))
    for m, u in enumerate(UNITS):
        for e in range(receivers):
            far = u[1] < 0 if e == 0 else u[1] > 0
            ir[m, e, 4] = (m + 1) / 10 * (0.1 if far else 1.0)
    return ir


def write(path, positions=SPHERICAL, kind="spherical", unit="degree, degree, metre",
          delay=((0.0, 0.0),), receivers=2):
    f = netCDF4.Dataset(path, "w", format="NETCDF4")
    f.setncatts({
        "Conventions": "SOFA", "Version": "1.0", "SOFAConventions": "SimpleFreeFieldHRIR",
        "SOFAConventionsVersion": "1.0", "DataType": "FIR", "RoomType": "free field",
        "DatabaseName": "made", "ListenerShortName": "points", "Title": "none"})
    sizes = {"M": len(UNITS), "R": receivers, "N": TAPS, "E": 1, "I": 1, "C": 3}
    for name, size in sizes.items():
        f.createDimension(name, size)

    def add(name, data, axes, **attributes):
        v = f.createVariable(name, "f8", tuple(axes))
        v[:] = np.asarray(data, float)
        v.setncatts(attributes)

    add("Data.IR", responses(receivers), "MRN")
    add("Data.SamplingRate", [48000], "I", Units="hertz")
    add("Data.Delay", delay, "IR" if len(delay) == 1 else "MR")
    add("SourcePosition", positions, "MC", Type=kind, Units=unit)
    add("ListenerPosition", [[0, 0, 0]], "IC", Type="cartesian", Units="metre")
    add("ListenerView", [[1, 0, 0]], "IC", Type="cartesian", Units="metre")
    add("ListenerUp", [[0, 0, 1]], "IC", Type="cartesian", Units="metre")
    ears = np.zeros((receivers, 3, 1))
    ears[0, 1] = 0.09
    ears[-1, 1] = -0.09
    add("ReceiverPosition", ears, "RCI", Type="cartesian", Units="metre")
    add("EmitterPosition", np.zeros((1, 3, 1)), "ECI", Type="cartesian", Units="metre")
    f.close()


def main(folder):
    write(f"{folder}/points.sofa")
    write(f"{folder}/points_cartesian.sofa", UNITS * 1.2, "cartesian", "metre")
    delays = [[0, 0], [3, 40], [40, 3], [0.5, 0.5], [10.25, 10.25]]
    write(f"{folder}/points_delays.sofa", delay=delays)
    write(f"{folder}/points_three_ears.sofa", receivers=3, delay=[[0, 0, 0]])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tests/data/golden")
