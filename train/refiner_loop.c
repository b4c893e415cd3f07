// SPDX-License-Identifier: MIT
#include "train/refiner_loop.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/image.h"
#include "infer/progress.h"
#include "train/run_course.h"
#include "train/train_progress.h"

const char *const v2s_refiner_log_columns[] = {
    "epoch", "loss", "learning_rate", "gradient_norm", "skipped", "val_score", NULL};
enum { EPOCH, LOSS, RATE, NORM, SKIPPED, SCORE, COLUMNS };

// What the loop keeps to itself.
typedef struct course {
    v2s_refiner_loop *loop;
    v2s_trainer *t;
    const v2s_refiner_settings *s;
    bool first; // process 0
    v2s_run_course run;
    int64_t validated_step; // -1: not in this start
    v2s_train_progress progress;
} course;

// ---- time and end -----------------------------------------------------------------------------

static double wall_s(const course *c) {
    return v2s_run_course_wall_s(&c->run);
}

static double cpu_s(const course *c) {
    return v2s_run_course_cpu_s(&c->run);
}

// Part of the run that is over, the same in all processes.
static double share_done(const course *c) {
    double share = v2s_run_course_share(&c->run, &c->t->state, v2s_trainer_batches(c->t));
    if (c->s->minutes > 0)
        v2s_processes_share(c->t->processes, &share, sizeof share);
    return share;
}

// Whether the run is over, and by what.
static bool is_over(const course *c, double share) {
    const char *end = v2s_run_course_end(&c->run, &c->t->state, share);
    if (end != NULL)
        c->loop->ended_by = end;
    return end != NULL;
}

// ---- files ------------------------------------------------------------------------------------

static v2s_run_provenance provenance_of(const course *c) {
    return (v2s_run_provenance){c->loop->command, wall_s(c), cpu_s(c)};
}

static v2s_status save_last(course *c) {
    if (!c->first)
        return V2S_OK;
    c->run.saved_s = v2s_now_s();
    v2s_run_provenance provenance = provenance_of(c);
    V2S_TRY(v2s_run_log_csv_sync(c->loop->csv));
    return v2s_run_checkpoint_save_last(c->loop->last_path, c->t, &provenance);
}

// Where batches are queued, weights and state do not belong together.
static v2s_status save_if_due(course *c) {
    bool due = v2s_run_course_is_every(c->t->state.steps, c->s->save_every) ||
               v2s_run_course_save_time(&c->run);
    return due && c->t->queued == 0 ? save_last(c) : V2S_OK;
}

// A score of the weights as they are now: counts, and keeps the best.
static v2s_status consider(course *c, double score) {
    v2s_train_state *state = &c->t->state;
    if (!isfinite(score) || (state->has_best && score >= state->best)) {
        state->stale++;
        return V2S_OK;
    }
    state->has_best = 1;
    state->best = score;
    state->stale = 0;
    if (!c->first)
        return V2S_OK;
    v2s_run_provenance provenance = provenance_of(c);
    return v2s_run_checkpoint_save_best(c->loop->best_path, c->t, &provenance);
}

// ---- events -----------------------------------------------------------------------------------

