// SPDX-License-Identifier: MIT
// HOW IT WORKS. The input's share W_i x + b of all gates does not depend on the state, so it is a
// matrix product over a block of BLOCK steps, done at the speed of the multipliers. What remains
// per step is W_hh h: every weight is used once, so it streams from the L2 cache (3*128*128*4 =
// 196 kB for 128 units; L1 has 32-48 kB). Weights are packed in the order of that stream: tiles of
// units whose 3 gates' sums fit in the registers, and inside a tile one row of 3 x units weights
// for each h[k]. The gates of a tile are then computed from the registers.
//
// Two rows of a batch walk side by side and share each weight that is loaded, which halves the
// stream per step. One long row can do the same with itself: it is cut in two halves, the second
// of which warms up on the end of the first (args `overlap`); a comparison of states says whether
// that was enough.
//
// Tried: walking k up and down in turn, so that the end of one step is still in L1 for the next
// (1.24 us a step instead of 1.10: the prefetcher loses more than L1 gives).
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernels/base/parallel.h"
#include "kernels/device.h"
#include "kernels/gru_pack.h"
#include "kernels/vector.h"

// A walk is cut where it is at least CUT_MIN_OVERLAPS times as long as its overlap.
enum { BLOCK = 24, ROWS = V2S_GRU_ROWS_MAX, CUT_MIN_OVERLAPS = 8 };

// Largest difference of two states at a cut. States lie in [-1,1]: four steps of a float there, or
// of BF16 in the kernels that round to it.
#define CUT_TOLERANCE 0x1p-22f
#define CUT_TOLERANCE_BF16 0x1p-7f

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

void v2s_gru_pack_projection(const v2s_vector *v, int C, int H, const v2s_gru_direction *dir,
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
    v2s_gru_pack_projection(v, C, H, dir, to);
    if (v->pairs)
        pack_recurrence_pairs(v, H, dir->w_hh, (uint16_t *)(to + l.w_hh));
    else
        pack_recurrence(v, H, dir->w_hh, to + l.w_hh);
    memcpy(to + l.b_hn, dir->b_hh + 2 * (size_t)H, (size_t)H * sizeof *to);
}

// Per direction: the packed parameters, and per row a block of gate inputs and three states; one
// more state to compare with.
static size_t direction_bytes(const v2s_device *dev, const v2s_gru_args *a) {
    layout l = layout_of(dev->vector, a->C, a->H);
    size_t floats = l.end + (ROWS * (size_t)(3 * BLOCK + 3) + 1) * (size_t)l.Hp;
    return v2s_scratch_round(floats * sizeof(float), 2 + 4 * ROWS);
}

// For a call with `saved` or without.
size_t v2s_gru_scratch_vector(const v2s_device *dev, const v2s_gru_args *a) {
    size_t run = v2s_size_mul(direction_bytes(dev, a) + V2S_ARENA_ALIGN, (size_t)a->D);
    size_t train = v2s_gru_train_scratch_vector(dev, a);
    return run > train ? run : train;
}

typedef struct walk {
    const v2s_vector *v;
    const v2s_gru_args *a;
    layout l;
    int direction;
    bool reverse;
    const float *packed;
    float *gi[ROWS], *h[ROWS], *h_new[ROWS], *work[ROWS];
    float *h_cut; // state from which the second half of a cut walk started
} walk;

// A stretch of a walk: steps first .. first + count - 1, in walking order, of batch row b.
typedef struct stretch {
    int b, first;
} stretch;

// Time of the first step in memory order of `count` steps from walking step `first` on.
static int begin_of(const walk *s, int first, int count) {
    return s->reverse ? s->a->T - first - count : first;
}

// `count` (<= BLOCK) steps of one or two stretches side by side.
static void run_block(const walk *s, const stretch *part, int rows, int count, bool output) {
    const v2s_gru_args *a = s->a;
    size_t ldy = (size_t)a->ldy;
    v2s_gru_steps_args steps = {.T = count,
                                .H = a->H,
                                .Hp = s->l.Hp,
                                .rows = rows,
                                .reverse = s->reverse,
                                .w_hh = s->packed + s->l.w_hh,
                                .b_hn = s->packed + s->l.b_hn,
                                .ldy = ldy};
    for (int r = 0; r < rows; r++) {
        size_t at = (size_t)part[r].b * a->T + begin_of(s, part[r].first, count);
        v2s_gemm_args projection = {.M = count,
                                    .N = 3 * s->l.Hp,
                                    .K = a->C,
                                    .x = a->x + at * a->C,
                                    .ldx = (size_t)a->C,
                                    .w = s->packed,
                                    .y = s->gi[r],
                                    .ldy = (size_t)3 * s->l.Hp};
        s->v->gemm(&projection);
        bool wanted = output && a->y != NULL;
        steps.row[r] =
            (v2s_gru_row){.gi = s->gi[r],
                          .h = s->h[r],
                          .h_new = s->h_new[r],
                          .work = s->work[r],
                          .y = wanted ? a->y + at * ldy + (size_t)s->direction * a->H : NULL};
    }
    s->v->gru_steps(&steps);
}

