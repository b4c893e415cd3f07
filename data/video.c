// SPDX-License-Identifier: MIT
#include "data/video.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <libavcodec/avcodec.h>
#include <libavutil/display.h>

#include "data/frame.h"
#include "data/frame_folder.h"
#include "data/media_internal.h"

#define DEFAULT_FOLDER_FPS_HZ 25.0
#define DIAGONAL_35MM 43.2666 // sqrt(36^2 + 24^2), millimetres
// Stamps that jump back by more than this, or forward by more than a day, begin a new count (a
// recording glued to another): time goes on from where it was.
#define BACKWARD_JUMP_S 0.5
#define FORWARD_JUMP_S 86400.0

enum { MAX_ERRORS_WHILE_DRAINING = 1000, WARNING_MAX = 512 };

struct v2s_video {
    char *path;
    v2s_video_info info;
    v2s_media_in *in; // NULL for a folder
    v2s_frame_folder *folder;
    AVCodecContext *codec;
    AVPacket *packet;
    int stream;
    v2s_orientation orientation; // of the whole file; images of a folder each have their own
    bool stream_says_orientation;
    v2s_frame_converter converter;
    int coded_width, coded_height; // before turning; 0 until the first frame
    AVFrame *decoded;              // as the decoder gave it
    AVFrame *current;              // what v2s_video_next returned
    AVFrame *first;                // converted at open, not yet handed out
    double first_time_s;
    bool have_first, draining, ended;
    double nominal_s; // usual time between pictures
    double shift_s;   // added to the stamps after a jump
    double last_time_s;
    double end_s; // latest end of a packet of any stream
    int64_t delivered, repaired, damaged;
    int read_error;
    char warning[WARNING_MAX];
};

static v2s_status choose_stream(v2s_video *v) {
    AVFormatContext *format = v->in->format;
    bool cover = false;
    v->stream = -1;
    for (unsigned i = 0; i < format->nb_streams; i++) {
        const AVStream *s = format->streams[i];
        if (s->codecpar->codec_type == AVMEDIA_TYPE_AUDIO)
            v->info.has_sound = true;
        else if (s->codecpar->codec_type == AVMEDIA_TYPE_VIDEO)
            cover |= (s->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0;
    }
    int best = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    if (best >= 0 && !(format->streams[best]->disposition & AV_DISPOSITION_ATTACHED_PIC))
        v->stream = best;
    if (v->stream < 0)
        return V2S_FAIL(V2S_FORMAT, "%s: no video stream%s", v->path,
                        cover ? " (a cover picture only)" : "");
    // Sound packets are still read: their times tell whether the file is complete.
    for (unsigned i = 0; i < format->nb_streams; i++)
        if ((int)i != v->stream && format->streams[i]->codecpar->codec_type != AVMEDIA_TYPE_AUDIO)
            format->streams[i]->discard = AVDISCARD_ALL;
    return V2S_OK;
}

static v2s_status open_file(v2s_video *v, int threads) {
    V2S_TRY(v2s_media_in_open(v->path, &v->in));
    V2S_TRY(choose_stream(v));
    AVStream *stream = v->in->format->streams[v->stream];
    V2S_TRY(v2s_media_decoder_open(v->in, stream, threads, &v->codec));
    const uint8_t *matrix = av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, NULL);
    v->stream_says_orientation = matrix != NULL;
    if (matrix != NULL)
        v->orientation = v2s_orientation_of_matrix((const int32_t *)matrix);
    double rate = av_q2d(stream->avg_frame_rate.num > 0 ? stream->avg_frame_rate : av_make_q(0, 1));
    if (!(rate > 0.0) && stream->r_frame_rate.num > 0)
        rate = av_q2d(stream->r_frame_rate);
    v->info.frame_rate_hz = isfinite(rate) && rate > 0.0 ? rate : 0.0;
    v->nominal_s = v->info.frame_rate_hz > 0.0 ? 1.0 / v->info.frame_rate_hz : 0.04;
    v->info.duration_s = v2s_media_duration_s(v->in, stream);
    v->info.origin_s = v->in->origin_s;
    v->info.frames_estimate =
        stream->nb_frames > 0 ? stream->nb_frames : llround(fmin(v->info.duration_s * rate, 1e15));
    return V2S_OK;
}

