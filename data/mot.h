// SPDX-License-Identifier: MIT
// MOT Challenge lines: `frame,id,x,y,w,h,conf,-1,-1,-1`, frame from 1, top left pixel (1, 1)
// (Milan, Leal-Taixe, Reid, Roth, Schindler, "MOT16: A Benchmark for Multi-Object Tracking",
// 2016, section 3.3). Boxes here are 0-based: x_mot = x + 1.
#ifndef V2S_DATA_MOT_H
#define V2S_DATA_MOT_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/base/file_out.h"
#include "kernels/base/status.h"
#include "spatial/picture.h"

typedef struct v2s_mot_row {
    int64_t frame; // from 1
    int id;
    v2s_box box; // 0-based pixels
    double confidence;
} v2s_mot_row;

// Reads 6 to 10 columns a line, separated by commas or blanks; empty lines and lines that begin
// with # are skipped. A missing or negative confidence is 1. Rows come sorted by (frame, id); the
// caller frees them with free(). FORMAT names line and field: not a finite number, frame < 1, size
// <= 0, or (frame, id) twice; also for a file without a single row.
V2S_MUST_USE v2s_status v2s_mot_read(const char *path, v2s_mot_row **rows, size_t *count);

// Ten columns, in as few digits as give every number back; x and y lose at most the rounding of
// the addition of 1.
V2S_MUST_USE v2s_status v2s_mot_write(v2s_file_out *f, const v2s_mot_row *rows, size_t count);

#endif
