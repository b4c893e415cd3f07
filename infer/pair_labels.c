// SPDX-License-Identifier: MIT
#include "infer/pair_labels.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infer/compare_pair.h"
#include "infer/file_name.h"
#include "infer/pair_metrics.h"
#include "infer/pair_response.h"
#include "spatial/path_scores.h"

const v2s_metric v2s_labels_metrics[V2S_LABELS_COUNT] = {
    [V2S_LABELS_F20] = {.name = "M8_f20", .formula = "M8", .unit = "", .decimals = 4},
    [V2S_LABELS_ANGLE] = {.name = "M8_angle_deg", .formula = "M8", .unit = "deg", .decimals = 3},
    [V2S_LABELS_DISTANCE] = {.name = "M8_distance_m", .formula = "M8", .unit = "m", .decimals = 3},
    [V2S_LABELS_RELATIVE] = {.name = "M8_relative_distance",
                             .formula = "M8",
                             .unit = "",
                             .decimals = 4},
    [V2S_LABELS_LR] = {.name = "M8_lr", .formula = "M8", .unit = "", .decimals = 4},
    [V2S_LABELS_ER] = {.name = "M8_er", .formula = "M8", .unit = "", .decimals = 4},
    [V2S_LABELS_SELD] = {.name = "M8_seld", .formula = "M8", .unit = "", .decimals = 4},
    [V2S_LABELS_F20_MICRO] = {.name = "M8_f20_micro", .formula = "M8", .unit = "", .decimals = 4},
    [V2S_LABELS_ANGLE_MICRO] = {.name = "M8_angle_deg_micro",
                                .formula = "M8",
                                .unit = "deg",
                                .decimals = 3},
    [V2S_LABELS_RELATIVE_MICRO] = {.name = "M8_relative_distance_micro",
                                   .formula = "M8",
                                   .unit = "",
                                   .decimals = 4},
    [V2S_LABELS_LR_MICRO] = {.name = "M8_lr_micro", .formula = "M8", .unit = "", .decimals = 4},
    [V2S_LABELS_AZIMUTH] = {.name = "M12_azimuth_error_deg",
                            .formula = "M12",
                            .unit = "deg",
                            .decimals = 3},
    [V2S_LABELS_ELEVATION] = {.name = "M12_elevation_error_deg",
                              .formula = "M12",
                              .unit = "deg",
                              .decimals = 3},
    [V2S_LABELS_JERK] = {.name = "M12_jerk", .formula = "M12", .unit = "deg/s^3", .decimals = 3},
    [V2S_LABELS_JERK_TRUTH] = {.name = "M12_jerk_truth",
                               .formula = "M12",
                               .unit = "deg/s^3",
                               .decimals = 3},
    [V2S_LABELS_AMPLITUDE] = {.name = "M12_amplitude_ratio",
                              .formula = "M12",
                              .unit = "",
                              .decimals = 4},
    [V2S_LABELS_ELEVATION_JERK] = {.name = "M12_elevation_jerk",
                                   .formula = "M12",
                                   .unit = "deg/s^3",
                                   .decimals = 3},
    [V2S_LABELS_ELEVATION_JERK_TRUTH] = {.name = "M12_elevation_jerk_truth",
                                         .formula = "M12",
                                         .unit = "deg/s^3",
                                         .decimals = 3},
    [V2S_LABELS_ELEVATION_AMPLITUDE] = {.name = "M12_elevation_amplitude_ratio",
                                        .formula = "M12",
                                        .unit = "",
                                        .decimals = 4},
};

// What a trajectory has.
static const v2s_metric_set of_trajectories =
    V2S_METRIC_BIT(V2S_LABELS_ANGLE) | V2S_METRIC_BIT(V2S_LABELS_RELATIVE) |
    V2S_METRICS_BETWEEN(V2S_LABELS_AZIMUTH, V2S_LABELS_ELEVATION_AMPLITUDE);

void v2s_labels_path_values(const v2s_path_sums *sums, double *values) {
    v2s_path_scores m = v2s_path_means(sums);
    values[V2S_LABELS_AZIMUTH] = m.azimuth_error_deg;
    values[V2S_LABELS_ELEVATION] = m.elevation_error_deg;
    values[V2S_LABELS_JERK] = m.jerk;
    values[V2S_LABELS_JERK_TRUTH] = m.jerk_truth;
    values[V2S_LABELS_AMPLITUDE] = m.amplitude_ratio;
    values[V2S_LABELS_ELEVATION_JERK] = m.elevation_jerk;
    values[V2S_LABELS_ELEVATION_JERK_TRUTH] = m.elevation_jerk_truth;
    values[V2S_LABELS_ELEVATION_AMPLITUDE] = m.elevation_amplitude_ratio;
}

// ---- what the two paths are -------------------------------------------------------------------