static v2s_status open_folder(v2s_video *v, double fps_hz) {
    V2S_TRY(v2s_frame_folder_open(v->path, &v->folder));
    v->info.is_folder = true;
    v->info.fps_is_default = !(fps_hz > 0.0);
    v->info.frame_rate_hz = fps_hz > 0.0 ? fps_hz : DEFAULT_FOLDER_FPS_HZ;
    v->info.frames_estimate = (int64_t)v2s_frame_folder_count(v->folder);
    v->info.duration_s = (double)v->info.frames_estimate / v->info.frame_rate_hz;
    v->nominal_s = 1.0 / v->info.frame_rate_hz;
    return V2S_OK;
}

// A positive number in the metadata, else 0.
static double number_of_key(const AVDictionary *metadata, const char *key) {
    const AVDictionaryEntry *entry = av_dict_get(metadata, key, NULL, 0);
    double value = entry == NULL ? 0.0 : strtod(entry->value, NULL);
    return isfinite(value) && value > 0.0 ? value : 0.0;
}

static void find_fov(v2s_video *v, const AVDictionary *frame_metadata) {
    static const char quicktime[] = "com.apple.quicktime.camera.focal_length.35mm_equivalent";
    static const char exif[] = "FocalLengthIn35mmFilm";
    const char *key = quicktime;
    double f35_mm = 0.0;
    if (v->in != NULL) {
        f35_mm = number_of_key(v->in->format->metadata, quicktime);
        if (f35_mm == 0.0)
            f35_mm = number_of_key(v->in->format->streams[v->stream]->metadata, quicktime);
    }
    if (f35_mm == 0.0) {
        key = exif;
        f35_mm = number_of_key(frame_metadata, exif);
    }
    if (f35_mm == 0.0)
        return;
    // In units of the pixel height, so that pixels that are not square count with their width.
    double width = v->info.width * v->info.sample_aspect, height = v->info.height;
    double f_px = f35_mm * hypot(width, height) / DIAGONAL_35MM;
    v->info.fov_deg = 2.0 * atan(width / (2.0 * f_px)) * 180.0 / M_PI;
    snprintf(v->info.fov_source, sizeof v->info.fov_source, "%s %g mm", key, f35_mm);
}

// What only the first decoded frame knows for certain.
static void note_first_frame(v2s_video *v, const AVFrame *decoded, v2s_orientation o) {
    v->coded_width = decoded->width;
    v->coded_height = decoded->height;
    bool mirrored;
    v->info.rotation_deg = v2s_orientation_rotation_deg(o, &mirrored);
    v->info.width = o.transpose ? decoded->height : decoded->width;
    v->info.height = o.transpose ? decoded->width : decoded->height;
    AVRational aspect = decoded->sample_aspect_ratio;
    if (v->in != NULL && (aspect.num <= 0 || aspect.den <= 0))
        aspect = v->in->format->streams[v->stream]->sample_aspect_ratio;
    v->info.sample_aspect = 1.0;
    if (aspect.num > 0 && aspect.den > 0)
        v->info.sample_aspect = o.transpose ? 1.0 / av_q2d(aspect) : av_q2d(aspect);
    find_fov(v, decoded->metadata);
}

static void note_packet_end(v2s_video *v, const AVPacket *packet) {
    const AVStream *stream = v->in->format->streams[packet->stream_index];
    int64_t at = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
    if (at == AV_NOPTS_VALUE)
        return;
    double end_s =
        ((double)at + (double)packet->duration) * av_q2d(stream->time_base) - v->in->origin_s;
    v->end_s = fmax(v->end_s, end_s);
}

// Gives the decoder one packet of the video stream, or the end of the stream.
static v2s_status feed(v2s_video *v) {
    for (;;) {
        int error = av_read_frame(v->in->format, v->packet);
        if (error < 0) {
            if (error != AVERROR_EOF)
                v->read_error = error;
            v->draining = true;
            (void)avcodec_send_packet(v->codec, NULL);
            return V2S_OK;
        }
        note_packet_end(v, v->packet);
        bool ours = v->packet->stream_index == v->stream;
        if (ours && (error = avcodec_send_packet(v->codec, v->packet)) < 0)
            v->damaged++;
        av_packet_unref(v->packet);
        if (error == AVERROR(ENOMEM))
            return V2S_FAIL(V2S_NOMEM, "%s: out of memory", v->path);
        if (ours)
            return V2S_OK;
    }
}

