// SPDX-License-Identifier: MIT
// Metrics of four channels, all of them through the table, against the golden file; and those of
// two ears that are no published ones.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/compare.h"
#include "tests/support/field_pair.h"

enum { NAMES_MAX = 40, TEXT = 2048 };

typedef struct names {
    int count;
    v2s_metric_id id[NAMES_MAX];
} names;

static v2s_metric_id metric_of(const char *name) {
    for (int i = 0; i < V2S_METRIC_COUNT; i++)
        if (strcmp(v2s_metrics[i].name, name) == 0)
            return (v2s_metric_id)i;
    cr_assert(false, "no metric '%s'", name);
    return V2S_METRIC_COUNT;
}

static names parse_names(char *text) {
    names n = {0};
    for (char *word = strtok(text, " \n"); word != NULL; word = strtok(NULL, " \n")) {
        cr_assert_lt(n.count, NAMES_MAX);
        n.id[n.count++] = metric_of(word);
    }
    return n;
}

static void check_number(v2s_metric_id id, const char *text, double value, const char *word) {
    const char *name = v2s_metrics[id].name;
    double expected = strtod(word, NULL);
    double relative = strstr(name, "auc") != NULL ? 1e-4 : 1e-6;
    if (strcmp(word, "null") == 0)
        cr_expect(!isfinite(value), "%s, %.40s: %.9g", name, text, value);
    else
        cr_expect(fabs(value - expected) <= relative * fmax(fabs(expected), 1e-3),
                  "%s, %.40s: %.12g, expected %.12g", name, text, value, expected);
}

// The first two channels alone, in place.
static void keep_two(field_pair *pair) {
    for (size_t i = 0; i < pair->frames; i++) {
        memmove(pair->truth + 2 * i, pair->truth + 4 * i, 2 * sizeof(float));
        memmove(pair->prediction + 2 * i, pair->prediction + 4 * i, 2 * sizeof(float));
    }
}

static void check_line(const char *text, const char *group, const names *n) {
    char kind[32];
    int rate, frames, used = 0;
    double scores[1][V2S_METRIC_COUNT];
    cr_assert_eq(sscanf(text, "%*s %31s %d %d%n", kind, &rate, &frames, &used), 3, "%s", text);
    field_pair pair = field_pair_make(kind, rate, (size_t)frames);
    const float *const predictions[1] = {pair.prediction};
    v2s_judge_options options = {0};
    v2s_judge *j = NULL;
    for (int i = 0; i < n->count; i++)
        options.metrics |= V2S_METRIC_BIT(n->id[i]);
    cr_assert_eq(v2s_judge_open(&options, &j), V2S_OK);
    if (strcmp(group, "ears") == 0) {
        keep_two(&pair);
        cr_assert_eq(v2s_judge_stereo(j, rate, pair.frames, pair.truth, pair.prediction, scores[0]),
                     V2S_OK, "%s", v2s_error_text());
    } else {
        cr_assert_eq(v2s_judge_foa(j, rate, pair.frames, pair.truth, predictions, 1, scores),
                     V2S_OK, "%s", v2s_error_text());
    }
    v2s_judge_close(&j);
    field_pair_free(&pair);
    const char *at = text + used;
    for (int i = 0; i < n->count; i++) {
        char word[40];
        cr_assert_eq(sscanf(at, "%39s%n", word, &used), 1, "%s", text);
        at += used;
        check_number(n->id[i], text, scores[0][n->id[i]], word);
    }
}

static void check_group(const char *group, int least) {
    FILE *f = fopen(V2S_TEST_DATA "/golden/metrics_field.txt", "r");
    char text[TEXT], word[32];
    names n = {0};
    int lines = 0, used = 0;
    cr_assert(f != NULL);
    while (fgets(text, sizeof text, f) != NULL) {
        if (sscanf(text, "names %31s%n", word, &used) == 1 && strcmp(word, group) == 0)
            n = parse_names(text + used);
        else if (sscanf(text, "%31s", word) == 1 && strcmp(word, group) == 0) {
            check_line(text, group, &n);
            lines++;
        }
    }
    fclose(f);
    cr_assert_geq(lines, least);
}

Test(judge_field, equals_numpy) {
    check_group("four", 12);
}

Test(judge_field, ears_equal_numpy) {
    check_group("ears", 4);
}

Test(judge_field, distances_equal_scipy_and_librosa) {
    check_group("distances", 4);
}
