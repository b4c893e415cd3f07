// SPDX-License-Identifier: MIT
#include "train/depth_loop.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "infer/progress.h"
#include "train/depth_checkpoint.h"
#include "train/depth_pictures.h"
#include "train/train_progress.h"

const char *const v2s_depth_log_columns[] = {
    "loss",          "l1",      "edge",   "smooth", "epoch", "learning_rate",
    "gradient_norm", "skipped", "val_l1", NULL};
enum { LOSS, L1, EDGE, SMOOTH, EPOCH, RATE, NORM, SKIPPED, VAL_L1, COLUMNS };

// What the loop keeps to itself.
typedef struct walk {
    v2s_depth_loop *loop;
    v2s_depth_trainer *t;
    const v2s_depth_settings *s;
    int64_t validated_step; // -1: not in this start
    v2s_train_progress progress;
} walk;

// ---- files ------------------------------------------------------------------------------------

static v2s_run_provenance provenance_of(const walk *w) {
    const v2s_run_course *c = &w->loop->course;
    return (v2s_run_provenance){w->loop->command, v2s_run_course_wall_s(c),
                                v2s_run_course_cpu_s(c)};
}

static v2s_status save_last(walk *w) {
    v2s_run_provenance provenance = provenance_of(w);
    w->loop->course.saved_s = v2s_now_s();
    V2S_TRY(v2s_run_log_csv_sync(w->loop->csv));
    return v2s_depth_checkpoint_save_last(w->loop->last_path, w->t, (int)w->s->rate_hz,
                                          &provenance);
}

static v2s_status save_if_due(walk *w) {
    bool due = v2s_run_course_is_every(w->t->state.steps, w->s->save_every) ||
               v2s_run_course_save_time(&w->loop->course);
    return due ? save_last(w) : V2S_OK;
}

// A score of the weights as they are now: counts, and keeps the best.
static v2s_status consider(walk *w, double score) {
    v2s_train_state *state = &w->t->state;
    if (!isfinite(score) || (state->has_best && score >= state->best)) {
        state->stale++;
        return V2S_OK;
    }
    state->has_best = 1;
    state->best = score;
    state->stale = 0;
    v2s_run_provenance provenance = provenance_of(w);
    return v2s_depth_checkpoint_save_best(w->loop->best_path, w->t, (int)w->s->rate_hz,
                                          &provenance);
}

// ---- records ----------------------------------------------------------------------------------

static v2s_status log_step(const walk *w, const v2s_depth_result *r, int64_t epoch, double score) {
    if (r->skipped)
        return V2S_OK;
    v2s_tensorboard *events = w->loop->events;
    int64_t step = w->t->state.steps;
    double values[COLUMNS] = {[LOSS] = r->loss,
                              [L1] = r->l1,
                              [EDGE] = r->edge,
                              [SMOOTH] = r->smooth,
                              [EPOCH] = (double)(epoch + 1),
                              [RATE] = r->rate,
                              [NORM] = r->gradient_norm,
                              [SKIPPED] = (double)w->t->state.skipped,
                              [VAL_L1] = score};
    V2S_TRY(v2s_run_log_csv_write(w->loop->csv, step, values));
    V2S_TRY(v2s_tensorboard_scalar(events, "train/loss", step, r->loss));
    V2S_TRY(v2s_tensorboard_scalar(events, "train/l1", step, r->l1));
    V2S_TRY(v2s_tensorboard_scalar(events, "train/edge", step, r->edge));
    V2S_TRY(v2s_tensorboard_scalar(events, "train/smooth", step, r->smooth));
    V2S_TRY(v2s_tensorboard_scalar(events, "train/learning_rate", step, r->rate));
    V2S_TRY(v2s_tensorboard_scalar(events, "train/gradient_norm", step, r->gradient_norm));
    if (r->epoch_ended)
        V2S_TRY(v2s_tensorboard_scalar(events, "train/epoch_loss", step, r->epoch_loss));
    return V2S_OK;
}

static v2s_status log_score(walk *w, double score) {
    const v2s_depth_trainer *t = w->t;
    int64_t step = t->state.steps;
    V2S_TRY(v2s_tensorboard_scalar(w->loop->events, "val/l1", step, score));
    for (int i = 0; i < t->view_count; i++)
        V2S_TRY(v2s_depth_pictures_write(w->loop->events, step, t->net.size, t->net.max_depth_m,
                                         &t->views[i], i + 1));
    if (!isfinite(score)) {
        v2s_train_progress_clear(&w->progress);
        v2s_run_log_warn(w->loop->log, "validation after step %" PRId64 " is not finite", step);
    }
    if (!w->s->common.quiet) {
        v2s_train_progress_clear(&w->progress);
        fprintf(stderr, "validation  step %" PRId64 "  l1 %.6g m%s\n", step, score,
                t->state.stale == 0 ? "  (best)" : "");
    }
    return V2S_OK;
}

