// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "data/sofa.h"
#include "infer/exhibit.h"
#include "tests/support/foa_scene.h"

enum { RATE = 16000, FRAMES = 32000 };

static v2s_ear_decoder *open_decoder(void) {
    v2s_hrtf hrtf = {0};
    v2s_ear_decoder *decoder = NULL;
    cr_assert_eq(v2s_sofa_read(NULL, &hrtf), V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(v2s_ear_decoder_open(&hrtf, RATE, &decoder), V2S_OK, "%s", v2s_error_text());
    v2s_hrtf_free(&hrtf);
    return decoder;
}

// Plane waves from the left, from the front and half as loud from above; silent from 1 s to 1.4 s.
static void make_sounds(float *sounds[3]) {
    sounds[0] = foa_plane_wave(FRAMES, 1, 0, 1, 0);
    sounds[1] = foa_plane_wave(FRAMES, 1, 1, 0, 0);
    sounds[2] = foa_plane_wave(FRAMES, 1, 0, 0, 1);
    for (int i = 0; i < 3; i++)
        memset(sounds[i] + (size_t)4 * RATE, 0, (size_t)4 * 6400 * sizeof(float));
    for (size_t i = 0; i < (size_t)4 * FRAMES; i++)
        sounds[2][i] *= 0.5f;
}

static bool is_png(const v2s_exhibit_file *f) {
    return f->size > 100 && memcmp(f->bytes, "\x89PNG\r\n\x1a\n", 8) == 0;
}

Test(exhibit, plane_waves_are_where_they_come_from) {
    float *sounds[3];
    v2s_exhibit e = {0};
    v2s_point point = {0, {0, 1, 0}, 2, 1};
    v2s_trajectory path = {.count = 1, .points = &point};
    make_sounds(sounds);
    v2s_exhibit_source s = {.rate_hz = RATE,
                            .frames = FRAMES,
                            .channels = 4,
                            .count = 3,
                            .names = {"truth", "refined", "geometric"},
                            .colours = {0, 1, 2},
                            .sounds = {sounds[0], sounds[1], sounds[2]},
                            .path = &path,
                            .decoder = open_decoder()};
    cr_assert_eq(v2s_exhibit_make(&s, &e), V2S_OK, "%s", v2s_error_text());
    cr_expect_eq(e.voice_count, 3);
    cr_expect_eq(e.map_count, V2S_EXHIBIT_MAPS);
    cr_expect_float_eq(e.length_s, 2, 1e-9);
    cr_expect_float_eq(e.top_hz, RATE / 2.0, 1e-9);
    const double azimuth[3] = {90, 0, 0}, elevation[3] = {0, 0, 90};
    for (int i = 0; i < 3; i++) {
        const v2s_exhibit_voice *v = &e.voices[i];
        cr_expect(is_png(&v->spectrogram));
        cr_expect(is_png(&v->maps[0]) && is_png(&v->maps[V2S_EXHIBIT_MAPS - 1]));
        cr_expect_float_eq(v->peaks[0].elevation_deg, elevation[i], 2.1);
        if (i < 2)
            cr_expect_float_eq(v->peaks[0].azimuth_deg, azimuth[i], 1.1);
        cr_expect_float_eq(v->elevation_deg[0], elevation[i], 1e-3);
        cr_expect(memcmp(v->sound.bytes, e.opus ? "OggS" : "RIFF", 4) == 0);
    }
    cr_expect_float_eq(e.voices[2].peaks[0].amplitude, e.voices[0].peaks[0].amplitude / 2, 1e-2);
    // Windows of 0.2 s every 0.05 s: the 23rd lies in the silence.
    cr_expect_float_eq(e.direction_s[22], 1.2, 1e-9);
    cr_expect(isnan(e.voices[0].azimuth_deg[22]) && isfinite(e.voices[0].azimuth_deg[35]));
    cr_expect(e.has_path);
    cr_expect_float_eq(e.path_azimuth_deg[5], 90, 1e-9);
    v2s_exhibit_free(&e);
    v2s_ear_decoder_close(&s.decoder);
    for (int i = 0; i < 3; i++)
        free(sounds[i]);
}

// One gain for all: the loudest sample of the loudest sound comes to -3 dBFS.
Test(exhibit, two_channels_have_no_maps_and_one_gain) {
    float *loud = stereo_scene(RATE, FRAMES, 5), *soft = stereo_scene(RATE, FRAMES, 5);
    double peak = 0;
    v2s_exhibit e = {0};
    for (size_t i = 0; i < (size_t)2 * FRAMES; i++) {
        peak = fmax(peak, fabs((double)loud[i]));
        soft[i] *= 0.25f;
    }
    v2s_exhibit_source s = {.rate_hz = RATE,
                            .frames = FRAMES,
                            .channels = 2,
                            .count = 2,
                            .names = {"truth", "prediction"},
                            .sounds = {loud, soft}};
    cr_assert_eq(v2s_exhibit_make(&s, &e), V2S_OK, "%s", v2s_error_text());
    cr_expect_eq(e.map_count, 0);
    cr_expect_eq(e.direction_count, 0);
    cr_expect_float_eq(e.gain_db, -3.0 - 20 * log10(peak), 1e-3);
    cr_expect(is_png(&e.voices[1].spectrogram));
    cr_expect(memcmp(e.voices[0].spectrogram.bytes, e.voices[1].spectrogram.bytes,
                     e.voices[0].spectrogram.size) != 0,
              "a softer sound must be darker");
    v2s_exhibit_free(&e);
    s.frames = 100;
    cr_expect_eq(v2s_exhibit_make(&s, &e), V2S_FORMAT);
    cr_expect_eq(e.voice_count, 0);
    free(loud);
    free(soft);
}

Test(exhibit, long_clips_are_cut) {
    size_t frames = (size_t)12 * RATE;
    float *sound = stereo_scene(RATE, frames, 3);
    v2s_exhibit e = {0};
    v2s_exhibit_source s = {.rate_hz = RATE,
                            .frames = frames,
                            .channels = 2,
                            .count = 1,
                            .names = {"truth"},
                            .sounds = {sound}};
    cr_assert_eq(v2s_exhibit_make(&s, &e), V2S_OK, "%s", v2s_error_text());
    cr_expect_float_eq(e.length_s, V2S_EXHIBIT_MAX_S, 1e-9);
    cr_expect_float_eq(e.whole_s, 12, 1e-9);
    v2s_exhibit_free(&e);
    free(sound);
}
