// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/export.h"
#include "infer/refiner_choice.h"
#include "spatial/foa_basis.h"

enum { OWN_KEYS = 16 }; // at most that many are added to those of the file

// The words of --pairing, --attention-scale and --ears (infer/settings.c); 0 is "auto".
static const char *const pairings[] = {NULL, "dry", "omni"};
static const char *const scales[] = {NULL, "channels", "key"};
static const char *const ears[] = {NULL, "both", "left"};

static bool has_key(const v2s_export *e, const char *key) {
    return v2s_safetensors_metadata(e->file, key) != NULL;
}

// By metadata, else by a tensor that only that model has.
static bool is_model(const v2s_safetensors *file, const char *model, const char *tensor) {
    const char *told = v2s_safetensors_metadata(file, "model");
    return told != NULL ? strcmp(told, model) == 0 : v2s_safetensors_find(file, tensor) != NULL;
}

// ---- refiner ------------------------------------------------------------------------------------

static v2s_status refuse_depth_options(const v2s_settings *s, const v2s_export *e) {
    const char *option = s->attention_scale != 0 ? "--attention-scale"
                         : s->map_size != 0      ? "--size"
                         : s->max_depth_m > 0    ? "--max-depth"
                         : s->ears != 0          ? "--ears"
                                                 : NULL;
    return option == NULL ? V2S_OK
                          : V2S_FAIL(V2S_ARG, "%s is a refiner, which has no %s", e->path, option);
}

static v2s_status set_pairing(const v2s_settings *s, v2s_export *e, v2s_run_log *log) {
    const char *given = pairings[s->pairing];
    char *pairing = e->info.pairing;
    if (given != NULL && pairing[0] != '\0' && strcmp(given, pairing) != 0)
        return V2S_FAIL(V2S_ARG, "%s: its pairing is %s by its %s: not --pairing %s", e->path,
                        pairing, has_key(e, "pairing") ? "metadata" : "tensors' shapes", given);
    if (given != NULL)
        snprintf(pairing, sizeof e->info.pairing, "%s", given);
    if (pairing[0] == '\0')
        v2s_run_log_warn(log,
                         "%s does not say its pairing, which stays unknown: --pairing dry or "
                         "omni writes it",
                         e->path);
    return V2S_OK;
}

static v2s_status set_rate(const v2s_settings *s, v2s_export *e, bool banded, v2s_run_log *log) {
    if (banded && s->rate_hz > 0)
        return V2S_FAIL(V2S_ARG, "%s: preset v2s works at every rate: no --rate", e->path);
    if (s->rate_hz != floor(s->rate_hz))
        return V2S_FAIL(V2S_ARG, "--rate: expected whole Hz, found %g", s->rate_hz);
    if (s->rate_hz > 0 && e->info.rate_hz > 0 && (int)s->rate_hz != e->info.rate_hz)
        return V2S_FAIL(V2S_ARG, "%s: its rate is %d Hz by its metadata: not --rate %g", e->path,
                        e->info.rate_hz, s->rate_hz);
    if (s->rate_hz > 0)
        e->info.rate_hz = (int)s->rate_hz;
    if (!banded && e->info.rate_hz == 0)
        v2s_run_log_warn(log,
                         "%s does not say the rate of its sounds, which stays unknown: "
                         "--rate HZ writes it",
                         e->path);
    return V2S_OK;
}

static void add(v2s_export *e, const char *key, const char *value) {
    if (!has_key(e, key))
        e->metadata[e->metadata_count++] = (v2s_safetensors_pair){key, value};
}

