// SPDX-License-Identifier: MIT
#include "spatial/trajectory.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static v2s_vec3 scale(v2s_vec3 a, double s) {
    v2s_vec3 r = {a.x * s, a.y * s, a.z * s};
    return r;
}

static v2s_vec3 cross(v2s_vec3 a, v2s_vec3 b) {
    v2s_vec3 r = {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
    return r;
}

// Unit vector at a right angle to `a` that a quarter turn about the axis nearest to the vertical
// (the y axis for a vertical `a`) leads to.
static v2s_vec3 quarter_turn(v2s_vec3 a) {
    v2s_vec3 up = {0.0, 0.0, 1.0}, left = {0.0, 1.0, 0.0};
    v2s_vec3 side = cross(up, a);
    if (v2s_norm(side) < 1e-9)
        side = cross(left, a);
    return scale(side, 1.0 / v2s_norm(side));
}

v2s_vec3 v2s_slerp(v2s_vec3 a, v2s_vec3 b, double s) {
    if (s <= 0.0)
        return a;
    if (s >= 1.0)
        return b;
    // Part of b at a right angle to a: r = a cos(s angle) + w sin(s angle) keeps its length at any
    // angle, where the form with sin((1-s) angle) / sin(angle) fails near 0 and pi.
    double along = v2s_dot(a, b);
    v2s_vec3 w = {b.x - along * a.x, b.y - along * a.y, b.z - along * a.z};
    double across = v2s_norm(w);
    double angle = atan2(across, along);
    if (across > 1e-9)
        w = scale(w, 1.0 / across);
    else if (along > 0.0)
        return a;
    else
        w = quarter_turn(a);
    double c = cos(s * angle), d = sin(s * angle);
    v2s_vec3 r = {a.x * c + w.x * d, a.y * c + w.y * d, a.z * c + w.z * d};
    return scale(r, 1.0 / v2s_norm(r));
}

// Index i with points[i].time_s <= time_s < points[i+1].time_s; time_s lies inside the range.
static size_t find_interval(const v2s_trajectory *t, double time_s, size_t *cursor) {
    const v2s_point *p = t->points;
    size_t low = 0, high = t->count - 1;
    if (cursor != NULL && *cursor < high && p[*cursor].time_s <= time_s) {
        low = *cursor;
        for (int steps = 0; steps < 4 && low < high; steps++, low++) {
            if (time_s < p[low + 1].time_s) {
                *cursor = low;
                return low;
            }
        }
    }
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (p[middle].time_s <= time_s)
            low = middle;
        else
            high = middle;
    }
    if (cursor != NULL)
        *cursor = low;
    return low;
}

static v2s_point held(v2s_point p, double time_s) {
    p.time_s = time_s;
    return p;
}

v2s_point v2s_trajectory_at(const v2s_trajectory *t, double time_s, size_t *cursor) {
    const v2s_point *last = &t->points[t->count - 1];
    if (!(time_s > t->points[0].time_s))
        return held(t->points[0], time_s);
    if (time_s >= last->time_s)
        return held(*last, time_s);
    const v2s_point *a = &t->points[find_interval(t, time_s, cursor)], *b = a + 1;
    double s = (time_s - a->time_s) / (b->time_s - a->time_s);
    v2s_point p = {time_s, v2s_slerp(a->unit, b->unit, s),
                   a->distance_m + s * (b->distance_m - a->distance_m),
                   a->confidence + s * (b->confidence - a->confidence)};
    return p;
}

// Speed of the straight distance between points i and i + 1.
static double chord_slope(const v2s_trajectory *t, size_t i) {
    const v2s_point *a = &t->points[i], *b = a + 1;
    return (b->distance_m - a->distance_m) / (b->time_s - a->time_s);
}

// Slope at a point that has two neighbours: derivative of the parabola through the three, no
// steeper than 3 times the flatter chord (de Boor and Swartz' bound for monotone cubics; unlike
// Fritsch and Carlson's it does not flatten a minimum, which a passing source has).
static double inner_slope(const v2s_trajectory *t, size_t i) {
    const v2s_point *p = t->points;
    double h0 = p[i].time_s - p[i - 1].time_s, h1 = p[i + 1].time_s - p[i].time_s;
    double s0 = chord_slope(t, i - 1), s1 = chord_slope(t, i);
    double slope = (s0 * h1 + s1 * h0) / (h0 + h1);
    double limit = 3.0 * fmin(fabs(s0), fabs(s1));
    return fmax(-limit, fmin(limit, slope));
}

