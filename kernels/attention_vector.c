// SPDX-License-Identifier: MIT
// Packing, threads and edges of attention; the instruction sets bring the rest
// (kernels/attention_kernels.h).
//
// Items of a batch are taken one after the other, so that what is packed is that of one item.
// Forward shares an item's queries among threads. Backward shares its keys, in up to PARTS parts:
// a part has its keys' gradients for itself, and a copy of the queries' that is added last. Their
// number depends on the number of keys alone, and so do the results.
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "kernels/attention_vector.h"
#include "kernels/base/parallel.h"
#include "kernels/base/team.h"
#include "kernels/device.h"
#include "kernels/vector.h"

enum { PARTS = 8, BACK_KEYS = V2S_ATTENTION_BACK_KEYS };

static const double LOG2_E = 1.4426950408889634;

static int smaller(int a, int b) {
    return a < b ? a : b;
}

static int threads_of(const v2s_device *dev) {
    return smaller(dev->threads, V2S_PARALLEL_MAX);
}

static int blocks_of(int n, int size) {
    return (n + size - 1) / size;
}

// Floats of n rows of C columns, packed: as keys, and as columns.
static size_t keys_floats(const v2s_attention_vector *av, int n, int C) {
    return v2s_size_mul((size_t)v2s_round_up(n, 2 * av->lanes), (size_t)C);
}

static size_t columns_floats(const v2s_attention_vector *av, int n, int C) {
    return v2s_size_mul((size_t)n, (size_t)v2s_round_up(C, av->lanes));
}

// Rows begin .. end - 1 of x [n,C] as keys; begin is the first of a panel.
static void pack_keys(const v2s_attention_vector *av, const float *x, int begin, int end, int C,
                      float factor, float *keys) {
    int panel = 2 * av->lanes;
    for (int first = begin; first < end; first += panel) {
        float *to = keys + (size_t)first * C;
        int count = smaller(panel, end - first);
        if (count < panel)
            memset(to, 0, (size_t)panel * C * sizeof *to);
        for (int j = 0; j < count; j++)
            for (int c = 0; c < C; c++)
                to[(size_t)c * panel + j] = factor * x[(size_t)(first + j) * C + c];
    }
}

// Where column c of row `row` lies in columns of n rows and C columns.
static size_t column_at(const v2s_attention_vector *av, int n, int C, int row, int c) {
    int panel = 2 * av->lanes, first = c / panel * panel;
    int width = C - first > av->lanes ? panel : av->lanes;
    return (size_t)first * n + (size_t)row * width + (c - first);
}

// Rows begin .. end - 1 of x [n,C] as columns of n rows.
static void pack_columns(const v2s_attention_vector *av, const float *x, int n, int begin, int end,
                         int C, float *columns) {
    int panel = 2 * av->lanes;
    for (int row = begin; row < end; row++)
        for (int c = 0; c < C; c += panel) {
            float *to = columns + column_at(av, n, C, row, c);
            int count = smaller(panel, C - c), width = count > av->lanes ? panel : av->lanes;
            memcpy(to, x + (size_t)row * C + c, (size_t)count * sizeof *to);
            for (int i = count; i < width; i++)
                to[i] = 0.0f;
        }
}

// to [count,C] += factor * (the first `count` rows of columns of n rows)
static void add_columns(const v2s_attention_vector *av, const float *columns, int n, int first,
                        int count, int C, float factor, float *to) {
    int panel = 2 * av->lanes;
    for (int row = 0; row < count; row++)
        for (int c = 0; c < C; c += panel) {
            const float *from = columns + column_at(av, n, C, first + row, c);
            int width = smaller(panel, C - c);
            for (int i = 0; i < width; i++)
                to[(size_t)row * C + c + i] += factor * from[i];
        }
}

// Rows x [n,C] with their tail, which takes av->rows * C floats.
static v2s_attention_rows rows_of(const v2s_attention_vector *av, const float *x, int n, int C,
                                  float *tail) {
    int rest = n % av->rows;
    memset(tail, 0, (size_t)av->rows * C * sizeof *tail);
    memcpy(tail, x + (size_t)(n - rest) * C, (size_t)rest * C * sizeof *tail);
    return (v2s_attention_rows){x, tail, n, C};
}

