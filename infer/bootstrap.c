// SPDX-License-Identifier: MIT
#include "infer/bootstrap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct v2s_bootstrap {
    size_t clips, clusters;
    int draws;
    size_t *cluster_of; // [clips]
    uint32_t *times;    // [draws][clusters]: how often a draw has a cluster
};

// splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
static uint64_t next_random(uint64_t *state) {
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
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

static v2s_status draw_clusters(v2s_bootstrap *b, uint64_t seed) {
    b->times = calloc((size_t)b->draws * b->clusters + 1, sizeof *b->times);
    if (b->times == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (int d = 0; d < b->draws; d++)
        for (size_t c = 0; c < b->clusters; c++) {
            // The high half times the count: a bias of clusters / 2^32 at most.
            size_t k = (size_t)((next_random(&seed) >> 32) * b->clusters >> 32);
            b->times[(size_t)d * b->clusters + k]++;
        }
    return V2S_OK;
}

v2s_status v2s_bootstrap_open(const char *const *cluster, size_t clips, int draws, uint64_t seed,
                              v2s_bootstrap **bootstrap) {
    v2s_bootstrap *b = calloc(1, sizeof *b);
    if (b == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    b->clips = clips;
    b->draws = draws;
    v2s_status status = number_clusters(b, cluster);
    if (status == V2S_OK)
        status = draw_clusters(b, seed);
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

typedef struct sums {
    double value;
    size_t clips;
} sums;

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(const double *sorted, size_t count, double share) {
    double at = share * (double)(count - 1);
    size_t low = (size_t)at;
    size_t high = low + 1 < count ? low + 1 : low;
    return sorted[low] + (at - (double)low) * (sorted[high] - sorted[low]);
}

// The means of all draws, sorted; returns how many have a value.
static size_t draw_means(const v2s_bootstrap *b, const sums *cluster, double *means) {
    size_t count = 0;
    for (int d = 0; d < b->draws; d++) {
        const uint32_t *times = b->times + (size_t)d * b->clusters;
        double sum = 0, clips = 0;
        for (size_t c = 0; c < b->clusters; c++) {
            sum += times[c] * cluster[c].value;
            clips += (double)times[c] * (double)cluster[c].clips;
        }
        if (clips > 0)
            means[count++] = sum / clips;
    }
    qsort(means, count, sizeof *means, by_size);
    return count;
}

v2s_status v2s_bootstrap_mean(const v2s_bootstrap *b, const double *values,
                              v2s_interval *interval) {
    sums *cluster = calloc(b->clusters + 1, sizeof *cluster), all = {0, 0};
    double *means = calloc((size_t)b->draws + 1, sizeof *means);
    if (cluster == NULL || means == NULL) {
        free(cluster);
        free(means);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < b->clips; i++)
        if (isfinite(values[i])) {
            cluster[b->cluster_of[i]].value += values[i];
            cluster[b->cluster_of[i]].clips++;
            all.value += values[i];
            all.clips++;
        }
    size_t filled = 0;
    for (size_t c = 0; c < b->clusters; c++)
        filled += cluster[c].clips > 0;
    *interval = (v2s_interval){all.value / (double)all.clips, NAN, NAN, all.clips};
    size_t count = filled >= 2 ? draw_means(b, cluster, means) : 0;
    if (count > 0) {
        interval->lo = percentile(means, count, 0.025);
        interval->hi = percentile(means, count, 0.975);
    }
    free(cluster);
    free(means);
    return V2S_OK;
}

void v2s_bootstrap_close(v2s_bootstrap **bootstrap) {
    v2s_bootstrap *b = *bootstrap;
    if (b == NULL)
        return;
    free(b->cluster_of);
    free(b->times);
    free(b);
    *bootstrap = NULL;
}
