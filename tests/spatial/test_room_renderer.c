// SPDX-License-Identifier: MIT
#include "spatial/room.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/conventions.h"

#define RATE 16000.0
static const double c = V2S_SPEED_OF_SOUND_M_S;

static v2s_room room_of(bool flat, int order, double early_s, bool tail) {
    v2s_room r = {.size_m = {6.3, 4.7, 3.1},
                  .listener_m = {2.2, 2.9, 1.4},
                  .order = order,
                  .early_s = early_s,
                  .tail = tail,
                  .min_distance_m = 0.5,
                  .seed = 7};
    for (int w = 0; w < V2S_ROOM_WALLS; w++)
        for (int b = 0; b < V2S_ROOM_BANDS; b++)
            r.absorption[w][b] = flat ? 0.2 + 0.05 * w : 0.15 + 0.05 * b;
    return r;
}

// Trajectory through places relative to the listener, `step_s` apart.
static v2s_trajectory path_of(const v2s_vec3 *places, size_t count, double step_s) {
    v2s_trajectory t = {.name = "1", .count = count};
    t.points = malloc(count * sizeof *t.points);
    for (size_t i = 0; i < count; i++) {
        double d = v2s_norm(places[i]);
        v2s_vec3 u = {places[i].x / d, places[i].y / d, places[i].z / d};
        t.points[i] = (v2s_point){(double)i * step_s, u, d, 1.0};
    }
    return t;
}

// Latency dropped, everything until silence; blocks of `block` frames (0: random ones).
static float *render(const v2s_room_renderer_config *config, const float *x, size_t frames,
                     size_t block, size_t *got) {
    v2s_room_renderer *r = NULL;
    cr_assert_eq(v2s_room_renderer_open(config, &r), V2S_OK, "%s", v2s_error_text());
    size_t latency = v2s_room_renderer_latency_frames(r);
    size_t total = frames + v2s_room_renderer_tail_frames(r);
    float *in = calloc(total, sizeof *in), *out = calloc(4 * total, sizeof *out);
    memcpy(in, x, frames * sizeof *x);
    for (size_t done = 0; done < total;) {
        size_t n = block > 0 ? block : 1 + (size_t)rand() % 901;
        n = n < total - done ? n : total - done;
        cr_assert_eq(v2s_room_renderer_process(r, in + done, n, out + 4 * done), V2S_OK);
        done += n;
    }
    v2s_room_renderer_close(&r);
    cr_assert_null(r);
    free(in);
    *got = total - latency;
    memmove(out, out + 4 * latency, 4 * *got * sizeof *out);
    return out;
}

enum { PULSE_AT = 1500, SOUND = 3000 };

// A smooth pulse: its spectrum ends at half of the Nyquist frequency.
static double pulse(double t) {
    return exp(-0.5 * pow((t - PULSE_AT) / 1.8, 2.0));
}

static float *pulse_sound(void) {
    float *x = malloc(SOUND * sizeof *x);
    for (int i = 0; i < SOUND; i++)
        x[i] = (float)pulse(i);
    return x;
}

static double error_db(const float *found, const double *want, size_t count) {
    double error = 0.0, power = 0.0;
    for (size_t i = 0; i < count; i++) {
        error += pow(found[i] - want[i], 2.0);
        power += want[i] * want[i];
    }
    return 10.0 * log10(error / power);
}

// The pulse through the response of a place, `ahead` frames earlier.
static double *through_response(const v2s_room *room, v2s_vec3 at, int ahead, size_t frames) {
    float *foa = NULL;
    size_t taps;
    cr_assert_eq(v2s_room_response(room, at, RATE, &foa, &taps), V2S_OK, "%s", v2s_error_text());
    double *want = calloc(4 * frames, sizeof *want);
    for (int t = 0; t < (int)frames; t++)
        for (int k = PULSE_AT - 14; k <= PULSE_AT + 14; k++) {
            int tap = t - k + ahead;
            for (int ch = 0; ch < 4 && tap >= 0 && tap < (int)taps; ch++)
                want[4 * t + ch] += pulse(k) * foa[4 * tap + ch];
        }
    free(foa);
    return want;
}