typedef struct forward_job {
    const v2s_attention_args *a;
    const v2s_attention_vector *av;
    int item, queries, blocks; // queries: of a block
    float *k, *v, *tail;
    v2s_attention_rows q;
    float *p[V2S_PARALLEL_MAX], *sums[V2S_PARALLEL_MAX];
    atomic_int next; // block that no thread has taken yet
} forward_job;

// Takes what the job needs from the arena; the blocks are as even as the threads want them.
static void forward_take(forward_job *job, int threads, v2s_arena *scratch) {
    const v2s_attention_args *a = job->a;
    const v2s_attention_vector *av = job->av;
    int blocks = v2s_round_up(blocks_of(a->Nq, V2S_ATTENTION_QUERIES), threads);
    job->queries = v2s_round_up(blocks_of(a->Nq, blocks > 0 ? blocks : 1), av->rows);
    job->blocks = job->queries > 0 ? blocks_of(a->Nq, job->queries) : 0;
    job->k = v2s_arena_take(scratch, keys_floats(av, a->Nk, a->D), sizeof(float));
    job->v = v2s_arena_take(scratch, columns_floats(av, a->Nk, a->E), sizeof(float));
    job->tail = v2s_arena_take(scratch, (size_t)av->rows * a->D, sizeof(float));
    size_t scores = (size_t)job->queries * (V2S_ATTENTION_KEYS + V2S_ATTENTION_GAP);
    for (int i = 0; i < threads; i++) {
        job->p[i] = v2s_arena_take(scratch, scores, sizeof(float));
        job->sums[i] =
            v2s_arena_take(scratch, columns_floats(av, job->queries, a->E), sizeof(float));
    }
}

static void forward_pack(void *ctx, int i, int n) {
    forward_job *job = ctx;
    const v2s_attention_args *a = job->a;
    const float *k = a->k + (size_t)job->item * a->Nk * a->D;
    const float *v = a->v + (size_t)job->item * a->Nk * a->E;
    int begin, end;
    v2s_parallel_share(a->Nk, 2 * job->av->lanes, i, n, &begin, &end);
    pack_keys(job->av, k, begin, end, a->D, (float)(a->scale * LOG2_E), job->k);
    pack_columns(job->av, v, a->Nk, begin, end, a->E, job->v);
}

static void forward_part(void *ctx, int i, int n) {
    (void)n;
    forward_job *job = ctx;
    const v2s_attention_args *a = job->a;
    v2s_attention_block b = {.Nk = a->Nk,
                             .E = a->E,
                             .q = job->q,
                             .k = job->k,
                             .v = job->v,
                             .p = job->p[i],
                             .sums = job->sums[i]};
    for (int at = atomic_fetch_add(&job->next, 1); at < job->blocks;
         at = atomic_fetch_add(&job->next, 1)) {
        b.first = at * job->queries;
        b.count = smaller(job->queries, a->Nq - b.first);
        size_t query = (size_t)job->item * a->Nq + b.first;
        b.o = a->o + query * a->E;
        b.lse = a->lse != NULL ? a->lse + query : NULL;
        job->av->forward(&b);
    }
}

static void without_keys(const v2s_attention_args *a) {
    size_t queries = (size_t)a->B * a->Nq;
    memset(a->o, 0, queries * a->E * sizeof *a->o);
    for (size_t i = 0; i < queries && a->lse != NULL; i++)
        a->lse[i] = -INFINITY;
}

size_t v2s_attention_scratch_vector(const v2s_device *dev, const v2s_attention_args *a) {
    v2s_arena counted = v2s_arena_count();
    forward_job job = {.a = a, .av = dev->vector->attention};
    forward_take(&job, threads_of(dev), &counted);
    return counted.used;
}

void v2s_attention_forward_vector(const v2s_device *dev, const v2s_attention_args *a,
                                  v2s_arena *scratch) {
    if (a->B == 0 || a->Nq == 0)
        return;
    if (a->Nk == 0) {
        without_keys(a);
        return;
    }
    size_t mark = scratch->used;
    int threads = threads_of(dev);
    forward_job job = {.a = a, .av = dev->vector->attention};
    forward_take(&job, threads, scratch);
    for (job.item = 0; job.item < a->B; job.item++) {
        const float *q = a->q + (size_t)job.item * a->Nq * a->D;
        job.q = rows_of(job.av, q, a->Nq, a->D, job.tail);
        atomic_store(&job.next, 0);
        v2s_team(threads, threads, forward_pack, &job);
        v2s_team(threads, threads, forward_part, &job);
    }
    v2s_arena_rewind(scratch, mark);
}