static bool is_labels(const char *path) {
    return v2s_ends_with(path, ".csv") || v2s_pair_is_folder(path);
}

bool v2s_pair_labels_asked(const v2s_settings *s) {
    if (v2s_ends_with(s->prediction, ".csv") || v2s_ends_with(s->truth, ".csv"))
        return true;
    bool folder = v2s_pair_is_folder(s->prediction) || v2s_pair_is_folder(s->truth);
    return folder && !v2s_pair_response_asked(s);
}

typedef enum kind { EMPTY, NUMBERS, TEXT } kind;

// By the first sign of a file that is no blank (nor part of a byte order mark).
static v2s_status look(const char *path, kind *found) {
    FILE *f = fopen(path, "rbe");
    if (f == NULL)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", path, strerror(errno));
    int c = getc_unlocked(f);
    while (c != EOF && strchr(" \t\r\n\xEF\xBB\xBF", c) != NULL && c != '\0')
        c = getc_unlocked(f);
    bool failed = ferror(f) != 0;
    fclose(f);
    if (failed)
        return V2S_FAIL(V2S_IO, "%s: cannot read", path);
    *found = c == EOF ? EMPTY : (c >= '0' && c <= '9') || c == '-' || c == '+' ? NUMBERS : TEXT;
    return V2S_OK;
}

// ---- the work ---------------------------------------------------------------------------------

// Values, and which of the metrics they are.
typedef struct result {
    double values[V2S_LABELS_COUNT];
    v2s_metric_set known;
} result;

static v2s_status compare_files(const v2s_settings *s, result *r, v2s_run_log *log) {
    kind p = EMPTY, t = EMPTY;
    V2S_TRY(look(s->prediction, &p));
    V2S_TRY(look(s->truth, &t));
    if (p != t && p != EMPTY && t != EMPTY)
        return V2S_FAIL(V2S_FORMAT,
                        "%s begins with a number (DCASE labels) and %s does not: both have to be "
                        "of one kind",
                        p == NUMBERS ? s->prediction : s->truth,
                        p == NUMBERS ? s->truth : s->prediction);
    if (p != NUMBERS && t != NUMBERS) {
        r->known = of_trajectories;
        return v2s_labels_path(s, r->values, log);
    }
    if (p == EMPTY) // an empty truth is refused by its reader
        v2s_run_log_warn(log, "%s is empty: every label is missed", s->prediction);
    v2s_file_pair pair = {p == EMPTY ? NULL : s->prediction, s->truth};
    return v2s_labels_seld(s, &pair, 1, r->values, log);
}

static v2s_status compare_folders(const v2s_settings *s, result *r, v2s_run_log *log) {
    v2s_pair_folders f;
    v2s_status status =
        v2s_pair_folders_open(s->prediction, s->truth, ".csv", "their labels are missed", log, &f);
    for (size_t i = 0; i < f.count && status == V2S_OK; i++) {
        kind found = EMPTY;
        if (f.pairs[i].prediction != NULL)
            status = look(f.pairs[i].prediction, &found);
        if (found == EMPTY)
            f.pairs[i].prediction = NULL;
    }
    if (status == V2S_OK)
        status = v2s_labels_seld(s, f.pairs, f.count, r->values, log);
    v2s_pair_folders_close(&f);
    return status;
}

static v2s_status check_kinds(const v2s_settings *s) {
    const char *labels = is_labels(s->truth) ? s->truth : s->prediction;
    const char *other = labels == s->truth ? s->prediction : s->truth;
    if (!is_labels(other))
        return V2S_FAIL(V2S_FORMAT,
                        "%s holds labels and %s is no .csv: both have to be labels or "
                        "both sounds",
                        labels, other);
    if (v2s_pair_is_folder(labels) != v2s_pair_is_folder(other))
        return V2S_FAIL(V2S_FORMAT, "%s is a folder and %s is not: both have to be",
                        v2s_pair_is_folder(labels) ? labels : other,
                        v2s_pair_is_folder(labels) ? other : labels);
    return V2S_OK;
}

v2s_status v2s_pair_labels(const v2s_settings *s, v2s_run_log *log) {
    v2s_metric_set asked = 0, all = V2S_METRICS_BETWEEN(0, V2S_LABELS_COUNT - 1);
    result r = {.known = all};
    for (int i = 0; i < V2S_LABELS_COUNT; i++)
        r.values[i] = NAN;
    V2S_TRY(check_kinds(s));
    V2S_TRY(v2s_pair_metrics_choose(v2s_labels_metrics, V2S_LABELS_COUNT, s->metrics, "labels",
                                    &asked));
    V2S_TRY(v2s_pair_is_folder(s->truth) ? compare_folders(s, &r, log) : compare_files(s, &r, log));
    v2s_compare_pair_say(v2s_labels_metrics, V2S_LABELS_COUNT, asked & r.known, r.values, log);
    return V2S_OK;
}
