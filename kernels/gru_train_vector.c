// SPDX-License-Identifier: MIT
// HOW IT WORKS. Directions and groups of up to eight batch rows are parts that run side by side;
// the number of parts, and so the result, does not depend on the number of threads. The rows of a
// group walk together and share every weight that is loaded.
//
// Forward, per block of steps: the input's share of the gates as one matrix product, then the
// steps, which leave r, z, n and q behind.
// Backward, per block of V2S_TRAIN_BLOCK row-steps: the steps, which leave the gates' gradients da
// behind in tiles; then dW_ih and dW_hh as one outer product each of da with x and with the
// states, and dx as a product of da with W_ih. Every part sums its own dW; they are added up in
// order at the end. Direction 1 has a dx of its own, for the same reason.
#include <string.h>

#include "kernels/base/parallel.h"
#include "kernels/device.h"
#include "kernels/gru_pack.h"
#include "kernels/train_vector.h"

enum { ROWS = V2S_TRAIN_ROWS_MAX, BLOCK = V2S_TRAIN_BLOCK, FORWARD_BLOCK = 48 };

typedef struct plan {
    const v2s_device *dev;
    const v2s_vector *v;
    const v2s_gru_args *a;
    const v2s_gru_backward_args *g; // NULL: forward
    int Hp, Cp, groups;
    float *w_ih[2], *w_hh[2], *b_hn[2], *dx1;
} plan;

static plan plan_of(const v2s_device *dev, const v2s_gru_args *a, const v2s_gru_backward_args *g) {
    const v2s_vector *v = dev->vector;
    return (plan){.dev = dev,
                  .v = v,
                  .a = a,
                  .g = g,
                  .Hp = v2s_round_up(a->H, v->lanes),
                  .Cp = v2s_round_up(a->C, v->lanes),
                  .groups = (a->B + ROWS - 1) / ROWS};
}

// One group of one direction.
typedef struct part {
    int direction, b, rows;
    bool reverse;
} part;

static part part_of(const plan *p, int i) {
    part q = {.direction = i % p->a->D, .b = i / p->a->D * ROWS};
    q.rows = p->a->B - q.b < ROWS ? p->a->B - q.b : ROWS;
    q.reverse = q.direction == 1 || p->a->reverse;
    return q;
}

// Row of x and y of walking step w.
static size_t row_at(const plan *p, const part *q, int r, int w) {
    int t = q->reverse ? p->a->T - 1 - w : w;
    return (size_t)(q->b + r) * p->a->T + t;
}

static float *saved_at(const plan *p, int direction, size_t row) {
    size_t rows = (size_t)p->a->B * p->a->T;
    return (float *)p->a->saved + (direction * rows + row) * 4 * p->Hp;
}

size_t v2s_gru_saved_size_vector(const v2s_device *dev, const v2s_gru_args *a) {
    size_t rows = v2s_size_mul((size_t)a->D * a->B, (size_t)a->T);
    return v2s_size_mul(rows, 4 * (size_t)v2s_round_up(a->H, dev->vector->lanes) * sizeof(float));
}

// ---- forward

static size_t forward_w_ih(const plan *p) {
    return v2s_gemm_packed_floats(p->v, 3 * p->Hp, p->a->C);
}

static size_t forward_w_hh(const plan *p) {
    return v2s_size_mul(3 * (size_t)p->Hp, (size_t)p->a->H);
}

// [tile of units][k][gate][lanes]
static void pack_forward(void *ctx, int direction, int n) {
    (void)n;
    const plan *p = ctx;
    const v2s_gru_direction *d = &p->a->dir[direction];
    int H = p->a->H, lanes = p->v->lanes;
    float *to = p->w_hh[direction];
    memset(p->w_ih[direction], 0, forward_w_ih(p) * sizeof *to);
    v2s_gru_pack_projection(p->v, p->a->C, H, d, p->w_ih[direction]);
    memset(to, 0, forward_w_hh(p) * sizeof *to);
    for (int gate = 0; gate < 3; gate++)
        for (int j = 0; j < H; j++) {
            const float *row = d->w_hh + (size_t)(gate * H + j) * H;
            float *column = to + (size_t)(j / lanes) * 3 * lanes * H + gate * lanes + j % lanes;
            for (int k = 0; k < H; k++)
                column[(size_t)k * 3 * lanes] = row[k];
        }
    memset(p->b_hn[direction], 0, (size_t)p->Hp * sizeof *to);
    memcpy(p->b_hn[direction], d->b_hh + 2 * (size_t)H, (size_t)H * sizeof *to);
}

// Gate inputs of a block and two states of every row.
static size_t forward_part_floats(const plan *p) {
    return (size_t)(3 * FORWARD_BLOCK + 2 * ROWS) * p->Hp;
}

