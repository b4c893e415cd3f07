// SPDX-License-Identifier: MIT
#include "spatial/encoder.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "spatial/delay_line.h"
#include "spatial/lanes.h"
#include "spatial/sh.h"

// HOW IT WORKS
// The mono stream passes three stages, each optional but the last:
//   air        filter by the distance at the moment of sending (linear phase, latency A)
//   doppler    read the filtered signal at p(n), p + d(p) rate / c = n + lead, from a delay line
//              (needs V2S_DELAY_HALF_TAPS + lead samples of look-ahead), lead = origin rate / c
//   gains      Y_c(u) / max(d, d_min) at p(n) (at n without doppler)
// Work goes in steps of V2S_ENCODER_STEP outputs counted from output 0, so that what is computed
// does not depend on how the caller cuts the stream.

enum { STEP = V2S_ENCODER_STEP };

struct v2s_encoder {
    v2s_encoder_config config;
    int channels;
    size_t latency;
    int64_t received; // inputs so far; output number received - latency comes next
    size_t cursor;
    float gain[V2S_MAX_CHANNELS];  // at the start of the step
    float slope[V2S_MAX_CHANNELS]; // per sample
    float next[V2S_MAX_CHANNELS];  // at its end
    // air: distance at the start of the step of filter outputs, and change per sample
    v2s_air_filter *air;
    size_t air_cursor;
    double air_distance_m, air_slope_m, air_next_m;
    // doppler: read positions of the step, in samples sent since start_s
    v2s_delay_line *line;
    v2s_distance_piece piece;
    double position[STEP + 1];
    double advance; // last p(n) - p(n - 1)
    double lead;    // of what is heard at n, in samples
};

static double time_of(const v2s_encoder *e, double sample) {
    return e->config.start_s + sample / e->config.rate_hz;
}

static void gains_at(v2s_encoder *e, double sample, float *gain) {
    double y[V2S_MAX_CHANNELS];
    v2s_point p = v2s_trajectory_at(e->config.trajectory, time_of(e, sample), &e->cursor);
    double level = 1.0 / fmax(p.distance_m, e->config.min_distance_m);
    v2s_sh_sn3d(e->config.order, p.unit, y);
    for (int c = 0; c < e->channels; c++)
        gain[c] = (float)(level * y[c]);
}

// f(p) = p + d(p) rate / c - n, and its derivative; n with the lead.
static double arrival_error(v2s_encoder *e, double p, double n, double *derivative) {
    double slope_m_s;
    double d =
        v2s_trajectory_smooth_distance(e->config.trajectory, time_of(e, p), &e->piece, &slope_m_s);
    *derivative = 1.0 + slope_m_s / V2S_SPEED_OF_SOUND_M_S;
    return p + d * e->config.rate_hz / V2S_SPEED_OF_SOUND_M_S - n;
}

// A root between low (f <= 0) and high (f >= 0); low if f > 0 everywhere between.
static double bisect(v2s_encoder *e, double low, double high, double n) {
    double derivative;
    for (int i = 0; i < 60; i++) {
        double middle = 0.5 * (low + high);
        if (arrival_error(e, middle, n, &derivative) <= 0.0)
            low = middle;
        else
            high = middle;
    }
    return 0.5 * (low + high);
}

// When what arrives at n was sent. Newton from the last step; bisection where the source is near or
// above the speed of sound and f is not monotone. Never earlier than the one before.
static double solve_sending(v2s_encoder *e, double before, double n) {
    double p = before + e->advance, derivative;
    for (int i = 0; i < 6; i++) {
        double f = arrival_error(e, p, n, &derivative);
        if (!(derivative > 0.1))
            break;
        p -= f / derivative;
        if (fabs(f) < 1e-5 && p >= before && p <= n) // quadratic: the error is now below 1e-9
            return p;
    }
    return bisect(e, before, n, n);
}

static double longest_distance_m(const v2s_trajectory *t) {
    double longest = 0.0;
    for (size_t i = 0; i < t->count; i++)
        longest = fmax(longest, t->points[i].distance_m);
    return longest;
}

// Upper bound of the delay; the smooth distance may exceed the points by half.
static double longest_delay_frames(const v2s_encoder_config *c) {
    double longest_m = 1.5 * longest_distance_m(c->trajectory);
    return longest_m * c->rate_hz / V2S_SPEED_OF_SOUND_M_S + 1.0;
}

