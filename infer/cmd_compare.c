// SPDX-License-Identifier: MIT
// v2s-infer compare: whether a refiner is better than plain geometry, with intervals.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/sofa.h"
#include "infer/commands.h"
#include "infer/compare.h"
#include "infer/compare_cache.h"
#include "infer/compare_choice.h"
#include "infer/compare_pair.h"
#include "infer/compare_set.h"
#include "infer/listening_results.h"
#include "infer/listening_test.h"
#include "infer/package_folder.h"
#include "infer/pointing_results.h"
#include "infer/pointing_test.h"
#include "infer/preflight.h"
#include "infer/progress.h"
#include "infer/quote.h"
#include "infer/room_setup.h"
#include "infer/run_device.h"

typedef struct run {
    const v2s_settings *s;
    char *command; // the command line
    v2s_run_log log;
    v2s_judge_options options;
    v2s_hrtf hrtf;
    v2s_device *device;
    v2s_systems systems;
    v2s_compare_set set;
    v2s_clip_result *results; // [set.count]
    double *scores;           // of all results
    v2s_compare_cache cache;
    size_t cached; // clips whose scores it had
    v2s_comparison comparison;
    double started_s;
} run;

// ---- what is asked for ------------------------------------------------------------------------

static bool has_answers(const v2s_settings *s) {
    return s->listening_results != NULL || s->pointing_results != NULL;
}

static v2s_status check_usage(const v2s_settings *s) {
    bool pair = s->prediction != NULL || s->truth != NULL;
    if (pair && (s->prediction == NULL || s->truth == NULL))
        return V2S_FAIL(V2S_USAGE, "--pred and --truth belong together");
    if (pair && s->inputs.count > 0)
        return V2S_FAIL(V2S_USAGE, "--pred and a MANIFEST contradict each other");
    if (pair && s->refiner != NULL)
        return V2S_FAIL(V2S_USAGE, "--pred and --refiner contradict each other");
    if (pair && (s->without != NULL || s->cache != NULL))
        return V2S_FAIL(V2S_USAGE, "--pred and --%s contradict each other",
                        s->without != NULL ? "without" : "cache");
    if (s->inputs.count == 0 && (s->listening_test != NULL || s->pointing_test != NULL))
        return V2S_FAIL(V2S_USAGE, "a listening or pointing test needs a MANIFEST");
    if (s->listening_test != NULL && s->pointing_test != NULL &&
        strcmp(s->listening_test, s->pointing_test) == 0)
        return V2S_FAIL(V2S_USAGE, "--listening-test and --pointing-test: give two folders");
    if (s->listening_test != NULL && !v2s_compare_has_refiner(s))
        return V2S_FAIL(V2S_USAGE, "--listening-test needs --refiner");
    if (s->listening_results != NULL && s->pointing_results != NULL)
        return V2S_FAIL(V2S_USAGE, "--listening-results and --pointing-results: one at a time");
    if (has_answers(s) && (pair || s->inputs.count > 0 || s->report != NULL))
        return V2S_FAIL(V2S_USAGE, "--%s-results stands alone, but for --json",
                        s->listening_results != NULL ? "listening" : "pointing");
    if (!pair && !has_answers(s) && s->inputs.count == 0)
        return V2S_FAIL(V2S_USAGE, "no MANIFEST (or --pred and --truth)");
    if (s->against.count > 0 && !v2s_compare_has_refiner(s))
        return V2S_FAIL(V2S_USAGE, "--against needs --refiner");
    return V2S_OK;
}

enum { OUTPUTS = 2 };

static void list_outputs(const v2s_settings *s, v2s_preflight_file files[OUTPUTS]) {
    bool json = s->json != NULL && strcmp(s->json, "-") != 0;
    files[0] = (v2s_preflight_file){"--json", json ? s->json : NULL, false};
    files[1] = (v2s_preflight_file){"--report", s->report, false};
}

static v2s_status check_folder(const char *path) {
    v2s_package_folder *f = NULL;
    if (path == NULL)
        return V2S_OK;
    V2S_TRY(v2s_package_folder_open(path, &f));
    v2s_package_folder_close(&f);
    return V2S_OK;
}

