// SPDX-License-Identifier: MIT
// BatVision V1 and V2: echoes at two ears and depth maps, listed by data/depth_set.
//
// V1  ROOT/{train,val,test}.csv; an npy for each ear, depth npy in mm whatever its type
// V2  ROOT/<location>/{train,val,test}.csv; stereo wav, depth npy of uint16 in mm
//
// Every file is read once: sounds for rate, channels, silence and clipping, depth maps for their
// size, the share of pixels without a depth, infinite and not-a-number pixels.
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/depth_set.h"
#include "data/npy.h"
#include "train/prepare.h"
#include "train/usual_rate.h"

enum { EARS = 2, MAX_VALUES = 1 << 26, SHAPES_MAX = 4, CLIPPED_RUN = 3 };

#define PUBLISHED_RATE_HZ 44100 // V1's npy have none of their own
#define FULL_SCALE (32767.0 / 32768.0)

// What was learnt of a depth map.
typedef struct map_facts {
    char *problem; // owned sentence without the path, NULL: none
    size_t height, width;
    double zeros, infinite, nan, negative; // pixels
    double max_m;                          // largest finite depth
} map_facts;

typedef struct job {
    v2s_prepare *p;
    v2s_depth_set set;
    bool *usable;           // [set.count]
    map_facts *maps;        // [set.count]
    v2s_sound_survey *ears; // [EARS * set.count] of V1
    double rate_hz;         // that most sounds have
    size_t again;           // recordings that an earlier line has named
} job;

// ---- depth maps -------------------------------------------------------------------------------

// Axes of length 1 do not count (data/depth_map.h).
static bool sides_of(const v2s_npy *a, size_t side[2]) {
    int used = 0;
    for (int d = 0; d < a->rank; d++)
        if (a->rank == 2 || a->dim[d] != 1) {
            if (used == 2)
                return false;
            side[used++] = a->dim[d];
        }
    return used == 2 && a->count > 0;
}

static void count_pixels(const v2s_npy *a, double unit_m, map_facts *m) {
    for (size_t i = 0; i < a->count; i++) {
        double d = a->values[i];
        m->zeros += d == 0;
        m->negative += d < 0;
        m->nan += isnan(d);
        m->infinite += isinf(d) && d > 0;
        if (isfinite(d) && d * unit_m > m->max_m)
            m->max_m = d * unit_m;
    }
}

static v2s_status look_at(const char *path, bool millimetres, map_facts *m) {
    v2s_npy a = {0};
    size_t side[2];
    V2S_TRY(v2s_npy_read(path, MAX_VALUES, &a));
    v2s_status status = V2S_OK;
    if (!sides_of(&a, side)) {
        status = V2S_FAIL(V2S_FORMAT,
                          "no depth map: expected two dimensions, found %d with %zu "
                          "values",
                          a.rank, a.count);
    } else {
        m->height = side[0];
        m->width = side[1];
        count_pixels(&a, a.kind == V2S_NPY_FLOAT && !millimetres ? 1 : 0.001, m);
        if (m->max_m <= 0 && m->infinite == 0)
            status = V2S_FAIL(V2S_FORMAT, "no depth: no pixel is above 0");
    }
    v2s_npy_free(&a);
    return status;
}

static v2s_status keep_problem(v2s_status status, const char *path, char **problem) {
    if (status == V2S_OK || status == V2S_NOMEM)
        return status;
    *problem = strdup(v2s_without_path(v2s_error_text(), path));
    return *problem != NULL ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
}

static v2s_status map_one(void *ctx, size_t i) {
    job *j = ctx;
    const v2s_depth_sample *s = &j->set.samples[i];
    if (!j->usable[i])
        return V2S_OK;
    return keep_problem(look_at(s->depth, s->millimetres, &j->maps[i]), s->depth,
                        &j->maps[i].problem);
}

// ---- the ears of V1 ---------------------------------------------------------------------------

static void survey_array(const v2s_npy *a, v2s_sound_survey *s) {
    double scale = a->kind == V2S_NPY_FLOAT ? 1 : ldexp(1, 1 - 8 * a->bytes);
    int64_t run = 0;
    s->channels = 1;
    s->rate_hz = PUBLISHED_RATE_HZ;
    s->frames = (int64_t)a->count;
    s->duration_s = (double)a->count / PUBLISHED_RATE_HZ;
    for (size_t i = 0; i < a->count; i++) {
        double x = fabs(scale * a->values[i]);
        s->peak = fmax(s->peak, x);
        run = x >= FULL_SCALE ? run + 1 : 0;
        s->clipped += run == CLIPPED_RUN ? CLIPPED_RUN : run > CLIPPED_RUN;
    }
    s->silent = s->peak == 0;
}

