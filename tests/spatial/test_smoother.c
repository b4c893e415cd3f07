// SPDX-License-Identifier: MIT
// The smoother against the direct least-squares solution of the same model.
#include "spatial/smoother.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double uniform(void) {
    return 2.0 * rand() / RAND_MAX - 1.0;
}

// Inverse of a symmetric positive n x n matrix by Gauss-Jordan with row stride n.
static void invert(double *a, double *inverse, int n) {
    for (int i = 0; i < n * n; i++)
        inverse[i] = i % (n + 1) == 0;
    for (int c = 0; c < n; c++) {
        double pivot = a[c * n + c];
        for (int j = 0; j < n; j++) {
            a[c * n + j] /= pivot;
            inverse[c * n + j] /= pivot;
        }
        for (int r = 0; r < n; r++) {
            double factor = a[r * n + c];
            if (r == c || factor == 0.0)
                continue;
            for (int j = 0; j < n; j++) {
                a[r * n + j] -= factor * a[c * n + j];
                inverse[r * n + j] -= factor * inverse[c * n + j];
            }
        }
    }
}

// Gaussian elimination with partial pivoting, n x n.
static void solve(double *a, double *b, int n) {
    for (int c = 0; c < n; c++) {
        int best = c;
        for (int r = c + 1; r < n; r++)
            if (fabs(a[r * n + c]) > fabs(a[best * n + c]))
                best = r;
        for (int j = 0; j < n && best != c; j++) {
            double t = a[c * n + j];
            a[c * n + j] = a[best * n + j];
            a[best * n + j] = t;
        }
        double t = b[c];
        b[c] = b[best];
        b[best] = t;
        for (int r = c + 1; r < n; r++) {
            double factor = a[r * n + c] / a[c * n + c];
            if (factor == 0.0)
                continue;
            for (int j = c; j < n; j++)
                a[r * n + j] -= factor * a[c * n + j];
            b[r] -= factor * b[c];
        }
    }
    for (int r = n - 1; r >= 0; r--) {
        for (int j = r + 1; j < n; j++)
            b[r] -= a[r * n + j] * b[j];
        b[r] /= a[r * n + r];
    }
}

// Adds (J x - y)^T W (J x - y) to the normal equations; J is rows x 12 on states `at`, `at` + 1.
static void add_term(double *a, double *b, int n, int at, int rows, double j[6][12],
                     const double *y, const double *w) {
    for (int p = 0; p < 12; p++)
        for (int k = 0; k < rows; k++)
            for (int m = 0; m < rows; m++) {
                double jw = j[k][p] * w[k * rows + m];
                if (jw == 0.0)
                    continue;
                b[at * 6 + p] += jw * y[m];
                for (int q = 0; q < 12; q++)
                    if (j[m][q] != 0.0)
                        a[(at * 6 + p) * n + at * 6 + q] += jw * j[m][q];
            }
}

// Weight of an observation: inverse of R as the header states it.
static void observation_weight(const v2s_observation *o, const v2s_smoother_config *c, double *w) {
    double d = v2s_norm(o->position_m), r[9];
    double u[3] = {o->position_m.x / d, o->position_m.y / d, o->position_m.z / d};
    double conf = o->confidence < 0.1 ? 0.1 : o->confidence;
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            r[3 * i + k] = (pow(c->range_sigma_ratio * d, 2) * u[i] * u[k] +
                            pow(c->angle_sigma_rad * d, 2) * ((i == k) - u[i] * u[k])) /
                           (conf * conf);
    invert(r, w, 3);
}