size_t v2s_gru_train_scratch_vector(const v2s_device *dev, const v2s_gru_args *a) {
    plan p = plan_of(dev, a, NULL);
    size_t direction = forward_w_ih(&p) + forward_w_hh(&p) + (size_t)p.Hp;
    size_t parts = v2s_size_mul((size_t)a->D * p.groups, forward_part_floats(&p));
    size_t floats = v2s_size_mul((size_t)a->D, direction) + parts;
    return v2s_scratch_round(v2s_size_mul(floats, sizeof(float)), (size_t)a->D * 3 + 1);
}

typedef struct train_job {
    plan p;
    float *memory; // of all parts
} train_job;

// Steps w .. w + steps - 1.
static void forward_block(const plan *p, const part *q, float *gi, v2s_train_steps_args *s, int w) {
    const v2s_gru_args *a = p->a;
    const float *gi_at[FORWARD_BLOCK];
    float *y[FORWARD_BLOCK], *saved[FORWARD_BLOCK];
    size_t ldg = 3 * (size_t)p->Hp;
    for (int r = 0; r < s->rows; r++) {
        size_t begin = row_at(p, q, r, q->reverse ? w + s->steps - 1 : w);
        float *block = gi + (size_t)r * s->steps * ldg;
        p->v->gemm(&(v2s_gemm_args){.M = s->steps,
                                    .N = 3 * p->Hp,
                                    .K = a->C,
                                    .x = a->x + begin * a->C,
                                    .ldx = (size_t)a->C,
                                    .w = p->w_ih[q->direction],
                                    .y = block,
                                    .ldy = ldg});
        for (int i = 0; i < s->steps; i++) {
            size_t row = row_at(p, q, r, w + i);
            gi_at[i * s->rows + r] = block + (row - begin) * ldg;
            y[i * s->rows + r] = a->y + row * a->ldy + (size_t)q->direction * a->H;
            saved[i * s->rows + r] = saved_at(p, q->direction, row);
        }
    }
    s->gi = gi_at;
    s->y = y;
    s->saved = saved;
    p->v->train->forward_steps(s);
}

static void forward_part(void *ctx, int i, int n) {
    (void)n;
    const train_job *job = ctx;
    const plan *p = &job->p;
    const v2s_gru_args *a = p->a;
    part q = part_of(p, i);
    const v2s_gru_direction *d = &a->dir[q.direction];
    float *gi = job->memory + (size_t)i * forward_part_floats(p),
          *h = gi + 3 * FORWARD_BLOCK * p->Hp;
    size_t H = (size_t)a->H;
    memset(h, 0, 2 * ROWS * (size_t)p->Hp * sizeof *h);
    for (int r = 0; r < q.rows && d->h0 != NULL; r++)
        memcpy(h + (size_t)r * p->Hp, d->h0 + (q.b + r) * H, H * sizeof *h);
    int steps = FORWARD_BLOCK / q.rows;
    for (int w = 0; w < a->T; w += steps) {
        v2s_train_steps_args s = {.steps = a->T - w < steps ? a->T - w : steps,
                                  .rows = q.rows,
                                  .H = a->H,
                                  .Hp = p->Hp,
                                  .w_hh = p->w_hh[q.direction],
                                  .b_hn = p->b_hn[q.direction],
                                  .h = {h, h + ROWS * (size_t)p->Hp}};
        forward_block(p, &q, gi, &s, w);
    }
    for (int r = 0; r < q.rows && d->h_end != NULL; r++)
        memcpy(d->h_end + (q.b + r) * H, h + (size_t)r * p->Hp, H * sizeof *h);
}

void v2s_gru_forward_train_vector(const v2s_device *dev, const v2s_gru_args *a,
                                  v2s_arena *scratch) {
    size_t mark = scratch->used;
    train_job job = {.p = plan_of(dev, a, NULL)};
    plan *p = &job.p;
    for (int d = 0; d < a->D; d++) {
        p->w_ih[d] = v2s_arena_take(scratch, forward_w_ih(p), sizeof(float));
        p->w_hh[d] = v2s_arena_take(scratch, forward_w_hh(p), sizeof(float));
        p->b_hn[d] = v2s_arena_take(scratch, (size_t)p->Hp, sizeof(float));
    }
    size_t parts = (size_t)a->D * p->groups;
    job.memory = v2s_arena_take(scratch, parts * forward_part_floats(p), sizeof(float));
    v2s_parallel(dev->threads, a->D, pack_forward, p);
    v2s_parallel(dev->threads, (int)parts, forward_part, &job);
    v2s_arena_rewind(scratch, mark);
}

// ---- backward

// A part's memory, in floats from its start: sums, then a block.
typedef struct back_layout {
    size_t ih, hh, sums, dh, zero, da, panels, end;
} back_layout;

