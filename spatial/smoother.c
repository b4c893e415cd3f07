// SPDX-License-Identifier: MIT
#include "spatial/smoother.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DIM = 6, POS = 3 }; // state (p, v), measured part

typedef struct state {
    double x[DIM];
    double cov[DIM][DIM];
} state;

v2s_smoother_config v2s_smoother_default(void) {
    v2s_smoother_config c = {3.0, v2s_rad(0.5), 0.05};
    return c;
}

// Lower Cholesky factor in place (row stride DIM); false unless positive definite.
static bool cholesky(double a[DIM][DIM], int n) {
    for (int j = 0; j < n; j++) {
        for (int k = 0; k < j; k++)
            a[j][j] -= a[j][k] * a[j][k];
        if (!(a[j][j] > 0.0))
            return false;
        a[j][j] = sqrt(a[j][j]);
        for (int i = j + 1; i < n; i++) {
            for (int k = 0; k < j; k++)
                a[i][j] -= a[i][k] * a[j][k];
            a[i][j] /= a[j][j];
        }
    }
    return true;
}

// b := A^-1 b from the factor.
static void cholesky_solve(double l[DIM][DIM], int n, double *b) {
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < i; k++)
            b[i] -= l[i][k] * b[k];
        b[i] /= l[i][i];
    }
    for (int i = n - 1; i >= 0; i--) {
        for (int k = i + 1; k < n; k++)
            b[i] -= l[k][i] * b[k];
        b[i] /= l[i][i];
    }
}

static v2s_vec3 to_vec3(const double *p) {
    v2s_vec3 v = {p[0], p[1], p[2]};
    return v;
}

// R = (s_r^2 rr^T + s_t^2 (I - rr^T)) / c^2
static void measurement_covariance(const v2s_observation *o, const v2s_smoother_config *config,
                                   double r[POS][POS]) {
    double distance_m = v2s_norm(o->position_m);
    double unit[POS] = {o->position_m.x / distance_m, o->position_m.y / distance_m,
                        o->position_m.z / distance_m};
    double confidence = fmax(o->confidence, 0.1);
    double along = config->range_sigma_ratio * distance_m / confidence;
    double across = config->angle_sigma_rad * distance_m / confidence;
    for (int i = 0; i < POS; i++)
        for (int j = 0; j < POS; j++)
            r[i][j] = (along * along - across * across) * unit[i] * unit[j] +
                      (i == j ? across * across : 0.0);
}

// s := F s F^T + Q over dt.
static void predict(state *s, double dt, double q) {
    double(*c)[DIM] = s->cov;
    for (int i = 0; i < POS; i++)
        s->x[i] += dt * s->x[POS + i];
    for (int i = 0; i < POS; i++) // rows: F cov
        for (int j = 0; j < DIM; j++)
            c[i][j] += dt * c[POS + i][j];
    for (int i = 0; i < DIM; i++) // columns: (F cov) F^T
        for (int j = 0; j < POS; j++)
            c[i][j] += dt * c[i][POS + j];
    for (int i = 0; i < POS; i++) {
        c[i][i] += q * dt * dt * dt / 3.0;
        c[i][POS + i] += q * dt * dt / 2.0;
        c[POS + i][i] += q * dt * dt / 2.0;
        c[POS + i][POS + i] += q * dt;
    }
}

// cov := (I - K H) cov (I - K H)^T + K R K^T (Joseph's form: stays symmetric and positive).
static void update_covariance(state *s, double gain[DIM][POS], double r[POS][POS]) {
    double keep[DIM][DIM], left[DIM][DIM];
    for (int i = 0; i < DIM; i++)
        for (int j = 0; j < DIM; j++)
            keep[i][j] = (i == j ? 1.0 : 0.0) - (j < POS ? gain[i][j] : 0.0);
    for (int i = 0; i < DIM; i++)
        for (int j = 0; j < DIM; j++) {
            left[i][j] = 0.0;
            for (int k = 0; k < DIM; k++)
                left[i][j] += keep[i][k] * s->cov[k][j];
        }
    for (int i = 0; i < DIM; i++)
        for (int j = 0; j <= i; j++) {
            double sum = 0.0;
            for (int k = 0; k < DIM; k++)
                sum += left[i][k] * keep[j][k];
            for (int k = 0; k < POS; k++)
                for (int m = 0; m < POS; m++)
                    sum += gain[i][k] * r[k][m] * gain[j][m];
            s->cov[i][j] = s->cov[j][i] = sum;
        }
}

