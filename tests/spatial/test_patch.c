// SPDX-License-Identifier: MIT
// Window sampling: a linear ramp is reproduced at any position, step and level of the pyramid.
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/patch.h"
#include "tests/spatial/tracker_scene.h"

static void sample(v2s_isa isa, const v2s_picture *p, v2s_plane plane, const v2s_window *w,
                   float *out) {
    const v2s_track_ops *ops = v2s_track_ops_for(isa);
    void *memory = malloc(v2s_pyramid_bytes(p->width, p->height));
    v2s_pyramid pyramid;
    v2s_pyramid_init(&pyramid, memory, p->width, p->height);
    float *row = malloc(((size_t)p->width + 2) * sizeof(float));
    v2s_patch_source s = v2s_patch_prepare(ops, p, plane, w, &pyramid);
    v2s_patch_sample(ops, &s, w, row, out);
    free(memory);
    free(row);
}

// Luma 16 + (x + y) / 4 code values: value (x + y) / 4 / 219 at pixel (x, y).
static void draw_ramp(scene *s) {
    for (int y = 0; y < s->height; y++)
        for (int x = 0; x < s->width; x++)
            s->y[y * s->width + x] = (uint8_t)(16 + (x + y) / 4);
}

static void check_ramp(const scene *s, double cx, double cy, double step, double tolerance) {
    static float out[40 * 24];
    v2s_window w = {cx, cy, step, step, 40, 24};
    sample(v2s_cpu_isa(), &s->picture, V2S_PLANE_Y, &w, out);
    for (int j = 0; j < 24; j++)
        for (int i = 0; i < 40; i++) {
            double x = cx + (i - 19.5) * step - 0.5, y = cy + (j - 11.5) * step - 0.5;
            // The mean of floor(v / 4) over four neighbours is v / 4 - 3 / 8.
            double want = ((x + y) / 4 - 0.375) / 219;
            cr_assert_float_eq(out[j * 40 + i], want, tolerance / 219, "%d,%d step %g: %g, want %g",
                               i, j, step, (double)out[j * 40 + i], want);
        }
}

Test(patch, samples_a_ramp_at_any_step) {
    scene s = scene_open(403, 301);
    draw_ramp(&s);
    check_ramp(&s, 200.3, 150.8, 0.37, 0.45);
    check_ramp(&s, 200.3, 150.8, 1.0, 0.45);
    check_ramp(&s, 200.3, 150.8, 2.3, 0.6);
    check_ramp(&s, 201.9, 149.1, 4.0, 0.8);
    check_ramp(&s, 201.9, 149.1, 6.5, 0.9);
    check_ramp(&s, 201.0, 150.0, 9.0, 0.9);
    scene_close(&s);
}

Test(patch, whole_pixels_are_exact) {
    scene s = scene_open(31, 17);
    v2s_box box = {4, 3, 9, 9};
    float out[16 * 8];
    scene_draw(&s, &box);
    v2s_window w = {12, 8, 1, 1, 16, 8};
    sample(v2s_cpu_isa(), &s.picture, V2S_PLANE_Y, &w, out);
    for (int j = 0; j < 8; j++)
        for (int i = 0; i < 16; i++)
            cr_assert_float_eq(out[j * 16 + i], (s.y[(j + 4) * 31 + i + 4] - 16) / 219.0, 1e-6);
    scene_close(&s);
}

Test(patch, outside_repeats_the_border) {
    scene s = scene_open(64, 48);
    float out[32 * 32];
    scene_draw(&s, NULL);
    v2s_window w = {-300, -300, 3, 3, 32, 32};
    sample(v2s_cpu_isa(), &s.picture, V2S_PLANE_Y, &w, out);
    for (int i = 1; i < 32 * 32; i++)
        cr_assert_eq(out[i], out[0]);
    s.picture.full_range = true;
    w = (v2s_window){32, 24, 1e6, 1e6, 32, 32};
    sample(v2s_cpu_isa(), &s.picture, V2S_PLANE_Y, &w, out);
    for (int i = 0; i < 32 * 32; i++)
        cr_assert(out[i] >= 0 && out[i] <= 1);
    scene_close(&s);
}

// Chroma is on the luma's coordinates whatever the subsampling.
Test(patch, chroma_lies_under_its_luma) {
    scene s = scene_open(128, 96);
    float out[16 * 16];
    for (int y = 0; y < 48; y++)
        for (int x = 0; x < 64; x++)
            s.u[y * 64 + x] = (uint8_t)(64 + 2 * x);
    v2s_window w = {61, 40, 2, 2, 16, 16};
    sample(v2s_cpu_isa(), &s.picture, V2S_PLANE_U, &w, out);
    for (int i = 0; i < 16; i++) {
        double x = 61 + (i - 7.5) * 2;
        cr_assert_float_eq(out[5 * 16 + i], (64 + 2 * (x / 2 - 0.5) - 128) / 224, 1e-5);
    }
    scene_close(&s);
}

Test(patch, every_instruction_set_gives_the_same_bits) {
    static const v2s_isa isas[] = {V2S_ISA_AVX2, V2S_ISA_AVX512};
    static const double steps[] = {0.4, 1.1, 3.3, 5.9};
    static float a[100 * 90], b[100 * 90];
    scene s = scene_open(333, 251);
    v2s_box box = {100, 80, 61.5, 47.3};
    scene_draw(&s, &box);
    for (int k = 0; k < 4; k++) {
        v2s_window w = {130.7, 100.2, steps[k], steps[k], 100, 90};
        sample(V2S_ISA_SCALAR, &s.picture, V2S_PLANE_Y, &w, a);
        for (int i = 0; i < 2 && isas[i] <= v2s_cpu_isa(); i++) {
            sample(isas[i], &s.picture, V2S_PLANE_Y, &w, b);
            cr_assert_eq(memcmp(a, b, sizeof a), 0, "%s, step %g", v2s_isa_name(isas[i]), steps[k]);
        }
    }
    scene_close(&s);
}
