// SPDX-License-Identifier: MIT
// v2s-train depth: from the command line and a run's folder to the loop, and its summary.
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/depth_file.h"
#include "train/depth_checkpoint.h"
#include "train/depth_loop.h"
#include "train/run_folder.h"

typedef struct run {
    v2s_depth_settings settings; // as they hold; lists borrowed unless `merged`
    bool merged;                 // settings come from the folder and the command line
    v2s_depth_config net;
    v2s_run_log log;
    v2s_run_folder folder;
    v2s_device *device;
    v2s_depth_data *data;
    v2s_depth_file init;
    v2s_depth_trainer *trainer;
    v2s_depth_loop loop;
} run;

static const v2s_run_kind depth_kind = {
    .command = &v2s_depth_command,
    .settings_bytes = sizeof(v2s_depth_settings),
    .schedule_offset = offsetof(v2s_depth_settings, schedule),
    .input = "ROOT or MANIFEST",
    .free_option = "cache-mb",
};

// ---- options and folder -----------------------------------------------------------------------

static v2s_status choose_network(run *r) {
    const v2s_depth_settings *s = &r->settings;
    r->net = v2s_depth_default();
    r->net.base_channels = (int)s->base_channels;
    r->net.scale = (v2s_attention_scale)s->scale;
    r->net.size = (int)s->size;
    r->net.max_depth_m = s->max_depth_m;
    if (v2s_depth_levels_parse(s->levels, &r->net) != V2S_OK)
        return v2s_error_prefix(V2S_USAGE, "--attention-levels");
    if (s->attention == V2S_DEPTH_ATTENTION_NONE)
        memset(r->net.attention, 0, sizeof r->net.attention);
    if (s->base_channels % 8 != 0)
        return V2S_FAIL(V2S_USAGE, "--base-channels: expected a multiple of 8, found %" PRId64,
                        s->base_channels);
    if (s->size % 16 != 0)
        return V2S_FAIL(V2S_USAGE, "--size: expected a multiple of 16, found %" PRId64, s->size);
    return V2S_OK;
}

static v2s_status check_options(run *r) {
    v2s_depth_settings *s = &r->settings;
    V2S_TRY(v2s_run_folder_check_ends(&r->folder, &depth_kind, s->resume, &s->common, s->steps,
                                      s->minutes, &s->epochs));
    return choose_network(r);
}

static v2s_status open_folder(run *r, int argc, char **argv) {
    v2s_run_folder *f = &r->folder;
    V2S_TRY(v2s_run_folder_open(r->settings.output, f));
    V2S_TRY(v2s_run_folder_lock(f));
    V2S_TRY(v2s_run_folder_look(f, &depth_kind, r->settings.resume, argc, argv, &r->settings,
                                &r->merged));
    V2S_TRY(check_options(r));
    if (f->has_last)
        return v2s_run_config_check(&f->was, &r->settings, 1);
    if (r->settings.resume)
        v2s_run_log_warn(&r->log, "%s: no checkpoint yet: the run starts from the beginning",
                         r->settings.output);
    return V2S_OK;
}

static v2s_status open_device(run *r) {
    const v2s_depth_settings *s = &r->settings;
    v2s_device_options options = {.threads = v2s_train_threads(&s->common),
                                  .precision = (v2s_precision)s->precision,
                                  .deterministic = s->deterministic,
                                  .training = true};
    v2s_status status = v2s_device_open_with(s->common.device, &options, &r->device);
    return status == V2S_ARG ? V2S_USAGE : status; // the word came from the command line
}

// ---- samples and weights ----------------------------------------------------------------------

static v2s_status open_data(run *r) {
    const v2s_depth_settings *s = &r->settings;
    v2s_depth_data_setup setup = {
        .inputs = &s->common.inputs,
        .rules = {s->strict, s->allow_outside, s->keep_flagged},
        .echo = {.rate_hz = (int)s->rate_hz, .max_depth_m = s->max_depth_m, .size = (int)s->size},
        .resize = (v2s_depth_resize)s->resize,
        .left_only = s->ears == V2S_DEPTH_EARS_LEFT,
        .threads = v2s_train_threads(&s->common),
        .cache_bytes = (size_t)s->cache_mb << 20,
        .log = &r->log,
    };
    V2S_TRY(v2s_depth_data_open(&setup, &r->data));
    if (r->data->val_count == 0)
        v2s_run_log_warn(&r->log, "no samples of the split val: best.safetensors is chosen by the "
                                  "training loss");
    return V2S_OK;
}

