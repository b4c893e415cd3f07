// SPDX-License-Identifier: MIT
// Writes the media that the scripts of tests/cli use into a folder, so that they need no other
// program: make_fixtures FOLDER
//   film.mkv film.mp4    a textured square on its path (at 5,7,24,24 in the first of 50 pictures)
//                        with 2 s of mono sound; mp4 keeps its index at the end
//   late.mov             the same, sound from 0.5 s on
//   mute.mkv             the same without sound
//   frames/img*.pgm      ten of the pictures
//   sound.wav ...        half a second at 48 kHz; nan.wav and inf.wav have one bad sample, zero.wav
//                        has no samples, eight.wav has eight channels, silence.wav is silent
//   refiner.safetensors  random weights for 16 kHz; plain.safetensors without metadata,
//                        nan.safetensors with one weight that is no number
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "infer/refiner_file.h"
#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"

enum { RATE_HZ = 48000, FRAMES = 24000, FILM_FRAMES = 96000, CHANNELS = 8, IMAGES = 10 };

static char *in_folder(const char *folder, const char *name) {
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void make_films(const char *folder) {
    static float sound[FILM_FRAMES];
    hash_noise(1, FILM_FRAMES, 0.25f, sound);
    v2s_test_video film = {.width = 192, .height = 160, .frames = 50, .fps_hz = 25};
    v2s_test_make_video(in_folder(folder, "mute.mkv"), &film);
    film.sound = sound;
    film.sound_frames = FILM_FRAMES;
    film.sound_channels = 1;
    film.sound_rate_hz = RATE_HZ;
    v2s_test_make_video(in_folder(folder, "film.mkv"), &film);
    film.sound_start_s = 0.5;
    v2s_test_make_video(in_folder(folder, "late.mov"), &film);
    film.sound_start_s = 0;
    film.sound_codec = "flac";
    v2s_test_make_video(in_folder(folder, "film.mp4"), &film);
}

static void make_images(const char *folder) {
    v2s_test_video film = {.width = 192, .height = 160};
    if (mkdir(in_folder(folder, "frames"), 0777) != 0)
        abort();
    static unsigned char image[64 + 192 * 160];
    for (int i = 0; i < IMAGES; i++) {
        char name[64];
        int head = snprintf((char *)image, 64, "P5\n%d %d\n255\n", film.width, film.height);
        for (int y = 0; y < film.height; y++)
            for (int x = 0; x < film.width; x++)
                image[head + y * film.width + x] = (unsigned char)v2s_test_luma(&film, i, x, y);
        snprintf(name, sizeof name, "frames/img%d.pgm", i + 5);
        v2s_test_write_file(in_folder(folder, name), image,
                            (size_t)(head + film.width * film.height));
    }
}

static void make_sounds(const char *folder) {
    static float sound[FRAMES * CHANNELS];
    v2s_test_make_wav(in_folder(folder, "silence.wav"), sound, FRAMES, 1, RATE_HZ);
    hash_noise(2, FRAMES * CHANNELS, 0.25f, sound);
    v2s_test_make_wav(in_folder(folder, "sound.wav"), sound, FRAMES, 1, RATE_HZ);
    v2s_test_make_wav(in_folder(folder, "zero.wav"), sound, 0, 1, RATE_HZ);
    v2s_test_make_wav(in_folder(folder, "eight.wav"), sound, FRAMES, CHANNELS, RATE_HZ);
    sound[20000] = NAN;
    v2s_test_make_wav(in_folder(folder, "nan.wav"), sound, FRAMES, 1, RATE_HZ);
    sound[20000] = HUGE_VALF;
    v2s_test_make_wav(in_folder(folder, "inf.wav"), sound, FRAMES, 1, RATE_HZ);
}

static void check(v2s_status status) {
    if (status == V2S_OK)
        return;
    fprintf(stderr, "make_fixtures: %s\n", v2s_error_text());
    exit(1);
}

static v2s_status fill(void *ctx, const char *name, v2s_tensor *param) {
    unsigned *stream = ctx;
    (void)name;
    hash_noise((*stream)++, v2s_tensor_count(param), 0.3f, param->data);
    return V2S_OK;
}

static void make_refiners(const char *folder) {
    v2s_refiner_config config = {4, 3, 4, 3, 4};
    v2s_refiner *refiner = NULL;
    unsigned stream = 20;
    check(v2s_refiner_open(&config, &refiner));
    check(v2s_refiner_each_param(refiner, fill, &stream));
    check(v2s_refiner_save(in_folder(folder, "refiner.safetensors"), refiner, 16000, "dry"));
    check(v2s_refiner_save(in_folder(folder, "plain.safetensors"), refiner, 0, NULL));
    refiner->output.bias.data[2] = NAN;
    check(v2s_refiner_save(in_folder(folder, "nan.safetensors"), refiner, 16000, "dry"));
    v2s_refiner_close(&refiner);
}

int main(int argc, char **argv) {
    if (argc != 2 || (mkdir(argv[1], 0777) != 0 && access(argv[1], W_OK) != 0)) {
        fprintf(stderr, "usage: make_fixtures FOLDER\n");
        return 2;
    }
    make_films(argv[1]);
    make_images(argv[1]);
    make_sounds(argv[1]);
    make_refiners(argv[1]);
    return 0;
}
