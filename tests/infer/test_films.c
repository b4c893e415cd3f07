// SPDX-License-Identifier: MIT
// The main job on the films that ship: the sound goes where the object goes, heard by numbers.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/make_media.h"
#include "tests/support/program.h"

#define MEDIA V2S_TEST_DATA "/media/"

TestSuite(films, .fini = v2s_test_folder_remove);

static double azimuth_at(const v2s_test_row *rows, size_t count, double time_s) {
    size_t i = 0;
    while (i + 1 < count && rows[i].time_s < time_s)
        i++;
    return rows[i].az_deg;
}

static double highest(const v2s_test_row *rows, size_t count, double from_s, double to_s) {
    double az_deg = -HUGE_VAL;
    for (size_t i = 0; i < count; i++)
        if (rows[i].time_s >= from_s && rows[i].time_s <= to_s)
            az_deg = fmax(az_deg, rows[i].az_deg);
    return az_deg;
}

static double lowest(const v2s_test_row *rows, size_t count, double from_s, double to_s) {
    double az_deg = HUGE_VAL;
    for (size_t i = 0; i < count; i++)
        if (rows[i].time_s >= from_s && rows[i].time_s <= to_s)
            az_deg = fmin(az_deg, rows[i].az_deg);
    return az_deg;
}

// Blocks in which there is sound and the object is at a side; those whose louder channel is that
// side.
static void count_sides(const v2s_test_sound *s, const v2s_test_row *rows, size_t count,
                        double side_deg, int *blocks, int *right_blocks) {
    size_t block = (size_t)s->rate_hz / 5;
    double loudest = 0;
    for (size_t at = 0; at + block <= s->frames; at += block)
        loudest = fmax(loudest, v2s_test_rms(s, 0, at, at + block));
    *blocks = *right_blocks = 0;
    for (size_t at = 0; at + block <= s->frames; at += block) {
        double from_s = (double)at / s->rate_hz, to_s = (double)(at + block) / s->rate_hz;
        double low_deg = lowest(rows, count, from_s, to_s);
        double high_deg = highest(rows, count, from_s, to_s);
        double left = v2s_test_rms(s, 0, at, at + block),
               right = v2s_test_rms(s, 1, at, at + block);
        int side = low_deg > side_deg ? 1 : high_deg < -side_deg ? -1 : 0;
        if (side == 0 || fmax(left, right) < 0.02 * loudest)
            continue;
        ++*blocks;
        *right_blocks += side * (left - right) > 0;
    }
}

// The tennis ball rolls from the left to the right edge, comes back past the middle, and rebounds
// twice more; its own sound track is silent.
Test(films, ball_rolls_right_and_left_again) {
    V2S_TEST_RUN("render", MEDIA "balle-jbart.mp4", "--box", "107,356,29,29", "--fov", "50",
                 "--sound", MEDIA "drum_roll.flac", "--loop", "-o", "o.wav", "--binaural", "b.wav",
                 "--stereo", "s.wav", "--trajectory-out", "t.csv", "--json", "o.json");
    size_t count;
    v2s_test_row *rows = v2s_test_trajectory(v2s_test_path("t.csv"), &count);
    cr_assert(count == 255);
    cr_expect(fabs(azimuth_at(rows, count, 0) - 17.2) < 1, "start: %f", rows[0].az_deg);
    cr_expect(lowest(rows, count, 1.8, 2.5) < -15 && lowest(rows, count, 1.8, 2.5) > -19);
    cr_expect(highest(rows, count, 3, 4.2) > 0 && highest(rows, count, 3, 4.2) < 2);
    cr_expect(lowest(rows, count, 4.8, 5.8) < -15);
    cr_expect(fabs(highest(rows, count, 6, 7.2) + 7.4) < 1.5);
    cr_expect(lowest(rows, count, 7.4, 8.2) < -15);
    for (size_t i = 1; i < count; i++)
        cr_expect(fabs(rows[i].az_deg - rows[i - 1].az_deg) < 2, "a jump at %f", rows[i].time_s);
    cJSON *json = v2s_test_json(v2s_test_path("o.json"));
    cr_expect(v2s_test_number(json, "tracked") + v2s_test_number(json, "redetected") >= 250);
    cJSON_Delete(json);
    const char *const previews[] = {"b.wav", "s.wav"};
    for (int k = 0; k < 2; k++) {
        v2s_test_sound s = v2s_test_sound_read(v2s_test_path(previews[k]));
        cr_expect(s.rate_hz == 44100 && s.channels == 2 && s.frames == 449820);
        int blocks, right;
        count_sides(&s, rows, count, 6, &blocks, &right);
        cr_expect(blocks >= 15 && right == blocks, "%s: %d of %d blocks are louder on their side",
                  previews[k], right, blocks);
        v2s_test_sound_free(&s);
    }
    v2s_test_sound o = v2s_test_sound_read(v2s_test_path("o.wav"));
    size_t second = 44100;
    cr_expect(v2s_test_gain(&o, 0, 1, 0, second / 2) > 0.2, "Y is positive on the left");
    cr_expect(v2s_test_gain(&o, 0, 1, 2 * second, 2 * second + 8820) < -0.2, "and negative right");
    v2s_test_sound_free(&o);
    free(rows);
}