// ---- validation -------------------------------------------------------------------------------

static v2s_status validate(walk *w, double *score) {
    w->t->state.pending = 1;
    V2S_TRY(v2s_depth_trainer_validate(w->t, score));
    w->t->state.pending = 0;
    w->validated_step = w->t->state.steps;
    w->loop->val_l1 = *score;
    V2S_TRY(consider(w, *score));
    return log_score(w, *score);
}

// After a step: a validation where one is due; *score stays NAN without one.
static v2s_status judge_if_due(walk *w, const v2s_depth_result *r, double *score) {
    if (w->t->data->val_count == 0)
        return r->epoch_ended && isfinite(r->epoch_loss) ? consider(w, r->epoch_loss) : V2S_OK;
    bool due = w->s->val_every > 0
                   ? !r->skipped && v2s_run_course_is_every(w->t->state.steps, w->s->val_every)
                   : r->epoch_ended;
    return due ? validate(w, score) : V2S_OK;
}

// At the end of a run the last weights are judged too.
static v2s_status finish(walk *w) {
    const v2s_train_state *state = &w->t->state;
    double score;
    if (w->loop->steps_taken > 0 && w->t->data->val_count > 0 && w->validated_step != state->steps)
        V2S_TRY(validate(w, &score));
    else if (!state->has_best && state->loss_count > 0)
        V2S_TRY(consider(w, state->loss_sum / state->loss_count));
    return w->loop->steps_taken > 0 || w->validated_step >= 0 ? save_last(w) : V2S_OK;
}

// ---- the loop ---------------------------------------------------------------------------------

static v2s_status note_skipped(walk *w, const v2s_depth_result *r) {
    if (!r->skipped)
        return V2S_OK;
    v2s_train_progress_clear(&w->progress);
    v2s_run_log_warn(w->loop->log, "batch skipped: %s", r->reason);
    if (w->t->state.skipped_in_row < w->s->max_skipped)
        return V2S_OK;
    return V2S_FAIL(V2S_NUMERIC, "%" PRId64 " batches in a row were not finite; the last one: %s",
                    w->t->state.skipped_in_row, r->reason);
}

static v2s_status take_step(walk *w, double share) {
    v2s_depth_loop *loop = w->loop;
    v2s_depth_result r;
    int64_t epoch = w->t->state.epoch;
    double score = NAN;
    v2s_run_course_aim(&loop->course, w->t->state.steps, share, &w->t->config.schedule);
    V2S_TRY(v2s_depth_trainer_step(w->t, &r));
    if (!r.skipped) {
        loop->steps_taken++;
        loop->last_loss = r.loss;
        loop->first_loss = isnan(loop->first_loss) ? r.loss : loop->first_loss;
    }
    V2S_TRY(note_skipped(w, &r));
    v2s_status judged = judge_if_due(w, &r, &score);
    if (judged == V2S_OK || judged == V2S_CANCELLED) // the step was taken
        V2S_TRY(log_step(w, &r, epoch, score));
    return judged == V2S_OK ? save_if_due(w) : judged;
}

static v2s_status take_steps(walk *w) {
    v2s_depth_loop *loop = w->loop;
    int64_t batches = v2s_depth_trainer_batches(w->t);
    double share = v2s_run_course_share(&loop->course, &w->t->state, batches);
    w->progress = v2s_train_progress_begin(w->t->state.steps, share, w->s->common.quiet);
    double score;
    if (w->t->state.pending != 0 && w->t->data->val_count > 0)
        V2S_TRY(validate(w, &score));
    for (;;) {
        const char *end = v2s_run_course_end(&loop->course, &w->t->state, share);
        if (end != NULL) {
            loop->ended_by = end;
            return finish(w);
        }
        V2S_TRY(take_step(w, share));
        share = v2s_run_course_share(&loop->course, &w->t->state, batches);
        v2s_train_progress_update(&w->progress, w->t->state.steps, w->t->state.epoch,
                                  loop->last_loss, share);
    }
}

v2s_status v2s_depth_loop_run(v2s_depth_loop *loop) {
    walk w = {.loop = loop, .t = loop->trainer, .s = loop->settings, .validated_step = -1};
    loop->first_loss = loop->last_loss = loop->val_l1 = NAN;
    loop->ended_by = "error";
    v2s_run_course_start(&loop->course);
    double started_s = loop->course.started_s;
    v2s_status status = take_steps(&w);
    v2s_train_progress_clear(&w.progress);
    if (status == V2S_CANCELLED) {
        loop->ended_by = "interrupted";
        v2s_status saved = save_last(&w);
        status = saved == V2S_OK ? V2S_FAIL(V2S_CANCELLED, "interrupted") : saved;
    }
    loop->wall_s = v2s_run_course_wall_s(&loop->course);
    loop->cpu_s = v2s_run_course_cpu_s(&loop->course);
    loop->seconds_taken = v2s_now_s() - started_s;
    return status;
}
