// SPDX-License-Identifier: MIT
#include "nn/refiner_stream.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/parallel.h"

enum { F = V2S_REFINER_CHANNELS };

// Sized for `lookahead` and taken anew when that doubles.
typedef struct buffers {
    v2s_arena arena;
    int x_capacity;   // frames
    float *x;         // [x_capacity,4] frames x_begin .. x_begin + x_count - 1
    float *h0;        // [x_capacity,channels]
    float *h1;        // [chunk,2*hidden]
    float *state[2];  // [hidden] backward state of the two warm-ups
    float *h_forward; // [hidden] carried from chunk to chunk
    float *h_border;  // [hidden] backward state that was used at the last border
    float *h_back;    // [hidden] backward state at the chunk's first frame
} buffers;

struct v2s_refiner_stream {
    const v2s_refiner *m;
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

static void buffers_init(buffers *b, const v2s_refiner_stream *s, v2s_arena *arena) {
    size_t channels = (size_t)s->m->config.channels, hidden = (size_t)s->m->config.hidden;
    b->x_capacity = s->config.chunk_frames + s->lookahead + 2 * s->half;
    b->x = v2s_arena_take(arena, (size_t)b->x_capacity * F, sizeof(float));
    b->h0 = v2s_arena_take(arena, v2s_size_mul((size_t)b->x_capacity, channels), sizeof(float));
    b->h1 = v2s_arena_take(arena, v2s_size_mul((size_t)s->config.chunk_frames, 2 * hidden),
                           sizeof(float));
    b->state[0] = v2s_arena_take(arena, hidden, sizeof(float));
    b->state[1] = v2s_arena_take(arena, hidden, sizeof(float));
    b->h_forward = v2s_arena_take(arena, hidden, sizeof(float));
    b->h_border = v2s_arena_take(arena, hidden, sizeof(float));
    b->h_back = v2s_arena_take(arena, hidden, sizeof(float));
}

// Opens buffers for the present look-ahead and moves what the old ones hold.
static v2s_status buffers_grow(v2s_refiner_stream *s) {
    buffers b = {.arena = v2s_arena_count()};
    v2s_arena count = v2s_arena_count();
    buffers_init(&b, s, &count);
    V2S_TRY(v2s_arena_open(&b.arena, count.used));
    buffers_init(&b, s, &b.arena);
    if (s->b.x != NULL) {
        size_t state_bytes = (size_t)s->m->config.hidden * sizeof(float);
        memcpy(b.x, s->b.x, (size_t)s->x_count * F * sizeof(float));
        memcpy(b.h_forward, s->b.h_forward, state_bytes);
        memcpy(b.h_border, s->b.h_border, state_bytes);
        v2s_arena_close(&s->b.arena);
    }
    s->b = b;
    return V2S_OK;
}

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

static v2s_status pack(v2s_refiner_stream *s) {
    const v2s_refiner_config *c = &s->m->config;
    size_t bytes = s->dev->ops->gru_packed_size(s->dev, c->channels, c->hidden);
    V2S_TRY(v2s_arena_open(&s->packed, 2 * (bytes + V2S_ARENA_ALIGN)));
    for (int d = 0; d < 2; d++) {
        s->dir[d] = v2s_bigru_direction(&s->m->gru, d);
        if (bytes > 0) {
            void *packed = v2s_arena_take(&s->packed, bytes, 1);
            s->dev->ops->gru_pack(s->dev, c->channels, c->hidden, &s->dir[d], packed);
            s->dir[d].packed = packed;
        }
    }
    return V2S_OK;
}

static v2s_status open_scratch(v2s_refiner_stream *s) {
    const v2s_conv1d *conv = &s->m->conv;
    v2s_gru_args gru = gru_args(s, 0, s->config.chunk_frames, NULL);
    size_t need[3] = {
        v2s_conv1d_module_scratch(conv, s->dev, 1, s->b.x_capacity),
        v2s_linear_module_scratch(&s->m->output, s->dev, s->config.chunk_frames),
        s->dev->ops->gru_scratch(s->dev, &gru),
    };
    v2s_arena_close(&s->scratch[0]);
    v2s_arena_close(&s->scratch[1]);
    size_t most = 0;
    for (int i = 0; i < 3; i++)
        most = need[i] > most ? need[i] : most;
    V2S_TRY(v2s_arena_open(&s->scratch[0], most));
    return v2s_arena_open(&s->scratch[1], need[2]);
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
    v2s_status status;
    V2S_TRY_GOTO(status, buffers_grow(s), fail);
    V2S_TRY_GOTO(status, pack(s), fail);
    V2S_TRY_GOTO(status, open_scratch(s), fail);
    *out = s;
    return V2S_OK;
fail:
    v2s_refiner_stream_close(&s);
    return status;
}

void v2s_refiner_stream_close(v2s_refiner_stream **stream) {
    v2s_refiner_stream *s = *stream;
    if (s == NULL)
        return;
    v2s_arena_close(&s->b.arena);
    v2s_arena_close(&s->packed);
    v2s_arena_close(&s->scratch[0]);
    v2s_arena_close(&s->scratch[1]);
    free(s->ready);
    free(s);
    *stream = NULL;
}

// One chunk: `frames` from x0 on become residuals, `ahead` more lie behind them.
typedef struct chunk {
    v2s_refiner_stream *s;
    const float *h0; // row of the chunk's first frame
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
        s->b.state[0][j] = sign;
        s->b.state[1][j] = -sign;
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

// Leaves the backward state at the chunk's end in state[0]. False: the warm-ups have not met.
static bool start_backward(chunk *c) {
    v2s_refiner_stream *s = c->s;
    int hidden = s->m->config.hidden;
    if (c->to_end) {
        memset(s->b.state[0], 0, (size_t)hidden * sizeof(float));
        warm_up(c, 0, 1);
        return true;
    }
    set_corners(s);
    v2s_parallel(s->dev->threads, 2, warm_up, c);
    float difference;
    bool met = states_meet(s, s->b.state[0], s->b.state[1], 1.0f, &difference);
    if (!met && s->lookahead < s->config.lookahead_max_frames)
        return false;
    s->report.open_borders += !met;
    if (difference > s->report.border_difference)
        s->report.border_difference = difference;
    for (int j = 0; j < hidden; j++)
        s->b.state[0][j] = 0.5f * (s->b.state[0][j] + s->b.state[1][j]);
    return true;
}

static void run_direction(void *ctx, int direction, int n) {
    (void)n;
    const chunk *c = ctx;
    v2s_refiner_stream *s = c->s;
    v2s_gru_args a = gru_args(s, direction, c->frames, c->h0);
    a.y = s->b.h1 + (size_t)direction * a.H;
    a.dir[0].h0 = direction == 0 ? s->b.h_forward : s->b.state[0];
    a.dir[0].h_end = direction == 0 ? s->b.h_forward : s->b.h_back;
    s->dev->ops->gru_forward(s->dev, &a, &s->scratch[direction]);
}

// The state used at the last border against the one that this chunk's backward run has there.
static void check_border(v2s_refiner_stream *s, bool to_end) {
    int hidden = s->m->config.hidden;
    if (s->has_border) {
        float error;
        s->report.open_borders += !states_meet(s, s->b.h_border, s->b.h_back, 10.0f, &error);
        if (error > s->report.border_error)
            s->report.border_error = error;
    }
    s->has_border = !to_end;
    memcpy(s->b.h_border, s->b.state[0], (size_t)hidden * sizeof(float));
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

// The last layer, into the queue.
static v2s_status emit(v2s_refiner_stream *s, int frames) {
    V2S_TRY(ready_reserve(s, (size_t)frames));
    float *r = s->ready + s->ready_count * F;
    v2s_linear_module_forward(&s->m->output, s->dev, frames, s->b.h1, r, &s->scratch[0]);
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
    memmove(s->b.x, s->b.x + (size_t)gone * F, (size_t)(s->x_count - gone) * F * sizeof(float));
    s->x_begin = keep;
    s->x_count -= gone;
}

// Computes the next chunk of the frames in x, or doubles the look-ahead.
static v2s_status compute_chunk(v2s_refiner_stream *s) {
    int first = (int)(s->done - s->x_begin), left = s->x_count - first;
    chunk c = {.s = s, .to_end = s->finished && left <= s->config.chunk_frames + s->lookahead};
    c.frames = left < s->config.chunk_frames ? left : s->config.chunk_frames;
    c.ahead = c.to_end ? left - c.frames : s->lookahead;
    int rows = first + c.frames + c.ahead + s->half;
    rows = rows < s->x_count ? rows : s->x_count;
    v2s_conv1d_module_forward(&s->m->conv, s->dev, 1, rows, s->b.x, s->b.h0, &s->scratch[0]);
    c.h0 = s->b.h0 + (size_t)first * s->m->config.channels;
    if (!start_backward(&c)) {
        int64_t doubled = 2 * (int64_t)s->lookahead, most = s->config.lookahead_max_frames;
        s->lookahead = (int)(doubled < most ? doubled : most);
        V2S_TRY(buffers_grow(s));
        return open_scratch(s);
    }
    v2s_parallel(s->dev->threads, 2, run_direction, &c);
    check_border(s, c.to_end && c.ahead == 0);
    V2S_TRY(emit(s, c.frames));
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
        memcpy(s->b.x + (size_t)s->x_count * F, foa, (size_t)take * F * sizeof(float));
        s->x_count += take;
        s->pushed += take;
        foa += (size_t)take * F;
        n -= take;
        while (chunk_is_complete(s))
            V2S_TRY(compute_chunk(s));
    }
    return V2S_OK;
}

v2s_status v2s_refiner_stream_finish(v2s_refiner_stream *s) {
    s->finished = true;
    while (chunk_is_complete(s))
        V2S_TRY(compute_chunk(s));
    return V2S_OK;
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