// Weights fit a network of the same channels, levels and scale, whatever its size.
static v2s_status check_init(const run *r) {
    const v2s_depth_config *has = &r->init.config, *want = &r->net;
    const char *path = r->settings.init;
    char has_levels[16], want_levels[16];
    v2s_depth_levels_text(has, has_levels);
    v2s_depth_levels_text(want, want_levels);
    if (has->base_channels != want->base_channels)
        return V2S_FAIL(V2S_USAGE, "--init: %s has --base-channels %d, expected %d", path,
                        has->base_channels, want->base_channels);
    if (strcmp(has_levels, want_levels) != 0)
        return V2S_FAIL(V2S_USAGE, "--init: %s has --attention-levels '%s', expected '%s'", path,
                        has_levels, want_levels);
    if (has->scale != want->scale && want_levels[0] != '\0')
        return V2S_FAIL(V2S_USAGE, "--init: %s has --attention-scale %s, expected %s", path,
                        has->scale == V2S_ATTENTION_SCALE_KEY ? "key" : "channels",
                        want->scale == V2S_ATTENTION_SCALE_KEY ? "key" : "channels");
    return V2S_OK;
}

static v2s_status open_init(run *r) {
    if (r->settings.init == NULL || r->folder.has_last)
        return V2S_OK;
    V2S_TRY(v2s_depth_file_open(r->settings.init, &r->init));
    for (int i = 0; i < r->init.warning_count; i++)
        v2s_run_log_warn(&r->log, "%s", r->init.warnings[i]);
    return check_init(r);
}

static v2s_depth_trainer_config trainer_config(const run *r) {
    const v2s_depth_settings *s = &r->settings;
    bool is_constant = s->schedule > V2S_SCHEDULE_CONSTANT; // "none"
    return (v2s_depth_trainer_config){
        .seed = (uint64_t)s->common.seed,
        .batch = (int)s->batch,
        .accumulate = (int)s->accumulate,
        .swap = s->augment == V2S_DEPTH_AUGMENT_SWAP,
        .adaptive = s->curriculum == V2S_DEPTH_CURRICULUM_ADAPTIVE,
        .weights = {.optimizer = (v2s_optim_kind)s->optimizer,
                    .decay = s->weight_decay,
                    .momentum = s->momentum,
                    .clip_norm = s->clip_norm,
                    .ema_decay = s->ema_decay,
                    .freeze_looks = s->attention == V2S_DEPTH_ATTENTION_RANDOM},
        .schedule = {.kind = is_constant ? V2S_SCHEDULE_CONSTANT : (v2s_schedule_kind)s->schedule,
                     .rate = s->learning_rate,
                     .total_steps = s->steps, // epochs: below, when the batches are known
                     .warmup_steps = s->warmup,
                     .every_steps = s->step_every,
                     .factor = s->step_factor},
    };
}

static v2s_status open_trainer(run *r) {
    V2S_TRY(open_init(r));
    v2s_depth_trainer_config config = trainer_config(r);
    V2S_TRY(v2s_depth_trainer_open(&config, &r->net, r->data, r->device, r->init.net, &r->trainer));
    if (r->settings.epochs > 0)
        r->trainer->config.schedule.total_steps =
            r->settings.epochs * v2s_depth_trainer_batches(r->trainer);
    v2s_run_course *course = &r->loop.course;
    if (r->folder.has_last)
        V2S_TRY(v2s_depth_checkpoint_load_last(r->folder.last, r->trainer, &course->wall_before_s,
                                               &course->cpu_before_s));
    return V2S_OK;
}

// ---- records ----------------------------------------------------------------------------------