static v2s_status open_refiner(const v2s_settings *s, v2s_export *e, v2s_run_log *log) {
    V2S_TRY(v2s_refiner_load(e->path, &e->refiner, &e->info));
    bool banded = strcmp(e->info.preset, "v2s") == 0;
    if (!banded && (e->info.config.inputs != V2S_REFINER_CHANNELS ||
                    e->info.config.outputs != V2S_REFINER_CHANNELS))
        return V2S_FAIL(V2S_FORMAT,
                        "%s: preset seed: expected a network of %d inputs and %d outputs, found %d "
                        "and %d",
                        e->path, V2S_REFINER_CHANNELS, V2S_REFINER_CHANNELS, e->info.config.inputs,
                        e->info.config.outputs);
    V2S_TRY(refuse_depth_options(s, e));
    V2S_TRY(set_pairing(s, e, log));
    V2S_TRY(set_rate(s, e, banded, log));
    if (banded && !has_key(e, "basis"))
        v2s_run_log_warn(log, "%s does not say for which basis it was trained: taken as version %s",
                         e->path, V2S_FOA_BASIS_VERSION);
    snprintf(e->rate_text, sizeof e->rate_text, "%d", e->info.rate_hz);
    add(e, "model", "refiner");
    add(e, "preset", e->info.preset);
    if (banded)
        add(e, "basis", V2S_FOA_BASIS_VERSION);
    if (!banded && e->info.rate_hz > 0)
        add(e, "rate_hz", e->rate_text);
    if (e->info.pairing[0] != '\0')
        add(e, "pairing", e->info.pairing);
    v2s_safetensors_pair pair;
    for (int i = 0; v2s_refiner_conventions(banded, i, &pair); i++)
        add(e, pair.key, pair.value);
    return V2S_OK;
}

// ---- depth network
// --------------------------------------------------------------------------------

// A number that the file may say and an option may give; `published` is what *value is where
// neither does.
static v2s_status set_number(const v2s_export *e, const char *key, const char *option, double given,
                             double *value, v2s_run_log *log) {
    bool told = has_key(e, key);
    if (given > 0 && told && given != *value)
        return V2S_FAIL(V2S_ARG, "%s: %s is %g by its metadata: not %s %g", e->path, key, *value,
                        option, given);
    if (given > 0)
        *value = given;
    else if (!told)
        v2s_run_log_warn(log, "%s does not say %s: taken as %g; %s writes another", e->path, key,
                         *value, option);
    return V2S_OK;
}

// The same for one of two words; *second: it is words[2].
static v2s_status set_word(const v2s_export *e, const char *key, const char *option,
                           const char *const words[3], int given, bool *second, v2s_run_log *log) {
    bool told = has_key(e, key);
    if (given != 0 && told && (given == 2) != *second)
        return V2S_FAIL(V2S_ARG, "%s: %s is %s by its metadata: not %s %s", e->path, key,
                        words[*second ? 2 : 1], option, words[given]);
    if (given != 0)
        *second = given == 2;
    else if (!told)
        v2s_run_log_warn(log, "%s does not say %s: taken as %s; %s writes another", e->path, key,
                         words[*second ? 2 : 1], option);
    return V2S_OK;
}

static v2s_status apply_options(const v2s_settings *s, v2s_export *e, v2s_run_log *log) {
    double size = e->config.size, rate_hz = e->depth_rate_hz;
    bool by_key = e->config.scale == V2S_ATTENTION_SCALE_KEY;
    if (s->pairing != 0)
        return V2S_FAIL(V2S_ARG, "%s is a depth network, which has no --pairing", e->path);
    if (s->map_size % 16 != 0)
        return V2S_FAIL(V2S_ARG, "--size: expected a multiple of 16, found %d", (int)s->map_size);
    if (s->rate_hz != floor(s->rate_hz))
        return V2S_FAIL(V2S_ARG, "--rate: expected whole Hz, found %g", s->rate_hz);
    if (s->map_size > 0 && e->depth.mean_depth != NULL && s->map_size != e->config.size)
        return V2S_FAIL(V2S_ARG, "%s: floor.mean_depth has size %d: not --size %d", e->path,
                        e->config.size, (int)s->map_size);
    V2S_TRY(set_word(e, "attention_scale", "--attention-scale", scales, s->attention_scale, &by_key,
                     log));
    if (e->depth.mean_depth == NULL) // which has that size
        V2S_TRY(set_number(e, "size", "--size", (double)s->map_size, &size, log));
    V2S_TRY(
        set_number(e, "max_depth_m", "--max-depth", s->max_depth_m, &e->config.max_depth_m, log));
    V2S_TRY(set_number(e, "rate_hz", "--rate", s->rate_hz, &rate_hz, log));
    V2S_TRY(set_word(e, "ears", "--ears", ears, s->ears, &e->left_only, log));
    e->config.size = (int)size;
    e->config.scale = by_key ? V2S_ATTENTION_SCALE_KEY : V2S_ATTENTION_SCALE_CHANNELS;
    e->depth_rate_hz = (int)rate_hz;
    return V2S_OK;
}

