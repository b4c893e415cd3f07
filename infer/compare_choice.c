// SPDX-License-Identifier: MIT
#include "infer/compare_choice.h"

#include <stdio.h>
#include <string.h>

#include "infer/compare_ablation.h"
#include "infer/file_name.h"
#include "infer/refiner_choice.h"

bool v2s_compare_has_refiner(const v2s_settings *s) {
    return s->refiner != NULL && strcmp(s->refiner, "none") != 0;
}

v2s_status v2s_compare_open_refiners(const v2s_settings *s, const v2s_device *dev,
                                     v2s_systems *systems) {
    char path[PATH_MAX], name[V2S_SYSTEM_NAME_MAX];
    v2s_refiner_path(s->refiner, path);
    V2S_TRY(v2s_systems_add_refiner(systems, V2S_SYSTEM_REFINED, "refined", path, s->refiner, dev));
    for (size_t i = 0; i < s->against.count; i++) {
        const char *file = v2s_name_of_file(s->against.items[i], name);
        v2s_refiner_path(file, path);
        V2S_TRY(v2s_systems_add_refiner(systems, V2S_SYSTEM_AGAINST, name, path, file, dev));
    }
    return V2S_OK;
}

// The floors that the refiner's file holds gains for; the others are named.
static v2s_status add_floors(const v2s_settings *s, v2s_run_log *log, v2s_systems *systems) {
    static const struct {
        v2s_system_kind kind;
        v2s_clip_system of_file;
        const char *name;
    } floors[] = {{V2S_SYSTEM_SCALED, V2S_CLIP_SCALED, "scaled"},
                  {V2S_SYSTEM_CONSTANT, V2S_CLIP_CONSTANT, "constant"}};
    v2s_clip_refiner *refiner = systems->refiners[0];
    for (size_t i = 0; i < sizeof floors / sizeof floors[0]; i++) {
        if (v2s_clip_refiner_has(refiner, floors[i].of_file))
            V2S_TRY(v2s_systems_add(systems, floors[i].kind, floors[i].name, refiner));
        else
            v2s_run_log_warn(log, "%s holds no gains for the floor '%s': left out", s->refiner,
                             floors[i].name);
    }
    return V2S_OK;
}

static v2s_status add_ablations(const v2s_settings *s, v2s_pairing pairing, v2s_run_log *log,
                                v2s_systems *systems) {
    v2s_component_set list = 0;
    v2s_clip_refiner *refiner = v2s_compare_has_refiner(s) ? systems->refiners[0] : NULL;
    if (s->without == NULL)
        return V2S_OK;
    V2S_TRY(v2s_components_parse(s->without, &list));
    V2S_TRY(v2s_ablation_systems(systems, list, pairing, refiner));
    for (int i = 0; i < V2S_COMPONENT_COUNT; i++) {
        const char *absent = v2s_component_absent((v2s_component)i, pairing, refiner);
        if ((list & 1u << i) != 0 && absent != NULL)
            v2s_run_log_warn(log, "--without %s is not judged: %s",
                             v2s_component_name((v2s_component)i), absent);
    }
    return V2S_OK;
}

v2s_status v2s_compare_list_systems(const v2s_settings *s, v2s_pairing pairing, v2s_run_log *log,
                                    v2s_systems *systems) {
    V2S_TRY(v2s_systems_add(systems, V2S_SYSTEM_GEOMETRIC, "geometric", NULL));
    if (v2s_compare_has_refiner(s))
        V2S_TRY(add_floors(s, log, systems));
    if (pairing == V2S_PAIRING_DRY)
        V2S_TRY(v2s_systems_add(systems, V2S_SYSTEM_ROOM, "room", NULL));
    V2S_TRY(v2s_systems_add(systems, V2S_SYSTEM_MONO, "mono", NULL));
    V2S_TRY(v2s_systems_contrast_refined(systems));
    return add_ablations(s, pairing, log, systems);
}
