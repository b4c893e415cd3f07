// SPDX-License-Identifier: MIT
// Trajectories as a CSV file that people may edit.
//
//   # v2s trajectory 1: az_deg counter-clockwise (left +), el_deg up +, dist_m
//   time_s,object,az_deg,el_deg,dist_m,confidence
//   0.000000,1,12.500000,0.000000,2.000000,1.000000
//
// Written with 6 decimals (1 us, 1e-6 deg, 1 um), objects one after the other. On reading: the
// columns may stand in any order and others may be added (they are ignored); the comment line may
// be missing, but if it names another version the file is refused; blank lines and lines that begin
// with # are skipped; CRLF, spaces around fields, a byte order mark and "quoted" names are
// accepted; rows of several objects may interleave. Refused, with line and column: times of one
// object that do not increase, anything not a number, |el| > 90, distance outside (0, 1e6],
// confidence outside 0..1, |time| > 1e9, an empty or too long name, more
// than 1000 objects, no rows. Any finite azimuth is
// taken and wrapped.
#ifndef V2S_DATA_TRAJECTORY_CSV_H
#define V2S_DATA_TRAJECTORY_CSV_H

#include "kernels/base/file_out.h"
#include "spatial/trajectory.h"

// Objects in the order of their first row; the caller frees `set`, which is left untouched on
// failure. IO, FORMAT, UNSUPPORTED (version), NOMEM.
V2S_MUST_USE v2s_status v2s_trajectory_csv_read(const char *path, v2s_trajectory_set *set);

// Writes comment, header and rows; the caller commits. Points whose rounded time is not later than
// the one before are left out. ARG for a name that cannot be written (empty, control characters).
V2S_MUST_USE v2s_status v2s_trajectory_csv_write(v2s_file_out *f, const v2s_trajectory_set *set);

// Makes the points exactly (bit for bit) what writing and reading back would give, so that a render
// from memory equals one from the file.
void v2s_trajectory_quantise(v2s_trajectory *t);

#endif
