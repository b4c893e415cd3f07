// SPDX-License-Identifier: MIT
#include "train/run_config.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "kernels/base/file_out.h"
#include "train/schedule.h"

enum { VALUE_MAX = 4096, FILE_MAX = 16 << 20, BLOCK_BYTES = 1 << 16 };

// ---- options as text --------------------------------------------------------------------------

// Of a run's folder and this call only: not stored.
static bool is_stored(const char *name) {
    static const char *const others[] = {"output", "resume", "json", "quiet", "verbose", "help"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcmp(name, others[i]) == 0)
            return false;
    return true;
}

static bool is_end(const char *name) {
    return strcmp(name, "epochs") == 0 || strcmp(name, "steps") == 0 ||
           strcmp(name, "minutes") == 0;
}

static v2s_schedule_kind schedule_of(const v2s_run_kind *kind, const void *settings) {
    return (v2s_schedule_kind) * (const int *)((const char *)settings + kind->schedule_offset);
}

static bool may_change(const v2s_run_kind *kind, const char *name, const void *settings) {
    static const char *const free_ones[] = {"threads", "device", "deterministic", "save-every",
                                            "max-skipped"};
    for (size_t i = 0; i < sizeof free_ones / sizeof free_ones[0]; i++)
        if (strcmp(name, free_ones[i]) == 0)
            return true;
    if (kind->free_option != NULL && strcmp(name, kind->free_option) == 0)
        return true;
    return is_end(name) && schedule_of(kind, settings) != V2S_SCHEDULE_COSINE;
}

static void choice_word(const char *words, int index, char text[VALUE_MAX]) {
    while (index-- > 0)
        words = strchr(words, '|') + 1;
    snprintf(text, VALUE_MAX, "%.*s", (int)strcspn(words, "|"), words);
}

// The fewest digits that read back equal.
static void number_text(double value, char text[VALUE_MAX]) {
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, VALUE_MAX, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            return;
    }
}

// The value of a row as it would be typed; false: it has none.
static bool value_text(const v2s_option *row, const void *s, char text[VALUE_MAX]) {
    const void *field = (const char *)s + row->offset;
    switch (row->kind) {
    case V2S_OPTION_FLAG:
        snprintf(text, VALUE_MAX, "on");
        return *(const bool *)field;
    case V2S_OPTION_INT:
        snprintf(text, VALUE_MAX, "%" PRId64, *(const int64_t *)field);
        return row->default_text != NULL || *(const int64_t *)field != 0;
    case V2S_OPTION_NUMBER:
        number_text(*(const double *)field, text);
        return row->default_text != NULL || *(const double *)field != 0;
    case V2S_OPTION_CHOICE:
        choice_word(row->value_name, *(const int *)field, text);
        return true;
    case V2S_OPTION_TEXT: {
        const char *value = *(const char *const *)field;
        snprintf(text, VALUE_MAX, "%s", value != NULL ? value : "");
        return value != NULL;
    }
    case V2S_OPTION_LIST:
        break;
    }
    return false;
}

typedef v2s_status (*row_visit)(void *ctx, const v2s_option *row);

static v2s_status each_stored_row(const v2s_command *command, row_visit visit, void *ctx) {
    for (const v2s_option_group *group = command->groups; group->title != NULL; group++)
        for (const v2s_option *row = group->rows; row->name != NULL; row++)
            if (is_stored(row->name))
                V2S_TRY(visit(ctx, row));
    return V2S_OK;
}

// ---- words ------------------------------------------------------------------------------------

// Whether the words of a command line set an option.
static bool is_given(int argc, char **argv, const char *name) {
    size_t length = strlen(name);
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strncmp(argv[i], "--", 2) == 0 && strncmp(argv[i] + 2, name, length) == 0 &&
            (argv[i][2 + length] == '\0' || argv[i][2 + length] == '='))
            return true;
    return false;
}

static const v2s_option *find_row(const v2s_command *command, const char *name) {
    for (const v2s_option_group *group = command->groups; group->title != NULL; group++)
        for (const v2s_option *row = group->rows; row->name != NULL; row++)
            if (strcmp(row->name, name) == 0)
                return row;
    return NULL;
}

