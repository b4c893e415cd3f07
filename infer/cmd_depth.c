// SPDX-License-Identifier: MIT
// v2s-infer depth: a depth map from the echoes at two ears, or what a checkpoint is worth.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/commands.h"
#include "infer/depth_attention.h"
#include "infer/depth_outputs.h"
#include "infer/depth_page.h"
#include "infer/depth_summary.h"
#include "infer/file_name.h"
#include "infer/preflight.h"
#include "infer/progress.h"
#include "infer/quote.h"
#include "infer/run_device.h"

typedef struct run {
    const v2s_settings *s;
    v2s_run_log log;
    v2s_device *device;
    v2s_depth_source source;
    v2s_depth_model *models; // [model_count], the first is --model
    size_t model_count;
    v2s_echo_config echo_config;
    v2s_echo *echo;
    v2s_depth_pass pass;
    v2s_depth_result *results; // [source.count]
    v2s_depth_looks looks;     // what --attention wants
    v2s_depth_summary summary; // where there is a truth
    v2s_depth_album album;     // pictures for the page
    double started_s;
} run;

// ---- what is asked for ------------------------------------------------------------------------

static v2s_status check_usage(const v2s_settings *s) {
    if (s->inputs.count == 0)
        return V2S_FAIL(V2S_USAGE, "no AUDIO.wav, FOLDER or DATASET");
    if (s->model == NULL)
        return V2S_FAIL(V2S_USAGE, "no --model FILE");
    if (s->attention_at.count > 0 && s->attention == NULL)
        return V2S_FAIL(V2S_USAGE, "--attention-at needs --attention FOLDER");
    return V2S_OK;
}

static v2s_status check_kind(const v2s_settings *s) {
    v2s_depth_source_kind kind, truth;
    V2S_TRY(v2s_depth_source_kind_of(s->inputs.items[0], &kind));
    V2S_TRY(v2s_depth_outputs_usage(s, kind));
    if (kind == V2S_DEPTH_SET && s->truth != NULL)
        return V2S_FAIL(V2S_USAGE, "--truth and a data set contradict each other");
    if (s->truth == NULL)
        return s->against.count == 0 || kind == V2S_DEPTH_SET
                   ? V2S_OK
                   : V2S_FAIL(V2S_USAGE, "--against needs a data set or --truth");
    V2S_TRY(v2s_depth_source_kind_of(s->truth, &truth));
    if (kind == V2S_DEPTH_FOLDER && truth == V2S_DEPTH_SOUND)
        return V2S_FAIL(V2S_USAGE, "--truth %s: a folder of sounds needs a folder of truths",
                        s->truth);
    return V2S_OK;
}

// ---- models -----------------------------------------------------------------------------------

static void settle_name(run *r, size_t index) {
    char *name = r->models[index].name, plain[64];
    int copy = 1;
    snprintf(plain, sizeof plain, "%s", name);
    for (size_t k = 0; k < V2S_DEPTH_OTHERS + index - 1; k++)
        if (strcmp(v2s_depth_pass_name(&r->pass, k), name) == 0) {
            snprintf(name, sizeof r->models[index].name, "%.50s-%d", plain, ++copy);
            k = (size_t)-1; // from the start, with the new name
        }
}

// All models answer for the same pixels.
static v2s_status check_alike(const v2s_depth_model *a, const v2s_depth_model *b) {
    const v2s_depth_config *x = &a->file.config, *y = &b->file.config;
    if (x->size != y->size || x->max_depth_m != y->max_depth_m ||
        a->file.rate_hz != b->file.rate_hz)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: expected what %s has (size %d, %g m, %d Hz), found size %d, %g m, "
                        "%d Hz",
                        b->path, a->path, x->size, x->max_depth_m, a->file.rate_hz, y->size,
                        y->max_depth_m, b->file.rate_hz);
    return V2S_OK;
}

static v2s_status open_model(run *r, const char *text, int batch) {
    v2s_depth_model *m = &r->models[r->model_count];
    char name[sizeof m->name];
    const char *path = v2s_name_of_file(text, name);
    v2s_status status = v2s_depth_model_open(path, r->device, batch, m);
    V2S_TRY(v2s_run_device_fault(status, r->device, "a smaller --batch needs less of it"));
    memcpy(m->name, name, sizeof name);
    for (int i = 0; i < m->file.warning_count; i++)
        v2s_run_log_warn(&r->log, "%s", m->file.warnings[i]);
    r->model_count++;
    r->pass.model_count = r->model_count;
    if (r->model_count == 1)
        return V2S_OK;
    settle_name(r, r->model_count - 1);
    return check_alike(&r->models[0], m);
}

