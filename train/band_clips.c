// SPDX-License-Identifier: MIT
#include "train/band_clips.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "infer/progress.h"
#include "kernels/base/cancel.h"
#include "kernels/base/parallel.h"

typedef struct reading {
    v2s_band_reader *reader;
    const v2s_clip *const *clips;
    size_t count;
    v2s_band_clip *to;
    v2s_status *status;                 // [count]
    char (*reason)[V2S_ERROR_TEXT_MAX]; // [count] of those that failed
    atomic_size_t next;
    v2s_progress progress; // drawn by the first thread
} reading;

static v2s_status read_clip(const reading *r, size_t i) {
    v2s_pair pair = {0};
    V2S_TRY(v2s_cancel_check());
    V2S_TRY(v2s_pair_load(r->clips[i], r->reader->rate_hz, &pair));
    const v2s_foa_basis *basis = NULL;
    v2s_status status = v2s_foa_basis_set_get(r->reader->bases, pair.rate_hz, &basis);
    if (status == V2S_OK)
        status = v2s_band_clip_make(basis, r->clips[i], &pair, &r->to[i]);
    v2s_pair_free(&pair);
    return status;
}

static void read_share(void *ctx, int part, int parts) {
    (void)parts;
    reading *r = ctx;
    for (size_t i; (i = atomic_fetch_add(&r->next, 1)) < r->count;) {
        r->status[i] = read_clip(r, i);
        if (r->status[i] != V2S_OK)
            v2s_error_save(r->reason[i]);
        if (part == 0)
            v2s_progress_update(&r->progress, (double)i);
    }
}

// Moves the clips that were read together and names the others.
static v2s_status keep_read(reading *r, v2s_band_clips *out) {
    v2s_band_reader *reader = r->reader;
    for (size_t i = 0; i < r->count; i++) {
        if (r->status[i] == V2S_OK) {
            out->sums[out->count] = r->to[i];
            out->from[out->count++] = r->clips[i];
            if (out->count <= i)
                r->to[i] = (v2s_band_clip){0};
            continue;
        }
        v2s_error_restore(r->reason[i]);
        v2s_error_prefix(r->status[i], "clip %s", r->clips[i]->id);
        if (reader->strict || r->status[i] == V2S_CANCELLED || r->status[i] == V2S_NOMEM)
            return r->status[i];
        reader->skipped++;
        if (reader->log != NULL)
            v2s_run_log_warn(reader->log, "skipped: %s", v2s_error_text());
    }
    return V2S_OK;
}

v2s_status v2s_band_clips_read(v2s_band_reader *reader, const v2s_clip *const *clips, size_t count,
                               v2s_band_clips *out) {
    size_t room = count > 0 ? count : 1;
    reading r = {.reader = reader, .clips = clips, .count = count};
    *out = (v2s_band_clips){.sums = calloc(room, sizeof *out->sums),
                            .from = calloc(room, sizeof *out->from)};
    r.to = out->sums;
    r.status = calloc(room, sizeof *r.status);
    r.reason = calloc(room, sizeof *r.reason);
    v2s_status status = V2S_OK;
    if (out->sums == NULL || out->from == NULL || r.status == NULL || r.reason == NULL)
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status == V2S_OK) {
        bool quiet = reader->log == NULL || reader->log->quiet;
        r.progress = v2s_progress_begin(reader->what, "clips", (double)count, quiet);
        v2s_parallel(reader->threads, reader->threads, read_share, &r);
        v2s_progress_end(&r.progress);
        status = keep_read(&r, out);
        if (status != V2S_OK)
            out->count = count; // all that was read is freed
    }
    free(r.status);
    free(r.reason);
    return status;
}

void v2s_band_clips_free(v2s_band_clips *clips) {
    for (size_t i = 0; i < clips->count; i++)
        v2s_band_clip_free(&clips->sums[i]);
    free(clips->sums);
    free(clips->from);
    *clips = (v2s_band_clips){0};
}