static bool update(state *s, const v2s_observation *o, const v2s_smoother_config *config) {
    double r[POS][POS], innovation_cov[DIM][DIM], gain[DIM][POS];
    measurement_covariance(o, config, r);
    for (int i = 0; i < POS; i++)
        for (int j = 0; j < POS; j++)
            innovation_cov[i][j] = s->cov[i][j] + r[i][j];
    if (!cholesky(innovation_cov, POS))
        return false;
    for (int i = 0; i < DIM; i++) { // K = cov H^T S^-1, row by row
        memcpy(gain[i], s->cov[i], sizeof gain[i]);
        cholesky_solve(innovation_cov, POS, gain[i]);
    }
    double innovation[POS] = {o->position_m.x - s->x[0], o->position_m.y - s->x[1],
                              o->position_m.z - s->x[2]};
    for (int i = 0; i < DIM; i++)
        for (int k = 0; k < POS; k++)
            s->x[i] += gain[i][k] * innovation[k];
    update_covariance(s, gain, r);
    return true;
}

// Position unknown before the first observation: it and its covariance are taken as they are.
static void start(state *s, const v2s_observation *o, const v2s_smoother_config *config) {
    double r[POS][POS];
    measurement_covariance(o, config, r);
    memset(s, 0, sizeof *s);
    s->x[0] = o->position_m.x;
    s->x[1] = o->position_m.y;
    s->x[2] = o->position_m.z;
    for (int i = 0; i < POS; i++) {
        for (int j = 0; j < POS; j++)
            s->cov[i][j] = r[i][j];
        s->cov[POS + i][POS + i] = V2S_SMOOTHER_SPEED_SIGMA_M_S * V2S_SMOOTHER_SPEED_SIGMA_M_S;
    }
}

// x_k|n = x_k|k + P_k F^T (F P_k F^T + Q)^-1 (x_k+1|n - F x_k|k). Only the mean is wanted, so the
// gain matrix is never formed and no smoothed covariance is kept.
static bool smooth_back(state *now, const state *next, double dt, double q) {
    state ahead = *now;
    predict(&ahead, dt, q);
    double y[DIM];
    for (int i = 0; i < DIM; i++)
        y[i] = next->x[i] - ahead.x[i];
    if (!cholesky(ahead.cov, DIM))
        return false;
    cholesky_solve(ahead.cov, DIM, y);
    for (int j = 0; j < POS; j++) // F^T y
        y[POS + j] += dt * y[j];
    for (int i = 0; i < DIM; i++)
        for (int j = 0; j < DIM; j++)
            now->x[i] += now->cov[i][j] * y[j];
    return true;
}

// Filters forwards and smooths backwards over obs[0..count), whose first one is present.
static v2s_status run(const v2s_observation *obs, size_t count, const v2s_smoother_config *config,
                      state *states) {
    double q = config->acceleration_m_s2 * config->acceleration_m_s2;
    bool good = true;
    start(&states[0], &obs[0], config);
    for (size_t i = 1; i < count && good; i++) {
        states[i] = states[i - 1];
        predict(&states[i], obs[i].time_s - obs[i - 1].time_s, q);
        if (obs[i].present)
            good = update(&states[i], &obs[i], config);
    }
    for (size_t i = count - 1; i > 0 && good; i--)
        good = smooth_back(&states[i - 1], &states[i], obs[i].time_s - obs[i - 1].time_s, q);
    for (size_t i = 0; i < count && good; i++)
        good = isfinite(v2s_norm(to_vec3(states[i].x)));
    if (!good)
        return V2S_FAIL(V2S_NUMERIC, "smoother: the path has no finite solution; the measurement "
                                     "noise and the acceleration are too far apart");
    return V2S_OK;
}

static v2s_status check_config(const v2s_smoother_config *c) {
    const double value[] = {c->acceleration_m_s2, c->angle_sigma_rad, c->range_sigma_ratio};
    const char *name[] = {"acceleration", "angle sigma", "range sigma"};
    for (int i = 0; i < 3; i++)
        if (!(value[i] > 0.0 && isfinite(value[i])))
            return V2S_FAIL(V2S_ARG, "smoother: %s must be above 0, found %g", name[i], value[i]);
    return V2S_OK;
}