static v2s_status open_models(run *r) {
    const v2s_settings *s = r->s;
    int batch = s->batch < (int64_t)r->source.count ? (int)s->batch : (int)r->source.count;
    r->models = calloc(1 + s->against.count, sizeof *r->models);
    if (r->models == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    r->pass.models = r->models;
    V2S_TRY(open_model(r, s->model, batch));
    for (size_t i = 0; i < s->against.count; i++)
        V2S_TRY(open_model(r, s->against.items[i], batch));
    bool judged = r->source.kind == V2S_DEPTH_SET || s->truth != NULL;
    if (judged && !v2s_depth_pass_has(&r->pass, V2S_DEPTH_MEAN_MAP))
        v2s_run_log_warn(&r->log, "%s holds no floors (mean depth map, constant): left out",
                         r->models[0].path);
    return V2S_OK;
}

static v2s_status open_echo(run *r) {
    const v2s_depth_file *f = &r->models[0].file;
    r->echo_config =
        (v2s_echo_config){f->rate_hz, f->config.max_depth_m, f->config.size, r->s->resample};
    r->pass.map = (v2s_depth_map_options){.max_depth_m = f->config.max_depth_m,
                                          .size = f->config.size,
                                          .resize = (v2s_depth_resize)r->s->depth_resize};
    return v2s_echo_open(&r->echo_config, &r->echo);
}

// ---- the work ---------------------------------------------------------------------------------

static v2s_status on_batch(void *ctx, const v2s_depth_batch *batch) {
    run *r = ctx;
    int size = r->models[0].file.config.size;
    size_t pixels = (size_t)size * (size_t)size;
    for (int i = 0; i < batch->count; i++) {
        const v2s_depth_sample *sample = batch->results[i]->sample;
        const float *x = batch->x + 2 * (size_t)i * pixels;
        V2S_TRY(v2s_depth_outputs_write(r->s, r->source.kind, sample, size, x,
                                        batch->depth + (size_t)i * pixels));
        if (r->source.kind != V2S_DEPTH_SET && r->s->report != NULL)
            V2S_TRY(v2s_depth_album_add(&r->album, batch, i));
        if (r->s->attention != NULL)
            V2S_TRY(v2s_depth_looks_write(&r->looks, sample->id, &r->models[0], batch->count, i,
                                          &r->album));
    }
    return V2S_OK;
}

// With --strict nothing is written before everything that is read is known to be good.
static v2s_status read_all(run *r) {
    int size = r->echo_config.size;
    size_t pixels = (size_t)size * (size_t)size;
    float *room = malloc(3 * pixels * sizeof *room);
    v2s_status status = room != NULL ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; status == V2S_OK && i < r->source.count; i++) {
        v2s_echo_notes notes;
        const v2s_depth_sample *sample = r->source.samples[i];
        status = v2s_depth_sample_load(sample, r->echo, &r->pass.map, room,
                                       sample->depth != NULL ? room + 2 * pixels : NULL, &notes);
    }
    free(room);
    return status;
}

static v2s_status work(run *r) {
    const v2s_settings *s = r->s;
    size_t count = r->source.count;
    r->results = calloc(count, sizeof *r->results);
    if (r->results == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++)
        r->results[i].sample = r->source.samples[i];
    r->pass.echo = r->echo;
    r->pass.need_truth = r->source.kind == V2S_DEPTH_SET;
    r->pass.strict = s->strict;
    r->pass.quiet = s->quiet;
    r->pass.log = &r->log;
    r->pass.each = on_batch;
    r->pass.ctx = r;
    if (s->strict && r->source.kind == V2S_DEPTH_FOLDER)
        V2S_TRY(read_all(r));
    v2s_status status = v2s_depth_pass_run(&r->pass, r->results, count);
    V2S_TRY(v2s_run_device_fault(status, r->device, "a smaller --batch needs less of it"));
    size_t judged = 0;
    for (size_t i = 0; i < count; i++)
        judged += r->results[i].has_truth;
    if (judged > 0)
        V2S_TRY(v2s_depth_summarise(&r->pass, r->results, count, (int)s->draws, (uint64_t)s->seed,
                                    &r->summary));
    return s->attention != NULL ? v2s_depth_looks_finish(&r->looks) : V2S_OK;
}

// ---- what is said -----------------------------------------------------------------------------

// "   (mean depth map 0.912, constant 1.102)", what there is of it.
static void add_floor_text(const run *r, int m, char text[96]) {
    static const char *const names[] = {"mean depth map", "constant"};
    int at = 0, decimals = v2s_depth_metrics[m].decimals;
    text[0] = '\0';
    for (size_t k = V2S_DEPTH_MEAN_MAP; k <= V2S_DEPTH_CONSTANT; k++)
        if (v2s_depth_pass_has(&r->pass, k))
            at += snprintf(text + at, 96 - (size_t)at, "%s%s %.*f", at > 0 ? ", " : "   (",
                           names[k - V2S_DEPTH_MEAN_MAP], decimals,
                           fmin(r->summary.system[k][m].mean, 1e9));
    if (at > 0)
        snprintf(text + at, 96 - (size_t)at, ")");
}

