// SPDX-License-Identifier: MIT
//
// HOW IT WORKS
// Every decoded frame has a time stamp t (s, container clock). The first one sets start_s; from
// then on sample n stands for start_s + n / rate. A frame that comes later than that (t - now >
// tolerance) is preceded by silence, one that comes earlier loses its first samples, so that
// picture and sound stay together however the file was cut. Decoders already remove the encoder's
// priming where the container marks it; what still lies before 0 is cut here.
//
// LIMITATIONS
// Within the tolerance stamps are believed to be rounded, and samples follow each other directly.
#include "data/sound_av.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/avstring.h>

#include "data/media_internal.h"

// Containers with millisecond stamps carry live recordings whose stamps wander by some
// milliseconds; mending each would click, so only larger errors count there.
#define FINE_TOLERANCE_S 0.001
#define COARSE_TOLERANCE_S 0.010
// Ogg stamps its pages; those of the packets inside are guesses (Vorbis: some 10 ms off).
#define OGG_TOLERANCE_S 0.200
#define FINE_TIME_BASE_S (1.0 / 4000.0)
// Larger steps are a new count of stamps (recordings glued together), not a gap.
#define BACKWARD_JUMP_S 0.5
#define FORWARD_JUMP_S 600.0
#define TRUNCATED_TOLERANCE_S 0.25
#define MAX_TIME_S 1e9 // stamps beyond are broken

enum { WARNING_MAX = 512, MAX_ERRORS_WHILE_DRAINING = 1000, MAX_PADDING_SAMPLES = 2048 };

struct v2s_sound_av {
    char *path;
    v2s_media_in *in;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame; // decoded, not used up while at < frame->nb_samples
    int stream, at;
    int channels, rate_hz, format;
    double start_s, shift_s, tolerance_s;
    int64_t produced; // samples handed out since start_s, silence included
    int64_t silence;  // samples of silence still to hand out before `frame`
    int64_t limit;    // samples since start_s where the declared end lies
    int64_t filled, cut, damaged;
    bool placed; // start_s is known
    bool draining, ended, changed;
    int read_error;
    char warning[WARNING_MAX];
};

static v2s_status choose_stream(v2s_sound_av *a) {
    AVFormatContext *format = a->in->format;
    a->stream = av_find_best_stream(format, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0);
    if (a->stream < 0)
        return V2S_FAIL(V2S_FORMAT, "%s: no sound stream; give --sound FILE", a->path);
    for (unsigned i = 0; i < format->nb_streams; i++)
        if ((int)i != a->stream)
            format->streams[i]->discard = AVDISCARD_ALL;
    return V2S_OK;
}

static v2s_status feed(v2s_sound_av *a) {
    for (;;) {
        int error = av_read_frame(a->in->format, a->packet);
        if (error < 0) {
            if (error != AVERROR_EOF)
                a->read_error = error;
            a->draining = true;
            (void)avcodec_send_packet(a->codec, NULL);
            return V2S_OK;
        }
        bool ours = a->packet->stream_index == a->stream;
        if (ours && (error = avcodec_send_packet(a->codec, a->packet)) < 0)
            a->damaged++;
        av_packet_unref(a->packet);
        if (error == AVERROR(ENOMEM))
            return V2S_FAIL(V2S_NOMEM, "%s: out of memory", a->path);
        if (ours)
            return V2S_OK;
    }
}

static v2s_status decode_next(v2s_sound_av *a) {
    int errors = 0;
    for (;;) {
        int error = avcodec_receive_frame(a->codec, a->frame);
        if (error >= 0)
            return V2S_OK;
        if (error == AVERROR_EOF)
            return V2S_END;
        if (error == AVERROR(ENOMEM))
            return V2S_FAIL(V2S_NOMEM, "%s: out of memory", a->path);
        if (error != AVERROR(EAGAIN))
            a->damaged++;
        if (a->draining && ++errors > MAX_ERRORS_WHILE_DRAINING)
            return V2S_END;
        if (!a->draining)
            V2S_TRY(feed(a));
    }
}

// Decides where the samples of a->frame go: sets a->silence and a->at.
static void place(v2s_sound_av *a) {
    int64_t stamp = a->frame->best_effort_timestamp;
    a->at = 0;
    double now_s = a->start_s + (double)a->produced / a->rate_hz;
    double t_s = now_s;
    if (stamp != AV_NOPTS_VALUE)
        t_s = (double)stamp * av_q2d(a->in->format->streams[a->stream]->time_base) -
              a->in->origin_s + a->shift_s;
    if (!a->placed) {
        a->placed = true;
        a->start_s = t_s > 0.0 && t_s < FORWARD_JUMP_S ? t_s : 0.0;
        now_s = a->start_s;
        if (t_s >= FORWARD_JUMP_S || t_s < -BACKWARD_JUMP_S)
            a->shift_s -= t_s;
        else if (t_s < 0.0) // not an overlap: priming or what an edit list hides
            a->at = (int)llround(fmin(-t_s * a->rate_hz, a->frame->nb_samples));
        if (a->at == a->frame->nb_samples)
            a->placed = false;
        return;
    }
    double late_s = t_s - now_s;
    if (late_s > FORWARD_JUMP_S || late_s < -BACKWARD_JUMP_S) {
        a->shift_s -= late_s;
    } else if (late_s > a->tolerance_s) {
        a->silence = llround(late_s * a->rate_hz);
        a->filled += a->silence;
    } else if (late_s < -a->tolerance_s) {
        a->at = (int)llround(fmin(-late_s * a->rate_hz, a->frame->nb_samples));
        a->cut += a->at;
    }
}

