// SPDX-License-Identifier: MIT
// The tracker on made scenes, its states, and what it refuses.
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/tracker.h"
#include "tests/spatial/tracker_scene.h"

static v2s_tracker *start(scene *s, v2s_box box) {
    v2s_tracker *t = NULL;
    scene_draw(s, &box);
    cr_assert_eq(v2s_tracker_open(&s->picture, box, &t), V2S_OK, "%s", v2s_error_text());
    return t;
}

static v2s_track step(v2s_tracker *t, scene *s, const v2s_box *box) {
    v2s_track r;
    scene_draw(s, box);
    cr_assert_eq(v2s_tracker_update(t, &s->picture, &r), V2S_OK, "%s", v2s_error_text());
    return r;
}

static double centre_error(v2s_box a, v2s_box b) {
    return hypot(a.x + a.w / 2 - b.x - b.w / 2, a.y + a.h / 2 - b.y - b.h / 2);
}

// Squares of several sizes go around; the centre stays within 1.5 pixels, mean within 0.6.
static void follow_path(double size, bool grey) {
    scene s = scene_open(320, 240);
    if (grey)
        s.picture.u = s.picture.v = NULL;
    v2s_box b = {90, 80, size, size};
    v2s_tracker *t = start(&s, b);
    double sum = 0;
    for (int i = 1; i <= 40; i++) {
        v2s_box p = b;
        p.x += 2.3 * i + 3 * sin(0.4 * i);
        p.y += 12 * sin(0.25 * i);
        v2s_track r = step(t, &s, &p);
        double error = centre_error(r.box, p);
        sum += error;
        cr_assert(error <= 1.5, "size %g, picture %d: %.2f pixels off", size, i, error);
        cr_assert_float_eq(r.box.w, size, 0.04 * size, "size %g, picture %d: width %.2f", size, i,
                           r.box.w);
        cr_assert_eq(r.state, V2S_TRACKED);
        cr_assert(r.confidence > 0.5 && r.confidence <= 1);
    }
    cr_assert(sum / 40 < 0.6, "size %g: mean error %.2f pixels", size, sum / 40);
    v2s_tracker_close(&t);
    cr_assert_null(t);
    scene_close(&s);
}

Test(tracker, follows_a_path_to_a_pixel) {
    follow_path(24, false);
    follow_path(48, false);
    follow_path(90, false);
}

Test(tracker, follows_on_grey_pictures) {
    follow_path(48, true);
}

static void follow_growth(double rate, int pictures) {
    scene s = scene_open(320, 240);
    v2s_box b = {130, 90, 60, 60};
    v2s_tracker *t = start(&s, b);
    for (int i = 1; i <= pictures; i++) {
        double f = pow(rate, i);
        v2s_box p = {160 - 30 * f + 0.5 * i, 120 - 30 * f, 60 * f, 60 * f};
        v2s_track r = step(t, &s, &p);
        cr_assert_float_eq(r.box.w, p.w, 0.06 * p.w, "picture %d: width %.1f, want %.1f", i,
                           r.box.w, p.w);
        cr_assert(centre_error(r.box, p) < 2.5);
    }
    v2s_tracker_close(&t);
    scene_close(&s);
}

Test(tracker, follows_growth_to_double_and_half) {
    follow_growth(1.012, 58); // 1.012^58 = 2.0
    follow_growth(1 / 1.012, 58);
}

static void lose_and_find(bool grey) {
    scene s = scene_open(320, 240);
    if (grey)
        s.picture.u = s.picture.v = NULL;
    v2s_box b = {100, 90, 50, 50}, last = b;
    v2s_tracker *t = start(&s, b);
    v2s_track r = {0};
    for (int i = 1; i < 20; i++) {
        last.x += 1.3;
        r = step(t, &s, &last);
    }
    v2s_box held = r.box;
    double confidence = r.confidence;
    // Up to two doubtful pictures may pass before the object counts as lost; then the box is back.
    int doubtful = 0;
    while ((r = step(t, &s, NULL)).state == V2S_TRACKED)
        cr_assert(++doubtful < 3 && r.confidence < 0.4, "%g", r.confidence);
    confidence = r.confidence + 1e-9;
    for (int i = 0; i < 15; i++) {
        if (i > 0)
            r = step(t, &s, NULL);
        cr_assert_eq(r.state, V2S_HELD, "picture %d without the object: state %d", i, r.state);
        cr_assert(!memcmp(&r.box, &held, sizeof held), "the box moved while held");
        cr_assert(r.confidence < confidence && r.confidence >= 0);
        confidence = r.confidence;
    }
    cr_assert(confidence < 0.1);
    v2s_box back = {last.x + 38, last.y - 22, 50, 50};
    int pictures = 0;
    while (r.state == V2S_HELD && pictures < 10) {
        r = step(t, &s, &back);
        pictures++;
    }
    cr_assert_eq(r.state, V2S_REDETECTED, "not found in %d pictures", pictures);
    cr_assert(centre_error(r.box, back) < 2);
    for (int i = 0; i < 10; i++) {
        back.x += 1;
        r = step(t, &s, &back);
        cr_assert_eq(r.state, V2S_TRACKED);
        cr_assert(centre_error(r.box, back) < 1.5);
    }
    v2s_tracker_close(&t);
    scene_close(&s);
}

