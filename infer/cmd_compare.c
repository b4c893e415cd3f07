// SPDX-License-Identifier: MIT
// v2s-infer compare: whether a refiner is better than plain geometry, with intervals.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/sofa.h"
#include "infer/commands.h"
#include "infer/compare.h"
#include "infer/compare_pair.h"
#include "infer/preflight.h"
#include "infer/progress.h"
#include "infer/quote.h"
#include "infer/refiner_choice.h"
#include "infer/room_setup.h"
#include "infer/run_device.h"
#include "kernels/base/file_out.h"

enum { PAIRING_AUTO, PAIRING_DRY, PAIRING_OMNI };
enum { NAMED_MAX = 10 }; // clips and lines named one by one

typedef struct run {
    const v2s_settings *s;
    v2s_run_log log;
    v2s_judge_options options;
    v2s_hrtf hrtf;
    v2s_device *device;
    v2s_clip_refiner *refiner;
    v2s_manifest *manifests; // [s->inputs.count]
    v2s_clip_result *results;
    size_t result_count;
    v2s_comparison comparison;
    double started_s;
} run;

// ---- what is asked for ------------------------------------------------------------------------

static v2s_status check_usage(const v2s_settings *s) {
    bool pair = s->prediction != NULL || s->truth != NULL;
    if (pair && (s->prediction == NULL || s->truth == NULL))
        return V2S_FAIL(V2S_USAGE, "--pred and --truth belong together");
    if (pair && s->inputs.count > 0)
        return V2S_FAIL(V2S_USAGE, "--pred and a MANIFEST contradict each other");
    if (pair && s->refiner != NULL)
        return V2S_FAIL(V2S_USAGE, "--pred and --refiner contradict each other");
    if (pair && s->report != NULL)
        return V2S_FAIL(V2S_USAGE, "--report needs a MANIFEST");
    if (!pair && s->inputs.count == 0)
        return V2S_FAIL(V2S_USAGE, "no MANIFEST (or --pred and --truth)");
    return V2S_OK;
}

// An output that could not be written is refused before the work.
static v2s_status check_output(const char *path) {
    v2s_file_out *f = NULL;
    if (path == NULL || strcmp(path, "-") == 0)
        return V2S_OK;
    V2S_TRY(v2s_file_out_open(path, &f));
    v2s_file_out_close(&f);
    return V2S_OK;
}

static v2s_status open_ears(run *r) {
    if ((r->options.metrics & v2s_metrics_of_ears()) == 0)
        return V2S_OK;
    V2S_TRY(v2s_sofa_read(NULL, &r->hrtf));
    r->options.hrtf = &r->hrtf;
    return V2S_OK;
}

static v2s_status open_refiner(run *r) {
    v2s_comparison *c = &r->comparison;
    c->has[V2S_SYSTEM_GEOMETRIC] = c->has[V2S_SYSTEM_MONO] = true;
    if (r->s->refiner == NULL || strcmp(r->s->refiner, "none") == 0)
        return V2S_OK;
    // Clips run in parallel, each on one thread of the host.
    V2S_TRY(v2s_run_device_open(r->s, 1, &r->device));
    v2s_run_log_text(&r->log, "device", r->device->name);
    char path[PATH_MAX];
    v2s_refiner_path(r->s->refiner, path);
    V2S_TRY(v2s_clip_refiner_open(path, r->device, &r->refiner));
    c->refiner = r->s->refiner;
    const char *pairing = v2s_clip_refiner_pairing(r->refiner);
    snprintf(c->refiner_text, sizeof c->refiner_text, "%s, %s", v2s_clip_refiner_preset(r->refiner),
             pairing[0] != '\0' ? pairing : "pairing not told");
    c->has[V2S_SYSTEM_REFINED] = true;
    c->has[V2S_SYSTEM_SCALED] = v2s_clip_refiner_has(r->refiner, V2S_CLIP_SCALED);
    c->has[V2S_SYSTEM_CONSTANT] = v2s_clip_refiner_has(r->refiner, V2S_CLIP_CONSTANT);
    const v2s_system floors[] = {V2S_SYSTEM_SCALED, V2S_SYSTEM_CONSTANT};
    for (int i = 0; i < 2; i++)
        if (!c->has[floors[i]])
            v2s_run_log_warn(&r->log, "%s holds no gains for the floor '%s': left out",
                             r->s->refiner, v2s_system_name(floors[i]));
    return V2S_OK;
}

// ---- clips ------------------------------------------------------------------------------------

static v2s_status read_manifests(run *r) {
    r->manifests = calloc(r->s->inputs.count, sizeof *r->manifests);
    if (r->manifests == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < r->s->inputs.count; i++) {
        v2s_manifest *m = &r->manifests[i];
        V2S_TRY(v2s_manifest_read(r->s->inputs.items[i], v2s_settings_rules(r->s), m));
        for (size_t k = 0; k < m->skipped && k < NAMED_MAX; k++)
            v2s_run_log_warn(&r->log, "%s", m->skip_reasons[k]);
        if (m->skipped > NAMED_MAX)
            v2s_run_log_warn(&r->log, "%s: %zu more lines that cannot be used", m->path,
                             m->skipped - NAMED_MAX);
        if (m->flagged > 0)
            v2s_run_log_warn(&r->log, "%s: %zu clips are flagged as doubtful: %s", m->path,
                             m->flagged, r->s->keep_flagged ? "kept" : "left out");
    }
    return V2S_OK;
}

