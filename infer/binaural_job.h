// SPDX-License-Identifier: MIT
// Designs the filters of a head in a thread of its own, while the video is tracked. A file that the
// user names is read at the start, so that a fault in it shows before the long work; the default
// head is read in the thread.
#ifndef V2S_INFER_BINAURAL_JOB_H
#define V2S_INFER_BINAURAL_JOB_H

#include "kernels/base/status.h"
#include "spatial/binaural.h"

typedef struct v2s_binaural_job v2s_binaural_job;

// hrtf_path NULL: the default head. The path is borrowed until wait or close.
V2S_MUST_USE v2s_status v2s_binaural_job_start(const char *hrtf_path, int order, double rate_hz,
                                               v2s_binaural_method method, v2s_binaural_job **job);

// Waits for the decoder, which stays the job's, and the title of its head.
V2S_MUST_USE v2s_status v2s_binaural_job_wait(v2s_binaural_job *job, v2s_binaural **binaural,
                                              const char **title);

// Waits and frees. Sets *job to NULL; accepts NULL inside.
void v2s_binaural_job_close(v2s_binaural_job **job);

#endif