// `count` steps of one or two stretches, with their states in h[].
static void run_steps(const walk *s, const stretch *part, int rows, int count, bool output) {
    stretch now[ROWS] = {part[0], rows > 1 ? part[1] : part[0]};
    for (int done = 0; done < count; done += BLOCK) {
        run_block(s, now, rows, count - done < BLOCK ? count - done : BLOCK, output);
        for (int r = 0; r < rows; r++)
            now[r].first += BLOCK;
    }
}

static void load_state(const walk *s, int r, int b) {
    const float *h0 = s->a->dir[s->direction].h0;
    memset(s->h[r], 0, (size_t)s->l.Hp * sizeof *s->h[r]);
    if (h0 != NULL)
        memcpy(s->h[r], h0 + (size_t)b * s->a->H, (size_t)s->a->H * sizeof *h0);
}

static void store_state(const walk *s, int r, int b) {
    float *h_end = s->a->dir[s->direction].h_end;
    if (h_end != NULL)
        memcpy(h_end + (size_t)b * s->a->H, s->h[r], (size_t)s->a->H * sizeof *h_end);
}

static bool states_agree(const float *a, const float *b, int n, float tolerance) {
    for (int j = 0; j < n; j++)
        if (!(fabsf(a[j] - b[j]) <= tolerance))
            return false;
    return true;
}

// One row as two halves side by side. The second half has started `overlap` steps early from
// zero; where the first half arrives with another state than that, the second half is run again.
static void run_cut_row(const walk *s, int b) {
    const v2s_gru_args *a = s->a;
    size_t bytes = (size_t)s->l.Hp * sizeof(float);
    int half = a->T / 2;
    walk second = *s; // the same walk with the second row's state first
    second.h[0] = s->h[1];
    memset(s->h[1], 0, bytes);
    run_steps(&second, &(stretch){b, half - a->overlap}, 1, a->overlap, false);
    memcpy(s->h_cut, s->h[1], bytes);
    load_state(s, 0, b);
    run_steps(s, (const stretch[]){{b, 0}, {b, half}}, 2, half, true);
    if (states_agree(s->h[0], s->h_cut, a->H, s->v->pairs ? CUT_TOLERANCE_BF16 : CUT_TOLERANCE)) {
        run_steps(&second, &(stretch){b, 2 * half}, 1, a->T - 2 * half, true);
    } else {
        memcpy(s->h[1], s->h[0], bytes);
        run_steps(&second, &(stretch){b, half}, 1, a->T - half, true);
    }
    store_state(s, 1, b);
}

static void run_rows(const walk *s, int b, int rows) {
    stretch part[ROWS] = {{b, 0}, {b + 1, 0}};
    for (int r = 0; r < rows; r++)
        load_state(s, r, b + r);
    run_steps(s, part, rows, s->a->T, true);
    for (int r = 0; r < rows; r++)
        store_state(s, r, b + r);
}

static void run_walk(const walk *s) {
    const v2s_gru_args *a = s->a;
    int b = 0;
    for (; b + ROWS <= a->B; b += ROWS)
        run_rows(s, b, ROWS);
    if (b < a->B && a->overlap > 0 && a->T / CUT_MIN_OVERLAPS >= a->overlap)
        run_cut_row(s, b);
    else if (b < a->B)
        run_rows(s, b, 1);
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
    size_t Hp = (size_t)s.l.Hp;
    for (int r = 0; r < ROWS; r++) {
        s.gi[r] = v2s_arena_take(scratch, 3 * BLOCK * Hp, sizeof(float));
        s.h[r] = v2s_arena_take(scratch, Hp, sizeof(float));
        s.h_new[r] = v2s_arena_take(scratch, Hp, sizeof(float));
        s.work[r] = v2s_arena_take(scratch, Hp, sizeof(float));
    }
    s.h_cut = v2s_arena_take(scratch, Hp, sizeof(float));
    run_walk(&s);
}

void v2s_gru_forward_vector(const v2s_device *dev, const v2s_gru_args *a, v2s_arena *scratch) {
    size_t mark = scratch->used;
    if (a->saved != NULL) {
        v2s_gru_forward_train_vector(dev, a, scratch);
        return;
    }
    gru_job job = {.dev = dev, .a = a};
    for (int d = 0; d < a->D; d++) {
        size_t bytes = direction_bytes(dev, a);
        job.scratch[d] = (v2s_arena){v2s_arena_take(scratch, bytes, 1), bytes, 0};
    }
    v2s_parallel(dev->threads, a->D, run_direction, &job);
    v2s_arena_rewind(scratch, mark);
}