// What a thread has for a tile of keys.
typedef struct back_work {
    float *k, *k_columns, *v, *p, *ds, *dk, *dv;
} back_work;

typedef struct back_job {
    const v2s_attention_backward_args *g;
    const v2s_attention_vector *av;
    int item, parts;
    float *q_columns, *do_columns, *q_tail, *do_tail, *delta;
    v2s_attention_rows q, d_o;
    float *dq[PARTS]; // columns of dq_rows rows
    int dq_rows;
    back_work work[V2S_PARALLEL_MAX];
    atomic_int next; // part that no thread has taken yet
} back_job;

static void back_take(back_job *job, int threads, v2s_arena *scratch) {
    const v2s_attention_args *a = &job->g->of;
    const v2s_attention_vector *av = job->av;
    job->parts = smaller(blocks_of(a->Nk, BACK_KEYS), PARTS);
    job->dq_rows = v2s_round_up(a->Nq, av->rows);
    job->q_columns = v2s_arena_take(scratch, columns_floats(av, a->Nq, a->D), sizeof(float));
    job->do_columns = v2s_arena_take(scratch, columns_floats(av, a->Nq, a->E), sizeof(float));
    job->q_tail = v2s_arena_take(scratch, (size_t)av->rows * a->D, sizeof(float));
    job->do_tail = v2s_arena_take(scratch, (size_t)av->rows * a->E, sizeof(float));
    job->delta = v2s_arena_take(scratch, (size_t)a->Nq, sizeof(float));
    for (int i = 0; i < job->parts; i++)
        job->dq[i] = v2s_arena_take(scratch, columns_floats(av, job->dq_rows, a->D), sizeof(float));
    size_t scores = (size_t)V2S_ATTENTION_BACK_QUERIES * (BACK_KEYS + V2S_ATTENTION_GAP);
    for (int i = 0; i < smaller(threads, job->parts); i++) {
        back_work *w = &job->work[i];
        w->k = v2s_arena_take(scratch, keys_floats(av, BACK_KEYS, a->D), sizeof(float));
        w->v = v2s_arena_take(scratch, keys_floats(av, BACK_KEYS, a->E), sizeof(float));
        w->k_columns = v2s_arena_take(scratch, columns_floats(av, BACK_KEYS, a->D), sizeof(float));
        w->p = v2s_arena_take(scratch, scores, sizeof(float));
        w->ds = v2s_arena_take(scratch, scores, sizeof(float));
        w->dk = v2s_arena_take(scratch, columns_floats(av, BACK_KEYS, a->D), sizeof(float));
        w->dv = v2s_arena_take(scratch, columns_floats(av, BACK_KEYS, a->E), sizeof(float));
    }
}

// a . b in eight sums
static float dot(int count, const float *a, const float *b) {
    float sum[8] = {0}, all = 0.0f;
    int i = 0;
    for (; i + 8 <= count; i += 8)
        for (int k = 0; k < 8; k++)
            sum[k] += a[i + k] * b[i + k];
    for (; i < count; i++)
        all += a[i] * b[i];
    for (int k = 0; k < 8; k++)
        all += sum[k];
    return all;
}

static void back_pack(void *ctx, int i, int n) {
    back_job *job = ctx;
    const v2s_attention_args *a = &job->g->of;
    const float *o = a->o + (size_t)job->item * a->Nq * a->E;
    int begin, end;
    v2s_parallel_share(a->Nq, job->av->rows, i, n, &begin, &end);
    pack_columns(job->av, job->q.at, a->Nq, begin, end, a->D, job->q_columns);
    pack_columns(job->av, job->d_o.at, a->Nq, begin, end, a->E, job->do_columns);
    for (int row = begin; row < end; row++)
        job->delta[row] = dot(a->E, job->d_o.at + (size_t)row * a->E, o + (size_t)row * a->E);
}

