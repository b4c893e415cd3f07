// SPDX-License-Identifier: MIT
#include "infer/progress.h"

#include <math.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const double terminal_interval_s = 0.1, plain_interval_s = 5.0;

double v2s_now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

v2s_progress v2s_progress_begin(const char *what, const char *unit, double total, bool quiet) {
    double now_s = v2s_now_s();
    return (v2s_progress){what, unit, total, now_s, now_s, quiet, isatty(STDERR_FILENO) == 1,
                          false};
}

static void draw_bar(double share) {
    enum { CELLS = 24 };
    int full = (int)floor(share * CELLS);
    for (int i = 0; i < CELLS; i++)
        fputc(i < full ? '#' : '.', stderr);
}

void v2s_progress_update(v2s_progress *progress, double done) {
    double now_s = v2s_now_s();
    double interval_s = progress->terminal ? terminal_interval_s : plain_interval_s;
    if (progress->quiet || now_s - progress->shown_s < interval_s)
        return;
    progress->shown_s = now_s;
    progress->drawn = true;
    double elapsed_s = now_s - progress->started_s, rate = done / elapsed_s;
    fprintf(stderr, "%s%s ", progress->terminal ? "\r" : "", progress->what);
    if (progress->total > 0) {
        double share = fmin(done / progress->total, 1.0);
        if (progress->terminal)
            draw_bar(share);
        double left_s = share > 0 ? elapsed_s * (1.0 - share) / share : 0;
        fprintf(stderr, " %3.0f %%  %.0f %s/s  %.0f s left", 100 * share, rate, progress->unit,
                left_s);
    } else {
        fprintf(stderr, "%.0f %s  %.0f %s/s", done, progress->unit, rate, progress->unit);
    }
    fputs(progress->terminal ? "\033[K" : "\n", stderr);
    fflush(stderr);
}

void v2s_progress_end(v2s_progress *progress) {
    if (progress->drawn && progress->terminal) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
    progress->drawn = false;
}
