// SPDX-License-Identifier: MIT
// Lists, directions and arrays of YT-Ambigen (train/prepare_ytambigen.c tells the layout).
#ifndef V2S_TRAIN_YTAMBIGEN_H
#define V2S_TRAIN_YTAMBIGEN_H

#include "train/prepare.h"

// ---- lists and directions (ytambigen_lists.c) -------------------------------------------------

typedef struct v2s_ytambigen_item {
    const char *id; // "<video>_<second>"
    v2s_split split;
} v2s_ytambigen_item;

typedef struct v2s_ytambigen_label {
    const char *id;
    bool pair; // it is [number, number]
    double elevation, azimuth;
} v2s_ytambigen_label;

typedef struct v2s_ytambigen_lists {
    size_t count, room, label_count;
    v2s_ytambigen_item *items;   // train, valid, test, in the order of their rows
    v2s_ytambigen_label *labels; // by id
    void *json;                  // holds the labels' ids
    size_t listed[V2S_SPLIT_COUNT];
} v2s_ytambigen_lists;

// Rows and lists that cannot be used are skipped. IO, FORMAT: no list at all, or ambi.json cannot
// be used; without directions nothing can.
V2S_MUST_USE v2s_status v2s_ytambigen_lists_read(v2s_prepare *p, v2s_ytambigen_lists *lists);
void v2s_ytambigen_lists_free(v2s_ytambigen_lists *lists); // accepts a zeroed one

// FORMAT, in the form of a reason: no label, not two numbers, out of 0..90 and 0..180.
V2S_MUST_USE v2s_status v2s_ytambigen_direction(const v2s_ytambigen_lists *lists, const char *id,
                                                v2s_vec3 *unit);

// ---- arrays (ytambigen_array.c) ---------------------------------------------------------------

typedef struct v2s_ytambigen_array {
    double rate_hz;
    bool guessed; // no usual rate makes 5 s of it
    size_t frames;
    float *samples; // [frames][4]
} v2s_ytambigen_array;

// IO, FORMAT, NUMERIC, NOMEM. Free with v2s_ytambigen_array_free.
V2S_MUST_USE v2s_status v2s_ytambigen_array_read(const char *path, v2s_ytambigen_array *a);
V2S_MUST_USE v2s_status v2s_ytambigen_array_write(const char *wav, const v2s_ytambigen_array *a);
// What a survey of the same samples in a file would say; nothing in it is owned.
void v2s_ytambigen_array_survey(const v2s_ytambigen_array *a, v2s_sound_survey *survey);
void v2s_ytambigen_array_free(v2s_ytambigen_array *a); // accepts a zeroed one

#endif
