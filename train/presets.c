// SPDX-License-Identifier: MIT
#include "train/presets.h"

#include <stdio.h>
#include <string.h>

#include "infer/refiner_file.h"
#include "train/objective_seed.h"
#include "train/objective_v2s.h"
#include "train/weight_list.h"

static const size_t seed_memory_bytes = (size_t)2 << 30;

static v2s_status open_seed(const v2s_objective_setup *setup, v2s_objective **out) {
    const v2s_refiner_settings *s = setup->settings;
    v2s_objective_seed_config config = {.network = v2s_refiner_seed(),
                                        .rate_hz = s->rate_hz,
                                        .segment_s = s->segment_s,
                                        .pairing = v2s_pairing_name(setup->pairing),
                                        .rows = setup->rows,
                                        .threads = setup->threads,
                                        .memory_bytes = seed_memory_bytes,
                                        .strict = s->strict,
                                        .log = setup->log};
    V2S_TRY(v2s_augment_parse("--augment", s->augment != NULL ? s->augment : "rotation,mirror,gain",
                              &config.augment));
    V2S_TRY(v2s_loss_weights_parse("--loss", s->loss != NULL ? s->loss : "mse=1", &config.loss));
    if (setup->init != NULL) { // other sizes than the usual ones work too
        v2s_refiner *m = NULL;
        v2s_refiner_info info;
        V2S_TRY(v2s_refiner_load(setup->init, &m, &info));
        v2s_refiner_close(&m);
        config.network = info.config;
        if (info.config.inputs != V2S_REFINER_CHANNELS ||
            info.config.outputs != V2S_REFINER_CHANNELS)
            return V2S_FAIL(V2S_FORMAT,
                            "%s: expected a seed refiner with 4 inputs and outputs, "
                            "found %d and %d",
                            setup->init, info.config.inputs, info.config.outputs);
    }
    return v2s_objective_seed_open(&config, setup->train, setup->train_count, setup->val,
                                   setup->val_count, out);
}

// --augment of preset v2s: what is hidden from the network.
static v2s_status parse_hiding(const char *text, v2s_objective_v2s_config *config) {
    const v2s_objective_v2s_config usual = *config;
    config->dropout = config->band_limit = config->equaliser_db = 0;
    for (const char *at = text; strcmp(text, "none") != 0;) {
        size_t length = strcspn(at, ",");
        if (length == 7 && strncmp(at, "dropout", 7) == 0)
            config->dropout = usual.dropout;
        else if (length == 10 && strncmp(at, "band-limit", 10) == 0)
            config->band_limit = usual.band_limit;
        else if (length == 9 && strncmp(at, "equaliser", 9) == 0)
            config->equaliser_db = usual.equaliser_db;
        else
            return V2S_FAIL(V2S_USAGE,
                            "--augment: preset v2s: expected none, dropout, band-limit or "
                            "equaliser, found "
                            "'%.*s'",
                            (int)length, at);
        if (at[length] == '\0')
            break;
        at += length + 1;
    }
    return V2S_OK;
}

static v2s_status check_init(const v2s_objective_setup *setup, const char *pairing,
                             v2s_objective_v2s_config *config) {
    v2s_refiner *m = NULL;
    v2s_refiner_info info;
    V2S_TRY(v2s_refiner_load(setup->init, &m, &info));
    v2s_refiner_close(&m);
    if (strcmp(info.preset, "v2s") != 0 || strcmp(info.pairing, pairing) != 0)
        return V2S_FAIL(V2S_FORMAT, "%s: expected a v2s refiner for the pairing %s", setup->init,
                        pairing);
    config->channels = info.config.channels;
    config->hidden = info.config.hidden;
    config->kernel = info.config.kernel;
    return V2S_OK;
}

static v2s_status open_v2s(const v2s_objective_setup *setup, v2s_objective **out) {
    const v2s_refiner_settings *s = setup->settings;
    v2s_objective_v2s_config config = v2s_objective_v2s_defaults(setup->pairing);
    config.rows = setup->rows;
    config.threads = setup->threads;
    config.strict = s->strict;
    config.log = setup->log;
    if (s->rate_hz > 0)
        config.rate_hz = s->rate_hz;
    if (s->segment_s > 0)
        config.segment_s = s->segment_s;
    if (s->augment != NULL)
        V2S_TRY(parse_hiding(s->augment, &config));
    if (s->loss != NULL)
        V2S_TRY(v2s_weight_list_parse("--loss", s->loss, v2s_band_term_names, V2S_BAND_TERMS,
                                      config.loss.weight));
    if (setup->init != NULL)
        V2S_TRY(check_init(setup, v2s_pairing_name(setup->pairing), &config));
    return v2s_objective_v2s_open(&config, setup->train, setup->train_count, setup->val,
                                  setup->val_count, out);
}

static const v2s_preset presets[] = {
    {"seed", open_seed},
    {"v2s", open_v2s},
};
enum { PRESETS = sizeof presets / sizeof presets[0] };

const v2s_preset *v2s_preset_find(const char *name) {
    for (size_t i = 0; i < PRESETS; i++)
        if (strcmp(presets[i].name, name) == 0)
            return &presets[i];
    return NULL;
}

const char *v2s_preset_names(char text[128]) {
    size_t at = 0;
    for (size_t i = 0; i < PRESETS && at < 128; i++)
        at += (size_t)snprintf(text + at, 128 - at, "%s%s", i > 0 ? "|" : "", presets[i].name);
    return text;
}
