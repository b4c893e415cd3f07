// SPDX-License-Identifier: MIT
#include "train/synth.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/sound_out.h"
#include "data/trajectory_csv.h"
#include "infer/progress.h"
#include "kernels/base/array.h"
#include "kernels/base/cancel.h"
#include "kernels/base/parallel.h"
#include "train/folder.h"

enum { BAND_500_HZ = 3, BAND_1K_HZ = 4, WARNINGS_SHOWN = 10 };

// Seeds of the independent parts.
enum { SEED_VENUES = 2, SEED_SCENES, SEED_MOTIONS };

// What the manifest says of a scene.
typedef struct record {
    v2s_split split;
    size_t room; // index of venues
    v2s_motion motion;
    double drr_db, snr_db;
    char *sound, *licence; // owned
    size_t files[V2S_STRETCH_MAX], file_count;
} record;

typedef struct work {
    const v2s_synth_config *config;
    v2s_sounds *sounds;
    v2s_venue *venues; // [rooms]
    record *records;   // [clips]
    bool made_folder;  // the folder did not exist before
    char **unusable;   // sentences, owned
    size_t unusable_count;
    pthread_mutex_t lock; // of everything below
    size_t next, done;
    v2s_status status;
    char error[V2S_ERROR_TEXT_MAX];
    v2s_progress progress;
} work;

static v2s_status no_memory(void) {
    return V2S_FAIL(V2S_NOMEM, "out of memory");
}

// ---- who gets what ----------------------------------------------------------------------------

// Deals rooms to scenes of their own split, in turn. Where a split has no room or no sound, its
// scenes are training scenes.
static v2s_status deal(work *w) {
    const v2s_synth_config *c = w->config;
    v2s_split *rooms = malloc(c->rooms * sizeof *rooms),
              *scenes = malloc(c->clips * sizeof *scenes);
    size_t *list = malloc(c->rooms * sizeof *list);
    v2s_status status = rooms && scenes && list ? V2S_OK : no_memory();
    if (status == V2S_OK) {
        v2s_splits_fill(c->rooms, rooms);
        v2s_splits_fill(c->clips, scenes);
        size_t first[V2S_SPLIT_COUNT + 1] = {0}, used[V2S_SPLIT_COUNT] = {0}, n = 0;
        for (int s = 0; s < V2S_SPLIT_COUNT; s++) {
            bool heard = false;
            for (size_t i = 0; i < w->sounds->count; i++)
                heard |= w->sounds->files[i].split == (v2s_split)s;
            for (size_t r = 0; heard && r < c->rooms; r++)
                if (rooms[r] == (v2s_split)s)
                    list[n++] = r;
            first[s + 1] = n;
        }
        for (size_t i = 0; i < c->clips; i++) {
            v2s_split s = first[scenes[i] + 1] > first[scenes[i]] ? scenes[i] : V2S_SPLIT_TRAIN;
            size_t own = first[s + 1] - first[s];
            v2s_rng rng = v2s_rng_open(v2s_rng_derive(c->seed, SEED_MOTIONS), i);
            w->records[i].split = s;
            w->records[i].room = list[first[s] + used[s]++ % own];
            w->records[i].motion = c->motions[v2s_rng_below(&rng, c->motion_count)];
        }
    }
    free(rooms);
    free(scenes);
    free(list);
    return status;
}

// ---- texts ------------------------------------------------------------------------------------

static v2s_status join(char **text, const char *more, const char *separator) {
    char *joined = NULL;
    if (*text != NULL && strcmp(*text, more) == 0)
        return V2S_OK;
    int n = *text == NULL ? asprintf(&joined, "%s", more)
                          : asprintf(&joined, "%s%s%s", *text, separator, more);
    if (n < 0)
        return no_memory();
    free(*text);
    *text = joined;
    return V2S_OK;
}

static bool is_new_licence(const v2s_sounds *sounds, const v2s_stretch *s, size_t i) {
    const char *licence = sounds->files[s->files[i]].licence;
    for (size_t j = 0; j < i; j++) {
        const char *other = sounds->files[s->files[j]].licence;
        if (licence == other || (licence && other && strcmp(licence, other) == 0))
            return false;
    }
    return true;
}

