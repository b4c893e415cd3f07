// SPDX-License-Identifier: MIT
#include "kernels/loss_edc.h"

#include <math.h>
#include <stddef.h>

#include "kernels/loss_constants.h"

static double square(real v) {
    return (double)v * (double)v;
}

// Sum over t of |D[t,c]|, and into slope [T] each sign(D) / (E_x + floor).
static double curve_distance(int T, int C, int c, const real *x, const real *y, double floor_energy,
                             double *slope) {
    double E_x = floor_energy, E_y = floor_energy, sum = 0.0;
    for (int t = T - 1; t >= 0; t--) {
        size_t at = (size_t)t * C + c;
        E_x += square(x[at]);
        E_y += square(y[at]);
        sum += fabs(log(E_x / E_y));
        slope[t] = E_x > E_y ? 1.0 / E_x : E_x < E_y ? -1.0 / E_x : 0.0;
    }
    return sum * V2S_EDC_DB_PER_NEPER;
}

double v2s_loss_edc(int T, int C, const real *x, const real *y, real scale, real *dx,
                    double *work) {
    if (T == 0)
        return 0.0;
    double energy = 0.0, sum = 0.0;
    const double count = (double)T * C;
    for (size_t i = 0; i < (size_t)T * C; i++)
        energy += square(y[i]);
    const double floor_energy = V2S_EDC_RELATIVE_FLOOR * energy / C + V2S_LOSS_ABSOLUTE_FLOOR * T;
    for (int c = 0; c < C; c++) {
        double slope = 0.0;
        sum += curve_distance(T, C, c, x, y, floor_energy, work);
        for (int t = 0; dx != NULL && t < T; t++) {
            size_t at = (size_t)t * C + c;
            slope += work[t];
            dx[at] +=
                (real)((double)scale * 2.0 * V2S_EDC_DB_PER_NEPER / count * slope * (double)x[at]);
        }
    }
    return sum / count;
}
