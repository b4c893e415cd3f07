// SPDX-License-Identifier: MIT
// What our own forward pass makes of an array, for tests of exported networks.
//
//   network_forward CHECKPOINT IN.npy OUT.npy
//
//   refiner, seed   [B,4,T] -> refined [B,4,T]
//   refiner, v2s    [B,T,inputs] -> gains [B,T,outputs]
//   depth           [B,2,size,size] -> [B,1,size,size] metres
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoints/safetensors.h"
#include "data/npy.h"
#include "infer/depth_model.h"
#include "infer/refiner_file.h"
#include "kernels/device.h"

enum { NUMBERS_MAX = 1 << 28 };

typedef struct run {
    v2s_device *dev;
    v2s_npy in;
    float *x, *y; // [in.count] of the file; the result
    size_t dim[V2S_NPY_RANK_MAX];
    int rank;
} run;

static float *take(size_t count) {
    float *p = calloc(count + 1, sizeof *p);
    if (p == NULL)
        abort();
    return p;
}

// to [B][columns][rows] = from [B][rows][columns]
static void turn(float *to, const float *from, size_t B, size_t rows, size_t columns) {
    for (size_t b = 0; b < B; b++)
        for (size_t r = 0; r < rows; r++)
            for (size_t c = 0; c < columns; c++)
                to[(b * columns + c) * rows + r] = from[(b * rows + r) * columns + c];
}

static v2s_status pass(run *r, const v2s_refiner *m, size_t B, size_t T, const float *x, float *y) {
    v2s_refiner_work work = {0};
    V2S_TRY(v2s_refiner_work_open(&work, m, r->dev, (int)B, (int)T));
    v2s_refiner_forward(m, r->dev, (int)B, (int)T, x, y, &work);
    v2s_refiner_work_close(&work);
    return V2S_OK;
}

static v2s_status refine(run *r, const v2s_refiner *m, bool banded) {
    size_t B = r->in.dim[0], T = r->in.dim[banded ? 1 : 2], inputs = r->in.dim[banded ? 2 : 1];
    size_t outputs = (size_t)m->config.outputs;
    if (r->in.rank != 3 || inputs != (size_t)m->config.inputs)
        return V2S_FAIL(V2S_FORMAT, "the array does not fit the network");
    r->rank = 3;
    r->dim[0] = B;
    r->dim[banded ? 1 : 2] = T;
    r->dim[banded ? 2 : 1] = outputs;
    r->y = take(B * T * outputs);
    if (banded)
        return pass(r, m, B, T, r->x, r->y);
    float *rows = take(r->in.count), *residual = take(B * T * outputs);
    turn(rows, r->x, B, inputs, T);
    v2s_status status = pass(r, m, B, T, rows, residual);
    turn(r->y, residual, B, T, outputs);
    for (size_t i = 0; i < r->in.count; i++)
        r->y[i] += r->x[i];
    free(rows);
    free(residual);
    return status;
}

static v2s_status see(run *r, const char *path) {
    v2s_depth_model model = {0};
    V2S_TRY(v2s_depth_model_open(path, r->dev, (int)r->in.dim[0], &model));
    size_t size = (size_t)model.file.config.size, B = r->in.dim[0];
    v2s_status status = V2S_OK;
    if (r->in.count != B * 2 * size * size)
        status = V2S_FAIL(V2S_FORMAT, "the array does not fit the network");
    memcpy(r->dim, (const size_t[]){B, 1, size, size}, sizeof r->dim);
    r->rank = 4;
    r->y = take(B * size * size);
    if (status == V2S_OK)
        status = v2s_depth_model_predict(&model, (int)B, r->x, r->y);
    v2s_depth_model_close(&model);
    return status;
}

static v2s_status forward(run *r, const char *path) {
    v2s_safetensors *file = NULL;
    V2S_TRY(v2s_safetensors_open(path, &file));
    bool is_refiner = v2s_safetensors_find(file, "conv1d.weight") != NULL;
    v2s_safetensors_close(&file);
    if (!is_refiner)
        return see(r, path);
    v2s_refiner *m = NULL;
    v2s_refiner_info info;
    V2S_TRY(v2s_refiner_load(path, &m, &info));
    v2s_status status = refine(r, m, strcmp(info.preset, "v2s") == 0);
    v2s_refiner_close(&m);
    return status;
}

static v2s_status work(run *r, char **argv) {
    V2S_TRY(v2s_device_open("cpu", 1, &r->dev));
    V2S_TRY(v2s_npy_read(argv[2], NUMBERS_MAX, &r->in));
    r->x = take(r->in.count);
    for (size_t i = 0; i < r->in.count; i++)
        r->x[i] = (float)r->in.values[i];
    V2S_TRY(forward(r, argv[1]));
    return v2s_npy_write_f32(argv[3], r->rank, r->dim, r->y);
}

int main(int argc, char **argv) {
    run r = {0};
    if (argc != 4)
        return 2;
    v2s_status status = work(&r, argv);
    if (status != V2S_OK)
        fprintf(stderr, "network_forward: %s\n", v2s_error_text());
    free(r.x);
    free(r.y);
    v2s_npy_free(&r.in);
    v2s_device_close(&r.dev);
    return status == V2S_OK ? 0 : 1;
}