static v2s_status write_config(const run *r, int argc, char **argv) {
    cJSON *facts = cJSON_CreateObject(), *network, *rows;
    char levels[16];
    cJSON_AddStringToObject(facts, "device", r->device->name);
    network = cJSON_AddObjectToObject(facts, "network");
    cJSON_AddNumberToObject(network, "base_channels", r->net.base_channels);
    cJSON_AddStringToObject(network, "attention_levels", v2s_depth_levels_text(&r->net, levels));
    cJSON_AddNumberToObject(network, "parameters",
                            (double)v2s_depth_net_parameters(r->trainer->w.weights));
    rows = cJSON_AddObjectToObject(facts, "rows");
    cJSON_AddNumberToObject(rows, "train_samples", (double)r->data->train_count);
    cJSON_AddNumberToObject(rows, "val_samples", (double)r->data->val_count);
    cJSON_AddNumberToObject(rows, "skipped_samples", (double)r->data->skipped);
    cJSON_AddNumberToObject(rows, "steps_of_an_epoch",
                            (double)v2s_depth_trainer_batches(r->trainer));
    v2s_status status =
        v2s_run_config_write(&depth_kind, r->folder.config, &r->settings, argc, argv,
                             r->folder.has_last ? &r->folder.was : NULL, 1, facts);
    cJSON_Delete(facts);
    return status;
}

static v2s_status open_records(run *r, int argc, char **argv) {
    V2S_TRY(v2s_run_folder_find_command(&r->folder, argc, argv));
    V2S_TRY(write_config(r, argc, argv));
    int64_t steps = r->trainer->state.steps;
    V2S_TRY(v2s_run_log_csv_open(r->folder.csv, v2s_depth_log_columns, steps, &r->loop.csv));
    V2S_TRY(v2s_tensorboard_open(r->settings.output, steps + 1, &r->loop.events));
    return v2s_tensorboard_text(r->loop.events, "command", steps, r->folder.command);
}

// ---- summary ----------------------------------------------------------------------------------

static bool never_left_l1(const run *r) {
    const v2s_train_state *s = &r->trainer->state;
    return r->trainer->config.adaptive &&
           (s->epoch < V2S_DEPTH_EPOCHS_L1 || (s->epoch == V2S_DEPTH_EPOCHS_L1 && s->batch == 0));
}

static void print_summary(run *r, size_t parameters, double rate) {
    const v2s_depth_loop *loop = &r->loop;
    const v2s_train_state *state = &r->trainer->state;
    const v2s_depth_data *d = r->data;
    v2s_run_log *log = &r->log;
    char levels[16];
    v2s_depth_levels_text(&r->net, levels);
    v2s_run_log_row(log, "run", "%s (ended by %s)", r->settings.output, loop->ended_by);
    v2s_run_log_row(log, "network", "%d base channels, %zu parameters, attention at %s, %d x %d",
                    r->net.base_channels, parameters, levels[0] != '\0' ? levels : "no level",
                    r->net.size, r->net.size);
    v2s_run_log_row(log, "samples",
                    "%zu for training, %zu for validation, %zu skipped, %zu in memory",
                    d->train_count, d->val_count, d->skipped, d->kept);
    v2s_run_log_row(log, "steps",
                    "%" PRId64 " (%" PRId64 " now, %.2f a second), %" PRId64 " epochs, %" PRId64
                    " batches skipped",
                    state->steps, loop->steps_taken, rate, state->epoch, state->skipped);
    if (loop->steps_taken > 0)
        v2s_run_log_row(log, "loss", "%.6g at the first step of this start, %.6g at the last",
                        loop->first_loss, loop->last_loss);
    if (state->has_best)
        v2s_run_log_row(log, d->val_count > 0 ? "best val_l1" : "best loss",
                        d->val_count > 0 ? "%.6g m" : "%.6g", state->best);
    if (isfinite(loop->val_l1))
        v2s_run_log_row(log, "last val_l1", "%.6g m", loop->val_l1);
    v2s_run_log_row(log, "time", "%.1f s, %.1f s of processor time, %s", loop->wall_s, loop->cpu_s,
                    r->device->name);
    if (r->settings.verbose)
        v2s_run_log_row(log, "kernels", "%s", r->device->ops->memory->kernels(r->device));
}

