// SPDX-License-Identifier: MIT
#include "infer/refiner_stage.h"

#include <stdlib.h>
#include <string.h>

#include "infer/band_path.h"
#include "infer/fifo.h"
#include "infer/refiner_file.h"
#include "infer/room_setup.h"
#include "infer/run_device.h"
#include "infer/seed_path.h"

enum { BLOCK_FRAMES = 4096, FOA = V2S_FOA_CHANNELS };

static const char memory_advice[] = "--device cpu needs none of the GPU's";

struct v2s_refiner_stage {
    const v2s_settings *settings;
    const v2s_refiner_choice *choice;
    v2s_device *device;
    v2s_refiner *refiner;
    v2s_refiner_info info;
    bool banded, dry; // preset v2s, and its pairing
    double rate_hz;   // of the network
    size_t channels;
    size_t tail_frames;  // that a dry sound's room goes on after its end
    v2s_seed_path *seed; // one of the two
    v2s_band_path *bands;
    v2s_fifo geometric; // waits for its residual
    v2s_fifo residual;  // at the rate of the geometric path
    float foa[BLOCK_FRAMES * FOA];
};

static v2s_status load_refiner(v2s_refiner_stage *s) {
    const v2s_settings *settings = s->settings;
    const char *path = s->choice->path;
    V2S_TRY(v2s_refiner_load(path, &s->refiner, &s->info));
    const v2s_refiner_config *c = &s->info.config;
    s->banded = strcmp(s->info.preset, "v2s") == 0;
    s->dry = strcmp(s->info.pairing, "dry") == 0;
    if (!s->banded && (c->inputs != FOA || c->outputs != FOA))
        return V2S_FAIL(V2S_FORMAT,
                        "%s: expected a network of %d inputs and %d outputs, found %d and %d", path,
                        FOA, FOA, c->inputs, c->outputs);
    if (s->dry && (settings->room != NULL || settings->room_response != NULL))
        return V2S_FAIL(V2S_USAGE, "--refiner %s makes a room (pairing dry): not with --room",
                        s->choice->name);
    if (settings->rt60 != NULL && settings->room == NULL && !(s->banded && s->dry))
        return V2S_FAIL(V2S_USAGE, "--rt60 needs --room, or a v2s refiner of the pairing dry");
    return V2S_OK;
}

