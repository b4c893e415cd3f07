// SPDX-License-Identifier: MIT
#include "kernels/attention_products.cuh"
#include "kernels/group_sums.cuh"

enum { ROW_BLOCK = 256 };

// Rows first .. of the maps of `items` items from `item` on: [items][rows][Nk].
struct piece {
    size_t item, items, first, rows;
};

bool v2s_attention_by_products(const v2s_device *dev, const v2s_attention_args *a) {
    return dev->precision != V2S_PRECISION_F32 && a->B > 0 && a->Nq > 0 && a->Nk > 0;
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

// As many whole items as fit, or some rows of one; enough for a product to fill the device.
static piece largest_piece(const v2s_device *dev, const v2s_attention_args *a) {
    const size_t per_multiprocessor = (size_t)512 << 10; // floats
    size_t most = per_multiprocessor * (size_t)dev->cuda->multiprocessors;
    const size_t items_max = 65535; // of a batch of products
    size_t queries = (size_t)a->Nq, keys = (size_t)a->Nk;
    if (queries * keys <= most)
        return {0, smaller(smaller((size_t)a->B, items_max), most / (queries * keys)), 0, queries};
    return {0, 1, 0, most > keys ? most / keys : 1};
}

size_t v2s_attention_piece_bytes(const v2s_device *dev, const v2s_attention_args *a) {
    piece p = largest_piece(dev, a);
    return v2s_size_mul(p.items * p.rows, (size_t)a->Nk * sizeof(float));
}

template <typename Visit>
static void each_piece(const v2s_device *dev, const v2s_attention_args *a, Visit visit) {
    piece most = largest_piece(dev, a);
    for (size_t item = 0; item < (size_t)a->B; item += most.items)
        for (size_t first = 0; first < (size_t)a->Nq; first += most.rows)
            visit(piece{item, smaller(most.items, (size_t)a->B - item), first,
                        smaller(most.rows, (size_t)a->Nq - first)});
}

// Number in [B,Nq] of the query of row `row` of the piece.
static __device__ __forceinline__ size_t query_of(const piece &p, int Nq, size_t row) {
    size_t item = row / p.rows;
    return (p.item + item) * (size_t)Nq + p.first + (row - item * p.rows);
}

// P of a row of s, in place, and lse.
static __global__ void softmax_kernel(piece p, int Nq, int Nk, float *s, float *lse) {
    float *row = s + (size_t)blockIdx.x * Nk, largest = -INFINITY;
    double sum = 0.0;
    for (int j = (int)threadIdx.x; j < Nk; j += ROW_BLOCK)
        largest = fmaxf(largest, row[j]); // what is not a number shows in exp below
    largest = v2s_group_join<ROW_BLOCK>(largest, v2s_larger());
    for (int j = (int)threadIdx.x; j < Nk; j += ROW_BLOCK)
        sum += expf(row[j] - largest);
    sum = v2s_group_join<ROW_BLOCK>(sum, v2s_add());
    float share = (float)(1.0 / sum);
    for (int j = (int)threadIdx.x; j < Nk; j += ROW_BLOCK)
        row[j] = expf(row[j] - largest) * share;
    if (lse != NULL && threadIdx.x == 0)
        lse[query_of(p, Nq, blockIdx.x)] = (float)(largest + log(sum));
}

// P of a row in the place of s, dS in that of dP.
static __global__ void gradient_kernel(piece p, int Nq, int Nk, const float *lse,
                                       const float *delta, float *s, float *dp) {
    size_t query = query_of(p, Nq, blockIdx.x), start = (size_t)blockIdx.x * Nk;
    float from = lse[query], off = delta[query];
    for (int j = (int)threadIdx.x; j < Nk; j += ROW_BLOCK) {
        float value = expf(s[start + j] - from);
        s[start + j] = value;
        dp[start + j] = value * (dp[start + j] - off);
    }
}

// Rows of q, o or d_o [B,Nq,length] that belong to the piece, or the keys' of its items.
static const float *queries_of(const v2s_attention_args *a, const piece &p, const float *x,
                               int length) {
    return x + (p.item * (size_t)a->Nq + p.first) * (size_t)length;
}

static const float *keys_of(const v2s_attention_args *a, const piece &p, const float *x,
                            int length) {
    return x + p.item * (size_t)a->Nk * (size_t)length;
}

// map = factor near far^T for near [queries,length], far [keys,length].
static void map_product(const v2s_device *dev, const char *what, const v2s_attention_args *a,
                        const piece &at, float factor, const float *near, const float *far,
                        int length, float *map) {
    v2s_product p = {};
    p.M = (int)at.rows;
    p.N = p.ldc = a->Nk;
    p.K = p.lda = p.ldb = length;
    p.transpose_b = true;
    p.alpha = factor;
    p.a = queries_of(a, at, near, length);
    p.b = keys_of(a, at, far, length);
    p.c = map;
    p.batch = (int)at.items;
    p.stride_a = (long long)a->Nq * length;
    p.stride_b = (long long)a->Nk * length;
    p.stride_c = (long long)at.rows * a->Nk;
    v2s_cuda_product(dev, what, &p);
}

// to [queries,length] = beta to + factor map far.
static void query_product(const v2s_device *dev, const char *what, const v2s_attention_args *a,
                          const piece &at, float factor, const float *map, const float *far,
                          int length, float beta, float *to) {
    v2s_product p = {};
    p.M = (int)at.rows;
    p.N = p.ldb = p.ldc = length;
    p.K = p.lda = a->Nk;
    p.alpha = factor;
    p.beta = beta;
    p.a = map;
    p.b = keys_of(a, at, far, length);
    p.c = (float *)queries_of(a, at, to, length);
    p.batch = (int)at.items;
    p.stride_a = (long long)at.rows * a->Nk;
    p.stride_b = (long long)a->Nk * length;
    p.stride_c = (long long)a->Nq * length;
    v2s_cuda_product(dev, what, &p);
}

// to [keys,length] += factor map^T near.
static void key_product(const v2s_device *dev, const v2s_attention_args *a, const piece &at,
                        float factor, const float *map, const float *near, int length, float *to) {
    v2s_product p = {};
    p.M = p.lda = a->Nk;
    p.N = p.ldb = p.ldc = length;
    p.K = (int)at.rows;
    p.transpose_a = true;
    p.alpha = factor;
    p.beta = 1.0f;
    p.a = map;
    p.b = queries_of(a, at, near, length);
    p.c = (float *)keys_of(a, at, to, length);
    p.batch = (int)at.items;
    p.stride_a = (long long)at.rows * a->Nk;
    p.stride_b = (long long)a->Nq * length;
    p.stride_c = (long long)a->Nk * length;
    v2s_cuda_product(dev, "attention_backward", &p);
}

void v2s_attention_products_forward(const v2s_device *dev, const v2s_attention_args *a, float *s) {
    const char *what = "attention_forward";
    each_piece(dev, a, [&](const piece &p) {
        map_product(dev, what, a, p, a->scale, a->q, a->k, a->D, s);
        v2s_launch(dev, what, softmax_kernel, dim3((unsigned)(p.items * p.rows)), ROW_BLOCK, 0, p,
                   a->Nq, a->Nk, s, a->lse);
        query_product(dev, what, a, p, 1.0f, s, a->v, a->E, 0.0f, a->o);
    });
}

void v2s_attention_products_backward(const v2s_device *dev, const v2s_attention_backward_args *g,
                                     const float *delta, float *s, float *dp) {
    const char *what = "attention_backward";
    const v2s_attention_args *a = &g->of;
    each_piece(dev, a, [&](const piece &p) {
        map_product(dev, what, a, p, a->scale, a->q, a->k, a->D, s);
        map_product(dev, what, a, p, 1.0f, g->d_o, a->v, a->E, dp);
        v2s_launch(dev, what, gradient_kernel, dim3((unsigned)(p.items * p.rows)), ROW_BLOCK, 0, p,
                   a->Nq, a->Nk, (const float *)a->lse, delta, s, dp);
        query_product(dev, what, a, p, a->scale, dp, a->k, a->D, 1.0f, g->dq);
        key_product(dev, a, p, a->scale, dp, a->q, a->D, g->dk);
        key_product(dev, a, p, 1.0f, s, g->d_o, a->E, g->dv);
    });
}
