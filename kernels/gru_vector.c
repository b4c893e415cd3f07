// SPDX-License-Identifier: MIT
// HOW IT WORKS. The input's share W_i x + b of all gates does not depend on the state, so it is a
// matrix product over a block of BLOCK steps, done at the speed of the multipliers. What remains
// per step is W_hh h: every weight is used once, so it streams from the L2 cache (3*128*128*4 =
// 196 kB for 128 units; L1 has 32-48 kB). Weights are packed in the order of that stream: tiles of
// units whose 3 gates' sums all fit in the registers, and inside a tile one row of 3 x units
// weights for each h[k]. The gates of a tile are then computed from the registers.
//
// Tried: walking k up and down in turn, so that the end of one step is still in L1 for the next
// (1.24 us a step instead of 1.10: the prefetcher loses more than L1 gives).
#include <stdint.h>
#include <string.h>

#include "kernels/base/parallel.h"
#include "kernels/device.h"
#include "kernels/vector.h"

enum { BLOCK = 48 };

// Parts of a packed direction, in floats from its start.
typedef struct layout {
    int Hp;      // units, padded to whole registers
    size_t w_hh; // after the projection's packed matrix
    size_t b_hn;
    size_t end;
} layout;

static layout layout_of(const v2s_vector *v, int C, int H) {
    layout l = {.Hp = v2s_round_up(H, v->lanes)};
    l.w_hh = v2s_gemm_packed_floats(v, 3 * l.Hp, C);
    l.b_hn = l.w_hh + v2s_size_mul((size_t)v2s_round_up(H, 2), (size_t)3 * l.Hp);
    l.end = l.b_hn + (size_t)l.Hp;
    return l;
}

size_t v2s_gru_packed_size_vector(const v2s_device *dev, int C, int H) {
    return v2s_size_mul(layout_of(dev->vector, C, H).end, sizeof(float));
}

static void pack_projection(const v2s_vector *v, int C, int H, const v2s_gru_direction *dir,
                            float *packed) {
    int Hp = v2s_round_up(H, v->lanes);
    for (int gate = 0; gate < 3; gate++)
        for (int j = 0; j < H; j++) {
            int row = gate * H + j, column = gate * Hp + j;
            *v2s_gemm_packed_at(v, packed, C, column, -1) =
                dir->b_ih[row] + (gate < 2 ? dir->b_hh[row] : 0.0f);
            for (int c = 0; c < C; c++)
                *v2s_gemm_packed_at(v, packed, C, column, c) = dir->w_ih[(size_t)row * C + c];
        }
}

