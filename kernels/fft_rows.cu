// SPDX-License-Identifier: MIT
#include "kernels/fft_rows.cuh"

#include <cufft.h>
#include <stdio.h>

extern "C" {
#include "kernels/base/arena.h"
}

enum { FORWARD, INVERSE };

// Points of one execution: enough to fill the GPU, and few enough (16 MiB) that the rows are still
// in its second-level cache when the next kernel reads them, and that short calls waste little.
static const size_t points_of_execution = (size_t)1 << 22;

static v2s_status fft_status(const char *what, int n, cufftResult result) {
    if (result == CUFFT_SUCCESS)
        return V2S_OK;
    return V2S_FAIL(result == CUFFT_ALLOC_FAILED ? V2S_NOMEM : V2S_CUDA,
                    "cuFFT: %s of %d points: error %d", what, n, (int)result);
}

static v2s_status make_plan(v2s_fft_rows *f, int which, size_t *work) {
    cufftHandle plan;
    int n = f->n, reals = n + 2, bins = n / 2 + 1, rows = (int)f->rows;
    V2S_TRY(fft_status("plan", n, cufftCreate(&plan)));
    f->plan[which] = plan;
    f->opened[which] = true;
    V2S_TRY(fft_status("plan", n, cufftSetAutoAllocation(plan, 0)));
    if (which == FORWARD)
        return fft_status("plan", n,
                          cufftMakePlanMany(plan, 1, &n, &reals, 1, reals, &bins, 1, bins,
                                            CUFFT_R2C, rows, work));
    return fft_status(
        "plan", n,
        cufftMakePlanMany(plan, 1, &n, &bins, 1, bins, &reals, 1, reals, CUFFT_C2R, rows, work));
}

static void execute(const v2s_device *dev, const v2s_fft_rows *f, int which, size_t rows,
                    float *data) {
    for (size_t row = 0; row < rows; row += f->rows) {
        float *at = data + row * (size_t)(f->n + 2);
        cufftComplex *spectra = reinterpret_cast<cufftComplex *>(at);
        cufftResult result = which == FORWARD ? cufftExecR2C(f->plan[FORWARD], at, spectra)
                                              : cufftExecC2R(f->plan[INVERSE], spectra, at);
        if (result == CUFFT_SUCCESS)
            continue;
        char text[V2S_ERROR_TEXT_MAX];
        snprintf(text, sizeof text, "cuFFT: transform of %d points: error %d", f->n, (int)result);
        v2s_cuda_note_text(dev, V2S_CUDA, text);
        return;
    }
}

// Runs every plan on zeros.
static v2s_status try_plans(const v2s_device *dev, const v2s_fft_rows *f) {
    const v2s_memory_ops *memory = dev->ops->memory;
    void *zeros = NULL;
    V2S_TRY(memory->take(dev, v2s_fft_rows_bytes(f, 1), &zeros));
    execute(dev, f, FORWARD, 1, (float *)zeros);
    execute(dev, f, INVERSE, 1, (float *)zeros);
    memory->give(dev, zeros);
    return V2S_OK;
}

static v2s_status open_plans(const v2s_device *dev, v2s_fft_rows *f) {
    size_t work[2] = {0, 0};
    for (int which = FORWARD; which <= INVERSE; which++)
        V2S_TRY(make_plan(f, which, &work[which]));
    size_t most = work[FORWARD] > work[INVERSE] ? work[FORWARD] : work[INVERSE];
    V2S_TRY(dev->ops->memory->take(dev, most, &f->work));
    for (int which = FORWARD; which <= INVERSE; which++) {
        V2S_TRY(fft_status("work area", f->n, cufftSetWorkArea(f->plan[which], f->work)));
        V2S_TRY(fft_status("stream", f->n, cufftSetStream(f->plan[which], v2s_stream(dev))));
    }
    return try_plans(dev, f);
}

v2s_status v2s_fft_rows_open(const v2s_device *dev, int n, size_t most, v2s_fft_rows *out) {
    size_t fit = points_of_execution / (size_t)n;
    v2s_fft_rows f = {};
    f.n = n;
    f.rows = most < fit ? most : fit;
    f.rows = f.rows > 0 ? f.rows : 1;
    v2s_status status = open_plans(dev, &f);
    if (status != V2S_OK) {
        v2s_fft_rows_close(dev, &f);
        return status;
    }
    *out = f;
    return V2S_OK;
}

void v2s_fft_rows_close(const v2s_device *dev, v2s_fft_rows *f) {
    for (int which = FORWARD; which <= INVERSE; which++)
        if (f->opened[which])
            cufftDestroy(f->plan[which]);
    dev->ops->memory->give(dev, f->work);
    *f = v2s_fft_rows{};
}

size_t v2s_fft_rows_bytes(const v2s_fft_rows *f, size_t rows) {
    size_t whole = (rows + f->rows - 1) / f->rows * f->rows;
    return v2s_size_mul(whole, (size_t)(f->n + 2) * sizeof(float));
}

void v2s_fft_rows_forward(const v2s_device *dev, const v2s_fft_rows *f, size_t rows, float *data) {
    execute(dev, f, FORWARD, rows, data);
}

void v2s_fft_rows_inverse(const v2s_device *dev, const v2s_fft_rows *f, size_t rows, float *data) {
    execute(dev, f, INVERSE, rows, data);
}
