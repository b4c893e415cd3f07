// SPDX-License-Identifier: MIT
// Short-time transforms of a batch against the double definitions, channel by channel.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64_signal.h"
#include "tests/device/tested_device.h"
#include "tests/support/guarded.h"
#include "tests/support/hash_noise.h"

static const v2s_stft_config shapes[] = {
    {16, 4, 16, V2S_STFT_ZERO_PAD},    {24, 7, 20, V2S_STFT_REFLECT_PAD},
    {32, 16, 32, V2S_STFT_NO_PAD},     {60, 60, 33, V2S_STFT_NO_PAD}, // frames that leave gaps
    {32, 8, 32, V2S_STFT_REFLECT_PAD}, {16, 1, 1, V2S_STFT_ZERO_PAD},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static v2s_stft_batch *open_stft(const v2s_device *dev, const v2s_stft_config *stft, int B, int T,
                                 int C) {
    v2s_stft_batch_config config = {*stft, B, T, C};
    v2s_stft_batch *s = NULL;
    cr_assert_eq(dev->ops->stft_open(dev, &config, &s), V2S_OK, "%s", v2s_error_text());
    return s;
}

typedef enum transform { STFT, STFT_BACKWARD, ISTFT, ISTFT_BACKWARD } transform;

// A call: sizes of what goes in and comes out, per channel.
typedef struct call {
    transform which;
    int B, T, C, F;
    size_t in, out;
    bool adds;
} call;

static call call_of(transform which, const v2s_stft_config *stft, int B, int T, int C, int F) {
    size_t spectrum = (size_t)F * (size_t)(stft->n + 2), signal = (size_t)T;
    bool to_signal = which == STFT_BACKWARD || which == ISTFT;
    return (call){which,
                  B,
                  T,
                  C,
                  F,
                  to_signal ? spectrum : signal,
                  to_signal ? signal : spectrum,
                  which == STFT_BACKWARD || which == ISTFT_BACKWARD};
}

// Where number i of channel c of sound b lies: signals are interleaved, spectra are not.
static size_t place(const call *k, bool input, int b, int c, size_t i) {
    size_t count = input ? k->in : k->out, channels = (size_t)k->C;
    bool signal = input == (k->which == STFT || k->which == ISTFT_BACKWARD);
    return signal ? ((size_t)b * count + i) * channels + (size_t)c
                  : ((size_t)b * channels + (size_t)c) * count + i;
}

// One channel in double: overwrites or adds.
static void definition(const call *k, v2s_stft_f64 *s, const double *in, double *out) {
    switch (k->which) {
    case STFT:
        v2s_stft_forward_f64(s, k->T, in, out);
        break;
    case STFT_BACKWARD:
        v2s_stft_backward_f64(s, k->T, in, out);
        break;
    case ISTFT:
        v2s_istft_forward_f64(s, k->F, in, k->T, out);
        break;
    case ISTFT_BACKWARD:
        v2s_istft_backward_f64(s, k->F, k->T, in, out);
        break;
    }
}

static void run(const v2s_device *dev, v2s_stft_batch *s, const call *k, const float *from,
                float *to) {
    v2s_stft_batch_args a = {.B = k->B, .T = k->T, .F = k->F, .from = from, .to = to};
    if (k->which == STFT)
        dev->ops->stft_forward(dev, s, &a);
    else if (k->which == STFT_BACKWARD)
        dev->ops->stft_backward(dev, s, &a);
    else if (k->which == ISTFT)
        dev->ops->istft_forward(dev, s, &a);
    else
        dev->ops->istft_backward(dev, s, &a);
}

// Expected numbers of every channel, in the batch's order; `out` is what lay there before.
static double *expected(const call *k, const v2s_stft_config *stft, const float *in,
                        const float *out) {
    v2s_stft_f64 *s = NULL;
    cr_assert_eq(v2s_stft_open_f64(stft, &s), V2S_OK);
    double *all = calloc((size_t)(k->B * k->C) * k->out + 1, sizeof *all);
    double *from = calloc(k->in + 1, sizeof *from), *to = calloc(k->out + 1, sizeof *to);
    for (int b = 0; b < k->B; b++)
        for (int c = 0; c < k->C; c++) {
            for (size_t i = 0; i < k->in; i++)
                from[i] = (double)in[place(k, true, b, c, i)];
            for (size_t i = 0; i < k->out; i++)
                to[i] = k->adds ? (double)out[place(k, false, b, c, i)] : 0.0;
            definition(k, s, from, to);
            for (size_t i = 0; i < k->out; i++)
                all[place(k, false, b, c, i)] = to[i];
        }
    v2s_stft_close_f64(&s);
    free(from);
    free(to);
    return all;
}

// The tolerance is that of a transform in float, of the largest number that comes out; frames that
// overlap by little are divided by small windows, which shows in that number.
static void check(const v2s_device *dev, v2s_stft_batch *s, const v2s_stft_config *stft,
                  const call *k) {
    const size_t ins = (size_t)(k->B * k->C) * k->in, outs = (size_t)(k->B * k->C) * k->out;
    const size_t in_bytes = ins * sizeof(float), out_bytes = outs * sizeof(float);
    float *in = malloc(in_bytes + 1), *out = malloc(out_bytes + 1);
    hash_noise(1, ins, 1.0f, in);
    hash_noise(2, outs, 1.0f, out);
    double *want = expected(k, stft, in, out), largest = 1.0;
    float *from = put(dev, in, in_bytes), *to = put(dev, k->adds ? out : NULL, out_bytes);
    run(dev, s, k, from, to);
    fetch(dev, out, to, out_bytes);
    for (size_t i = 0; i < outs; i++)
        largest = fmax(largest, fabs(want[i]));
    cr_assert_leq(largest_gap(out, want, outs), 1e-6 * largest,
                  "%d: n %d, hop %d, B %d, T %d, C %d, F %d: %g of %g", (int)k->which, stft->n,
                  stft->hop, k->B, k->T, k->C, k->F, largest_gap(out, want, outs), largest);
    for (size_t i = 0; k->which == STFT && i < outs; i += (size_t)stft->n + 2)
        cr_assert(out[i + 1] == 0.0f && out[i + (size_t)stft->n + 1] == 0.0f);
    drop(dev, from, in_bytes);
    drop(dev, to, out_bytes);
    free(in);
    free(out);
    free(want);
}

Test(stft_batch, equals_the_definition_in_double) {
    enum { B = 3, T = 257, C = 4 };
    static const int lengths[] = {1, 2, 13, 100, T};
    v2s_device *dev = tested_device();
    for (int i = 0; i < SHAPES; i++)
        for (int channels = 1; channels <= C; channels += 3) {
            const v2s_stft_config *stft = &shapes[i];
            v2s_stft_batch *s = open_stft(dev, stft, B, T, channels);
            for (int j = 0; j < 5; j++)
                for (int which = STFT; which <= ISTFT_BACKWARD; which++) {
                    int F = v2s_stft_config_frames(stft, lengths[j]);
                    call k = call_of((transform)which, stft, j % 2 == 0 ? B : 1, lengths[j],
                                     channels, F);
                    check(dev, s, stft, &k);
                }
            dev->ops->stft_close(dev, &s);
            cr_assert_null(s);
        }
    v2s_device_close(&dev);
}

Test(stft_batch, an_inverse_may_have_other_frames_than_its_sound) {
    v2s_device *dev = tested_device();
    v2s_stft_batch *s = open_stft(dev, &shapes[0], 2, 100, 2);
    int most = v2s_stft_config_frames(&shapes[0], 100);
    const int sizes[][2] = {{100, 0}, {100, 3}, {20, most}, {0, 5}, {100, most}};
    for (int i = 0; i < 5; i++)
        for (int which = ISTFT; which <= ISTFT_BACKWARD; which++) {
            call k = call_of((transform)which, &shapes[0], 2, sizes[i][0], 2, sizes[i][1]);
            check(dev, s, &shapes[0], &k);
        }
    call none = call_of(STFT, &shapes[0], 0, 50, 2, v2s_stft_config_frames(&shapes[0], 50));
    check(dev, s, &shapes[0], &none);
    dev->ops->stft_close(dev, &s);
    v2s_device_close(&dev);
}

// More frames than the transforms of a GPU take at once.
Test(stft_batch, takes_many_and_long_frames) {
    static const v2s_stft_config many = {64, 1, 64, V2S_STFT_ZERO_PAD};
    static const v2s_stft_config longest = {3840, 960, 3840, V2S_STFT_ZERO_PAD};
    v2s_device *dev = tested_device();
    v2s_stft_batch *s = open_stft(dev, &many, 2, 9000, 4);
    call k = call_of(STFT, &many, 2, 9000, 4, v2s_stft_config_frames(&many, 9000));
    check(dev, s, &many, &k);
    k = call_of(STFT_BACKWARD, &many, 2, 9000, 4, v2s_stft_config_frames(&many, 9000));
    check(dev, s, &many, &k);
    dev->ops->stft_close(dev, &s);
    s = open_stft(dev, &longest, 1, 5000, 2);
    for (int which = STFT; which <= ISTFT_BACKWARD; which++) {
        k = call_of((transform)which, &longest, 1, 5000, 2, v2s_stft_config_frames(&longest, 5000));
        check(dev, s, &longest, &k);
    }
    dev->ops->stft_close(dev, &s);
    v2s_device_close(&dev);
}

typedef struct recorded {
    const v2s_device *dev;
    v2s_stft_batch *s;
    const float *x;
    float *X, *back;
} recorded;

enum { RB = 2, RT = 90, RC = 3 };

static void there_and_back(void *ctx) {
    const recorded *r = ctx;
    int F = v2s_stft_config_frames(&shapes[0], RT);
    call there = call_of(STFT, &shapes[0], RB, RT, RC, F);
    call back = call_of(ISTFT, &shapes[0], RB, RT, RC, F);
    run(r->dev, r->s, &there, r->x, r->X);
    run(r->dev, r->s, &back, r->X, r->back);
}

Test(stft_batch, there_and_back_in_recorded_work_is_where_it_was) {
    v2s_device *dev = tested_device();
    const v2s_memory_ops *memory = dev->ops->memory;
    const size_t bytes = RB * RT * RC * sizeof(float);
    const size_t spectra = (size_t)(RB * RC * v2s_stft_config_frames(&shapes[0], RT)) *
                           (size_t)(shapes[0].n + 2) * sizeof(float);
    float x[RB * RT * RC], first[RB * RT * RC], again[RB * RT * RC];
    hash_noise(1, RB * RT * RC, 1.0f, x);
    recorded r = {.dev = dev, .s = open_stft(dev, &shapes[0], RB, RT, RC)};
    float *at = put(dev, x, bytes);
    r.x = at;
    r.X = put(dev, NULL, spectra);
    r.back = put(dev, NULL, bytes);
    there_and_back(&r);
    fetch(dev, first, r.back, bytes);
    double *want = doubles_of(x, RB * RT * RC);
    cr_assert_leq(largest_gap(first, want, RB * RT * RC), 1e-6);
    v2s_recording *recording = NULL;
    cr_assert_eq(memory->record(dev, there_and_back, &r, &recording), V2S_OK, "%s",
                 v2s_error_text());
    for (int i = 0; i < 2; i++) {
        memory->zero(dev, r.back, bytes);
        memory->replay(dev, recording);
        fetch(dev, again, r.back, bytes);
        cr_assert_eq(memcmp(first, again, bytes), 0);
    }
    memory->forget(dev, &recording);
    dev->ops->stft_close(dev, &r.s);
    drop(dev, at, bytes);
    drop(dev, r.X, spectra);
    drop(dev, r.back, bytes);
    free(want);
    v2s_device_close(&dev);
}

Test(stft_batch, names_what_is_out_of_range) {
    static const v2s_stft_batch_config wrong[] = {
        {{16, 4, 16, V2S_STFT_ZERO_PAD}, 0, 5, 1},  {{16, 4, 16, V2S_STFT_ZERO_PAD}, 1, 0, 1},
        {{16, 4, 16, V2S_STFT_ZERO_PAD}, 1, 5, 0},  {{22, 4, 16, V2S_STFT_ZERO_PAD}, 1, 5, 1},
        {{16, 0, 16, V2S_STFT_ZERO_PAD}, 1, 5, 1},  {{16, 4, 17, V2S_STFT_ZERO_PAD}, 1, 5, 1},
        {{-16, 4, 16, V2S_STFT_ZERO_PAD}, 1, 5, 1},
    };
    v2s_device *dev = tested_device();
    v2s_stft_batch *s = NULL;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_assert_eq(dev->ops->stft_open(dev, &wrong[i], &s), V2S_ARG);
        cr_assert_eq(strncmp(v2s_error_text(), "stft of ", 8), 0, "%s", v2s_error_text());
        cr_assert_null(s);
    }
    v2s_device_close(&dev);
}