// Share of the blocks of the preview `name` that are louder on the side of the path.
static double right_share(const char *name, const v2s_test_row *rows, size_t count) {
    v2s_test_sound s = v2s_test_sound_read(v2s_test_path(name));
    int blocks, right;
    count_sides(&s, rows, count, 2, &blocks, &right);
    cr_expect(blocks >= 15, "%s: %d blocks", name, blocks);
    v2s_test_sound_free(&s);
    return (double)right / blocks;
}

// The woman who stands at the right talks, 7 degrees off the middle. The refined sound has room
// around her, so that single blocks may be louder on the other side.
Test(films, voice_of_friday_comes_from_the_right) {
#define FRIDAY                                                                                     \
    "render", MEDIA "friday.mp4", "--box", "375,20,90,125", "--fov", "40", "--distance", "3"
    V2S_TEST_RUN(FRIDAY, "--refiner", "none", "-o", "o.wav", "--binaural", "b.wav",
                 "--trajectory-out", "t.csv");
    V2S_TEST_RUN(FRIDAY, "--refiner", "v2s-omni", "-o", "r.wav", "--binaural", "rb.wav");
    size_t count;
    v2s_test_row *rows = v2s_test_trajectory(v2s_test_path("t.csv"), &count);
    cr_expect(fabs(rows[0].az_deg + 6.5) < 0.5 && fabs(rows[0].dist_m - 3) < 0.2,
              "start: %f deg, %f m", rows[0].az_deg, rows[0].dist_m);
    cr_expect(highest(rows, count, 0, 10) < -1, "%f", highest(rows, count, 0, 10));
    double plain = right_share("b.wav", rows, count), refined = right_share("rb.wav", rows, count);
    cr_expect(plain >= 0.9, "%g of the blocks are louder on their side", plain);
    cr_expect(refined >= 0.65, "%g of the refined blocks are louder on their side", refined);
    free(rows);
}

// The sound track is silent: the program says so, and the film is read to its end.
Test(films, silent_cockatoo_is_rendered_with_a_warning) {
    v2s_test_run run = v2s_test_run_program(
        (const char *const[]){"render", MEDIA "cockatoo.mp4", "--box", "420,20,160,240", "--fov",
                              "60", "-o", "o.wav", "--trajectory-out", "t.csv", "--quiet", NULL});
    cr_assert(run.code == 0 && strstr(run.err, "cockatoo.mp4 is silent") != NULL, "%s", run.err);
    v2s_test_run_free(&run);
    size_t count;
    v2s_test_row *rows = v2s_test_trajectory(v2s_test_path("t.csv"), &count);
    cr_expect(count == 280 && fabs(rows[279].time_s - 13.95) < 0.01, "%zu rows", count);
    free(rows);
}
