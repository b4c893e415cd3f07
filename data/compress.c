// SPDX-License-Identifier: MIT
#include "data/compress.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
#include <soxr.h>

#include "data/media_internal.h"
#include "data/sound_in.h"

enum {
    OPUS_RATE_HZ = 48000,
    BLOCK_FRAMES = 4096,
    MAX_CHANNELS = 2,
};

typedef struct compressor {
    const char *path;     // of the file, or a word for samples in memory
    v2s_sound_in *in;     // NULL: samples in memory
    const float *samples; // [frames][channels], what is left of them
    size_t frames;
    soxr_t resampler; // NULL at 48 kHz
    AVCodecContext *codec;
    AVFormatContext *format;
    AVFrame *frame; // [frame_size][channels], filled up to `filled`
    AVPacket *packet;
    int channels, filled;
    int64_t pts;
    float *input, *resampled; // [BLOCK_FRAMES][channels]; [room][channels]
    size_t room;
} compressor;

static v2s_status fail(const compressor *c, int av_error) {
    return v2s_media_fail(V2S_UNSUPPORTED, av_error, c->path, "Opus cannot be encoded");
}

static v2s_status open_encoder(compressor *c, int bitrate) {
    const AVCodec *encoder = avcodec_find_encoder_by_name("libopus");
    if (encoder == NULL)
        return V2S_FAIL(V2S_UNSUPPORTED, "%s: this FFmpeg has no Opus encoder", c->path);
    c->codec = avcodec_alloc_context3(encoder);
    c->frame = av_frame_alloc();
    c->packet = av_packet_alloc();
    if (c->codec == NULL || c->frame == NULL || c->packet == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", c->path);
    c->codec->sample_rate = OPUS_RATE_HZ;
    c->codec->sample_fmt = AV_SAMPLE_FMT_FLT;
    c->codec->bit_rate = bitrate;
    c->codec->time_base = av_make_q(1, OPUS_RATE_HZ);
    c->codec->flags |= AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_GLOBAL_HEADER;
    av_channel_layout_default(&c->codec->ch_layout, c->channels);
    int error = avcodec_open2(c->codec, encoder, NULL);
    if (error < 0)
        return fail(c, error);
    c->frame->format = AV_SAMPLE_FMT_FLT;
    c->frame->nb_samples = c->codec->frame_size;
    c->frame->sample_rate = OPUS_RATE_HZ;
    error = av_channel_layout_copy(&c->frame->ch_layout, &c->codec->ch_layout);
    if (error >= 0)
        error = av_frame_get_buffer(c->frame, 0);
    return error >= 0 ? V2S_OK : fail(c, error);
}

static v2s_status open_container(compressor *c) {
    int error = avformat_alloc_output_context2(&c->format, NULL, "ogg", NULL);
    if (error >= 0)
        error = avio_open_dyn_buf(&c->format->pb);
    if (error < 0)
        return fail(c, error);
    c->format->flags |= AVFMT_FLAG_BITEXACT;
    AVStream *stream = avformat_new_stream(c->format, NULL);
    error = stream == NULL ? AVERROR(ENOMEM)
                           : avcodec_parameters_from_context(stream->codecpar, c->codec);
    if (error < 0)
        return fail(c, error);
    stream->time_base = c->codec->time_base;
    error = avformat_write_header(c->format, NULL);
    return error >= 0 ? V2S_OK : fail(c, error);
}

static v2s_status open_resampler(compressor *c, double rate_hz) {
    double ratio = OPUS_RATE_HZ / rate_hz;
    c->room = (size_t)ceil(BLOCK_FRAMES * fmax(ratio, 1.0)) + BLOCK_FRAMES;
    c->input = malloc(BLOCK_FRAMES * (size_t)c->channels * sizeof *c->input);
    c->resampled = malloc(c->room * (size_t)c->channels * sizeof *c->resampled);
    if (c->input == NULL || c->resampled == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", c->path);
    if (rate_hz == OPUS_RATE_HZ)
        return V2S_OK;
    soxr_error_t error = NULL;
    soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
    soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
    c->resampler =
        soxr_create(rate_hz, OPUS_RATE_HZ, (unsigned)c->channels, &error, &io, &quality, NULL);
    return error == NULL ? V2S_OK
                         : V2S_FAIL(V2S_UNSUPPORTED, "%s: %g Hz cannot be resampled: %s", c->path,
                                    rate_hz, error);
}

static v2s_status encode_frame(compressor *c, AVFrame *frame) {
    int error = avcodec_send_frame(c->codec, frame);
    while (error >= 0) {
        error = avcodec_receive_packet(c->codec, c->packet);
        if (error == AVERROR(EAGAIN) || error == AVERROR_EOF)
            return V2S_OK;
        if (error >= 0) {
            av_packet_rescale_ts(c->packet, c->codec->time_base, c->format->streams[0]->time_base);
            error = av_interleaved_write_frame(c->format, c->packet);
        }
    }
    return fail(c, error);
}

// Sends the filled part of the frame; only the last one may be short.
static v2s_status send_frame(compressor *c) {
    c->frame->nb_samples = c->filled;
    c->frame->pts = c->pts;
    c->pts += c->filled;
    c->filled = 0;
    V2S_TRY(encode_frame(c, c->frame));
    c->frame->nb_samples = c->codec->frame_size;
    return av_frame_make_writable(c->frame) >= 0
               ? V2S_OK
               : V2S_FAIL(V2S_NOMEM, "%s: out of memory", c->path);
}

static v2s_status push(compressor *c, const float *samples, size_t frames) {
    size_t channels = (size_t)c->channels;
    while (frames > 0) {
        size_t n = (size_t)(c->codec->frame_size - c->filled);
        n = n < frames ? n : frames;
        float *to = (float *)c->frame->data[0] + (size_t)c->filled * channels;
        memcpy(to, samples, n * channels * sizeof *samples);
        c->filled += (int)n;
        samples += n * channels;
        frames -= n;
        if (c->filled == c->codec->frame_size)
            V2S_TRY(send_frame(c));
    }
    return V2S_OK;
}

// NULL input: what the resampler still holds.
static v2s_status resample(compressor *c, const float *samples, size_t frames) {
    if (c->resampler == NULL)
        return push(c, samples, frames);
    size_t made;
    do {
        size_t used = 0;
        made = 0;
        soxr_error_t error =
            soxr_process(c->resampler, samples, frames, &used, c->resampled, c->room, &made);
        if (error != NULL)
            return V2S_FAIL(V2S_UNSUPPORTED, "%s: cannot be resampled: %s", c->path, error);
        V2S_TRY(push(c, c->resampled, made));
        if (samples != NULL) {
            samples += used * (size_t)c->channels;
            frames -= used;
        }
    } while (samples == NULL ? made > 0 : frames > 0);
    return V2S_OK;
}

// The next frames of the file or of the samples.
static v2s_status read_input(compressor *c, size_t want, size_t *got) {
    if (c->in != NULL)
        return v2s_sound_in_read(c->in, c->input, want, got);
    *got = want < c->frames ? want : c->frames;
    size_t values = *got * (size_t)c->channels;
    memcpy(c->input, c->samples, values * sizeof *c->input);
    c->samples += values;
    c->frames -= *got;
    return V2S_OK;
}

static v2s_status compress(compressor *c, double rate_hz, double max_seconds, int bitrate) {
    if (c->channels < 1 || c->channels > MAX_CHANNELS)
        return V2S_FAIL(V2S_ARG, "%s: expected one or two channels for a player, found %d", c->path,
                        c->channels);
    V2S_TRY(open_encoder(c, bitrate));
    V2S_TRY(open_container(c));
    V2S_TRY(open_resampler(c, rate_hz));
    double limit = max_seconds > 0.0 ? max_seconds * rate_hz : INFINITY;
    size_t got = BLOCK_FRAMES;
    for (double done = 0.0; done < limit && got > 0; done += (double)got) {
        size_t want = limit - done < BLOCK_FRAMES ? (size_t)ceil(limit - done) : BLOCK_FRAMES;
        V2S_TRY(read_input(c, want, &got));
        if (got > 0)
            V2S_TRY(resample(c, c->input, got));
    }
    if (c->resampler != NULL)
        V2S_TRY(resample(c, NULL, 0));
    if (c->filled > 0)
        V2S_TRY(send_frame(c));
    V2S_TRY(encode_frame(c, NULL));
    int error = av_write_trailer(c->format);
    return error >= 0 ? V2S_OK : fail(c, error);
}

// The bytes written so far, as memory that free() takes (NULL: out of memory or nothing wanted).
static unsigned char *take_bytes(compressor *c, size_t *size) {
    uint8_t *data = NULL;
    int count = avio_close_dyn_buf(c->format->pb, &data);
    c->format->pb = NULL;
    unsigned char *copy = count > 0 ? malloc((size_t)count) : NULL;
    if (copy != NULL)
        memcpy(copy, data, (size_t)count);
    av_free(data);
    *size = (size_t)count;
    return copy;
}

// What became of it, with the bytes; the compressor is closed.
static v2s_status finish(compressor *c, v2s_status status, unsigned char **bytes, size_t *size) {
    unsigned char *data = NULL;
    size_t count = 0;
    if (c->format != NULL && c->format->pb != NULL)
        data = take_bytes(c, &count);
    if (status == V2S_OK && data == NULL)
        status = V2S_FAIL(V2S_NOMEM, "%s: out of memory", c->path);
    avformat_free_context(c->format);
    avcodec_free_context(&c->codec);
    av_frame_free(&c->frame);
    av_packet_free(&c->packet);
    soxr_delete(c->resampler);
    v2s_sound_in_close(&c->in);
    free(c->input);
    free(c->resampled);
    if (status != V2S_OK) {
        free(data);
        return status;
    }
    *bytes = data;
    *size = count;
    return V2S_OK;
}

v2s_status v2s_compress_opus(const char *path, double max_seconds, int bitrate,
                             unsigned char **bytes, size_t *size) {
    compressor c = {.path = path};
    v2s_status status = v2s_sound_in_open(path, &c.in);
    if (status == V2S_OK) {
        const v2s_sound_info *info = v2s_sound_in_info(c.in);
        c.channels = info->channels;
        status = compress(&c, info->rate_hz, max_seconds, bitrate);
    }
    return finish(&c, status, bytes, size);
}

v2s_status v2s_compress_opus_samples(const float *samples, size_t frames, int channels,
                                     double rate_hz, int bitrate, unsigned char **bytes,
                                     size_t *size) {
    compressor c = {.path = "a sound", .samples = samples, .frames = frames, .channels = channels};
    return finish(&c, compress(&c, rate_hz, 0, bitrate), bytes, size);
}