static bool in_split(const run *r, const v2s_clip *clip) {
    return r->s->split == V2S_SPLIT_COUNT || (int)clip->split == r->s->split;
}

// The pairing that is judged: asked for, else the refiner's, else the only one there is.
static v2s_status settle_pairing(run *r, v2s_pairing *pairing) {
    size_t dry = 0, omni = 0;
    const char *told = r->refiner != NULL ? v2s_clip_refiner_pairing(r->refiner) : "";
    for (size_t i = 0; i < r->s->inputs.count; i++)
        for (size_t k = 0; k < r->manifests[i].count; k++) {
            const v2s_clip *clip = &r->manifests[i].clips[k];
            dry += in_split(r, clip) && clip->pairing == V2S_PAIRING_DRY;
            omni += in_split(r, clip) && clip->pairing == V2S_PAIRING_OMNI;
        }
    bool asked = r->s->pairing != PAIRING_AUTO;
    if (!asked && told[0] == '\0' && dry > 0 && omni > 0)
        return V2S_FAIL(V2S_USAGE, "the manifests hold dry and omni pairs: give --pairing");
    if (asked)
        *pairing = r->s->pairing == PAIRING_DRY ? V2S_PAIRING_DRY : V2S_PAIRING_OMNI;
    else if (told[0] != '\0')
        *pairing = strcmp(told, "dry") == 0 ? V2S_PAIRING_DRY : V2S_PAIRING_OMNI;
    else
        *pairing = dry > 0 ? V2S_PAIRING_DRY : V2S_PAIRING_OMNI;
    if (told[0] != '\0' && strcmp(told, v2s_pairing_name(*pairing)) != 0)
        v2s_run_log_warn(&r->log, "%s was trained on %s pairs and is judged on %s pairs",
                         r->s->refiner, told, v2s_pairing_name(*pairing));
    return V2S_OK;
}

static v2s_status choose_clips(run *r) {
    v2s_pairing pairing = V2S_PAIRING_OMNI;
    size_t all = 0;
    V2S_TRY(settle_pairing(r, &pairing));
    for (size_t i = 0; i < r->s->inputs.count; i++)
        all += r->manifests[i].count;
    r->results = calloc(all + 1, sizeof *r->results);
    if (r->results == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < r->s->inputs.count; i++)
        for (size_t k = 0; k < r->manifests[i].count; k++) {
            const v2s_clip *clip = &r->manifests[i].clips[k];
            if (in_split(r, clip) && clip->pairing == pairing)
                r->results[r->result_count++].clip = clip;
        }
    if (r->result_count == 0)
        return V2S_FAIL(
            V2S_FORMAT, "%s: no clip of pairing %s%s%s", r->s->inputs.items[0],
            v2s_pairing_name(pairing), r->s->split == V2S_SPLIT_COUNT ? "" : " and split ",
            r->s->split == V2S_SPLIT_COUNT ? "" : v2s_split_name((v2s_split)r->s->split));
    v2s_run_log_text(&r->log, "pairing", v2s_pairing_name(pairing));
    r->comparison.has[V2S_SYSTEM_ROOM] = pairing == V2S_PAIRING_DRY;
    return V2S_OK;
}

// Names the clips that were not judged.
static v2s_status name_failures(run *r) {
    size_t named = 0, failed = 0;
    for (size_t i = 0; i < r->result_count; i++) {
        const v2s_clip_result *c = &r->results[i];
        if (c->fate == V2S_FATE_FAILED) {
            if (r->s->strict)
                return V2S_FAIL(c->status, "%s", c->reason);
            failed++;
            if (named++ < NAMED_MAX)
                v2s_run_log_warn(&r->log, "%s: left out", c->reason);
        } else if (c->fate == V2S_FATE_UNCLEAR && named++ < NAMED_MAX) {
            v2s_run_log_warn(&r->log,
                             "clip %s: no clear direction (2|I|/(E_W+E_YZX) is %.2f, below %.2f): "
                             "left out",
                             c->clip->id, c->directness, V2S_RECORDED_DIRECTNESS_MIN);
        }
    }
    if (named > NAMED_MAX)
        v2s_run_log_warn(&r->log, "%zu more clips left out", named - NAMED_MAX);
    if (named == r->result_count)
        return V2S_FAIL(V2S_FORMAT, "%s: none of its %zu clips can be judged%s%s",
                        r->s->inputs.items[0], r->result_count, failed > 0 ? "; the first: " : "",
                        failed > 0 && r->results[0].reason != NULL ? r->results[0].reason : "");
    return V2S_OK;
}

// ---- what is said -----------------------------------------------------------------------------

