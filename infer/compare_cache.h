// SPDX-License-Identifier: MIT
// compare --cache FOLDER: what a clip's scores depend on, as a key of infer/score_cache.h.
//
// A score is found again only where all of this is as it was:
//
//   run     this program (every byte of its file), instruction set, device and precision; metrics,
//           normalization and padding; the head's responses; the systems in their order, and every
//           byte of their checkpoints
//   clip    its pairing, start, duration, layout, RT60, DRR, free field, the rule for recordings
//           and the gain that it gave; which files it names, their sizes and times of change
//
// Names, rooms and the bootstrap's options are not in it: they do not change a clip's scores. What
// failed is not stored: it is tried again. Surveys of recordings, from which their gains come, are
// stored likewise, and depend on the program and on the clip alone.
#ifndef V2S_INFER_COMPARE_CACHE_H
#define V2S_INFER_COMPARE_CACHE_H

#include "infer/compare.h"
#include "infer/score_cache.h"
#include "kernels/device.h"

typedef struct v2s_compare_cache {
    v2s_score_cache *store;
    v2s_digest program, run;
} v2s_compare_cache;

// `dev` NULL: there is no refiner. What v2s_score_cache_open reports; IO: a checkpoint or the
// program's file cannot be read. `cache` is untouched on failure.
V2S_MUST_USE v2s_status v2s_compare_cache_open(const v2s_settings *settings,
                                               const v2s_judge_options *options,
                                               const v2s_systems *systems, const v2s_device *dev,
                                               v2s_compare_cache *cache);
void v2s_compare_cache_close(v2s_compare_cache *cache); // accepts a zeroed one

// The keys of a clip's scores (recorded and dipole_gain are settled) and of its survey. IO: a file
// of the clip is not there.
V2S_MUST_USE v2s_status v2s_compare_cache_score_key(const v2s_compare_cache *cache,
                                                    const v2s_clip_result *result, v2s_digest *key);
V2S_MUST_USE v2s_status v2s_compare_cache_survey_key(const v2s_compare_cache *cache,
                                                     const v2s_clip_result *result,
                                                     v2s_digest *key);

#endif
