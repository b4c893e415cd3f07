// SPDX-License-Identifier: MIT
#include "nn/refiner_stream.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/parallel.h"

enum { F = V2S_REFINER_CHANNELS };

// Sized for `lookahead` and taken anew when that doubles.
typedef struct buffers {
    v2s_arena host, device;
    int x_capacity; // frames
    // of the host
    float *rows;     // [x_capacity,4] frames x_begin .. x_begin + x_count - 1
    float *start[2]; // [hidden] the two warm-ups' backward states; then [0] is what was used
    float *back;     // [hidden] backward state at the chunk's first frame
    float *border;   // [hidden] backward state that was used at the last border
    // of the device
    float *x;         // [x_capacity,4]
    float *h0;        // [x_capacity,channels]
    float *h1;        // [chunk,2*hidden]
    float *r;         // [chunk,4]
    float *state[2];  // [hidden] of the two warm-ups
    float *h_forward; // [hidden] carried from chunk to chunk
    float *h_back;    // [hidden]
} buffers;

struct v2s_refiner_stream {
    const v2s_refiner *m;  // of the host
    v2s_refiner *own;      // the device's copy, or NULL
    const v2s_refiner *on; // the one of the two that runs
    const v2s_device *dev;
    v2s_refiner_stream_config config;
    int lookahead, half; // half: frames that the convolution reads on each side
    buffers b;
    v2s_arena packed, scratch[2];
    v2s_gru_direction dir[2];
    int x_count;
    int64_t x_begin, done, pushed; // frames: first in x, computed, taken
    bool finished, has_border;
    float *ready; // [ready_count,4] from ready_begin on
    size_t ready_begin, ready_count, ready_capacity;
    v2s_refiner_stream_report report;
};

v2s_refiner_stream_config v2s_refiner_stream_defaults(void) {
    return (v2s_refiner_stream_config){8192, 256, 32768, 1e-6f};
}

static v2s_status check_config(const v2s_refiner_config *m, const v2s_refiner_stream_config *c) {
    enum { FRAMES_MAX = 1 << 22 };
    if (c->chunk_frames < 1 || c->chunk_frames > FRAMES_MAX)
        return V2S_FAIL(V2S_ARG, "refiner stream: chunk_frames: expected 1 .. %d, found %d",
                        FRAMES_MAX, c->chunk_frames);
    if (c->lookahead_frames < 1 || c->lookahead_frames > c->lookahead_max_frames ||
        c->lookahead_max_frames > FRAMES_MAX)
        return V2S_FAIL(V2S_ARG,
                        "refiner stream: lookahead_frames: expected 1 .. lookahead_max_frames <= "
                        "%d, found %d and %d",
                        FRAMES_MAX, c->lookahead_frames, c->lookahead_max_frames);
    if (m->inputs != F || m->outputs != F)
        return V2S_FAIL(V2S_ARG,
                        "refiner stream: expected a network of %d inputs and %d outputs, found %d "
                        "and %d",
                        F, F, m->inputs, m->outputs);
    if (!(c->tolerance >= 0.0f))
        return V2S_FAIL(V2S_ARG, "refiner stream: tolerance: expected 0 or more, found %g",
                        (double)c->tolerance);
    return V2S_OK;
}

static size_t state_bytes(const v2s_refiner_stream *s) {
    return (size_t)s->m->config.hidden * sizeof(float);
}

static float *take(v2s_arena *arena, int rows, int columns) {
    return v2s_arena_take(arena, v2s_size_mul((size_t)rows, (size_t)columns), sizeof(float));
}

static void init_host(buffers *b, int hidden, v2s_arena *arena) {
    b->rows = take(arena, b->x_capacity, F);
    b->start[0] = take(arena, 1, hidden);
    b->start[1] = take(arena, 1, hidden);
    b->back = take(arena, 1, hidden);
    b->border = take(arena, 1, hidden);
}

static void init_device(buffers *b, const v2s_refiner_stream *s, v2s_arena *arena) {
    int channels = s->m->config.channels, hidden = s->m->config.hidden;
    b->x = take(arena, b->x_capacity, F);
    b->h0 = take(arena, b->x_capacity, channels);
    b->h1 = take(arena, s->config.chunk_frames, 2 * hidden);
    b->r = take(arena, s->config.chunk_frames, F);
    b->state[0] = take(arena, 1, hidden);
    b->state[1] = take(arena, 1, hidden);
    b->h_forward = take(arena, 1, hidden);
    b->h_back = take(arena, 1, hidden);
}

