// SPDX-License-Identifier: MIT
#include "infer/bootstrap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/array.h"
#include "kernels/base/parallel.h"

struct v2s_bootstrap {
    size_t clips, clusters;
    int draws;
    uint64_t seed;
    size_t *cluster_of; // [clips]
};

// splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014): number n
// is a function of seed + n * STEP, so a draw may begin anywhere.
#define STEP 0x9E3779B97F4A7C15u

static uint64_t next_random(uint64_t *state) {
    uint64_t z = *state += STEP;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

typedef struct named {
    const char *name;
    size_t clip;
} named;

static int by_name(const void *a, const void *b) {
    const named *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order != 0 ? order : (x->clip > y->clip) - (x->clip < y->clip);
}

// Numbers the clusters in the order of their names.
static v2s_status number_clusters(v2s_bootstrap *b, const char *const *cluster) {
    named *sorted = calloc(b->clips + 1, sizeof *sorted);
    b->cluster_of = calloc(b->clips + 1, sizeof *b->cluster_of);
    if (sorted == NULL || b->cluster_of == NULL) {
        free(sorted);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < b->clips; i++)
        sorted[i] = (named){cluster[i], i};
    qsort(sorted, b->clips, sizeof *sorted, by_name);
    for (size_t i = 0; i < b->clips; i++) {
        if (i == 0 || strcmp(sorted[i].name, sorted[i - 1].name) != 0)
            b->clusters++;
        b->cluster_of[sorted[i].clip] = b->clusters - 1;
    }
    free(sorted);
    return V2S_OK;
}

v2s_status v2s_bootstrap_open(const char *const *cluster, size_t clips, int draws, uint64_t seed,
                              v2s_bootstrap **bootstrap) {
    v2s_bootstrap *b = calloc(1, sizeof *b);
    if (b == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    b->clips = clips;
    b->draws = draws;
    b->seed = seed;
    v2s_status status = number_clusters(b, cluster);
    if (status != V2S_OK) {
        v2s_bootstrap_close(&b);
        return status;
    }
    *bootstrap = b;
    return V2S_OK;
}

size_t v2s_bootstrap_clusters(const v2s_bootstrap *bootstrap) {
    return bootstrap->clusters;
}

static double percentile(const double *sorted, size_t count, double share) {
    double at = share * (double)(count - 1);
    size_t low = (size_t)at;
    size_t high = low + 1 < count ? low + 1 : low;
    return sorted[low] + (at - (double)low) * (sorted[high] - sorted[low]);
}

// ---- draws ------------------------------------------------------------------------------------

typedef struct sums {
    double value, clips;
} sums;

typedef struct work {
    const v2s_bootstrap *b;
    size_t columns;
    const sums *cluster; // [clusters][columns]
    double *means;       // [columns][draws]; not a number: no cluster of the draw has a value
    uint32_t *times;     // [threads][clusters]
    sums *all;           // [threads][columns]
} work;

// How often draw `d` has each cluster.
static void draw_clusters(const v2s_bootstrap *b, int d, uint32_t *times) {
    uint64_t state = b->seed + (uint64_t)d * (uint64_t)b->clusters * STEP;
    memset(times, 0, b->clusters * sizeof *times);
    for (size_t c = 0; c < b->clusters; c++) {
        // The high half times the count: a bias of clusters / 2^32 at most.
        size_t k = (size_t)((next_random(&state) >> 32) * b->clusters >> 32);
        times[k]++;
    }
}

static void run_draws(void *ctx, int part, int parts) {
    const work *w = ctx;
    const v2s_bootstrap *b = w->b;
    uint32_t *times = w->times + (size_t)part * b->clusters;
    sums *all = w->all + (size_t)part * w->columns;
    for (int d = part; d < b->draws; d += parts) {
        draw_clusters(b, d, times);
        memset(all, 0, w->columns * sizeof *all);
        for (size_t c = 0; c < b->clusters; c++) {
            const sums *own = w->cluster + c * w->columns;
            for (size_t k = 0; times[c] > 0 && k < w->columns; k++) {
                all[k].value += times[c] * own[k].value;
                all[k].clips += times[c] * own[k].clips;
            }
        }
        for (size_t k = 0; k < w->columns; k++)
            w->means[k * (size_t)b->draws + (size_t)d] =
                all[k].clips > 0 ? all[k].value / all[k].clips : (double)NAN;
    }
}

// The finite ones of means[draws], in front and sorted; returns how many.
static size_t sort_means(double *means, int draws) {
    size_t count = 0;
    for (int d = 0; d < draws; d++)
        if (!isnan(means[d]))
            means[count++] = means[d];
    qsort(means, count, sizeof *means, v2s_compare_doubles);
    return count;
}

// Sums of the clusters for column k; its mean, and whether two clusters or more have values.
static bool sum_clusters(const v2s_bootstrap *b, const double *values, size_t k, size_t columns,
                         sums *cluster, v2s_interval *interval) {
    sums all = {0, 0};
    size_t filled = 0;
    for (size_t i = 0; i < b->clips; i++)
        if (isfinite(values[i])) {
            sums *own = &cluster[b->cluster_of[i] * columns + k];
            filled += own->clips == 0;
            own->value += values[i];
            own->clips++;
            all.value += values[i];
            all.clips++;
        }
    *interval = (v2s_interval){all.value / all.clips, NAN, NAN, (size_t)all.clips};
    return filled >= 2;
}

static void take_intervals(const v2s_bootstrap *b, double *means, bool known,
                           v2s_interval *interval) {
    size_t count = known ? sort_means(means, b->draws) : 0;
    if (count > 0) {
        interval->lo = percentile(means, count, 0.025);
        interval->hi = percentile(means, count, 0.975);
    }
}

static void work_free(work *w, sums *cluster, bool *known) {
    free(cluster);
    free(known);
    free(w->means);
    free(w->times);
    free(w->all);
}

v2s_status v2s_bootstrap_means(const v2s_bootstrap *b, const double *const *values, size_t columns,
                               int threads, v2s_interval *intervals) {
    threads = threads < b->draws ? threads : b->draws;
    sums *cluster = calloc(b->clusters * columns + 1, sizeof *cluster);
    bool *known = calloc(columns + 1, sizeof *known), any = false;
    work w = {.b = b,
              .columns = columns,
              .cluster = cluster,
              .means = calloc(columns * (size_t)b->draws + 1, sizeof *w.means),
              .times = calloc((size_t)threads * b->clusters + 1, sizeof *w.times),
              .all = calloc((size_t)threads * columns + 1, sizeof *w.all)};
    if (cluster == NULL || known == NULL || w.means == NULL || w.times == NULL || w.all == NULL) {
        work_free(&w, cluster, known);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    for (size_t k = 0; k < columns; k++) {
        known[k] = sum_clusters(b, values[k], k, columns, cluster, &intervals[k]);
        any |= known[k];
    }
    if (any)
        v2s_parallel(threads, threads, run_draws, &w);
    for (size_t k = 0; k < columns; k++)
        take_intervals(b, w.means + k * (size_t)b->draws, known[k], &intervals[k]);
    work_free(&w, cluster, known);
    return V2S_OK;
}

v2s_status v2s_bootstrap_mean(const v2s_bootstrap *b, const double *values,
                              v2s_interval *interval) {
    return v2s_bootstrap_means(b, &values, 1, 1, interval);
}

void v2s_bootstrap_close(v2s_bootstrap **bootstrap) {
    v2s_bootstrap *b = *bootstrap;
    if (b == NULL)
        return;
    free(b->cluster_of);
    free(b);
    *bootstrap = NULL;
}

void v2s_interval_text(const v2s_interval *i, int digits, bool sign, char text[64]) {
    if (!isfinite(i->mean))
        snprintf(text, 64, "-");
    else if (!isfinite(i->lo))
        snprintf(text, 64, sign ? "%+.*f" : "%.*f", digits, i->mean);
    else
        snprintf(text, 64, sign ? "%+.*f [%+.*f, %+.*f]" : "%.*f [%.*f, %.*f]", digits, i->mean,
                 digits, i->lo, digits, i->hi);
}
