// SPDX-License-Identifier: MIT
// The GRU by cuDNN, for hidden sizes that the kernels of our own do not serve. Its gates are r, z,
// n with the reset behind the product, as ours (kernels/gru.h). It wants weights and states of all
// directions in one piece each, so they are copied; gradients come back the same way.
#include "kernels/gru_cuda.cuh"

#include <cudnn.h>
#include <stdio.h>
#include <stdlib.h>

enum { PARTS = 6 }; // of a direction's weights: r, z, n of the input, then of the state

// Descriptors of the shape that ran last.
struct v2s_gru_dnn {
    cudnnDropoutDescriptor_t dropout;
    cudnnRNNDescriptor_t rnn;
    cudnnRNNDataDescriptor_t x, y;
    cudnnTensorDescriptor_t h, matrix, bias;
    int *lengths; // [lengths_count] of the rows, for cuDNN to read
    int lengths_count;
    int B, T, C, H, D;
    size_t weights, work, reserve; // bytes
};

static bool noted(const v2s_device *dev, cudnnStatus_t status) {
    if (status == CUDNN_STATUS_SUCCESS)
        return false;
    char text[V2S_ERROR_TEXT_MAX];
    snprintf(text, sizeof text, "cuDNN: GRU: %s", cudnnGetErrorString(status));
    v2s_cuda_note_text(dev, V2S_CUDA, text);
    return true;
}

void v2s_gru_cudnn_close(v2s_gru_state *state) {
    v2s_gru_dnn *p = state->dnn;
    if (p == NULL)
        return;
    if (p->dropout != NULL)
        cudnnDestroyDropoutDescriptor(p->dropout);
    if (p->rnn != NULL)
        cudnnDestroyRNNDescriptor(p->rnn);
    if (p->x != NULL)
        cudnnDestroyRNNDataDescriptor(p->x);
    if (p->y != NULL)
        cudnnDestroyRNNDataDescriptor(p->y);
    if (p->h != NULL)
        cudnnDestroyTensorDescriptor(p->h);
    if (p->matrix != NULL)
        cudnnDestroyTensorDescriptor(p->matrix);
    if (p->bias != NULL)
        cudnnDestroyTensorDescriptor(p->bias);
    free(p->lengths);
    free(p);
    state->dnn = NULL;
}

static bool open_plan(const v2s_device *dev) {
    v2s_gru_dnn *p = (v2s_gru_dnn *)calloc(1, sizeof *p);
    dev->cuda->gru->dnn = p;
    cudnnHandle_t dnn = (cudnnHandle_t)v2s_cuda_dnn(dev);
    if (p == NULL || dnn == NULL)
        return false;
    return !noted(dev, cudnnCreateDropoutDescriptor(&p->dropout)) &&
           !noted(dev, cudnnSetDropoutDescriptor(p->dropout, dnn, 0.0f, NULL, 0, 0)) &&
           !noted(dev, cudnnCreateRNNDescriptor(&p->rnn)) &&
           !noted(dev, cudnnCreateRNNDataDescriptor(&p->x)) &&
           !noted(dev, cudnnCreateRNNDataDescriptor(&p->y)) &&
           !noted(dev, cudnnCreateTensorDescriptor(&p->h)) &&
           !noted(dev, cudnnCreateTensorDescriptor(&p->matrix)) &&
           !noted(dev, cudnnCreateTensorDescriptor(&p->bias));
}

static bool set_lengths(v2s_gru_dnn *p, int B, int T) {
    if (B > p->lengths_count) {
        int *more = (int *)realloc(p->lengths, (size_t)B * sizeof *more);
        if (more == NULL)
            return false;
        p->lengths = more;
        p->lengths_count = B;
    }
    for (int b = 0; b < B; b++)
        p->lengths[b] = T;
    return true;
}

