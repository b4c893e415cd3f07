// SPDX-License-Identifier: MIT
// compare --pred A.wav --truth B.wav --metrics M11: two impulse responses of rooms.
//
// One channel; of four (AmbiX) W is judged, the sound pressure; of two, the ears, each is judged
// and every number is the mean of the ears that have it.
//
// Two folders: their .wav of one name, in whatever subfolder; every number is the mean of the pairs
// in which it is defined, as the papers' evaluations do.
//
// JSON      metrics.M11_rt60_percent, M11_rt60_s, M11_edt_s, M11_c50_db, M11_drr_db: differences
//           (spatial/room_measures.h), null where one side's measure is not defined; pairs: how
//           many are judged; undefined: how many differences of all pairs and ears are not defined,
//           undefined_of.<metric>: of each; rt60_family, rt60_decay_db;
//           measures.{prediction,truth}.{rt60_s,edt_s,c50_db,drr_db}: the files' own values
#ifndef V2S_INFER_PAIR_RESPONSE_H
#define V2S_INFER_PAIR_RESPONSE_H

#include <stdbool.h>

#include "infer/run_log.h"
#include "infer/settings.h"

// Whether --metrics names M11 or one of its numbers.
bool v2s_pair_response_asked(const v2s_settings *settings);

// USAGE: other metrics beside M11. FORMAT: rates or channels that differ, other numbers of
// channels.
V2S_MUST_USE v2s_status v2s_pair_response(const v2s_settings *settings, v2s_run_log *log);

#endif
