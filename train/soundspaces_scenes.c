// SPDX-License-Identifier: MIT
// Scenes of SoundSpaces and their splits.
#include <stdlib.h>
#include <string.h>

#include "train/sounds.h"
#include "train/soundspaces.h"

enum { MAX_SCENES = 4096 };

#define SPLIT_SEED 58 // any number: splits are the same for every --seed

static v2s_status no_memory(void) {
    return V2S_FAIL(V2S_NOMEM, "out of memory");
}

// ---- scenes -----------------------------------------------------------------------------------

static v2s_status add_scene(v2s_soundspaces *j, const char *set, const char *above,
                            const char *name) {
    const char *path;
    v2s_room_scene s = {0};
    if (j->scene_count == MAX_SCENES)
        return V2S_FAIL(V2S_FORMAT, "%s: more than %d scenes", j->p->root, MAX_SCENES);
    V2S_TRY(v2s_prepare_text(j->p, &s.set, "%s", set));
    V2S_TRY(v2s_prepare_text(j->p, &s.name, "%s", name));
    V2S_TRY(v2s_prepare_text(j->p, &s.irs, "%s/%s/irs", above, name));
    V2S_TRY(v2s_prepare_path(j->p, &path, "%s", s.irs));
    if (!v2s_is_folder(path))
        return v2s_prepare_skip(j->p, path, "not there: a scene without its folder irs");
    v2s_room_scene *grown = realloc(j->scenes, (j->scene_count + 1) * sizeof *grown);
    if (grown == NULL)
        return no_memory();
    j->scenes = grown;
    j->scenes[j->scene_count++] = s;
    return V2S_OK;
}

// Of something in the folder ROOT/below.
typedef v2s_status (*take_name)(v2s_soundspaces *j, const char *set, const char *below,
                                const char *name);

// Everything in ROOT/below, in the order of names.
static v2s_status each_in(v2s_soundspaces *j, const char *set, const char *below, take_name take) {
    v2s_names names = {0};
    V2S_TRY(v2s_prepare_list(j->p, below, NULL, &names));
    v2s_status status = V2S_OK;
    for (size_t i = 0; i < names.count && status == V2S_OK; i++)
        status = take(j, set, below, names.items[i]);
    v2s_names_free(&names);
    return status;
}

static v2s_status each_if_there(v2s_soundspaces *j, const char *set, const char *below,
                                take_name take) {
    const char *path;
    V2S_TRY(v2s_prepare_path(j->p, &path, "%s", below));
    return v2s_is_folder(path) ? each_in(j, set, below, take) : V2S_OK;
}

static v2s_status list_set(v2s_soundspaces *j, const char *none, const char *above,
                           const char *set) {
    const char *below;
    (void)none;
    V2S_TRY(v2s_prepare_text(j->p, &below, "%s/%s", above, set));
    return each_if_there(j, set, below, add_scene);
}

static v2s_status list_scenes(v2s_soundspaces *j) {
    const char *below, *path;
    j->data = "data/";
    V2S_TRY(v2s_prepare_path(j->p, &path, "data/ambisonic_rirs"));
    if (!v2s_is_folder(path))
        j->data = "";
    V2S_TRY(v2s_prepare_text(j->p, &below, "%sambisonic_rirs", j->data));
    V2S_TRY(each_in(j, NULL, below, list_set));
    if (j->scene_count == 0)
        return V2S_FAIL(V2S_FORMAT, "%s/%s: no scene in it: expected <data set>/<scene>/irs",
                        j->p->root, below);
    return V2S_OK;
}

v2s_status v2s_random_order(uint64_t seed, uint64_t stream, size_t n, size_t **order) {
    v2s_rng rng = v2s_rng_open(seed, stream);
    *order = malloc((n + 1) * sizeof **order);
    if (*order == NULL)
        return no_memory();
    for (size_t i = 0; i < n; i++)
        (*order)[i] = i;
    v2s_rng_shuffle(&rng, *order, n);
    return V2S_OK;
}

