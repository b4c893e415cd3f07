// SPDX-License-Identifier: MIT
#include "data/options.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool v2s_parse_number(const char *text, double *value) {
    char *end = NULL;
    if (text[0] == '\0' || strspn(text, "+-.0123456789eE") != strlen(text))
        return false;
    double parsed = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(parsed))
        return false;
    *value = parsed;
    return true;
}

bool v2s_parse_int(const char *text, int64_t *value) {
    char *end = NULL;
    if (text[0] == '\0' || strspn(text, "+-0123456789") != strlen(text))
        return false;
    errno = 0;
    long long parsed = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0)
        return false;
    *value = parsed;
    return true;
}

// ---- rows -------------------------------------------------------------------------------------

static int choice_index(const char *words, const char *text) {
    size_t length = strlen(text);
    int index = 0;
    for (const char *word = words; word != NULL; index++) {
        const char *bar = strchr(word, '|');
        size_t n = bar != NULL ? (size_t)(bar - word) : strlen(word);
        if (n == length && strncmp(word, text, n) == 0)
            return index;
        word = bar != NULL ? bar + 1 : NULL;
    }
    return -1;
}

static v2s_status append_text(v2s_text_list *list, const char *text) {
    const char **items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (items == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    list->items = items;
    list->items[list->count++] = text;
    return V2S_OK;
}

static v2s_status check_range(const v2s_option *row, double value, const char *text) {
    if (row->min < row->max && (value < row->min || value > row->max))
        return V2S_FAIL(V2S_USAGE, "--%s: %s is outside %.10g .. %.10g", row->name, text, row->min,
                        row->max);
    return V2S_OK;
}

static v2s_status set_value(const v2s_option *row, const char *text, void *config) {
    void *field = (char *)config + row->offset;
    switch (row->kind) {
    case V2S_OPTION_FLAG:
        *(bool *)field = true;
        return V2S_OK;
    case V2S_OPTION_INT: {
        int64_t value;
        if (!v2s_parse_int(text, &value))
            return V2S_FAIL(V2S_USAGE, "--%s: '%s' is not a whole number", row->name, text);
        V2S_TRY(check_range(row, (double)value, text));
        *(int64_t *)field = value;
        return V2S_OK;
    }
    case V2S_OPTION_NUMBER: {
        double value;
        if (!v2s_parse_number(text, &value))
            return V2S_FAIL(V2S_USAGE, "--%s: '%s' is not a number", row->name, text);
        V2S_TRY(check_range(row, value, text));
        *(double *)field = value;
        return V2S_OK;
    }
    case V2S_OPTION_TEXT:
        if (text[0] == '\0')
            return V2S_FAIL(V2S_USAGE, "--%s: the value is empty", row->name);
        *(const char **)field = text;
        return V2S_OK;
    case V2S_OPTION_CHOICE: {
        int index = choice_index(row->value_name, text);
        if (index < 0)
            return V2S_FAIL(V2S_USAGE, "--%s: '%s' is not one of %s", row->name, text,
                            row->value_name);
        *(int *)field = index;
        return V2S_OK;
    }
    case V2S_OPTION_LIST:
        return append_text(field, text);
    }
    return V2S_FAIL(V2S_USAGE, "--%s: unknown kind of option", row->name);
}

// The row with this long name (not NUL-terminated) or, if given, this short one; or NULL.
static const v2s_option *find_row(const v2s_command *command, const char *name, size_t length,
                                  char short_name) {
    for (const v2s_option_group *g = command->groups; g->title != NULL; g++)
        for (const v2s_option *row = g->rows; row->name != NULL; row++) {
            bool hit = short_name != 0
                           ? row->short_name == short_name
                           : strlen(row->name) == length && strncmp(row->name, name, length) == 0;
            if (hit)
                return row;
        }
    return NULL;
}

// Levenshtein distance of two short words.
static size_t edit_distance(const char *a, size_t na, const char *b) {
    enum { MAX_WORD = 32 };
    size_t nb = strlen(b), row[MAX_WORD + 1];
    if (na > MAX_WORD || nb > MAX_WORD)
        return MAX_WORD;
    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            row[j] = best;
        }
    }
    return row[nb];
}

static v2s_status unknown_option(const v2s_command *command, const char *word) {
    const char *name = word + strspn(word, "-"), *nearest = NULL;
    size_t length = strcspn(name, "="), best = 3;
    for (const v2s_option_group *g = command->groups; g->title != NULL; g++)
        for (const v2s_option *row = g->rows; row->name != NULL; row++) {
            size_t distance = edit_distance(name, length, row->name);
            if (distance < best) {
                best = distance;
                nearest = row->name;
            }
        }
    if (nearest != NULL)
        return V2S_FAIL(V2S_USAGE, "unknown option '%s'; did you mean --%s?", word, nearest);
    return V2S_FAIL(V2S_USAGE, "unknown option '%s'", word);
}

// ---- parsing ----------------------------------------------------------------------------------

