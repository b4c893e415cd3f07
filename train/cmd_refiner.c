// SPDX-License-Identifier: MIT
// v2s-train refiner: from the command line and a run's folder to the loop, and its summary.
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "infer/run_log.h"
#include "train/presets.h"
#include "train/refiner_loop.h"
#include "train/run_folder.h"
#include "train/train_device.h"

static const v2s_run_kind refiner_kind = {
    .command = &v2s_refiner_command,
    .settings_bytes = sizeof(v2s_refiner_settings),
    .schedule_offset = offsetof(v2s_refiner_settings, schedule),
    .input = "MANIFEST",
};

typedef struct run {
    v2s_refiner_settings settings; // as they hold; lists borrowed unless `merged`
    bool merged;                   // settings come from the folder and the command line
    v2s_processes processes;
    bool first; // process 0
    v2s_run_log log;
    v2s_run_folder folder;
    v2s_device *device;
    v2s_manifest *manifests; // [inputs]
    const v2s_clip **clips[V2S_SPLIT_COUNT];
    size_t clip_count[V2S_SPLIT_COUNT], skipped_lines;
    v2s_pairing pairing;
    v2s_objective *objective;
    v2s_refiner *init;
    v2s_trainer *trainer;
    v2s_refiner_loop loop;
} run;

// ---- options and folder -----------------------------------------------------------------------

static v2s_status check_options(run *r) {
    v2s_refiner_settings *s = &r->settings;
    char names[128];
    V2S_TRY(v2s_run_folder_check_ends(&r->folder, &refiner_kind, s->resume, &s->common, s->steps,
                                      s->minutes, &s->epochs));
    if (v2s_preset_find(s->preset) == NULL)
        return V2S_FAIL(V2S_USAGE, "--preset: expected %s, found '%.64s'", v2s_preset_names(names),
                        s->preset);
    return V2S_OK;
}

static v2s_status open_folder(run *r, int argc, char **argv) {
    v2s_run_folder *f = &r->folder;
    V2S_TRY(v2s_run_folder_open(r->settings.output, f));
    V2S_TRY(v2s_processes_agree(&r->processes, r->first ? v2s_run_folder_lock(f) : V2S_OK));
    V2S_TRY(v2s_run_folder_look(f, &refiner_kind, r->settings.resume, argc, argv, &r->settings,
                                &r->merged));
    V2S_TRY(check_options(r));
    if (f->has_last)
        return v2s_run_config_check(&f->was, &r->settings, r->processes.count);
    if (r->settings.resume && r->first)
        v2s_run_log_warn(&r->log, "%s: no checkpoint yet: the run starts from the beginning",
                         r->settings.output);
    return V2S_OK;
}

// ---- data -------------------------------------------------------------------------------------

static v2s_status read_manifests(run *r) {
    const v2s_text_list *inputs = &r->settings.common.inputs;
    const v2s_manifest_rules rules = {r->settings.strict, r->settings.allow_outside,
                                      r->settings.keep_flagged};
    r->manifests = calloc(inputs->count, sizeof *r->manifests);
    if (r->manifests == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < inputs->count; i++) {
        v2s_manifest *m = &r->manifests[i];
        V2S_TRY(v2s_manifest_read(inputs->items[i], rules, m));
        r->skipped_lines += m->skipped;
        if (r->first && m->flagged > 0)
            v2s_run_log_warn(&r->log, "%s: %zu clips are flagged as doubtful: %s", m->path,
                             m->flagged, rules.keep_flagged ? "kept" : "left out");
        for (size_t k = 0; r->first && k < m->skipped; k++)
            v2s_run_log_warn(&r->log, "skipped: %s", m->skip_reasons[k]);
    }
    return V2S_OK;
}

typedef v2s_status (*clip_visit)(run *r, const v2s_clip *clip);

static v2s_status each_clip(run *r, clip_visit visit) {
    for (size_t i = 0; i < r->settings.common.inputs.count; i++)
        for (size_t k = 0; k < r->manifests[i].count; k++)
            V2S_TRY(visit(r, &r->manifests[i].clips[k]));
    return V2S_OK;
}