// A source at a whole number of samples, that stands still or that moves so little that nobody
// hears it, but enough to be followed.
static void expect_response(const v2s_room *room, bool moves, bool doppler, double below_db) {
    double d = 90.0 * c / RATE;
    v2s_vec3 places[2] = {{0.6 * d, -0.8 * d, 0.0}, {0.6 * d + 4e-6, -0.8 * d, 0.0}};
    v2s_trajectory t = path_of(places, moves ? 2 : 1, 0.1);
    v2s_room_renderer_config config = {
        .room = *room, .rate_hz = RATE, .trajectory = &t, .direct = true, .doppler = doppler};
    float *x = pulse_sound();
    size_t frames;
    float *out = render(&config, x, SOUND, 512, &frames);
    v2s_vec3 at = {room->listener_m.x + places[0].x, room->listener_m.y + places[0].y,
                   room->listener_m.z + places[0].z};
    double *want = through_response(room, at, doppler ? 0 : 90, frames);
    double db = error_db(out, want, 4 * frames);
    cr_expect_lt(db, below_db, "moves %d doppler %d: %.1f dB", moves, doppler, db);
    free(want);
    free(out);
    free(x);
    free(t.points);
}

Test(room_renderer, a_still_source_gives_the_static_response) {
    for (int i = 0; i < 4; i++) {
        v2s_room room = room_of(i / 2 == 0, -1, 0.05, true);
        expect_response(&room, false, i % 2 == 0, -90.0);
    }
}

Test(room_renderer, a_followed_source_that_stays_gives_the_static_response) {
    for (int i = 0; i < 4; i++) {
        v2s_room room = room_of(i / 2 == 0, -1, 0.05, true);
        expect_response(&room, true, i % 2 == 0, -58.0);
    }
    for (int order = 0; order < 4; order++) {
        v2s_room room = room_of(order % 2 == 0, order, 0.0, false);
        expect_response(&room, true, true, -58.0);
    }
}

Test(room_renderer, block_sizes_do_not_change_a_bit) {
    v2s_vec3 places[40];
    for (int i = 0; i < 40; i++)
        places[i] = (v2s_vec3){1.5 + 0.05 * i, 1.2 - 0.08 * i, 0.3};
    v2s_trajectory t = path_of(places, 40, 0.02);
    float *x = pulse_sound();
    for (int i = 0; i < 4; i++) {
        v2s_room_renderer_config config = {.room = room_of(i % 2 == 0, -1, 0.04, true),
                                           .rate_hz = RATE,
                                           .trajectory = &t,
                                           .direct = true,
                                           .doppler = i > 1};
        size_t frames;
        float *a = render(&config, x, SOUND, 4096, &frames);
        float *b = render(&config, x, SOUND, 1, &frames);
        float *d = render(&config, x, SOUND, 0, &frames);
        cr_expect_eq(memcmp(a, b, 4 * frames * sizeof *a), 0);
        cr_expect_eq(memcmp(a, d, 4 * frames * sizeof *a), 0);
        free(a);
        free(b);
        free(d);
    }
    free(x);
    free(t.points);
}

// What was in `out` before stays; what rings on after the sound is left out.
Test(room_renderer, a_whole_sound_is_added_in_time) {
    v2s_vec3 places[2] = {{1.5, 1.2, 0.3}, {-0.4, -1.1, 0.3}};
    float *x = pulse_sound(), *out = malloc(4 * SOUND * sizeof *out);
    for (size_t moves = 0; moves < 2; moves++) {
        v2s_trajectory t = path_of(places, 1 + moves, 0.2);
        v2s_room_renderer_config config = {
            .room = room_of(false, -1, 0.04, true), .rate_hz = RATE, .trajectory = &t};
        size_t frames;
        float *want = render(&config, x, SOUND, 512, &frames);
        v2s_room_renderer *r = NULL;
        cr_assert_eq(v2s_room_renderer_open(&config, &r), V2S_OK);
        for (size_t i = 0; i < 4 * SOUND; i++)
            out[i] = (float)(i % 7);
        cr_assert_eq(v2s_room_renderer_add(r, x, SOUND, out), V2S_OK);
        for (size_t i = 0; i < 4 * SOUND; i++)
            cr_assert_eq(out[i], (float)(i % 7) + want[i], "moves %zu, %zu", moves, i);
        v2s_room_renderer_close(&r);
        free(want);
        free(t.points);
    }
    free(out);
    free(x);
}

// ---- movement ---------------------------------------------------------------------------------

enum { TONES = 5, LONG = 12000 };

// Known at any time, not only at samples.
static double tones(double t) {
    static const double cycles[TONES] = {0.011, 0.052, 0.093, 0.171, 0.24};
    double sum = 0.0;
    for (int i = 0; i < TONES; i++)
        sum += 0.2 * sin(2.0 * V2S_PI * cycles[i] * t + i);
    return sum * (t < 0.0 ? 0.0 : fmin(t / 2000.0, 1.0));
}

