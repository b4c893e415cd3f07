// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>

#include "infer/report_internal.h"
#include "spatial/conventions.h"

static void read_points(const v2s_trajectory *trajectory, v2s_curves *c) {
    double before = NAN; // the last azimuth that was a number
    for (size_t i = 0; i < c->count; i++) {
        const v2s_point *p = &trajectory->points[i];
        v2s_vec3 u = p->unit;
        double norm = v2s_norm(u);
        bool valid = isfinite(norm) && norm > 0.0;
        double azimuth = valid ? v2s_deg(v2s_azimuth_rad(u)) : NAN;
        if (valid && isfinite(before))
            azimuth += 360.0 * round((before - azimuth) / 360.0);
        before = valid ? azimuth : before;
        bool near = isfinite(p->distance_m) && fabs(p->distance_m) < 1e9;
        c->time_s[i] = p->time_s;
        c->azimuth_deg[i] = azimuth;
        c->elevation_deg[i] = valid ? v2s_deg(v2s_elevation_rad(u)) : NAN;
        c->distance_m[i] = near ? p->distance_m : NAN;
        c->front_m[i] = valid && near ? p->distance_m * u.x / norm : NAN;
        c->left_m[i] = valid && near ? p->distance_m * u.y / norm : NAN;
    }
}

static void read_confidence(const v2s_report_object *object, v2s_curves *c) {
    for (size_t i = 0; i < c->confidence_count; i++) {
        if (object->states) {
            c->confidence_time_s[i] = object->states[i].time_s;
            c->confidence[i] = object->states[i].confidence;
        } else {
            c->confidence_time_s[i] = object->trajectory->points[i].time_s;
            c->confidence[i] = object->trajectory->points[i].confidence;
        }
    }
}

v2s_status v2s_curves_open(const v2s_report_object *object, v2s_curves *curves) {
    const v2s_trajectory *trajectory = object->trajectory;
    v2s_curves c = {.count = trajectory && trajectory->points ? trajectory->count : 0};
    double **arrays[] = {&c.time_s,     &c.azimuth_deg, &c.elevation_deg,
                         &c.distance_m, &c.front_m,     &c.left_m};
    c.confidence_count = object->states ? object->state_count : c.count;
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        if (!(*arrays[i] = calloc(c.count + 1, sizeof(double))))
            goto fail;
    }
    c.confidence_time_s = calloc(c.confidence_count + 1, sizeof(double));
    c.confidence = calloc(c.confidence_count + 1, sizeof(double));
    if (!c.confidence_time_s || !c.confidence)
        goto fail;
    if (c.count > 0)
        read_points(trajectory, &c);
    read_confidence(object, &c);
    *curves = c;
    return V2S_OK;
fail:
    v2s_curves_close(&c);
    return V2S_FAIL(V2S_NOMEM, "report: no memory for a trajectory of %zu points", c.count);
}

void v2s_curves_close(v2s_curves *curves) {
    free(curves->time_s);
    free(curves->azimuth_deg);
    free(curves->elevation_deg);
    free(curves->distance_m);
    free(curves->front_m);
    free(curves->left_m);
    free(curves->confidence_time_s);
    free(curves->confidence);
    *curves = (v2s_curves){0};
}

// Adds `index` to a short ascending list without repeats.
static size_t insert_sorted(size_t *list, size_t count, size_t index) {
    size_t at = count;
    while (at > 0 && list[at - 1] > index)
        at--;
    if (at > 0 && list[at - 1] == index)
        return count;
    for (size_t i = count; i > at; i--)
        list[i] = list[i - 1];
    list[at] = index;
    return count + 1;
}

size_t v2s_curve_pick(const double *const *values, int value_count, size_t count, size_t *picked) {
    if (count <= V2S_CURVE_MAX_POINTS) {
        for (size_t i = 0; i < count; i++)
            picked[i] = i;
        return count;
    }
    // Of each of `parts` equal stretches: its first sample and the extremes of each value.
    size_t per_part = 1 + 2 * (size_t)value_count;
    size_t parts = (V2S_CURVE_MAX_POINTS - 1) / per_part, total = 0;
    for (size_t part = 0; part < parts; part++) {
        size_t from = (size_t)((double)count * (double)part / (double)parts);
        size_t to = (size_t)((double)count * (double)(part + 1) / (double)parts);
        size_t list[1 + 2 * V2S_CURVE_MAX_VALUES] = {from}, listed = 1;
        for (int k = 0; k < value_count; k++) {
            size_t least = from, most = from;
            for (size_t i = from; i < to; i++) {
                // Written so that a number replaces what is not one.
                if (isfinite(values[k][i]) && !(values[k][i] >= values[k][least]))
                    least = i;
                if (isfinite(values[k][i]) && !(values[k][i] <= values[k][most]))
                    most = i;
            }
            listed = insert_sorted(list, listed, least);
            listed = insert_sorted(list, listed, most);
        }
        for (size_t i = 0; i < listed; i++)
            picked[total++] = list[i];
    }
    if (picked[total - 1] != count - 1)
        picked[total++] = count - 1;
    return total;
}

double v2s_curve_at(const double *time_s, const double *value, size_t count, double at) {
    if (count == 0 || !(at >= time_s[0]) || !(at <= time_s[count - 1]))
        return NAN;
    size_t lo = 0, hi = count - 1;
    while (hi - lo > 1) {
        size_t middle = lo + (hi - lo) / 2;
        if (time_s[middle] <= at)
            lo = middle;
        else
            hi = middle;
    }
    double span = time_s[hi] - time_s[lo];
    double share = span > 0.0 ? (at - time_s[lo]) / span : 0.0;
    return value[lo] + share * (value[hi] - value[lo]);
}

bool v2s_curve_range(const double *value, size_t count, double *lo, double *hi) {
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(value[i]))
            continue;
        *lo = found ? fmin(*lo, value[i]) : value[i];
        *hi = found ? fmax(*hi, value[i]) : value[i];
        found = true;
    }
    return found;
}