// The pairing of the training clips, unless they are of both.
static v2s_status choose_pairing(run *r) {
    int asked = r->settings.pairing;
    bool seen[V2S_PAIRING_COUNT] = {false};
    for (size_t i = 0; i < r->settings.common.inputs.count; i++)
        for (size_t k = 0; k < r->manifests[i].count; k++)
            if (r->manifests[i].clips[k].split == V2S_SPLIT_TRAIN)
                seen[r->manifests[i].clips[k].pairing] = true;
    bool dry = seen[V2S_PAIRING_DRY], omni = seen[V2S_PAIRING_OMNI];
    if (asked == V2S_REFINER_PAIRING_AUTO && dry && omni)
        return V2S_FAIL(V2S_USAGE, "the manifest has dry and omni clips: choose with --pairing");
    bool is_dry = asked == V2S_REFINER_PAIRING_AUTO ? dry : asked == V2S_REFINER_PAIRING_DRY;
    r->pairing = is_dry ? V2S_PAIRING_DRY : V2S_PAIRING_OMNI;
    if (!(is_dry ? dry : omni))
        return V2S_FAIL(V2S_FORMAT, "%s: no clip of the split train with pairing %s",
                        r->settings.common.inputs.items[0],
                        asked == V2S_REFINER_PAIRING_AUTO ? "dry or omni"
                                                          : v2s_pairing_name(r->pairing));
    return V2S_OK;
}

static v2s_status take_clip(run *r, const v2s_clip *clip) {
    if (clip->pairing == r->pairing)
        r->clips[clip->split][r->clip_count[clip->split]++] = clip;
    return V2S_OK;
}

