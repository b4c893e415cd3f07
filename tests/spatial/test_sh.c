// SPDX-License-Identifier: MIT
// Spherical harmonics against closed forms written down independently, and orthonormality.
#include "spatial/sh.h"

#include <criterion/criterion.h>
#include <math.h>

static v2s_vec3 direction(int i, int count) { // Fibonacci grid
    double z = 1.0 - (2.0 * i + 1.0) / count;
    return v2s_unit_from_angles(i * 2.399963229728653, asin(z));
}

Test(sh, order_3_equals_the_polynomials_of_the_ambix_table) {
    for (int i = 0; i < 500; i++) {
        v2s_vec3 u = direction(i, 500);
        double x = u.x, y = u.y, z = u.z, got[16];
        double want[16] = {1.0,
                           y,
                           z,
                           x,
                           sqrt(3.0) * x * y,
                           sqrt(3.0) * y * z,
                           (3.0 * z * z - 1.0) / 2.0,
                           sqrt(3.0) * x * z,
                           sqrt(3.0) / 2.0 * (x * x - y * y),
                           sqrt(5.0 / 8.0) * y * (3.0 * x * x - y * y),
                           sqrt(15.0) * x * y * z,
                           sqrt(3.0 / 8.0) * y * (5.0 * z * z - 1.0),
                           z * (5.0 * z * z - 3.0) / 2.0,
                           sqrt(3.0 / 8.0) * x * (5.0 * z * z - 1.0),
                           sqrt(15.0) / 2.0 * z * (x * x - y * y),
                           sqrt(5.0 / 8.0) * x * (x * x - 3.0 * y * y)};
        v2s_sh_sn3d(3, u, got);
        for (int c = 0; c < 16; c++)
            cr_assert(fabs(got[c] - want[c]) < 1e-14, "channel %d: %.17g, want %.17g", c, got[c],
                      want[c]);
    }
}

// P_n^m without the Condon-Shortley phase by its explicit sum (Rodrigues' formula expanded):
// P_n^m(z) = (1 - z^2)^(m/2) / 2^n sum_k (-1)^k (2n - 2k)! / (k! (n - k)! (n - 2k - m)!) z^(n-2k-m)
static double legendre(int n, int m, double z) {
    double sum = 0.0;
    for (int k = 0; n - 2 * k - m >= 0; k++)
        sum += (k % 2 ? -1.0 : 1.0) * tgamma(2 * n - 2 * k + 1) /
               (tgamma(k + 1) * tgamma(n - k + 1) * tgamma(n - 2 * k - m + 1)) *
               pow(z, n - 2 * k - m);
    return pow(1.0 - z * z, m / 2.0) / pow(2.0, n) * sum;
}

Test(sh, order_7_equals_the_definition_with_factorials) {
    for (int i = 0; i < 200; i++) {
        double z = 1.0 - (2.0 * i + 1.0) / 200.0, az = i * 2.4, got[64];
        v2s_sh_sn3d(7, v2s_unit_from_angles(az, asin(z)), got);
        for (int n = 0; n <= 7; n++)
            for (int m = -n; m <= n; m++) {
                int a = abs(m);
                double norm = sqrt((m == 0 ? 1.0 : 2.0) * tgamma(n - a + 1) / tgamma(n + a + 1));
                double want = norm * legendre(n, a, z) * (m < 0 ? sin(a * az) : cos(a * az));
                cr_assert(fabs(got[n * n + n + m] - want) < 1e-12, "n %d m %d: %g, want %g", n, m,
                          got[n * n + n + m], want);
            }
    }
}

// Nodes and weights of Gauss-Legendre integration over -1..1 by Newton on P_n.
static void gauss_legendre(int n, double *node, double *weight) {
    for (int i = 0; i < n; i++) {
        double x = cos(V2S_PI * (i + 0.75) / (n + 0.5)), slope = 1.0;
        for (int k = 0; k < 50; k++) {
            double p0 = 1.0, p1 = x;
            for (int j = 2; j <= n; j++) {
                double p2 = ((2 * j - 1) * x * p1 - (j - 1) * p0) / j;
                p0 = p1;
                p1 = p2;
            }
            slope = n * (x * p1 - p0) / (x * x - 1.0);
            x -= p1 / slope;
        }
        node[i] = x;
        weight[i] = 2.0 / ((1.0 - x * x) * slope * slope);
    }
}

Test(sh, n3d_is_orthonormal_over_the_sphere) {
    double node[16], weight[16], gram[64][64] = {{0.0}};
    gauss_legendre(16, node, weight);
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 32; j++) { // exact for all products up to degree 14
            double y[64];
            v2s_sh_sn3d(7, v2s_unit_from_angles(V2S_PI * j / 16.0, asin(node[i])), y);
            for (int a = 0; a < 64; a++)
                for (int b = 0; b < 64; b++)
                    gram[a][b] += weight[i] / 2.0 / 32.0 * y[a] * y[b] * v2s_n3d_from_sn3d(a) *
                                  v2s_n3d_from_sn3d(b);
        }
    for (int a = 0; a < 64; a++)
        for (int b = 0; b < 64; b++)
            cr_assert(fabs(gram[a][b] - (a == b)) < 1e-12, "<%d, %d> = %g", a, b, gram[a][b]);
}

Test(sh, every_order_of_sn3d_sums_to_one_at_every_direction) {
    v2s_vec3 special[] = {{0, 0, 1}, {0, 0, -1}, {1, 0, 0}, {0, -1, 0}};
    for (int i = 0; i < 104; i++) {
        double y[64];
        v2s_sh_sn3d(7, i < 4 ? special[i] : direction(i - 4, 100), y);
        for (int n = 0; n <= 7; n++) {
            double sum = 0.0;
            for (int c = n * n; c < (n + 1) * (n + 1); c++)
                sum += y[c] * y[c];
            cr_assert(fabs(sum - 1.0) < 1e-13, "order %d: %.17g", n, sum);
        }
    }
}

Test(sh, a_lower_order_is_the_beginning_of_a_higher_one) {
    double low[16], high[64];
    v2s_vec3 u = v2s_unit_from_angles(1.0, -0.4);
    v2s_sh_sn3d(3, u, low);
    v2s_sh_sn3d(7, u, high);
    for (int c = 0; c < 16; c++)
        cr_assert_eq(low[c], high[c]);
}

Test(sh, left_is_positive_y_up_is_positive_z_front_is_positive_x) {
    double y[4];
    v2s_sh_sn3d(1, v2s_unit_from_angles(v2s_rad(90.0), 0.0), y); // left
    cr_assert(fabs(y[V2S_ACN_W] - 1) < 1e-15 && fabs(y[V2S_ACN_Y] - 1) < 1e-15 &&
              fabs(y[V2S_ACN_Z]) < 1e-15 && fabs(y[V2S_ACN_X]) < 1e-15);
    v2s_sh_sn3d(1, v2s_unit_from_angles(0.0, v2s_rad(90.0)), y); // up
    cr_assert(fabs(y[V2S_ACN_Z] - 1) < 1e-15 && fabs(y[V2S_ACN_Y]) < 1e-15);
    v2s_sh_sn3d(1, v2s_unit_from_angles(0.0, 0.0), y); // front
    cr_assert(fabs(y[V2S_ACN_X] - 1) < 1e-15 && fabs(y[V2S_ACN_Y]) < 1e-15);
}