Test(tracker, holds_while_the_object_is_gone_and_finds_it_again) {
    lose_and_find(false);
    lose_and_find(true);
}

// Far outside the first window: the search grows until it gets there.
Test(tracker, search_grows_while_held) {
    scene s = scene_open(400, 300);
    v2s_box b = {40, 40, 40, 40}, far = {310, 215, 40, 40};
    v2s_tracker *t = start(&s, b);
    v2s_track r = {0};
    for (int i = 0; i < 5; i++)
        r = step(t, &s, &b);
    for (int i = 0; i < 3; i++)
        r = step(t, &s, NULL);
    cr_assert_eq(r.state, V2S_HELD);
    int pictures = 0;
    while (r.state == V2S_HELD && pictures < 120) {
        r = step(t, &s, &far);
        pictures++;
    }
    cr_assert_eq(r.state, V2S_REDETECTED, "not found in %d pictures", pictures);
    cr_assert(centre_error(r.box, far) < 2);
    v2s_tracker_close(&t);
    scene_close(&s);
}

// Two thirds of the size it had when it was lost, outside the first window.
Test(tracker, search_looks_for_other_sizes) {
    scene s = scene_open(400, 300);
    v2s_box b = {60, 60, 60, 60}, small = {270, 170, 41, 41};
    v2s_tracker *t = start(&s, b);
    v2s_track r = {0};
    for (int i = 0; i < 5; i++)
        r = step(t, &s, &b);
    for (int i = 0; i < 3; i++)
        r = step(t, &s, NULL);
    cr_assert_eq(r.state, V2S_HELD);
    v2s_box held = r.box;
    int pictures = 0;
    while (r.state == V2S_HELD && pictures < 150) {
        cr_assert(!memcmp(&r.box, &held, sizeof held), "the box moved while held");
        r = step(t, &s, &small);
        pictures++;
    }
    cr_assert_eq(r.state, V2S_REDETECTED, "not found in %d pictures", pictures);
    for (int i = 0; i < 5; i++)
        r = step(t, &s, &small);
    cr_assert(centre_error(r.box, small) < 2.5, "%g", centre_error(r.box, small));
    cr_assert_float_eq(r.box.w, 41, 4, "%g", r.box.w);
    v2s_tracker_close(&t);
    scene_close(&s);
}

Test(tracker, leaves_the_picture_and_comes_back) {
    scene s = scene_open(320, 240);
    v2s_box b = {230, 90, 50, 50};
    v2s_tracker *t = start(&s, b);
    v2s_track r = {0};
    for (int i = 1; i <= 70; i++) {
        v2s_box p = b;
        p.x = i <= 35 ? 230 + 3.0 * i : 230 + 3.0 * (70 - i);
        r = step(t, &s, &p);
        cr_assert(isfinite(r.box.x) && isfinite(r.box.w));
        cr_assert(r.box.x < 320 && r.box.x + r.box.w > 0);
    }
    cr_assert_neq(r.state, V2S_HELD);
    cr_assert(centre_error(r.box, b) < 3);
    v2s_tracker_close(&t);
    scene_close(&s);
}

static void check_finite(v2s_track r) {
    cr_assert(isfinite(r.box.x) && isfinite(r.box.y) && isfinite(r.box.w) && isfinite(r.box.h));
    cr_assert(r.box.w > 0 && r.box.h > 0);
    cr_assert(isfinite(r.psr) && r.confidence >= 0 && r.confidence <= 1);
}

Test(tracker, a_constant_picture_gives_numbers) {
    scene s = scene_open(160, 120);
    for (int level = 0; level < 256; level += 85) {
        v2s_tracker *t = NULL;
        v2s_track r;
        memset(s.y, level, 160 * 120);
        cr_assert_eq(v2s_tracker_open(&s.picture, (v2s_box){50, 40, 30, 20}, &t), V2S_OK);
        for (int i = 0; i < 12; i++) {
            cr_assert_eq(v2s_tracker_update(t, &s.picture, &r), V2S_OK);
            check_finite(r);
        }
        v2s_tracker_close(&t);
    }
    scene_close(&s);
}

