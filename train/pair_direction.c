// SPDX-License-Identifier: MIT
#include "train/pair_direction.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CELLS = 10, FRAMES_MIN = 5, REACH = 2 };

#define FRAME_S (CELLS * V2S_FOA_CELL_S)
#define CLEAR 0.45
#define QUIET 1e-4 // 40 dB
#define TURN_MAX_DEG 45.0
#define DISTANCE_M 1.0

typedef struct frame {
    v2s_vec3 intensity, unit; // unit is smoothed
    double clarity;           // 0 where the frame is not clear
} frame;

void v2s_clear_spans_free(v2s_clear_spans *spans) {
    for (size_t i = 0; i < spans->count; i++)
        v2s_trajectory_free(&spans->spans[i].path);
    free(spans->spans);
    *spans = (v2s_clear_spans){0};
}

static v2s_foa_cell sum_of(const v2s_foa_cell *cells, size_t count, size_t t) {
    v2s_foa_cell sum = {0};
    for (size_t i = t * CELLS; i < (t + 1) * CELLS && i < count; i++)
        v2s_foa_cell_sum(&sum, &cells[i]);
    return sum;
}

static void make_frames(const v2s_foa_cell *cells, size_t count, bool wxyz, size_t frames,
                        frame *f) {
    double loudest = 0;
    for (size_t t = 0; t < frames; t++)
        loudest = fmax(loudest, sum_of(cells, count, t).energy[0]);
    for (size_t t = 0; t < frames; t++) {
        v2s_foa_cell sum = sum_of(cells, count, t);
        double clarity = sqrt(v2s_foa_cell_coherence(&sum));
        f[t].intensity = wxyz ? v2s_foa_cell_wxyz(&sum) : v2s_foa_cell_wyzx(&sum);
        f[t].clarity = clarity >= CLEAR && sum.energy[0] > QUIET * loudest ? clarity : 0;
    }
}

// Directions of the run from .. to - 1.
static void smooth(frame *f, size_t from, size_t to) {
    for (size_t t = from; t < to; t++) {
        v2s_vec3 sum = {0, 0, 0};
        for (int k = -REACH; k <= REACH; k++) {
            if ((k < 0 && t - from < (size_t)-k) || (k > 0 && to - t <= (size_t)k))
                continue;
            v2s_vec3 i = f[t + (size_t)k].intensity;
            double weight = REACH + 1 - abs(k);
            sum = (v2s_vec3){sum.x + weight * i.x, sum.y + weight * i.y, sum.z + weight * i.z};
        }
        double length = v2s_norm(sum);
        if (length > 0)
            f[t].unit = (v2s_vec3){sum.x / length, sum.y / length, sum.z / length};
        else
            f[t].unit = t > from ? f[t - 1].unit : (v2s_vec3){1, 0, 0};
    }
}

static v2s_status add_span(const frame *f, size_t from, size_t to, double duration_s,
                           v2s_clear_spans *found) {
    v2s_clear_span *grown = realloc(found->spans, (found->count + 1) * sizeof *grown);
    if (grown == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    found->spans = grown;
    v2s_clear_span *s = &grown[found->count];
    *s = (v2s_clear_span){.start_s = (double)from / 10, .end_s = fmin((double)to / 10, duration_s)};
    size_t frames = to - from;
    s->path.points = malloc((frames + 2) * sizeof *s->path.points);
    if (s->path.points == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    found->count++;
    found->duration_s += s->end_s - s->start_s;
    s->path.count = frames + 2;
    memcpy(s->path.name, "1", 2);
    for (size_t k = 0; k < frames + 2; k++) {
        size_t t = k == 0 ? from : k <= frames ? from + k - 1 : to - 1;
        double time_s = k == 0 ? s->start_s : k <= frames ? ((double)t + 0.5) * FRAME_S : s->end_s;
        s->path.points[k] = (v2s_point){time_s, f[t].unit, DISTANCE_M, fmin(1, f[t].clarity)};
    }
    return V2S_OK;
}

// The run from .. to - 1 without its turns.
static v2s_status add_run(frame *f, size_t from, size_t to, double duration_s,
                          v2s_clear_spans *found) {
    smooth(f, from, to);
    for (size_t begin = from; begin < to;) {
        size_t end = begin + 1;
        while (end < to &&
               v2s_deg(v2s_angle_between_rad(f[end - 1].unit, f[end].unit)) <= TURN_MAX_DEG)
            end++;
        if (end - begin >= FRAMES_MIN)
            V2S_TRY(add_span(f, begin, end, duration_s, found));
        begin = end;
    }
    return V2S_OK;
}

v2s_status v2s_clear_spans_find(const v2s_foa_cell *cells, size_t count, bool wxyz,
                                double duration_s, v2s_clear_spans *found) {
    size_t frames = count / CELLS; // a shorter last one is left out
    v2s_clear_spans made = {0};
    frame *f = calloc(frames + 1, sizeof *f);
    if (f == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    make_frames(cells, count, wxyz, frames, f);
    v2s_status status = V2S_OK;
    for (size_t t = 0; t < frames && status == V2S_OK;) {
        size_t end = t;
        while (end < frames && f[end].clarity > 0)
            end++;
        if (end - t >= FRAMES_MIN)
            status = add_run(f, t, end, duration_s, &made);
        t = end > t ? end : t + 1;
    }
    free(f);
    if (status != V2S_OK) {
        v2s_clear_spans_free(&made);
        return status;
    }
    *found = made;
    return V2S_OK;
}