static v2s_status decode_next(v2s_video *v) {
    int errors = 0;
    for (;;) {
        int error = avcodec_receive_frame(v->codec, v->decoded);
        if (error >= 0) {
            v->damaged += v->decoded->decode_error_flags != 0 ||
                          (v->decoded->flags & AV_FRAME_FLAG_CORRUPT) != 0;
            return V2S_OK;
        }
        if (error == AVERROR_EOF)
            return V2S_END;
        if (error == AVERROR(ENOMEM))
            return V2S_FAIL(V2S_NOMEM, "%s: out of memory", v->path);
        if (error != AVERROR(EAGAIN))
            v->damaged++;
        if (v->draining && ++errors > MAX_ERRORS_WHILE_DRAINING)
            return V2S_END;
        if (!v->draining)
            V2S_TRY(feed(v));
    }
}

// Presentation time of a decoded frame; increasing whatever the file says. A stamp that is a
// little late to move on (doubled, or slightly backwards) becomes half a picture after the last
// one, so that the following good stamps hold again.
static double time_of(v2s_video *v, const AVFrame *frame) {
    if (v->folder != NULL)
        return (double)v->delivered / v->info.frame_rate_hz;
    int64_t stamp = frame->best_effort_timestamp;
    double time_base_s = av_q2d(v->in->format->streams[v->stream]->time_base);
    double file_time_s = (double)stamp * time_base_s - v->in->origin_s;
    double time_s = file_time_s + v->shift_s;
    if (v->delivered == 0) {
        bool usable = stamp != AV_NOPTS_VALUE && fabs(time_s) < FORWARD_JUMP_S;
        v->repaired += !usable;
        v->shift_s = usable || stamp == AV_NOPTS_VALUE ? 0.0 : -file_time_s;
        return usable ? time_s : 0.0;
    }
    double expected_s = v->last_time_s + v->nominal_s;
    if (stamp == AV_NOPTS_VALUE) {
        v->repaired++;
        return expected_s;
    }
    if (time_s < v->last_time_s - BACKWARD_JUMP_S || time_s > v->last_time_s + FORWARD_JUMP_S) {
        v->repaired++;
        v->shift_s = expected_s - file_time_s;
        return expected_s;
    }
    if (time_s <= v->last_time_s) {
        v->repaired++;
        return v->last_time_s + 0.5 * v->nominal_s;
    }
    return time_s;
}

static v2s_status check_image_size(const v2s_video *v) {
    if (v->coded_width == 0 ||
        (v->decoded->width == v->coded_width && v->decoded->height == v->coded_height))
        return V2S_OK;
    return V2S_FAIL(V2S_FORMAT, "%s: %d x %d pixels, but the images before it have %d x %d",
                    v2s_frame_folder_name(v->folder), v->decoded->width, v->decoded->height,
                    v->coded_width, v->coded_height);
}

static void write_warning(v2s_video *v) {
    double tolerance_s = fmax(0.25, 2.0 * v->nominal_s);
    const AVFormatContext *format = v->in->format;
    double container_s = v2s_media_duration_s(v->in, NULL);
    bool declared = format->duration_estimation_method != AVFMT_DURATION_FROM_BITRATE;
    if (v->read_error != 0 || (declared && v->end_s > 0.0 && v->end_s + tolerance_s < container_s))
        snprintf(v->warning, sizeof v->warning, "%s: truncated: %lld of about %lld frames decoded",
                 v->path, (long long)v->delivered, (long long)v->info.frames_estimate);
    else if (v->damaged > 0)
        snprintf(v->warning, sizeof v->warning,
                 "%s: damaged: %lld pictures could not be decoded in full", v->path,
                 (long long)v->damaged);
    else if (v->repaired > 0)
        snprintf(v->warning, sizeof v->warning,
                 "%s: %lld of %lld frames had no usable time stamp and got a repaired one", v->path,
                 (long long)v->repaired, (long long)v->delivered);
}

static v2s_status at_end(v2s_video *v) {
    v->ended = true;
    if (v->delivered == 0)
        return V2S_FAIL(V2S_FORMAT, "%s: no picture could be decoded", v->path);
    if (v->in != NULL)
        write_warning(v);
    return V2S_END;
}

// Images (EXIF) say with the frame how it is to be shown; a video's first frame speaks for all.
static v2s_orientation orientation_of(v2s_video *v, const AVFrame *frame) {
    bool own = v->folder != NULL || (v->delivered == 0 && !v->stream_says_orientation);
    const AVFrameSideData *matrix = av_frame_get_side_data(frame, AV_FRAME_DATA_DISPLAYMATRIX);
    if (own)
        v->orientation = matrix == NULL ? (v2s_orientation){0}
                                        : v2s_orientation_of_matrix((const int32_t *)matrix->data);
    return v->orientation;
}