Test(tracker, takes_odd_boxes) {
    static const v2s_box boxes[] = {{10, 10, 2, 2},    {0, 0, 199, 133},   {-30, -20, 260, 180},
                                    {195, 60, 40, 40}, {-20, 125, 25, 30}, {90, 5, 3, 120},
                                    {3, 60, 190, 2},   {60, 50, 700, 500}, {99.4, 60.7, 8.2, 5}};
    scene s = scene_open(199, 133);
    v2s_box object = {70, 50, 30, 30};
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++) {
        v2s_tracker *t = NULL;
        scene_draw(&s, &object);
        cr_assert_eq(v2s_tracker_open(&s.picture, boxes[i], &t), V2S_OK, "box %zu: %s", i,
                     v2s_error_text());
        for (int k = 0; k < 6; k++) {
            object.x += 1;
            check_finite(step(t, &s, &object));
        }
        v2s_tracker_close(&t);
    }
    scene_close(&s);
}

Test(tracker, takes_a_picture_of_one_pixel) {
    scene s = scene_open(1, 1);
    v2s_tracker *t = NULL;
    v2s_track r;
    cr_assert_eq(v2s_tracker_open(&s.picture, (v2s_box){-1, -1, 3, 3}, &t), V2S_OK);
    cr_assert_eq(v2s_tracker_update(t, &s.picture, &r), V2S_OK);
    check_finite(r);
    v2s_tracker_close(&t);
    scene_close(&s);
}

Test(tracker, refuses_bad_boxes_and_says_why) {
    static const v2s_box boxes[] = {
        {NAN, 0, 10, 10},     {0, INFINITY, 10, 10}, {0, 0, NAN, 10},  {0, 0, 10, -INFINITY},
        {0, 0, 1.5, 10},      {0, 0, 10, 0},         {0, 0, -10, 10},  {160, 0, 10, 10},
        {-10, 0, 10, 10},     {0, 120, 10, 10},      {0, -11, 10, 10}, {0, 0, 1e300, 1e300},
        {-1e9, -1e9, 10, 10}, {0, 0, 641, 10}};
    scene s = scene_open(160, 120);
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++) {
        v2s_tracker *t = NULL;
        v2s_error_clear();
        cr_assert_eq(v2s_tracker_open(&s.picture, boxes[i], &t), V2S_ARG, "box %zu", i);
        cr_assert_null(t);
        cr_assert(strstr(v2s_error_text(), "box"), "%s", v2s_error_text());
    }
    scene_close(&s);
}

Test(tracker, refuses_a_picture_of_another_kind) {
    scene s = scene_open(160, 120), other = scene_open(162, 120);
    v2s_tracker *t = start(&s, (v2s_box){40, 40, 30, 30});
    v2s_track r = {.psr = -77};
    cr_assert_eq(v2s_tracker_update(t, &other.picture, &r), V2S_ARG);
    cr_assert(strstr(v2s_error_text(), "162 x 120 pixels after 160 x 120"), "%s", v2s_error_text());
    v2s_picture grey = s.picture;
    grey.u = grey.v = NULL;
    cr_assert_eq(v2s_tracker_update(t, &grey, &r), V2S_ARG);
    cr_assert(r.psr == -77, "a failing call changed its result");
    cr_assert_eq(v2s_tracker_update(t, &s.picture, &r), V2S_OK);
    v2s_tracker_close(&t);
    v2s_tracker_close(&t);
    scene_close(&s);
    scene_close(&other);
}

Test(tracker, two_runs_are_bit_equal) {
    v2s_track runs[2][20];
    memset(runs, 0, sizeof runs);
    for (int run = 0; run < 2; run++) {
        scene s = scene_open(240, 180);
        v2s_box b = {60, 50, 44, 36};
        v2s_tracker *t = start(&s, b);
        for (int i = 0; i < 20; i++) {
            b.x += 2.1;
            b.w *= 1.01;
            v2s_track r = step(t, &s, i == 10 ? NULL : &b);
            runs[run][i].box = r.box;
            runs[run][i].state = r.state;
            runs[run][i].confidence = r.confidence;
            runs[run][i].psr = r.psr;
        }
        v2s_tracker_close(&t);
        scene_close(&s);
    }
    cr_assert(!memcmp(runs[0], runs[1], sizeof runs[0]));
}
