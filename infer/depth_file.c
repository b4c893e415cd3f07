// SPDX-License-Identifier: MIT
#include "infer/depth_file.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/echo.h"

enum { RATE_MIN_HZ = 1000, RATE_MAX_HZ = 384000, RATE_PUBLISHED_HZ = 44100 };
#define DEPTH_MAX_M 10000.0

typedef struct join {
    v2s_safetensors *file;
    const char *path;
    v2s_depth_file *out;
} join;

// Text of a file as it may appear in a message.
static const char *shown(const char *text) {
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return "control characters";
    return text;
}

// ---- lists of levels ------------------------------------------------------------------------

const char *v2s_depth_levels_text(const v2s_depth_config *config, char text[16]) {
    char *at = text;
    for (int l = 0; l < V2S_DEPTH_LEVELS; l++)
        if (config->attention[l]) {
            if (at != text)
                *at++ = ',';
            *at++ = (char)('1' + l);
        }
    *at = '\0';
    return text;
}

v2s_status v2s_depth_levels_parse(const char *text, v2s_depth_config *config) {
    bool levels[V2S_DEPTH_LEVELS] = {false};
    for (const char *at = text; *at != '\0';) {
        int l = *at - '1';
        if (l < 0 || l >= V2S_DEPTH_LEVELS || (at[1] != '\0' && (at[1] != ',' || at[2] == '\0')))
            return V2S_FAIL(V2S_ARG,
                            "attention levels: expected numbers 1 .. %d with commas between them, "
                            "found \"%.32s\"",
                            V2S_DEPTH_LEVELS, shown(text));
        if (levels[l])
            return V2S_FAIL(V2S_ARG, "attention levels: %d appears twice in \"%.32s\"", l + 1,
                            shown(text));
        levels[l] = true;
        at += at[1] == ',' ? 2 : 1;
    }
    memcpy(config->attention, levels, sizeof levels);
    return V2S_OK;
}

// ---- metadata -------------------------------------------------------------------------------

static const char *scale_name(v2s_attention_scale scale) {
    return scale == V2S_ATTENTION_SCALE_KEY ? "key" : "channels";
}

// The shortest text that reads as this number again.
static void number_text(double value, char text[V2S_DEPTH_FILE_TEXT_MAX]) {
    snprintf(text, V2S_DEPTH_FILE_TEXT_MAX, "%.15g", value);
    if (strtod(text, NULL) != value)
        snprintf(text, V2S_DEPTH_FILE_TEXT_MAX, "%.17g", value);
}

bool v2s_depth_file_metadata(const v2s_depth_config *config, int rate_hz, bool left_only, int index,
                             char text[V2S_DEPTH_FILE_TEXT_MAX], v2s_safetensors_pair *pair) {
    static const char *const keys[] = {"model",           "base_channels", "attention_levels",
                                       "attention_scale", "size",          "max_depth_m",
                                       "rate_hz",         "ears",          "hop",
                                       "conventions"};
    if (index < 0 || index >= (int)(sizeof keys / sizeof *keys))
        return false;
    *pair = (v2s_safetensors_pair){keys[index], text};
    switch (index) {
    case 0:
        pair->value = "depth";
        break;
    case 1:
        snprintf(text, V2S_DEPTH_FILE_TEXT_MAX, "%d", config->base_channels);
        break;
    case 2:
        v2s_depth_levels_text(config, text);
        break;
    case 3:
        pair->value = scale_name(config->scale);
        break;
    case 4:
        snprintf(text, V2S_DEPTH_FILE_TEXT_MAX, "%d", config->size);
        break;
    case 5:
        number_text(config->max_depth_m, text);
        break;
    case 6:
        snprintf(text, V2S_DEPTH_FILE_TEXT_MAX, "%d", rate_hz);
        break;
    case 7:
        pair->value = left_only ? "left" : "both";
        break;
    case 8:
        snprintf(text, V2S_DEPTH_FILE_TEXT_MAX, "%d samples", V2S_ECHO_HOP);
        break;
    default:
        pair->value = "magnitude spectrograms (window 64, transform 512, resized), left ear first, "
                      "row 0 is 0 Hz, column 0 the first sample; depth in metres";
    }
    return true;
}

