// SPDX-License-Identifier: MIT
#include "data/depth_map.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

#include "data/bilinear.h"
#include "data/image.h"
#include "data/media_internal.h"
#include "data/npy.h"

enum { MAX_PIXELS = 1 << 26 };

#define MM_TO_M 0.001

// A picture as it stands in its file: [height][width] of one of the two.
typedef struct picture {
    int width, height;
    double unit_m;
    v2s_npy array;
    uint16_t *grey; // NULL: the array
} picture;

static void picture_free(picture *p) {
    v2s_npy_free(&p->array);
    free(p->grey);
}

// Of an array of more than two dimensions those of one are left out.
static v2s_status find_sides(const char *path, picture *p) {
    const v2s_npy *a = &p->array;
    size_t side[V2S_NPY_RANK_MAX] = {0};
    int used = 0;
    for (int d = 0; d < a->rank; d++)
        if (a->rank == 2 || a->dim[d] != 1)
            side[used++] = a->dim[d];
    if (used != 2 || a->count == 0)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: expected a depth map of two dimensions, found %d with %zu values",
                        path, a->rank, a->count);
    p->height = (int)side[0];
    p->width = (int)side[1];
    return V2S_OK;
}

static v2s_status picture_read(const char *path, bool millimetres, picture *p) {
    if (strcasecmp(v2s_media_suffix(path), "png") == 0) {
        p->unit_m = MM_TO_M;
        return v2s_image_read_grey16(path, &p->width, &p->height, &p->grey);
    }
    V2S_TRY(v2s_npy_read(path, MAX_PIXELS, &p->array));
    p->unit_m = p->array.kind == V2S_NPY_FLOAT && !millimetres ? 1 : MM_TO_M;
    return find_sides(path, p);
}

// In metres; 0 where it is not valid (the comparison is false for NaN).
static float depth_at(const picture *p, double max_depth_m, int y, int x) {
    size_t i = (size_t)y * (size_t)p->width + (size_t)x;
    double d = p->unit_m * (p->grey != NULL ? p->grey[i] : p->array.values[i]);
    return d > 0 ? (float)fmin(d, max_depth_m) : 0.0f;
}

// floor((i + 0.5) n / size) in integers.
static int nearest(int i, int n, int size) {
    return (int)((2 * (int64_t)i + 1) * n / (2 * (int64_t)size));
}

static float mixed_depth(const picture *p, double max_depth_m, v2s_bilinear_tap row,
                         v2s_bilinear_tap col) {
    float low = v2s_bilinear_mix(col, depth_at(p, max_depth_m, row.low, col.low),
                                 depth_at(p, max_depth_m, row.low, col.high));
    float high = v2s_bilinear_mix(col, depth_at(p, max_depth_m, row.high, col.low),
                                  depth_at(p, max_depth_m, row.high, col.high));
    return v2s_bilinear_mix(row, low, high);
}

// The number of valid pixels.
static size_t resize(const picture *p, const v2s_depth_map_options *o, float *depth) {
    size_t valid = 0;
    for (int i = 0; i < o->size; i++)
        for (int j = 0; j < o->size; j++) {
            float *to = &depth[(size_t)i * (size_t)o->size + (size_t)j];
            if (o->resize == V2S_DEPTH_NEAREST)
                *to = depth_at(p, o->max_depth_m, nearest(i, p->height, o->size),
                               nearest(j, p->width, o->size));
            else
                *to = mixed_depth(p, o->max_depth_m, v2s_bilinear_tap_of(i, p->height, o->size),
                                  v2s_bilinear_tap_of(j, p->width, o->size));
            valid += *to > 0;
        }
    return valid;
}

v2s_status v2s_depth_map_read(const char *path, const v2s_depth_map_options *options,
                              float *depth) {
    picture p = {0};
    v2s_status status = picture_read(path, options->millimetres, &p);
    if (status == V2S_OK && resize(&p, options, depth) == 0)
        status = V2S_FAIL(V2S_FORMAT, "%s: no pixel has a valid depth (above 0)", path);
    picture_free(&p);
    return status;
}

static double number_or_0(double x) {
    return isnan(x) ? 0 : x;
}

bool v2s_depth_scores_of(int count, const float *predicted, const float *truth,
                         v2s_depth_scores *scores) {
    double n = 0, square = 0, relative = 0, decades = 0, absolute = 0, within[3] = {0};
    for (int i = 0; i < count; i++) {
        double t = truth[i], p = predicted[i], error = fabs(p - t), limit = 1.25;
        if (!(t > 0))
            continue;
        n++;
        square += error * error;
        relative += error / t;
        decades += fabs(log10(t) - log10(p));
        absolute += error;
        for (int k = 0; k < 3; k++, limit *= 1.25)
            within[k] += t / p < limit && p / t < limit;
    }
    if (n == 0)
        return false;
    *scores = (v2s_depth_scores){.rmse = number_or_0(sqrt(square / n)),
                                 .abs_rel = number_or_0(relative / n),
                                 .log10 = number_or_0(decades / n),
                                 .mae = number_or_0(absolute / n),
                                 .delta1 = within[0] / n,
                                 .delta2 = within[1] / n,
                                 .delta3 = within[2] / n};
    return true;
}
