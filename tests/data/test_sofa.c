// SPDX-License-Identifier: MIT
// The SOFA files that are there, and those that are none.
#include "data/sofa.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernels/base/status.h"

static char temporary[64];

// A file of `size` bytes; removed by drop_file.
static const char *make_file(const void *bytes, size_t size) {
    snprintf(temporary, sizeof temporary, "/tmp/v2s_sofa_XXXXXX");
    int fd = mkstemp(temporary);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
    close(fd);
    return temporary;
}

static void drop_file(void) {
    unlink(temporary);
}

// First sample above a third of the peak.
static int onset(const float *ir, int taps) {
    float peak = 0.0F;
    for (int t = 0; t < taps; t++)
        peak = fmaxf(peak, fabsf(ir[t]));
    for (int t = 0; t < taps; t++)
        if (fabsf(ir[t]) > peak / 3.0F)
            return t;
    return taps;
}

static void check_sides(const v2s_hrtf *h, const char *what) {
    int sides = 0;
    for (int m = 0; m < h->measurements; m++) {
        const float *left = h->ir + (size_t)m * 2 * (size_t)h->taps, *right = left + h->taps;
        cr_assert_float_eq(v2s_norm(h->unit[m]), 1.0, 1e-6);
        if (fabs(h->unit[m].y) < 0.7)
            continue;
        double energy[2] = {0};
        for (int t = 0; t < h->taps; t++) {
            energy[0] += (double)left[t] * left[t];
            energy[1] += (double)right[t] * right[t];
        }
        bool is_left = h->unit[m].y > 0.0;
        cr_assert_eq(energy[0] > energy[1], is_left, "%s, direction %d", what, m);
        cr_assert_eq(onset(left, h->taps) < onset(right, h->taps), is_left, "%s, direction %d",
                     what, m);
        sides++;
    }
    cr_assert_gt(sides, 10);
}

static void need(const char *path) {
    if (access(path, R_OK) != 0)
        cr_skip("%s is absent", path);
}

