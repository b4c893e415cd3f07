// SPDX-License-Identifier: MIT
// Which systems a `compare` run has: its options and the pairing of its clips.
#ifndef V2S_INFER_COMPARE_CHOICE_H
#define V2S_INFER_COMPARE_CHOICE_H

#include "data/manifest.h"
#include "infer/compare_systems.h"
#include "infer/run_log.h"
#include "infer/settings.h"

// --refiner FILE|NAME was given, and is not "none".
bool v2s_compare_has_refiner(const v2s_settings *settings);

// Adds refined and those of --against, in this order. What v2s_clip_refiner_open reports.
V2S_MUST_USE v2s_status v2s_compare_open_refiners(const v2s_settings *settings,
                                                  const v2s_device *dev, v2s_systems *systems);

// Adds geometric, the floors (warning of those that the file does not have), room for dry pairs,
// mono, and what --without asks for (warning of what does not apply); then the contrasts.
V2S_MUST_USE v2s_status v2s_compare_list_systems(const v2s_settings *settings, v2s_pairing pairing,
                                                 v2s_run_log *log, v2s_systems *systems);

#endif