// Outputs that could not be written, or would replace what is read, are refused before the work.
static v2s_status check_outputs(const v2s_settings *s) {
    v2s_preflight_file files[OUTPUTS];
    const char *const inputs[] = {s->refiner, s->prediction,        s->truth,
                                  s->hrtf,    s->listening_results, s->pointing_results};
    list_outputs(s, files);
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++)
        V2S_TRY(v2s_preflight_input(files, OUTPUTS, inputs[i]));
    for (size_t i = 0; i < s->inputs.count; i++)
        V2S_TRY(v2s_preflight_input(files, OUTPUTS, s->inputs.items[i]));
    for (size_t i = 0; i < s->against.count; i++)
        V2S_TRY(v2s_preflight_input(files, OUTPUTS, s->against.items[i]));
    V2S_TRY(v2s_preflight_files(files, OUTPUTS));
    V2S_TRY(check_folder(s->listening_test));
    return check_folder(s->pointing_test);
}

// The same for the files that the clips name; nothing can be replaced where nothing is yet.
static v2s_status check_clip_files(const run *r) {
    v2s_preflight_file all[OUTPUTS], there[OUTPUTS];
    size_t count = 0;
    list_outputs(r->s, all);
    for (int i = 0; i < OUTPUTS; i++)
        if (all[i].path != NULL && access(all[i].path, F_OK) == 0)
            there[count++] = all[i];
    for (size_t i = 0; count > 0 && i < r->set.count; i++) {
        const v2s_clip *clip = r->set.clips[i];
        const char *const files[] = {clip->truth, clip->dry, clip->trajectory};
        for (int k = 0; k < 3; k++)
            V2S_TRY(v2s_preflight_input(there, count, files[k]));
    }
    return V2S_OK;
}

// The head of metrics, and of sounds that people hear.
static v2s_status open_ears(run *r) {
    bool of_metrics = v2s_metrics_need_head(r->options.metrics);
    bool of_people =
        r->s->report != NULL || r->s->listening_test != NULL || r->s->pointing_test != NULL;
    if (!of_metrics && !of_people) {
        if (r->s->hrtf != NULL)
            v2s_run_log_warn(&r->log, "--hrtf is not used: no metric asks for two ears");
        return V2S_OK;
    }
    V2S_TRY(v2s_sofa_read(r->s->hrtf, &r->hrtf));
    r->options.hrtf = of_metrics ? &r->hrtf : NULL;
    return V2S_OK;
}

static v2s_status open_refiners(run *r) {
    v2s_comparison *c = &r->comparison;
    // Clips run in parallel, each on one thread of the host.
    V2S_TRY(v2s_run_device_open(r->s, 1, &r->device));
    v2s_run_log_text(&r->log, "device", r->device->name);
    V2S_TRY(v2s_compare_open_refiners(r->s, r->device, &r->systems));
    const v2s_clip_refiner *refiner = r->systems.refiners[0];
    const char *pairing = v2s_clip_refiner_pairing(refiner);
    c->refiner = r->s->refiner;
    snprintf(c->refiner_text, sizeof c->refiner_text, "%s, %s", v2s_clip_refiner_preset(refiner),
             pairing[0] != '\0' ? pairing : "pairing not told");
    return V2S_OK;
}

// ---- clips ------------------------------------------------------------------------------------

// Two ears have metrics of ears alone.
static v2s_status settle_ears(run *r) {
    if (r->set.pairing != V2S_PAIRING_BINAURAL)
        return V2S_OK;
    if (r->s->metrics == NULL)
        r->options.metrics = v2s_metrics_of(2, V2S_USE_ALWAYS);
    r->options.metrics &= v2s_metrics_ears();
    return r->options.metrics != 0
               ? V2S_OK
               : V2S_FAIL(V2S_USAGE, "--metrics %s: binaural clips have none of them",
                          r->s->metrics);
}

