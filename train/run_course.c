// SPDX-License-Identifier: MIT
#include "train/run_course.h"

#include <math.h>
#include <sys/resource.h>

#include "infer/progress.h"

static const double save_interval_s = 60;

void v2s_run_course_start(v2s_run_course *c) {
    c->started_s = c->saved_s = v2s_now_s();
}

double v2s_run_course_wall_s(const v2s_run_course *c) {
    return c->wall_before_s + v2s_now_s() - c->started_s;
}

double v2s_run_course_cpu_s(const v2s_run_course *c) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double own_s = (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
                   1e-6 * ((double)usage.ru_utime.tv_usec + (double)usage.ru_stime.tv_usec);
    return c->cpu_before_s + own_s * c->processes;
}

double v2s_run_course_share(const v2s_run_course *c, const v2s_train_state *state,
                            int64_t batches) {
    if (c->steps > 0)
        return (double)state->steps / (double)c->steps;
    if (c->minutes > 0)
        return v2s_run_course_wall_s(c) / (60 * c->minutes);
    return ((double)state->epoch + (double)state->batch / (double)batches) / (double)c->epochs;
}

const char *v2s_run_course_end(const v2s_run_course *c, const v2s_train_state *state,
                               double share) {
    if (c->patience > 0 && state->stale >= c->patience)
        return "patience";
    if (share >= 1)
        return c->steps > 0 ? "steps" : c->minutes > 0 ? "minutes" : "epochs";
    return NULL;
}

void v2s_run_course_aim(const v2s_run_course *c, int64_t steps, double share, v2s_schedule *s) {
    if (c->minutes <= 0)
        return;
    double after = (double)(steps - s->warmup_steps);
    double total = after > 0 && share > 0 ? after / share : 1e9;
    s->total_steps = s->warmup_steps + (int64_t)ceil(fmin(total, 1e12));
}

bool v2s_run_course_save_time(const v2s_run_course *c) {
    return c->save_every == 0 && v2s_now_s() - c->saved_s >= save_interval_s;
}

bool v2s_run_course_is_every(int64_t steps, int64_t every) {
    return every > 0 && steps % every == 0;
}
