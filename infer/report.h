// SPDX-License-Identifier: MIT
// The HTML report of a render: one self-contained page (no network), made from plain data.
//
// The page shows the summary, every warning, frames with boxes, azimuth / elevation / distance /
// confidence over time, a top view, energy maps of the output with the object's true direction
// marked, and players. Everything is borrowed for the call.
//
// Times are seconds after the beginning of the players' sounds (negative ones are shown, but cannot
// be heard); one axis spans all of them. A click on plots, pictures or maps moves the players
// there. Texts may hold anything: they are escaped, and what is not UTF-8 becomes U+FFFD. NULL and
// zero counts leave a part out; values that are no finite numbers leave gaps in the curves. Curves
// are thinned to 2000 points that keep the extremes. A page is about 0.1 MB for each object and
// map, and 4/3 of the size of its pictures and sounds.
#ifndef V2S_INFER_REPORT_H
#define V2S_INFER_REPORT_H

#include <stddef.h>

#include "kernels/base/status.h"
#include "spatial/tracker.h"
#include "spatial/trajectory.h"

typedef struct v2s_report_row {
    const char *label; // "field of view"
    const char *value; // "60.0 deg (assumed: no option, no metadata)"
} v2s_report_row;

typedef struct v2s_report_frame {
    double time_s;
    const unsigned char *jpeg; // boxes already drawn
    size_t jpeg_size;
} v2s_report_frame;

typedef struct v2s_report_state {
    double time_s;
    v2s_track_state state;
    double confidence; // of the tracker, 0..1
} v2s_report_state;

typedef struct v2s_report_object {
    const v2s_trajectory *trajectory; // what was rendered; its name is shown
    // One per picture, times ascending: confidence and what was lost. NULL where a trajectory was
    // given, then the confidence of its points is shown.
    const v2s_report_state *states;
    size_t state_count;
} v2s_report_object;

typedef struct v2s_report_map {
    double time_s; // middle of the stretch
    double length_s;
    // [90][180], spatial/energy_map.h: amplitude, row 0 top, column 0 left. Each map is drawn
    // against its own maximum; captions give its level against the loudest of all.
    const float *map;
} v2s_report_map;

typedef struct v2s_report_player {
    const char *label; // "binaural preview (headphones)"
    const char *mime;  // "audio/ogg"
    const char *note;  // "first 600 s of 3600 s", or NULL
    const unsigned char *bytes;
    size_t size;
} v2s_report_player;

typedef struct v2s_report {
    const char *title;   // "cockatoo.mp4"
    const char *command; // the command line that made it
    const char *version;
    const v2s_report_row *rows;
    size_t row_count;
    const char *const *warnings;
    size_t warning_count;
    const v2s_report_frame *frames;
    size_t frame_count;
    const v2s_report_object *objects;
    size_t object_count;
    const v2s_report_map *maps;
    size_t map_count;
    const v2s_report_player *players;
    size_t player_count;
} v2s_report;

// Writes the page under `path`, complete or not at all. IO with the reason, NOMEM.
V2S_MUST_USE v2s_status v2s_report_write(const char *path, const v2s_report *report);

#endif
