// SPDX-License-Identifier: MIT
#include "tests/support/make_media.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
#include <libavutil/display.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <sndfile.h>

#include "data/media.h"

enum { SQUARE = 24, TICKS_PER_S = 90000, SOUND_BLOCK = 1024, TRIES = 8 };

#define CHECK(call)                                                                                \
    do {                                                                                           \
        int check_result_ = (call);                                                                \
        cr_assert(check_result_ >= 0, "%s: %s", #call, av_err2str(check_result_));                 \
    } while (0)

v2s_box v2s_test_square(const v2s_test_video *v, int frame) {
    int room_x = v->width - SQUARE > 1 ? v->width - SQUARE : 1;
    int room_y = v->height - SQUARE > 1 ? v->height - SQUARE : 1;
    v2s_box box = {(5 + 3 * frame) % room_x, (7 + 2 * frame) % room_y, SQUARE, SQUARE};
    return box;
}

int v2s_test_luma(const v2s_test_video *v, int frame, int x, int y) {
    v2s_box s = v2s_test_square(v, frame);
    int dx = x - (int)s.x, dy = y - (int)s.y;
    if (dx >= 0 && dy >= 0 && dx < SQUARE && dy < SQUARE)
        return ((dx / 4 + dy / 4) % 2 == 0 ? 210 : 40) + dx % 3;
    return 60 + 60 * x / v->width + 40 * y / v->height;
}

static int chroma(int plane, int x, int y) {
    return plane == 1 ? 100 + x % 40 : 120 + y % 40;
}

static void paint(const v2s_test_video *v, int index, AVFrame *f) {
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
    bool packed_rgb = (d->flags & AV_PIX_FMT_FLAG_RGB) != 0;
    for (int y = 0; y < f->height; y++)
        for (int x = 0; x < f->width; x++) {
            uint8_t value = (uint8_t)v2s_test_luma(v, index, x, y);
            if (packed_rgb)
                memset(f->data[0] + y * f->linesize[0] + 3 * x, value, 3); // grey
            else
                f->data[0][y * f->linesize[0] + x] = value;
        }
    for (int p = 1; !packed_rgb && p < d->nb_components; p++) {
        int w = AV_CEIL_RSHIFT(f->width, d->log2_chroma_w);
        int h = AV_CEIL_RSHIFT(f->height, d->log2_chroma_h);
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++)
                f->data[p][y * f->linesize[p] + x] = (uint8_t)chroma(p, x, y);
    }
}

static AVCodecContext *open_video(const v2s_test_video *v, bool global_header) {
    const AVCodec *encoder = avcodec_find_encoder_by_name(v->codec != NULL ? v->codec : "libx264");
    cr_assert(encoder != NULL);
    AVCodecContext *c = avcodec_alloc_context3(encoder);
    c->width = v->width;
    c->height = v->height;
    c->pix_fmt = av_get_pix_fmt(v->pixels != NULL ? v->pixels : "yuv420p");
    c->time_base = av_make_q(1, TICKS_PER_S);
    if (encoder->id == AV_CODEC_ID_MPEG4) // 16 bits of ticks
        c->time_base = av_make_q(1, 1000);
    c->framerate = av_d2q(v->fps_hz > 0 ? v->fps_hz : 25.0, 100000);
    if (encoder->id == AV_CODEC_ID_MPEG2VIDEO || encoder->id == AV_CODEC_ID_THEORA) // fixed rates
        c->time_base = av_inv_q(c->framerate);
    c->color_range = v->full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_UNSPECIFIED;
    c->thread_count = 1;
    c->gop_size = 10;
    if (global_header)
        c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    if (encoder->id == AV_CODEC_ID_MJPEG) { // best quality
        c->flags |= AV_CODEC_FLAG_QSCALE;
        c->global_quality = FF_QP2LAMBDA;
        c->qmin = 1;
    }
    if (strncmp(encoder->name, "libx264", 7) == 0) { // lossless
        av_opt_set(c->priv_data, "qp", "0", 0);
        av_opt_set(c->priv_data, "preset", "ultrafast", 0);
    }
    CHECK(avcodec_open2(c, encoder, NULL));
    return c;
}

