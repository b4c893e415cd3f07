// SPDX-License-Identifier: MIT
#include "train/schedule.h"

#include <math.h>

static double cosine(const v2s_schedule *s, int64_t after) {
    int64_t length = s->total_steps - s->warmup_steps;
    double u = length <= 0 || after >= length ? 1.0 : (double)after / (double)length;
    double low = s->floor * s->rate;
    return low + (s->rate - low) * 0.5 * (1.0 + cos(M_PI * u));
}

double v2s_schedule_rate(const v2s_schedule *s, int64_t step) {
    int64_t after = step - s->warmup_steps;
    if (after < 0)
        return s->rate * (double)(step + 1) / (double)(s->warmup_steps + 1);
    switch (s->kind) {
    case V2S_SCHEDULE_COSINE:
        return cosine(s, after);
    case V2S_SCHEDULE_STEP:
        return s->rate * pow(s->factor, (double)(after / s->every_steps));
    case V2S_SCHEDULE_CONSTANT:
        break;
    }
    return s->rate;
}
