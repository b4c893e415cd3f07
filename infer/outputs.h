// SPDX-License-Identifier: MIT
// Where the rendered sound goes: the ambisonic file, the binaural and stereo previews, and the
// measurements of the summary. Nothing appears under a final name before commit.
#ifndef V2S_INFER_OUTPUTS_H
#define V2S_INFER_OUTPUTS_H

#include "data/sound_out.h"
#include "infer/map_log.h"
#include "infer/run_log.h"
#include "infer/settings.h"
#include "spatial/binaural.h"

typedef struct v2s_outputs v2s_outputs;

typedef struct v2s_outputs_config {
    const v2s_settings *settings; // paths and format; borrowed
    const char *binaural_path;    // --binaural, or a temporary file for the report, or NULL
    v2s_binaural *binaural;       // used if binaural_path; borrowed
    double rate_hz;
    int channels;
    int64_t frames_expected; // -1 unknown
} v2s_outputs_config;

V2S_MUST_USE v2s_status v2s_outputs_open(const v2s_outputs_config *config, v2s_outputs **outputs);

// ambi[frames][channels].
V2S_MUST_USE v2s_status v2s_outputs_write(v2s_outputs *outputs, const float *ambi, size_t frames);

// Finishes every file and adds the rows and keys: duration, layout, peak, loudness, gain.
V2S_MUST_USE v2s_status v2s_outputs_commit(v2s_outputs *outputs, v2s_run_log *log);

double v2s_outputs_duration_s(const v2s_outputs *outputs);
const v2s_map_log *v2s_outputs_maps(const v2s_outputs *outputs);

void v2s_outputs_close(v2s_outputs **outputs);

#endif