static v2s_status describe(const work *w, const v2s_stretch *s, record *r) {
    r->file_count = s->count;
    memcpy(r->files, s->files, s->count * sizeof *s->files);
    for (size_t i = 0; i < s->count; i++) {
        const v2s_sound_file *file = &w->sounds->files[s->files[i]];
        V2S_TRY(join(&r->sound, file->name, "\n"));
        if (is_new_licence(w->sounds, s, i))
            V2S_TRY(join(&r->licence, file->licence ? file->licence : "not stated", "; "));
    }
    return V2S_OK;
}

// ---- files ------------------------------------------------------------------------------------

static v2s_status scene_path(const work *w, const char *kind, size_t index, const char *suffix,
                             char **path) {
    if (asprintf(path, "%s/%s/s%05zu.%s", w->config->folder, kind, index, suffix) < 0) {
        *path = NULL;
        return no_memory();
    }
    return V2S_OK;
}

static v2s_status write_sound(const work *w, const char *kind, size_t index, int channels,
                              const float *samples, size_t frames) {
    char *path = NULL;
    v2s_sound_out *out = NULL;
    V2S_TRY(scene_path(w, kind, index, "wav", &path));
    v2s_status status =
        v2s_sound_out_open(path, w->config->rate_hz, channels, V2S_FLOAT32, (int64_t)frames, &out);
    if (status == V2S_OK) {
        v2s_sound_out_defer_sync(out);
        status = v2s_sound_out_write(out, samples, frames);
    }
    if (status == V2S_OK)
        status = v2s_sound_out_commit(out, NULL, NULL);
    v2s_sound_out_close(&out);
    free(path);
    return status;
}

static v2s_status write_path(const work *w, size_t index, v2s_trajectory *path) {
    char *name = NULL;
    v2s_file_out *f = NULL;
    v2s_trajectory_set set = {1, path};
    V2S_TRY(scene_path(w, "traj", index, "csv", &name));
    v2s_status status = v2s_file_out_open(name, &f);
    if (status == V2S_OK) {
        v2s_file_out_defer_sync(f);
        status = v2s_trajectory_csv_write(f, &set);
    }
    if (status == V2S_OK)
        status = v2s_file_out_commit(f);
    v2s_file_out_close(&f);
    free(name);
    return status;
}

static v2s_status write_scene(const work *w, size_t index, v2s_synth_scene *s) {
    V2S_TRY(write_sound(w, "foa", index, V2S_FOA_CHANNELS, s->truth, s->frames));
    if (w->config->dry)
        V2S_TRY(write_sound(w, "dry", index, 1, s->dry, s->frames));
    return write_path(w, index, &s->path);
}

// An earlier manifest would name files that this run replaces.
static v2s_status open_folder(const v2s_synth_config *c) {
    V2S_TRY(v2s_folder_make(c->folder, "foa"));
    if (c->dry)
        V2S_TRY(v2s_folder_make(c->folder, "dry"));
    V2S_TRY(v2s_folder_make(c->folder, "traj"));
    v2s_folder_remove(c->folder, "manifest.jsonl", unlink);
    return V2S_OK;
}

// Everything that this run wrote, and the folders that are empty then.
static void remove_files(const work *w) {
    static const char *const KINDS[][2] = {{"foa", "wav"}, {"traj", "csv"}, {"dry", "wav"}};
    size_t kinds = w->config->dry ? 3 : 2;
    for (size_t k = 0; k < kinds; k++) {
        for (size_t i = 0; i < w->next && i < w->config->clips; i++) {
            char *path = NULL;
            if (scene_path(w, KINDS[k][0], i, KINDS[k][1], &path) == V2S_OK)
                unlink(path);
            free(path);
        }
        v2s_folder_remove(w->config->folder, KINDS[k][0], rmdir); // if it is empty
    }
    if (w->made_folder)
        rmdir(w->config->folder);
}

// ---- scenes -----------------------------------------------------------------------------------

// What is wrong with a recording is said once, at the end, in an order that does not depend on
// threads.
static v2s_status keep_unusable(work *w, char **sentence) {
    if (*sentence == NULL)
        return V2S_OK;
    char **grown = realloc(w->unusable, (w->unusable_count + 1) * sizeof *grown);
    if (grown == NULL)
        return no_memory();
    w->unusable = grown;
    w->unusable[w->unusable_count++] = *sentence;
    *sentence = NULL;
    return V2S_OK;
}