static bool set_descriptors(const v2s_device *dev, v2s_gru_dnn *p, const v2s_gru_args *a) {
    const cudnnRNNDataLayout_t rows = CUDNN_RNN_DATA_LAYOUT_BATCH_MAJOR_UNPACKED;
    cudnnMathType_t math =
        dev->precision == V2S_PRECISION_F32 ? CUDNN_FMA_MATH : CUDNN_DEFAULT_MATH;
    int dims[3] = {a->D, a->B, a->H}, strides[3] = {a->B * a->H, a->H, 1};

    return set_lengths(p, a->B, a->T) &&
           !noted(dev, cudnnSetRNNDescriptor_v8(
                           p->rnn, CUDNN_RNN_ALGO_STANDARD, CUDNN_GRU, CUDNN_RNN_DOUBLE_BIAS,
                           a->D == 2 ? CUDNN_BIDIRECTIONAL : CUDNN_UNIDIRECTIONAL,
                           CUDNN_LINEAR_INPUT, CUDNN_DATA_FLOAT, CUDNN_DATA_FLOAT, math, a->C, a->H,
                           a->H, 1, p->dropout, CUDNN_RNN_PADDED_IO_ENABLED)) &&
           !noted(dev, cudnnSetRNNDataDescriptor(p->x, CUDNN_DATA_FLOAT, rows, a->T, a->B, a->C,
                                                 p->lengths, NULL)) &&
           !noted(dev, cudnnSetRNNDataDescriptor(p->y, CUDNN_DATA_FLOAT, rows, a->T, a->B,
                                                 a->D * a->H, p->lengths, NULL)) &&
           !noted(dev, cudnnSetTensorNdDescriptor(p->h, CUDNN_DATA_FLOAT, 3, dims, strides));
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static bool set_sizes(const v2s_device *dev, v2s_gru_dnn *p) {
    cudnnHandle_t dnn = (cudnnHandle_t)v2s_cuda_dnn(dev);
    size_t work[2] = {0, 0}, reserve = 0;
    if (noted(dev, cudnnGetRNNWeightSpaceSize(dnn, p->rnn, &p->weights)) ||
        noted(dev, cudnnGetRNNTempSpaceSizes(dnn, p->rnn, CUDNN_FWD_MODE_INFERENCE, p->x, &work[0],
                                             &reserve)) ||
        noted(dev, cudnnGetRNNTempSpaceSizes(dnn, p->rnn, CUDNN_FWD_MODE_TRAINING, p->x, &work[1],
                                             &p->reserve)))
        return false;
    p->work = larger(work[0], work[1]);
    return true;
}

// The plan for a's shape; NULL where cuDNN refuses, which is noted.
static v2s_gru_dnn *plan_for(const v2s_device *dev, const v2s_gru_args *a) {
    v2s_gru_dnn *p = dev->cuda->gru->dnn;
    if (p == NULL) {
        if (!open_plan(dev))
            return NULL;
        p = dev->cuda->gru->dnn;
    }
    if (p->B == a->B && p->T == a->T && p->C == a->C && p->H == a->H && p->D == a->D)
        return p;
    p->B = 0; // of no shape until all is set
    if (!set_descriptors(dev, p, a) || !set_sizes(dev, p))
        return NULL;
    p->B = a->B;
    p->T = a->T;
    p->C = a->C;
    p->H = a->H;
    p->D = a->D;
    return p;
}

bool v2s_gru_cudnn_serves(const v2s_device *dev, const v2s_gru_args *a) {
    return !dev->deterministic && !a->reverse && a->ldy == a->D * a->H;
}

// ---- weights and states -----------------------------------------------------------------------

static __global__ void add_kernel(size_t count, const float *from, float *to) {
    size_t i = v2s_item();
    if (i < count)
        to[i] += from[i];
}

static void add(const v2s_device *dev, size_t count, const float *from, float *to) {
    v2s_launch(dev, "gru_backward", add_kernel, v2s_blocks(count, V2S_CUDA_BLOCK), V2S_CUDA_BLOCK,
               0, count, from, to);
}

// Where cuDNN keeps a part of direction d's weights.
static bool part_of(const v2s_device *dev, const v2s_gru_dnn *p, int d, int part, void *weights,
                    float **matrix, float **bias) {
    void *at[2] = {NULL, NULL};
    if (noted(dev, cudnnGetRNNWeightParams((cudnnHandle_t)v2s_cuda_dnn(dev), p->rnn, d, p->weights,
                                           weights, part, p->matrix, &at[0], p->bias, &at[1])))
        return false;
    *matrix = (float *)at[0];
    *bias = (float *)at[1];
    return true;
}

static void gather_weights(const v2s_device *dev, const v2s_gru_dnn *p, const v2s_gru_args *a,
                           void *weights) {
    const v2s_memory_ops *memory = dev->ops->memory;
    size_t H = (size_t)a->H;
    memory->zero(dev, weights, p->weights);
    for (int d = 0; d < a->D; d++)
        for (int part = 0; part < PARTS; part++) {
            float *matrix = NULL, *bias = NULL;
            if (!part_of(dev, p, d, part, weights, &matrix, &bias))
                return;
            const v2s_gru_direction *dir = &a->dir[d];
            size_t gate = (size_t)(part % 3) * H, columns = part < 3 ? (size_t)a->C : H;
            const float *w = part < 3 ? dir->w_ih : dir->w_hh;
            const float *b = part < 3 ? dir->b_ih : dir->b_hh;
            memory->copy(dev, matrix, w + gate * columns, H * columns * sizeof(float));
            memory->copy(dev, bias, b + gate, H * sizeof(float));
        }
}

static void add_weights(const v2s_device *dev, const v2s_gru_dnn *p, const v2s_gru_backward_args *g,
                        void *weights) {
    size_t H = (size_t)g->of.H;
    for (int d = 0; d < g->of.D; d++)
        for (int part = 0; part < PARTS; part++) {
            float *matrix = NULL, *bias = NULL;
            if (!part_of(dev, p, d, part, weights, &matrix, &bias))
                return;
            const v2s_gru_gradients *grad = &g->grad[d];
            size_t gate = (size_t)(part % 3) * H, columns = part < 3 ? (size_t)g->of.C : H;
            add(dev, H * columns, matrix, (part < 3 ? grad->dw_ih : grad->dw_hh) + gate * columns);
            add(dev, H, bias, (part < 3 ? grad->db_ih : grad->db_hh) + gate);
        }
}

// One [B,H] of each direction behind the other; NULL is zero.
static void gather_states(const v2s_device *dev, const v2s_gru_args *a, const float *const from[2],
                          float *to) {
    const v2s_memory_ops *memory = dev->ops->memory;
    size_t count = (size_t)a->B * a->H;
    for (int d = 0; d < a->D; d++) {
        if (from[d] != NULL)
            memory->copy(dev, to + d * count, from[d], count * sizeof(float));
        else
            memory->zero(dev, to + d * count, count * sizeof(float));
    }
}

// ---- the operation ----------------------------------------------------------------------------

static size_t state_bytes(const v2s_gru_args *a) {
    return v2s_size_mul((size_t)a->D * a->B, (size_t)a->H * sizeof(float));
}

static size_t rows_bytes(const v2s_gru_args *a, int columns) {
    return v2s_size_mul(v2s_size_mul((size_t)a->B, (size_t)a->T), (size_t)columns * sizeof(float));
}

// Shapes without rows never get to cuDNN.
static v2s_gru_dnn *plan_with_rows(const v2s_device *dev, const v2s_gru_args *a) {
    return a->B > 0 && a->T > 0 ? plan_for(dev, a) : NULL;
}

size_t v2s_gru_cudnn_scratch(const v2s_device *dev, const v2s_gru_args *a) {
    const v2s_gru_dnn *p = plan_with_rows(dev, a);
    if (p == NULL)
        return 0;
    size_t y = rows_bytes(a, a->D * a->H);
    return v2s_scratch_round(p->weights + p->work + y + 2 * state_bytes(a), 5);
}

size_t v2s_gru_cudnn_saved_size(const v2s_device *dev, const v2s_gru_args *a) {
    const v2s_gru_dnn *p = plan_with_rows(dev, a);
    return p != NULL ? p->reserve : 0;
}

static void *take(v2s_arena *scratch, size_t bytes) {
    return v2s_arena_take(scratch, bytes, 1);
}

void v2s_gru_cudnn_forward(const v2s_device *dev, const v2s_gru_args *a, v2s_arena *scratch) {
    v2s_gru_dnn *p = plan_for(dev, a);
    if (p == NULL)
        return;
    size_t mark = scratch->used, state = state_bytes(a), one = state / (size_t)a->D;
    void *weights = take(scratch, p->weights), *work = take(scratch, p->work);
    float *hx = (float *)take(scratch, state), *hy = (float *)take(scratch, state);
    void *y = a->y != NULL ? a->y : take(scratch, rows_bytes(a, a->D * a->H));
    const float *h0[2] = {a->dir[0].h0, a->dir[1].h0};
    gather_weights(dev, p, a, weights);
    gather_states(dev, a, h0, hx);
    noted(dev,
          cudnnRNNForward((cudnnHandle_t)v2s_cuda_dnn(dev), p->rnn,
                          a->saved != NULL ? CUDNN_FWD_MODE_TRAINING : CUDNN_FWD_MODE_INFERENCE,
                          NULL, p->x, a->x, p->y, y, p->h, hx, hy, p->h, NULL, NULL, p->weights,
                          weights, p->work, work, a->saved != NULL ? p->reserve : 0, a->saved));
    for (int d = 0; d < a->D; d++)
        if (a->dir[d].h_end != NULL)
            dev->ops->memory->copy(dev, a->dir[d].h_end, (char *)hy + d * one, one);
    v2s_arena_rewind(scratch, mark);
}

size_t v2s_gru_cudnn_backward_scratch(const v2s_device *dev, const v2s_gru_backward_args *g) {
    const v2s_gru_args *a = &g->of;
    const v2s_gru_dnn *p = plan_with_rows(dev, a);
    if (p == NULL)
        return 0;
    size_t dx = rows_bytes(a, a->C);
    return v2s_scratch_round(2 * p->weights + p->work + dx + 3 * state_bytes(a), 7);
}

void v2s_gru_cudnn_backward(const v2s_device *dev, const v2s_gru_backward_args *g,
                            v2s_arena *scratch) {
    const v2s_gru_args *a = &g->of;
    v2s_gru_dnn *p = plan_for(dev, a);
    if (p == NULL)
        return;
    cudnnHandle_t dnn = (cudnnHandle_t)v2s_cuda_dnn(dev);
    size_t mark = scratch->used, state = state_bytes(a), states = (size_t)a->B * a->H;
    void *weights = take(scratch, p->weights), *dweights = take(scratch, p->weights);
    void *work = take(scratch, p->work);
    float *hx = (float *)take(scratch, state), *dhy = (float *)take(scratch, state);
    float *dhx = (float *)take(scratch, state);
    float *dx = (float *)take(scratch, rows_bytes(a, a->C));
    const float *h0[2] = {a->dir[0].h0, a->dir[1].h0};
    const float *dh_end[2] = {g->grad[0].dh_end, g->grad[1].dh_end};
    gather_weights(dev, p, a, weights);
    gather_states(dev, a, h0, hx);
    gather_states(dev, a, dh_end, dhy);
    dev->ops->memory->zero(dev, dweights, p->weights);
    noted(dev, cudnnRNNBackwardData_v8(dnn, p->rnn, NULL, p->y, a->y, g->dy, p->x, dx, p->h, hx,
                                       dhy, dhx, p->h, NULL, NULL, NULL, p->weights, weights,
                                       p->work, work, p->reserve, a->saved));
    noted(dev, cudnnRNNBackwardWeights_v8(dnn, p->rnn, CUDNN_WGRAD_MODE_ADD, NULL, p->x, a->x, p->h,
                                          hx, p->y, a->y, p->weights, dweights, p->work, work,
                                          p->reserve, a->saved));
    add_weights(dev, p, g, dweights);
    if (g->dx != NULL)
        add(dev, (size_t)a->B * a->T * a->C, dx, g->dx);
    for (int d = 0; d < a->D; d++)
        if (g->grad[d].dh0 != NULL)
            add(dev, states, dhx + d * states, g->grad[d].dh0);
    v2s_arena_rewind(scratch, mark);
}