// Rounds to BF16, to nearest even; weights are finite.
static uint16_t to_bf16(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static void pack_recurrence_pairs(const v2s_vector *v, int H, const float *w_hh, uint16_t *packed) {
    int Hp = v2s_round_up(H, v->lanes);
    for (int u0 = 0; u0 < Hp; u0 += v->tile_units) {
        int units = Hp - u0 < v->tile_units ? Hp - u0 : v->tile_units;
        uint16_t *tile = packed + (size_t)u0 * 3 * (size_t)v2s_round_up(H, 2);
        for (int gate = 0; gate < 3; gate++)
            for (int j = 0; j < units && u0 + j < H; j++)
                for (int k = 0; k < H; k++)
                    tile[(((size_t)(k / 2) * 3 + gate) * units + j) * 2 + k % 2] =
                        to_bf16(w_hh[(size_t)(gate * H + u0 + j) * H + k]);
    }
}

static void pack_recurrence(const v2s_vector *v, int H, const float *w_hh, float *packed) {
    int Hp = v2s_round_up(H, v->lanes);
    for (int u0 = 0; u0 < Hp; u0 += v->tile_units) {
        int units = Hp - u0 < v->tile_units ? Hp - u0 : v->tile_units;
        float *tile = packed + (size_t)u0 * 3 * H;
        for (int gate = 0; gate < 3; gate++)
            for (int j = 0; j < units && u0 + j < H; j++)
                for (int k = 0; k < H; k++)
                    tile[((size_t)k * 3 + gate) * units + j] =
                        w_hh[(size_t)(gate * H + u0 + j) * H + k];
    }
}

void v2s_gru_pack_vector(const v2s_device *dev, int C, int H, const v2s_gru_direction *dir,
                         void *packed) {
    const v2s_vector *v = dev->vector;
    layout l = layout_of(v, C, H);
    float *to = packed;
    memset(to, 0, l.end * sizeof *to);
    pack_projection(v, C, H, dir, to);
    if (v->pairs)
        pack_recurrence_pairs(v, H, dir->w_hh, (uint16_t *)(to + l.w_hh));
    else
        pack_recurrence(v, H, dir->w_hh, to + l.w_hh);
    memcpy(to + l.b_hn, dir->b_hh + 2 * (size_t)H, (size_t)H * sizeof *to);
}

// Per direction: the packed parameters, a block of gate inputs, two states.
static size_t direction_bytes(const v2s_device *dev, const v2s_gru_args *a) {
    layout l = layout_of(dev->vector, a->C, a->H);
    size_t floats = l.end + (size_t)3 * BLOCK * l.Hp + (size_t)3 * l.Hp;
    return v2s_scratch_round(floats * sizeof(float), 5);
}

size_t v2s_gru_scratch_vector(const v2s_device *dev, const v2s_gru_args *a) {
    return v2s_size_mul(direction_bytes(dev, a) + V2S_ARENA_ALIGN, (size_t)a->D);
}

typedef struct walk {
    const v2s_vector *v;
    const v2s_gru_args *a;
    layout l;
    int direction;
    bool reverse;
    const float *packed;
    float *gi, *h, *h_new, *work;
} walk;

// Steps of the times begin .. end-1 of row b.
static void run_block(const walk *s, int b, int begin, int end) {
    const v2s_gru_args *a = s->a;
    size_t row = (size_t)b * a->T + begin, ldy = (size_t)a->ldy;
    v2s_gemm_args projection = {.M = end - begin,
                                .N = 3 * s->l.Hp,
                                .K = a->C,
                                .x = a->x + row * a->C,
                                .ldx = (size_t)a->C,
                                .w = s->packed,
                                .y = s->gi,
                                .ldy = (size_t)3 * s->l.Hp};
    s->v->gemm(&projection);
    v2s_gru_steps_args steps = {.T = end - begin,
                                .H = a->H,
                                .Hp = s->l.Hp,
                                .reverse = s->reverse,
                                .gi = s->gi,
                                .w_hh = s->packed + s->l.w_hh,
                                .b_hn = s->packed + s->l.b_hn,
                                .h = s->h,
                                .h_new = s->h_new,
                                .work = s->work,
                                .y = a->y == NULL ? NULL
                                                  : a->y + row * ldy + (size_t)s->direction * a->H,
                                .ldy = ldy};
    s->v->gru_steps(&steps);
}

static void run_row(const walk *s, int b) {
    const v2s_gru_args *a = s->a;
    const v2s_gru_direction *d = &a->dir[s->direction];
    memset(s->h, 0, (size_t)s->l.Hp * sizeof *s->h);
    if (d->h0 != NULL)
        memcpy(s->h, d->h0 + (size_t)b * a->H, (size_t)a->H * sizeof *s->h);
    for (int done = 0; done < a->T; done += BLOCK) {
        int count = a->T - done < BLOCK ? a->T - done : BLOCK;
        int begin = s->reverse ? a->T - done - count : done;
        run_block(s, b, begin, begin + count);
    }
    if (d->h_end != NULL)
        memcpy(d->h_end + (size_t)b * a->H, s->h, (size_t)a->H * sizeof *s->h);
}

typedef struct gru_job {
    const v2s_device *dev;
    const v2s_gru_args *a;
    v2s_arena scratch[2];
} gru_job;

static void run_direction(void *ctx, int direction, int n) {
    (void)n;
    gru_job *job = ctx;
    const v2s_gru_args *a = job->a;
    const v2s_gru_direction *d = &a->dir[direction];
    v2s_arena *scratch = &job->scratch[direction];
    walk s = {.v = job->dev->vector,
              .a = a,
              .l = layout_of(job->dev->vector, a->C, a->H),
              .direction = direction,
              .reverse = direction == 1 || a->reverse,
              .packed = d->packed};
    if (s.packed == NULL) {
        float *packed = v2s_arena_take(scratch, s.l.end, sizeof *packed);
        v2s_gru_pack_vector(job->dev, a->C, a->H, d, packed);
        s.packed = packed;
    }
    s.gi = v2s_arena_take(scratch, (size_t)3 * BLOCK * s.l.Hp, sizeof *s.gi);
    s.h = v2s_arena_take(scratch, (size_t)s.l.Hp, sizeof *s.h);
    s.h_new = v2s_arena_take(scratch, (size_t)s.l.Hp, sizeof *s.h_new);
    s.work = v2s_arena_take(scratch, (size_t)s.l.Hp, sizeof *s.work);
    for (int b = 0; b < a->B; b++)
        run_row(&s, b);
}

void v2s_gru_forward_vector(const v2s_device *dev, const v2s_gru_args *a, v2s_arena *scratch) {
    size_t mark = scratch->used;
    gru_job job = {.dev = dev, .a = a};
    for (int d = 0; d < a->D; d++) {
        size_t bytes = direction_bytes(dev, a);
        job.scratch[d] = (v2s_arena){v2s_arena_take(scratch, bytes, 1), bytes, 0};
    }
    v2s_parallel(dev->threads, a->D, run_direction, &job);
    v2s_arena_rewind(scratch, mark);
}
