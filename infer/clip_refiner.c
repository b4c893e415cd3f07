// SPDX-License-Identifier: MIT
#include "infer/clip_refiner.h"

#include <stdlib.h>
#include <string.h>

#include "checkpoints/safetensors.h"
#include "infer/refiner_file.h"
#include "kernels/resample.h"
#include "nn/refiner_stream.h"

enum { BLOCK_FRAMES = 16384, C = V2S_FOA_CHANNELS };

struct v2s_clip_refiner {
    const v2s_device *dev;
    v2s_refiner_info info;
    v2s_refiner *seed; // preset "seed"
    bool has_scaled;
    float scaled[C]; // gains of W, Y, Z, X
};

// The floors stand in the file as tensors of their own.
static v2s_status read_floors(const char *path, v2s_clip_refiner *r) {
    v2s_safetensors *file = NULL;
    V2S_TRY(v2s_safetensors_open(path, &file));
    v2s_status status = V2S_OK;
    if (v2s_safetensors_find(file, "floor.scaled") != NULL) {
        const int dim[1] = {C};
        status = v2s_safetensors_read_f32(file, "floor.scaled", 1, dim, r->scaled);
        r->has_scaled = status == V2S_OK;
    }
    v2s_safetensors_close(&file);
    return status;
}

v2s_status v2s_clip_refiner_open(const char *path, const v2s_device *dev, v2s_clip_refiner **out) {
    v2s_clip_refiner *r = calloc(1, sizeof *r);
    if (r == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    r->dev = dev;
    v2s_status status = v2s_refiner_load(path, &r->seed, &r->info);
    if (status == V2S_OK)
        status = read_floors(path, r);
    if (status != V2S_OK) {
        v2s_clip_refiner_close(&r);
        return status;
    }
    *out = r;
    return V2S_OK;
}

const char *v2s_clip_refiner_preset(const v2s_clip_refiner *r) {
    return r->info.preset;
}

const char *v2s_clip_refiner_pairing(const v2s_clip_refiner *r) {
    return r->info.pairing;
}

bool v2s_clip_refiner_has(const v2s_clip_refiner *r, v2s_clip_system system) {
    switch (system) {
    case V2S_CLIP_REFINED:
        return true;
    case V2S_CLIP_SCALED:
        return r->has_scaled;
    case V2S_CLIP_CONSTANT: // the seed has no basis whose gains could be constant
        return false;
    }
    return false;
}

// ---- seed: the residual of the network, at the rate it was trained for -------------------------

static v2s_status stream_residual(v2s_refiner_stream *s, const float *foa, size_t frames,
                                  float *residual) {
    size_t done = 0;
    for (size_t at = 0; at < frames;) {
        size_t n = frames - at < BLOCK_FRAMES ? frames - at : BLOCK_FRAMES;
        V2S_TRY(v2s_refiner_stream_push(s, foa + at * C, (int)n));
        at += n;
        if (at == frames)
            V2S_TRY(v2s_refiner_stream_finish(s));
        int got;
        while ((got = v2s_refiner_stream_pull(s, residual + done * C, BLOCK_FRAMES)) > 0)
            done += (size_t)got;
    }
    V2S_ASSERT(done == frames);
    return V2S_OK;
}

// residual is malloc'ed [frames][4].
static v2s_status seed_residual(const v2s_clip_refiner *r, const float *foa, size_t frames,
                                float **residual) {
    // Room for a whole block behind the last frame: pull is asked for blocks.
    float *made = malloc((frames + BLOCK_FRAMES) * C * sizeof *made);
    if (made == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_refiner_stream *s = NULL;
    v2s_status status = v2s_refiner_stream_open(r->seed, r->dev, NULL, &s);
    if (status == V2S_OK)
        status = stream_residual(s, foa, frames, made);
    v2s_refiner_stream_close(&s);
    if (status != V2S_OK) {
        free(made);
        return status;
    }
    *residual = made;
    return V2S_OK;
}

static v2s_status apply_seed(const v2s_clip_refiner *r, const v2s_pair *pair, float *out) {
    double rate_hz = r->info.rate_hz > 0 ? r->info.rate_hz : pair->rate_hz;
    float *in = NULL, *residual = NULL, *up = NULL;
    size_t in_frames = 0, up_frames = 0;
    V2S_TRY(
        v2s_resample(pair->geometric, pair->frames, C, pair->rate_hz, rate_hz, &in, &in_frames));
    v2s_status status = seed_residual(r, in, in_frames, &residual);
    if (status == V2S_OK)
        status = v2s_resample(residual, in_frames, C, rate_hz, pair->rate_hz, &up, &up_frames);
    if (status == V2S_OK) {
        // Two conversions round the length: the last sample or two may have no residual.
        size_t shared = up_frames < pair->frames ? up_frames : pair->frames;
        memcpy(out, pair->geometric, pair->frames * C * sizeof *out);
        for (size_t i = 0; i < shared * C; i++)
            out[i] += up[i];
    }
    free(up);
    free(residual);
    free(in);
    return status;
}

// -------------------------------------------------------------------------------------------------

v2s_status v2s_clip_refiner_apply(v2s_clip_refiner *r, v2s_clip_system system, const v2s_clip *clip,
                                  const v2s_pair *pair, float *out) {
    (void)clip; // the seed is not conditioned
    if (!v2s_clip_refiner_has(r, system))
        return V2S_FAIL(V2S_ARG, "the refiner's file has no such system");
    if (system == V2S_CLIP_REFINED)
        return apply_seed(r, pair, out);
    for (size_t i = 0; i < pair->frames * C; i++)
        out[i] = r->scaled[i % C] * pair->geometric[i];
    return V2S_OK;
}

void v2s_clip_refiner_close(v2s_clip_refiner **r) {
    if (*r == NULL)
        return;
    v2s_refiner_close(&(*r)->seed);
    free(*r);
    *r = NULL;
}
