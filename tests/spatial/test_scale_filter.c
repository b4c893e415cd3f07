// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>

#include "spatial/scale_filter.h"
#include "tests/spatial/tracker_scene.h"

typedef struct fixture {
    v2s_arena arena;
    v2s_scale_filter filter;
    const v2s_track_ops *ops;
    scene s;
    void *memory;
    v2s_pyramid pyramid;
} fixture;

static fixture make(double w, double h) {
    fixture f = {.ops = v2s_track_ops_for(v2s_cpu_isa()), .s = scene_open(320, 240)};
    v2s_scale_config c = {33, 1.02, 512, 0.01, 0.025};
    v2s_arena count = v2s_arena_count();
    v2s_scale_init(&f.filter, &count, &c, w, h, 320);
    cr_assert_eq(v2s_arena_open(&f.arena, count.used), V2S_OK);
    v2s_scale_init(&f.filter, &f.arena, &c, w, h, 320);
    f.memory = malloc(v2s_pyramid_bytes(320, 240));
    v2s_pyramid_init(&f.pyramid, f.memory, 320, 240);
    return f;
}

static void drop(fixture *f) {
    v2s_arena_close(&f->arena);
    scene_close(&f->s);
    free(f->memory);
}

static v2s_box box_of(double w, double h) {
    return (v2s_box){160 - w / 2, 120 - h / 2, w, h};
}

Test(scale_filter, measures_growth_within_one_percent) {
    static const double factors[] = {0.88, 0.92, 0.96, 1.0, 1.03, 1.1, 1.2};
    static const double sizes[][2] = {{60, 60}, {24, 40}, {110, 50}};
    for (int k = 0; k < 3; k++) {
        fixture f = make(sizes[k][0], sizes[k][1]);
        v2s_box b = box_of(sizes[k][0], sizes[k][1]);
        scene_draw(&f.s, &b);
        v2s_scale_train(&f.filter, f.ops, &f.s.picture, b, &f.pyramid);
        for (int i = 0; i < 7; i++) {
            v2s_box now = box_of(b.w * factors[i], b.h * factors[i]);
            scene_draw(&f.s, &now);
            v2s_pyramid_clear(&f.pyramid);
            double got = v2s_scale_detect(&f.filter, f.ops, &f.s.picture, b, &f.pyramid);
            cr_expect_float_eq(got, factors[i], 0.012 * factors[i], "%g x %g: %g, want %g", b.w,
                               b.h, got, factors[i]);
        }
        drop(&f);
    }
}

Test(scale_filter, a_constant_picture_is_finite) {
    fixture f = make(50, 50);
    v2s_box b = box_of(50, 50);
    v2s_scale_train(&f.filter, f.ops, &f.s.picture, b, &f.pyramid);
    double got = v2s_scale_detect(&f.filter, f.ops, &f.s.picture, b, &f.pyramid);
    cr_assert(isfinite(got) && got >= 0.7 && got <= 1.4, "%g", got);
    drop(&f);
}