static void start_positions(v2s_encoder *e) {
    e->advance = 1.0;
    e->position[STEP] = bisect(e, -longest_delay_frames(&e->config), e->lead, e->lead);
}

static void next_positions(v2s_encoder *e, int64_t n) {
    e->position[0] = e->position[STEP];
    for (int i = 1; i <= STEP; i++) {
        double before = e->position[i - 1];
        double p = solve_sending(e, before, (double)(n + i) + e->lead);
        e->position[i] = fmin(p, before + V2S_ENCODER_MAX_READ_RATE);
        e->advance = e->position[i] - before;
    }
}

// Everything of the step that begins with output n (a multiple of STEP).
static void prepare_step(v2s_encoder *e, int64_t n) {
    if (e->config.doppler)
        next_positions(e, n);
    if (n == 0)
        gains_at(e, e->config.doppler ? e->position[0] : 0.0, e->next);
    for (int c = 0; c < e->channels; c++)
        e->gain[c] = e->next[c];
    gains_at(e, e->config.doppler ? e->position[STEP] : (double)(n + STEP), e->next);
    for (int c = 0; c < e->channels; c++)
        e->slope[c] = (e->next[c] - e->gain[c]) * (1.0f / STEP);
}

// out[i][c] += x[i] (gain[c] + (first + i) slope[c])
static void add_gained(const v2s_encoder *e, int first, const float *x, size_t frames, float *out) {
    int c = 0;
    for (; c + 4 <= e->channels; c += 4) {
        v2s_float4 gain = *(const v2s_float4 *)(e->gain + c);
        v2s_float4 slope = *(const v2s_float4 *)(e->slope + c);
        float *to = out + c;
        for (size_t i = 0; i < frames; i++, to += e->channels)
            *(v2s_float4 *)to += x[i] * (gain + (float)(first + (int)i) * slope);
    }
    for (; c < e->channels; c++)
        for (size_t i = 0; i < frames; i++)
            out[i * (size_t)e->channels + (size_t)c] +=
                x[i] * (e->gain[c] + (float)(first + (int)i) * e->slope[c]);
}

static double distance_at(v2s_encoder *e, int64_t sample) {
    double time_s = time_of(e, (double)sample);
    return v2s_trajectory_at(e->config.trajectory, time_s, &e->air_cursor).distance_m;
}

// Distances of the source at the moments that the filter's next outputs were sent.
static void sending_distances(v2s_encoder *e, int64_t first, size_t frames, double *distance_m) {
    for (size_t i = 0; i < frames; i++) {
        int64_t m = first + (int64_t)i;
        if (m >= 0 && m % STEP == 0) {
            e->air_distance_m = e->air_next_m;
            e->air_next_m = distance_at(e, m + STEP);
            e->air_slope_m = (e->air_next_m - e->air_distance_m) / STEP;
        }
        distance_m[i] =
            m < 0 ? e->air_next_m : e->air_distance_m + (double)(m % STEP) * e->air_slope_m;
    }
}

// At most STEP inputs that end at or before the end of a step of outputs.
static v2s_status process_part(v2s_encoder *e, const float *mono, size_t frames, float *out) {
    float sound[STEP];
    double where[STEP];
    int64_t n = e->received - (int64_t)e->latency; // may still be negative
    int64_t filtered = e->air == NULL ? 0 : (int64_t)v2s_air_filter_latency_frames(e->air);
    const float *x = mono;
    if (e->air != NULL) {
        sending_distances(e, e->received - filtered, frames, where);
        V2S_TRY(v2s_air_filter_process(e->air, x, where, frames, sound));
        x = sound;
    }
    if (e->line != NULL)
        v2s_delay_line_write(e->line, x, frames);
    e->received += (int64_t)frames;
    if (n < 0)
        return V2S_OK;
    int first = (int)(n % STEP);
    if (first == 0)
        prepare_step(e, n);
    if (e->line != NULL) {
        for (size_t i = 0; i < frames; i++)
            where[i] = e->position[(size_t)first + i] + (double)filtered;
        v2s_delay_line_read(e->line, where, frames, sound);
        x = sound;
    }
    add_gained(e, first, x, frames, out);
    return V2S_OK;
}

