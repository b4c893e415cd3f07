// SPDX-License-Identifier: MIT
//
// Damaged files must never crash a reader, hang it or make it ask for absurd memory: truncations,
// flipped bits and overwritten runs of small valid files, with a fixed seed.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "data/media.h"
#include "data/mot.h"
#include "data/sound_in.h"
#include "data/video.h"
#include "tests/support/damage.h"
#include "tests/support/make_media.h"

enum { CASES = 120, MAX_PICTURES = 5000, MAX_BLOCKS = 20000 };

static void setup(void) {
    v2s_media_quiet();
    v2s_test_folder();
}

TestSuite(hostile_media, .init = setup, .fini = v2s_test_folder_remove);

static void read_video(const char *path) {
    v2s_video *video = NULL;
    if (v2s_video_open(path, NULL, &video) != V2S_OK) {
        cr_assert(video == NULL && v2s_error_text()[0] != '\0');
        return;
    }
    v2s_picture p;
    double time_s, last_s = -1e300;
    unsigned sum = 0;
    int n = 0;
    while (n++ < MAX_PICTURES && v2s_video_next(video, &p, &time_s) == V2S_OK) {
        cr_assert(time_s > last_s, "%.9f after %.9f", time_s, last_s);
        last_s = time_s;
        // touch the corners, so that wrong strides and sizes show
        sum += p.y[0] + p.y[(p.height - 1) * p.y_stride + p.width - 1];
        if (p.u != NULL)
            sum += p.v[((p.height - 1) >> p.chroma_shift_y) * p.uv_stride +
                       ((p.width - 1) >> p.chroma_shift_x)];
        cr_assert(p.width == v2s_video_info_of(video)->width && sum < UINT32_MAX);
    }
    (void)v2s_video_warning(video);
    v2s_video_close(&video);
}

static void read_sound(const char *path) {
    v2s_sound_in *in = NULL;
    if (v2s_sound_in_open(path, &in) != V2S_OK) {
        cr_assert(in == NULL && v2s_error_text()[0] != '\0');
        return;
    }
    size_t channels = (size_t)v2s_sound_in_info(in)->channels, got = 1;
    float *samples = malloc(4096 * channels * sizeof *samples);
    cr_assert(samples != NULL);
    for (int n = 0; n < MAX_BLOCKS && got > 0; n++)
        if (v2s_sound_in_read(in, samples, 4096, &got) != V2S_OK)
            break;
    (void)v2s_sound_in_warning(in);
    free(samples);
    v2s_sound_in_close(&in);
}

static void read_boxes(const char *path) {
    v2s_mot_row *rows = NULL;
    size_t count = 0;
    if (v2s_mot_read(path, &rows, &count) == V2S_OK)
        cr_assert(count > 0);
    free(rows);
}

static void replay(const char *from, const char *suffix, uint32_t seed, void (*read)(const char *),
                   void (*read_too)(const char *)) {
    size_t size;
    unsigned char *data = v2s_test_read_file(from, &size);
    char name[32];
    snprintf(name, sizeof name, "damaged.%s", suffix);
    const char *path = v2s_test_path(name);
    for (int i = 0; i < CASES; i++) {
        size_t damaged_size = size;
        unsigned char *bytes = v2s_test_damage(data, &damaged_size, &seed);
        v2s_test_write_file(path, bytes, damaged_size);
        free(bytes);
        read(path);
        if (read_too != NULL)
            read_too(path);
    }
    free(data);
}

static float sound[2 * 9600];

static const char *make(const char *name, const char *codec, const char *sound_codec) {
    for (size_t i = 0; i < sizeof sound / sizeof *sound; i++)
        sound[i] = (float)(i % 97) / 200.0f;
    v2s_test_video v = {.width = 48,
                        .height = 40,
                        .frames = 12,
                        .codec = codec,
                        .rotation_deg = 90,
                        .sound = sound,
                        .sound_frames = 9600,
                        .sound_channels = 2,
                        .sound_rate_hz = 48000,
                        .sound_codec = sound_codec};
    const char *path = v2s_test_path(name);
    v2s_test_make_video(path, &v);
    return path;
}

Test(hostile_media, damaged_mp4_never_crashes) {
    replay(make("a.mp4", NULL, "aac"), "mp4", 1, read_video, read_sound);
}

Test(hostile_media, damaged_mkv_never_crashes) {
    replay(make("a.mkv", "ffv1", NULL), "mkv", 2, read_video, read_sound);
}

Test(hostile_media, damaged_mpeg_transport_never_crashes) {
    replay(make("a.ts", "mpeg2video", "mp2"), "ts", 3, read_video, read_sound);
}

Test(hostile_media, damaged_wav_never_crashes) {
    const char *path = v2s_test_path("a.wav");
    v2s_test_make_wav(path, sound, 2400, 4, 48000);
    replay(path, "wav", 4, read_sound, NULL);
}

Test(hostile_media, damaged_flac_never_crashes) {
    replay(make("a.flac", NULL, "flac"), "flac", 5, read_sound, read_video);
}

Test(hostile_media, damaged_boxes_never_crash) {
    const char *path = v2s_test_path("boxes.txt");
    char text[2000] = "";
    for (int i = 0; i < 30; i++)
        sprintf(text + strlen(text), "%d,1,%d,20.5,30,40,0.9,-1,-1,-1\n", i + 1, 10 + i);
    v2s_test_write_file(path, text, strlen(text));
    for (uint32_t seed = 6; seed < 16; seed++)
        replay(path, "txt", seed, read_boxes, NULL);
}

Test(hostile_media, a_forged_picture_size_does_not_take_the_memory) {
    // "P6 60000 60000": 10 GB if it were believed
    const char *path = v2s_test_path("huge.ppm");
    v2s_test_write_file(path, "P6\n60000 60000\n255\nxxxxxxxxxxxx", 31);
    read_video(path);
    v2s_video *video = NULL;
    cr_assert(v2s_video_open(path, NULL, &video) != V2S_OK);
}