static v2s_status make_scene(work *w, size_t index) {
    const v2s_synth_config *c = w->config;
    record *r = &w->records[index];
    const v2s_scene_plan plan = {
        .sounds = w->sounds,
        .split = r->split,
        .venue = &w->venues[r->room],
        .motion = r->motion,
        .noise = c->noise,
        .snr_low_db = c->snr_low_db,
        .snr_high_db = c->snr_high_db,
        .rate_hz = c->rate_hz,
        .duration_s = c->duration_s,
        .seed = v2s_rng_derive(c->seed, SEED_SCENES),
        .index = index,
    };
    v2s_synth_scene scene = {0};
    V2S_TRY(v2s_scene_make(&plan, &scene));
    v2s_status status = describe(w, &scene.stretch, r);
    if (status == V2S_OK)
        status = write_scene(w, index, &scene);
    r->drr_db = scene.drr_db;
    r->snr_db = scene.snr_db;
    pthread_mutex_lock(&w->lock);
    if (status == V2S_OK)
        status = keep_unusable(w, &scene.stretch.unusable);
    pthread_mutex_unlock(&w->lock);
    v2s_scene_release(&scene);
    return status;
}

// Takes scenes until there are none left or one has failed.
static void worker(void *ctx, int part, int parts) {
    (void)part;
    (void)parts;
    work *w = ctx;
    for (;;) {
        pthread_mutex_lock(&w->lock);
        bool over = w->status != V2S_OK || w->next == w->config->clips;
        size_t index = over ? 0 : w->next++;
        pthread_mutex_unlock(&w->lock);
        if (over)
            return;
        v2s_status status = v2s_cancel_check();
        if (status == V2S_OK)
            status = make_scene(w, index);
        pthread_mutex_lock(&w->lock);
        if (status != V2S_OK && w->status == V2S_OK) {
            w->status = status;
            v2s_error_save(w->error);
        }
        v2s_progress_update(&w->progress, (double)++w->done);
        pthread_mutex_unlock(&w->lock);
    }
}

// ---- manifest ---------------------------------------------------------------------------------

static v2s_status write_line(const work *w, size_t index, v2s_pairing pairing, v2s_file_out *f) {
    const record *r = &w->records[index];
    const v2s_venue *venue = &w->venues[r->room];
    char id[64], truth[64], dry[64], path[64], room[32], source[160];
    snprintf(id, sizeof id, "s%05zu-%s", index, v2s_pairing_name(pairing));
    snprintf(truth, sizeof truth, "foa/s%05zu.wav", index);
    snprintf(dry, sizeof dry, "dry/s%05zu.wav", index);
    snprintf(path, sizeof path, "traj/s%05zu.csv", index);
    snprintf(room, sizeof room, "r%04zu", r->room);
    int n = snprintf(source, sizeof source, "v2s-train synth, seed %llu, scene %zu: %s, %s",
                     (unsigned long long)w->config->seed, index, v2s_venue_kind_name(venue->kind),
                     v2s_motion_name(r->motion));
    if (w->config->noise && n > 0 && (size_t)n < sizeof source)
        snprintf(source + n, sizeof source - (size_t)n, ", noise %.1f dB below", r->snr_db);
    v2s_clip clip = {
        .id = id,
        .split = r->split,
        .pairing = pairing,
        .truth = truth,
        .dry = w->config->dry ? dry : NULL,
        .trajectory = path,
        .duration_s = w->config->duration_s,
        .layout = "ambix",
        .rt60_count = V2S_CLIP_BANDS,
        .drr_db = r->drr_db,
        .room = room,
        .sound = r->sound,
        .source = source,
        .licence = r->licence,
        .free_field = venue->kind == V2S_VENUE_FREE_FIELD || venue->kind == V2S_VENUE_OUTDOOR,
    };
    memcpy(clip.rt60_s, venue->rt60_s, sizeof clip.rt60_s);
    return v2s_manifest_write_clip(f, &clip);
}

static v2s_status write_manifest(const work *w) {
    char *path = NULL;
    v2s_file_out *f = NULL;
    V2S_TRY(v2s_file_out_sync_folder(w->config->folder)); // what it names is on the disk
    if (asprintf(&path, "%s/manifest.jsonl", w->config->folder) < 0)
        return no_memory();
    v2s_status status = v2s_file_out_open(path, &f);
    for (size_t i = 0; i < w->config->clips && status == V2S_OK; i++) {
        if (w->config->dry)
            status = write_line(w, i, V2S_PAIRING_DRY, f);
        if (w->config->omni && status == V2S_OK)
            status = write_line(w, i, V2S_PAIRING_OMNI, f);
    }
    if (status == V2S_OK)
        status = v2s_file_out_commit(f);
    v2s_file_out_close(&f);
    free(path);
    return status;
}