// "--name=value" of every stored option.
static v2s_status make_words(const char *path, v2s_run_config *config) {
    const cJSON *options = cJSON_GetObjectItemCaseSensitive(config->json, "options"), *item;
    config->words = calloc((size_t)cJSON_GetArraySize(options) + 1, sizeof *config->words);
    if (config->words == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    cJSON_ArrayForEach(item, options) {
        const v2s_option *row = find_row(config->kind->command, item->string);
        if (row == NULL)
            return V2S_FAIL(V2S_FORMAT, "%s: options: %.64s is not an option of this version", path,
                            item->string);
        char *word = NULL;
        if (asprintf(&word, row->kind == V2S_OPTION_FLAG ? "--%s" : "--%s=%s", item->string,
                     item->valuestring) < 0)
            return V2S_FAIL(V2S_NOMEM, "out of memory");
        config->words[config->word_count++] = word;
    }
    return V2S_OK;
}

// ---- reading ----------------------------------------------------------------------------------

static v2s_status read_text(const char *path, char **text) {
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", path, strerror(errno));
    char *data = malloc(FILE_MAX + 1);
    size_t size = data == NULL ? 0 : fread(data, 1, FILE_MAX, file);
    bool failed = ferror(file) != 0;
    fclose(file);
    if (data == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    if (failed) {
        free(data);
        return V2S_FAIL(V2S_IO, "%s: cannot read", path);
    }
    data[size] = '\0';
    *text = data;
    return V2S_OK;
}

static v2s_status check_json(const char *path, const cJSON *json) {
    const cJSON *options = cJSON_GetObjectItemCaseSensitive(json, "options"),
                *manifests = cJSON_GetObjectItemCaseSensitive(json, "manifests"), *item;
    if (!cJSON_IsObject(options))
        return V2S_FAIL(V2S_FORMAT, "%s: options: expected an object", path);
    cJSON_ArrayForEach(item, options) {
        if (!cJSON_IsString(item))
            return V2S_FAIL(V2S_FORMAT, "%s: options: %.64s: expected a text", path, item->string);
    }
    if (!cJSON_IsArray(manifests) || cJSON_GetArraySize(manifests) == 0)
        return V2S_FAIL(V2S_FORMAT, "%s: manifests: expected a list", path);
    cJSON_ArrayForEach(item, manifests) {
        if (!cJSON_IsString(cJSON_GetObjectItemCaseSensitive(item, "path")) ||
            !cJSON_IsString(cJSON_GetObjectItemCaseSensitive(item, "crc32")))
            return V2S_FAIL(V2S_FORMAT, "%s: manifests: expected objects with path and crc32",
                            path);
    }
    return V2S_OK;
}

v2s_status v2s_run_config_read(const v2s_run_kind *kind, const char *path, v2s_run_config *out) {
    v2s_run_config config = {.kind = kind};
    char *text = NULL;
    V2S_TRY(read_text(path, &text));
    config.json = cJSON_ParseWithOpts(text, NULL, 1);
    free(text);
    v2s_status status = config.json != NULL ? check_json(path, config.json)
                                            : V2S_FAIL(V2S_FORMAT, "%s: is not JSON", path);
    if (status == V2S_OK)
        status = make_words(path, &config);
    if (status == V2S_OK && (config.stored = calloc(1, kind->settings_bytes)) == NULL)
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status == V2S_OK) {
        status = v2s_options_parse(kind->command, config.word_count, config.words, config.stored);
        if (status == V2S_USAGE) // of the file, not of the command line
            status = v2s_error_prefix(V2S_FORMAT, "%s", path);
    }
    if (status == V2S_OK)
        *out = config;
    else
        v2s_run_config_free(&config);
    return status;
}

void v2s_run_config_free(v2s_run_config *config) {
    if (config->stored != NULL)
        v2s_options_free(config->kind->command, config->stored);
    free(config->stored);
    for (int i = 0; i < config->word_count; i++)
        free(config->words[i]);
    free(config->words);
    cJSON_Delete(config->json);
    *config = (v2s_run_config){0};
}

static const char *manifest_text(const cJSON *item, const char *key) {
    return cJSON_GetObjectItemCaseSensitive(item, key)->valuestring;
}

// The manifests of the file, where the command line names none.
static v2s_status add_inputs(const cJSON *manifests, v2s_text_list *inputs) {
    if (inputs->count > 0)
        return V2S_OK;
    inputs->items = calloc((size_t)cJSON_GetArraySize(manifests), sizeof *inputs->items);
    if (inputs->items == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    const cJSON *item;
    cJSON_ArrayForEach(item, manifests) {
        inputs->items[inputs->count++] = manifest_text(item, "path");
    }
    return V2S_OK;
}

v2s_status v2s_run_config_merge(const v2s_run_config *config, int argc, char **argv, void *merged) {
    // An end of the run replaces the one it had, of whatever kind.
    bool other_end = is_given(argc, argv, "epochs") || is_given(argc, argv, "steps") ||
                     is_given(argc, argv, "minutes");
    char **words = calloc((size_t)config->word_count + (size_t)argc + 1, sizeof *words);
    if (words == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    int count = 0;
    const cJSON *item, *options = cJSON_GetObjectItemCaseSensitive(config->json, "options");
    int i = 0;
    cJSON_ArrayForEach(item, options) {
        if (!(other_end && is_end(item->string)))
            words[count++] = config->words[i];
        i++;
    }
    for (i = 0; i < argc; i++)
        words[count++] = argv[i];
    const v2s_run_kind *kind = config->kind;
    v2s_train_common *s = calloc(1, kind->settings_bytes); // what settings begin with
    v2s_status status = s != NULL ? v2s_options_parse(kind->command, count, words, s)
                                  : V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status == V2S_OK)
        status =
            add_inputs(cJSON_GetObjectItemCaseSensitive(config->json, "manifests"), &s->inputs);
    free(words);
    if (status == V2S_OK)
        memcpy(merged, s, kind->settings_bytes);
    else if (s != NULL)
        v2s_options_free(kind->command, s);
    free(s);
    return status;
}

// ---- checking ---------------------------------------------------------------------------------

typedef struct comparison {
    const v2s_run_kind *kind;
    const void *before, *now;
} comparison;

static v2s_status compare_row(void *ctx, const v2s_option *row) {
    const comparison *c = ctx;
    char before[VALUE_MAX], now[VALUE_MAX];
    bool had = value_text(row, c->before, before), has = value_text(row, c->now, now);
    if (may_change(c->kind, row->name, c->before) ||
        (had == has && (!had || strcmp(before, now) == 0)))
        return V2S_OK;
    return V2S_FAIL(V2S_USAGE,
                    "--%s may not change when a run is resumed: it was %.100s, found %.100s%s",
                    row->name, had ? before : "not given", has ? now : "not given",
                    is_end(row->name) ? " (the cosine schedule depends on it)" : "");
}

// Goes on with a CRC-32 over all bytes of a file.
static v2s_status add_file(const char *path, uLong *sum) {
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", path, strerror(errno));
    unsigned char block[BLOCK_BYTES];
    for (size_t n; (n = fread(block, 1, sizeof block, file)) > 0;)
        *sum = crc32_z(*sum, block, n);
    bool failed = ferror(file) != 0;
    fclose(file);
    if (failed)
        return V2S_FAIL(V2S_IO, "%s: cannot read", path);
    return V2S_OK;
}

// The same over the csv files that a pattern finds in a folder.
static v2s_status add_tables(const char *folder, const char *pattern, uLong *sum) {
    char *full = NULL;
    glob_t found = {0};
    if (asprintf(&full, "%s/%s", folder, pattern) < 0)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_status status = V2S_OK;
    if (glob(full, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc && status == V2S_OK; i++)
            status = add_file(found.gl_pathv[i], sum);
    globfree(&found);
    free(full);
    return status;
}

// CRC-32 of an input, as eight digits.
static v2s_status input_crc(const char *path, char text[16]) {
    uLong sum = crc32_z(0, Z_NULL, 0);
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        V2S_TRY(add_tables(path, "*.csv", &sum));
        V2S_TRY(add_tables(path, "*/*.csv", &sum));
    } else {
        V2S_TRY(add_file(path, &sum));
    }
    snprintf(text, 16, "%08lx", sum);
    return V2S_OK;
}

static v2s_status check_manifests(const v2s_run_kind *kind, const cJSON *manifests,
                                  const v2s_text_list *inputs) {
    if ((size_t)cJSON_GetArraySize(manifests) != inputs->count)
        return V2S_FAIL(V2S_USAGE, "the run began with %d manifests, found %zu",
                        cJSON_GetArraySize(manifests), inputs->count);
    size_t i = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, manifests) {
        char crc[16], *full = realpath(inputs->items[i], NULL);
        bool same = full != NULL && strcmp(full, manifest_text(item, "path")) == 0;
        free(full);
        if (!same)
            return V2S_FAIL(V2S_USAGE,
                            "%s may not change when a run is resumed: it was %.150s, found %.150s",
                            kind->input, manifest_text(item, "path"), inputs->items[i]);
        V2S_TRY(input_crc(inputs->items[i], crc));
        if (strcmp(crc, manifest_text(item, "crc32")) != 0)
            return V2S_FAIL(V2S_FORMAT, "%s: changed since the run began (CRC-32 %s, was %s)",
                            inputs->items[i], crc, manifest_text(item, "crc32"));
        i++;
    }
    return V2S_OK;
}

v2s_status v2s_run_config_check(const v2s_run_config *config, const void *merged, int processes) {
    const v2s_run_kind *kind = config->kind;
    comparison c = {kind, config->stored, merged};
    V2S_TRY(each_stored_row(kind->command, compare_row, &c));
    V2S_TRY(check_manifests(kind, cJSON_GetObjectItemCaseSensitive(config->json, "manifests"),
                            &((const v2s_train_common *)merged)->inputs));
    const cJSON *count = cJSON_GetObjectItemCaseSensitive(config->json, "processes");
    if (cJSON_IsNumber(count) && count->valuedouble != processes)
        return V2S_FAIL(
            V2S_USAGE,
            "the number of processes may not change when a run is resumed: it was %.0f, "
            "found %d",
            count->valuedouble, processes);
    return V2S_OK;
}

// ---- writing ----------------------------------------------------------------------------------

typedef struct recording {
    cJSON *options;
    const void *settings;
} recording;

static v2s_status record_row(void *ctx, const v2s_option *row) {
    const recording *r = ctx;
    char text[VALUE_MAX];
    if (value_text(row, r->settings, text) &&
        cJSON_AddStringToObject(r->options, row->name, text) == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    return V2S_OK;
}

static v2s_status add_manifests(cJSON *json, const v2s_text_list *inputs) {
    cJSON *list = cJSON_AddArrayToObject(json, "manifests");
    for (size_t i = 0; i < inputs->count; i++) {
        char crc[16];
        V2S_TRY(input_crc(inputs->items[i], crc));
        char *full = realpath(inputs->items[i], NULL);
        cJSON *item = cJSON_CreateObject();
        bool added = full != NULL && cJSON_AddStringToObject(item, "path", full) != NULL &&
                     cJSON_AddStringToObject(item, "crc32", crc) != NULL &&
                     cJSON_AddItemToArray(list, item);
        free(full);
        if (!added) {
            cJSON_Delete(item);
            return V2S_FAIL(V2S_NOMEM, "out of memory");
        }
    }
    return V2S_OK;
}

// Keys in the order of the header. A key that finds no memory makes the whole fail at the end.
static v2s_status fill(cJSON *json, const v2s_run_kind *kind, const void *settings, int argc,
                       char **argv, const v2s_run_config *began, int processes,
                       const cJSON *facts) {
    cJSON_AddStringToObject(json, "program", "v2s-train " V2S_VERSION);
    const cJSON *old =
        began == NULL ? NULL : cJSON_GetObjectItemCaseSensitive(began->json, "command");
    if (old != NULL)
        cJSON_AddItemToObject(json, "command", cJSON_Duplicate(old, 1));
    else
        cJSON_AddItemToObject(json, "command",
                              cJSON_CreateStringArray((const char *const *)argv, argc));
    char *folder = getcwd(NULL, 0);
    cJSON_AddStringToObject(json, "folder", folder != NULL ? folder : "");
    free(folder);
    recording r = {cJSON_AddObjectToObject(json, "options"), settings};
    V2S_TRY(each_stored_row(kind->command, record_row, &r));
    V2S_TRY(add_manifests(json, &((const v2s_train_common *)settings)->inputs));
    cJSON_AddNumberToObject(json, "processes", processes);
    const cJSON *item;
    cJSON_ArrayForEach(item, facts) {
        cJSON_AddItemToObject(json, item->string, cJSON_Duplicate(item, 1));
    }
    return V2S_OK;
}

v2s_status v2s_run_config_write(const v2s_run_kind *kind, const char *path, const void *settings,
                                int argc, char **argv, const v2s_run_config *began, int processes,
                                const cJSON *facts) {
    cJSON *json = cJSON_CreateObject();
    v2s_file_out *file = NULL;
    char *text = NULL;
    v2s_status status = json != NULL
                            ? fill(json, kind, settings, argc, argv, began, processes, facts)
                            : V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status == V2S_OK && (text = cJSON_Print(json)) == NULL)
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status == V2S_OK)
        status = v2s_file_out_open(path, &file);
    if (status == V2S_OK)
        status = v2s_file_out_printf(file, "%s\n", text);
    if (status == V2S_OK)
        status = v2s_file_out_commit(file);
    v2s_file_out_close(&file);
    cJSON_free(text);
    cJSON_Delete(json);
    return status;
}

char *v2s_command_text(int argc, char **argv) {
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (stream == NULL)
        return NULL;
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i], *slash = strrchr(word, '/');
        if (i == 0 && slash != NULL) // where the program lay on the machine is no one's business
            word = slash + 1;
        bool plain = word[0] != '\0' && strpbrk(word, " \t\n'\"\\$`*?[]{}()<>|&;#~!") == NULL;
        if (i > 0)
            fputc(' ', stream);
        if (plain) {
            fputs(word, stream);
            continue;
        }
        fputc('\'', stream);
        for (; *word != '\0'; word++)
            fputs(*word == '\'' ? "'\\''" : (char[]){*word, '\0'}, stream);
        fputc('\'', stream);
    }
    if (fclose(stream) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
