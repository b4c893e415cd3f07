// SPDX-License-Identifier: MIT
#include "train/echo_head.h"

#include <stdlib.h>

enum { TAPS = V2S_ECHO_HEAD_TAPS, LEAD = V2S_ECHO_HEAD_LEAD, PHASES = V2S_ECHO_HEAD_PHASES };
enum { SINC_HALF = 12, FADE = 24 }; // samples
enum { WEIGHTS_MAX = 2 * 8 * SINC_HALF + 1 };
enum { AZIMUTHS = 180, ELEVATIONS = 90 }; // cells of 2 degrees

static const double NARROWEST = 0.125; // of the pass band: rates up to eight times the sound's

struct v2s_echo_head {
    int *nearest;     // [ELEVATIONS][AZIMUTHS] measurement
    float *responses; // [measurements][2][PHASES][TAPS]
};

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

// How sample j of a response, later by some eighths, comes out of the measured one: the sum over
// i < count of weight[i] times its sample low + i.
typedef struct tap {
    int low, count;
    float weight[WEIGHTS_MAX];
} tap;

// `step`: measured samples from one sample to the next; what would alias is left out. The responses
// fade out at their end.
static void fill_taps(int begin, double step, double scale, tap taps[PHASES][TAPS]) {
    double narrow = fmax(NARROWEST, fmin(1, 1 / step)), reach = SINC_HALF / narrow;
    for (int p = 0; p < PHASES; p++)
        for (int j = 0; j < TAPS; j++) {
            tap *t = &taps[p][j];
            double at = begin + (j - LEAD - (double)p / PHASES) * step;
            double fade = j < TAPS - FADE ? 1 : 0.5 + 0.5 * cos(V2S_PI * (j - TAPS + FADE) / FADE);
            t->low = (int)ceil(at - reach);
            t->count = (int)floor(at + reach) - t->low + 1;
            for (int i = 0; i < t->count; i++)
                t->weight[i] = (float)(scale * fade * narrow * kernel(narrow * (at - t->low - i)));
        }
}

static float apply(const tap *t, const float *measured, int count) {
    float sum = 0;
    for (int i = 0; i < t->count; i++)
        if (t->low + i >= 0 && t->low + i < count)
            sum += t->weight[i] * measured[t->low + i];
    return sum;
}

static void fill(v2s_echo_head *head, const v2s_hrtf *hrtf, double rate_hz,
                 tap table[PHASES][TAPS]) {
    size_t count = (size_t)hrtf->measurements * 2, taps = (size_t)hrtf->taps;
    double energy = 0, step = hrtf->rate_hz / rate_hz;
    for (size_t i = 0; i < count * taps; i++)
        energy += (double)hrtf->ir[i] * hrtf->ir[i];
    // A response sampled more densely has more energy for the same pressure.
    double scale = energy > 0 ? sqrt(step * (double)count / energy) : 1;
    const float *front = hrtf->ir + (size_t)nearest_to(hrtf, (v2s_vec3){1, 0, 0}) * 2 * taps;
    int begin = (onset(front, taps) + onset(front + taps, taps)) / 2;
    fill_taps(begin, step, scale, table);
    for (size_t i = 0; i < count; i++)
        for (size_t p = 0; p < PHASES; p++)
            for (size_t j = 0; j < TAPS; j++)
                head->responses[(i * PHASES + p) * TAPS + j] =
                    apply(&table[p][j], hrtf->ir + i * taps, hrtf->taps);
    for (int e = 0; e < ELEVATIONS; e++)
        for (int a = 0; a < AZIMUTHS; a++) {
            double azimuth = ((a + 0.5) / AZIMUTHS - 0.5) * 2 * V2S_PI;
            double elevation = ((e + 0.5) / ELEVATIONS - 0.5) * V2S_PI;
            head->nearest[e * AZIMUTHS + a] =
                nearest_to(hrtf, v2s_unit_from_angles(azimuth, elevation));
        }
}

v2s_status v2s_echo_head_open(const v2s_hrtf *hrtf, double rate_hz, v2s_echo_head **out) {
    size_t responses = (size_t)hrtf->measurements * 2 * PHASES;
    v2s_echo_head *head = calloc(1, sizeof *head);
    tap(*table)[TAPS] = malloc(PHASES * sizeof *table);
    if (head != NULL) {
        head->nearest = malloc(ELEVATIONS * AZIMUTHS * sizeof *head->nearest);
        head->responses = malloc(responses * TAPS * sizeof *head->responses);
    }
    if (table == NULL || head == NULL || head->nearest == NULL || head->responses == NULL) {
        free(table);
        v2s_echo_head_close(&head);
        return V2S_FAIL(V2S_NOMEM, "head: out of memory");
    }
    fill(head, hrtf, rate_hz, table);
    free(table);
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
