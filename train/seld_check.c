// SPDX-License-Identifier: MIT
#include "train/seld_check.h"

#include <math.h>
#include <stdlib.h>

#include "kernels/base/array.h"

#define COHERENT 0.8
#define SILENT 1e-12          // mean square
#define ORDER_MARGIN_DEG 15.0 // one order fits better than the other by this
#define RATIO_SPREAD_MAX 0.15 // of an encoder's normalisation
#define RATIO_FACTOR_MAX 1.15 // from the exact ratio
#define RATIOS_MIN 3          // spans, for a normalisation to be named

// Intensity along a label (x), to the east (y) and to the north (z) of it.
static void add_seen(v2s_vec3 label, v2s_vec3 v, v2s_vec3 *sum) {
    double flat = hypot(label.x, label.y);
    double cos_az = flat > 0 ? label.x / flat : 1, sin_az = flat > 0 ? label.y / flat : 0;
    sum->x += v2s_dot(v, label);
    sum->y += v.y * cos_az - v.x * sin_az;
    sum->z += v.z * flat - (v.x * cos_az + v.y * sin_az) * label.z;
}

static double angle_deg(v2s_vec3 seen) {
    return v2s_norm(seen) > 0 ? v2s_deg(atan2(hypot(seen.y, seen.z), seen.x)) : NAN;
}

v2s_seld_evidence v2s_seld_judge(const v2s_foa_cell *cells, size_t count, double rate_hz,
                                 double start_s, double end_s, const v2s_trajectory *path) {
    v2s_seld_evidence e = {.ratio = NAN};
    size_t from = (size_t)fmax(0, llround(start_s / V2S_FOA_CELL_S));
    size_t to = (size_t)fmax(0, llround(end_s / V2S_FOA_CELL_S)), cursor = 0;
    v2s_vec3 wyzx = {0}, wxyz = {0};
    double energy = 0, w = 0, dipoles = 0;
    for (size_t i = from; i < to && i < count; i++) {
        const v2s_foa_cell *c = &cells[i];
        double time_s = ((double)i + 0.5) * V2S_FOA_CELL_S;
        v2s_vec3 label = v2s_trajectory_at(path, time_s, &cursor).unit;
        v2s_vec3 i_wyzx = v2s_foa_cell_wyzx(c);
        energy += c->energy[0];
        e.intensity.x += i_wyzx.x;
        e.intensity.y += i_wyzx.y;
        e.intensity.z += i_wyzx.z;
        add_seen(label, i_wyzx, &wyzx);
        add_seen(label, v2s_foa_cell_wxyz(c), &wxyz);
        if (v2s_foa_cell_coherence(c) >= COHERENT) {
            w += c->energy[0];
            dipoles += v2s_foa_cell_dipoles(c);
        }
    }
    e.angle_deg = angle_deg(wyzx);
    e.angle_wxyz_deg = angle_deg(wxyz);
    e.silent = energy < SILENT * rate_hz * (end_s - start_s);
    if (w > 0)
        e.ratio = dipoles / w;
    return e;
}

// ---- all spans --------------------------------------------------------------------------------

void v2s_seld_channels_free(v2s_seld_channels *c) {
    free(c->angle);
    free(c->angle_wxyz);
    free(c->ratio);
    *c = (v2s_seld_channels){0};
}

v2s_status v2s_seld_channels_add(v2s_seld_channels *c, const v2s_seld_evidence *e) {
    double **lists[] = {&c->angle, &c->angle_wxyz, &c->ratio};
    const double values[] = {e->angle_deg, e->angle_wxyz_deg, e->ratio};
    if (e->silent || !isfinite(e->angle_deg) || !isfinite(e->angle_wxyz_deg))
        return V2S_OK;
    size_t room = c->count < c->room ? c->room : c->room == 0 ? 256 : 2 * c->room;
    for (int i = 0; i < 3; i++) {
        if (room > c->room) {
            double *grown = realloc(*lists[i], room * sizeof **lists[i]);
            if (grown == NULL)
                return V2S_FAIL(V2S_NOMEM, "out of memory");
            *lists[i] = grown;
        }
        (*lists[i])[c->count] = values[i];
    }
    c->room = room;
    c->count++;
    return V2S_OK;
}

static double quantile(const double *sorted, size_t count, double part) {
    return count == 0 ? NAN : sorted[(size_t)floor(part * (double)(count - 1) + 0.5)];
}

static bool near_ratio(double ratio, double exact) {
    return ratio > exact / RATIO_FACTOR_MAX && ratio < exact * RATIO_FACTOR_MAX;
}

static v2s_layout name_layout(const v2s_seld_verdict *v) {
    if (v->ratios < RATIOS_MIN || !(v->spread < RATIO_SPREAD_MAX))
        return V2S_LAYOUT_UNCERTAIN;
    if (v->wyzx)
        return near_ratio(v->ratio, 1)   ? V2S_LAYOUT_AMBIX
               : near_ratio(v->ratio, 3) ? V2S_LAYOUT_N3D
                                         : V2S_LAYOUT_UNCERTAIN;
    if (v->wxyz)
        return near_ratio(v->ratio, 2)   ? V2S_LAYOUT_FUMA
               : near_ratio(v->ratio, 1) ? V2S_LAYOUT_WXYZ_SN3D
                                         : V2S_LAYOUT_UNCERTAIN;
    return V2S_LAYOUT_UNCERTAIN;
}

v2s_seld_verdict v2s_seld_channels_judge(v2s_seld_channels *c) {
    v2s_seld_verdict v = {.layout = V2S_LAYOUT_UNCERTAIN};
    double *lists[] = {c->angle, c->angle_wxyz, c->ratio};
    for (int i = 0; i < 3 && c->count > 0; i++)
        qsort(lists[i], c->count, sizeof *lists[i], v2s_compare_doubles);
    while (v.ratios < c->count && isfinite(c->ratio[v.ratios]))
        v.ratios++;
    v.angle_deg = quantile(c->angle, c->count, 0.5);
    v.angle_wxyz_deg = quantile(c->angle_wxyz, c->count, 0.5);
    v.ratio = quantile(c->ratio, v.ratios, 0.5);
    v.spread = quantile(c->ratio, v.ratios, 0.75) / quantile(c->ratio, v.ratios, 0.25) - 1;
    v.wyzx =
        v.angle_deg <= V2S_SELD_ANGLE_MAX_DEG && v.angle_deg + ORDER_MARGIN_DEG < v.angle_wxyz_deg;
    v.wxyz = v.angle_wxyz_deg <= V2S_SELD_ANGLE_MAX_DEG &&
             v.angle_wxyz_deg + ORDER_MARGIN_DEG < v.angle_deg;
    v.layout = name_layout(&v);
    return v;
}