static void summarise(run *r) {
    const v2s_depth_loop *loop = &r->loop;
    const v2s_train_state *state = &r->trainer->state;
    const v2s_depth_data *d = r->data;
    v2s_run_log *log = &r->log;
    double rate = loop->seconds_taken > 0 ? (double)loop->steps_taken / loop->seconds_taken : 0;
    size_t parameters = v2s_depth_net_parameters(r->trainer->w.weights);
    bool has_val = d->val_count > 0;
    if (never_left_l1(r))
        v2s_run_log_warn(log,
                         "the adaptive curriculum never left L1: it adds edges after epoch %d, and "
                         "the run is at epoch %" PRId64,
                         V2S_DEPTH_EPOCHS_L1, state->epoch);
    print_summary(r, parameters, rate);
    v2s_run_log_text(log, "run", r->settings.output);
    v2s_run_log_text(log, "ended_by", loop->ended_by);
    v2s_run_log_text(log, "device", r->device->name);
    v2s_run_log_text(log, "kernels", r->device->ops->memory->kernels(r->device));
    v2s_run_log_number(log, "parameters", (double)parameters);
    v2s_run_log_number(log, "train_samples", (double)d->train_count);
    v2s_run_log_number(log, "val_samples", (double)d->val_count);
    v2s_run_log_number(log, "skipped_samples", (double)d->skipped);
    v2s_run_log_number(log, "skipped_batches", (double)state->skipped);
    v2s_run_log_number(log, "steps", (double)state->steps);
    v2s_run_log_number(log, "epochs", (double)state->epoch);
    v2s_run_log_number(log, "steps_per_s", rate);
    v2s_run_log_number(log, "first_loss", loop->first_loss);
    v2s_run_log_number(log, "loss", loop->last_loss);
    v2s_run_log_number(log, "best_val_l1", state->has_best && has_val ? state->best : NAN);
    v2s_run_log_number(log, "best_score", state->has_best ? state->best : NAN);
    v2s_run_log_number(log, "val_l1", loop->val_l1);
    v2s_run_log_number(log, "wall_s", loop->wall_s);
    v2s_run_log_number(log, "cpu_s", loop->cpu_s);
}

// ---- the run ----------------------------------------------------------------------------------

static v2s_status prepare(run *r, int argc, char **argv) {
    V2S_TRY(open_folder(r, argc, argv));
    V2S_TRY(open_device(r));
    V2S_TRY(open_data(r));
    V2S_TRY(open_trainer(r));
    return open_records(r, argc, argv);
}

static v2s_status work(run *r, int argc, char **argv) {
    V2S_TRY(prepare(r, argc, argv));
    const v2s_depth_settings *s = &r->settings;
    v2s_run_course *course = &r->loop.course;
    course->steps = s->steps;
    course->epochs = s->epochs;
    course->minutes = s->minutes;
    course->patience = s->patience;
    course->save_every = s->save_every;
    course->processes = 1;
    r->loop.settings = s;
    r->loop.trainer = r->trainer;
    r->loop.log = &r->log;
    r->loop.last_path = r->folder.last;
    r->loop.best_path = r->folder.best;
    r->loop.command = r->folder.command;
    v2s_status status = v2s_depth_loop_run(&r->loop);
    if (status == V2S_OK || status == V2S_CANCELLED) {
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
    v2s_depth_trainer_close(&r->trainer);
    v2s_depth_file_close(&r->init);
    v2s_depth_data_close(&r->data);
    v2s_device_close(&r->device);
    if (r->merged)
        v2s_options_free(&v2s_depth_command, &r->settings);
    v2s_run_log_close(&r->log);
    v2s_run_folder_close(&r->folder);
}

v2s_status v2s_train_depth_run(const void *settings, int argc, char **argv) {
    run r = {.settings = *(const v2s_depth_settings *)settings, .folder = {.lock = -1}};
    const char *processes = getenv("OMPI_COMM_WORLD_SIZE"); // set by mpirun of OpenMPI
    if (r.settings.output == NULL)
        return V2S_FAIL(V2S_USAGE, "no output: give -o RUN");
    if (processes != NULL && strcmp(processes, "1") != 0)
        return V2S_FAIL(V2S_USAGE, "depth trains in one process, found %.16s under mpirun",
                        processes);
    v2s_status status = v2s_run_log_open(&r.log, r.settings.common.quiet, r.settings.common.json);
    if (status == V2S_OK)
        status = work(&r, argc, argv);
    close_run(&r);
    return status;
}
