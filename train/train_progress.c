// SPDX-License-Identifier: MIT
#include "train/train_progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "infer/progress.h"

enum { CELLS = 24 };

static const double terminal_interval_s = 0.1, plain_interval_s = 5.0;

v2s_train_progress v2s_train_progress_begin(int64_t step, double share, bool quiet) {
    double now_s = v2s_now_s();
    return (v2s_train_progress){.started_s = now_s,
                                .shown_s = now_s,
                                .first_share = share,
                                .first_step = step,
                                .quiet = quiet,
                                .terminal = isatty(STDERR_FILENO) == 1};
}

// "75 s", "12 min", "3.4 h"
static void print_time(double s) {
    if (s < 120)
        fprintf(stderr, "%.0f s", s);
    else if (s < 7200)
        fprintf(stderr, "%.0f min", s / 60);
    else
        fprintf(stderr, "%.1f h", s / 3600);
}

void v2s_train_progress_update(v2s_train_progress *p, int64_t step, int64_t epoch, double loss,
                               double share) {
    double now_s = v2s_now_s();
    if (p->quiet || now_s - p->shown_s < (p->terminal ? terminal_interval_s : plain_interval_s))
        return;
    p->shown_s = now_s;
    double elapsed_s = now_s - p->started_s;
    double rate = (double)(step - p->first_step) / elapsed_s;
    if (p->terminal) {
        fputs("\r", stderr);
        int full = (int)floor(fmin(share, 1) * CELLS);
        for (int i = 0; i < CELLS; i++)
            fputc(i < full ? '#' : '.', stderr);
        fputc(' ', stderr);
    }
    fprintf(stderr, "training %3.0f %%  step %" PRId64 "  epoch %" PRId64 "  loss %.4g",
            100 * share, step, epoch + 1, loss);
    fprintf(stderr, rate >= 10 ? "  %.0f steps/s" : "  %.2f steps/s", rate);
    if (share > p->first_share) {
        fputs("  ", stderr);
        print_time(elapsed_s * (1 - share) / (share - p->first_share));
        fputs(" left", stderr);
    }
    fputs(p->terminal ? "\033[K" : "\n", stderr);
    fflush(stderr);
    p->drawn = true;
}

void v2s_train_progress_clear(v2s_train_progress *p) {
    if (p->drawn && p->terminal) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
    p->drawn = false;
}
