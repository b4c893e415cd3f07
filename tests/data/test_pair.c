// SPDX-License-Identifier: MIT
#include "data/pair.h"

#include <criterion/criterion.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spatial/ambisonics.h"
#include "tests/support/hash_noise.h"

enum { RATE = 16000, FRAMES = 8000 };

typedef struct place {
    char folder[32], truth[64], dry[64], trajectory[64];
} place;

static place place_make(void) {
    place p = {"/tmp/v2s-pair-XXXXXX", "", "", ""};
    cr_assert(mkdtemp(p.folder) != NULL);
    snprintf(p.truth, sizeof p.truth, "%s/t.wav", p.folder);
    snprintf(p.dry, sizeof p.dry, "%s/d.wav", p.folder);
    snprintf(p.trajectory, sizeof p.trajectory, "%s/t.csv", p.folder);
    return p;
}

static void place_remove(const place *p) {
    unlink(p->truth);
    unlink(p->dry);
    unlink(p->trajectory);
    cr_assert_eq(rmdir(p->folder), 0);
}

static void write_sound(const char *path, const float *samples, int channels, int frames,
                        int rate_hz) {
    SF_INFO info = {
        .samplerate = rate_hz, .channels = channels, .format = SF_FORMAT_WAV | SF_FORMAT_FLOAT};
    SNDFILE *f = sf_open(path, SFM_WRITE, &info);
    cr_assert(f != NULL);
    cr_assert_eq(sf_writef_float(f, samples, frames), frames);
    sf_close(f);
}

// From the left at 2 m (time 0) over the front to the right at 0.25 m (time 1 s), or rows given.
static void write_trajectory(const char *path, const char *rows) {
    FILE *f = fopen(path, "w");
    fprintf(f, "time_s,object,az_deg,el_deg,dist_m,confidence\n%s",
            rows != NULL ? rows : "0,1,90,0,2,1\n0.5,1,0,0,1,1\n1,1,-90,0,0.25,1\n");
    fclose(f);
}

static v2s_clip clip_of(place *p, v2s_pairing pairing) {
    return (v2s_clip){.id = "c1",
                      .pairing = pairing,
                      .truth = p->truth,
                      .dry = p->dry,
                      .trajectory = p->trajectory};
}

static float *noise(unsigned stream, int count) {
    float *x = malloc((size_t)count * sizeof *x);
    hash_noise(stream, (size_t)count, 0.5f, x);
    return x;
}

