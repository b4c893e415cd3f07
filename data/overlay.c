// SPDX-License-Identifier: MIT
#include "data/overlay.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>

#include "data/frame.h"
#include "data/media_internal.h"
#include "data/overlay_draw.h"
#include "kernels/base/file_out.h"

enum {
    TICKS_PER_S = 90000, // fine enough for every usual rate; MP4's track clock
    MPEG4_QUALITY = 4,   // of 1 (best) .. 31
    WARNING_MAX = 256,
};

#define MAX_TIME_S 1e9 // stamps beyond are broken

struct v2s_overlay {
    v2s_file_out *f;
    AVIOContext *io;
    AVFormatContext *format;
    AVCodecContext *codec; // NULL until the first picture
    AVFrame *frame;
    AVPacket *packet;
    v2s_scaler scaler;
    v2s_video_info info;
    v2s_media_in *sound;  // NULL: none
    int sound_stream;     // in `sound`
    AVPacket *sound_next; // read, not written; empty at the end
    int64_t sound_last_dts;
    bool sound_ended;
    int64_t last_pts;
    char warning[WARNING_MAX];
};

static v2s_status fail(const v2s_overlay *o, int av_error, const char *what) {
    V2S_TRY(v2s_file_out_status(o->f)); // a full disk says more than "I/O error"
    return v2s_media_fail(V2S_UNSUPPORTED, av_error, v2s_file_out_path(o->f), what);
}

// Finds a sound stream that MP4 can hold; without one the video stays silent.
static v2s_status open_sound(v2s_overlay *o, const char *source_path) {
    if (source_path == NULL || !o->info.has_sound)
        return V2S_OK;
    V2S_TRY(v2s_media_in_open(source_path, &o->sound));
    AVFormatContext *in = o->sound->format;
    o->sound_stream = av_find_best_stream(in, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0);
    const AVCodecParameters *par =
        o->sound_stream < 0 ? NULL : in->streams[o->sound_stream]->codecpar;
    if (par == NULL ||
        avformat_query_codec(o->format->oformat, par->codec_id, FF_COMPLIANCE_NORMAL) != 1) {
        if (par != NULL)
            snprintf(o->warning, sizeof o->warning,
                     "%.160s: without sound: MP4 cannot hold '%s' as it is",
                     v2s_file_out_path(o->f), avcodec_get_name(par->codec_id));
        v2s_media_in_close(&o->sound);
        return V2S_OK;
    }
    for (int i = 0; i < (int)in->nb_streams; i++)
        if (i != o->sound_stream)
            in->streams[i]->discard = AVDISCARD_ALL;
    o->sound_next = av_packet_alloc();
    return o->sound_next != NULL ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
}

static v2s_status open_output(v2s_overlay *o) {
    o->io = v2s_media_io_to_file(o->f);
    o->frame = av_frame_alloc();
    o->packet = av_packet_alloc();
    int error = o->io == NULL || o->frame == NULL || o->packet == NULL
                    ? AVERROR(ENOMEM)
                    : avformat_alloc_output_context2(&o->format, NULL, "mp4", NULL);
    if (error < 0)
        return fail(o, error, "MP4 cannot be written");
    o->format->pb = o->io;
    o->format->flags |= AVFMT_FLAG_BITEXACT; // same input, same bytes
    return V2S_OK;
}