static v2s_status set_defaults(const v2s_command *command, void *config) {
    for (const v2s_option_group *g = command->groups; g->title != NULL; g++)
        for (const v2s_option *row = g->rows; row->name != NULL; row++)
            if (row->default_text != NULL)
                V2S_TRY(set_value(row, row->default_text, config));
    return V2S_OK;
}

// One word that begins with a dash; *index moves past a separate value.
static v2s_status parse_option(const v2s_command *command, int argc, char **argv, int *index,
                               void *config) {
    const char *word = argv[*index];
    bool is_long = word[1] == '-';
    const char *name = word + (is_long ? 2 : 1);
    size_t length = strcspn(name, "=");
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    if (!is_long && length != 1)
        return unknown_option(command, word);
    const v2s_option *row = find_row(command, name, length, is_long ? 0 : name[0]);
    if (row == NULL)
        return unknown_option(command, word);
    if (row->kind == V2S_OPTION_FLAG) {
        if (value != NULL)
            return V2S_FAIL(V2S_USAGE, "--%s takes no value", row->name);
        return set_value(row, "", config);
    }
    if (value == NULL) {
        if (*index + 1 >= argc)
            return V2S_FAIL(V2S_USAGE, "--%s needs a value: %s", row->name, row->value_name);
        value = argv[++*index];
    }
    return set_value(row, value, config);
}

v2s_status v2s_options_parse(const v2s_command *command, int argc, char **argv, void *config) {
    V2S_TRY(set_defaults(command, config));
    v2s_text_list *positional =
        (v2s_text_list *)(void *)((char *)config + command->positional_offset);
    bool options_ended = false;
    for (int i = 0; i < argc; i++) {
        if (!options_ended && strcmp(argv[i], "--") == 0) {
            options_ended = true;
        } else if (!options_ended && argv[i][0] == '-' && argv[i][1] != '\0') {
            V2S_TRY(parse_option(command, argc, argv, &i, config));
        } else {
            if (positional->count == command->positional_max)
                return V2S_FAIL(V2S_USAGE, "unexpected argument '%s'", argv[i]);
            V2S_TRY(append_text(positional, argv[i]));
        }
    }
    return V2S_OK;
}

bool v2s_options_given(const v2s_command *command, int argc, char **argv, const char *name) {
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (argv[i][0] != '-' || argv[i][1] == '\0')
            continue;
        bool is_long = argv[i][1] == '-';
        const char *word = argv[i] + (is_long ? 2 : 1);
        size_t length = strcspn(word, "=");
        const v2s_option *row = find_row(command, word, length, is_long ? 0 : word[0]);
        if (row != NULL && strcmp(row->name, name) == 0)
            return true;
        if (row != NULL && row->kind != V2S_OPTION_FLAG && word[length] != '=')
            i++; // its value
    }
    return false;
}

void v2s_options_free(const v2s_command *command, void *config) {
    for (const v2s_option_group *g = command->groups; g->title != NULL; g++)
        for (const v2s_option *row = g->rows; row->name != NULL; row++)
            if (row->kind == V2S_OPTION_LIST) {
                v2s_text_list *list = (v2s_text_list *)(void *)((char *)config + row->offset);
                free(list->items);
                *list = (v2s_text_list){0};
            }
    v2s_text_list *positional =
        (v2s_text_list *)(void *)((char *)config + command->positional_offset);
    free(positional->items);
    *positional = (v2s_text_list){0};
}

// ---- help -------------------------------------------------------------------------------------

static void print_row(const v2s_option *row, FILE *to) {
    char left[96];
    int n = row->short_name ? snprintf(left, sizeof left, "  -%c, --%s", row->short_name, row->name)
                            : snprintf(left, sizeof left, "      --%s", row->name);
    if (row->value_name != NULL && n > 0 && (size_t)n < sizeof left)
        snprintf(left + n, sizeof left - (size_t)n, " %s", row->value_name);
    enum { HELP_COLUMN = 34 };
    if (strlen(left) < HELP_COLUMN - 1)
        fprintf(to, "%-*s%s", HELP_COLUMN, left, row->help);
    else
        fprintf(to, "%s\n%*s%s", left, HELP_COLUMN, "", row->help);
    if (row->default_text != NULL)
        fprintf(to, " [%s]", row->default_text);
    if (row->min < row->max)
        fprintf(to, " (%.10g .. %.10g)", row->min, row->max);
    fputc('\n', to);
}

void v2s_options_help(const v2s_command *command, FILE *to) {
    fprintf(to, "Usage: %s %s %s\n\n%s\n", command->program, command->name, command->arguments,
            command->summary);
    for (const v2s_option_group *g = command->groups; g->title != NULL; g++) {
        fprintf(to, "\n%s:\n", g->title);
        for (const v2s_option *row = g->rows; row->name != NULL; row++)
            print_row(row, to);
    }
    fprintf(to, "\nExamples:\n");
    for (const char *const *e = command->examples; *e != NULL; e++)
        fprintf(to, "  %s\n", *e);
}