// Place in the room at a time in samples.
static v2s_vec3 place_at(const v2s_room *r, const v2s_trajectory *t, double frame) {
    v2s_distance_piece piece = {0};
    double slope, time_s = frame / RATE;
    v2s_vec3 u = v2s_trajectory_at(t, time_s, NULL).unit;
    double d = v2s_trajectory_smooth_distance(t, time_s, &piece, &slope);
    return (v2s_vec3){r->listener_m.x + d * u.x, r->listener_m.y + d * u.y,
                      r->listener_m.z + d * u.z};
}

// All images up to `order`, each solved for the moment of sending at every single sample. Walls are
// flat. Allen and Berkley's indices.
static void add_images(const v2s_room *r, const v2s_trajectory *t, bool doppler, int order, int n,
                       double out[4]) {
    v2s_vec3 now = place_at(r, t, n);
    v2s_vec3 l = r->listener_m;
    double direct = v2s_norm((v2s_vec3){now.x - l.x, now.y - l.y, now.z - l.z}) * RATE / c;
    double heard = doppler ? n : n + direct;
    for (int i = 0; i < 7 * 7 * 7 * 8; i++) {
        int k[3] = {i / 8 % 7 - 3, i / 56 % 7 - 3, i / 392 - 3}, hits = 0;
        double gain = 1.0;
        for (int a = 0; a < 3; a++) {
            int q = i >> a & 1;
            hits += abs(k[a] - q) + abs(k[a]);
            gain *= pow(1.0 - r->absorption[2 * a][0], 0.5 * abs(k[a] - q)) *
                    pow(1.0 - r->absorption[2 * a + 1][0], 0.5 * abs(k[a]));
        }
        if (hits > order || hits == 0)
            continue;
        double p = n, distance = 0.0;
        v2s_vec3 to = {0};
        for (int round = 0; round < 12; round++) {
            v2s_vec3 s = place_at(r, t, p);
            to = (v2s_vec3){2 * k[0] * r->size_m.x + (1 - 2 * (i & 1)) * s.x - l.x,
                            2 * k[1] * r->size_m.y + (1 - 2 * (i >> 1 & 1)) * s.y - l.y,
                            2 * k[2] * r->size_m.z + (1 - 2 * (i >> 2 & 1)) * s.z - l.z};
            distance = v2s_norm(to);
            double next = heard - distance * RATE / c;
            if (fabs(next - p) < 1e-7)
                break;
            p = next;
        }
        double x = tones(p) * gain / distance;
        out[0] += x;
        out[1] += x * to.y / distance;
        out[2] += x * to.z / distance;
        out[3] += x * to.x / distance;
    }
}

Test(room_renderer, low_orders_follow_a_moving_source_sample_by_sample) {
    v2s_vec3 places[40];
    for (int i = 0; i < 40; i++) // round the listener at 4 m/s
        places[i] = (v2s_vec3){1.5 * cos(0.06 * i), 1.2 * sin(0.06 * i), 0.2 + 0.01 * i};
    v2s_trajectory t = path_of(places, 40, 0.022);
    float *x = malloc(LONG * sizeof *x);
    for (int i = 0; i < LONG; i++)
        x[i] = (float)tones(i);
    for (int doppler = 0; doppler < 2; doppler++) {
        v2s_room_renderer_config config = {.room = room_of(true, 2, 0.0, false),
                                           .rate_hz = RATE,
                                           .trajectory = &t,
                                           .doppler = doppler};
        size_t frames;
        float *out = render(&config, x, LONG, 777, &frames);
        double error = 0.0, power = 0.0;
        for (int n = 3000; n < LONG - 100; n += 37) {
            double want[4] = {0};
            add_images(&config.room, &t, doppler, 2, n, want);
            for (int ch = 0; ch < 4; ch++) {
                error += pow(out[4 * n + ch] - want[ch], 2.0);
                power += want[ch] * want[ch];
            }
        }
        double db = 10.0 * log10(error / power);
        cr_expect_lt(db, -55.0, "doppler %d: %.1f dB", doppler, db);
        free(out);
    }
    free(x);
    free(t.points);
}

// Energy of what does not belong to a slow sine: its fourth difference, relative to the sine's own.
static double click_level(const float *out, size_t from, size_t to) {
    double worst = 0.0, rms = 0.0;
    for (size_t n = from; n < to; n++) {
        double d = out[4 * n] - 4.0 * out[4 * (n + 1)] + 6.0 * out[4 * (n + 2)] -
                   4.0 * out[4 * (n + 3)] + out[4 * (n + 4)];
        worst = fmax(worst, fabs(d));
        rms += pow(out[4 * n], 2.0);
    }
    return worst / sqrt(rms / (double)(to - from));
}

