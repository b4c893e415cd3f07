// SPDX-License-Identifier: MIT
// The step from tracked boxes to trajectories (private to tracking.c).
#ifndef V2S_INFER_TRACKING_PATH_H
#define V2S_INFER_TRACKING_PATH_H

#include "infer/tracking.h"

// Fills tracking->trajectories from its objects' boxes: distance from box size, pinhole angles,
// RTS smoothing unless --smooth off; held stretches are gaps, which the smoother fills.
V2S_MUST_USE v2s_status v2s_tracking_paths(const v2s_settings *settings, const v2s_scene *scene,
                                           v2s_tracking *tracking);

#endif