static v2s_status check_ear(const v2s_npy *a) {
    size_t longest = 1;
    for (int d = 0; d < V2S_NPY_RANK_MAX; d++)
        longest = a->dim[d] > longest ? a->dim[d] : longest;
    if (a->count != longest)
        return V2S_FAIL(V2S_FORMAT,
                        "no sound: expected the samples of one ear, found %d "
                        "dimensions",
                        a->rank);
    if (a->kind == V2S_NPY_UNSIGNED)
        return V2S_FAIL(V2S_FORMAT, "no sound: expected floats or signed integers");
    if (a->count < V2S_ECHO_LEAST_SAMPLES)
        return V2S_FAIL(V2S_FORMAT, "too short: %zu samples, expected at least %d", a->count,
                        V2S_ECHO_LEAST_SAMPLES);
    for (size_t i = 0; i < a->count; i++)
        if (!isfinite(a->values[i]))
            return V2S_FAIL(V2S_NUMERIC, "not a number: sample %zu is not finite", i);
    return V2S_OK;
}

static v2s_status ear_one(void *ctx, size_t index) {
    job *j = ctx;
    const char *path = j->set.samples[index / EARS].audio[index % EARS];
    v2s_sound_survey *s = &j->ears[index];
    v2s_npy a = {0};
    if (!j->usable[index / EARS])
        return V2S_OK;
    v2s_status status = v2s_npy_read(path, MAX_VALUES, &a);
    if (status == V2S_OK) {
        status = check_ear(&a);
        if (status == V2S_OK)
            survey_array(&a, s);
        v2s_npy_free(&a);
    }
    s->status = status;
    return keep_problem(status, path, &s->reason);
}

