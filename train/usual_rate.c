// SPDX-License-Identifier: MIT
#include "train/usual_rate.h"

#include <stdlib.h>

#include "kernels/base/array.h"

double v2s_usual_rate(double *rates_hz, size_t count) {
    double usual_hz = 0;
    size_t most = 0, run = 0;
    if (count > 1)
        qsort(rates_hz, count, sizeof *rates_hz, v2s_compare_doubles);
    for (size_t i = 0; i < count; i++) {
        run = i > 0 && rates_hz[i] == rates_hz[i - 1] ? run + 1 : 1;
        if (run > most && rates_hz[i] > 0) {
            most = run;
            usual_hz = rates_hz[i];
        }
    }
    return usual_hz;
}

v2s_status v2s_prepare_usual_rate(const v2s_prepare *p, size_t count, const char *const *paths,
                                  double *rate_hz) {
    double *rates_hz = malloc((count + 1) * sizeof *rates_hz);
    if (rates_hz == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++)
        rates_hz[i] = v2s_prepare_sound(p, paths[i])->rate_hz;
    *rate_hz = v2s_usual_rate(rates_hz, count);
    free(rates_hz);
    return V2S_OK;
}