static AVCodecContext *open_sound(const v2s_test_video *v, bool global_header) {
    const AVCodec *encoder =
        avcodec_find_encoder_by_name(v->sound_codec != NULL ? v->sound_codec : "pcm_f32le");
    cr_assert(encoder != NULL);
    AVCodecContext *c = avcodec_alloc_context3(encoder);
    c->sample_rate = v->sound_rate_hz;
    c->sample_fmt = encoder->sample_fmts[0];
    for (const enum AVSampleFormat *s = encoder->sample_fmts; *s != AV_SAMPLE_FMT_NONE; s++)
        if (*s == AV_SAMPLE_FMT_FLT)
            c->sample_fmt = *s;
    c->bit_rate = 128000;
    c->time_base = av_make_q(1, v->sound_rate_hz);
    if (global_header)
        c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    av_channel_layout_default(&c->ch_layout, v->sound_channels);
    if (v->sound_discrete) {
        c->bit_rate = 128000 * v->sound_channels;
        CHECK(av_opt_set_int(c->priv_data, "mapping_family", 255, 0));
    }
    CHECK(avcodec_open2(c, encoder, NULL));
    return c;
}

static AVStream *add_stream(AVFormatContext *format, const AVCodecContext *codec) {
    AVStream *s = avformat_new_stream(format, NULL);
    CHECK(avcodec_parameters_from_context(s->codecpar, codec));
    s->time_base = codec->time_base;
    s->avg_frame_rate = codec->framerate;
    return s;
}

// Sends one frame (NULL: the end) and writes what comes out.
static void encode(AVFormatContext *format, AVStream *stream, AVCodecContext *codec,
                   const AVFrame *frame, int64_t duration) {
    AVPacket *packet = av_packet_alloc();
    CHECK(avcodec_send_frame(codec, frame));
    while (avcodec_receive_packet(codec, packet) >= 0) {
        if (packet->duration == 0)
            packet->duration = duration;
        av_packet_rescale_ts(packet, codec->time_base, stream->time_base);
        packet->stream_index = stream->index;
        CHECK(av_interleaved_write_frame(format, packet));
    }
    av_packet_free(&packet);
}

static void write_pictures(const v2s_test_video *v, AVFormatContext *format, AVStream *stream,
                           AVCodecContext *codec) {
    double fps_hz = v->fps_hz > 0 ? v->fps_hz : 25.0;
    double ticks = 1.0 / av_q2d(codec->time_base);
    for (int i = 0; i < v->frames; i++) {
        AVFrame *f = av_frame_alloc();
        f->format = codec->pix_fmt;
        f->width = v->width;
        f->height = v->height;
        CHECK(av_frame_get_buffer(f, 0));
        paint(v, i, f);
        f->quality = codec->global_quality;
        f->pts = llround((v->times_s != NULL ? v->times_s[i] : i / fps_hz) * ticks);
        encode(format, stream, codec, f, llround(ticks / fps_hz));
        av_frame_free(&f);
    }
    encode(format, stream, codec, NULL, llround(ticks / fps_hz));
}

static void fill_sound(const v2s_test_video *v, size_t at, AVFrame *f) {
    size_t channels = (size_t)v->sound_channels;
    for (size_t i = 0; i < (size_t)f->nb_samples; i++)
        for (size_t c = 0; c < channels; c++) {
            float x = v->sound[(at + i) * channels + c];
            if (f->format == AV_SAMPLE_FMT_FLTP)
                ((float *)f->extended_data[c])[i] = x;
            else if (f->format == AV_SAMPLE_FMT_FLT)
                ((float *)f->data[0])[i * channels + c] = x;
            else if (f->format == AV_SAMPLE_FMT_S16)
                ((int16_t *)f->data[0])[i * channels + c] = (int16_t)lrintf(x * 32767.0f);
            else
                cr_assert_fail("sample format");
        }
}

static void write_sound(const v2s_test_video *v, AVFormatContext *format, AVStream *stream,
                        AVCodecContext *codec) {
    size_t block = codec->frame_size > 0 ? (size_t)codec->frame_size : SOUND_BLOCK;
    int64_t start = llround(v->sound_start_s * v->sound_rate_hz);
    for (size_t at = 0; at < v->sound_frames; at += block) {
        AVFrame *f = av_frame_alloc();
        f->format = codec->sample_fmt;
        f->sample_rate = codec->sample_rate;
        f->nb_samples = (int)(v->sound_frames - at < block ? v->sound_frames - at : block);
        CHECK(av_channel_layout_copy(&f->ch_layout, &codec->ch_layout));
        CHECK(av_frame_get_buffer(f, 0));
        fill_sound(v, at, f);
        f->pts = start + (int64_t)at;
        if (v->gap_s > 0.0 && at >= v->gap_at)
            f->pts += llround(v->gap_s * v->sound_rate_hz);
        encode(format, stream, codec, f, f->nb_samples);
        av_frame_free(&f);
    }
    encode(format, stream, codec, NULL, 0);
}