static v2s_status check_observation(const v2s_observation *o, size_t index) {
    if (!(fabs(o->time_s) <= 1e9))
        return V2S_FAIL(V2S_ARG, "observation %zu: time %g s is not usable", index, o->time_s);
    if (!o->present)
        return V2S_OK;
    double distance_m = v2s_norm(o->position_m);
    if (!(distance_m >= V2S_SMOOTHER_MIN_DISTANCE_M && distance_m <= 1e6))
        return V2S_FAIL(V2S_ARG, "observation %zu: distance must be %g to 1e6 m, found %g", index,
                        V2S_SMOOTHER_MIN_DISTANCE_M, distance_m);
    if (!(o->confidence >= 0.0 && o->confidence <= 1.0))
        return V2S_FAIL(V2S_ARG, "observation %zu: confidence must be 0 to 1, found %g", index,
                        o->confidence);
    return V2S_OK;
}

// Also finds the first and last present observation.
static v2s_status check(const v2s_observation *obs, size_t count, size_t *first, size_t *last) {
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        V2S_TRY(check_observation(&obs[i], i));
        if (i > 0 && !(obs[i].time_s > obs[i - 1].time_s))
            return V2S_FAIL(V2S_ARG, "observation %zu: time %.6f s is not later than %.6f s", i,
                            obs[i].time_s, obs[i - 1].time_s);
        if (obs[i].present) {
            *first = any ? *first : i;
            *last = i;
            any = true;
        }
    }
    return any ? V2S_OK : V2S_FAIL(V2S_ARG, "smoother: no observation is present");
}

static v2s_point to_point(double time_s, v2s_vec3 p) {
    double distance_m = v2s_norm(p);
    v2s_vec3 front = {1.0, 0.0, 0.0};
    v2s_point point = {time_s, front, fmax(distance_m, V2S_SMOOTHER_MIN_DISTANCE_M), 0.0};
    if (distance_m > 1e-12) {
        v2s_vec3 unit = {p.x / distance_m, p.y / distance_m, p.z / distance_m};
        point.unit = unit;
    }
    return point;
}

// Position at `time_s` outside the smoothed span: constant velocity for a while, then still.
static v2s_vec3 extrapolate(const state *s, double dt) {
    dt = fmax(-V2S_SMOOTHER_EXTRAPOLATE_S, fmin(V2S_SMOOTHER_EXTRAPOLATE_S, dt));
    v2s_vec3 p = {s->x[0] + dt * s->x[3], s->x[1] + dt * s->x[4], s->x[2] + dt * s->x[5]};
    return p;
}

static double faded(const v2s_observation *seen, double time_s) {
    if (seen == NULL)
        return 0.0;
    return seen->confidence * exp(-fabs(time_s - seen->time_s) / V2S_SMOOTHER_GAP_DECAY_S);
}

// A present observation keeps its confidence, others get the larger of what is left of the one
// before and of the one after.
static void fill_confidence(const v2s_observation *obs, size_t count, v2s_point *points) {
    const v2s_observation *seen = NULL;
    for (size_t i = 0; i < count; i++) {
        if (obs[i].present)
            seen = &obs[i];
        points[i].confidence = faded(seen, obs[i].time_s);
    }
    seen = NULL;
    for (size_t i = count; i-- > 0;) {
        if (obs[i].present)
            seen = &obs[i];
        else
            points[i].confidence = fmax(points[i].confidence, faded(seen, obs[i].time_s));
    }
}

v2s_status v2s_smooth(const v2s_observation *obs, size_t count, const v2s_smoother_config *config,
                      v2s_trajectory *out) {
    size_t first = 0, last = 0;
    V2S_TRY(check_config(config));
    V2S_TRY(check(obs, count, &first, &last));
    state *states = malloc((last - first + 1) * sizeof *states);
    v2s_point *points = calloc(count, sizeof *points);
    v2s_status status = V2S_OK;
    if (states == NULL || points == NULL)
        status = V2S_FAIL(V2S_NOMEM, "smoother: out of memory for %zu points", count);
    else
        status = run(obs + first, last - first + 1, config, states);
    if (status != V2S_OK) {
        free(states);
        free(points);
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        double time_s = obs[i].time_s;
        size_t k = i < first ? first : i > last ? last : i;
        points[i] = to_point(time_s, extrapolate(&states[k - first], time_s - obs[k].time_s));
    }
    fill_confidence(obs, count, points);
    free(states);
    memset(out, 0, sizeof *out);
    out->count = count;
    out->points = points;
    return V2S_OK;
}
