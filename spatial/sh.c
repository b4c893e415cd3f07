// SPDX-License-Identifier: MIT
#include "spatial/sh.h"

#include <math.h>

void v2s_sh_sn3d(int order, v2s_vec3 u, double *y) {
    double c = 1.0, s = 0.0; // cos^m el * (cos(m az), sin(m az)) = Re, Im (x + iy)^m
    double sectoral = 1.0;   // P_m^m / cos^m el = (2m - 1)!!
    double first_norm = 1.0; // N_m^m squared, without the factor 2 of m > 0
    for (int m = 0; m <= order; m++) {
        double twice = m == 0 ? 1.0 : 2.0;
        double norm2 = first_norm; // (n - m)! / (n + m)!
        double before = 0.0, p = sectoral;
        for (int n = m; n <= order; n++) {
            if (n > m) { // (n - m) P_n = (2n - 1) z P_{n-1} - (n + m - 1) P_{n-2}
                double next = ((2 * n - 1) * u.z * p - (n + m - 1) * before) / (n - m);
                before = p;
                p = next;
                norm2 *= (double)(n - m) / (n + m);
            }
            double amplitude = sqrt(twice * norm2) * p;
            int centre = n * n + n;
            y[centre + m] = amplitude * c;
            if (m > 0)
                y[centre - m] = amplitude * s;
        }
        double c_next = c * u.x - s * u.y;
        s = c * u.y + s * u.x;
        c = c_next;
        sectoral *= 2 * m + 1;
        first_norm /= (2.0 * m + 1.0) * (2.0 * m + 2.0);
    }
}

double v2s_n3d_from_sn3d(int acn) {
    int n = 0;
    while ((n + 1) * (n + 1) <= acn)
        n++;
    return sqrt(2.0 * n + 1.0);
}