static void set_matrix(const v2s_test_video *v, AVStream *stream) {
    if (v->rotation_deg == 0 && !v->mirrored)
        return;
    int32_t *m =
        (int32_t *)av_stream_new_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, 9 * sizeof(int32_t));
    av_display_rotation_set(m, -v->rotation_deg); // libavutil counts clockwise
    if (v->mirrored) {                            // x -> -x before the rotation
        m[0] = -m[0];
        m[1] = -m[1];
    }
}

void v2s_test_make_video(const char *path, const v2s_test_video *v) {
    v2s_media_quiet();
    AVFormatContext *format = NULL;
    CHECK(avformat_alloc_output_context2(&format, NULL, NULL, path));
    bool global_header = (format->oformat->flags & AVFMT_GLOBALHEADER) != 0;
    format->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
    AVCodecContext *video = v->width > 0 ? open_video(v, global_header) : NULL;
    AVCodecContext *sound = v->sound != NULL ? open_sound(v, global_header) : NULL;
    AVStream *video_stream = video != NULL ? add_stream(format, video) : NULL;
    AVStream *sound_stream = sound != NULL ? add_stream(format, sound) : NULL;
    if (video_stream != NULL)
        set_matrix(v, video_stream);
    if (v->cover)
        video_stream->disposition |= AV_DISPOSITION_ATTACHED_PIC;
    AVDictionary *options = NULL;
    if (v->key != NULL) {
        av_dict_set(&format->metadata, v->key, v->value, 0);
        av_dict_set(&options, "movflags", "use_metadata_tags", 0);
    }
    CHECK(avio_open(&format->pb, path, AVIO_FLAG_WRITE));
    CHECK(avformat_write_header(format, &options));
    av_dict_free(&options);
    if (video != NULL)
        write_pictures(v, format, video_stream, video);
    if (sound != NULL)
        write_sound(v, format, sound_stream, sound);
    CHECK(av_write_trailer(format));
    avio_closep(&format->pb);
    avcodec_free_context(&video);
    avcodec_free_context(&sound);
    avformat_free_context(format);
}

void v2s_test_make_wav(const char *path, const float *samples, size_t frames, int channels,
                       int rate_hz) {
    SF_INFO info = {
        .samplerate = rate_hz, .channels = channels, .format = SF_FORMAT_WAV | SF_FORMAT_FLOAT};
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    cr_assert(file != NULL);
    cr_assert(sf_writef_float(file, samples, (sf_count_t)frames) == (sf_count_t)frames);
    sf_close(file);
}

static char test_folder[64]; // empty: there is none

const char *v2s_test_folder(void) {
    if (test_folder[0] == '\0') {
        strcpy(test_folder, "/tmp/v2s-test-XXXXXX");
        cr_assert(mkdtemp(test_folder) != NULL);
    }
    return test_folder;
}

const char *v2s_test_path(const char *name) {
    static char paths[TRIES][256];
    static unsigned next;
    char *path = paths[next++ % TRIES];
    snprintf(path, sizeof paths[0], "%s/%s", v2s_test_folder(), name);
    return path;
}

static void remove_all(const char *folder) {
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        struct stat info;
        if (lstat(path, &info) == 0 && S_ISDIR(info.st_mode))
            remove_all(path);
        else
            unlink(path);
    }
    if (dir != NULL)
        closedir(dir);
    rmdir(folder);
}

void v2s_test_folder_remove(void) {
    remove_all(v2s_test_folder());
    test_folder[0] = '\0';
}

unsigned char *v2s_test_read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    cr_assert(file != NULL, "%s", path);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *data = malloc(*size + 1);
    cr_assert(fread(data, 1, *size, file) == *size);
    fclose(file);
    return data;
}

void v2s_test_write_text(const char *name, const char *text) {
    v2s_test_write_file(v2s_test_path(name), text, strlen(text));
}

void v2s_test_write_file(const char *path, const void *data, size_t size) {
    FILE *file = fopen(path, "wb");
    cr_assert(file != NULL, "%s", path);
    cr_assert(size == 0 || fwrite(data, 1, size, file) == size);
    fclose(file);
}

int v2s_test_count_files(const char *folder, const char *part) {
    DIR *dir = opendir(folder);
    int count = 0;
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL)
        count += strstr(entry->d_name, part) != NULL;
    if (dir != NULL)
        closedir(dir);
    return count;
}
