// SPDX-License-Identifier: MIT
#include "infer/clip_refiner.h"

#include <stdlib.h>
#include <string.h>

#include "infer/band_stream.h"
#include "infer/refiner_file.h"
#include "kernels/resample.h"
#include "nn/refiner_stream.h"
#include "spatial/foa_basis_set.h"

enum { BLOCK_FRAMES = 16384, C = V2S_FOA_CHANNELS };

struct v2s_clip_refiner {
    const v2s_device *dev;
    v2s_refiner_info info;
    v2s_refiner *network;
    v2s_refiner_floors floors;
    bool banded; // preset "v2s": gains per band on the basis
    bool dry;    // its pairing
    v2s_foa_basis_set *bases;
};

static v2s_status check_floors(const char *path, const v2s_clip_refiner *r) {
    int expected = V2S_BASIS_BANDS * v2s_foa_basis_gains(r->dry), found = r->floors.constant_count;
    if (r->banded && r->floors.constant != NULL && found != expected)
        return V2S_FAIL(V2S_FORMAT, "%s: tensor floor.constant: expected %d numbers, found %d",
                        path, expected, found);
    return V2S_OK;
}

static v2s_status open_refiner(const char *path, v2s_clip_refiner *r) {
    V2S_TRY(v2s_refiner_load(path, &r->network, &r->info));
    V2S_TRY(v2s_refiner_read_floors(path, &r->floors));
    r->banded = strcmp(r->info.preset, "v2s") == 0;
    r->dry = strcmp(r->info.pairing, "dry") == 0;
    V2S_TRY(check_floors(path, r));
    return v2s_foa_basis_set_open(r->dry, &r->bases);
}

v2s_status v2s_clip_refiner_open(const char *path, const v2s_device *dev, v2s_clip_refiner **out) {
    v2s_clip_refiner *r = calloc(1, sizeof *r);
    if (r == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    r->dev = dev;
    v2s_status status = open_refiner(path, r);
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
    case V2S_CLIP_UNCONDITIONED: // the seed is not told anything
        return r->banded;
    case V2S_CLIP_SCALED:
        return r->floors.has_scaled;
    case V2S_CLIP_CONSTANT: // the seed has no basis whose gains could be constant
        return r->banded && r->floors.constant != NULL;
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
    v2s_status status = v2s_refiner_stream_open(r->network, r->dev, NULL, &s);
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

// ---- v2s: gains per band on the basis, at the clip's own rate -----------------------------------

// out += residual, a block at a time.
static v2s_status stream_bands(v2s_band_stream *s, const v2s_pair *pair, float *block, float *out) {
    size_t done = 0;
    for (size_t at = 0; at < pair->frames;) {
        size_t n = pair->frames - at < BLOCK_FRAMES ? pair->frames - at : BLOCK_FRAMES, got;
        for (size_t i = 0; i < n; i++)
            block[i] = pair->geometric[(at + i) * C];
        V2S_TRY(v2s_band_stream_push(s, block, n));
        at += n;
        if (at == pair->frames)
            V2S_TRY(v2s_band_stream_finish(s));
        while ((got = v2s_band_stream_pull(s, block, BLOCK_FRAMES)) > 0) {
            for (size_t i = 0; i < got * C; i++)
                out[done * C + i] += block[i];
            done += got;
        }
    }
    V2S_ASSERT(done == pair->frames);
    return V2S_OK;
}

static v2s_status apply_bands(v2s_clip_refiner *r, v2s_clip_system system, const v2s_clip *clip,
                              const v2s_pair *pair, float *out) {
    const v2s_foa_basis *basis = NULL;
    V2S_TRY(v2s_foa_basis_set_get(r->bases, pair->rate_hz, &basis));
    v2s_condition condition = v2s_condition_of(clip, pair->path.points[0].distance_m);
    v2s_band_stream_config config = {.basis = basis,
                                     .network = system == V2S_CLIP_CONSTANT ? NULL : r->network,
                                     .constant = r->floors.constant,
                                     .device = r->dev,
                                     .path = &pair->path,
                                     .condition = r->dry ? &condition : NULL,
                                     .neutral = system == V2S_CLIP_UNCONDITIONED};
    v2s_band_stream *s = NULL;
    float *block = malloc(BLOCK_FRAMES * C * sizeof *block);
    v2s_status status =
        block != NULL ? v2s_band_stream_open(&config, &s) : V2S_FAIL(V2S_NOMEM, "out of memory");
    memcpy(out, pair->geometric, pair->frames * C * sizeof *out);
    if (status == V2S_OK)
        status = stream_bands(s, pair, block, out);
    v2s_band_stream_close(&s);
    free(block);
    return status;
}

// -------------------------------------------------------------------------------------------------

v2s_status v2s_clip_refiner_apply(v2s_clip_refiner *r, v2s_clip_system system, const v2s_clip *clip,
                                  const v2s_pair *pair, float *out) {
    if (!v2s_clip_refiner_has(r, system))
        return V2S_FAIL(V2S_ARG, "the refiner's file has no such system");
    if (system != V2S_CLIP_SCALED)
        return r->banded ? apply_bands(r, system, clip, pair, out)
                         : apply_seed(r, pair, out); // the seed is not conditioned
    for (size_t i = 0; i < pair->frames * C; i++)
        out[i] = r->floors.scaled[i % C] * pair->geometric[i];
    return V2S_OK;
}

void v2s_clip_refiner_close(v2s_clip_refiner **r) {
    if (*r == NULL)
        return;
    v2s_refiner_close(&(*r)->network);
    v2s_refiner_floors_free(&(*r)->floors);
    v2s_foa_basis_set_close(&(*r)->bases);
    free(*r);
    *r = NULL;
}