// *value of a key, which stays as it is where the key is absent. The number is at least `least`, at
// most `most` and, unless `step` is 0, a multiple of it.
static v2s_status get_number(const join *j, const char *key, double least, double most, double step,
                             double *value, bool *found) {
    const char *text = v2s_safetensors_metadata(j->file, key);
    *found = text != NULL;
    if (text == NULL)
        return V2S_OK;
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end != '\0' || !(number >= least && number <= most) ||
        (step > 0.0 && fmod(number, step) != 0.0))
        return V2S_FAIL(V2S_FORMAT, "%s: metadata %s: expected %s%g .. %g, found \"%.32s\"",
                        j->path, key,
                        step == 8.0    ? "a multiple of 8, "
                        : step == 16.0 ? "a multiple of 16, "
                        : step == 1.0  ? "a whole number, "
                                       : "",
                        least, most, shown(text));
    *value = number;
    return V2S_OK;
}

// Whether the value of a key is words[1] (not words[0]); as it was where the key is absent.
static v2s_status get_word(const join *j, const char *key, const char *const words[2], bool *second,
                           bool *found) {
    const char *text = v2s_safetensors_metadata(j->file, key);
    *found = text != NULL;
    if (text == NULL)
        return V2S_OK;
    if (strcmp(text, words[0]) != 0 && strcmp(text, words[1]) != 0)
        return V2S_FAIL(V2S_FORMAT, "%s: metadata %s: expected %s or %s, found \"%.32s\"", j->path,
                        key, words[0], words[1], shown(text));
    *second = strcmp(text, words[1]) == 0;
    return V2S_OK;
}

static v2s_status warn(v2s_depth_file *out, const char *format, ...) V2S_PRINTF(2, 3);

static v2s_status warn(v2s_depth_file *out, const char *format, ...) {
    V2S_ASSERT(out->warning_count < V2S_DEPTH_FILE_WARNINGS);
    va_list args;
    va_start(args, format);
    int n = vasprintf(&out->warnings[out->warning_count], format, args);
    va_end(args);
    if (n < 0)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    out->warning_count++;
    return V2S_OK;
}

// ---- what the tensors say -------------------------------------------------------------------

static v2s_status get_base(const join *j, v2s_depth_config *config) {
    static const char name[] = "encoder_left.inc.double_conv.0.weight";
    const v2s_safetensors_entry *e = v2s_safetensors_find(j->file, name);
    if (e == NULL)
        return V2S_FAIL(V2S_FORMAT, "%s: tensor %s is missing", j->path, name);
    if (e->rank != 4 || e->dim[0] < 8 || e->dim[0] > V2S_DEPTH_BASE_MAX || e->dim[0] % 8 != 0)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: tensor %s: expected shape [C, 1, 3, 3] with C a multiple of 8 up to "
                        "%d, found %d dimensions, the first one %lld",
                        j->path, name, V2S_DEPTH_BASE_MAX, e->rank,
                        e->rank > 0 ? (long long)e->dim[0] : 0);
    double told = 0.0;
    bool found;
    config->base_channels = (int)e->dim[0];
    V2S_TRY(get_number(j, "base_channels", 8, V2S_DEPTH_BASE_MAX, 8, &told, &found));
    if (found && (int)told != config->base_channels)
        return V2S_FAIL(V2S_FORMAT, "%s: metadata base_channels is %d, but tensor %s has %d",
                        j->path, (int)told, name, config->base_channels);
    return found ? V2S_OK
                 : warn(j->out, "%s: metadata base_channels is missing: %d by the tensors' shapes",
                        j->path, config->base_channels);
}