static void say_scores(run *r) {
    const v2s_depth_summary *sum = &r->summary;
    double mean[V2S_DEPTH_METRICS];
    for (int m = 0; m < V2S_DEPTH_METRICS; m++) {
        const v2s_depth_metric *metric = &v2s_depth_metrics[m];
        char floors[96];
        mean[m] = sum->system[0][m].mean;
        add_floor_text(r, m, floors);
        if (sum->clips == 1 && r->source.kind == V2S_DEPTH_SOUND)
            v2s_run_log_row(&r->log, metric->name, "%.*f%s%s%s", metric->decimals, mean[m],
                            metric->unit[0] != '\0' ? " " : "", metric->unit, floors);
    }
    v2s_depth_json_scores(cJSON_AddObjectToObject(r->log.json, "metrics"), mean);
    cJSON *floors = cJSON_AddObjectToObject(r->log.json, "floors");
    for (size_t k = V2S_DEPTH_MEAN_MAP; k <= V2S_DEPTH_CONSTANT; k++) {
        if (!v2s_depth_pass_has(&r->pass, k))
            continue;
        for (int m = 0; m < V2S_DEPTH_METRICS; m++)
            mean[m] = sum->system[k][m].mean;
        v2s_depth_json_scores(cJSON_AddObjectToObject(floors, v2s_depth_pass_name(&r->pass, k)),
                              mean);
    }
    double ratio = v2s_depth_ratio(sum, V2S_DEPTH_MEAN_MAP);
    if (isfinite(ratio))
        v2s_run_log_row(&r->log, "against the map", "L1 is %.3f of the mean depth map's", ratio);
    v2s_depth_summary_json(sum, r->log.json);
}

static void add_file(const run *r, const v2s_depth_result *result, cJSON *list) {
    cJSON *o = cJSON_CreateObject();
    cJSON_AddItemToArray(list, o);
    cJSON_AddStringToObject(o, "id", result->sample->id);
    cJSON_AddStringToObject(o, "audio", result->sample->audio[0]);
    if (result->sample->location[0] != '\0')
        cJSON_AddStringToObject(o, "location", result->sample->location);
    if (result->reason != NULL) {
        cJSON_AddStringToObject(o, "left_out", result->reason);
        return;
    }
    v2s_depth_json_number(o, "depth_min_m", result->least_m);
    v2s_depth_json_number(o, "depth_mean_m", result->mean_m);
    v2s_depth_json_number(o, "depth_max_m", result->most_m);
    cJSON *scores = result->has_truth ? cJSON_AddObjectToObject(o, "scores") : NULL;
    for (size_t k = 0; scores != NULL && k < v2s_depth_pass_systems(&r->pass); k++)
        if (v2s_depth_pass_has(&r->pass, k))
            v2s_depth_json_scores(cJSON_AddObjectToObject(scores, v2s_depth_pass_name(&r->pass, k)),
                                  result->score[k]);
}

static void say_model(run *r) {
    const v2s_depth_model *m = &r->models[0];
    char text[V2S_DEPTH_MODEL_TEXT];
    v2s_depth_model_describe(&m->file, text);
    v2s_run_log_row(&r->log, "model", "%s (%s; %zu parameters)", m->path, text, m->parameters);
    for (size_t i = 1; i < r->model_count; i++) {
        v2s_depth_model_describe(&r->models[i].file, text);
        v2s_run_log_row(&r->log, r->models[i].name, "%s (%s)", r->models[i].path, text);
    }
    v2s_run_device_report(r->device, r->s, &r->log);
    v2s_run_log_text(&r->log, "model", m->path);
    v2s_run_log_text(&r->log, "device", r->device->name);
    v2s_run_log_number(&r->log, "parameters", (double)m->parameters);
    v2s_run_log_number(&r->log, "size", m->file.config.size);
    v2s_run_log_number(&r->log, "max_depth_m", m->file.config.max_depth_m);
    v2s_run_log_number(&r->log, "rate_hz", m->file.rate_hz);
}

