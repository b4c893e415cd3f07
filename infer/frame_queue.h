// SPDX-License-Identifier: MIT
// Decodes ahead in a thread of its own, so that decoding and tracking overlap.
#ifndef V2S_INFER_FRAME_QUEUE_H
#define V2S_INFER_FRAME_QUEUE_H

#include "data/video.h"
#include "kernels/base/status.h"

typedef struct v2s_frame {
    v2s_picture picture;
    double time_s;
    void *ref; // v2s_video_unref when done
} v2s_frame;

typedef struct v2s_frame_queue v2s_frame_queue;

// Starts the thread, which alone uses `video` until close. Bounded: it holds a few pictures.
V2S_MUST_USE v2s_status v2s_frame_queue_open(v2s_video *video, v2s_frame_queue **queue);

// Next picture; V2S_END after the last; the decoder's error with its text.
V2S_MUST_USE v2s_status v2s_frame_queue_next(v2s_frame_queue *queue, v2s_frame *frame);

// Stops the thread and drops what is left. Sets *queue to NULL; accepts NULL inside.
void v2s_frame_queue_close(v2s_frame_queue **queue);

#endif