Test(pair, omni_is_w_along_the_trajectory_without_a_distance_law) {
    place p = place_make();
    float *truth = noise(1, 4 * FRAMES);
    write_sound(p.truth, truth, 4, FRAMES, RATE);
    write_trajectory(p.trajectory, NULL);
    v2s_clip clip = clip_of(&p, V2S_PAIRING_OMNI);
    v2s_pair pair = {0};
    cr_assert_eq(v2s_pair_load(&clip, 0, &pair), V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(pair.frames, FRAMES);
    cr_assert_eq(pair.rate_hz, RATE);
    for (int i = 0; i < FRAMES; i++) {
        double az = v2s_rad(90 - 180.0 * i / RATE), w = (double)truth[4 * i];
        const float *g = pair.geometric + 4 * i;
        cr_assert_eq(g[0], truth[4 * i]);
        cr_assert_float_eq(g[1], w * sin(az), 2e-5, "frame %d", i);
        cr_assert_float_eq(g[2], 0, 1e-7);
        cr_assert_float_eq(g[3], w * cos(az), 2e-5);
        for (int c = 0; c < 4; c++)
            cr_assert_eq(pair.truth[4 * i + c], truth[4 * i + c]);
    }
    cr_expect_float_eq(v2s_trajectory_at(&pair.path, 0.25, NULL).distance_m, 1.5, 1e-12);
    v2s_pair_free(&pair);
    free(truth);
    place_remove(&p);
}

Test(pair, dry_has_the_distance_law_and_silence_where_the_sound_has_ended) {
    place p = place_make();
    float *truth = noise(2, 4 * FRAMES), *dry = noise(3, FRAMES);
    int dry_frames = FRAMES - 1000;
    write_sound(p.truth, truth, 4, FRAMES, RATE);
    write_sound(p.dry, dry, 1, dry_frames, RATE);
    write_trajectory(p.trajectory, "0,1,30,-20,0.25,1\n");
    v2s_clip clip = clip_of(&p, V2S_PAIRING_DRY);
    v2s_pair pair = {0};
    cr_assert_eq(v2s_pair_load(&clip, 0, &pair), V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(pair.frames, FRAMES);
    v2s_vec3 u = v2s_unit_from_angles(v2s_rad(30), v2s_rad(-20));
    for (int i = 0; i < FRAMES; i++) {
        double x = i < dry_frames ? 2 * (double)dry[i] : 0; // 1 / max(0.25, 0.5)
        const double expected[4] = {x, x * u.y, x * u.z, x * u.x};
        for (int c = 0; c < 4; c++)
            cr_assert_float_eq(pair.geometric[4 * i + c], expected[c], 1e-6);
    }
    float *mono = NULL;
    cr_assert_eq(v2s_pair_dry(&clip, &pair, &mono), V2S_OK, "%s", v2s_error_text());
    for (int i = 0; i < FRAMES; i++)
        cr_assert_eq(mono[i], i < dry_frames ? dry[i] : 0);
    free(mono);
    v2s_pair_free(&pair);
    free(truth);
    free(dry);
    place_remove(&p);
}

Test(pair, a_stretch_has_the_clips_own_clock) {
    place p = place_make();
    float *truth = noise(4, 4 * FRAMES);
    write_sound(p.truth, truth, 4, FRAMES, RATE);
    write_trajectory(p.trajectory, NULL);
    v2s_clip clip = clip_of(&p, V2S_PAIRING_OMNI);
    v2s_pair whole = {0}, part = {0};
    cr_assert_eq(v2s_pair_load(&clip, 0, &whole), V2S_OK);
    clip.start_s = 0.2;
    clip.duration_s = 0.1;
    cr_assert_eq(v2s_pair_load(&clip, 0, &part), V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(part.frames, RATE / 10);
    size_t skip = 4 * RATE / 5;
    cr_expect_arr_eq(part.truth, whole.truth + skip, 4 * part.frames * sizeof(float));
    for (size_t i = 0; i < 4 * part.frames; i++)
        cr_assert_float_eq(part.geometric[i], whole.geometric[skip + i], 1e-5);
    cr_expect_float_eq(part.path.points[0].time_s, -0.2, 1e-12);
    v2s_pair_free(&whole);
    v2s_pair_free(&part);
    free(truth);
    place_remove(&p);
}

// Whatever the file's layout, a plane wave is read as AmbiX.
Test(pair, every_layout_becomes_ambix) {
    static const char *const layouts[] = {"ambix", "n3d", "fuma", "wxyz_sn3d"};
    place p = place_make();
    write_trajectory(p.trajectory, NULL);
    float *w = noise(5, FRAMES);
    v2s_vec3 u = v2s_unit_from_angles(v2s_rad(70), v2s_rad(25));
    for (int k = 0; k < 4; k++) {
        double dipole = k == 1 ? sqrt(3) : 1, omni = k == 2 ? sqrt(0.5) : 1;
        double first = k < 2 ? u.y : u.x, second = k < 2 ? u.z : u.y, third = k < 2 ? u.x : u.z;
        float *file = malloc(4 * FRAMES * sizeof *file);
        for (int i = 0; i < FRAMES; i++) {
            file[4 * i] = (float)(omni * (double)w[i]);
            file[4 * i + 1] = (float)(dipole * first * (double)w[i]);
            file[4 * i + 2] = (float)(dipole * second * (double)w[i]);
            file[4 * i + 3] = (float)(dipole * third * (double)w[i]);
        }
        write_sound(p.truth, file, 4, FRAMES, RATE);
        v2s_clip clip = clip_of(&p, V2S_PAIRING_OMNI);
        clip.layout = (char *)layouts[k];
        v2s_pair pair = {0};
        cr_assert_eq(v2s_pair_load(&clip, 0, &pair), V2S_OK, "%s", v2s_error_text());
        v2s_vec3 i = v2s_foa_intensity(pair.truth, pair.frames);
        cr_expect_lt(v2s_angle_between_rad(i, u), 1e-5, "%s", layouts[k]);
        double energy = 0;
        for (int f = 0; f < FRAMES; f++) {
            cr_assert_float_eq(pair.truth[4 * f], w[f], 1e-6, "%s", layouts[k]);
            energy += (double)w[f] * (double)w[f];
        }
        cr_expect_float_eq(v2s_norm(i) / energy, 1, 1e-5, "%s", layouts[k]);
        v2s_pair_free(&pair);
        free(file);
    }
    free(w);
    place_remove(&p);
}

Test(pair, another_rate_keeps_a_tone_and_its_time) {
    place p = place_make();
    write_trajectory(p.trajectory, "0,1,0,0,1,1\n");
    float *file = malloc(4 * FRAMES * sizeof *file), *dry = malloc(3 * FRAMES * sizeof *dry);
    for (int i = 0; i < FRAMES; i++)
        for (int c = 0; c < 4; c++)
            file[4 * i + c] = (float)(0.5 * sin(2 * V2S_PI * 500 * i / RATE));
    for (int i = 0; i < 3 * FRAMES; i++)
        dry[i] = (float)(0.25 * cos(2 * V2S_PI * 500 * i / 48000));
    write_sound(p.truth, file, 4, FRAMES, RATE);
    write_sound(p.dry, dry, 1, 3 * FRAMES, 48000);
    v2s_clip clip = clip_of(&p, V2S_PAIRING_DRY);
    v2s_pair pair = {0};
    cr_assert_eq(v2s_pair_load(&clip, 24000, &pair), V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(pair.frames, 3 * FRAMES / 2);
    for (size_t i = 1000; i < pair.frames - 1000; i++) { // away from where the tones begin
        double phase = 2 * V2S_PI * 500 * (double)i / 24000;
        cr_assert_float_eq(pair.truth[4 * i + 2], 0.5 * sin(phase), 1e-4);
        cr_assert_float_eq(pair.geometric[4 * i], 0.25 * cos(phase), 1e-4);
    }
    v2s_pair_free(&pair);
    free(file);
    free(dry);
    place_remove(&p);
}

static void expect_refused(const v2s_clip *clip, v2s_status code, const char *part) {
    v2s_pair pair = {0};
    v2s_error_clear();
    cr_expect_eq(v2s_pair_load(clip, 0, &pair), code, "%s: %s", part, v2s_error_text());
    cr_expect_eq(strstr(v2s_error_text(), "clip c1: "), v2s_error_text(), "%s", v2s_error_text());
    cr_expect(strstr(v2s_error_text(), part) != NULL, "%s: %s", part, v2s_error_text());
    cr_expect(pair.truth == NULL);
}

Test(pair, files_that_do_not_fit_are_refused_by_name) {
    place p = place_make();
    float *x = noise(6, 4 * FRAMES);
    write_trajectory(p.trajectory, NULL);
    v2s_clip omni = clip_of(&p, V2S_PAIRING_OMNI), dry = clip_of(&p, V2S_PAIRING_DRY);
    expect_refused(&omni, V2S_IO, "t.wav");
    write_sound(p.truth, x, 2, FRAMES, RATE);
    expect_refused(&omni, V2S_FORMAT, "t.wav: expected 4 channels, found 2");
    write_sound(p.truth, x, 4, FRAMES, RATE);
    write_sound(p.dry, x, 2, FRAMES, RATE);
    expect_refused(&dry, V2S_FORMAT, "d.wav: expected 1 channel, found 2");
    omni.duration_s = 0.6;
    expect_refused(&omni, V2S_FORMAT, "t.wav: ends 0.500 s after start_s");
    omni.start_s = 7;
    expect_refused(&omni, V2S_FORMAT, "t.wav: ends before start_s");
    omni.start_s = omni.duration_s = 0;
    write_trajectory(p.trajectory, "0,a,0,0,1,1\n0,b,0,0,1,1\n");
    expect_refused(&omni, V2S_FORMAT, "t.csv: expected one object, found 2");
    write_trajectory(p.trajectory, "0,a,0,x,1,1\n");
    expect_refused(&omni, V2S_FORMAT, "t.csv");
    write_trajectory(p.trajectory, NULL);
    x[4001] = NAN;
    write_sound(p.truth, x, 4, FRAMES, RATE);
    expect_refused(&omni, V2S_NUMERIC, "t.wav");
    v2s_clip depth = clip_of(&p, V2S_PAIRING_DEPTH);
    expect_refused(&depth, V2S_UNSUPPORTED, "expected dry, omni or binaural, found depth");
    free(x);
    place_remove(&p);
}

// g of a mono mix as loud as the ears.
static double gain_of(const float *ears, int frames) {
    double power = 0, own = 0;
    for (int i = 0; i < frames; i++) {
        double left = ears[2 * i], right = ears[2 * i + 1];
        power += (left * left + right * right) / 2;
        own += (left + right) * (left + right) / 4;
    }
    return sqrt(power / own);
}

Test(pair, binaural_is_the_mean_of_the_ears_as_loud_as_they_are) {
    place p = place_make();
    float *ears = noise(1, 2 * FRAMES);
    write_sound(p.truth, ears, 2, FRAMES, RATE);
    write_trajectory(p.trajectory, NULL);
    v2s_clip clip = clip_of(&p, V2S_PAIRING_BINAURAL);
    v2s_pair pair = {0};
    cr_assert_eq(v2s_pair_load(&clip, 0, &pair), V2S_OK, "%s", v2s_error_text());
    cr_assert(pair.truth == NULL && pair.frames == FRAMES);
    cr_assert(memcmp(pair.ears, ears, 2 * FRAMES * sizeof *ears) == 0);
    double gain = gain_of(ears, FRAMES);
    cr_expect(gain > 1.3 && gain < 1.5); // independent noise: sqrt 2
    for (int i = 0; i < FRAMES; i++) {
        double az = v2s_rad(90 - 180.0 * i / RATE);
        double w = gain * ((double)ears[2 * i] + (double)ears[2 * i + 1]) / 2;
        const float *g = pair.geometric + 4 * i;
        cr_assert(fabs((double)g[V2S_ACN_W] - w) < 1e-6);
        cr_assert(fabs((double)g[V2S_ACN_X] - w * cos(az)) < 1e-5);
        cr_assert(fabs((double)g[V2S_ACN_Y] - w * sin(az)) < 1e-5);
    }
    v2s_pair_free(&pair);
    clip.trajectory = NULL;
    cr_assert_eq(v2s_pair_load(&clip, 0, &pair), V2S_OK, "%s", v2s_error_text());
    for (int i = 0; i < FRAMES; i++)
        cr_assert(pair.geometric[4 * i] == pair.geometric[4 * i + V2S_ACN_X] &&
                  pair.geometric[4 * i + V2S_ACN_Y] == 0);
    v2s_pair_free(&pair);
    for (int i = 0; i < FRAMES; i++) // opposite ears have no mean to be made louder
        ears[2 * i + 1] = -ears[2 * i] + 1e-4f;
    write_sound(p.truth, ears, 2, FRAMES, RATE);
    cr_assert_eq(v2s_pair_load(&clip, 0, &pair), V2S_OK, "%s", v2s_error_text());
    for (int i = 0; i < FRAMES; i++)
        cr_assert(fabs((double)pair.geometric[4 * i] - 1e-4) < 1e-7); // twice 0.5e-4
    v2s_pair_free(&pair);
    write_sound(p.truth, ears, 1, FRAMES, RATE);
    expect_refused(&clip, V2S_FORMAT, "expected 2 channels, found 1");
    free(ears);
    place_remove(&p);
}