// Surveys of arrays into the core's, which knows sound files alone.
static v2s_status survey_arrays(job *j) {
    size_t n = EARS * j->set.count;
    j->ears = calloc(n, sizeof *j->ears);
    if (j->ears == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    V2S_TRY(v2s_prepare_each(j->p, "reading", "ears", n, ear_one, j));
    for (size_t i = 0; i < n; i++) {
        const char *path = j->set.samples[i / EARS].audio[i % EARS];
        if (j->usable[i / EARS] && v2s_prepare_sound(j->p, path) == NULL)
            V2S_TRY(v2s_prepare_note_sound(j->p, path, &j->ears[i]));
    }
    return V2S_OK;
}

static v2s_status survey_files(job *j) {
    const char **paths = malloc(j->set.count * sizeof *paths);
    size_t n = 0;
    if (paths == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < j->set.count; i++)
        if (j->usable[i])
            paths[n++] = j->set.samples[i].audio[0];
    v2s_status status = v2s_prepare_survey(j->p, n, paths, NULL);
    if (status == V2S_OK)
        status = v2s_prepare_usual_rate(j->p, n, paths, &j->rate_hz);
    free(paths);
    V2S_TRY(status);
    if (j->rate_hz > 0 && j->rate_hz != PUBLISHED_RATE_HZ)
        return v2s_prepare_problem(j->p, "%s: most sounds have %g Hz, published are %d Hz",
                                   j->p->root, j->rate_hz, PUBLISHED_RATE_HZ);
    return V2S_OK;
}

// ---- what can be used -------------------------------------------------------------------------

// The reader's sentence is "table.csv: what" or "table.csv: line N: what": the table is the file.
static v2s_status skip_line(v2s_prepare *p, const char *reason) {
    static const char end[] = ".csv: ";
    const char *what = strstr(reason, end), *file;
    if (what == NULL)
        return v2s_prepare_skip(p, p->root, "unusable line: %s", reason);
    what += sizeof end - 1;
    V2S_TRY(v2s_prepare_text(p, &file, "%.*s", (int)(what - reason) - 2, reason));
    return v2s_prepare_skip(p, file, "%s%s",
                            strncmp(what, "line ", 5) == 0 ? "unusable line: " : "", what);
}

// False stays false; the first file of a sample that cannot be used is named.
static v2s_status check_there(job *j, size_t i) {
    const v2s_depth_sample *s = &j->set.samples[i];
    const char *const files[] = {s->depth, s->audio[0], s->audio[1]};
    j->usable[i] = true;
    for (size_t f = 0; f < sizeof files / sizeof *files && j->usable[i]; f++)
        if (files[f] != NULL)
            V2S_TRY(v2s_prepare_usable(j->p, files[f], &j->usable[i]));
    return V2S_OK;
}

static v2s_status check_content(job *j, size_t i) {
    const v2s_depth_sample *s = &j->set.samples[i];
    for (int ear = 0; ear < EARS && j->usable[i]; ear++)
        if (s->audio[ear] != NULL)
            V2S_TRY(v2s_prepare_check_sound(j->p, s->audio[ear], s->audio[1] != NULL ? 1 : EARS,
                                            j->rate_hz, &j->usable[i]));
    if (!j->usable[i] || j->maps[i].problem == NULL)
        return V2S_OK;
    j->usable[i] = false;
    return v2s_prepare_skip(j->p, s->depth, "%s", j->maps[i].problem);
}

// Lists that name a recording in a second split keep it there, under a name of its own: it is the
// list that says what is trained on.
static v2s_status name_clip(job *j, const v2s_depth_sample *s, const char **id) {
    *id = s->id;
    if (!v2s_prepare_has(j->p, s->id))
        return V2S_OK;
    if (j->again++ == 0)
        V2S_TRY(v2s_prepare_problem(j->p,
                                    "%s: listed more than once, again in %s: training and test "
                                    "may share recordings",
                                    s->id, v2s_split_name(s->split)));
    return v2s_prepare_text(j->p, id, "%s (%s)", s->id, v2s_split_name(s->split));
}

static v2s_status add(job *j, size_t i) {
    const v2s_depth_sample *s = &j->set.samples[i];
    const char *source, *id;
    if (!j->usable[i])
        return V2S_OK;
    V2S_TRY(name_clip(j, s, &id));
    V2S_TRY(v2s_prepare_text(j->p, &source, "BatVision %s, %s", s->audio[1] != NULL ? "V1" : "V2",
                             s->location));
    v2s_clip clip = {
        .id = (char *)id,
        .split = s->split,
        .pairing = V2S_PAIRING_DEPTH,
        .audio = {s->audio[0], s->audio[1]},
        .depth = s->depth,
        .depth_mm = s->millimetres,
        .room = s->location,
        .source = (char *)source,
        .licence = "CC BY-SA 4.0",
        .recorded = true,
        .drr_db = NAN,
    };
    return v2s_prepare_add(j->p, &clip);
}

// ---- what is said -----------------------------------------------------------------------------

static void report_maps(const job *j) {
    double pixels = 0, zeros = 0, infinite = 0, nan = 0, negative = 0, max_m = 0, least = DBL_MAX;
    double most = 0;
    size_t maps = 0;
    for (size_t i = 0; i < j->set.count; i++) {
        const map_facts *m = &j->maps[i];
        if (!j->usable[i])
            continue;
        double size = (double)m->height * (double)m->width;
        maps++;
        pixels += size;
        zeros += m->zeros;
        infinite += m->infinite;
        nan += m->nan;
        negative += m->negative;
        max_m = fmax(max_m, m->max_m);
        least = fmin(least, size);
        most = fmax(most, size);
    }
    if (maps == 0)
        return;
    v2s_run_log_row(j->p->log, "depth maps", "%zu, up to %.2f m; %s", maps, max_m,
                    least == most ? "all of one size" : "of several sizes");
    v2s_run_log_row(j->p->log, "without depth",
                    "%.1f %% of pixels are 0; %.0f infinite, %.0f not a number, %.0f negative",
                    100 * zeros / pixels, infinite, nan, negative);
    v2s_run_log_number(j->p->log, "depth_zero_share", zeros / pixels);
    v2s_run_log_number(j->p->log, "depth_infinite", infinite);
    v2s_run_log_number(j->p->log, "depth_nan", nan);
    v2s_run_log_number(j->p->log, "depth_negative", negative);
    v2s_run_log_number(j->p->log, "depth_max_m", max_m);
}

// Sizes of the maps, the first few different ones, as rows and for the JSON.
static void report_shapes(const job *j) {
    size_t height[SHAPES_MAX], width[SHAPES_MAX], times[SHAPES_MAX] = {0}, shapes = 0, others = 0;
    for (size_t i = 0; i < j->set.count; i++) {
        size_t k = 0;
        if (!j->usable[i])
            continue;
        while (k < shapes && (height[k] != j->maps[i].height || width[k] != j->maps[i].width))
            k++;
        if (k == SHAPES_MAX) {
            others++;
            continue;
        }
        shapes += k == shapes;
        height[k] = j->maps[i].height;
        width[k] = j->maps[i].width;
        times[k]++;
    }
    cJSON *list = cJSON_AddArrayToObject(j->p->log->json, "depth_shapes");
    for (size_t k = 0; k < shapes; k++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddNumberToObject(one, "height", (double)height[k]);
        cJSON_AddNumberToObject(one, "width", (double)width[k]);
        cJSON_AddNumberToObject(one, "files", (double)times[k]);
        cJSON_AddItemToArray(list, one);
        v2s_run_log_row(j->p->log, k == 0 ? "map size" : "", "%zu x %zu (%zu)", height[k], width[k],
                        times[k]);
    }
    if (others > 0)
        v2s_run_log_row(j->p->log, "", "others (%zu)", others);
}

// V1's splits are not published by number, its sum is.
static void report_counts(const job *j, bool v1) {
    enum { V1_PAIRS = 52220 };
    static const int64_t V2_PAIRS[V2S_SPLIT_COUNT] = {1911, 625, 584};
    static const int64_t UNKNOWN[V2S_SPLIT_COUNT] = {-1, -1, -1};
    size_t found[V2S_SPLIT_COUNT], sum = 0;
    for (int s = 0; s < V2S_SPLIT_COUNT; s++)
        sum += found[s] = v2s_prepare_clip_count(j->p, (v2s_split)s);
    v2s_prepare_published(j->p, "pairs", found, v1 ? UNKNOWN : V2_PAIRS);
    v2s_run_log_number(j->p->log, "listed_again", (double)j->again);
    if (!v1)
        return;
    v2s_run_log_number(j->p->log, "pairs_published", V1_PAIRS);
    if (sum != V1_PAIRS)
        v2s_run_log_warn(j->p->log, "%s: %zu pairs differ from the published number, about %d",
                         j->p->root, sum, V1_PAIRS);
}

// ---- the run ----------------------------------------------------------------------------------

static v2s_status read_set(job *j) {
    for (size_t i = 0; i < j->set.skipped; i++)
        V2S_TRY(skip_line(j->p, j->set.skip_reasons[i]));
    j->usable = calloc(j->set.count, sizeof *j->usable);
    j->maps = calloc(j->set.count, sizeof *j->maps);
    if (j->usable == NULL || j->maps == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    bool v1 = j->set.samples[0].audio[1] != NULL;
    for (size_t i = 0; i < j->set.count; i++)
        V2S_TRY(check_there(j, i));
    V2S_TRY(v1 ? survey_arrays(j) : survey_files(j));
    V2S_TRY(v2s_prepare_each(j->p, "reading", "depth maps", j->set.count, map_one, j));
    for (size_t i = 0; i < j->set.count; i++)
        if (j->usable[i])
            V2S_TRY(check_content(j, i));
    for (size_t i = 0; i < j->set.count; i++)
        V2S_TRY(add(j, i));
    report_counts(j, v1);
    report_shapes(j);
    report_maps(j);
    return V2S_OK;
}

static void free_job(job *j) {
    for (size_t i = 0; j->maps != NULL && i < j->set.count; i++)
        free(j->maps[i].problem);
    for (size_t i = 0; j->ears != NULL && i < EARS * j->set.count; i++)
        v2s_sound_survey_free(&j->ears[i]);
    free(j->ears);
    free(j->maps);
    free(j->usable);
    v2s_depth_set_free(&j->set);
}

static v2s_status run(v2s_prepare *p, const char *layout) {
    job j = {.p = p};
    V2S_TRY(v2s_depth_set_open(p->root, (v2s_manifest_rules){0}, &j.set));
    v2s_status status = strcmp(j.set.layout, layout) == 0
                            ? read_set(&j)
                            : V2S_FAIL(V2S_FORMAT, "%s: expected %s, found the layout of %s",
                                       p->root, layout, j.set.layout);
    free_job(&j);
    return status;
}

static v2s_status run_v1(v2s_prepare *p) {
    return run(p, "batvision1");
}

static v2s_status run_v2(v2s_prepare *p) {
    return run(p, "batvision2");
}

const v2s_prepare_format v2s_prepare_batvision1 = {"batvision1", 0, run_v1};
const v2s_prepare_format v2s_prepare_batvision2 = {"batvision2", 0, run_v2};