static back_layout back_layout_of(const plan *p) {
    size_t Hp = (size_t)p->Hp, Cp = (size_t)p->Cp;
    back_layout l = {.ih = 0};
    l.hh = l.ih + v2s_size_mul(3 * Hp, Cp);
    l.sums = l.hh + v2s_size_mul(3 * Hp, Hp);
    l.dh = l.sums + 4 * Hp;
    l.zero = l.dh + ROWS * Hp;
    l.da = l.zero + Hp;
    l.panels = l.da + 4 * Hp * BLOCK;
    l.end = l.panels + (Hp > Cp ? Hp : Cp) * BLOCK;
    return l;
}

// W_ih with the rows of gate n first, as da has them.
static void pack_backward(void *ctx, int direction, int n) {
    (void)n;
    const plan *p = ctx;
    const v2s_gru_direction *d = &p->a->dir[direction];
    int H = p->a->H, C = p->a->C, lanes = p->v->lanes;
    const float **row = (const float **)p->b_hn[direction]; // 3 * Hp pointers
    for (int step = 0; step < 2; step++) {
        const float *w = step == 0 ? d->w_ih : d->w_hh;
        int N = step == 0 ? C : H;
        for (int gate = 0; gate < 3; gate++) {
            int from = step == 0 ? (gate + 2) % 3 : gate;
            for (int j = 0; j < p->Hp; j++) // rows past H are multiplied with zeros
                row[gate * p->Hp + j] = w + (size_t)(from * H + (j < H ? j : H - 1)) * N;
        }
        v2s_pack_panels(lanes, row, 3 * p->Hp, N, 3 * p->Hp,
                        step == 0 ? p->w_ih[direction] : p->w_hh[direction]);
    }
}

size_t v2s_gru_backward_scratch_vector(const v2s_device *dev, const v2s_gru_backward_args *g) {
    const v2s_gru_args *a = &g->of;
    plan p = plan_of(dev, a, g);
    size_t Hp = (size_t)p.Hp;
    size_t direction =
        v2s_size_mul(3 * Hp, (size_t)p.Cp + Hp) * sizeof(float) + 3 * Hp * sizeof(float *);
    size_t parts = v2s_size_mul((size_t)a->D * p.groups, back_layout_of(&p).end * sizeof(float));
    size_t dx1 = a->D == 2 ? v2s_size_mul((size_t)a->B * a->T, (size_t)a->C * sizeof(float)) : 0;
    return v2s_scratch_round(v2s_size_mul((size_t)a->D, direction) + parts + dx1,
                             (size_t)a->D * 3 + 2);
}

// Pointers to what row-step s of a block reads and writes.
typedef struct back_rows {
    const float *dy[BLOCK], *before[BLOCK], *saved[BLOCK], *x[BLOCK];
    float *dx[BLOCK];
} back_rows;

static void find_rows(const plan *p, const part *q, const float *zero, int done, int steps,
                      back_rows *rows) {
    const v2s_gru_args *a = p->a;
    const float *h0 = a->dir[q->direction].h0;
    float *dx = q->direction == 0 ? p->g->dx : p->dx1;
    size_t column = (size_t)q->direction * a->H;
    for (int i = 0; i < steps; i++)
        for (int r = 0; r < q->rows; r++) {
            int w = a->T - 1 - done - i, s = i * q->rows + r;
            size_t row = row_at(p, q, r, w);
            rows->dy[s] = p->g->dy + row * a->ldy + column;
            rows->saved[s] = saved_at(p, q->direction, row);
            rows->x[s] = a->x + row * a->C;
            rows->dx[s] = dx != NULL ? dx + row * a->C : NULL;
            rows->before[s] = w > 0        ? a->y + row_at(p, q, r, w - 1) * a->ldy + column
                              : h0 != NULL ? h0 + (size_t)(q->b + r) * a->H
                                           : zero;
        }
}

// The products of a block whose da is there.
static void block_products(const plan *p, const part *q, const back_rows *rows, float *memory,
                           int S) {
    const v2s_train_vector *tv = p->v->train;
    back_layout l = back_layout_of(p);
    int lanes = p->v->lanes, Hp = p->Hp, H = p->a->H, C = p->a->C;
    size_t tile = (size_t)S * lanes;
    const float *da = memory + l.da, *da_hh = da + (size_t)Hp * S;
    float *panels = memory + l.panels;
    v2s_pack_panels(lanes, rows->x, S, C, S, panels);
    tv->outer(&(v2s_outer_args){S, 3 * Hp, C, da, tile, panels, memory + l.ih});
    v2s_pack_panels(lanes, rows->before, S, H, S, panels);
    tv->outer(&(v2s_outer_args){S, 3 * Hp, H, da_hh, tile, panels, memory + l.hh});
    tv->sum_rows(da, 4 * Hp, S, memory + l.sums);
    if (p->g->dx != NULL)
        tv->product(&(v2s_product_args){.M = S,
                                        .N = C,
                                        .K = 3 * Hp,
                                        .a = da,
                                        .tile = tile,
                                        .w = p->w_ih[q->direction],
                                        .y = rows->dx,
                                        .add = q->direction == 0});
}