// Whether any tensor is of this level's attention.
static bool has_level(const join *j, int level) {
    char prefix[32];
    const v2s_safetensors_entry *e;
    int length = snprintf(prefix, sizeof prefix, "attention.%d.", level);
    for (int i = 0; (e = v2s_safetensors_at(j->file, i)) != NULL; i++)
        if (strncmp(e->name, prefix, (size_t)length) == 0)
            return true;
    return false;
}

static v2s_status get_levels(const join *j, v2s_depth_config *config) {
    const char *told = v2s_safetensors_metadata(j->file, "attention_levels");
    char text[16];
    for (int l = 0; l < V2S_DEPTH_LEVELS; l++)
        config->attention[l] = has_level(j, l + 1);
    v2s_depth_levels_text(config, text);
    if (told == NULL)
        return warn(j->out, "%s: metadata attention_levels is missing: \"%s\" by the tensors",
                    j->path, text);
    v2s_depth_config said = *config;
    if (v2s_depth_levels_parse(told, &said) != V2S_OK)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: metadata attention_levels: expected numbers 1 .. %d with commas "
                        "between them, found \"%.32s\"",
                        j->path, V2S_DEPTH_LEVELS, shown(told));
    if (memcmp(said.attention, config->attention, sizeof said.attention) != 0)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: metadata attention_levels is \"%.32s\", but there are tensors of "
                        "levels \"%s\"",
                        j->path, told, text);
    return V2S_OK;
}

// The size, where only the mean map of the training split tells it; as it was where nothing does.
static bool tell_size(const join *j, double *size) {
    const v2s_safetensors_entry *e = v2s_safetensors_find(j->file, "floor.mean_depth");
    if (e == NULL || e->rank != 2 || e->dim[0] != e->dim[1] || e->dim[0] < 16 ||
        e->dim[0] > V2S_DEPTH_SIZE_MAX || e->dim[0] % 16 != 0)
        return false;
    *size = (double)e->dim[0];
    return true;
}

// What the shapes do not tell; as published where the file does not say it.
static v2s_status get_rest(const join *j, v2s_depth_config *config) {
    static const char *const scales[2] = {"channels", "key"}, *const ears[2] = {"both", "left"};
    double size = 256.0, max_depth_m = 30.0, rate_hz = RATE_PUBLISHED_HZ;
    bool found[4], by_key = false, has_ears;
    V2S_TRY(get_word(j, "attention_scale", scales, &by_key, &found[0]));
    V2S_TRY(get_number(j, "size", 16, V2S_DEPTH_SIZE_MAX, 16, &size, &found[1]));
    V2S_TRY(get_number(j, "max_depth_m", 1e-3, DEPTH_MAX_M, 0, &max_depth_m, &found[2]));
    V2S_TRY(get_number(j, "rate_hz", RATE_MIN_HZ, RATE_MAX_HZ, 1, &rate_hz, &found[3]));
    V2S_TRY(get_word(j, "ears", ears, &j->out->left_only, &has_ears));
    config->scale = by_key ? V2S_ATTENTION_SCALE_KEY : V2S_ATTENTION_SCALE_CHANNELS;
    config->max_depth_m = max_depth_m;
    j->out->rate_hz = (int)rate_hz;
    static const char *const taken[4] = {"attention_scale is missing: channels",
                                         "size is missing: 256", "max_depth_m is missing: 30 m",
                                         "rate_hz is missing: 44100 Hz"};
    bool by_map = !found[1] && tell_size(j, &size);
    config->size = (int)size;
    for (int i = 0; i < 4; i++)
        if (i == 1 && by_map)
            V2S_TRY(warn(j->out, "%s: metadata size is missing: %d by tensor floor.mean_depth",
                         j->path, config->size));
        else if (!found[i])
            V2S_TRY(warn(j->out, "%s: metadata %s, as published", j->path, taken[i]));
    return V2S_OK;
}