// ---- the whole --------------------------------------------------------------------------------

static void gather(const work *w, bool *used, v2s_synth_stats *stats) {
    *stats = (v2s_synth_stats){.drr_min_db = NAN, .drr_max_db = NAN};
    for (size_t i = 0; i < w->config->rooms; i++) {
        const double *t = w->venues[i].rt60_s;
        double mid_s = (t[BAND_500_HZ] + t[BAND_1K_HZ]) / 2;
        stats->rooms[w->venues[i].kind]++;
        if (mid_s > 0 && (stats->rt60_min_s == 0 || mid_s < stats->rt60_min_s))
            stats->rt60_min_s = mid_s;
        stats->rt60_max_s = fmax(stats->rt60_max_s, mid_s);
    }
    for (size_t i = 0; i < w->config->clips; i++) {
        const record *r = &w->records[i];
        stats->scenes[r->split]++;
        for (size_t k = 0; k < r->file_count; k++)
            used[r->files[k]] = true;
        if (r->drr_db >= V2S_SCENE_DRR_LIMIT_DB)
            continue;
        stats->drr_min_db = fmin(stats->drr_min_db, r->drr_db);
        stats->drr_max_db = fmax(stats->drr_max_db, r->drr_db);
    }
    for (size_t i = 0; i < w->sounds->count; i++)
        stats->sounds_used += used[i];
}

static void warn_unusable(work *w, v2s_run_log *log) {
    size_t different = 0;
    if (w->unusable_count > 0)
        qsort(w->unusable, w->unusable_count, sizeof *w->unusable, v2s_compare_texts);
    for (size_t i = 0; i < w->unusable_count; i++) {
        if (i > 0 && strcmp(w->unusable[i], w->unusable[i - 1]) == 0)
            continue;
        if (different++ < WARNINGS_SHOWN)
            v2s_run_log_warn(log, "%s (passed over)", w->unusable[i]);
    }
    if (different > WARNINGS_SHOWN)
        v2s_run_log_warn(log, "%zu more recordings passed over", different - WARNINGS_SHOWN);
}

// OK, or why not: nothing that was written counts then.
static v2s_status make_files(work *w) {
    const v2s_synth_config *c = w->config;
    V2S_TRY(open_folder(c));
    w->progress = v2s_progress_begin("synthesising", "scenes", (double)c->clips, c->quiet);
    v2s_parallel(c->threads, c->threads, worker, w);
    v2s_progress_end(&w->progress);
    if (w->status == V2S_OK)
        return write_manifest(w);
    v2s_error_restore(w->error);
    return w->status;
}

static v2s_status make_all(work *w) {
    const v2s_synth_config *c = w->config;
    struct stat info;
    V2S_TRY(v2s_sounds_split(w->sounds));
    V2S_TRY(deal(w));
    for (size_t i = 0; i < c->rooms; i++)
        v2s_venue_draw(v2s_rng_derive(c->seed, SEED_VENUES), i, c->open, &w->venues[i]);
    w->made_folder = stat(c->folder, &info) != 0;
    V2S_TRY(v2s_folder_make(c->folder, ""));
    v2s_status status = make_files(w);
    if (status != V2S_OK)
        remove_files(w);
    return status;
}

v2s_status v2s_synth_make(const v2s_synth_config *config, v2s_sounds *sounds, v2s_run_log *log,
                          v2s_synth_stats *stats) {
    work w = {.config = config, .sounds = sounds, .lock = PTHREAD_MUTEX_INITIALIZER};
    bool *used = calloc(sounds->count, sizeof *used);
    w.venues = calloc(config->rooms, sizeof *w.venues);
    w.records = calloc(config->clips, sizeof *w.records);
    v2s_status status = used && w.venues && w.records ? make_all(&w) : no_memory();
    if (status == V2S_OK) {
        warn_unusable(&w, log);
        gather(&w, used, stats);
    }
    for (size_t i = 0; w.records != NULL && i < config->clips; i++) {
        free(w.records[i].sound);
        free(w.records[i].licence);
    }
    for (size_t i = 0; i < w.unusable_count; i++)
        free(w.unusable[i]);
    free(w.unusable);
    free(w.records);
    free(w.venues);
    free(used);
    return status;
}