static void say_samples(run *r) {
    size_t count = r->source.count, failed = 0;
    for (size_t i = 0; i < count; i++)
        failed += r->results[i].reason != NULL;
    if (r->source.kind == V2S_DEPTH_SET)
        v2s_run_log_row(&r->log, "data set", "%s (%s), split %s: %zu samples judged, %zu left out",
                        r->source.path, r->source.set.layout,
                        r->s->split == V2S_SPLIT_COUNT ? "all"
                                                       : v2s_split_name((v2s_split)r->s->split),
                        count - failed, failed + r->source.set.skipped);
    else if (r->source.kind == V2S_DEPTH_FOLDER)
        v2s_run_log_row(&r->log, "sounds", "%s: %zu, %zu left out", r->source.path, count - failed,
                        failed);
    const v2s_depth_result *one = &r->results[0];
    if (count == 1)
        v2s_run_log_row(&r->log, "depth", "%.2f to %.2f m, mean %.2f m", one->least_m, one->most_m,
                        one->mean_m);
    v2s_run_log_number(&r->log, "samples", (double)(count - failed));
    v2s_run_log_number(&r->log, "left_out", (double)(failed + r->source.set.skipped));
    v2s_run_log_number(&r->log, "truths_missing", (double)r->source.missing_truths);
    cJSON *list = cJSON_AddArrayToObject(r->log.json, "files");
    for (size_t i = 0; i < count; i++)
        add_file(r, &r->results[i], list);
    if (r->summary.clips > 1)
        v2s_run_log_row(&r->log, "intervals", "95 %%, %d draws of %zu %s, seed %llu",
                        r->summary.draws, r->summary.locations,
                        r->source.kind == V2S_DEPTH_SET ? "locations" : "sounds",
                        (unsigned long long)r->summary.seed);
}

static void say(run *r) {
    say_model(r);
    say_samples(r);
    if (r->summary.clips > 0)
        say_scores(r);
    double wall_s = v2s_now_s() - r->started_s;
    v2s_run_log_row(&r->log, "time", "%.1f s", wall_s);
    v2s_run_log_number(&r->log, "wall_s", wall_s);
}

static v2s_status write_page(run *r, int argc, char **argv) {
    if (r->s->report == NULL)
        return V2S_OK;
    v2s_depth_page page = {.pass = &r->pass,
                           .source = &r->source,
                           .echo = r->echo_config,
                           .results = r->results,
                           .summary = r->summary.clips > 0 ? &r->summary : NULL,
                           .album = &r->album,
                           .log = &r->log,
                           .command = v2s_quote_command(argc, argv)};
    if (page.command == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_status status = V2S_OK;
    if (r->source.kind == V2S_DEPTH_SET)
        status = v2s_depth_album_choose(&r->album, &r->pass, r->results, r->source.count);
    if (status == V2S_OK)
        status = v2s_depth_page_write(r->s->report, &page);
    free((char *)page.command);
    return status;
}

static bool is_tabled(const run *r) {
    bool json_on_stdout = r->s->json != NULL && strcmp(r->s->json, "-") == 0;
    return r->summary.clips > 0 && r->source.kind != V2S_DEPTH_SOUND && !r->s->quiet &&
           !json_on_stdout;
}

// The processor's convolutions and attention are float32 alone.
static v2s_status open_device(run *r) {
    V2S_TRY(v2s_run_device_open(r->s, (int)r->s->threads, &r->device));
    if (r->device->precision == V2S_PRECISION_BF16 && r->device->ops->memory->host_memory)
        return V2S_FAIL(V2S_UNSUPPORTED,
                        "--precision bf16: the depth network has it on a GPU only");
    return V2S_OK;
}

static v2s_status depth(run *r, int argc, char **argv) {
    const v2s_settings *s = r->s;
    V2S_TRY(check_usage(s));
    V2S_TRY(v2s_preflight_device(s));
    V2S_TRY(check_kind(s));
    V2S_TRY(open_device(r));
    V2S_TRY(v2s_depth_source_open(s, &r->log, &r->source));
    V2S_TRY(v2s_depth_outputs_preflight(s, &r->source));
    V2S_TRY(open_models(r));
    V2S_TRY(open_echo(r));
    if (s->attention != NULL)
        V2S_TRY(v2s_depth_looks_open(s, &r->source, &r->models[0].file, &r->looks));
    v2s_depth_album_open(&r->album, r->echo_config.size);
    V2S_TRY(work(r));
    say(r);
    V2S_TRY(write_page(r, argc, argv));
    V2S_TRY(v2s_run_log_finish(&r->log));
    if (is_tabled(r))
        v2s_depth_summary_print(&r->summary);
    return V2S_OK;
}

v2s_status v2s_depth_run(const void *config, int argc, char **argv) {
    run r = {.s = config, .started_s = v2s_now_s()};
    V2S_TRY(v2s_run_log_open(&r.log, r.s->quiet, r.s->json));
    v2s_status status = depth(&r, argc, argv);
    v2s_depth_album_close(&r.album);
    v2s_depth_looks_close(&r.looks);
    v2s_depth_summary_free(&r.summary);
    v2s_depth_results_free(r.results, r.source.count);
    v2s_echo_close(&r.echo);
    for (size_t i = 0; i < r.model_count; i++)
        v2s_depth_model_close(&r.models[i]);
    free(r.models);
    v2s_depth_source_close(&r.source);
    v2s_device_close(&r.device);
    v2s_run_log_close(&r.log);
    return status;
}