static v2s_status open_depth(const v2s_settings *s, v2s_export *e, v2s_run_log *log) {
    V2S_TRY(v2s_depth_file_open(e->path, &e->depth));
    e->config = e->depth.config;
    e->depth_rate_hz = e->depth.rate_hz;
    e->left_only = e->depth.left_only;
    V2S_TRY(apply_options(s, e, log));
    v2s_safetensors_pair pair;
    for (int i = 0;
         i < V2S_EXPORT_DEPTH_KEYS &&
         v2s_depth_file_metadata(&e->config, e->depth_rate_hz, e->left_only, i, e->texts[i], &pair);
         i++)
        add(e, pair.key, pair.value);
    return V2S_OK;
}

// ---- either
// ---------------------------------------------------------------------------------------

static v2s_status list_metadata(v2s_export *e) {
    const char *key, *value;
    int count = 0;
    while (v2s_safetensors_metadata_at(e->file, count, &key, &value))
        count++;
    e->metadata = calloc((size_t)count + OWN_KEYS, sizeof *e->metadata);
    if (e->metadata == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (int i = 0; v2s_safetensors_metadata_at(e->file, i, &key, &value); i++)
        if (strcmp(key, "crc32") != 0) // written anew
            e->metadata[e->metadata_count++] = (v2s_safetensors_pair){key, value};
    return V2S_OK;
}

static v2s_status open_any(const v2s_settings *s, v2s_export *e, v2s_run_log *log) {
    V2S_TRY(v2s_safetensors_open(e->path, &e->file));
    V2S_TRY(list_metadata(e));
    if (is_model(e->file, "refiner", "conv1d.weight"))
        return open_refiner(s, e, log);
    e->is_depth = is_model(e->file, "depth", "encoder_left.inc.double_conv.0.weight");
    if (e->is_depth)
        return open_depth(s, e, log);
    return V2S_FAIL(V2S_FORMAT,
                    "%s: neither a refiner (tensor conv1d.weight) nor a depth network (tensor "
                    "encoder_left.inc.double_conv.0.weight)",
                    e->path);
}

v2s_status v2s_export_open(const v2s_settings *settings, v2s_run_log *log, v2s_export **out) {
    v2s_export *e = calloc(1, sizeof *e);
    if (e == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_refiner_path(settings->inputs.items[0], e->path);
    v2s_status status = open_any(settings, e, log);
    if (status != V2S_OK) {
        v2s_export_close(&e);
        return status;
    }
    *out = e;
    return V2S_OK;
}

void v2s_export_close(v2s_export **e) {
    if (*e != NULL) {
        v2s_refiner_close(&(*e)->refiner);
        v2s_depth_file_close(&(*e)->depth);
        v2s_safetensors_close(&(*e)->file);
        free((*e)->metadata);
    }
    free(*e);
    *e = NULL;
}

size_t v2s_export_parameters(const v2s_export *e) {
    return e->is_depth ? v2s_depth_net_parameters(e->depth.net) : e->info.parameters;
}