static void add_rows(run *r) {
    const v2s_comparison *c = &r->comparison;
    v2s_run_log_row(&r->log, "refiner", "%s%s%s%s", c->refiner != NULL ? c->refiner : "none",
                    c->refiner != NULL ? " (" : "", c->refiner_text, c->refiner != NULL ? ")" : "");
    if (r->device != NULL)
        v2s_run_device_report(r->device, r->s, &r->log);
    v2s_run_log_row(&r->log, "clips", "%zu judged, %zu without one clear direction, %zu failed",
                    c->judged, c->unclear, c->failed);
    v2s_run_log_row(&r->log, "rooms or sources", "%zu", c->groups[0].clusters);
    v2s_vec3 box = v2s_room_setup_box_m;
    if (c->has[V2S_SYSTEM_ROOM])
        v2s_run_log_row(&r->log, "room",
                        "%g x %g x %g m with the RT60 of the clip; %zu of %zu clips have one, in "
                        "the others it is geometric",
                        box.x, box.y, box.z, c->with_room, c->judged);
    v2s_run_log_row(&r->log, "intervals", "95 %%, %d draws of rooms or sources, seed %llu",
                    c->draws, (unsigned long long)c->seed);
    if (r->hrtf.title[0] != '\0')
        v2s_run_log_row(&r->log, "ears", "%s", r->hrtf.title);
    double wall_s = v2s_now_s() - r->started_s;
    v2s_run_log_row(&r->log, "time", "%.1f s", wall_s);
    v2s_run_log_text(&r->log, "refiner", c->refiner);
    v2s_run_log_number(&r->log, "wall_s", wall_s);
}

static v2s_status write_page(run *r, int argc, char **argv) {
    if (r->s->report == NULL)
        return V2S_OK;
    char *command = v2s_quote_command(argc, argv);
    v2s_status status = command == NULL
                            ? V2S_FAIL(V2S_NOMEM, "out of memory")
                            : v2s_comparison_page(r->s->report, command, &r->comparison, &r->log);
    free(command);
    return status;
}

static bool json_on_stdout(const v2s_settings *s) {
    return s->json != NULL && strcmp(s->json, "-") == 0;
}

static v2s_status compare_manifests(run *r, int argc, char **argv) {
    v2s_comparison *c = &r->comparison;
    V2S_TRY(open_refiner(r));
    V2S_TRY(read_manifests(r));
    V2S_TRY(choose_clips(r));
    V2S_TRY(open_ears(r));
    v2s_clips_job job = {.options = &r->options,
                         .refiner = r->refiner,
                         .all_recorded = r->s->recorded,
                         .threads = v2s_settings_threads(r->s),
                         .quiet = r->s->quiet,
                         .results = r->results,
                         .count = r->result_count};
    memcpy(job.has, c->has, sizeof job.has);
    v2s_status judged = v2s_clips_judge(&job);
    if (r->device != NULL)
        judged = v2s_run_device_fault(judged, r->device,
                                      "a smaller --threads puts fewer clips there at once, and "
                                      "--device cpu none");
    V2S_TRY(judged);
    V2S_TRY(name_failures(r));
    c->metrics = r->options.metrics;
    c->results = r->results;
    c->result_count = r->result_count;
    c->draws = (int)r->s->draws;
    c->seed = (uint64_t)r->s->seed;
    V2S_TRY(v2s_comparison_summarise(c));
    add_rows(r);
    v2s_comparison_json(c, &r->log);
    V2S_TRY(write_page(r, argc, argv));
    V2S_TRY(v2s_run_log_finish(&r->log));
    if (!r->s->quiet && !json_on_stdout(r->s))
        v2s_comparison_print(c);
    return V2S_OK;
}

static v2s_status compare(run *r, int argc, char **argv) {
    const v2s_settings *s = r->s;
    V2S_TRY(check_usage(s));
    V2S_TRY(v2s_metrics_parse(s->metrics, &r->options.metrics));
    V2S_TRY(v2s_preflight_device(s));
    V2S_TRY(check_output(s->json));
    V2S_TRY(check_output(s->report));
    r->options.normalise = s->normalise;
    r->options.reflect = s->librosa == 0;
    if (s->prediction == NULL)
        return compare_manifests(r, argc, argv);
    V2S_TRY(open_ears(r));
    V2S_TRY(v2s_compare_pair(s, &r->options, &r->log));
    return v2s_run_log_finish(&r->log);
}

v2s_status v2s_compare_run(const void *config, int argc, char **argv) {
    run r = {.s = config, .started_s = v2s_now_s()};
    V2S_TRY(v2s_run_log_open(&r.log, r.s->quiet, r.s->json));
    v2s_status status = compare(&r, argc, argv);
    v2s_comparison_close(&r.comparison);
    for (size_t i = 0; i < r.result_count; i++)
        free(r.results[i].reason);
    free(r.results);
    for (size_t i = 0; r.manifests != NULL && i < r.s->inputs.count; i++)
        v2s_manifest_free(&r.manifests[i]);
    free(r.manifests);
    v2s_clip_refiner_close(&r.refiner);
    v2s_device_close(&r.device);
    v2s_hrtf_free(&r.hrtf);
    v2s_run_log_close(&r.log);
    return status;
}