v2s_status v2s_refiner_stage_open(const v2s_settings *settings, const v2s_refiner_choice *choice,
                                  v2s_run_log *log, v2s_refiner_stage **stage) {
    if (!choice->used) {
        v2s_run_log_text(log, "device", NULL);
        return V2S_OK;
    }
    v2s_refiner_stage *s = calloc(1, sizeof *s);
    if (s == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    s->settings = settings;
    s->choice = choice;
    v2s_status status = v2s_run_device_open(settings, (int)settings->threads, &s->device);
    if (status == V2S_OK)
        status = load_refiner(s);
    if (status != V2S_OK) {
        v2s_refiner_stage_close(&s);
        return status;
    }
    v2s_run_log_text(log, "device", s->device->name);
    *stage = s;
    return V2S_OK;
}

static v2s_status start_seed(v2s_refiner_stage *s, double rate_hz, v2s_run_log *log) {
    s->rate_hz = s->info.rate_hz;
    if (s->rate_hz <= 0) {
        s->rate_hz = rate_hz;
        v2s_run_log_warn(log, "%s: no rate_hz in the metadata: used at the sound's %.0f Hz",
                         s->choice->name, rate_hz);
    }
    return v2s_seed_path_open(s->refiner, s->device, rate_hz, s->rate_hz, &s->seed);
}

static v2s_status start_bands(v2s_refiner_stage *s, double rate_hz,
                              const v2s_trajectory_set *objects) {
    v2s_condition condition;
    bool wanted = s->dry && s->settings->rt60 != NULL;
    if (wanted) {
        condition = v2s_condition_of(NULL, objects->items[0].points[0].distance_m);
        V2S_TRY(v2s_room_setup_bands("--rt60", s->settings->rt60, condition.rt60_s));
    }
    s->rate_hz = rate_hz;
    v2s_band_path_config config = {.network = s->refiner,
                                   .device = s->device,
                                   .rate_hz = rate_hz,
                                   .dry = s->dry,
                                   .condition = wanted ? &condition : NULL,
                                   .objects = objects};
    V2S_TRY(v2s_band_path_open(&config, &s->bands));
    s->tail_frames = s->dry ? v2s_band_path_tail_frames(s->bands) : 0;
    return V2S_OK;
}

v2s_status v2s_refiner_stage_start(v2s_refiner_stage *s, double rate_hz, int channels,
                                   const v2s_trajectory_set *objects, v2s_run_log *log) {
    s->channels = s->geometric.channels = (size_t)channels;
    s->residual.channels = FOA;
    v2s_status status = s->banded ? start_bands(s, rate_hz, objects) : start_seed(s, rate_hz, log);
    return v2s_run_device_fault(status, s->device, memory_advice);
}

void v2s_refiner_stage_tap(v2s_refiner_stage *s, size_t index, v2s_mixer_input *input) {
    if (s->bands == NULL)
        return;
    input->tap = v2s_band_path_tap;
    input->tap_ctx = v2s_band_path_tap_ctx(s->bands, index);
    input->tail_frames = s->tail_frames;
}

// Geometric frames whose residual has come.
static v2s_status emit(v2s_refiner_stage *s, v2s_outputs *outputs) {
    size_t ready = s->geometric.count < s->residual.count ? s->geometric.count : s->residual.count;
    if (ready == 0)
        return V2S_OK;
    float amount = (float)s->settings->refiner_amount;
    float *ambi = v2s_fifo_front(&s->geometric);
    const float *residual = v2s_fifo_front(&s->residual);
    for (size_t i = 0; i < ready; i++)
        for (size_t c = 0; c < FOA; c++)
            ambi[i * s->channels + c] += amount * residual[i * FOA + c];
    V2S_TRY(v2s_outputs_write(outputs, ambi, ready));
    v2s_fifo_drop(&s->geometric, ready);
    v2s_fifo_drop(&s->residual, ready);
    return V2S_OK;
}

static v2s_status push_seed(v2s_refiner_stage *s, const float *ambi, size_t frames) {
    while (frames > 0) {
        size_t n = frames < BLOCK_FRAMES ? frames : BLOCK_FRAMES;
        for (size_t i = 0; i < n; i++)
            memcpy(s->foa + i * FOA, ambi + i * s->channels, FOA * sizeof(float));
        V2S_TRY(v2s_run_device_fault(v2s_seed_path_push(s->seed, s->foa, n, &s->residual),
                                     s->device, memory_advice));
        ambi += n * s->channels;
        frames -= n;
    }
    return V2S_OK;
}

v2s_status v2s_refiner_stage_push(v2s_refiner_stage *s, const float *ambi, size_t frames,
                                  v2s_outputs *outputs) {
    V2S_TRY(v2s_fifo_push(&s->geometric, ambi, frames));
    if (s->seed != NULL)
        V2S_TRY(push_seed(s, ambi, frames));
    else // the mixer's taps have pushed W
        V2S_TRY(v2s_band_path_collect(s->bands, &s->residual));
    return emit(s, outputs);
}

v2s_status v2s_refiner_stage_finish(v2s_refiner_stage *s, v2s_outputs *outputs) {
    v2s_status status = s->seed != NULL ? v2s_seed_path_finish(s->seed, &s->residual)
                                        : v2s_band_path_finish(s->bands, &s->residual);
    V2S_TRY(v2s_run_device_fault(status, s->device, memory_advice));
    // Two conversions round the length: the last sample or two may have no residual.
    if (s->residual.count < s->geometric.count) {
        float *at = NULL;
        size_t missing = s->geometric.count - s->residual.count;
        V2S_TRY(v2s_fifo_reserve(&s->residual, missing, &at));
        memset(at, 0, missing * FOA * sizeof *at);
        s->residual.count += missing;
    }
    return emit(s, outputs);
}

void v2s_refiner_stage_report(const v2s_refiner_stage *s, v2s_run_log *log) {
    char details[96];
    if (s->seed != NULL)
        snprintf(details, sizeof details, "chunks overlap by %d samples",
                 v2s_seed_path_overlap(s->seed));
    else
        snprintf(details, sizeof details, "pairing %s", s->info.pairing);
    v2s_run_log_row(
        log, "refiner", "%s (%s, CRC-32 %08x), amount %.2f, at %.0f Hz, %s%s%s", s->choice->name,
        s->info.preset, (unsigned)s->info.crc32, s->settings->refiner_amount, s->rate_hz, details,
        s->choice->why != NULL ? ": " : "", s->choice->why != NULL ? s->choice->why : "");
    v2s_run_device_report(s->device, s->settings, log);
    v2s_run_log_text(log, "refiner", s->choice->name);
    v2s_run_log_number(log, "refiner_rate_hz", s->rate_hz);
    v2s_run_log_number(log, "refiner_amount", s->settings->refiner_amount);
    if (s->seed != NULL)
        v2s_seed_path_report(s->seed, s->choice->name, log);
}

void v2s_refiner_stage_close(v2s_refiner_stage **stage) {
    v2s_refiner_stage *s = *stage;
    if (s == NULL)
        return;
    v2s_seed_path_close(&s->seed);
    v2s_band_path_close(&s->bands);
    v2s_fifo_free(&s->geometric);
    v2s_fifo_free(&s->residual);
    v2s_refiner_close(&s->refiner);
    v2s_device_close(&s->device);
    free(s);
    *stage = NULL;
}