// Next picture as a converted frame.
static v2s_status produce(v2s_video *v, AVFrame *frame, double *time_s) {
    if (v->ended)
        return V2S_END;
    v2s_status status =
        v->folder != NULL ? v2s_frame_folder_next(v->folder, v->decoded) : decode_next(v);
    if (status == V2S_END)
        return at_end(v);
    V2S_TRY(status);
    if (v->folder != NULL)
        V2S_TRY(check_image_size(v));
    v2s_orientation o = orientation_of(v, v->decoded);
    if (v->delivered == 0)
        note_first_frame(v, v->decoded, o);
    double at_s = time_of(v, v->decoded);
    status =
        v2s_frame_convert(&v->converter, v->decoded, o, v->coded_width, v->coded_height, frame);
    if (status != V2S_OK)
        return v2s_error_prefix(status, "%s",
                                v->folder != NULL ? v2s_frame_folder_name(v->folder) : v->path);
    if (frame->width != v->info.width || frame->height != v->info.height) {
        av_frame_unref(frame);
        return V2S_FAIL(V2S_FORMAT, "%s: it is turned another way than the images before it",
                        v2s_frame_folder_name(v->folder));
    }
    v->last_time_s = at_s;
    v->delivered++;
    *time_s = at_s;
    return V2S_OK;
}

v2s_status v2s_video_open(const char *path, const v2s_video_options *options, v2s_video **out) {
    static const v2s_video_options defaults;
    if (options == NULL)
        options = &defaults;
    v2s_video *v = calloc(1, sizeof *v);
    if (v == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", path);
    v->path = strdup(path);
    v->packet = av_packet_alloc();
    v->decoded = av_frame_alloc();
    v->current = av_frame_alloc();
    v->first = av_frame_alloc();
    struct stat info;
    v2s_status status;
    if (v->path == NULL || v->packet == NULL || v->decoded == NULL || v->current == NULL ||
        v->first == NULL)
        status = V2S_FAIL(V2S_NOMEM, "%s: out of memory", path);
    else if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        status = open_folder(v, options->fps_hz);
    else
        status = open_file(v, options->threads);
    if (status == V2S_OK)
        status = produce(v, v->first, &v->first_time_s);
    if (status != V2S_OK) {
        v2s_video_close(&v);
        return status;
    }
    v->have_first = true;
    *out = v;
    return V2S_OK;
}

const v2s_video_info *v2s_video_info_of(const v2s_video *v) {
    return &v->info;
}

static v2s_status next_frame(v2s_video *v, AVFrame *frame, double *time_s) {
    if (!v->have_first)
        return produce(v, frame, time_s);
    v->have_first = false;
    av_frame_move_ref(frame, v->first);
    *time_s = v->first_time_s;
    return V2S_OK;
}

v2s_status v2s_video_next(v2s_video *v, v2s_picture *picture, double *time_s) {
    av_frame_unref(v->current);
    V2S_TRY(next_frame(v, v->current, time_s));
    *picture = v2s_frame_picture(v->current);
    return V2S_OK;
}

v2s_status v2s_video_next_ref(v2s_video *v, v2s_picture *picture, double *time_s, void **ref) {
    AVFrame *frame = av_frame_alloc();
    if (frame == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", v->path);
    v2s_status status = next_frame(v, frame, time_s);
    if (status != V2S_OK) {
        av_frame_free(&frame);
        return status;
    }
    *picture = v2s_frame_picture(frame);
    *ref = frame;
    return V2S_OK;
}

void v2s_video_unref(void **ref) {
    AVFrame *frame = *ref;
    av_frame_free(&frame);
    *ref = NULL;
}

const char *v2s_video_warning(const v2s_video *v) {
    return v->warning[0] == '\0' ? NULL : v->warning;
}

void v2s_video_close(v2s_video **pointer) {
    v2s_video *v = *pointer;
    if (v == NULL)
        return;
    av_frame_free(&v->decoded);
    av_frame_free(&v->current);
    av_frame_free(&v->first);
    av_packet_free(&v->packet);
    avcodec_free_context(&v->codec);
    v2s_frame_converter_close(&v->converter);
    v2s_frame_folder_close(&v->folder);
    v2s_media_in_close(&v->in);
    free(v->path);
    free(v);
    *pointer = NULL;
}