v2s_status v2s_splits_draw(uint64_t stream, size_t n, v2s_split **splits) {
    size_t *order = NULL;
    v2s_split *dealt = malloc((n + 1) * sizeof *dealt);
    *splits = malloc((n + 1) * sizeof **splits);
    v2s_status status = dealt == NULL || *splits == NULL
                            ? no_memory()
                            : v2s_random_order(SPLIT_SEED, stream, n, &order);
    if (status == V2S_OK) {
        v2s_splits_fill(n, dealt);
        for (size_t i = 0; i < n; i++)
            (*splits)[order[i]] = dealt[i];
    }
    free(order);
    free(dealt);
    return status;
}

// "val_multiple_unheard" -> val.
static bool split_of(const char *name, v2s_split *split) {
    for (int s = 0; s < V2S_SPLIT_COUNT; s++) {
        const char *word = v2s_split_name((v2s_split)s);
        size_t n = strlen(word);
        if (strncmp(name, word, n) == 0 && (name[n] == '\0' || name[n] == '_')) {
            *split = (v2s_split)s;
            return true;
        }
    }
    return false;
}

// Scenes that DATA/datasets/<set>/<version>/<name>/content lists; `version` is that folder.
static v2s_status read_content(v2s_soundspaces *j, const char *set, const char *version,
                               const char *name) {
    v2s_split split;
    const char *below, *path, *list;
    if (!split_of(name, &split))
        return V2S_OK;
    V2S_TRY(v2s_prepare_text(j->p, &below, "%s/%s/content", version, name));
    for (size_t i = 0; i < j->scene_count; i++) {
        v2s_room_scene *s = &j->scenes[i];
        if (strcmp(s->set, set) != 0)
            continue;
        V2S_TRY(v2s_prepare_path(j->p, &path, "%s/%s.json.gz", below, s->name));
        if (!v2s_is_file(path))
            continue;
        if (s->known && s->split != split) {
            V2S_TRY(v2s_prepare_text(j->p, &list, "%s/%s", set, s->name));
            V2S_TRY(v2s_prepare_problem(j->p, "%s: published as %s and as %s; the first is used",
                                        list, v2s_split_name(s->split), v2s_split_name(split)));
        } else {
            s->known = true;
            s->split = split;
        }
    }
    return V2S_OK;
}

static v2s_status read_version(v2s_soundspaces *j, const char *set, const char *above,
                               const char *version) {
    const char *below;
    V2S_TRY(v2s_prepare_text(j->p, &below, "%s/%s", above, version));
    return each_if_there(j, set, below, read_content);
}

static v2s_status read_published(v2s_soundspaces *j, const char *set) {
    const char *below;
    V2S_TRY(v2s_prepare_text(j->p, &below, "%sdatasets/%s", j->data, set));
    return each_if_there(j, set, below, read_version);
}

static v2s_status split_scenes(v2s_soundspaces *j) {
    v2s_split *drawn = NULL;
    size_t known = 0;
    for (size_t i = 0; i < j->scene_count; i++)
        if (i == 0 || strcmp(j->scenes[i].set, j->scenes[i - 1].set) != 0)
            V2S_TRY(read_published(j, j->scenes[i].set));
    v2s_status status = v2s_splits_draw(V2S_STREAM_SCENES, j->scene_count, &drawn);
    for (size_t i = 0; i < j->scene_count && status == V2S_OK; i++) {
        known += j->scenes[i].known;
        if (!j->scenes[i].known)
            j->scenes[i].split = drawn[i];
    }
    free(drawn);
    v2s_run_log_row(j->p->log, "scenes", "%zu; the split of %zu is published, of %zu drawn",
                    j->scene_count, known, j->scene_count - known);
    v2s_run_log_number(j->p->log, "scenes", (double)j->scene_count);
    v2s_run_log_number(j->p->log, "scenes_published_split", (double)known);
    return status;
}

v2s_status v2s_soundspaces_scenes(v2s_soundspaces *j) {
    V2S_TRY(list_scenes(j));
    return split_scenes(j);
}
