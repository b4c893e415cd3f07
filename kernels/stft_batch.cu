// SPDX-License-Identifier: MIT
// Traffic of a stft of [B,T,C] with a quarter hop: reads 4 BTC bytes, writes the frames (16 BTC),
// and cuFFT reads and writes them once more: about 52 BTC bytes, 0.1 GB for a second at 16 kHz of
// 32 sounds of 4 channels, of which much stays in the second-level cache. The adjoint is the same.
#include "kernels/stft_cuda.cuh"

#include <math.h>
#include <stdlib.h>

extern "C" {
#include "kernels/base/arena.h"
}

// ---- frames -----------------------------------------------------------------------------------

// The frames that cover place p of the padded signal: first .. last.
static __device__ __forceinline__ void covering(const v2s_stft_shape &s, int F, int p, int *first,
                                                int *last) {
    *first = p < s.n ? 0 : (p - s.n) / s.hop + 1;
    *last = p < 0 ? -1 : min(F - 1, p / s.hop);
}

// The sum of w^2 over them.
static __device__ float envelope(const v2s_stft_shape &s, int F, int p) {
    int first, last;
    float sum = 0.0f;
    covering(s, F, p, &first, &last);
    for (int f = first; f <= last; f++)
        sum += s.window[p - f * s.hop] * s.window[p - f * s.hop];
    return sum;
}

// Which sample of x stands at place t of the padded signal (t counts from x[0]); -1: a zero.
static __device__ int source(const v2s_stft_shape &s, int T, int t) {
    if (t >= 0 && t < T)
        return t;
    if (!s.mirror)
        return -1;
    t = t < 0 ? -t : 2 * (T - 1) - t;
    return t >= 0 && t < T ? t : -1;
}

// A thread fills place i of frame f in all channels, which are neighbours in x.
static __global__ void frame_kernel(v2s_stft_shape s, int F, int T, int C, const float *x,
                                    float *X) {
    size_t item = v2s_item();
    if (item >= (size_t)F * s.n)
        return;
    int f = (int)(item / s.n), i = (int)(item % s.n), b = blockIdx.y;
    int t = source(s, T, f * s.hop - s.padding + i);
    const float *from = x + ((size_t)b * T + (t < 0 ? 0 : t)) * C;
    for (int c = 0; c < C; c++)
        X[(((size_t)b * C + c) * F + f) * (s.n + 2) + i] = t < 0 ? 0.0f : s.window[i] * from[c];
}

// The same for the adjoint of the istft, whose frames are divided by the envelope.
static __global__ void divided_frame_kernel(v2s_stft_shape s, int F, int T, int C, const float *dx,
                                            float *X) {
    size_t item = v2s_item();
    if (item >= (size_t)F * s.n)
        return;
    int f = (int)(item / s.n), i = (int)(item % s.n), b = blockIdx.y;
    int t = f * s.hop - s.padding + i;
    float sum = t < 0 || t >= T ? 0.0f : envelope(s, F, t + s.padding);
    bool covered = (double)sum >= V2S_STFT_LEAST_ENVELOPE;
    const float *from = dx + ((size_t)b * T + (covered ? t : 0)) * C;
    for (int c = 0; c < C; c++)
        X[(((size_t)b * C + c) * F + f) * (s.n + 2) + i] =
            covered ? s.window[i] * from[c] / sum : 0.0f;
}

// The sum of the windowed frames (of one channel) at place p of the padded signal.
static __device__ float overlap(const v2s_stft_shape &s, int F, int p, const float *frames) {
    int first, last;
    float sum = 0.0f;
    covering(s, F, p, &first, &last);
    for (int f = first; f <= last; f++)
        sum += s.window[p - f * s.hop] * frames[(size_t)f * (s.n + 2) + (p - f * s.hop)];
    return sum;
}

// A thread adds to sample t of all channels what its places received: its own, and those where it
// stands mirrored.
static __global__ void adjoint_kernel(v2s_stft_shape s, int F, int T, int C, const float *X,
                                      float scale, float *dx) {
    int t = (int)v2s_item(), b = blockIdx.y;
    if (t >= T)
        return;
    bool left = s.mirror && t > 0, right = s.mirror && t < T - 1;
    for (int c = 0; c < C; c++) {
        const float *frames = X + ((size_t)b * C + c) * F * (s.n + 2);
        float sum = overlap(s, F, t + s.padding, frames);
        if (left)
            sum += overlap(s, F, s.padding - t, frames);
        if (right)
            sum += overlap(s, F, 2 * (T - 1) - t + s.padding, frames);
        dx[((size_t)b * T + t) * C + c] += scale * sum;
    }
}

static __global__ void inverse_kernel(v2s_stft_shape s, int F, int T, int C, const float *X,
                                      float *x) {
    int t = (int)v2s_item(), b = blockIdx.y;
    if (t >= T)
        return;
    float sum = envelope(s, F, t + s.padding);
    bool covered = (double)sum >= V2S_STFT_LEAST_ENVELOPE;
    for (int c = 0; c < C; c++) {
        const float *frames = X + ((size_t)b * C + c) * F * (s.n + 2);
        x[((size_t)b * T + t) * C + c] =
            covered ? overlap(s, F, t + s.padding, frames) / (sum * (float)s.n) : 0.0f;
    }
}