Test(sofa, reads_the_default_head_at_its_own_rate) {
    need(V2S_SOFA_DEFAULT);
    v2s_hrtf h = {0};
    cr_assert_eq(v2s_sofa_read(NULL, &h), V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(h.rate_hz, 44100.0);
    cr_assert_eq(h.measurements, 710);
    cr_assert_eq(h.taps, 512);
    cr_assert_str_eq(h.title, "MIT KEMAR, normal pinna");
    check_sides(&h, "KEMAR");
    v2s_hrtf_free(&h);
    cr_assert_null(h.ir);
}

Test(sofa, reads_other_heads) {
    static const struct {
        const char *name;
        int measurements, taps;
        double rate_hz;
    } heads[] = {{"CIPIC_subject_003_hrir_final", 1250, 200, 44100},
                 {"FHK_HRIR_L2354", 2354, 128, 48000},
                 {"LISTEN_1002_IRC_1002_C_HRIR", 187, 512, 48000}};
    for (int i = 0; i < 3; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/hrtf/%s.sofa", V2S_SHARED_DATA, heads[i].name);
        need(path);
        v2s_hrtf h = {0};
        cr_assert_eq(v2s_sofa_read(path, &h), V2S_OK, "%s", v2s_error_text());
        cr_assert_eq(h.measurements, heads[i].measurements);
        cr_assert_eq(h.taps, heads[i].taps);
        cr_assert_eq(h.rate_hz, heads[i].rate_hz);
        check_sides(&h, heads[i].name);
        v2s_hrtf_free(&h);
    }
}

static void fails(const char *path, v2s_status status, const char *words) {
    v2s_hrtf h = {.taps = 77};
    cr_assert_eq(v2s_sofa_read(path, &h), status, "%s", v2s_error_text());
    cr_assert(strstr(v2s_error_text(), words), "%s", v2s_error_text());
    cr_assert(strstr(v2s_error_text(), path), "%s", v2s_error_text());
    cr_assert_eq(h.taps, 77); // untouched
}

Test(sofa, what_is_no_sofa_file_fails_with_a_sentence) {
    fails("/tmp/v2s_there_is_no_such_file.sofa", V2S_IO, "No such file");
    fails("/tmp", V2S_IO, "not a regular file");
    fails(make_file("", 0), V2S_FORMAT, "");
    drop_file();
    fails(make_file("RIFF....WAVEfmt ", 16), V2S_FORMAT, "not a SOFA file");
    drop_file();
    static const unsigned char signature[] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    fails(make_file(signature, sizeof signature), V2S_FORMAT, "");
    drop_file();
}

Test(sofa, a_truncated_file_fails) {
    need(V2S_SOFA_DEFAULT);
    FILE *f = fopen(V2S_SOFA_DEFAULT, "rb");
    char *bytes = malloc(1 << 21);
    size_t size = fread(bytes, 1, 1 << 21, f);
    fclose(f);
    for (size_t part = 0; part < 8; part++) {
        v2s_hrtf h = {0};
        v2s_status status = v2s_sofa_read(make_file(bytes, size * part / 8), &h);
        cr_assert_neq(status, V2S_OK, "%zu / 8", part);
        drop_file();
    }
    free(bytes);
}

// Files of tests/tools/make_sofa.py: five directions (front, left, right, back, up), an impulse of
// (m + 1) / 10 at sample 4 (a tenth of it in the far ear) before Data.Delay.
static v2s_hrtf read_golden(const char *name) {
    char path[512];
    v2s_hrtf h = {0};
    snprintf(path, sizeof path, "%s/golden/%s", V2S_TEST_DATA, name);
    cr_assert_eq(v2s_sofa_read(path, &h), V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(h.measurements, 5);
    cr_assert_eq(h.rate_hz, 48000.0);
    cr_assert_str_eq(h.title, "made points");
    return h;
}

static double want_height(int m, int ear) {
    bool far = (m == 1 && ear == 1) || (m == 2 && ear == 0);
    return (m + 1) / 10.0 * (far ? 0.1 : 1.0);
}

Test(sofa, spherical_and_cartesian_positions_give_our_axes) {
    static const v2s_vec3 want[5] = {{1, 0, 0}, {0, 1, 0}, {0, -1, 0}, {-1, 0, 0}, {0, 0, 1}};
    static const char *const names[] = {"points.sofa", "points_cartesian.sofa"};
    for (int i = 0; i < 2; i++) {
        v2s_hrtf h = read_golden(names[i]);
        cr_assert_eq(h.taps, 16);
        for (int m = 0; m < 5; m++) {
            cr_assert_lt(v2s_angle_between_rad(h.unit[m], want[m]), 1e-6, "%s, %d", names[i], m);
            for (int e = 0; e < 2; e++)
                for (int t = 0; t < 16; t++)
                    cr_assert_float_eq(h.ir[(m * 2 + e) * 16 + t], t == 4 ? want_height(m, e) : 0.0,
                                       1e-7);
        }
        v2s_hrtf_free(&h);
    }
}

Test(sofa, delays_are_applied_also_where_they_are_fractions) {
    static const double delays[5][2] = {{0, 0}, {3, 40}, {40, 3}, {0.5, 0.5}, {10.25, 10.25}};
    v2s_hrtf h = read_golden("points_delays.sofa");
    double start = 0.0;
    for (int m = 0; m < 5; m++)
        for (int e = 0; e < 2; e++) {
            const float *ir = h.ir + (size_t)(m * 2 + e) * (size_t)h.taps;
            double sum = 0.0, moment = 0.0; // their quotient is the delay of low frequencies
            for (int t = 0; t < h.taps; t++) {
                sum += ir[t];
                moment += (double)ir[t] * t;
            }
            if (m == 0)
                start = moment / sum; // of a response without delay; the same for all
            cr_assert_float_eq(sum, want_height(m, e), 0.02 * want_height(m, e));
            cr_assert_float_eq(moment / sum - start, delays[m][e], 0.02, "%d %d", m, e);
        }
    v2s_hrtf_free(&h);
}

// points.sofa with the first `from` replaced by `to`.
static void fails_with(const void *from, const void *to, size_t size, v2s_status status,
                       const char *words) {
    char path[512];
    snprintf(path, sizeof path, "%s/golden/points.sofa", V2S_TEST_DATA);
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f);
    char *bytes = malloc(1 << 16);
    size_t count = fread(bytes, 1, 1 << 16, f);
    fclose(f);
    char *at = memmem(bytes, count, from, size);
    cr_assert_not_null(at, "%s", words);
    memcpy(at, to, size);
    fails(make_file(bytes, count), status, words);
    drop_file();
    free(bytes);
}

Test(sofa, what_is_no_set_of_two_ears_fails_with_a_sentence) {
    char path[512];
    snprintf(path, sizeof path, "%s/golden/points_three_ears.sofa", V2S_TEST_DATA);
    fails(path, V2S_FORMAT, "3 receivers, need 2");
    fails_with("SimpleFreeFieldHRIR", "SimpleFreeFieldSXYZ", 19, V2S_FORMAT, "SimpleFreeFieldSXYZ");
    const double rate = 48000.0, bad_rate = -1.0, level = 0.3, nan = NAN;
    fails_with(&rate, &bad_rate, sizeof rate, V2S_FORMAT, "Data.SamplingRate is -1 Hz");
    fails_with(&level, &nan, sizeof level, V2S_NUMERIC, "Data.IR");
    const double azimuth = 270.0, infinite = INFINITY;
    fails_with(&azimuth, &infinite, sizeof azimuth, V2S_NUMERIC, "SourcePosition");
    const double front[3] = {1, 0, 0}, left[3] = {0, 1, 0};
    fails_with(front, left, sizeof front, V2S_UNSUPPORTED, "ListenerView");
}