// The first and last interval end without curvature, so two points give a straight line.
static double distance_slope(const v2s_trajectory *t, size_t i) {
    size_t last = t->count - 1;
    if (i > 0 && i < last)
        return inner_slope(t, i);
    double chord = chord_slope(t, i == 0 ? 0 : last - 1);
    if (last == 1)
        return chord;
    return 1.5 * chord - 0.5 * inner_slope(t, i == 0 ? 1 : last - 1);
}

static v2s_distance_piece find_piece(const v2s_trajectory *t, double time_s) {
    const v2s_point *first = &t->points[0], *last = &t->points[t->count - 1];
    v2s_distance_piece piece = {-INFINITY, INFINITY, 0.0, 0.0, 0.0, 0.0, 0.0, INFINITY};
    if (!(time_s >= first->time_s) || time_s >= last->time_s) {
        bool before = time_s < first->time_s;
        piece.from_s = before ? -INFINITY : last->time_s;
        piece.to_s = before ? first->time_s : INFINITY;
        piece.a = before ? first->distance_m : last->distance_m;
        return piece;
    }
    size_t i = find_interval(t, time_s, NULL);
    double h = t->points[i + 1].time_s - t->points[i].time_s;
    double a = t->points[i].distance_m, b = t->points[i + 1].distance_m;
    double ma = distance_slope(t, i), mb = distance_slope(t, i + 1), chord = (b - a) / h;
    piece.from_s = t->points[i].time_s;
    piece.to_s = t->points[i + 1].time_s;
    piece.a = a;
    piece.c1 = ma;
    piece.c2 = (3.0 * chord - 2.0 * ma - mb) / h;
    piece.c3 = (ma + mb - 2.0 * chord) / (h * h);
    piece.low_m = 0.5 * fmin(a, b);
    piece.high_m = 1.5 * fmax(a, b);
    return piece;
}

double v2s_trajectory_smooth_distance(const v2s_trajectory *t, double time_s,
                                      v2s_distance_piece *piece, double *slope_m_s) {
    if (!(time_s >= piece->from_s && time_s < piece->to_s))
        *piece = find_piece(t, time_s);
    *slope_m_s = 0.0;
    if (isinf(piece->from_s) || isinf(piece->to_s))
        return piece->a;
    double x = time_s - piece->from_s;
    double d = piece->a + x * (piece->c1 + x * (piece->c2 + x * piece->c3));
    if (d < piece->low_m || d > piece->high_m)
        return d < piece->low_m ? piece->low_m : piece->high_m;
    *slope_m_s = piece->c1 + x * (2.0 * piece->c2 + x * 3.0 * piece->c3);
    return d;
}

static void widen(double value, double *low, double *high) {
    *low = fmin(*low, value);
    *high = fmax(*high, value);
}

v2s_trajectory_ranges v2s_trajectory_summary(const v2s_trajectory *t) {
    const v2s_point *p = t->points;
    double azimuth = v2s_deg(v2s_azimuth_rad(p[0].unit));
    double elevation = v2s_deg(v2s_elevation_rad(p[0].unit));
    v2s_trajectory_ranges r = {p[0].distance_m, p[0].distance_m, azimuth, azimuth,
                               elevation,       elevation,       0.0};
    for (size_t i = 1; i < t->count; i++) {
        double step = v2s_deg(v2s_azimuth_rad(p[i].unit)) - azimuth;
        azimuth += step - 360.0 * round(step / 360.0);
        widen(azimuth, &r.azimuth_min_deg, &r.azimuth_max_deg);
        widen(v2s_deg(v2s_elevation_rad(p[i].unit)), &r.elevation_min_deg, &r.elevation_max_deg);
        widen(p[i].distance_m, &r.distance_min_m, &r.distance_max_m);
        v2s_vec3 a = scale(p[i - 1].unit, p[i - 1].distance_m);
        v2s_vec3 b = scale(p[i].unit, p[i].distance_m);
        v2s_vec3 chord = {b.x - a.x, b.y - a.y, b.z - a.z};
        double speed = v2s_norm(chord) / (p[i].time_s - p[i - 1].time_s);
        r.speed_max_m_s = fmax(r.speed_max_m_s, speed);
    }
    return r;
}

void v2s_trajectory_free(v2s_trajectory *t) {
    free(t->points);
    memset(t, 0, sizeof *t);
}

void v2s_trajectory_set_free(v2s_trajectory_set *s) {
    for (size_t i = 0; i < s->count; i++)
        v2s_trajectory_free(&s->items[i]);
    free(s->items);
    memset(s, 0, sizeof *s);
}
