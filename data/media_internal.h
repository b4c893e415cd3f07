// SPDX-License-Identifier: MIT
// Private to data/: how FFmpeg's containers reach our files.
//
// All bytes pass through AVIOContexts of ours: a path is never taken for a URL or a pattern, a
// container cannot make us open a network address, and write errors end up in v2s_file_out.
#ifndef V2S_DATA_MEDIA_INTERNAL_H
#define V2S_DATA_MEDIA_INTERNAL_H

#include <stdbool.h>
#include <sys/types.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "kernels/base/file_out.h"
#include "kernels/base/status.h"

typedef struct v2s_media_in {
    AVFormatContext *format; // opened, stream information found
    AVIOContext *io;
    char *path;
    int fd;
    int read_errno;  // of the first read that failed, 0 if none
    double origin_s; // container time that is called 0
} v2s_media_in;

// Missing, a folder, not permitted, empty: one sentence each. A pipe or device passes.
V2S_MUST_USE v2s_status v2s_media_check(const char *path);

// All bytes of an image file as a key frame in an empty packet. IO, FORMAT, NOMEM.
V2S_MUST_USE v2s_status v2s_media_read_whole(const char *path, AVPacket *packet);

// Opens a container and finds its streams.
V2S_MUST_USE v2s_status v2s_media_in_open(const char *path, v2s_media_in **in);
void v2s_media_in_close(v2s_media_in **in);

// Opens a decoder for a stream; 0 threads: one per processor.
V2S_MUST_USE v2s_status v2s_media_decoder_open(const v2s_media_in *in, const AVStream *stream,
                                               int threads, AVCodecContext **codec);

// Start and length of a stream or of the container on our clock, seconds; 0 length: unknown.
double v2s_media_duration_s(const v2s_media_in *in, const AVStream *stream);

// An AVIOContext that writes into (and seeks in) `f`, which it borrows. NULL: out of memory.
AVIOContext *v2s_media_io_to_file(v2s_file_out *f);
void v2s_media_io_free(AVIOContext **io);

// "Invalid data found when processing input" in `text`, which it returns.
const char *v2s_media_error(int av_error, char text[AV_ERROR_MAX_STRING_SIZE]);

// A status for a failed call of the FFmpeg libraries while `what` was done to `path`.
v2s_status v2s_media_fail(v2s_status code, int av_error, const char *path, const char *what);

// Suffix after the last dot of the last path component, without the dot; "" if none.
const char *v2s_media_suffix(const char *path);

#endif
