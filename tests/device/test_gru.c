// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/f64.h"
#include "tests/device/device_tensor.h"

typedef struct shape {
    int B, T, C, H, D;
    bool reverse;
    bool states;  // h0 and dh_end are given, h_end and dh0 wanted
    int gap;      // columns of y that are no direction's
    float weight; // their scale is weight / sqrt(H)
} shape;

// Hidden sizes around 32, 64, 128, 256, where the kernels for a GPU change, and far from them.
static const shape shapes[] = {
    {1, 1, 1, 1, 1, false, false, 0, 1.0f},   {2, 3, 1, 2, 2, false, true, 1, 1.0f},
    {3, 2, 2, 31, 2, false, true, 0, 1.0f},   {1, 33, 4, 32, 1, true, true, 3, 1.0f},
    {2, 5, 31, 33, 2, false, false, 2, 1.0f}, {1, 7, 64, 64, 2, false, true, 0, 1.0f},
    {2, 4, 5, 65, 1, true, false, 0, 1.0f},   {1, 6, 33, 127, 2, false, true, 1, 1.0f},
    {2, 9, 64, 128, 2, false, true, 0, 1.0f}, {1, 3, 2, 129, 2, false, true, 0, 1.0f},
    {2, 3, 3, 200, 1, false, false, 5, 1.0f}, {1, 4, 3, 256, 2, false, true, 0, 1.0f},
    {1, 300, 8, 40, 2, false, true, 0, 1.0f}, {1, 300, 3, 128, 1, false, true, 0, 1.0f},
    {4, 6, 3, 16, 2, false, true, 0, 40.0f},  {0, 4, 3, 20, 2, false, true, 0, 1.0f},
    {2, 0, 3, 20, 2, false, true, 0, 1.0f},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

// Beyond one block: a cluster of 16, and no kernel of its own.
static const shape large[] = {{1, 2, 2, 257, 1, true, true, 0, 1.0f},
                              {2, 3, 3, 400, 2, false, true, 0, 1.0f},
                              {1, 2, 1, 520, 1, false, true, 0, 1.0f}};
enum { LARGE = sizeof large / sizeof large[0] };

// Of one direction.
typedef struct weights {
    device_tensor w_ih, w_hh, b_ih, b_hh, h0, h_end;
    device_tensor dw_ih, dw_hh, db_ih, db_hh, dh_end, dh0;
} weights;

enum { TENSORS_OF_WEIGHTS = sizeof(weights) / sizeof(device_tensor) };

typedef struct fixture {
    shape s;
    size_t columns; // of y
    device_tensor x, y, dy, dx;
    weights dir[2];
    void *saved;
    size_t saved_bytes;
} fixture;

static weights weights_of(const v2s_device *dev, shape s, unsigned stream) {
    size_t H = (size_t)s.H, C = (size_t)s.C, states = (size_t)s.B * H;
    float scale = s.weight / sqrtf((float)H);
    return (weights){.w_ih = device_noise(dev, stream, 3 * H * C, 1.0f / sqrtf((float)C)),
                     .w_hh = device_noise(dev, stream + 1, 3 * H * H, scale),
                     .b_ih = device_noise(dev, stream + 2, 3 * H, scale),
                     .b_hh = device_noise(dev, stream + 3, 3 * H, scale),
                     .h0 = device_noise(dev, stream + 4, states, 1.0f),
                     .h_end = device_output(dev, states),
                     .dw_ih = device_noise(dev, stream + 5, 3 * H * C, 1.0f),
                     .dw_hh = device_noise(dev, stream + 6, 3 * H * H, 1.0f),
                     .db_ih = device_noise(dev, stream + 7, 3 * H, 1.0f),
                     .db_hh = device_noise(dev, stream + 8, 3 * H, 1.0f),
                     .dh_end = device_noise(dev, stream + 9, states, 1.0f),
                     .dh0 = device_noise(dev, stream + 10, states, 1.0f)};
}

static fixture fixture_of(const v2s_device *dev, shape s) {
    size_t rows = (size_t)s.B * (size_t)s.T, columns = (size_t)(s.D * s.H + s.gap);
    float step = 1.0f / sqrtf((float)s.T + 1.0f);
    fixture f = {.s = s,
                 .columns = columns,
                 .x = device_noise(dev, 1, rows * (size_t)s.C, 1.0f),
                 .y = device_noise(dev, 2, rows * columns, 1.0f),
                 .dy = device_noise(dev, 3, rows * columns, step),
                 .dx = device_noise(dev, 4, rows * (size_t)s.C, 1.0f)};
    for (int d = 0; d < s.D; d++)
        f.dir[d] = weights_of(dev, s, 10u + 20u * (unsigned)d);
    return f;
}

static void fixture_drop(const v2s_device *dev, fixture *f) {
    device_tensor *own[] = {&f->x, &f->y, &f->dy, &f->dx};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        device_tensor_drop(dev, own[i]);
    for (int d = 0; d < f->s.D; d++)
        for (int i = 0; i < TENSORS_OF_WEIGHTS; i++)
            device_tensor_drop(dev, (device_tensor *)&f->dir[d] + i);
    if (f->saved != NULL)
        dev->ops->memory->give(dev, f->saved);
}

static v2s_gru_backward_args args_of(const fixture *f) {
    const shape *s = &f->s;
    v2s_gru_backward_args g = {.dy = f->dy.at, .dx = f->dx.at};
    g.of = (v2s_gru_args){s->B, s->T, s->C, s->H, s->D, s->reverse, .x = f->x.at};
    g.of.y = f->y.at;
    g.of.ldy = (int)f->columns;
    g.of.saved = f->saved;
    for (int d = 0; d < s->D; d++) {
        const weights *w = &f->dir[d];
        bool states = s->states;
        g.of.dir[d] = (v2s_gru_direction){
            .w_ih = w->w_ih.at, .w_hh = w->w_hh.at, .b_ih = w->b_ih.at, .b_hh = w->b_hh.at};
        g.of.dir[d].h0 = states ? w->h0.at : NULL;
        g.of.dir[d].h_end = states ? w->h_end.at : NULL;
        g.grad[d] = (v2s_gru_gradients){
            .dw_ih = w->dw_ih.at, .dw_hh = w->dw_hh.at, .db_ih = w->db_ih.at, .db_hh = w->db_hh.at};
        g.grad[d].dh_end = states ? w->dh_end.at : NULL;
        g.grad[d].dh0 = states ? w->dh0.at : NULL;
    }
    return g;
}

static v2s_gru_backward_args_f64 exact_args_of(const fixture *f, void *saved) {
    const shape *s = &f->s;
    v2s_gru_backward_args_f64 g = {.dy = f->dy.exact, .dx = f->dx.exact};
    g.of = (v2s_gru_args_f64){s->B, s->T, s->C, s->H, s->D, s->reverse, .x = f->x.exact};
    g.of.y = f->y.exact;
    g.of.ldy = (int)f->columns;
    g.of.saved = saved;
    for (int d = 0; d < s->D; d++) {
        const weights *w = &f->dir[d];
        bool states = s->states;
        g.of.dir[d] = (v2s_gru_direction_f64){.w_ih = w->w_ih.exact,
                                              .w_hh = w->w_hh.exact,
                                              .b_ih = w->b_ih.exact,
                                              .b_hh = w->b_hh.exact};
        g.of.dir[d].h0 = states ? w->h0.exact : NULL;
        g.of.dir[d].h_end = states ? w->h_end.exact : NULL;
        g.grad[d] = (v2s_gru_gradients_f64){.dw_ih = w->dw_ih.exact,
                                            .dw_hh = w->dw_hh.exact,
                                            .db_ih = w->db_ih.exact,
                                            .db_hh = w->db_hh.exact};
        g.grad[d].dh_end = states ? w->dh_end.exact : NULL;
        g.grad[d].dh0 = states ? w->dh0.exact : NULL;
    }
    return g;
}

static void forward(const v2s_device *dev, const v2s_gru_args *a) {
    v2s_arena scratch = device_scratch(dev, dev->ops->gru_scratch(dev, a));
    dev->ops->gru_forward(dev, a, &scratch);
    cr_assert_eq(scratch.used, 0);
    v2s_device_arena_close(dev, &scratch);
}

static void run(const v2s_device *dev, fixture *f) {
    v2s_gru_backward_args g = args_of(f);
    f->saved_bytes = dev->ops->gru_saved_size(dev, &g.of);
    cr_assert_eq(dev->ops->memory->take(dev, f->saved_bytes, &f->saved), V2S_OK);
    g.of.saved = f->saved;
    forward(dev, &g.of);
    v2s_arena scratch = device_scratch(dev, dev->ops->gru_backward_scratch(dev, &g));
    dev->ops->gru_backward(dev, &g, &scratch);
    cr_assert_eq(scratch.used, 0);
    v2s_device_arena_close(dev, &scratch);
}

static void run_exact(fixture *f) {
    size_t rows = (size_t)f->s.B * (size_t)f->s.T;
    double *saved = malloc((4 * rows * (size_t)(f->s.D * f->s.H) + 1) * sizeof *saved);
    double space[6 * 1024];
    cr_assert_leq(f->s.H, 1024);
    v2s_gru_backward_args_f64 g = exact_args_of(f, saved);
    v2s_arena scratch = {(unsigned char *)space, sizeof space, 0};
    v2s_gru_forward_f64(NULL, &g.of, &scratch);
    v2s_gru_backward_f64(NULL, &g, &scratch);
    free(saved);
}

// The largest error, in units of the largest number (or of 1).
static double error_of(const v2s_device *dev, const device_tensor *t) {
    double most = 1.0;
    for (size_t i = 0; i < t->count; i++)
        most = fmax(most, fabs(t->exact[i]));
    return device_tensor_gap(dev, t) / most;
}

// States are sums of terms below 1 whose errors the walk contracts; gradients of weights sum up to
// 300 steps, and errors of states come in once more. Steep gates (weight 40) multiply them.
static void check(const v2s_device *dev, fixture *f) {
    double y = f->s.weight > 1.0f ? 2e-5 : 2e-6, grad = 4.0 * y;
    cr_expect_leq(error_of(dev, &f->y), y, "y, H %d", f->s.H);
    cr_expect_leq(error_of(dev, &f->dx), grad, "dx, H %d", f->s.H);
    for (int d = 0; d < f->s.D; d++) {
        const weights *w = &f->dir[d];
        cr_expect_leq(error_of(dev, &w->dw_ih), grad, "dw_ih, H %d", f->s.H);
        cr_expect_leq(error_of(dev, &w->dw_hh), grad, "dw_hh, H %d", f->s.H);
        cr_expect_leq(error_of(dev, &w->db_ih), grad, "db_ih, H %d", f->s.H);
        cr_expect_leq(error_of(dev, &w->db_hh), grad, "db_hh, H %d", f->s.H);
        cr_expect_leq(error_of(dev, &w->dh0), grad, "dh0, H %d", f->s.H);
        if (f->s.states)
            cr_expect_leq(error_of(dev, &w->h_end), y, "h_end, H %d", f->s.H);
    }
}

// V2S_CUDA_GRU is read when a device is opened; the processor does not know it.
static v2s_device *device_by(const char *way, bool deterministic) {
    setenv("V2S_CUDA_GRU", way, 1);
    v2s_device *dev = tested_device_with(V2S_PRECISION_F32, deterministic);
    unsetenv("V2S_CUDA_GRU");
    return dev;
}

static void check_all(const char *way, const shape *list, int count) {
    v2s_device *dev = device_by(way, false);
    for (int i = 0; i < count; i++) {
        fixture f = fixture_of(dev, list[i]);
        run(dev, &f);
        run_exact(&f);
        check(dev, &f);
        fixture_drop(dev, &f);
    }
    v2s_device_close(&dev);
}

Test(gru, equals_the_definition_in_double) {
    check_all("auto", shapes, SHAPES);
}

Test(gru, equals_it_for_large_states) {
    check_all("auto", large, LARGE);
}

Test(gru, equals_it_step_by_step) {
    check_all("steps", shapes, SHAPES);
}

Test(gru, equals_it_by_cudnn_where_that_serves) {
    check_all("cudnn", shapes, SHAPES);
    check_all("cudnn", large + 2, 1);
}

// What ran for a hidden size, in the device's words.
static void assert_kind(const char *wanted, bool deterministic, int H, const char *kind) {
    v2s_device *dev = device_by(wanted, deterministic);
    fixture f = fixture_of(dev, (shape){1, 1, 1, H, 1, false, false, 0, 1.0f});
    v2s_gru_args args = args_of(&f).of;
    forward(dev, &args);
    if (dev->cuda != NULL)
        cr_expect_not_null(strstr(dev->ops->memory->kernels(dev), kind), "H %d: %s instead of %s",
                           H, dev->ops->memory->kernels(dev), kind);
    fixture_drop(dev, &f);
    v2s_device_close(&dev);
}

Test(gru, runs_as_asked_for) {
    assert_kind("auto", false, 32, "persistent, 64 threads x 48 weights");
    assert_kind("", false, 33, "persistent, 128 threads x 96 weights");
    assert_kind("auto", true, 128, "persistent, 256 threads x 192 weights");
    assert_kind("steps", false, 32, "steps");
    assert_kind("cudnn", false, 32, "cuDNN");
    assert_kind("cudnn", true, 32, "persistent");
    assert_kind("auto", false, 513, "cuDNN");
    assert_kind("persistent", true, 513, "steps");
    v2s_device *dev = NULL;
    setenv("V2S_CUDA_GRU", "fast", 1);
    if (strcmp(tested_device_spec(), "cpu") != 0)
        cr_assert_eq(v2s_device_open(tested_device_spec(), 1, &dev), V2S_ARG);
    unsetenv("V2S_CUDA_GRU");
}

static void assert_same(const v2s_device *dev, const device_tensor *a, const device_tensor *b) {
    float *one = device_tensor_now(dev, a), *two = device_tensor_now(dev, b);
    cr_assert_eq(memcmp(one, two, a->count * sizeof *one), 0);
    free(one);
    free(two);
}

Test(gru, runs_agree_bit_for_bit) {
    v2s_device *dev = tested_device_with(V2S_PRECISION_F32, true);
    const int some[] = {5, 8, 9};
    for (int i = 0; i < 3; i++) {
        fixture a = fixture_of(dev, shapes[some[i]]), b = fixture_of(dev, shapes[some[i]]);
        run(dev, &a);
        run(dev, &b);
        assert_same(dev, &a.y, &b.y);
        assert_same(dev, &a.dx, &b.dx);
        for (int d = 0; d < a.s.D; d++)
            for (int t = 0; t < TENSORS_OF_WEIGHTS; t++)
                assert_same(dev, (device_tensor *)&a.dir[d] + t, (device_tensor *)&b.dir[d] + t);
        fixture_drop(dev, &a);
        fixture_drop(dev, &b);
    }
    v2s_device_close(&dev);
}

Test(gru, saving_for_backward_changes_nothing) {
    v2s_device *dev = tested_device();
    fixture a = fixture_of(dev, shapes[8]), b = fixture_of(dev, shapes[8]);
    run(dev, &a);
    v2s_gru_args args = args_of(&b).of;
    forward(dev, &args);
    assert_same(dev, &a.y, &b.y);
    assert_same(dev, &a.dir[1].h_end, &b.dir[1].h_end);
    fixture_drop(dev, &a);
    fixture_drop(dev, &b);
    v2s_device_close(&dev);
}

typedef struct recorded {
    const v2s_device *dev;
    v2s_gru_backward_args g;
    v2s_arena scratch;
} recorded;

static void forward_and_back(void *ctx) {
    recorded *r = ctx;
    r->dev->ops->gru_forward(r->dev, &r->g.of, &r->scratch);
    r->dev->ops->gru_backward(r->dev, &r->g, &r->scratch);
}

static void assert_near(const v2s_device *dev, const device_tensor *a, const device_tensor *b,
                        float most) {
    float *one = device_tensor_now(dev, a), *two = device_tensor_now(dev, b);
    for (size_t i = 0; i < a->count; i++)
        cr_assert_leq(fabsf(one[i] - two[i]), most, "%g, %g", (double)one[i], (double)two[i]);
    free(one);
    free(two);
}

// A step of training is recorded once and repeated, whichever way it runs; cuDNN does not promise
// the same bits.
static void assert_recorded(const char *wanted, float most) {
    v2s_device *dev = device_by(wanted, false);
    fixture a = fixture_of(dev, shapes[2]), b = fixture_of(dev, shapes[2]);
    run(dev, &a);
    b.saved_bytes = a.saved_bytes;
    cr_assert_eq(dev->ops->memory->take(dev, b.saved_bytes, &b.saved), V2S_OK);
    recorded r = {.dev = dev, .g = args_of(&b)};
    size_t one = dev->ops->gru_scratch(dev, &r.g.of);
    size_t two = dev->ops->gru_backward_scratch(dev, &r.g);
    r.scratch = device_scratch(dev, one > two ? one : two);
    v2s_recording *recording = NULL;
    cr_assert_eq(dev->ops->memory->record(dev, forward_and_back, &r, &recording), V2S_OK, "%s",
                 v2s_error_text());
    dev->ops->memory->replay(dev, recording);
    assert_near(dev, &a.y, &b.y, most);
    assert_near(dev, &a.dx, &b.dx, most);
    assert_near(dev, &a.dir[1].dw_hh, &b.dir[1].dw_hh, most);
    dev->ops->memory->forget(dev, &recording);
    v2s_device_arena_close(dev, &r.scratch);
    fixture_drop(dev, &a);
    fixture_drop(dev, &b);
    v2s_device_close(&dev);
}

Test(gru, can_be_recorded) {
    assert_recorded("persistent", 0.0f);
    assert_recorded("steps", 0.0f);
    assert_recorded("cudnn", 1e-5f);
}

// Weights are read 16 bytes at a time where their place allows it.
Test(gru, the_place_of_weights_changes_nothing) {
    v2s_device *dev = tested_device();
    const int sizes[] = {4, 36, 64, 100, 128, 132, 260};
    for (int i = 0; i < 7; i++) {
        fixture f = fixture_of(dev, (shape){1, 2, 3, sizes[i], 1, false, true, 0, 1.0f});
        device_tensor *w = &f.dir[0].w_hh;
        device_tensor aligned = device_copy_of(dev, w->host, w->count, true);
        v2s_gru_args args = args_of(&f).of;
        forward(dev, &args);
        args.dir[0].w_hh = aligned.at;
        args.dir[0].h_end = f.dir[0].dh0.at;
        forward(dev, &args);
        assert_same(dev, &f.dir[0].h_end, &f.dir[0].dh0);
        device_tensor_drop(dev, &aligned);
        fixture_drop(dev, &f);
    }
    v2s_device_close(&dev);
}

static double forward_error(const v2s_device *dev, fixture *f, int overlap) {
    v2s_gru_args args = args_of(f).of;
    args.overlap = overlap;
    forward(dev, &args);
    double error = fmax(error_of(dev, &f->y), error_of(dev, &f->dir[0].h_end));
    return f->s.D < 2 ? error : fmax(error, error_of(dev, &f->dir[1].h_end));
}

// Rows may be cut where a state is forgotten within `overlap` steps, and give the same where it is
// not. Too short an overlap forgets nothing: all parts are walked again, to the last bit.
Test(gru, rows_in_parts_are_rows) {
    v2s_device *dev = tested_device();
    const shape list[] = {{1, 500, 3, 20, 2, false, true, 2, 1.0f},
                          {3, 259, 2, 40, 1, true, true, 0, 1.0f},
                          {1, 131, 2, 128, 2, false, true, 0, 1.0f}};
    for (int i = 0; i < 3; i++) {
        fixture f = fixture_of(dev, list[i]), uncut = fixture_of(dev, list[i]);
        run_exact(&f);
        run_exact(&uncut);
        cr_expect_leq(forward_error(dev, &uncut, 0), 2e-6, "%d", i);
        cr_expect_leq(forward_error(dev, &f, 60), 2e-6, "%d", i);
        for (int overlap = 1; overlap < 4; overlap++) {
            cr_expect_leq(forward_error(dev, &f, overlap), 2e-6, "%d, %d", i, overlap);
            if (dev->cuda != NULL)
                assert_same(dev, &f.y, &uncut.y);
        }
        v2s_gru_args args = args_of(&f).of;
        args.overlap = 60;
        forward(dev, &args);
        args.dir[0].h_end = f.dir[0].h0.at;
        forward(dev, &args);
        assert_same(dev, &f.dir[0].h0, &f.dir[0].h_end);
        fixture_drop(dev, &f);
        fixture_drop(dev, &uncut);
    }
    v2s_device_close(&dev);
}

// The end of the walk alone, in place: y is not wanted, and h_end is h0.
Test(gru, gives_the_last_state_without_y_and_in_place) {
    v2s_device *dev = tested_device();
    for (int i = 3; i < 12; i++) {
        fixture a = fixture_of(dev, shapes[i]);
        v2s_gru_args args = args_of(&a).of;
        args.dir[0].h0 = a.dir[0].h0.at;
        args.dir[0].h_end = a.dir[0].h_end.at;
        forward(dev, &args);
        args.y = NULL;
        args.dir[0].h_end = a.dir[0].h0.at;
        forward(dev, &args);
        assert_same(dev, &a.dir[0].h0, &a.dir[0].h_end);
        fixture_drop(dev, &a);
    }
    v2s_device_close(&dev);
}

// A row does not depend on the others. x and w_ih are whole numbers, so that the products before
// the walk are exact whatever their order; the walk itself has to be the same.
Test(gru, rows_are_what_they_are_alone) {
    v2s_device *dev = tested_device();
    const shape s = {3, 5, 4, 100, 1, false, true, 0, 1.0f};
    fixture f = fixture_of(dev, s);
    device_tensor x = device_integers(dev, 90, f.x.count, 2);
    device_tensor w = device_integers(dev, 91, f.dir[0].w_ih.count, 1);
    v2s_gru_args args = args_of(&f).of;
    args.x = x.at;
    args.dir[0].w_ih = w.at;
    forward(dev, &args);
    float *all = device_tensor_now(dev, &f.y);
    size_t of_row = (size_t)s.T * f.columns;
    args.B = 1;
    for (size_t b = 0; b < 3; b++) {
        v2s_gru_args one = args;
        one.x += b * (size_t)(s.T * s.C);
        one.dir[0].h0 += b * (size_t)s.H;
        forward(dev, &one);
        float *alone = fetch_floats(dev, f.y.at, of_row);
        cr_assert_eq(memcmp(alone, all + b * of_row, of_row * sizeof *alone), 0, "row %zu", b);
        free(alone);
    }
    free(all);
    device_tensor_drop(dev, &x);
    device_tensor_drop(dev, &w);
    fixture_drop(dev, &f);
    v2s_device_close(&dev);
}

Test(gru, keeps_what_is_not_a_number_and_saturates) {
    v2s_device *dev = tested_device();
    fixture f = fixture_of(dev, (shape){1, 3, 1, 6, 1, false, false, 0, 1.0f});
    float x[3] = {1e30f, 0.0f, NAN}, y[18];
    v2s_gru_args args = args_of(&f).of;
    dev->ops->memory->upload(dev, f.x.at, x, sizeof x);
    forward(dev, &args);
    fetch(dev, y, f.y.at, sizeof y);
    for (int i = 0; i < 12; i++)
        cr_assert(fabsf(y[i]) <= 1.0f);
    for (int i = 12; i < 18; i++)
        cr_assert(isnan(y[i]));
    fixture_drop(dev, &f);
    v2s_device_close(&dev);
}
