// SPDX-License-Identifier: MIT
// The decode is a product of spectra of the whole sound, as in kernels/fir_matrix.h: four channels
// in, two ears out, and back with the spectra conjugated. The ears go through the other losses.
#include "kernels/loss_cuda.cuh"

enum { CHANNELS = 4, EARS = 2 };

// Rows [B][C][n + 2] of x [B,T,C], with zeros behind.
static __global__ void rows_kernel(int n, int T, int C, const float *x, float *rows) {
    const int t = (int)v2s_item(), b = blockIdx.y;
    if (t >= n)
        return;
    for (int c = 0; c < C; c++)
        rows[((size_t)b * C + c) * (n + 2) + t] = t < T ? x[((size_t)b * T + t) * C + c] : 0.0f;
}

// x [B,T,C] of rows [B][C][n + 2]: overwritten, or added to.
static __global__ void sound_kernel(int n, int T, int C, const float *rows, float scale, bool add,
                                    float *x) {
    const int t = (int)v2s_item(), b = blockIdx.y;
    if (t >= T)
        return;
    for (int c = 0; c < C; c++) {
        float *to = x + ((size_t)b * T + t) * C + c;
        float value = scale * rows[((size_t)b * C + c) * (n + 2) + t];
        *to = add ? *to + value : value;
    }
}

static __device__ __forceinline__ float2 plus_product(float2 sum, float2 h, float2 x) {
    return make_float2(sum.x + (h.x * x.x - h.y * x.y), sum.y + (h.x * x.y + h.y * x.x));
}

// ears [B][2][bins] = sum over channels of H channels.
static __global__ void decode_kernel(int bins, const float2 *H, const float2 *channels,
                                     float2 *ears) {
    const int k = (int)v2s_item(), b = blockIdx.y;
    if (k >= bins)
        return;
    for (int o = 0; o < EARS; o++) {
        float2 sum = make_float2(0.0f, 0.0f);
        for (int i = 0; i < CHANNELS; i++)
            sum = plus_product(sum, H[(size_t)(o * CHANNELS + i) * bins + k],
                               channels[((size_t)b * CHANNELS + i) * bins + k]);
        if (k == 0 || k == bins - 1)
            sum.y = 0.0f;
        ears[((size_t)b * EARS + o) * bins + k] = sum;
    }
}

// channels [B][4][bins] = sum over ears of conj(H) ears.
static __global__ void correlate_kernel(int bins, const float2 *H, const float2 *ears,
                                        float2 *channels) {
    const int k = (int)v2s_item(), b = blockIdx.y;
    if (k >= bins)
        return;
    for (int i = 0; i < CHANNELS; i++) {
        float2 sum = make_float2(0.0f, 0.0f);
        for (int o = 0; o < EARS; o++) {
            float2 h = H[(size_t)(o * CHANNELS + i) * bins + k];
            sum =
                plus_product(sum, make_float2(h.x, -h.y), ears[((size_t)b * EARS + o) * bins + k]);
        }
        if (k == 0 || k == bins - 1)
            sum.y = 0.0f;
        channels[((size_t)b * CHANNELS + i) * bins + k] = sum;
    }
}

static dim3 grid_of(int items, int B) {
    dim3 grid = v2s_blocks((size_t)items, V2S_CUDA_BLOCK);
    grid.y = (unsigned)B;
    return grid;
}

// ---- the loss ---------------------------------------------------------------------------------

static void take_memory(v2s_binaural_cuda *l, v2s_arena *arena) {
    const size_t B = (size_t)l->B, filters = CHANNELS * EARS;
    const size_t samples = v2s_size_mul(B * EARS, (size_t)l->T + (size_t)l->taps - 1);
    l->H = (float *)v2s_arena_take(arena, v2s_fft_rows_bytes(&l->fft, filters), 1);
    l->channels = (float *)v2s_arena_take(arena, v2s_fft_rows_bytes(&l->fft, B * CHANNELS), 1);
    l->ears = (float *)v2s_arena_take(arena, v2s_fft_rows_bytes(&l->fft, B * EARS), 1);
    l->x = (float *)v2s_arena_take(arena, samples, sizeof(float));
    l->y = (float *)v2s_arena_take(arena, samples, sizeof(float));
    l->d = (float *)v2s_arena_take(arena, samples, sizeof(float));
}

// Spectra of the filters, each a sound of one channel.
static v2s_status open_filters(const v2s_device *dev, v2s_binaural_cuda *l, const float *filters) {
    const v2s_memory_ops *memory = dev->ops->memory;
    const size_t bytes = v2s_size_mul(CHANNELS * EARS * sizeof(float), (size_t)l->taps);
    void *taps = NULL;
    V2S_TRY(memory->take(dev, bytes, &taps));
    memory->upload(dev, taps, filters, bytes);
    v2s_launch(dev, "binaural filters", rows_kernel, grid_of(l->fft.n, CHANNELS * EARS),
               V2S_CUDA_BLOCK, 0, l->fft.n, l->taps, 1, (const float *)taps, l->H);
    v2s_fft_rows_forward(dev, &l->fft, CHANNELS * EARS, l->H);
    memory->give(dev, taps);
    return V2S_OK;
}

