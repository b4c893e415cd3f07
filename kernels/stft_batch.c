// SPDX-License-Identifier: MIT
// The processor's form: channel by channel through kernels/stft.h, side by side on the device's
// threads, each thread with a handle and a signal of its own.
#include "kernels/stft_batch.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/base/arena.h"
#include "kernels/base/parallel.h"
#include "kernels/device.h"
#include "kernels/stft.h"

typedef struct lane {
    v2s_stft *stft;
    v2s_arena memory;
    real *signal; // [T], one channel
} lane;

struct v2s_stft_batch {
    v2s_stft_batch_config config;
    int count; // of lanes
    lane *lanes;
};

v2s_status v2s_stft_batch_open(const v2s_device *dev, const v2s_stft_batch_config *config,
                               v2s_stft_batch **out) {
    V2S_TRY(v2s_stft_batch_check(config));
    size_t sounds = v2s_size_mul((size_t)config->B, (size_t)config->C);
    int lanes = (size_t)dev->threads < sounds ? dev->threads : (int)sounds;
    v2s_stft_batch *s = calloc(1, sizeof *s);
    if (s == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    *s = (v2s_stft_batch){*config, lanes, NULL};
    v2s_status status = V2S_OK;
    s->lanes = calloc((size_t)lanes, sizeof *s->lanes);
    if (s->lanes == NULL)
        V2S_TRY_GOTO(status, V2S_FAIL(V2S_NOMEM, "out of memory"), fail);
    for (int i = 0; i < lanes; i++) {
        lane *l = &s->lanes[i];
        size_t bytes = v2s_size_mul((size_t)config->T, sizeof(real));
        V2S_TRY_GOTO(status, v2s_stft_open(&config->stft, &l->stft), fail);
        V2S_TRY_GOTO(status, v2s_arena_open(&l->memory, bytes), fail);
        l->signal = v2s_arena_take(&l->memory, (size_t)config->T, sizeof(real));
    }
    *out = s;
    return V2S_OK;
fail:
    v2s_stft_batch_close(dev, &s);
    return status;
}

typedef enum direction { STFT, STFT_BACKWARD, ISTFT, ISTFT_BACKWARD } direction;

typedef struct batch {
    const v2s_stft_batch *of;
    const v2s_stft_batch_args *args;
    direction way;
} batch;

// Signal l->signal and spectrum, for one channel; `x` is its first sample, C from one to the next.
static void gather(const lane *l, int T, int C, const real *x) {
    for (int t = 0; t < T; t++)
        l->signal[t] = x[(size_t)t * (size_t)C];
}

static void transform(const batch *b, const lane *l, size_t signal, size_t spectrum) {
    const v2s_stft_batch_args *a = b->args;
    const int T = a->T, C = b->of->config.C;
    switch (b->way) {
    case STFT:
        gather(l, T, C, a->from + signal);
        v2s_stft_forward(l->stft, T, l->signal, a->to + spectrum);
        break;
    case STFT_BACKWARD:
        memset(l->signal, 0, (size_t)T * sizeof(real));
        v2s_stft_backward(l->stft, T, a->from + spectrum, l->signal);
        for (int t = 0; t < T; t++)
            a->to[signal + (size_t)t * (size_t)C] += l->signal[t];
        break;
    case ISTFT:
        v2s_istft_forward(l->stft, a->F, a->from + spectrum, T, l->signal);
        for (int t = 0; t < T; t++)
            a->to[signal + (size_t)t * (size_t)C] = l->signal[t];
        break;
    case ISTFT_BACKWARD:
        gather(l, T, C, a->from + signal);
        v2s_istft_backward(l->stft, a->F, T, l->signal, a->to + spectrum);
        break;
    }
}

static void run_lane(void *ctx, int part, int parts) {
    const batch *b = ctx;
    const size_t C = (size_t)b->of->config.C, T = (size_t)b->args->T;
    const lane *l = &b->of->lanes[part];
    const bool inverse = b->way == ISTFT || b->way == ISTFT_BACKWARD;
    const int F = inverse ? b->args->F : v2s_stft_frames(l->stft, b->args->T);
    const size_t values = 2 * (size_t)F * (size_t)v2s_stft_bins(l->stft);
    for (size_t i = (size_t)part; i < (size_t)b->args->B * C; i += (size_t)parts)
        transform(b, l, i / C * T * C + i % C, i * values);
}

static void run(const v2s_device *dev, const v2s_stft_batch *s, const v2s_stft_batch_args *a,
                direction way) {
    V2S_ASSERT(a->B >= 0 && a->B <= s->config.B && a->T >= 0 && a->T <= s->config.T);
    batch b = {s, a, way};
    size_t sounds = (size_t)a->B * (size_t)s->config.C;
    int lanes = sounds < (size_t)s->count ? (int)sounds : s->count;
    v2s_parallel(dev->threads, lanes, run_lane, &b);
}

void v2s_stft_batch_forward(const v2s_device *dev, v2s_stft_batch *s,
                            const v2s_stft_batch_args *a) {
    run(dev, s, a, STFT);
}

void v2s_stft_batch_backward(const v2s_device *dev, v2s_stft_batch *s,
                             const v2s_stft_batch_args *a) {
    run(dev, s, a, STFT_BACKWARD);
}

void v2s_istft_batch_forward(const v2s_device *dev, v2s_stft_batch *s,
                             const v2s_stft_batch_args *a) {
    run(dev, s, a, ISTFT);
}

void v2s_istft_batch_backward(const v2s_device *dev, v2s_stft_batch *s,
                              const v2s_stft_batch_args *a) {
    run(dev, s, a, ISTFT_BACKWARD);
}

void v2s_stft_batch_close(const v2s_device *dev, v2s_stft_batch **stft) {
    (void)dev;
    v2s_stft_batch *s = *stft;
    if (s == NULL)
        return;
    for (int i = 0; s->lanes != NULL && i < s->count; i++) {
        v2s_stft_close(&s->lanes[i].stft);
        v2s_arena_close(&s->lanes[i].memory);
    }
    free(s->lanes);
    free(s);
    *stft = NULL;
}
