// SPDX-License-Identifier: MIT
// Miniatures of data sets of labelled first-order sounds: plane waves of noise from known
// directions. Names are below the test's folder; folders are made.
#ifndef V2S_TESTS_SUPPORT_MAKE_SELD_H
#define V2S_TESTS_SUPPORT_MAKE_SELD_H

#include <stddef.h>

#include "spatial/layout_guess.h"

typedef struct v2s_test_source {
    double start_s, end_s;
    double az_deg, el_deg;
    double turn_deg_s; // of the azimuth
} v2s_test_source;

typedef struct v2s_test_field {
    int rate_hz;
    double duration_s;
    v2s_layout layout; // of the file
    size_t count;
    const v2s_test_source *sources;
} v2s_test_field;

void v2s_test_make_folder(const char *name); // and those above it

// Float WAV with four channels; where no source sounds there is noise 80 dB below.
void v2s_test_make_field(const char *name, const v2s_test_field *field);

// The sources one by one, dry, in one channel.
void v2s_test_make_dry(const char *name, const v2s_test_field *field);

// Rows "frame,class,source,az,el" for the sources (class and source are their number), rounded to
// degrees; azimuths are `off_deg` wrong. With distance_cm > 0 a sixth column.
void v2s_test_make_rows(const char *name, const v2s_test_field *field, double off_deg,
                        double distance_cm);

// Any text file.
void v2s_test_make_text(const char *name, const char *text);

#define V2S_TEST_LFS_POINTER                                                                       \
    "version https://git-lfs.github.com/spec/v1\n"                                                 \
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"

#endif
