// SPDX-License-Identifier: MIT
#include "infer/compare_systems.h"

#include <stdio.h>
#include <string.h>

int v2s_systems_find(const v2s_systems *s, v2s_system_kind kind) {
    for (size_t i = 0; i < s->count; i++)
        if (s->items[i].kind == kind)
            return (int)i;
    return -1;
}

// The names that JSON's readers know are not given to other checkpoints.
static bool is_reserved(const char *name) {
    static const char *const fixed[] = {"refined", "geometric", "scaled", "constant",
                                        "room",    "mono",      "full",   "minimal"};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (strcmp(fixed[i], name) == 0)
            return true;
    return strncmp(name, "without_", 8) == 0;
}

static bool is_taken(const v2s_systems *s, v2s_system_kind kind, const char *name) {
    if (kind == V2S_SYSTEM_AGAINST && is_reserved(name))
        return true;
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->items[i].name, name) == 0)
            return true;
    return false;
}

v2s_status v2s_systems_add(v2s_systems *s, v2s_system_kind kind, const char *name,
                           v2s_clip_refiner *refiner) {
    if (s->count == V2S_SYSTEMS_MAX)
        return V2S_FAIL(V2S_USAGE, "more than %d systems at once", V2S_SYSTEMS_MAX);
    v2s_system *made = &s->items[s->count];
    *made = (v2s_system){.kind = kind, .refiner = refiner};
    snprintf(made->name, sizeof made->name, "%s", name);
    for (int copy = 2; is_taken(s, kind, made->name); copy++)
        snprintf(made->name, sizeof made->name, "%.50s-%d", name, copy);
    s->count++;
    return V2S_OK;
}

v2s_status v2s_systems_add_refiner(v2s_systems *s, v2s_system_kind kind, const char *name,
                                   const char *path, const char *file, const v2s_device *dev) {
    v2s_clip_refiner *refiner = NULL;
    if (s->refiner_count == V2S_SYSTEMS_MAX)
        return V2S_FAIL(V2S_USAGE, "more than %d checkpoints at once", V2S_SYSTEMS_MAX);
    V2S_TRY(v2s_clip_refiner_open(path, dev, &refiner));
    s->refiners[s->refiner_count++] = refiner;
    V2S_TRY(v2s_systems_add(s, kind, name, refiner));
    s->items[s->count - 1].file = file;
    return V2S_OK;
}

v2s_status v2s_systems_add_contrast(v2s_systems *s, size_t first, size_t second) {
    if (s->contrast_count == V2S_SYSTEMS_MAX)
        return V2S_FAIL(V2S_USAGE, "more than %d systems at once", V2S_SYSTEMS_MAX);
    s->contrasts[s->contrast_count++] = (v2s_contrast){first, second};
    return V2S_OK;
}

v2s_status v2s_systems_contrast_refined(v2s_systems *s) {
    // In the order of what a reader asks first: geometry, other checkpoints, floors.
    static const v2s_system_kind rivals[] = {V2S_SYSTEM_GEOMETRIC, V2S_SYSTEM_AGAINST,
                                             V2S_SYSTEM_CONSTANT,  V2S_SYSTEM_SCALED,
                                             V2S_SYSTEM_ROOM,      V2S_SYSTEM_MONO};
    int refined = v2s_systems_find(s, V2S_SYSTEM_REFINED);
    if (refined < 0)
        return V2S_OK;
    for (size_t r = 0; r < sizeof rivals / sizeof rivals[0]; r++)
        for (size_t i = 0; i < s->count; i++)
            if (s->items[i].kind == rivals[r])
                V2S_TRY(v2s_systems_add_contrast(s, (size_t)refined, i));
    return V2S_OK;
}

void v2s_systems_close(v2s_systems *s) {
    for (size_t i = 0; i < s->refiner_count; i++)
        v2s_clip_refiner_close(&s->refiners[i]);
    *s = (v2s_systems){0};
}
