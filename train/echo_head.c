// SPDX-License-Identifier: MIT
#include "train/echo_head.h"

#include <stdlib.h>

#include "kernels/resample.h"

enum { TAPS = V2S_ECHO_HEAD_TAPS, LEAD = V2S_ECHO_HEAD_LEAD, PHASES = V2S_ECHO_HEAD_PHASES };
enum { SINC_HALF = 12, FADE = 24 };       // samples
enum { AZIMUTHS = 180, ELEVATIONS = 90 }; // cells of 2 degrees

struct v2s_echo_head {
    int *nearest;     // [ELEVATIONS][AZIMUTHS] measurement
    float *responses; // [measurements][2][PHASES][TAPS]
};

// The responses at the wanted rate: [measurements * 2][*taps], malloc'ed.
static v2s_status at_rate(const v2s_hrtf *hrtf, double rate_hz, float **out, size_t *taps) {
    size_t count = (size_t)hrtf->measurements * 2, n = (size_t)hrtf->taps;
    *taps = v2s_resampled_frames(n, hrtf->rate_hz, rate_hz);
    float *all = malloc(count * *taps * sizeof *all + sizeof *all);
    v2s_status status = all ? V2S_OK : V2S_FAIL(V2S_NOMEM, "head: out of memory");
    for (size_t i = 0; i < count && status == V2S_OK; i++) {
        float *one = NULL;
        size_t frames = 0;
        status = v2s_resample(hrtf->ir + i * n, n, 1, hrtf->rate_hz, rate_hz, &one, &frames);
        for (size_t k = 0; k < *taps && status == V2S_OK; k++)
            all[i * *taps + k] = k < frames ? one[k] : 0;
        free(one);
    }
    if (status != V2S_OK) {
        free(all);
        return status;
    }
    *out = all;
    return V2S_OK;
}

static int nearest_to(const v2s_hrtf *hrtf, v2s_vec3 direction) {
    int best = 0;
    double most = -INFINITY;
    for (int i = 0; i < hrtf->measurements; i++) {
        double along = v2s_dot(hrtf->unit[i], direction);
        if (along > most) {
            most = along;
            best = i;
        }
    }
    return best;
}

static int onset(const float *response, size_t taps) {
    float peak = 0;
    for (size_t k = 0; k < taps; k++)
        peak = fmaxf(peak, fabsf(response[k]));
    for (size_t k = 0; k < taps; k++)
        if (fabsf(response[k]) >= peak / 2)
            return (int)k;
    return 0;
}

// Sinc of x in a Hann window of +-SINC_HALF.
static double kernel(double x) {
    if (fabs(x) >= SINC_HALF)
        return 0;
    double window = 0.5 + 0.5 * cos(V2S_PI * x / SINC_HALF);
    return x == 0 ? 1 : window * sin(V2S_PI * x) / (V2S_PI * x);
}

// The response from `begin` on, later by `phase` eighths, faded out at its end.
static void shift(const float *response, int taps, int begin, int phase, double scale, float *to) {
    for (int j = 0; j < TAPS; j++) {
        double at = begin + j - (double)phase / PHASES, sum = 0;
        int low = (int)floor(at) - SINC_HALF, high = (int)ceil(at) + SINC_HALF;
        for (int k = low < 0 ? 0 : low; k <= high && k < taps; k++)
            sum += response[k] * kernel(at - k);
        double fade = j < TAPS - FADE ? 1 : 0.5 + 0.5 * cos(V2S_PI * (j - TAPS + FADE) / FADE);
        to[j] = (float)(scale * fade * sum);
    }
}

static void fill(v2s_echo_head *head, const v2s_hrtf *hrtf, const float *all, size_t taps) {
    size_t count = (size_t)hrtf->measurements * 2;
    double energy = 0;
    for (size_t i = 0; i < count * taps; i++)
        energy += (double)all[i] * all[i];
    double scale = energy > 0 ? 1 / sqrt(energy / (double)count) : 1;
    const float *front = all + (size_t)nearest_to(hrtf, (v2s_vec3){1, 0, 0}) * 2 * taps;
    int begin = (onset(front, taps) + onset(front + taps, taps)) / 2 - LEAD;
    for (size_t i = 0; i < count; i++)
        for (int p = 0; p < PHASES; p++)
            shift(all + i * taps, (int)taps, begin, p, scale,
                  head->responses + (i * PHASES + (size_t)p) * TAPS);
    for (int e = 0; e < ELEVATIONS; e++)
        for (int a = 0; a < AZIMUTHS; a++) {
            double azimuth = ((a + 0.5) / AZIMUTHS - 0.5) * 2 * V2S_PI;
            double elevation = ((e + 0.5) / ELEVATIONS - 0.5) * V2S_PI;
            head->nearest[e * AZIMUTHS + a] =
                nearest_to(hrtf, v2s_unit_from_angles(azimuth, elevation));
        }
}

v2s_status v2s_echo_head_open(const v2s_hrtf *hrtf, double rate_hz, v2s_echo_head **out) {
    float *all = NULL;
    size_t taps = 0, count = (size_t)hrtf->measurements * 2;
    V2S_TRY(at_rate(hrtf, rate_hz, &all, &taps));
    v2s_echo_head *head = calloc(1, sizeof *head);
    if (head != NULL) {
        head->nearest = malloc(ELEVATIONS * AZIMUTHS * sizeof *head->nearest);
        head->responses = malloc(count * PHASES * TAPS * sizeof *head->responses);
    }
    if (head == NULL || head->nearest == NULL || head->responses == NULL) {
        v2s_echo_head_close(&head);
        free(all);
        return V2S_FAIL(V2S_NOMEM, "head: out of memory");
    }
    fill(head, hrtf, all, taps);
    free(all);
    *out = head;
    return V2S_OK;
}

const float *v2s_echo_head_response(const v2s_echo_head *head, v2s_vec3 direction, int ear,
                                    int phase) {
    double azimuth = v2s_azimuth_rad(direction) / (2 * V2S_PI) + 0.5;
    double elevation = v2s_elevation_rad(direction) / V2S_PI + 0.5;
    int a = (int)(azimuth * AZIMUTHS), e = (int)(elevation * ELEVATIONS);
    a = a < AZIMUTHS ? a : AZIMUTHS - 1;
    e = e < ELEVATIONS ? e : ELEVATIONS - 1;
    size_t i = (size_t)head->nearest[e * AZIMUTHS + a] * 2 + (size_t)ear;
    return head->responses + (i * PHASES + (size_t)phase) * TAPS;
}

void v2s_echo_head_close(v2s_echo_head **head) {
    if (*head != NULL) {
        free((*head)->nearest);
        free((*head)->responses);
    }
    free(*head);
    *head = NULL;
}