static void backward_part(void *ctx, int i, int n) {
    (void)n;
    const train_job *job = ctx;
    const plan *p = &job->p;
    const v2s_gru_args *a = p->a;
    part q = part_of(p, i);
    back_layout l = back_layout_of(p);
    const v2s_gru_gradients *grad = &p->g->grad[q.direction];
    float *memory = job->memory + (size_t)i * l.end, *dh = memory + l.dh;
    size_t H = (size_t)a->H;
    memset(memory, 0, l.da * sizeof *memory);
    for (int r = 0; r < q.rows && grad->dh_end != NULL; r++)
        memcpy(dh + (size_t)r * p->Hp, grad->dh_end + (q.b + r) * H, H * sizeof *dh);
    int most = BLOCK / q.rows;
    for (int done = 0; done < a->T; done += most) {
        back_rows rows;
        int steps = a->T - done < most ? a->T - done : most;
        find_rows(p, &q, memory + l.zero, done, steps, &rows);
        p->v->train->back_steps(&(v2s_back_steps_args){.steps = steps,
                                                       .rows = q.rows,
                                                       .H = a->H,
                                                       .Hp = p->Hp,
                                                       .w_hh = p->w_hh[q.direction],
                                                       .dy = rows.dy,
                                                       .h_before = rows.before,
                                                       .saved = rows.saved,
                                                       .dh = dh,
                                                       .da = memory + l.da});
        block_products(p, &q, &rows, memory, steps * q.rows);
    }
    for (int r = 0; r < q.rows && grad->dh0 != NULL; r++)
        for (size_t j = 0; j < H; j++)
            grad->dh0[(q.b + r) * H + j] += dh[(size_t)r * p->Hp + j];
}

// Adds up the parts of a direction, in order.
static void add_up(void *ctx, int direction, int n) {
    (void)n;
    const train_job *job = ctx;
    const plan *p = &job->p;
    back_layout l = back_layout_of(p);
    int H = p->a->H, Hp = p->Hp, C = p->a->C, lanes = p->v->lanes;
    const v2s_gru_gradients *grad = &p->g->grad[direction];
    for (int group = 0; group < p->groups; group++) {
        const float *memory = job->memory + (size_t)(group * p->a->D + direction) * l.end;
        for (int gate = 0; gate < 3; gate++) {
            size_t row = (size_t)gate * H;
            int ih = (gate + 1) % 3 * Hp, hh = (gate + 1) * Hp; // of the gate in n, r, z, q
            v2s_add_panels(lanes, memory + l.ih, 3 * Hp, ih, H, C, grad->dw_ih + row * C);
            v2s_add_panels(lanes, memory + l.hh, 3 * Hp, gate * Hp, H, H, grad->dw_hh + row * H);
            for (int j = 0; j < H; j++) {
                grad->db_ih[row + j] += memory[l.sums + ih + j];
                grad->db_hh[row + j] += memory[l.sums + hh + j];
            }
        }
    }
}

void v2s_gru_backward_vector(const v2s_device *dev, const v2s_gru_backward_args *g,
                             v2s_arena *scratch) {
    size_t mark = scratch->used;
    const v2s_gru_args *a = &g->of;
    train_job job = {.p = plan_of(dev, a, g)};
    plan *p = &job.p;
    size_t Hp = (size_t)p->Hp, inputs = (size_t)a->B * a->T * a->C;
    for (int d = 0; d < a->D; d++) {
        p->w_ih[d] = v2s_arena_take(scratch, 3 * Hp * p->Cp, sizeof(float));
        p->w_hh[d] = v2s_arena_take(scratch, 3 * Hp * Hp, sizeof(float));
        p->b_hn[d] = v2s_arena_take(scratch, 3 * Hp, sizeof(float *));
    }
    size_t parts = (size_t)a->D * p->groups;
    job.memory = v2s_arena_take(scratch, parts * back_layout_of(p).end, sizeof(float));
    if (a->D == 2 && g->dx != NULL)
        p->dx1 = v2s_arena_take(scratch, inputs, sizeof(float));
    v2s_parallel(dev->threads, a->D, pack_backward, p);
    v2s_parallel(dev->threads, (int)parts, backward_part, &job);
    v2s_parallel(dev->threads, a->D, add_up, &job);
    for (size_t i = 0; p->dx1 != NULL && i < inputs; i++)
        g->dx[i] += p->dx1[i];
    v2s_arena_rewind(scratch, mark);
}