static v2s_status open_buffers(const v2s_refiner_stream *s, buffers *b) {
    int hidden = s->m->config.hidden;
    v2s_arena host = v2s_arena_count(), device = v2s_arena_count();
    b->x_capacity = s->config.chunk_frames + s->lookahead + 2 * s->half;
    init_host(b, hidden, &host);
    init_device(b, s, &device);
    V2S_TRY(v2s_arena_open(&b->host, host.used));
    v2s_status status = v2s_device_arena_open(s->dev, device.used, &b->device);
    if (status != V2S_OK) {
        v2s_arena_close(&b->host);
        return status;
    }
    init_host(b, hidden, &b->host);
    init_device(b, s, &b->device);
    return V2S_OK;
}

static void close_buffers(const v2s_refiner_stream *s, buffers *b) {
    v2s_arena_close(&b->host);
    v2s_device_arena_close(s->dev, &b->device);
}

// Opens buffers for the present look-ahead and moves what the old ones hold.
static v2s_status grow_buffers(v2s_refiner_stream *s) {
    buffers b = {0};
    V2S_TRY(open_buffers(s, &b));
    if (s->b.rows != NULL) {
        memcpy(b.rows, s->b.rows, (size_t)s->x_count * F * sizeof(float));
        memcpy(b.border, s->b.border, state_bytes(s));
        s->dev->ops->memory->copy(s->dev, b.h_forward, s->b.h_forward, state_bytes(s));
        close_buffers(s, &s->b);
    }
    s->b = b;
    return V2S_OK;
}

// `T` steps of the walk in `direction`.
static v2s_gru_args gru_args(const v2s_refiner_stream *s, int direction, int T, const float *x) {
    return (v2s_gru_args){.B = 1,
                          .T = T,
                          .C = s->m->config.channels,
                          .H = s->m->config.hidden,
                          .D = 1,
                          .overlap = s->m->gru.overlap,
                          .reverse = direction == 1,
                          .x = x,
                          .ldy = 2 * s->m->config.hidden,
                          .dir = {s->dir[direction]}};
}

// Both directions over the rows of a chunk.
static v2s_gru_args chunk_args(const v2s_refiner_stream *s, int T, const float *x) {
    v2s_gru_args a = gru_args(s, 0, T, x);
    a.D = 2;
    a.y = s->b.h1;
    a.dir[1] = s->dir[1];
    a.dir[0].h0 = a.dir[0].h_end = s->b.h_forward;
    a.dir[1].h0 = s->b.state[0];
    a.dir[1].h_end = s->b.h_back;
    return a;
}