// Where the sound ends by its container's edit list, if that is inside the last packets: what
// follows is the encoder's padding. INT64_MAX if the container does not say.
static int64_t declared_limit(const v2s_sound_av *a) {
    AVStream *stream = a->in->format->streams[a->stream];
    int count = avformat_index_get_entries_count(stream);
    if (strncmp(a->in->format->iformat->name, "mov,", 4) != 0 || count <= 0 ||
        stream->duration == AV_NOPTS_VALUE || stream->start_time == AV_NOPTS_VALUE)
        return INT64_MAX;
    double base_s = av_q2d(stream->time_base);
    double end_s = (double)stream->start_time * base_s + (double)stream->duration * base_s;
    double last_s = (double)avformat_index_get_entry(stream, count - 1)->timestamp * base_s;
    if (end_s <= 0.0 || end_s > MAX_TIME_S ||
        fabs(last_s - end_s) * a->rate_hz > MAX_PADDING_SAMPLES)
        return INT64_MAX;
    int64_t limit = llround((end_s - a->in->origin_s - a->start_s) * a->rate_hz);
    return limit > 0 ? limit : INT64_MAX;
}

static void write_warning(v2s_sound_av *a) {
    const AVStream *stream = a->in->format->streams[a->stream];
    double end_s = a->start_s + (double)a->produced / a->rate_hz;
    double declared_s = stream->duration != AV_NOPTS_VALUE ? v2s_media_duration_s(a->in, stream)
                        : a->in->format->nb_streams == 1   ? v2s_media_duration_s(a->in, NULL)
                                                           : 0.0;
    if (a->in->format->duration_estimation_method == AVFMT_DURATION_FROM_BITRATE)
        declared_s = 0.0;
    double rate_hz = a->rate_hz;
    if (a->changed)
        snprintf(a->warning, sizeof a->warning,
                 "%s: the rate or the channels of the sound change at %.3f s; the rest is left out",
                 a->path, end_s);
    else if (a->read_error != 0 || end_s - a->start_s + TRUNCATED_TOLERANCE_S < declared_s)
        snprintf(a->warning, sizeof a->warning,
                 "%s: truncated: %.3f of about %.3f s of sound decoded", a->path,
                 (double)a->produced / rate_hz, declared_s);
    else if (a->damaged > 0)
        snprintf(a->warning, sizeof a->warning,
                 "%s: damaged: %lld packets of sound could not be decoded", a->path,
                 (long long)a->damaged);
    else if (a->filled > 0 || a->cut > 0)
        snprintf(a->warning, sizeof a->warning,
                 "%s: %.3f s of silence put into gaps of the sound, %.3f s of overlap cut", a->path,
                 (double)a->filled / rate_hz, (double)a->cut / rate_hz);
}

// Makes a->frame hold samples that are not used up, or sets a->ended.
static v2s_status next_frame(v2s_sound_av *a) {
    while (!a->ended && a->silence == 0 && a->at >= a->frame->nb_samples) {
        av_frame_unref(a->frame);
        a->at = 0;
        v2s_status status = decode_next(a);
        if (status != V2S_OK && status != V2S_END)
            return status;
        if (status == V2S_OK && a->rate_hz == 0) { // the first frame decides
            a->rate_hz = a->frame->sample_rate;
            a->channels = a->frame->ch_layout.nb_channels;
            a->format = a->frame->format;
        }
        a->changed = status == V2S_OK && (a->frame->sample_rate != a->rate_hz ||
                                          a->frame->ch_layout.nb_channels != a->channels ||
                                          a->frame->format != a->format);
        if (status == V2S_END || a->changed) {
            av_frame_unref(a->frame);
            a->ended = true;
            if (a->rate_hz > 0)
                write_warning(a);
        } else {
            place(a);
        }
    }
    return V2S_OK;
}

// One sample as a float, full scale 1.0; the inverse of what libsndfile and FFmpeg write.
static inline float sample_at(const AVFrame *frame, enum AVSampleFormat packed, bool planar,
                              int channels, int i, int channel) {
    const uint8_t *data = planar ? frame->extended_data[channel] : frame->extended_data[0];
    size_t k = planar ? (size_t)i : (size_t)i * (size_t)channels + (size_t)channel;
    switch (packed) {
    case AV_SAMPLE_FMT_U8:
        return ((float)data[k] - 128.0f) / 128.0f;
    case AV_SAMPLE_FMT_S16:
        return (float)((const int16_t *)data)[k] / 32768.0f;
    case AV_SAMPLE_FMT_S32:
        return (float)((double)((const int32_t *)data)[k] / 2147483648.0);
    case AV_SAMPLE_FMT_S64:
        return (float)((double)((const int64_t *)data)[k] / 9223372036854775808.0);
    case AV_SAMPLE_FMT_FLT:
        return ((const float *)data)[k];
    case AV_SAMPLE_FMT_DBL:
        return (float)((const double *)data)[k];
    default:
        return 0.0f;
    }
}