// Keys first .. first + count - 1; dq: the part's.
static void back_tile(const back_job *job, const back_work *w, int first, int count, float *dq) {
    const v2s_attention_vector *av = job->av;
    const v2s_attention_args *a = &job->g->of;
    size_t key = (size_t)job->item * a->Nk + first;
    const float *k = a->k + key * a->D, *v = a->v + key * a->E;
    pack_keys(av, k, 0, count, a->D, (float)(a->scale * LOG2_E), w->k);
    pack_keys(av, v, 0, count, a->E, 1.0f, w->v);
    pack_columns(av, k, count, 0, count, a->D, w->k_columns);
    v2s_attention_back b = {.count = count,
                            .D = a->D,
                            .E = a->E,
                            .q = job->q,
                            .d_o = job->d_o,
                            .q_columns = job->q_columns,
                            .do_columns = job->do_columns,
                            .lse = a->lse + (size_t)job->item * a->Nq,
                            .delta = job->delta,
                            .k = w->k,
                            .k_columns = w->k_columns,
                            .v = w->v,
                            .p = w->p,
                            .ds = w->ds,
                            .dk = w->dk,
                            .dv = w->dv,
                            .dq = dq};
    av->backward(&b);
    add_columns(av, w->dk, BACK_KEYS, 0, count, a->D, a->scale, job->g->dk + key * a->D);
    add_columns(av, w->dv, BACK_KEYS, 0, count, a->E, 1.0f, job->g->dv + key * a->E);
}

static void back_part(void *ctx, int i, int n) {
    (void)n;
    back_job *job = ctx;
    const v2s_attention_args *a = &job->g->of;
    size_t bytes = columns_floats(job->av, job->dq_rows, a->D) * sizeof(float);
    for (int part = atomic_fetch_add(&job->next, 1); part < job->parts;
         part = atomic_fetch_add(&job->next, 1)) {
        int begin, end;
        v2s_parallel_share(a->Nk, BACK_KEYS, part, job->parts, &begin, &end);
        memset(job->dq[part], 0, bytes);
        for (int first = begin; first < end; first += BACK_KEYS)
            back_tile(job, &job->work[i], first, smaller(BACK_KEYS, end - first), job->dq[part]);
    }
}

// The parts' gradients of the queries, in the order of the parts.
static void back_queries(void *ctx, int i, int n) {
    const back_job *job = ctx;
    const v2s_attention_args *a = &job->g->of;
    int begin, end;
    v2s_parallel_share(a->Nq, job->av->rows, i, n, &begin, &end);
    float *dq = job->g->dq + ((size_t)job->item * a->Nq + begin) * a->D;
    for (int part = 0; part < job->parts; part++)
        add_columns(job->av, job->dq[part], job->dq_rows, begin, end - begin, a->D, a->scale, dq);
}

size_t v2s_attention_backward_scratch_vector(const v2s_device *dev,
                                             const v2s_attention_backward_args *g) {
    v2s_arena counted = v2s_arena_count();
    back_job job = {.g = g, .av = dev->vector->attention};
    back_take(&job, threads_of(dev), &counted);
    return counted.used;
}

void v2s_attention_backward_vector(const v2s_device *dev, const v2s_attention_backward_args *g,
                                   v2s_arena *scratch) {
    const v2s_attention_args *a = &g->of;
    if (a->B == 0 || a->Nq == 0 || a->Nk == 0)
        return;
    size_t mark = scratch->used;
    int threads = threads_of(dev);
    back_job job = {.g = g, .av = dev->vector->attention};
    back_take(&job, threads, scratch);
    for (job.item = 0; job.item < a->B; job.item++) {
        size_t query = (size_t)job.item * a->Nq;
        job.q = rows_of(job.av, a->q + query * a->D, a->Nq, a->D, job.q_tail);
        job.d_o = rows_of(job.av, g->d_o + query * a->E, a->Nq, a->E, job.do_tail);
        atomic_store(&job.next, 0);
        v2s_team(threads, threads, back_pack, &job);
        v2s_team(smaller(threads, job.parts), smaller(threads, job.parts), back_part, &job);
        v2s_team(threads, threads, back_queries, &job);
    }
    v2s_arena_rewind(scratch, mark);
}