// All states x[6 count] at once from the dense normal equations (one spare state at the end).
static void batch(const v2s_observation *obs, int count, const v2s_smoother_config *c, double *x) {
    int n = 6 * (count + 1);
    double *a = calloc((size_t)(n * n), sizeof *a), *b = calloc((size_t)n, sizeof *b);
    double w[36], q[36], zero[6] = {0};
    for (int i = 0; i < count; i++) {
        double j[6][12] = {{0}};
        if (obs[i].present) {
            for (int k = 0; k < 3; k++)
                j[k][k] = 1.0;
            observation_weight(&obs[i], c, w);
            double z[3] = {obs[i].position_m.x, obs[i].position_m.y, obs[i].position_m.z};
            add_term(a, b, n, i, 3, j, z, w);
        }
        if (i + 1 == count)
            break;
        double dt = obs[i + 1].time_s - obs[i].time_s, s = pow(c->acceleration_m_s2, 2);
        memset(j, 0, sizeof j);
        memset(q, 0, sizeof q);
        for (int k = 0; k < 3; k++) { // x_{i+1} - F x_i = w
            j[k][6 + k] = j[k + 3][9 + k] = 1.0;
            j[k][k] = j[k + 3][k + 3] = -1.0;
            j[k][k + 3] = -dt;
            q[k * 6 + k] = s * dt * dt * dt / 3;
            q[k * 6 + k + 3] = q[(k + 3) * 6 + k] = s * dt * dt / 2;
            q[(k + 3) * 6 + k + 3] = s * dt;
        }
        invert(q, w, 6);
        add_term(a, b, n, i, 6, j, zero, w);
    }
    int first = 0;
    while (!obs[first].present)
        first++;
    double v = V2S_SMOOTHER_SPEED_SIGMA_M_S;
    for (int k = 3; k < 6; k++)
        a[(first * 6 + k) * n + first * 6 + k] += 1.0 / (v * v);
    for (int k = 6 * count; k < n; k++)
        a[k * n + k] = 1.0; // the spare state
    solve(a, b, n);
    memcpy(x, b, (size_t)(6 * count) * sizeof *x);
    free(a);
    free(b);
}

enum { COUNT = 40 };

static void make_path(v2s_observation *obs) {
    double time_s = 3.0;
    for (int i = 0; i < COUNT; i++) {
        time_s += 0.02 + 0.03 * fabs(uniform());
        obs[i].time_s = time_s;
        obs[i].position_m.x = 2.0 + 0.5 * time_s + 0.05 * uniform();
        obs[i].position_m.y = sin(2.0 * time_s) + 0.03 * uniform();
        obs[i].position_m.z = 0.3 * cos(time_s) + 0.02 * uniform();
        obs[i].confidence = 0.5 + 0.5 * uniform();
        obs[i].present = true;
    }
}

static void expect_equal_to_batch(const v2s_observation *obs, const v2s_smoother_config *c) {
    double x[6 * COUNT];
    v2s_trajectory t = {0};
    batch(obs, COUNT, c, x);
    cr_assert_eq(v2s_smooth(obs, COUNT, c, &t), V2S_OK, "%s", v2s_error_text());
    cr_assert_eq(t.count, COUNT);
    double worst = 0.0;
    for (int i = 0; i < COUNT; i++) {
        v2s_point p = t.points[i];
        cr_assert_eq(p.time_s, obs[i].time_s);
        worst = fmax(worst, fabs(p.unit.x * p.distance_m - x[6 * i]));
        worst = fmax(worst, fabs(p.unit.y * p.distance_m - x[6 * i + 1]));
        worst = fmax(worst, fabs(p.unit.z * p.distance_m - x[6 * i + 2]));
    }
    cr_expect(worst < 1e-9, "differs from least squares by %g m", worst);
    v2s_trajectory_free(&t);
}

Test(smoother, equals_the_direct_least_squares_solution) {
    v2s_smoother_config configs[] = {
        v2s_smoother_default(), {0.5, 0.02, 0.2}, {50.0, 0.001, 0.01}, {1.0, 0.01, 0.01}};
    for (int k = 0; k < 4; k++) {
        v2s_observation obs[COUNT];
        srand((unsigned)k);
        make_path(obs);
        expect_equal_to_batch(obs, &configs[k]);
    }
}

Test(smoother, equals_least_squares_across_gaps_and_at_both_ends) {
    v2s_observation obs[COUNT];
    v2s_smoother_config c = v2s_smoother_default();
    srand(7);
    make_path(obs);
    obs[0].present = obs[1].present = false;
    for (int i = 12; i < 25; i++)
        obs[i].present = false;
    obs[COUNT - 1].present = false;
    for (int i = 0; i < COUNT; i++) // what is not present must not be looked at
        if (!obs[i].present)
            obs[i].position_m.x = NAN;
    expect_equal_to_batch(obs, &c);
}

