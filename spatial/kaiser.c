// SPDX-License-Identifier: MIT
#include "spatial/kaiser.h"

#include <math.h>

// Modified Bessel function of the first kind, order 0, by its power series: sum ((x/2)^k / k!)^2.
// All terms are positive, so nothing cancels.
static double bessel_i0(double x) {
    double sum = 1.0, term = 1.0;
    for (int k = 1; term > sum * 1e-17; k++) {
        double factor = x / (2.0 * k);
        term *= factor * factor;
        sum += term;
    }
    return sum;
}

double v2s_kaiser(double r, double beta) {
    double inside = 1.0 - r * r;
    return inside < 0.0 ? 0.0 : bessel_i0(beta * sqrt(inside)) / bessel_i0(beta);
}