static v2s_status choose_clips(run *r) {
    size_t count = 0;
    for (size_t i = 0; i < r->settings.common.inputs.count; i++)
        count += r->manifests[i].count;
    for (int split = 0; split < V2S_SPLIT_COUNT; split++) {
        r->clips[split] = calloc(count, sizeof *r->clips[split]);
        if (r->clips[split] == NULL)
            return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    return each_clip(r, take_clip);
}

static v2s_status open_objective(run *r) {
    V2S_TRY(read_manifests(r));
    V2S_TRY(choose_pairing(r));
    V2S_TRY(choose_clips(r));
    size_t train_count = r->clip_count[V2S_SPLIT_TRAIN];
    int64_t batch = r->settings.batch;
    v2s_objective_setup setup = {
        .settings = &r->settings,
        .pairing = r->pairing,
        .train = r->clips[V2S_SPLIT_TRAIN],
        .val = r->clips[V2S_SPLIT_VAL],
        .train_count = train_count,
        .val_count = r->clip_count[V2S_SPLIT_VAL],
        .init = r->folder.has_last ? r->folder.last : r->settings.init,
        .rows = (int)((size_t)batch < train_count ? (size_t)batch : train_count),
        .threads = v2s_train_threads(&r->settings.common),
        .log = r->first ? &r->log : NULL,
    };
    V2S_TRY(v2s_preset_find(r->settings.preset)->open(&setup, &r->objective));
    if (r->objective->train == NULL)
        r->objective->train = setup.train;
    if (r->objective->val_clips == 0 && r->first)
        v2s_run_log_warn(&r->log, "no clips of the split val: best.safetensors is chosen by the "
                                  "training loss");
    return V2S_OK;
}

// ---- trainer ----------------------------------------------------------------------------------

static v2s_trainer_config trainer_config(const run *r) {
    const v2s_refiner_settings *s = &r->settings;
    return (v2s_trainer_config){
        .seed = (uint64_t)s->common.seed,
        .batch = r->objective->rows,
        .optimizer = (v2s_optim_kind)s->optimizer,
        .decay = s->weight_decay,
        .momentum = s->momentum,
        .clip_norm = s->clip_norm,
        .ema_decay = s->ema_decay,
        .schedule = {.kind = (v2s_schedule_kind)s->schedule,
                     .rate = s->learning_rate,
                     .total_steps = s->steps, // epochs: below, when the batches are known
                     .warmup_steps = s->warmup,
                     .every_steps = s->step_every,
                     .factor = s->step_factor},
    };
}

static v2s_status open_trainer(run *r) {
    if (r->settings.init != NULL && !r->folder.has_last) {
        V2S_TRY(v2s_refiner_open(&r->objective->config, &r->init));
        V2S_TRY(v2s_run_checkpoint_load_weights(r->settings.init, r->init));
    }
    v2s_trainer_config config = trainer_config(r);
    V2S_TRY(
        v2s_trainer_open(&config, r->objective, r->device, &r->processes, r->init, &r->trainer));
    if (r->settings.epochs > 0)
        r->trainer->config.schedule.total_steps =
            r->settings.epochs * v2s_trainer_batches(r->trainer);
    if (r->folder.has_last)
        V2S_TRY(v2s_run_checkpoint_load_last(r->folder.last, r->trainer, &r->loop.wall_before_s,
                                             &r->loop.cpu_before_s));
    return V2S_OK;
}

// ---- records ----------------------------------------------------------------------------------

static v2s_status write_config(const run *r, int argc, char **argv) {
    const v2s_refiner_config *n = &r->objective->config;
    cJSON *facts = cJSON_CreateObject(), *network, *rows;
    cJSON_AddStringToObject(facts, "device", r->device->name);
    cJSON_AddStringToObject(facts, "pairing", v2s_pairing_name(r->pairing));
    network = cJSON_AddObjectToObject(facts, "network");
    cJSON_AddNumberToObject(network, "inputs", n->inputs);
    cJSON_AddNumberToObject(network, "kernel", n->kernel);
    cJSON_AddNumberToObject(network, "channels", n->channels);
    cJSON_AddNumberToObject(network, "hidden", n->hidden);
    cJSON_AddNumberToObject(network, "outputs", n->outputs);
    rows = cJSON_AddObjectToObject(facts, "rows");
    cJSON_AddNumberToObject(rows, "train_clips", (double)r->objective->train_clips);
    cJSON_AddNumberToObject(rows, "val_clips", (double)r->objective->val_clips);
    cJSON_AddNumberToObject(rows, "steps_of_a_row", r->objective->T);
    cJSON_AddNumberToObject(rows, "batches_of_an_epoch", (double)v2s_trainer_batches(r->trainer));
    v2s_safetensors_pair pair;
    const v2s_objective_class *cls = r->objective->cls;
    for (int i = 0; cls->metadata != NULL && cls->metadata(r->objective, i, &pair); i++)
        if (cJSON_GetObjectItem(facts, pair.key) == NULL)
            cJSON_AddStringToObject(facts, pair.key, pair.value);
    v2s_status status =
        v2s_run_config_write(&refiner_kind, r->folder.config, &r->settings, argc, argv,
                             r->folder.has_last ? &r->folder.was : NULL, r->processes.count, facts);
    cJSON_Delete(facts);
    return status;
}

static v2s_status open_records(run *r, int argc, char **argv) {
    V2S_TRY(v2s_run_folder_find_command(&r->folder, argc, argv));
    if (!r->first)
        return V2S_OK;
    V2S_TRY(write_config(r, argc, argv));
    int64_t steps = r->trainer->state.steps;
    V2S_TRY(v2s_run_log_csv_open(r->folder.csv, v2s_refiner_log_columns, steps, &r->loop.csv));
    V2S_TRY(v2s_tensorboard_open(r->settings.output, steps + 1, &r->loop.events));
    return v2s_tensorboard_text(r->loop.events, "command", steps, r->folder.command);
}

static void summarise(run *r) {
    const v2s_refiner_loop *loop = &r->loop;
    const v2s_train_state *state = &r->trainer->state;
    const v2s_objective *o = r->objective;
    v2s_run_log *log = &r->log;
    double rate = loop->seconds_taken > 0 ? (double)loop->steps_taken / loop->seconds_taken : 0;
    size_t parameters = v2s_refiner_parameters(r->trainer->weights);
    v2s_run_log_row(log, "run", "%s (ended by %s)", r->settings.output, loop->ended_by);
    v2s_run_log_row(log, "network", "preset %s, %zu parameters, %s pairs", o->cls->preset,
                    parameters, v2s_pairing_name(r->pairing));
    v2s_run_log_row(log, "clips", "%zu for training, %zu for validation, %zu skipped",
                    o->train_clips, o->val_clips, o->skipped_clips + r->skipped_lines);
    v2s_run_log_row(log, "steps",
                    "%" PRId64 " (%" PRId64 " now, %.2f a second), %" PRId64 " epochs, %" PRId64
                    " batches skipped",
                    state->steps, loop->steps_taken, rate, state->epoch, state->skipped);
    if (loop->steps_taken > 0)
        v2s_run_log_row(log, "loss", "%.6g at the first step of this start, %.6g at the last",
                        loop->first_loss, loop->last_loss);
    if (state->has_best)
        v2s_run_log_row(log, "best score", "%.6g", state->best);
    for (int i = 0; i < V2S_OBJECTIVE_SCORES && o->score_names[i] != NULL; i++)
        v2s_run_log_row(log, i == 0 ? "last validation" : "", "%s %.6g", o->score_names[i],
                        o->scores[i]);
    v2s_run_log_row(log, "time", "%.1f s, %.1f s of processor time, %s", loop->wall_s, loop->cpu_s,
                    r->device->name);
    if (r->settings.verbose)
        v2s_run_log_row(log, "kernels", "%s", r->device->ops->memory->kernels(r->device));
    v2s_run_log_text(log, "run", r->settings.output);
    v2s_run_log_text(log, "ended_by", loop->ended_by);
    v2s_run_log_text(log, "preset", o->cls->preset);
    v2s_run_log_text(log, "pairing", v2s_pairing_name(r->pairing));
    v2s_run_log_text(log, "device", r->device->name);
    v2s_run_log_text(log, "kernels", r->device->ops->memory->kernels(r->device));
    v2s_run_log_number(log, "processes", r->processes.count);
    v2s_run_log_number(log, "parameters", (double)parameters);
    v2s_run_log_number(log, "train_clips", (double)o->train_clips);
    v2s_run_log_number(log, "val_clips", (double)o->val_clips);
    v2s_run_log_number(log, "skipped_clips", (double)(o->skipped_clips + r->skipped_lines));
    v2s_run_log_number(log, "skipped_batches", (double)state->skipped);
    v2s_run_log_number(log, "steps", (double)state->steps);
    v2s_run_log_number(log, "epochs", (double)state->epoch);
    v2s_run_log_number(log, "steps_per_s", rate);
    v2s_run_log_number(log, "first_loss", loop->first_loss);
    v2s_run_log_number(log, "loss", loop->last_loss);
    v2s_run_log_number(log, "best_score", state->has_best ? state->best : NAN);
    for (int i = 0; i < V2S_OBJECTIVE_SCORES && o->score_names[i] != NULL; i++) {
        char key[128];
        snprintf(key, sizeof key, "val_%s", o->score_names[i]);
        v2s_run_log_number(log, key, o->scores[i]);
    }
    v2s_run_log_number(log, "wall_s", loop->wall_s);
    v2s_run_log_number(log, "cpu_s", loop->cpu_s);
}

// ---- the run ----------------------------------------------------------------------------------

static v2s_status prepare(run *r, int argc, char **argv) {
    v2s_status status = open_folder(r, argc, argv);
    if (status == V2S_OK)
        status = v2s_train_device_open(&r->settings, &r->processes, &r->device);
    if (status == V2S_OK)
        status = open_objective(r);
    if (status == V2S_OK)
        status = open_trainer(r);
    if (status == V2S_OK)
        status = open_records(r, argc, argv);
    return status;
}

static v2s_status work(run *r, int argc, char **argv) {
    V2S_TRY(v2s_processes_agree(&r->processes, prepare(r, argc, argv)));
    r->loop.settings = &r->settings;
    r->loop.trainer = r->trainer;
    r->loop.log = &r->log;
    r->loop.last_path = r->folder.last;
    r->loop.best_path = r->folder.best;
    r->loop.command = r->folder.command;
    v2s_status status = v2s_refiner_loop_run(&r->loop);
    if (r->first && (status == V2S_OK || status == V2S_CANCELLED)) {
        char text[V2S_ERROR_TEXT_MAX];
        v2s_error_save(text);
        summarise(r);
        v2s_status printed = v2s_run_log_finish(&r->log);
        status = status == V2S_OK ? printed : status;
        if (status == V2S_CANCELLED)
            v2s_error_restore(text);
    }
    return status;
}

static void close_run(run *r) {
    v2s_run_log_csv_close(&r->loop.csv);
    v2s_tensorboard_close(&r->loop.events);
    v2s_trainer_close(&r->trainer);
    v2s_refiner_close(&r->init);
    if (r->objective != NULL)
        r->objective->cls->close(r->objective);
    for (int split = 0; split < V2S_SPLIT_COUNT; split++)
        free(r->clips[split]);
    for (size_t i = 0; r->manifests != NULL && i < r->settings.common.inputs.count; i++)
        v2s_manifest_free(&r->manifests[i]);
    free(r->manifests);
    v2s_device_close(&r->device);
    if (r->merged)
        v2s_options_free(&v2s_refiner_command, &r->settings);
    v2s_run_log_close(&r->log);
    v2s_run_folder_close(&r->folder);
    v2s_processes_close(&r->processes);
}

v2s_status v2s_train_refiner_run(const void *config, int argc, char **argv) {
    run r = {.settings = *(const v2s_refiner_settings *)config, .folder = {.lock = -1}};
    if (r.settings.output == NULL)
        return V2S_FAIL(V2S_USAGE, "no output: give -o RUN");
    // Set by mpirun of OpenMPI in every process that it starts.
    V2S_TRY(v2s_processes_open(getenv("OMPI_COMM_WORLD_SIZE") != NULL, &r.processes));
    r.first = r.processes.rank == 0;
    r.settings.common.quiet = r.settings.common.quiet || !r.first;
    v2s_status status = v2s_run_log_open(&r.log, r.settings.common.quiet, r.settings.common.json);
    if (status == V2S_OK)
        status = work(&r, argc, argv);
    close_run(&r);
    return status;
}
