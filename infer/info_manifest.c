// SPDX-License-Identifier: MIT
#include "infer/info_manifest.h"

#include <stdlib.h>
#include <string.h>

#include "data/manifest.h"
#include "kernels/base/array.h"

enum { NAMED_MAX = 10 };

// Different clusters (rooms, else sources) of a split.
static v2s_status count_clusters(const v2s_manifest *m, v2s_split split, size_t *count) {
    const char **names = calloc(m->count + 1, sizeof *names);
    size_t n = 0;
    if (names == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < m->count; i++)
        if (m->clips[i].split == split)
            names[n++] = v2s_clip_cluster(&m->clips[i]);
    qsort(names, n, sizeof *names, v2s_compare_texts);
    *count = 0;
    for (size_t i = 0; i < n; i++)
        *count += i == 0 || strcmp(names[i], names[i - 1]) != 0;
    free(names);
    return V2S_OK;
}

static v2s_status report_split(const v2s_manifest *m, v2s_split split, v2s_run_log *log,
                               cJSON *json) {
    size_t pairings[V2S_PAIRING_COUNT] = {0}, clusters = 0, recorded = 0;
    double duration_s = 0;
    V2S_TRY(count_clusters(m, split, &clusters));
    for (size_t i = 0; i < m->count; i++)
        if (m->clips[i].split == split) {
            pairings[m->clips[i].pairing]++;
            recorded += m->clips[i].recorded;
            duration_s += m->clips[i].duration_s;
        }
    cJSON *o = cJSON_AddObjectToObject(json, v2s_split_name(split));
    for (int p = 0; p < V2S_PAIRING_COUNT; p++)
        cJSON_AddNumberToObject(o, v2s_pairing_name((v2s_pairing)p), (double)pairings[p]);
    cJSON_AddNumberToObject(o, "clusters", (double)clusters);
    cJSON_AddNumberToObject(o, "recorded", (double)recorded);
    cJSON_AddNumberToObject(o, "duration_s", duration_s);
    v2s_run_log_row(log, v2s_split_name(split),
                    "%zu dry, %zu omni, %zu binaural, %zu depth clips (%zu recorded), %zu rooms or "
                    "sources, %.0f s",
                    pairings[V2S_PAIRING_DRY], pairings[V2S_PAIRING_OMNI],
                    pairings[V2S_PAIRING_BINAURAL], pairings[V2S_PAIRING_DEPTH], recorded, clusters,
                    duration_s);
    return V2S_OK;
}

v2s_status v2s_info_manifest(const char *path, v2s_run_log *log) {
    v2s_manifest m = {0};
    const v2s_manifest_rules all = {.allow_outside = true, .keep_flagged = true};
    V2S_TRY(v2s_manifest_read(path, all, &m));
    v2s_run_log_row(log, "kind", "manifest, %zu clips", m.count);
    v2s_run_log_text(log, "kind", "manifest");
    v2s_run_log_number(log, "clips", (double)m.count);
    v2s_run_log_number(log, "skipped", (double)m.skipped);
    v2s_run_log_number(log, "flagged", (double)m.flagged);
    v2s_run_log_number(log, "outside", (double)m.outside);
    if (m.flagged > 0)
        v2s_run_log_row(log, "flagged", "%zu clips, which only --keep-flagged takes", m.flagged);
    if (m.outside > 0)
        v2s_run_log_row(log, "outside",
                        "%zu clips name files outside the manifest's folder, which only "
                        "--allow-outside reads",
                        m.outside);
    for (size_t i = 0; i < m.skipped && i < NAMED_MAX; i++)
        v2s_run_log_warn(log, "%s", m.skip_reasons[i]);
    if (m.skipped > NAMED_MAX)
        v2s_run_log_warn(log, "%s: %zu more lines that cannot be used", path,
                         m.skipped - NAMED_MAX);
    v2s_status status = V2S_OK;
    cJSON *splits = cJSON_AddObjectToObject(log->json, "splits");
    for (int s = 0; status == V2S_OK && s < V2S_SPLIT_COUNT; s++)
        status = report_split(&m, (v2s_split)s, log, splits);
    v2s_manifest_free(&m);
    return status;
}
