// SPDX-License-Identifier: MIT
#include "infer/compare_set.h"

#include <stdlib.h>
#include <string.h>

enum { PAIRING_AUTO, PAIRING_DRY, PAIRING_OMNI, PAIRING_BINAURAL };

static v2s_status read_manifests(const v2s_settings *s, v2s_run_log *log, v2s_compare_set *set) {
    set->manifests = calloc(s->inputs.count, sizeof *set->manifests);
    if (set->manifests == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    set->manifest_count = s->inputs.count;
    for (size_t i = 0; i < s->inputs.count; i++) {
        v2s_manifest *m = &set->manifests[i];
        V2S_TRY(v2s_manifest_read(s->inputs.items[i], v2s_settings_rules(s), m));
        for (size_t k = 0; k < m->skipped && k < V2S_COMPARE_NAMED_MAX; k++)
            v2s_run_log_warn(log, "%s", m->skip_reasons[k]);
        if (m->skipped > V2S_COMPARE_NAMED_MAX)
            v2s_run_log_warn(log, "%s: %zu more lines that cannot be used", m->path,
                             m->skipped - V2S_COMPARE_NAMED_MAX);
        if (m->flagged > 0)
            v2s_run_log_warn(log, "%s: %zu clips are flagged as doubtful: %s", m->path, m->flagged,
                             s->keep_flagged ? "kept" : "left out");
        set->flagged += m->flagged;
    }
    return V2S_OK;
}

static bool in_split(const v2s_settings *s, const v2s_clip *clip) {
    return s->split == V2S_SPLIT_COUNT || (int)clip->split == s->split;
}

static size_t count_pairs(const v2s_settings *s, const v2s_compare_set *set, v2s_pairing pairing) {
    size_t count = 0;
    for (size_t i = 0; i < set->manifest_count; i++)
        for (size_t k = 0; k < set->manifests[i].count; k++) {
            const v2s_clip *clip = &set->manifests[i].clips[k];
            count += in_split(s, clip) && clip->pairing == pairing;
        }
    return count;
}

static const char *trained_on(const v2s_system *system) {
    return v2s_clip_refiner_pairing(system->refiner);
}

static v2s_status settle_pairing(const v2s_settings *s, const v2s_systems *systems,
                                 v2s_run_log *log, v2s_compare_set *set) {
    int refined = v2s_systems_find(systems, V2S_SYSTEM_REFINED);
    const char *told = refined >= 0 ? trained_on(&systems->items[refined]) : "";
    size_t dry = count_pairs(s, set, V2S_PAIRING_DRY), omni = count_pairs(s, set, V2S_PAIRING_OMNI);
    if (s->pairing == PAIRING_AUTO && told[0] == '\0' && dry > 0 && omni > 0)
        return V2S_FAIL(V2S_USAGE, "the manifests hold dry and omni pairs: give --pairing");
    bool is_dry = dry > 0;
    if (s->pairing != PAIRING_AUTO)
        is_dry = s->pairing == PAIRING_DRY;
    else if (told[0] != '\0')
        is_dry = strcmp(told, "dry") == 0;
    set->pairing = is_dry ? V2S_PAIRING_DRY : V2S_PAIRING_OMNI;
    if (s->pairing == PAIRING_BINAURAL || (s->pairing == PAIRING_AUTO && dry + omni == 0 &&
                                           count_pairs(s, set, V2S_PAIRING_BINAURAL) > 0))
        set->pairing = V2S_PAIRING_BINAURAL;
    // The mean of two ears has its room in it, as W of a recording has.
    const char *like =
        v2s_pairing_name(set->pairing == V2S_PAIRING_BINAURAL ? V2S_PAIRING_OMNI : set->pairing);
    for (size_t i = 0; i < systems->count; i++) {
        told = trained_on(&systems->items[i]);
        if (told[0] != '\0' && strcmp(told, like) != 0)
            v2s_run_log_warn(log, "%s was trained on %s pairs and is judged on %s pairs",
                             systems->items[i].file, told, v2s_pairing_name(set->pairing));
    }
    return V2S_OK;
}

static v2s_status choose_clips(const v2s_settings *s, v2s_compare_set *set) {
    bool all = s->split == V2S_SPLIT_COUNT;
    set->clips = calloc(count_pairs(s, set, set->pairing) + 1, sizeof *set->clips);
    if (set->clips == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < set->manifest_count; i++)
        for (size_t k = 0; k < set->manifests[i].count; k++) {
            const v2s_clip *clip = &set->manifests[i].clips[k];
            if (in_split(s, clip) && clip->pairing == set->pairing)
                set->clips[set->count++] = clip;
        }
    if (set->count == 0)
        return V2S_FAIL(V2S_FORMAT, "%s: no clip of pairing %s%s%s", s->inputs.items[0],
                        v2s_pairing_name(set->pairing), all ? "" : " and split ",
                        all ? "" : v2s_split_name((v2s_split)s->split));
    return V2S_OK;
}

v2s_status v2s_compare_set_read(const v2s_settings *s, const v2s_systems *systems, v2s_run_log *log,
                                v2s_compare_set *set) {
    V2S_TRY(read_manifests(s, log, set));
    V2S_TRY(settle_pairing(s, systems, log, set));
    return choose_clips(s, set);
}

void v2s_compare_set_free(v2s_compare_set *set) {
    for (size_t i = 0; i < set->manifest_count; i++)
        v2s_manifest_free(&set->manifests[i]);
    free(set->manifests);
    free(set->clips);
    *set = (v2s_compare_set){0};
}