v2s_status v2s_overlay_open(const char *path, const char *source_path, const v2s_video_info *info,
                            v2s_overlay **out) {
    v2s_overlay *o = calloc(1, sizeof *o);
    if (o == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", path);
    o->info = *info;
    o->last_pts = INT64_MIN;
    o->sound_last_dts = INT64_MIN;
    v2s_status status = v2s_file_out_open(path, &o->f);
    if (status == V2S_OK)
        status = open_output(o);
    if (status == V2S_OK)
        status = open_sound(o, source_path);
    if (status != V2S_OK) {
        v2s_overlay_close(&o);
        return status;
    }
    *out = o;
    return V2S_OK;
}

static void set_up_codec(const v2s_overlay *o, const v2s_picture *p, AVCodecContext *codec) {
    codec->width = p->width & ~1;
    codec->height = p->height & ~1;
    codec->pix_fmt = AV_PIX_FMT_YUV420P;
    codec->time_base = av_make_q(1, TICKS_PER_S);
    if (o->info.frame_rate_hz > 0.0 && o->info.frame_rate_hz < 1000.0)
        codec->framerate = av_d2q(o->info.frame_rate_hz, 100000);
    codec->sample_aspect_ratio = av_d2q(o->info.sample_aspect, 10000);
    // Players expect limited range; the matrix stays that of the source.
    codec->color_range = AVCOL_RANGE_MPEG;
    codec->colorspace = p->bt709 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
    codec->max_b_frames = 0; // stamps leave as they came, no reordering delay
    codec->gop_size = 50;
    codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
}

static v2s_status open_codec(v2s_overlay *o, const v2s_picture *p) {
    const AVCodec *encoder = avcodec_find_encoder_by_name("libx264");
    bool x264 = encoder != NULL;
    if (!x264)
        encoder = avcodec_find_encoder(AV_CODEC_ID_MPEG4);
    AVCodecContext *codec = encoder == NULL ? NULL : avcodec_alloc_context3(encoder);
    if (codec == NULL)
        return V2S_FAIL(V2S_UNSUPPORTED, "%s: this FFmpeg has no video encoder",
                        v2s_file_out_path(o->f));
    o->codec = codec;
    set_up_codec(o, p, codec);
    if (x264) {
        av_opt_set(codec->priv_data, "preset", "superfast", 0);
        av_opt_set(codec->priv_data, "crf", "20", 0);
    } else {
        codec->time_base = av_make_q(1, 1000); // MPEG-4 part 2 holds 16 bits of ticks
        codec->flags |= AV_CODEC_FLAG_QSCALE;
        codec->global_quality = MPEG4_QUALITY * FF_QP2LAMBDA;
    }
    int error = avcodec_open2(codec, encoder, NULL);
    return error >= 0 ? V2S_OK : fail(o, error, "the video encoder cannot be started");
}

static v2s_status add_streams(v2s_overlay *o) {
    AVStream *video = avformat_new_stream(o->format, NULL);
    int error = video == NULL ? AVERROR(ENOMEM)
                              : avcodec_parameters_from_context(video->codecpar, o->codec);
    if (error < 0)
        return fail(o, error, "MP4 cannot be written");
    video->time_base = o->codec->time_base;
    video->avg_frame_rate = o->codec->framerate;
    video->sample_aspect_ratio = o->codec->sample_aspect_ratio;
    if (o->sound != NULL) {
        const AVStream *from = o->sound->format->streams[o->sound_stream];
        AVStream *sound = avformat_new_stream(o->format, NULL);
        error = sound == NULL ? AVERROR(ENOMEM)
                              : avcodec_parameters_copy(sound->codecpar, from->codecpar);
        if (error < 0)
            return fail(o, error, "MP4 cannot be written");
        sound->codecpar->codec_tag = 0; // the tag of another container means nothing here
        sound->time_base = from->time_base;
    }
    error = avformat_write_header(o->format, NULL);
    return error >= 0 ? V2S_OK : fail(o, error, "MP4 cannot be written");
}

// The frame that pictures are copied into, made again if the encoder still holds the last one.
static v2s_status ready_frame(v2s_overlay *o) {
    if (o->frame->buf[0] == NULL) {
        o->frame->format = o->codec->pix_fmt;
        o->frame->width = o->codec->width;
        o->frame->height = o->codec->height;
        o->frame->color_range = o->codec->color_range;
        o->frame->colorspace = o->codec->colorspace;
        if (av_frame_get_buffer(o->frame, 0) < 0)
            return V2S_FAIL(V2S_NOMEM, "%s: out of memory", v2s_file_out_path(o->f));
    }
    if (av_frame_make_writable(o->frame) < 0)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", v2s_file_out_path(o->f));
    return V2S_OK;
}

static bool has_plain_stamp(const AVPacket *packet, const AVStream *stream) {
    double base_s = av_q2d(stream->time_base);
    bool pts_fits =
        packet->pts == AV_NOPTS_VALUE || fabs((double)packet->pts * base_s) < MAX_TIME_S;
    return packet->size > 0 && packet->dts != AV_NOPTS_VALUE && pts_fits &&
           fabs((double)packet->dts * base_s) < MAX_TIME_S;
}

// Copies sound packets up to `until_s`, shifted to our clock.
static v2s_status copy_sound(v2s_overlay *o, double until_s) {
    while (o->sound != NULL && !o->sound_ended) {
        AVPacket *packet = o->sound_next;
        const AVStream *from = o->sound->format->streams[o->sound_stream];
        if (packet->data == NULL) {
            if (av_read_frame(o->sound->format, packet) < 0) {
                o->sound_ended = true;
                break;
            }
            bool ours = packet->stream_index == o->sound_stream;
            if (!ours || !has_plain_stamp(packet, from)) {
                av_packet_unref(packet);
                continue;
            }
        }
        double time_s = (double)packet->dts * av_q2d(from->time_base) - o->sound->origin_s;
        if (time_s > until_s)
            break;
        AVStream *to = o->format->streams[1];
        int64_t origin = llround(o->sound->origin_s / av_q2d(from->time_base));
        packet->dts -= origin;
        packet->pts = packet->pts == AV_NOPTS_VALUE ? packet->dts : packet->pts - origin;
        av_packet_rescale_ts(packet, from->time_base, to->time_base);
        packet->stream_index = 1;
        packet->pos = -1;
        if (packet->dts <= o->sound_last_dts || packet->pts < packet->dts) {
            av_packet_unref(packet); // a stamp that MP4 cannot say
            continue;
        }
        o->sound_last_dts = packet->dts;
        int error = av_interleaved_write_frame(o->format, packet);
        av_packet_unref(packet);
        if (error < 0)
            return fail(o, error, "the sound cannot be copied");
    }
    return V2S_OK;
}

// Encodes one frame (NULL: the end) and writes what comes out.
static v2s_status encode(v2s_overlay *o, AVFrame *frame) {
    int error = avcodec_send_frame(o->codec, frame);
    while (error >= 0) {
        error = avcodec_receive_packet(o->codec, o->packet);
        if (error == AVERROR(EAGAIN) || error == AVERROR_EOF)
            return V2S_OK;
        if (error < 0)
            break;
        AVStream *stream = o->format->streams[0];
        double rate_hz = o->info.frame_rate_hz > 0.0 ? o->info.frame_rate_hz : 25.0;
        if (o->packet->duration <= 0)
            o->packet->duration = llround(1.0 / (rate_hz * av_q2d(o->codec->time_base)));
        av_packet_rescale_ts(o->packet, o->codec->time_base, stream->time_base);
        o->packet->stream_index = 0;
        error = av_interleaved_write_frame(o->format, o->packet);
    }
    return fail(o, error, "the picture cannot be encoded");
}

v2s_status v2s_overlay_write(v2s_overlay *o, const v2s_picture *picture, double time_s,
                             const v2s_overlay_box *boxes, size_t count) {
    v2s_picture p = *picture;
    if (p.width < 2 || p.height < 2)
        return V2S_FAIL(V2S_ARG, "%s: a picture of %d x %d pixels is too small for a video",
                        v2s_file_out_path(o->f), p.width, p.height);
    if (o->codec == NULL) {
        V2S_TRY(open_codec(o, &p));
        V2S_TRY(add_streams(o));
    }
    if ((p.width & ~1) != o->codec->width || (p.height & ~1) != o->codec->height)
        return V2S_FAIL(V2S_ARG, "%s: the size of the picture changed", v2s_file_out_path(o->f));
    V2S_TRY(ready_frame(o));
    p.width = o->codec->width;
    p.height = o->codec->height;
    V2S_TRY(v2s_picture_to_frame(&p, &o->scaler, o->frame));
    v2s_overlay_draw(o->frame, 1.0, boxes, count);
    int64_t pts = llround(time_s / av_q2d(o->codec->time_base));
    o->frame->pts = pts > o->last_pts ? pts : o->last_pts + 1;
    o->last_pts = o->frame->pts;
    V2S_TRY(copy_sound(o, time_s));
    return encode(o, o->frame);
}

const char *v2s_overlay_warning(const v2s_overlay *o) {
    return o->warning[0] == '\0' ? NULL : o->warning;
}

v2s_status v2s_overlay_commit(v2s_overlay *o) {
    if (o->codec == NULL)
        return V2S_FAIL(V2S_ARG, "%s: no picture to write", v2s_file_out_path(o->f));
    V2S_TRY(encode(o, NULL));
    V2S_TRY(copy_sound(o, INFINITY));
    int error = av_write_trailer(o->format);
    if (error < 0)
        return fail(o, error, "MP4 cannot be finished");
    avio_flush(o->io);
    V2S_TRY(v2s_file_out_status(o->f));
    return v2s_file_out_commit(o->f);
}

void v2s_overlay_close(v2s_overlay **pointer) {
    v2s_overlay *o = *pointer;
    if (o == NULL)
        return;
    av_frame_free(&o->frame);
    av_packet_free(&o->packet);
    av_packet_free(&o->sound_next);
    avcodec_free_context(&o->codec);
    v2s_scaler_close(&o->scaler);
    avformat_free_context(o->format);
    v2s_media_io_free(&o->io);
    v2s_media_in_close(&o->sound);
    v2s_file_out_close(&o->f);
    free(o);
    *pointer = NULL;
}