// The clips, and room for what becomes of them.
static v2s_status list_clips(run *r) {
    V2S_TRY(v2s_compare_set_read(r->s, &r->systems, &r->log, &r->set));
    V2S_TRY(check_clip_files(r));
    v2s_run_log_text(&r->log, "pairing", v2s_pairing_name(r->set.pairing));
    V2S_TRY(settle_ears(r));
    V2S_TRY(v2s_compare_list_systems(r->s, r->set.pairing, &r->log, &r->systems));
    size_t width = r->systems.count * (size_t)v2s_metrics_count(r->options.metrics);
    r->results = calloc(r->set.count, sizeof *r->results);
    r->scores = calloc(r->set.count * width, sizeof *r->scores);
    if (r->results == NULL || r->scores == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory for the scores of %zu clips", r->set.count);
    for (size_t i = 0; i < r->set.count; i++) {
        r->results[i].clip = r->set.clips[i];
        r->results[i].scores = r->scores + i * width;
    }
    return V2S_OK;
}

static v2s_status open_cache(run *r) {
    if (r->s->cache == NULL)
        return V2S_OK;
    V2S_TRY(v2s_compare_cache_open(r->s, &r->options, &r->systems, r->device, &r->cache));
    size_t damaged = v2s_score_cache_damaged(r->cache.store);
    if (damaged > 0)
        v2s_run_log_warn(&r->log, "%s: %zu damaged records are not used", r->s->cache, damaged);
    return V2S_OK;
}

// Names the clips that were not judged.
static v2s_status name_failures(run *r) {
    size_t named = 0;
    const char *first = NULL;
    for (size_t i = 0; i < r->set.count; i++) {
        const v2s_clip_result *c = &r->results[i];
        if (c->fate == V2S_FATE_FAILED) {
            if (r->s->strict)
                return V2S_FAIL(c->status, "%s", c->reason);
            first = first != NULL ? first : c->reason;
            if (named++ < V2S_COMPARE_NAMED_MAX)
                v2s_run_log_warn(&r->log, "%s: left out", c->reason);
        } else if (c->fate == V2S_FATE_UNCLEAR && named++ < V2S_COMPARE_NAMED_MAX) {
            v2s_run_log_warn(&r->log,
                             "clip %s: no clear direction (2|I|/(E_W+E_YZX) is %.2f, below %.2f): "
                             "left out",
                             c->clip->id, c->directness, V2S_RECORDED_DIRECTNESS_MIN);
        }
    }
    if (named > V2S_COMPARE_NAMED_MAX)
        v2s_run_log_warn(&r->log, "%zu more clips left out", named - V2S_COMPARE_NAMED_MAX);
    if (named == r->set.count)
        return V2S_FAIL(V2S_FORMAT, "%s: none of its %zu clips can be judged%s%s",
                        r->s->inputs.items[0], r->set.count, first != NULL ? "; the first: " : "",
                        first != NULL ? first : "");
    return V2S_OK;
}

// ---- what is said -----------------------------------------------------------------------------

static void add_rows(run *r) {
    const v2s_comparison *c = &r->comparison;
    v2s_run_log_row(&r->log, "refiner", "%s%s%s%s", c->refiner != NULL ? c->refiner : "none",
                    c->refiner != NULL ? " (" : "", c->refiner_text, c->refiner != NULL ? ")" : "");
    for (size_t i = 0; i < r->systems.count; i++)
        if (r->systems.items[i].kind == V2S_SYSTEM_AGAINST)
            v2s_run_log_row(&r->log, "against", "%s: %s", r->systems.items[i].name,
                            r->systems.items[i].file);
    if (r->device != NULL)
        v2s_run_device_report(r->device, r->s, &r->log);
    if (c->threads > 1) // the device's line speaks of the network in one clip
        v2s_run_log_row(&r->log, "threads", "%d, a clip on each", c->threads);
    v2s_run_log_row(&r->log, "clips", "%zu judged, %zu without one clear direction, %zu failed",
                    c->judged, c->unclear, c->failed);
    if (r->s->cache != NULL) {
        v2s_run_log_row(&r->log, "cache", "%s: had %zu clips", r->s->cache, r->cached);
        v2s_run_log_number(&r->log, "clips_cached", (double)r->cached);
    }
    char clusters[48], fields[32];
    v2s_cluster_words(c, c->groups[0].clusters, clusters);
    v2s_cluster_fields(c, fields);
    v2s_run_log_row(&r->log, "clusters", "%s (field %s)", clusters, fields);
    v2s_vec3 box = v2s_room_setup_box_m;
    if (v2s_systems_find(&r->systems, V2S_SYSTEM_ROOM) >= 0)
        v2s_run_log_row(&r->log, "room",
                        "%g x %g x %g m with the RT60 of the clip; %zu of %zu clips have one, in "
                        "the others it is geometric",
                        box.x, box.y, box.z, c->with_room, c->judged);
    v2s_run_log_row(&r->log, "intervals", "95 %%, %d draws of clusters, seed %llu", c->draws,
                    (unsigned long long)c->seed);
    if (r->hrtf.title[0] != '\0')
        v2s_run_log_row(&r->log, "ears", "%s", r->hrtf.title);
    double wall_s = v2s_now_s() - r->started_s;
    v2s_run_log_row(&r->log, "time", "%.1f s", wall_s);
    v2s_run_log_text(&r->log, "refiner", c->refiner);
    v2s_run_log_number(&r->log, "wall_s", wall_s);
}

// The page and the tests for listeners, as asked for.
static v2s_status write_for_people(run *r) {
    const v2s_settings *s = r->s;
    const v2s_comparison *c = &r->comparison;
    v2s_comparison_run page = {.command = r->command,
                               .settings = s,
                               .manifests = r->set.manifests,
                               .hrtf = &r->hrtf,
                               .log = &r->log};
    size_t clips = (size_t)s->listening_clips;
    if (s->listening_test != NULL)
        V2S_TRY(v2s_listening_test_write(s->listening_test, clips, c, &page));
    if (s->pointing_test != NULL)
        V2S_TRY(v2s_pointing_test_write(s->pointing_test, clips, c, &page));
    return s->report == NULL ? V2S_OK : v2s_comparison_page(s->report, c, &page);
}

static bool json_on_stdout(const v2s_settings *s) {
    return s->json != NULL && strcmp(s->json, "-") == 0;
}

static v2s_status settle_options(run *r) {
    v2s_metric_set set = v2s_metrics_spatial(), known = v2s_metrics_of(4, V2S_USE_ASKED);
    if (r->s->metrics != NULL)
        V2S_TRY(v2s_metrics_parse(r->s->metrics, &set));
    if ((set & known) == 0)
        return V2S_FAIL(V2S_USAGE, "--metrics %s: clips of four channels have none of them",
                        r->s->metrics);
    r->options = (v2s_judge_options){
        .metrics = set & known, .normalise = r->s->normalise != 0, .reflect = r->s->librosa == 0};
    return V2S_OK;
}

static v2s_status compare_manifests(run *r) {
    v2s_comparison *c = &r->comparison;
    V2S_TRY(settle_options(r));
    if (v2s_compare_has_refiner(r->s))
        V2S_TRY(open_refiners(r));
    V2S_TRY(list_clips(r));
    V2S_TRY(open_ears(r));
    V2S_TRY(open_cache(r));
    v2s_clips_job job = {.options = &r->options,
                         .systems = &r->systems,
                         .cache = r->s->cache != NULL ? &r->cache : NULL,
                         .all_recorded = r->s->recorded,
                         .threads = v2s_settings_threads(r->s),
                         .quiet = r->s->quiet,
                         .results = r->results,
                         .count = r->set.count};
    v2s_status judged = v2s_clips_judge(&job);
    r->cached = job.cached;
    if (r->device != NULL)
        judged = v2s_run_device_fault(judged, r->device,
                                      "a smaller --threads puts fewer clips there at once, and "
                                      "--device cpu none");
    V2S_TRY(judged);
    V2S_TRY(name_failures(r));
    c->metrics = r->options.metrics;
    c->systems = &r->systems;
    c->results = r->results;
    c->result_count = r->set.count;
    c->threads = v2s_settings_threads(r->s);
    c->draws = (int)r->s->draws;
    c->seed = (uint64_t)r->s->seed;
    V2S_TRY(v2s_comparison_summarise(c));
    add_rows(r);
    v2s_comparison_json(c, &r->log);
    V2S_TRY(write_for_people(r));
    V2S_TRY(v2s_run_log_finish(&r->log));
    return r->s->quiet || json_on_stdout(r->s) ? V2S_OK : v2s_comparison_print(c);
}

static v2s_status compare(run *r) {
    const v2s_settings *s = r->s;
    V2S_TRY(check_usage(s));
    V2S_TRY(v2s_preflight_device(s));
    V2S_TRY(check_outputs(s));
    if (s->prediction == NULL && !has_answers(s))
        return compare_manifests(r);
    if (s->listening_results != NULL)
        V2S_TRY(v2s_listening_results(s->listening_results, &r->log));
    else if (s->pointing_results != NULL)
        V2S_TRY(v2s_pointing_results(s->pointing_results, &r->log));
    else
        V2S_TRY(v2s_compare_pair(s, r->command, &r->log));
    return v2s_run_log_finish(&r->log);
}

v2s_status v2s_compare_run(const void *config, int argc, char **argv) {
    run r = {.s = config, .started_s = v2s_now_s()};
    V2S_TRY(v2s_run_log_open(&r.log, r.s->quiet, r.s->json));
    r.command = v2s_quote_command(argc, argv);
    v2s_status status = r.command != NULL ? compare(&r) : V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_comparison_close(&r.comparison);
    for (size_t i = 0; r.results != NULL && i < r.set.count; i++)
        free(r.results[i].reason);
    free(r.results);
    free(r.scores);
    v2s_compare_set_free(&r.set);
    v2s_compare_cache_close(&r.cache);
    v2s_systems_close(&r.systems);
    v2s_device_close(&r.device);
    v2s_hrtf_free(&r.hrtf);
    v2s_run_log_close(&r.log);
    free(r.command);
    return status;
}