// ---- weights --------------------------------------------------------------------------------

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static v2s_status load_tensor(void *ctx, const char *name, v2s_tensor *t) {
    const join *j = ctx;
    V2S_TRY(v2s_safetensors_read_f32(j->file, name, t->rank, t->dim, t->data));
    for (size_t i = 0; ends_with(name, ".running_var") && i < v2s_tensor_count(t); i++)
        if (t->data[i] < 0)
            return V2S_FAIL(V2S_FORMAT, "%s: tensor %s: expected variances, found %g", j->path,
                            name, (double)t->data[i]);
    return V2S_OK;
}

static v2s_status find_name(void *ctx, const char *name, v2s_tensor *t) {
    (void)t;
    return strcmp(ctx, name) == 0 ? V2S_END : V2S_OK;
}

// A tensor in the network's own name space must be one of its own, but for PyTorch's counts.
static v2s_status check_strangers(const join *j) {
    static const char *const own[] = {"encoder_left.", "encoder_right.", "attention.",
                                      "fusion.",       "decoder.",       "head."};
    const v2s_safetensors_entry *e;
    for (int i = 0; (e = v2s_safetensors_at(j->file, i)) != NULL; i++) {
        bool ours = false;
        for (size_t k = 0; k < sizeof own / sizeof *own; k++)
            ours = ours || strncmp(e->name, own[k], strlen(own[k])) == 0;
        if (ours && !ends_with(e->name, ".num_batches_tracked") &&
            v2s_depth_net_each(j->out->net, V2S_DEPTH_ALL, find_name, (void *)e->name) != V2S_END)
            return V2S_FAIL(V2S_FORMAT, "%s: tensor %.64s does not belong to this depth network",
                            j->path, e->name);
    }
    return V2S_OK;
}

static v2s_status load_floors(const join *j) {
    int size[2] = {j->out->config.size, j->out->config.size}, one = 1;
    float constant = NAN;
    if (v2s_safetensors_find(j->file, "floor.constant") != NULL)
        V2S_TRY(v2s_safetensors_read_f32(j->file, "floor.constant", 1, &one, &constant));
    j->out->constant_depth = (double)constant;
    if (v2s_safetensors_find(j->file, "floor.mean_depth") == NULL)
        return V2S_OK;
    j->out->mean_depth = malloc((size_t)size[0] * (size_t)size[1] * sizeof(float));
    if (j->out->mean_depth == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    return v2s_safetensors_read_f32(j->file, "floor.mean_depth", 2, size, j->out->mean_depth);
}

static v2s_status load(join *j) {
    v2s_depth_config *config = &j->out->config;
    V2S_TRY(v2s_safetensors_open(j->path, &j->file));
    const char *model = v2s_safetensors_metadata(j->file, "model");
    if (model != NULL && strcmp(model, "depth") != 0)
        return V2S_FAIL(V2S_FORMAT, "%s: metadata model: expected depth, found \"%.32s\"", j->path,
                        shown(model));
    V2S_TRY(get_base(j, config));
    V2S_TRY(get_levels(j, config));
    V2S_TRY(get_rest(j, config));
    V2S_TRY(v2s_depth_net_open(config, NULL, &j->out->net));
    V2S_TRY(v2s_depth_net_each(j->out->net, V2S_DEPTH_ALL, load_tensor, j));
    V2S_TRY(check_strangers(j));
    return load_floors(j);
}

v2s_status v2s_depth_file_open(const char *path, v2s_depth_file *out) {
    v2s_depth_file file = {.constant_depth = NAN};
    join j = {.path = path, .out = &file};
    v2s_status status = load(&j);
    v2s_safetensors_close(&j.file);
    if (status != V2S_OK) {
        v2s_depth_file_close(&file);
        return status;
    }
    *out = file;
    return V2S_OK;
}

void v2s_depth_file_close(v2s_depth_file *file) {
    v2s_depth_net_close(&file->net);
    free(file->mean_depth);
    for (int i = 0; i < file->warning_count; i++)
        free(file->warnings[i]);
    *file = (v2s_depth_file){0};
}