// ---- transforms in work space -----------------------------------------------------------------

static v2s_status upload_window(const v2s_device *dev, v2s_stft_cuda *s) {
    const v2s_stft_config *c = &s->config;
    size_t bytes = (size_t)c->n * sizeof(float);
    float *window = (float *)calloc((size_t)c->n, sizeof(float));
    if (window == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (int j = 0; j < c->win; j++)
        window[(c->n - c->win) / 2 + j] =
            (float)(0.5 - 0.5 * cos(2.0 * 3.14159265358979323846 * j / c->win));
    v2s_status status = dev->ops->memory->take(dev, bytes, &s->window);
    if (status == V2S_OK)
        dev->ops->memory->upload(dev, s->window, window, bytes);
    free(window);
    s->shape.window = (const float *)s->window;
    return status;
}

v2s_status v2s_stft_cuda_open(const v2s_device *dev, const v2s_stft_config *config, int B, int T,
                              int C, v2s_stft_cuda *out) {
    V2S_TRY(v2s_stft_config_check(config));
    v2s_stft_cuda s = {};
    size_t frames = (size_t)v2s_stft_config_frames(config, T);
    s.config = *config;
    s.shape.n = config->n;
    s.shape.hop = config->hop;
    s.shape.padding = v2s_stft_config_padding(config);
    s.shape.bins = v2s_stft_config_bins(config);
    s.shape.mirror = config->pad == V2S_STFT_REFLECT_PAD;
    v2s_status status = upload_window(dev, &s);
    if (status == V2S_OK)
        status =
            v2s_fft_rows_open(dev, config->n, v2s_size_mul((size_t)B * (size_t)C, frames), &s.fft);
    if (status != V2S_OK) {
        v2s_stft_cuda_close(dev, &s);
        return status;
    }
    *out = s;
    return V2S_OK;
}

void v2s_stft_cuda_close(const v2s_device *dev, v2s_stft_cuda *s) {
    v2s_fft_rows_close(dev, &s->fft);
    dev->ops->memory->give(dev, s->window);
    *s = v2s_stft_cuda{};
}

static size_t rows_of(int B, int C, int F) {
    return v2s_size_mul((size_t)B * (size_t)C, (size_t)F);
}

size_t v2s_stft_cuda_bytes(const v2s_stft_cuda *s, int B, int C, int F) {
    return v2s_fft_rows_bytes(&s->fft, rows_of(B, C, F));
}

static dim3 blocks_of(size_t items, int B) {
    dim3 grid = v2s_blocks(items, V2S_CUDA_BLOCK);
    grid.y = (unsigned)B;
    return grid;
}

void v2s_stft_cuda_forward(const v2s_device *dev, const v2s_stft_cuda *s, int B, int T, int C,
                           const float *x, float *X) {
    const int F = v2s_stft_config_frames(&s->config, T);
    v2s_launch(dev, "stft frames", frame_kernel, blocks_of((size_t)F * (size_t)s->shape.n, B),
               V2S_CUDA_BLOCK, 0, s->shape, F, T, C, x, X);
    v2s_fft_rows_forward(dev, &s->fft, rows_of(B, C, F), X);
}

void v2s_stft_cuda_adjoint(const v2s_device *dev, const v2s_stft_cuda *s, int B, int T, int C,
                           float *X, float scale, float *dx) {
    const int F = v2s_stft_config_frames(&s->config, T);
    v2s_fft_rows_inverse(dev, &s->fft, rows_of(B, C, F), X);
    v2s_launch(dev, "stft backward", adjoint_kernel, blocks_of((size_t)T, B), V2S_CUDA_BLOCK, 0,
               s->shape, F, T, C, (const float *)X, scale, dx);
}

// ---- operations -------------------------------------------------------------------------------

struct v2s_stft_batch {
    v2s_stft_batch_config config;
    v2s_stft_cuda stft;
    void *X; // work space of the spectra
};

extern "C" void v2s_stft_batch_close_cuda(const v2s_device *dev, v2s_stft_batch **stft) {
    v2s_stft_batch *s = *stft;
    if (s == NULL)
        return;
    v2s_stft_cuda_close(dev, &s->stft);
    dev->ops->memory->give(dev, s->X);
    free(s);
    *stft = NULL;
}

extern "C" v2s_status v2s_stft_batch_open_cuda(const v2s_device *dev,
                                               const v2s_stft_batch_config *config,
                                               v2s_stft_batch **out) {
    V2S_TRY(v2s_stft_batch_check(config));
    v2s_stft_batch *s = (v2s_stft_batch *)calloc(1, sizeof *s);
    if (s == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    const int B = config->B, T = config->T, C = config->C;
    s->config = *config;
    v2s_status status = v2s_stft_cuda_open(dev, &config->stft, B, T, C, &s->stft);
    if (status == V2S_OK) {
        int frames = v2s_stft_config_frames(&config->stft, T);
        status = dev->ops->memory->take(dev, v2s_stft_cuda_bytes(&s->stft, B, C, frames), &s->X);
    }
    if (status != V2S_OK) {
        v2s_stft_batch_close_cuda(dev, &s);
        return status;
    }
    *out = s;
    return V2S_OK;
}

// Floats of the spectra of a call.
static size_t values_of(const v2s_stft_batch *s, int B, int F) {
    return rows_of(B, s->config.C, F) * (size_t)(2 * s->stft.shape.bins);
}

// Imaginary parts of the first and the last bin: 0, and not read.
static __device__ __forceinline__ bool is_idle(size_t i, int bins) {
    int place = (int)(i % (2 * (size_t)bins));
    return place == 1 || place == 2 * bins - 1;
}

static __global__ void take_kernel(size_t count, int bins, const float *X, float *to) {
    size_t i = v2s_item();
    if (i < count)
        to[i] = is_idle(i, bins) ? 0.0f : X[i];
}

static __global__ void share_kernel(size_t count, int bins, const float *dX, float *X) {
    size_t i = v2s_item();
    if (i >= count)
        return;
    int k = (int)(i % (2 * (size_t)bins)) / 2;
    X[i] = is_idle(i, bins) ? 0.0f : v2s_adjoint_share(k, bins) * dX[i];
}

// dX += c_k / n times the transform, c_k = 1 or 2.
static __global__ void add_kernel(size_t count, int bins, const float *X, float *dX) {
    size_t i = v2s_item();
    if (i >= count || is_idle(i, bins))
        return;
    int k = (int)(i % (2 * (size_t)bins)) / 2;
    dX[i] += X[i] * (1.0f / (v2s_adjoint_share(k, bins) * (float)(2 * (bins - 1))));
}

extern "C" void v2s_stft_batch_forward_cuda(const v2s_device *dev, v2s_stft_batch *s,
                                            const v2s_stft_batch_args *a) {
    float *X = (float *)s->X;
    size_t count = values_of(s, a->B, v2s_stft_config_frames(&s->config.stft, a->T));
    v2s_stft_cuda_forward(dev, &s->stft, a->B, a->T, s->config.C, a->from, X);
    v2s_launch(dev, "stft_forward", take_kernel, v2s_blocks(count, V2S_CUDA_BLOCK), V2S_CUDA_BLOCK,
               0, count, s->stft.shape.bins, (const float *)X, a->to);
}

extern "C" void v2s_stft_batch_backward_cuda(const v2s_device *dev, v2s_stft_batch *s,
                                             const v2s_stft_batch_args *a) {
    float *X = (float *)s->X;
    size_t count = values_of(s, a->B, v2s_stft_config_frames(&s->config.stft, a->T));
    v2s_launch(dev, "stft_backward", share_kernel, v2s_blocks(count, V2S_CUDA_BLOCK),
               V2S_CUDA_BLOCK, 0, count, s->stft.shape.bins, a->from, X);
    v2s_stft_cuda_adjoint(dev, &s->stft, a->B, a->T, s->config.C, X, 1.0f, a->to);
}

extern "C" void v2s_istft_batch_forward_cuda(const v2s_device *dev, v2s_stft_batch *s,
                                             const v2s_stft_batch_args *a) {
    float *X = (float *)s->X;
    size_t count = values_of(s, a->B, a->F);
    v2s_launch(dev, "istft_forward", take_kernel, v2s_blocks(count, V2S_CUDA_BLOCK), V2S_CUDA_BLOCK,
               0, count, s->stft.shape.bins, a->from, X);
    v2s_fft_rows_inverse(dev, &s->stft.fft, rows_of(a->B, s->config.C, a->F), X);
    v2s_launch(dev, "istft_forward", inverse_kernel, blocks_of((size_t)a->T, a->B), V2S_CUDA_BLOCK,
               0, s->stft.shape, a->F, a->T, s->config.C, (const float *)X, a->to);
}

extern "C" void v2s_istft_batch_backward_cuda(const v2s_device *dev, v2s_stft_batch *s,
                                              const v2s_stft_batch_args *a) {
    float *X = (float *)s->X;
    size_t count = values_of(s, a->B, a->F);
    v2s_launch(dev, "istft_backward", divided_frame_kernel,
               blocks_of((size_t)a->F * (size_t)s->stft.shape.n, a->B), V2S_CUDA_BLOCK, 0,
               s->stft.shape, a->F, a->T, s->config.C, a->from, X);
    v2s_fft_rows_forward(dev, &s->stft.fft, rows_of(a->B, s->config.C, a->F), X);
    v2s_launch(dev, "istft_backward", add_kernel, v2s_blocks(count, V2S_CUDA_BLOCK), V2S_CUDA_BLOCK,
               0, count, s->stft.shape.bins, (const float *)X, a->to);
}