Test(smoother, a_straight_path_at_constant_speed_comes_back_unchanged) {
    v2s_observation obs[COUNT];
    v2s_smoother_config c = {0.1, 0.01, 0.05};
    v2s_trajectory t = {0};
    for (int i = 0; i < COUNT; i++) {
        v2s_vec3 p = {3.0, -2.0 + 0.1 * i, 0.5};
        v2s_observation o = {0.04 * i, p, 1.0, i < 10 || i > 20};
        obs[i] = o;
    }
    cr_assert_eq(v2s_smooth(obs, COUNT, &c, &t), V2S_OK);
    for (int i = 0; i < COUNT; i++) { // but for the weak pull of the velocity's prior to zero
        v2s_vec3 p = {3.0, -2.0 + 0.1 * i, 0.5};
        cr_expect(v2s_angle_between_rad(p, t.points[i].unit) < 1e-3);
        cr_expect(fabs(t.points[i].distance_m - v2s_norm(p)) < 3e-3);
    }
    v2s_trajectory_free(&t);
}

Test(smoother, jitter_becomes_smaller_and_motion_is_not_delayed) {
    enum { N = 300 };
    static v2s_observation obs[N];
    v2s_smoother_config c = v2s_smoother_default();
    v2s_trajectory t = {0};
    srand(3);
    for (int i = 0; i < N; i++) {
        double az = v2s_rad(30.0) * sin(2.0 * V2S_PI * i / 30.0 / 4.0); // a swing of 4 s
        v2s_vec3 u = v2s_unit_from_angles(az + v2s_rad(0.8) * uniform(), v2s_rad(0.8) * uniform());
        double d = 3.0 * (1.0 + 0.08 * uniform());
        v2s_vec3 p = {d * u.x, d * u.y, d * u.z};
        v2s_observation o = {i / 30.0, p, 1.0, true};
        obs[i] = o;
    }
    cr_assert_eq(v2s_smooth(obs, N, &c, &t), V2S_OK);
    double before = 0.0, after = 0.0, sine = 0.0, cosine = 0.0;
    for (int i = 30; i < N - 30; i++) {
        double phase = 2.0 * V2S_PI * i / 30.0 / 4.0;
        v2s_vec3 u = v2s_unit_from_angles(v2s_rad(30.0) * sin(phase), 0.0);
        before += pow(v2s_angle_between_rad(obs[i].position_m, u), 2);
        after += pow(v2s_angle_between_rad(t.points[i].unit, u), 2);
        sine += sin(phase) * v2s_azimuth_rad(t.points[i].unit);
        cosine += cos(phase) * v2s_azimuth_rad(t.points[i].unit);
    }
    cr_expect(after < 0.36 * before, "jitter %g of what it was", sqrt(after / before));
    cr_expect(fabs(atan2(cosine, sine)) < v2s_rad(0.3), "phase %g deg",
              v2s_deg(atan2(cosine, sine)));
    v2s_trajectory_free(&t);
}

Test(smoother, confidence_fades_in_gaps_and_comes_back) {
    v2s_observation obs[41];
    v2s_smoother_config c = v2s_smoother_default();
    v2s_trajectory t = {0};
    v2s_vec3 p = {2.0, 0.0, 0.0};
    for (int i = 0; i < 41; i++) {
        v2s_observation o = {0.1 * i, p, i < 20 ? 0.9 : 0.6, i <= 10 || i >= 30};
        obs[i] = o;
    }
    cr_assert_eq(v2s_smooth(obs, 41, &c, &t), V2S_OK);
    cr_expect_eq(t.points[10].confidence, 0.9);
    cr_expect_eq(t.points[30].confidence, 0.6);
    cr_expect(fabs(t.points[15].confidence - 0.9 * exp(-1.0)) < 1e-12);
    cr_expect(fabs(t.points[29].confidence - 0.6 * exp(-0.2)) < 1e-12);
    v2s_trajectory_free(&t);
}