static v2s_status open_parts(const v2s_device *dev, const v2s_loss_config *c, size_t n,
                             v2s_binaural_cuda *l) {
    const int longer = c->T + c->taps - 1;
    V2S_TRY(v2s_fft_rows_open(dev, (int)n, (size_t)c->B * CHANNELS, &l->fft));
    if (c->resolutions > 0)
        V2S_TRY(v2s_mrstft_cuda_open(dev, c->B, longer, EARS, c->resolutions, c->n, &l->mrstft));
    else
        V2S_TRY(v2s_mse_cuda_open(dev, c->B, (size_t)longer * EARS, &l->mse));
    V2S_TRY(v2s_cuda_memory_open(dev, l, take_memory, &l->memory));
    return open_filters(dev, l, c->filters);
}

v2s_status v2s_binaural_cuda_open(const v2s_device *dev, const v2s_loss_config *config,
                                  v2s_binaural_cuda *out) {
    size_t n = 0;
    if (config->taps >= 1)
        n = v2s_fft_length_above((size_t)config->T + (size_t)config->taps - 1);
    if (n == 0)
        return V2S_FAIL(V2S_ARG, "filters of %d taps over %d samples: out of range", config->taps,
                        config->T);
    v2s_binaural_cuda l = {};
    l.B = config->B;
    l.T = config->T;
    l.taps = config->taps;
    v2s_status status = open_parts(dev, config, n, &l);
    if (status != V2S_OK) {
        v2s_binaural_cuda_close(dev, &l);
        return status;
    }
    *out = l;
    return V2S_OK;
}

// ears [B,T + taps - 1,2] = h * x.
static void decode(const v2s_device *dev, const v2s_binaural_cuda *l, int B, int T, const float *x,
                   float *ears) {
    const int n = l->fft.n, bins = n / 2 + 1, longer = T + l->taps - 1;
    v2s_launch(dev, "binaural", rows_kernel, grid_of(n, B), V2S_CUDA_BLOCK, 0, n, T, (int)CHANNELS,
               x, l->channels);
    v2s_fft_rows_forward(dev, &l->fft, (size_t)B * CHANNELS, l->channels);
    v2s_launch(dev, "binaural", decode_kernel, grid_of(bins, B), V2S_CUDA_BLOCK, 0, bins,
               reinterpret_cast<const float2 *>(l->H),
               reinterpret_cast<const float2 *>(l->channels), reinterpret_cast<float2 *>(l->ears));
    v2s_fft_rows_inverse(dev, &l->fft, (size_t)B * EARS, l->ears);
    v2s_launch(dev, "binaural", sound_kernel, grid_of(longer, B), V2S_CUDA_BLOCK, 0, n, longer,
               (int)EARS, (const float *)l->ears, 1.0f / (float)n, false, ears);
}

// dx += h correlated with the ears' gradient.
static void decode_backward(const v2s_device *dev, const v2s_binaural_cuda *l, int B, int T,
                            float *dx) {
    const int n = l->fft.n, bins = n / 2 + 1, longer = T + l->taps - 1;
    v2s_launch(dev, "binaural", rows_kernel, grid_of(n, B), V2S_CUDA_BLOCK, 0, n, longer, (int)EARS,
               (const float *)l->d, l->ears);
    v2s_fft_rows_forward(dev, &l->fft, (size_t)B * EARS, l->ears);
    v2s_launch(dev, "binaural", correlate_kernel, grid_of(bins, B), V2S_CUDA_BLOCK, 0, bins,
               reinterpret_cast<const float2 *>(l->H), reinterpret_cast<const float2 *>(l->ears),
               reinterpret_cast<float2 *>(l->channels));
    v2s_fft_rows_inverse(dev, &l->fft, (size_t)B * CHANNELS, l->channels);
    v2s_launch(dev, "binaural", sound_kernel, grid_of(T, B), V2S_CUDA_BLOCK, 0, n, T, (int)CHANNELS,
               (const float *)l->channels, 1.0f / (float)n, true, dx);
}

void v2s_binaural_cuda_run(const v2s_device *dev, const v2s_binaural_cuda *l,
                           const v2s_loss_call *a) {
    const size_t row = (size_t)(a->T + l->taps - 1) * EARS;
    v2s_loss_call ears = *a;
    ears.T = a->T + l->taps - 1;
    ears.x = l->x;
    ears.truth = l->y;
    ears.dx = a->dx != NULL ? l->d : NULL;
    decode(dev, l, a->B, a->T, a->x, l->x);
    decode(dev, l, a->B, a->T, a->truth, l->y);
    if (a->dx != NULL)
        dev->ops->memory->zero(dev, l->d, (size_t)a->B * row * sizeof(float));
    if (l->mrstft.resolutions > 0)
        v2s_mrstft_cuda_run(dev, &l->mrstft, &ears);
    else
        v2s_mse_cuda_run(dev, &l->mse, row, &ears);
    if (a->dx != NULL)
        decode_backward(dev, l, a->B, a->T, a->dx);
}

void v2s_binaural_cuda_close(const v2s_device *dev, v2s_binaural_cuda *l) {
    v2s_fft_rows_close(dev, &l->fft);
    v2s_mse_cuda_close(dev, &l->mse);
    v2s_mrstft_cuda_close(dev, &l->mrstft);
    dev->ops->memory->give(dev, l->memory);
    *l = v2s_binaural_cuda{};
}