static v2s_status pack(v2s_refiner_stream *s) {
    const v2s_refiner_config *c = &s->m->config;
    size_t bytes = s->dev->ops->gru_packed_size(s->dev, c->channels, c->hidden);
    V2S_TRY(v2s_device_arena_open(s->dev, 2 * (bytes + V2S_ARENA_ALIGN), &s->packed));
    for (int d = 0; d < 2; d++) {
        s->dir[d] = v2s_bigru_direction(&s->on->gru, d);
        if (bytes > 0) {
            void *packed = v2s_arena_take(&s->packed, bytes, 1);
            s->dev->ops->gru_pack(s->dev, c->channels, c->hidden, &s->dir[d], packed);
            s->dir[d].packed = packed;
        }
    }
    return V2S_OK;
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static v2s_status open_scratch(v2s_refiner_stream *s) {
    int chunk = s->config.chunk_frames;
    v2s_gru_args warm = gru_args(s, 1, s->lookahead, NULL), run = chunk_args(s, chunk, NULL);
    size_t first = s->dev->ops->gru_scratch(s->dev, &warm);
    size_t most = larger(larger(first, s->dev->ops->gru_scratch(s->dev, &run)),
                         larger(v2s_conv1d_module_scratch(&s->on->conv, s->dev, 1, s->b.x_capacity),
                                v2s_linear_module_scratch(&s->on->output, s->dev, chunk)));
    v2s_device_arena_close(s->dev, &s->scratch[0]);
    v2s_device_arena_close(s->dev, &s->scratch[1]);
    V2S_TRY(v2s_device_arena_open(s->dev, most, &s->scratch[0]));
    return v2s_device_arena_open(s->dev, first, &s->scratch[1]);
}

static v2s_status open_parts(v2s_refiner_stream *s) {
    V2S_TRY(v2s_refiner_on(s->m, s->dev, &s->own, &s->on));
    V2S_TRY(grow_buffers(s));
    V2S_TRY(pack(s));
    V2S_TRY(open_scratch(s));
    return s->dev->ops->memory->synchronize(s->dev);
}

v2s_status v2s_refiner_stream_open(const v2s_refiner *m, const v2s_device *dev,
                                   const v2s_refiner_stream_config *config,
                                   v2s_refiner_stream **out) {
    v2s_refiner_stream_config c = config != NULL ? *config : v2s_refiner_stream_defaults();
    V2S_TRY(check_config(&m->config, &c));
    v2s_refiner_stream *s = calloc(1, sizeof *s);
    if (s == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    s->m = m;
    s->dev = dev;
    s->config = c;
    s->lookahead = c.lookahead_frames;
    s->half = m->config.kernel / 2;
    dev->ops->memory->enter(dev);
    v2s_status status = open_parts(s);
    dev->ops->memory->leave(dev);
    if (status != V2S_OK) {
        v2s_refiner_stream_close(&s);
        return status;
    }
    *out = s;
    return V2S_OK;
}

void v2s_refiner_stream_close(v2s_refiner_stream **stream) {
    v2s_refiner_stream *s = *stream;
    if (s == NULL)
        return;
    const v2s_device *dev = s->dev;
    dev->ops->memory->enter(dev);
    close_buffers(s, &s->b);
    v2s_device_arena_close(dev, &s->packed);
    v2s_device_arena_close(dev, &s->scratch[0]);
    v2s_device_arena_close(dev, &s->scratch[1]);
    v2s_refiner_close(&s->own);
    dev->ops->memory->leave(dev);
    free(s->ready);
    free(s);
    *stream = NULL;
}

// One chunk: `frames` from x0 on become residuals, `ahead` more lie behind them.
typedef struct chunk {
    v2s_refiner_stream *s;
    const float *h0; // row of the chunk's first frame, in the device's memory
    int frames, ahead;
    bool to_end; // the frames ahead end with the file
} chunk;

static void warm_up(void *ctx, int i, int n) {
    (void)n;
    const chunk *c = ctx;
    v2s_refiner_stream *s = c->s;
    int channels = s->m->config.channels;
    v2s_gru_args a = gru_args(s, 1, c->ahead, c->h0 + (size_t)c->frames * channels);
    a.dir[0].h0 = a.dir[0].h_end = s->b.state[i];
    s->dev->ops->gru_forward(s->dev, &a, &s->scratch[i]);
}

// Opposite corners of the cube of states; the signs are spread by a multiplicative hash so that
// neither corner is special for weights that are alike.
static void set_corners(const v2s_refiner_stream *s) {
    for (int j = 0; j < s->m->config.hidden; j++) {
        float sign = (2654435769u * (unsigned)(j + 1)) >> 31 ? 1.0f : -1.0f;
        s->b.start[0][j] = sign;
        s->b.start[1][j] = -sign;
    }
}

// Distance of two backward states in the residual, and whether it counts as none (factor 1) or at
// most `factor` times as much as that.
static bool states_meet(const v2s_refiner_stream *s, const float *a, const float *b, float factor,
                        float *distance) {
    int hidden = s->m->config.hidden;
    float unit = 0.0f, channel[F] = {0};
    for (int j = 0; j < hidden; j++) {
        float d = fabsf(a[j] - b[j]);
        unit = d <= unit ? unit : d;
        for (int c = 0; c < F; c++)
            channel[c] += d * fabsf(s->m->output.weight.data[(2 * c + 1) * hidden + j]);
    }
    *distance = 0.0f;
    for (int c = 0; c < F; c++)
        *distance = channel[c] <= *distance ? *distance : channel[c];
    *distance = isfinite(*distance) ? *distance * V2S_REFINER_GAIN : INFINITY;
    float limit = factor * s->config.tolerance;
    if (s->dev->precision == V2S_PRECISION_BF16)
        limit *= 256.0f;
    return *distance <= limit && unit <= 100.0f * limit;
}

// The warm-ups from both corners; their states are in start[] when this returns.
static v2s_status warm_up_twice(chunk *c) {
    v2s_refiner_stream *s = c->s;
    const v2s_memory_ops *memory = s->dev->ops->memory;
    set_corners(s);
    for (int i = 0; i < 2; i++)
        memory->upload(s->dev, s->b.state[i], s->b.start[i], state_bytes(s));
    v2s_parallel(s->dev->lanes, 2, warm_up, c);
    for (int i = 0; i < 2; i++)
        memory->download(s->dev, s->b.start[i], s->b.state[i], state_bytes(s));
    return memory->synchronize(s->dev);
}

// Leaves the backward state at the chunk's end in state[0] and, once the device is done, in
// start[0]. *met false: the warm-ups have not met.
static v2s_status start_backward(chunk *c, bool *met) {
    v2s_refiner_stream *s = c->s;
    const v2s_memory_ops *memory = s->dev->ops->memory;
    *met = true;
    if (c->to_end) {
        memory->zero(s->dev, s->b.state[0], state_bytes(s));
        warm_up(c, 0, 1);
        memory->download(s->dev, s->b.start[0], s->b.state[0], state_bytes(s));
        return V2S_OK;
    }
    V2S_TRY(warm_up_twice(c));
    float difference;
    bool close = states_meet(s, s->b.start[0], s->b.start[1], 1.0f, &difference);
    *met = close || s->lookahead >= s->config.lookahead_max_frames;
    if (!*met)
        return V2S_OK;
    s->report.open_borders += !close;
    if (difference > s->report.border_difference)
        s->report.border_difference = difference;
    for (int j = 0; j < s->m->config.hidden; j++)
        s->b.start[0][j] = 0.5f * (s->b.start[0][j] + s->b.start[1][j]);
    memory->upload(s->dev, s->b.state[0], s->b.start[0], state_bytes(s));
    return V2S_OK;
}

// Both directions over the chunk and the last layer; `residual` and the backward state at the first
// frame come to the host.
static v2s_status run_chunk(const chunk *c, float *residual) {
    v2s_refiner_stream *s = c->s;
    const v2s_memory_ops *memory = s->dev->ops->memory;
    v2s_gru_args a = chunk_args(s, c->frames, c->h0);
    s->dev->ops->gru_forward(s->dev, &a, &s->scratch[0]);
    v2s_linear_module_forward(&s->on->output, s->dev, c->frames, s->b.h1, s->b.r, &s->scratch[0]);
    memory->download(s->dev, s->b.back, s->b.h_back, state_bytes(s));
    memory->download(s->dev, residual, s->b.r, (size_t)c->frames * F * sizeof *residual);
    return memory->synchronize(s->dev);
}

// The state used at the last border against the one that this chunk's backward run has there.
static void check_border(v2s_refiner_stream *s, bool to_end) {
    if (s->has_border) {
        float error;
        s->report.open_borders += !states_meet(s, s->b.border, s->b.back, 10.0f, &error);
        if (error > s->report.border_error)
            s->report.border_error = error;
    }
    s->has_border = !to_end;
    memcpy(s->b.border, s->b.start[0], state_bytes(s));
}

static v2s_status ready_reserve(v2s_refiner_stream *s, size_t more) {
    if (s->ready_begin > 0) {
        memmove(s->ready, s->ready + s->ready_begin * F, s->ready_count * F * sizeof(float));
        s->ready_begin = 0;
    }
    if (s->ready_count + more <= s->ready_capacity)
        return V2S_OK;
    size_t capacity = s->ready_count + more;
    float *grown = realloc(s->ready, v2s_size_mul(capacity, F * sizeof(float)));
    if (grown == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory: %zu frames of residual", capacity);
    s->ready = grown;
    s->ready_capacity = capacity;
    return V2S_OK;
}

// r[frames,4], which lies at the queue's end, becomes the residual and part of the queue.
static v2s_status emit(v2s_refiner_stream *s, float *r, int frames) {
    for (int i = 0; i < frames * F; i++) {
        r[i] *= V2S_REFINER_GAIN;
        if (!isfinite(r[i]))
            return V2S_FAIL(
                V2S_NUMERIC,
                "refiner: the residual of frame %lld, channel %d is not a finite number",
                (long long)(s->done + i / F), i % F);
    }
    s->ready_count += (size_t)frames;
    return V2S_OK;
}

static void drop_frames(v2s_refiner_stream *s) {
    int64_t keep = s->done > s->half ? s->done - s->half : 0;
    int gone = (int)(keep - s->x_begin);
    memmove(s->b.rows, s->b.rows + (size_t)gone * F,
            (size_t)(s->x_count - gone) * F * sizeof(float));
    s->x_begin = keep;
    s->x_count -= gone;
}

static v2s_status double_lookahead(v2s_refiner_stream *s) {
    int64_t doubled = 2 * (int64_t)s->lookahead, most = s->config.lookahead_max_frames;
    s->lookahead = (int)(doubled < most ? doubled : most);
    V2S_TRY(grow_buffers(s));
    return open_scratch(s);
}

// Computes the next chunk of the frames in rows, or doubles the look-ahead.
static v2s_status compute_chunk(v2s_refiner_stream *s) {
    int first = (int)(s->done - s->x_begin), left = s->x_count - first;
    chunk c = {.s = s, .to_end = s->finished && left <= s->config.chunk_frames + s->lookahead};
    c.frames = left < s->config.chunk_frames ? left : s->config.chunk_frames;
    c.ahead = c.to_end ? left - c.frames : s->lookahead;
    int rows = first + c.frames + c.ahead + s->half;
    rows = rows < s->x_count ? rows : s->x_count;
    V2S_TRY(ready_reserve(s, (size_t)c.frames));
    s->dev->ops->memory->upload(s->dev, s->b.x, s->b.rows, (size_t)rows * F * sizeof(float));
    v2s_conv1d_module_forward(&s->on->conv, s->dev, 1, rows, s->b.x, s->b.h0, &s->scratch[0]);
    c.h0 = s->b.h0 + (size_t)first * s->m->config.channels;
    bool met;
    V2S_TRY(start_backward(&c, &met));
    if (!met)
        return double_lookahead(s);
    float *residual = s->ready + s->ready_count * F;
    V2S_TRY(run_chunk(&c, residual));
    check_border(s, c.to_end && c.ahead == 0);
    V2S_TRY(emit(s, residual, c.frames));
    s->done += c.frames;
    s->report.chunks++;
    drop_frames(s);
    return V2S_OK;
}

static bool chunk_is_complete(const v2s_refiner_stream *s) {
    int64_t left = s->pushed - s->done;
    return s->finished ? left > 0
                       : left >= (int64_t)s->config.chunk_frames + s->lookahead + s->half;
}

// The chunks that are complete, each in a turn of its own at the device.
static v2s_status compute_chunks(v2s_refiner_stream *s) {
    v2s_status status = V2S_OK;
    while (status == V2S_OK && chunk_is_complete(s)) {
        s->dev->ops->memory->enter(s->dev);
        status = compute_chunk(s);
        s->dev->ops->memory->leave(s->dev);
    }
    return status;
}

static v2s_status check_finite(const v2s_refiner_stream *s, const float *foa, int n) {
    for (size_t i = 0; i < (size_t)n * F; i++)
        if (!isfinite(foa[i]))
            return V2S_FAIL(V2S_NUMERIC,
                            "refiner: input frame %lld, channel %d is not a finite number",
                            (long long)(s->pushed + (int64_t)(i / F)), (int)(i % F));
    return V2S_OK;
}

v2s_status v2s_refiner_stream_push(v2s_refiner_stream *s, const float *foa, int n) {
    if (s->finished)
        return V2S_FAIL(V2S_ARG, "refiner stream: frames after its end");
    V2S_TRY(check_finite(s, foa, n));
    while (n > 0) {
        int room = s->b.x_capacity - s->x_count, take = n < room ? n : room;
        memcpy(s->b.rows + (size_t)s->x_count * F, foa, (size_t)take * F * sizeof(float));
        s->x_count += take;
        s->pushed += take;
        foa += (size_t)take * F;
        n -= take;
        V2S_TRY(compute_chunks(s));
    }
    return V2S_OK;
}

v2s_status v2s_refiner_stream_finish(v2s_refiner_stream *s) {
    s->finished = true;
    return compute_chunks(s);
}

int v2s_refiner_stream_pull(v2s_refiner_stream *s, float *residual, int max) {
    size_t n = s->ready_count < (size_t)max ? s->ready_count : (size_t)max;
    if (n > 0)
        memcpy(residual, s->ready + s->ready_begin * F, n * F * sizeof(float));
    s->ready_begin += n;
    s->ready_count -= n;
    return (int)n;
}

int v2s_refiner_stream_delay_frames(const v2s_refiner_stream *s) {
    return s->config.chunk_frames + s->lookahead + s->half;
}

v2s_refiner_stream_report v2s_refiner_stream_get_report(const v2s_refiner_stream *s) {
    v2s_refiner_stream_report report = s->report;
    report.frames = s->done;
    report.lookahead_frames = s->lookahead;
    return report;
}