v2s_status v2s_encoder_process(v2s_encoder *e, const float *mono, size_t frames, float *out) {
    while (frames > 0) {
        int64_t n = e->received - (int64_t)e->latency;
        size_t part = n < 0 ? (size_t)-n : (size_t)(STEP - n % STEP);
        part = part < STEP ? part : STEP;
        part = part < frames ? part : frames;
        V2S_TRY(process_part(e, mono, part, out));
        mono += part;
        out += part * (size_t)e->channels;
        frames -= part;
    }
    return V2S_OK;
}

static v2s_status check_config(const v2s_encoder_config *c) {
    if (c->order < 0 || c->order > V2S_MAX_ORDER)
        return V2S_FAIL(V2S_ARG, "order: expected 0 to %d, found %d", V2S_MAX_ORDER, c->order);
    if (!(c->rate_hz >= 1000.0 && c->rate_hz <= 1e6))
        return V2S_FAIL(V2S_ARG, "rate: expected 1000 to 1e6 Hz, found %g", c->rate_hz);
    if (!(c->min_distance_m > 0.0 && isfinite(c->min_distance_m)))
        return V2S_FAIL(V2S_ARG, "minimum distance: expected above 0 m, found %g",
                        c->min_distance_m);
    if (!(fabs(c->start_s) <= 1e9))
        return V2S_FAIL(V2S_ARG, "start of the sound: expected a time, found %g s", c->start_s);
    if (!(c->origin_m >= 0.0 && c->origin_m <= V2S_ENCODER_MAX_DOPPLER_M))
        return V2S_FAIL(V2S_ARG, "distance without delay: expected 0 to %g m, found %g",
                        V2S_ENCODER_MAX_DOPPLER_M, c->origin_m);
    V2S_ASSERT(c->trajectory != NULL && c->trajectory->count > 0);
    double longest_m = longest_distance_m(c->trajectory);
    if (c->doppler && !(longest_m <= V2S_ENCODER_MAX_DOPPLER_M))
        return V2S_FAIL(V2S_ARG,
                        "object '%s': distance %g m, but with doppler it may be %g at most",
                        c->trajectory->name, longest_m, V2S_ENCODER_MAX_DOPPLER_M);
    return V2S_OK;
}

v2s_status v2s_encoder_open(const v2s_encoder_config *config, v2s_encoder **encoder) {
    V2S_TRY(check_config(config));
    v2s_encoder *e = calloc(1, sizeof *e);
    if (e == NULL)
        return V2S_FAIL(V2S_NOMEM, "encoder: out of memory");
    e->config = *config;
    e->channels = v2s_channels_of_order(config->order);
    v2s_status status = V2S_OK;
    if (config->air) {
        V2S_TRY_GOTO(status, v2s_air_filter_open(&config->air_conditions, config->rate_hz, &e->air),
                     fail);
        e->latency += v2s_air_filter_latency_frames(e->air);
        e->air_next_m = distance_at(e, 0);
    }
    if (config->doppler) {
        e->lead = config->origin_m * config->rate_hz / V2S_SPEED_OF_SOUND_M_S;
        e->latency += (size_t)ceil(e->lead);
        size_t history =
            (size_t)ceil(longest_delay_frames(config)) + e->latency + V2S_DELAY_HALF_TAPS + STEP;
        V2S_TRY_GOTO(status, v2s_delay_line_open(history, &e->line), fail);
        e->latency += V2S_DELAY_HALF_TAPS;
        start_positions(e);
    }
    *encoder = e;
    return V2S_OK;
fail:
    v2s_encoder_close(&e);
    return status;
}

size_t v2s_encoder_latency_frames(const v2s_encoder *e) {
    return e->latency;
}

size_t v2s_encoder_tail_frames(const v2s_encoder *e) {
    if (!e->config.doppler)
        return e->latency;
    v2s_distance_piece piece = {0};
    double slope_m_s;
    double d = v2s_trajectory_smooth_distance(e->config.trajectory, time_of(e, (double)e->received),
                                              &piece, &slope_m_s);
    size_t under_way =
        (size_t)fmax(ceil(d * e->config.rate_hz / V2S_SPEED_OF_SOUND_M_S - e->lead), 0.0);
    return 2 * e->latency + under_way; // the filters ring on for as long as they are late
}

void v2s_encoder_close(v2s_encoder **encoder) {
    v2s_encoder *e = *encoder;
    if (e == NULL)
        return;
    v2s_air_filter_close(&e->air);
    v2s_delay_line_close(&e->line);
    free(e);
    *encoder = NULL;
}
