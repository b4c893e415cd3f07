// SPDX-License-Identifier: MIT
#include "spatial/kcf_fft.h"

#include <math.h>

#include "kernels/base/status.h"
#include "spatial/conventions.h"

void v2s_fft_plan_init(v2s_fft_plan *plan, int n) {
    static const int order[] = {5, 4, 3, 2};
    V2S_ASSERT(n >= 1 && n <= V2S_FFT_MAX);
    *plan = (v2s_fft_plan){.n = n};
    float *w = plan->twiddle;
    int rest = n;
    for (int i = 0; i < 4; i++)
        while (rest % order[i] == 0) {
            int r = order[i], m = rest / r;
            for (int p = 0; p < m; p++)
                for (int j = 1; j < r; j++) {
                    double angle = -2.0 * V2S_PI * j * p / rest;
                    *w++ = (float)cos(angle);
                    *w++ = (float)sin(angle);
                }
            plan->radix[plan->stages++] = r;
            rest = m;
        }
    V2S_ASSERT(rest == 1);
}

static int is_smooth(int n) {
    static const int primes[] = {2, 3, 5};
    for (int i = 0; i < 3; i++)
        while (n % primes[i] == 0)
            n /= primes[i];
    return n == 1;
}

int v2s_fft_length(double wanted) {
    int best = 8;
    for (int n = 8; n <= V2S_FFT_MAX; n += 2)
        if (is_smooth(n) && fabs(n - wanted) < fabs(best - wanted))
            best = n;
    return best;
}
