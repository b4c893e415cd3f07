// SPDX-License-Identifier: MIT
#include "infer/compare_cache.h"

#include <limits.h>

#include "infer/refiner_choice.h"
#include "kernels/base/cpu.h"

#define PROGRAM_FILE "/proc/self/exe"

static void add_head(const v2s_hrtf *hrtf, v2s_digest *d) {
    v2s_digest_integer(d, hrtf != NULL);
    if (hrtf == NULL)
        return;
    size_t directions = (size_t)hrtf->measurements;
    v2s_digest_number(d, hrtf->rate_hz);
    v2s_digest_integer(d, hrtf->measurements);
    v2s_digest_integer(d, hrtf->taps);
    v2s_digest_bytes(d, hrtf->unit, directions * sizeof *hrtf->unit);
    v2s_digest_bytes(d, hrtf->ir, 2 * directions * (size_t)hrtf->taps * sizeof *hrtf->ir);
}

static v2s_status add_systems(const v2s_systems *systems, v2s_digest *d) {
    v2s_digest_integer(d, (int64_t)systems->count);
    for (size_t i = 0; i < systems->count; i++) {
        const v2s_system *s = &systems->items[i];
        char path[PATH_MAX];
        v2s_digest_integer(d, s->kind);
        v2s_digest_integer(d, s->without);
        if (s->file == NULL)
            continue;
        v2s_refiner_path(s->file, path);
        V2S_TRY(v2s_digest_file(d, path));
    }
    return V2S_OK;
}

static void add_options(const v2s_judge_options *options, v2s_digest *d) {
    v2s_digest_integer(d, (int64_t)options->metrics);
    v2s_digest_integer(d, options->normalise);
    v2s_digest_integer(d, options->reflect);
    v2s_digest_integer(d, options->lenient);
    add_head(options->hrtf, d);
}

static v2s_status make_keys(const v2s_settings *s, const v2s_judge_options *options,
                            const v2s_systems *systems, const v2s_device *dev,
                            v2s_compare_cache *c) {
    c->program = v2s_digest_start();
    v2s_status status = v2s_digest_file(&c->program, PROGRAM_FILE);
    if (status != V2S_OK)
        return v2s_error_prefix(status, "--cache");
    v2s_digest_text(&c->program, v2s_isa_name(v2s_cpu_isa()));
    c->run = c->program;
    v2s_digest_text(&c->run, dev != NULL ? dev->name : NULL);
    v2s_digest_integer(&c->run, s->precision);
    add_options(options, &c->run);
    return add_systems(systems, &c->run);
}

v2s_status v2s_compare_cache_open(const v2s_settings *settings, const v2s_judge_options *options,
                                  const v2s_systems *systems, const v2s_device *dev,
                                  v2s_compare_cache *cache) {
    v2s_compare_cache made = {0};
    V2S_TRY(make_keys(settings, options, systems, dev, &made));
    V2S_TRY(v2s_score_cache_open(settings->cache, &made.store));
    *cache = made;
    return V2S_OK;
}

void v2s_compare_cache_close(v2s_compare_cache *cache) {
    v2s_score_cache_close(&cache->store);
}

// ---- clips ------------------------------------------------------------------------------------

static v2s_status add_clip(const v2s_clip *clip, v2s_digest *d) {
    v2s_digest_integer(d, clip->pairing);
    v2s_digest_number(d, clip->start_s);
    v2s_digest_number(d, clip->duration_s);
    v2s_digest_text(d, clip->layout);
    v2s_digest_integer(d, clip->rt60_count);
    for (int i = 0; i < clip->rt60_count; i++)
        v2s_digest_number(d, clip->rt60_s[i]);
    v2s_digest_number(d, clip->drr_db);
    v2s_digest_integer(d, clip->free_field);
    V2S_TRY(v2s_digest_stamp(d, clip->truth));
    V2S_TRY(v2s_digest_stamp(d, clip->dry));
    return v2s_digest_stamp(d, clip->trajectory);
}

v2s_status v2s_compare_cache_score_key(const v2s_compare_cache *cache, const v2s_clip_result *r,
                                       v2s_digest *key) {
    v2s_digest d = cache->run;
    v2s_digest_text(&d, "scores");
    v2s_digest_integer(&d, r->recorded);
    v2s_digest_number(&d, r->dipole_gain);
    V2S_TRY(add_clip(r->clip, &d));
    *key = d;
    return V2S_OK;
}

v2s_status v2s_compare_cache_survey_key(const v2s_compare_cache *cache, const v2s_clip_result *r,
                                        v2s_digest *key) {
    v2s_digest d = cache->program;
    v2s_digest_text(&d, "survey");
    V2S_TRY(add_clip(r->clip, &d));
    *key = d;
    return V2S_OK;
}