static void take(const v2s_sound_av *a, float *to, int count) {
    bool planar = av_sample_fmt_is_planar(a->format) != 0;
    enum AVSampleFormat packed = av_get_packed_sample_fmt(a->format);
    for (int i = 0; i < count; i++)
        for (int c = 0; c < a->channels; c++)
            *to++ = sample_at(a->frame, packed, planar, a->channels, a->at + i, c);
}

v2s_status v2s_sound_av_read(v2s_sound_av *a, float *interleaved, size_t frames, size_t *got) {
    size_t done = 0, channels = (size_t)a->channels;
    while (done < frames) {
        V2S_TRY(next_frame(a));
        if (a->ended || a->produced >= a->limit)
            break;
        size_t n = frames - done;
        n = a->limit - a->produced < (int64_t)n ? (size_t)(a->limit - a->produced) : n;
        if (a->silence > 0) {
            n = a->silence < (int64_t)n ? (size_t)a->silence : n;
            memset(interleaved + done * channels, 0, n * channels * sizeof *interleaved);
            a->silence -= (int64_t)n;
        } else {
            size_t left = (size_t)(a->frame->nb_samples - a->at);
            n = left < n ? left : n;
            take(a, interleaved + done * channels, (int)n);
            a->at += (int)n;
        }
        a->produced += (int64_t)n;
        done += n;
    }
    *got = done;
    return V2S_OK;
}

static void describe(const v2s_sound_av *a, v2s_sound_info *info) {
    const char *container = a->in->format->iformat->name;
    int length = (int)strcspn(container, ",");
    const char *suffix = v2s_media_suffix(a->path);
    // "mov,mp4,m4a,..." is one reader for all of them: say which one it was by the suffix.
    if (container[length] == ',' && suffix[0] != '\0' && strlen(suffix) < 8 &&
        av_match_name(suffix, container)) {
        container = suffix;
        length = (int)strlen(suffix);
    }
    snprintf(info->format, sizeof info->format, "%.*s %s", length, container,
             avcodec_get_name(a->codec->codec_id));
    info->rate_hz = a->rate_hz;
    info->channels = a->channels;
    info->frames = -1;
    info->duration_s = v2s_media_duration_s(a->in, a->in->format->streams[a->stream]);
    info->start_s = a->start_s;
}

static v2s_status open_stream(v2s_sound_av *a) {
    V2S_TRY(v2s_media_in_open(a->path, &a->in));
    V2S_TRY(choose_stream(a));
    const AVStream *stream = a->in->format->streams[a->stream];
    V2S_TRY(v2s_media_decoder_open(a->in, stream, 1, &a->codec));
    a->tolerance_s =
        av_q2d(stream->time_base) > FINE_TIME_BASE_S ? COARSE_TOLERANCE_S : FINE_TOLERANCE_S;
    if (strcmp(a->in->format->iformat->name, "ogg") == 0)
        a->tolerance_s = OGG_TOLERANCE_S;
    V2S_TRY(next_frame(a));
    if (a->ended)
        return V2S_FAIL(V2S_FORMAT, "%s: its sound stream holds no samples that decode", a->path);
    if (a->rate_hz <= 0 || a->channels <= 0)
        return V2S_FAIL(V2S_FORMAT, "%s: its sound has no rate or no channels", a->path);
    a->limit = declared_limit(a);
    return V2S_OK;
}

v2s_status v2s_sound_av_open(const char *path, v2s_sound_av **out, v2s_sound_info *info) {
    v2s_sound_av *a = calloc(1, sizeof *a);
    if (a == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", path);
    a->path = strdup(path);
    a->packet = av_packet_alloc();
    a->frame = av_frame_alloc();
    v2s_status status = a->path == NULL || a->packet == NULL || a->frame == NULL
                            ? V2S_FAIL(V2S_NOMEM, "%s: out of memory", path)
                            : open_stream(a);
    if (status != V2S_OK) {
        v2s_sound_av_close(&a);
        return status;
    }
    describe(a, info);
    *out = a;
    return V2S_OK;
}

const char *v2s_sound_av_warning(const v2s_sound_av *a) {
    return a->warning[0] == '\0' ? NULL : a->warning;
}

void v2s_sound_av_close(v2s_sound_av **pointer) {
    v2s_sound_av *a = *pointer;
    if (a == NULL)
        return;
    av_frame_free(&a->frame);
    av_packet_free(&a->packet);
    avcodec_free_context(&a->codec);
    v2s_media_in_close(&a->in);
    free(a->path);
    free(a);
    *pointer = NULL;
}