Test(smoother, a_lost_object_goes_on_for_half_a_second_and_then_stands_still) {
    v2s_observation obs[100];
    v2s_smoother_config c = v2s_smoother_default();
    v2s_trajectory t = {0};
    for (int i = 0; i < 100; i++) {
        v2s_vec3 p = {5.0, 0.1 * i, 0.0}; // 3 m/s to the left
        v2s_observation o = {i / 30.0, p, 1.0, i < 40};
        obs[i] = o;
    }
    cr_assert_eq(v2s_smooth(obs, 100, &c, &t), V2S_OK);
    double y = t.points[55].unit.y * t.points[55].distance_m;
    cr_expect(fabs(y - (3.9 + 1.5)) < 0.05, "%g m", y);
    cr_expect_eq(t.points[99].unit.y, t.points[56].unit.y);
    cr_expect(t.points[99].confidence < 0.05);
    v2s_trajectory_free(&t);
}

Test(smoother, one_observation_is_enough_and_it_may_stand_anywhere) {
    v2s_smoother_config c = v2s_smoother_default();
    v2s_vec3 p = {0.0, 2.0, 0.0};
    v2s_observation obs[3] = {{0.0, p, 1.0, false}, {1.0, p, 1.0, true}, {2.0, p, 1.0, false}};
    v2s_trajectory t = {0};
    cr_assert_eq(v2s_smooth(obs, 3, &c, &t), V2S_OK);
    for (int i = 0; i < 3; i++)
        cr_expect(t.points[i].unit.y == 1.0 && t.points[i].distance_m == 2.0);
    v2s_trajectory_free(&t);
}

Test(smoother, what_cannot_be_smoothed_is_refused_in_words) {
    v2s_smoother_config c = v2s_smoother_default(), zero = {0.0, 0.01, 0.1};
    v2s_vec3 p = {2.0, 0.0, 0.0}, origin = {0.0, 0.0, 0.0}, bad = {NAN, 0.0, 0.0};
    v2s_observation same[2] = {{1.0, p, 1.0, true}, {1.0, p, 1.0, true}};
    v2s_observation none[1] = {{1.0, p, 1.0, false}};
    v2s_observation at_ear[1] = {{1.0, origin, 1.0, true}};
    v2s_observation not_finite[1] = {{1.0, bad, 1.0, true}};
    v2s_observation no_time[1] = {{NAN, p, 1.0, true}};
    v2s_trajectory t = {0};
    cr_expect_eq(v2s_smooth(same, 2, &c, &t), V2S_ARG);
    cr_expect_eq(v2s_smooth(none, 1, &c, &t), V2S_ARG);
    cr_expect_eq(v2s_smooth(none, 0, &c, &t), V2S_ARG);
    cr_expect_eq(v2s_smooth(at_ear, 1, &c, &t), V2S_ARG);
    cr_expect_eq(v2s_smooth(not_finite, 1, &c, &t), V2S_ARG);
    cr_expect_eq(v2s_smooth(no_time, 1, &c, &t), V2S_ARG);
    cr_expect_eq(v2s_smooth(same, 1, &zero, &t), V2S_ARG);
    cr_expect_null(t.points);
}

Test(smoother, a_thousand_seconds_without_observation_do_not_break_it) {
    v2s_smoother_config c = v2s_smoother_default();
    v2s_vec3 p = {2.0, 0.0, 0.0}, q = {4.0, 3.0, 0.0};
    v2s_observation obs[4] = {
        {0.0, p, 1.0, true}, {500.0, p, 0.0, false}, {1000.0, q, 0.0, true}, {1e9, q, 1.0, true}};
    v2s_trajectory t = {0};
    cr_assert_eq(v2s_smooth(obs, 4, &c, &t), V2S_OK);
    for (int i = 0; i < 4; i++)
        cr_expect(isfinite(t.points[i].distance_m) && t.points[i].distance_m > 0.0);
    cr_expect(fabs(t.points[0].distance_m - 2.0) < 0.01);
    v2s_trajectory_free(&t);
}