// The convolution's kernels as a picture: a row per channel, blue below zero and red above.
static v2s_status draw_kernels(const course *c, int64_t step) {
    V2S_TRY(v2s_trainer_download(c->t));
    const v2s_tensor *w = &v2s_trainer_judged_copy(c->t)->conv.weight;
    int height = w->dim[0], width = w->dim[1] * w->dim[2];
    uint8_t *rgb = calloc((size_t)height * (size_t)width, 3);
    if (rgb == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    float largest = 0;
    size_t count = v2s_tensor_count(w);
    for (size_t i = 0; i < count; i++)
        largest = fmaxf(largest, fabsf(w->data[i]));
    for (size_t i = 0; i < count && largest > 0; i++) {
        uint8_t rest = (uint8_t)lrintf(255 * (1 - fabsf(w->data[i]) / largest));
        rgb[3 * i] = w->data[i] >= 0 ? 255 : rest;
        rgb[3 * i + 1] = rest;
        rgb[3 * i + 2] = w->data[i] <= 0 ? 255 : rest;
    }
    unsigned char *png = NULL;
    size_t size = 0;
    v2s_status status = v2s_image_png_rgb(rgb, width, height, &png, &size);
    if (status == V2S_OK)
        status =
            v2s_tensorboard_image(c->loop->events, "conv1d.weight", step, width, height, png, size);
    free(png);
    free(rgb);
    return status;
}

static v2s_status log_step(const course *c, const v2s_step_result *r, int64_t epoch, double score) {
    if (!c->first || r->skipped)
        return V2S_OK;
    int64_t step = c->t->state.steps;
    double values[COLUMNS] = {[EPOCH] = (double)(epoch + 1),
                              [LOSS] = r->loss,
                              [RATE] = r->rate,
                              [NORM] = r->gradient_norm,
                              [SKIPPED] = (double)c->t->state.skipped,
                              [SCORE] = score};
    V2S_TRY(v2s_run_log_csv_write(c->loop->csv, step, values));
    V2S_TRY(v2s_tensorboard_scalar(c->loop->events, "train/loss", step, r->loss));
    V2S_TRY(v2s_tensorboard_scalar(c->loop->events, "train/learning_rate", step, r->rate));
    V2S_TRY(v2s_tensorboard_scalar(c->loop->events, "train/gradient_norm", step, r->gradient_norm));
    if (r->epoch_ended)
        V2S_TRY(v2s_tensorboard_scalar(c->loop->events, "train/epoch_loss", step, r->epoch_loss));
    return V2S_OK;
}

static v2s_status log_scores(course *c, double score) {
    const v2s_objective *o = c->t->objective;
    int64_t step = c->t->state.steps;
    V2S_TRY(v2s_tensorboard_scalar(c->loop->events, "val/score", step, score));
    for (int i = 0; i < V2S_OBJECTIVE_SCORES && o->score_names[i] != NULL; i++) {
        char tag[128];
        snprintf(tag, sizeof tag, "val/%s", o->score_names[i]);
        V2S_TRY(v2s_tensorboard_scalar(c->loop->events, tag, step, o->scores[i]));
    }
    V2S_TRY(draw_kernels(c, step));
    if (!c->s->common.quiet) {
        v2s_train_progress_clear(&c->progress);
        fprintf(stderr, "validation  step %" PRId64 "  score %.6g", step, score);
        for (int i = 0; i < V2S_OBJECTIVE_SCORES && o->score_names[i] != NULL; i++)
            fprintf(stderr, "  %s %.5g", o->score_names[i], o->scores[i]);
        fprintf(stderr, "%s\n", c->t->state.stale == 0 ? "  (best)" : "");
    }
    return V2S_OK;
}

// ---- validation -------------------------------------------------------------------------------

// Process 0 judges, all learn the score.
static v2s_status validate(course *c, double *score) {
    v2s_objective *o = c->t->objective;
    v2s_status status = V2S_OK;
    if (c->first)
        status = o->cls->validate(o, v2s_trainer_judged(c->t), c->t->dev, score);
    V2S_TRY(v2s_processes_agree(c->t->processes, status));
    v2s_processes_share(c->t->processes, score, sizeof *score);
    c->validated_step = c->t->state.steps;
    status = consider(c, *score);
    if (status == V2S_OK && c->first)
        status = log_scores(c, *score);
    return status;
}

// After a step: a validation where one is due; *score stays NAN without one.
static v2s_status judge_if_due(course *c, const v2s_step_result *r, double *score) {
    if (c->t->objective->val_clips == 0)
        return r->epoch_ended && isfinite(r->epoch_loss) ? consider(c, r->epoch_loss) : V2S_OK;
    bool due = c->s->val_every > 0 ? !r->skipped && c->t->state.steps % c->s->val_every == 0
                                   : r->epoch_ended;
    return due ? validate(c, score) : V2S_OK;
}

// At the end of a run the last weights are judged too.
static v2s_status finish(course *c) {
    const v2s_train_state *state = &c->t->state;
    double score;
    if (c->loop->steps_taken > 0 && c->t->objective->val_clips > 0 &&
        c->validated_step != state->steps)
        V2S_TRY(validate(c, &score));
    else if (!state->has_best && state->loss_count > 0)
        V2S_TRY(consider(c, state->loss_sum / state->loss_count));
    return c->loop->steps_taken > 0 ? save_last(c) : V2S_OK;
}

// ---- the loop ---------------------------------------------------------------------------------

static v2s_status note_skipped(course *c, const v2s_step_result *r) {
    if (!r->skipped)
        return V2S_OK;
    const char *clip = c->t->objective->train[r->bad_clip]->id;
    if (c->first) {
        v2s_train_progress_clear(&c->progress);
        v2s_run_log_warn(c->loop->log, "batch skipped: clip %s: %s", clip, r->reason);
    }
    if (c->t->state.skipped_in_row < c->s->max_skipped)
        return V2S_OK;
    return V2S_FAIL(V2S_NUMERIC,
                    "%" PRId64 " batches in a row were not finite; the last one has clip %s: %s",
                    c->t->state.skipped_in_row, clip, r->reason);
}

// Waits for the oldest queued batch, and does what follows from its result.
static v2s_status see_result(course *c) {
    v2s_refiner_loop *loop = c->loop;
    v2s_step_result r;
    int64_t epoch = c->t->state.epoch;
    V2S_TRY(v2s_trainer_collect(c->t, &r));
    if (!r.skipped) {
        loop->steps_taken++;
        loop->last_loss = r.loss;
        loop->first_loss = isnan(loop->first_loss) ? r.loss : loop->first_loss;
    }
    double score = NAN;
    v2s_status status = note_skipped(c, &r);
    if (status == V2S_OK)
        status = judge_if_due(c, &r, &score);
    if (status == V2S_OK)
        status = log_step(c, &r, epoch, score);
    return status == V2S_OK ? save_if_due(c) : status;
}

// Sees results until at most `most` batches are queued.
static v2s_status see_results(course *c, int most) {
    v2s_status status = V2S_OK;
    while (status == V2S_OK && c->t->queued > most)
        status = see_result(c);
    return status;
}

// Whether something is due that needs the results of all that is queued. Were a batch among it bad,
// less would be due: to look is never wrong. The same in all processes.
static bool must_look(const course *c) {
    const v2s_train_state *ahead = &c->t->ahead;
    double save = v2s_run_course_save_time(&c->run);
    if (c->s->save_every == 0)
        v2s_processes_share(c->t->processes, &save, sizeof save);
    return save != 0 || ahead->batch == 0 || (c->s->steps > 0 && ahead->steps >= c->s->steps) ||
           v2s_run_course_is_every(ahead->steps, c->s->val_every) ||
           v2s_run_course_is_every(ahead->steps, c->s->save_every);
}

static v2s_status take_step(course *c, double share) {
    v2s_run_course_aim(&c->run, c->t->ahead.steps, share, &c->t->config.schedule);
    v2s_status status = v2s_trainer_queue(c->t);
    if (status == V2S_OK)
        status = see_results(c, must_look(c) ? 0 : c->t->dev->queue_depth - 1);
    return v2s_processes_agree(c->t->processes, status);
}

v2s_status v2s_refiner_loop_run(v2s_refiner_loop *loop) {
    course c = {.loop = loop,
                .t = loop->trainer,
                .s = loop->settings,
                .first = loop->trainer->processes->rank == 0,
                .run = {.steps = loop->settings->steps,
                        .epochs = loop->settings->epochs,
                        .minutes = loop->settings->minutes,
                        .patience = loop->settings->patience,
                        .save_every = loop->settings->save_every,
                        .processes = loop->trainer->processes->count,
                        .wall_before_s = loop->wall_before_s,
                        .cpu_before_s = loop->cpu_before_s},
                .validated_step = -1};
    v2s_run_course_start(&c.run);
    loop->first_loss = loop->last_loss = NAN;
    loop->ended_by = "error";
    double share = share_done(&c);
    c.progress = v2s_train_progress_begin(c.t->state.steps, share, loop->settings->common.quiet);
    v2s_status status = V2S_OK;
    while (status == V2S_OK && !is_over(&c, share)) {
        status = take_step(&c, share);
        if (status != V2S_OK)
            break;
        share = share_done(&c);
        if (c.first)
            v2s_train_progress_update(&c.progress, c.t->state.steps, c.t->state.epoch,
                                      loop->last_loss, share);
    }
    if (status == V2S_OK || status == V2S_CANCELLED) {
        v2s_status seen = v2s_processes_agree(c.t->processes, see_results(&c, 0));
        status = seen == V2S_OK ? status : seen;
    }
    if (status == V2S_OK)
        status = v2s_processes_agree(c.t->processes, finish(&c));
    v2s_train_progress_clear(&c.progress);
    if (status == V2S_CANCELLED) {
        loop->ended_by = "interrupted";
        v2s_status saved = save_last(&c);
        status = saved == V2S_OK ? V2S_FAIL(V2S_CANCELLED, "interrupted") : saved;
    }
    loop->wall_s = wall_s(&c);
    loop->cpu_s = cpu_s(&c);
    loop->seconds_taken = v2s_now_s() - c.run.started_s;
    return status;
}
