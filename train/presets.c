// SPDX-License-Identifier: MIT
#include "train/presets.h"

#include <stdio.h>
#include <string.h>

#include "infer/refiner_file.h"
#include "train/objective_seed.h"

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

static const v2s_preset presets[] = {
    {"seed", open_seed},
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