Test(room_renderer, neither_movement_nor_jumps_click) {
    v2s_vec3 places[40];
    float *x = malloc(LONG * sizeof *x);
    for (int i = 0; i < LONG; i++) // 300 Hz
        x[i] = (float)(sin(2.0 * V2S_PI * 300.0 / RATE * i) * fmin(i / 2000.0, 1.0) *
                       fmin((LONG - i) / 2000.0, 1.0));
    for (int jumps = 0; jumps < 2; jumps++) {
        for (int i = 0; i < 40; i++)
            places[i] = jumps && i >= 20 ? (v2s_vec3){-1.4, 0.9, 0.5}
                        : jumps          ? (v2s_vec3){2.5, -1.5, 0.0}
                                : (v2s_vec3){1.8 * cos(0.05 * i), 1.5 * sin(0.05 * i), 0.1};
        v2s_trajectory t = path_of(places, 40, jumps ? 0.0193 : 0.022);
        if (jumps) // within a millisecond
            t.points[19].time_s = t.points[20].time_s - 0.001;
        v2s_room_renderer_config config = {
            .room = room_of(false, -1, 0.05, true), .rate_hz = RATE, .trajectory = &t};
        size_t frames;
        float *out = render(&config, x, LONG, 777, &frames);
        // The sine's own fourth difference is (2 sin(w/2))^4 = 2e-4 of its peak. A cut of full
        // height would give 3 or more; a jump is a fade of 32 samples.
        double level = click_level(out, 3000, LONG - 100);
        cr_expect_lt(level, jumps ? 0.06 : 0.003, "jumps %d: %g", jumps, level);
        free(out);
        free(t.points);
    }
    free(x);
}

// ---- limits -----------------------------------------------------------------------------------

Test(room_renderer, a_path_outside_the_room_stays_finite) {
    v2s_vec3 places[3] = {{1.0, 0.0, 0.0}, {40.0, 3.0, 9.0}, {-30.0, -50.0, -2.0}};
    v2s_trajectory t = path_of(places, 3, 0.05);
    v2s_room_renderer_config config = {
        .room = room_of(false, -1, 0.04, true), .rate_hz = RATE, .trajectory = &t, .direct = true};
    float *x = pulse_sound();
    for (int doppler = 0; doppler < 2; doppler++) {
        config.doppler = doppler;
        size_t frames;
        float *out = render(&config, x, SOUND, 333, &frames);
        for (size_t i = 0; i < 4 * frames; i++)
            cr_assert(isfinite(out[i]) && fabsf(out[i]) < 20.0F);
        free(out);
    }
    free(x);
    free(t.points);
}

Test(room_renderer, a_room_that_is_none_is_refused) {
    v2s_vec3 place = {1.0, 0.0, 0.0};
    v2s_trajectory t = path_of(&place, 1, 1.0);
    v2s_room_renderer_config config = {
        .room = room_of(true, -1, 0.04, true), .rate_hz = RATE, .trajectory = &t};
    v2s_room_renderer *r = NULL;
    config.room.listener_m.x = -1.0;
    cr_expect_eq(v2s_room_renderer_open(&config, &r), V2S_ARG);
    config.room = room_of(true, -1, 0.04, true);
    config.rate_hz = NAN;
    cr_expect_eq(v2s_room_renderer_open(&config, &r), V2S_ARG);
    cr_expect_null(r);
    free(t.points);
}

Test(room_renderer, silence_in_between_changes_nothing) {
    v2s_vec3 places[2] = {{1.5, 0.5, 0.0}, {-1.0, 1.0, 0.4}};
    v2s_trajectory t = path_of(places, 2, 2.0);
    enum { LATE = 24000, ALL = LATE + SOUND };
    float *pulse_alone = pulse_sound(), *x = calloc(ALL, sizeof *x);
    memcpy(x + LATE, pulse_alone, SOUND * sizeof *x);
    v2s_room_renderer_config config = {
        .room = room_of(false, 3, 0.0, false), .rate_hz = RATE, .trajectory = &t};
    size_t frames;
    float *late = render(&config, x, ALL, 777, &frames);
    x[10] = 1e-20F; // not silent: the lines are kept up
    float *kept = render(&config, x, ALL, 777, &frames);
    for (size_t i = 4 * LATE; i < 4 * frames; i++)
        cr_assert_float_eq(late[i], kept[i], 1e-6);
    free(late);
    free(kept);
    free(x);
    free(pulse_alone);
    free(t.points);
}
