// SPDX-License-Identifier: MIT
#include "train/synth_depth.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/npy.h"
#include "data/sound_out.h"
#include "infer/progress.h"
#include "kernels/base/cancel.h"
#include "kernels/base/file_out.h"
#include "kernels/base/parallel.h"
#include "train/echo_scene.h"
#include "train/folder.h"

// Seeds of the independent parts.
enum { SEED_SPLITS = 11, SEED_PLACES, SEED_SAMPLES };

static const double SHARE = 0.15; // of the rooms, for validation and for tests

typedef struct record {
    double nearest_mm, farthest_mm, sum_mm, peak;
    bool clipped;
} record;

typedef struct work {
    const v2s_synth_depth_config *config;
    v2s_echo_head *head;
    v2s_split *splits;    // [rooms]
    record *records;      // [clips]
    bool made_folder;     // the folder did not exist before
    pthread_mutex_t lock; // of everything below
    size_t next, done;
    v2s_status status;
    char error[V2S_ERROR_TEXT_MAX];
    v2s_progress progress;
} work;

// What a thread needs for one sample after the other.
typedef struct bench {
    v2s_echo_maker *maker;
    v2s_world *world;
    uint16_t *mm;  // [depth_size, depth_size]
    float *stereo; // [V2S_ECHO_SCENE_FRAMES][2]
} bench;

static v2s_status no_memory(void) {
    return V2S_FAIL(V2S_NOMEM, "out of memory");
}

// ---- who gets what ----------------------------------------------------------------------------

static v2s_status deal(work *w) {
    size_t n = w->config->rooms, others = (size_t)fmax(1, round(SHARE * (double)n));
    size_t *order = malloc(n * sizeof *order);
    if (order == NULL)
        return no_memory();
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    v2s_rng rng = v2s_rng_open(w->config->seed, SEED_SPLITS);
    v2s_rng_shuffle(&rng, order, n);
    for (size_t i = 0; i < n; i++)
        w->splits[order[i]] = i < others       ? V2S_SPLIT_VAL
                              : i < 2 * others ? V2S_SPLIT_TEST
                                               : V2S_SPLIT_TRAIN;
    free(order);
    return V2S_OK;
}

// The samples of a room are first_of(room) .. first_of(room + 1) - 1.
static size_t first_of(const work *w, size_t room) {
    return (size_t)((unsigned __int128)room * w->config->clips / w->config->rooms);
}

static size_t room_of(const work *w, size_t index) {
    size_t room = (size_t)((unsigned __int128)index * w->config->rooms / w->config->clips);
    while (first_of(w, room + 1) <= index)
        room++;
    return room;
}

// ---- files ------------------------------------------------------------------------------------

enum { NAME_ROOM = 96 };

// "room0003/audio" and "audio_00017.wav"; kind "depth": "npy".
static void sample_folder(size_t room, const char *kind, char name[NAME_ROOM]) {
    snprintf(name, NAME_ROOM, "room%04zu%s%s", room, kind[0] != '\0' ? "/" : "", kind);
}

static void sample_file(size_t index, const char *kind, char name[NAME_ROOM]) {
    snprintf(name, NAME_ROOM, "%s_%05zu.%s", kind, index, kind[0] == 'a' ? "wav" : "npy");
}

static v2s_status sample_path(const work *w, size_t index, const char *kind, char **path) {
    char folder[NAME_ROOM], file[NAME_ROOM];
    sample_folder(room_of(w, index), kind, folder);
    sample_file(index, kind, file);
    if (asprintf(path, "%s/%s/%s", w->config->folder, folder, file) < 0) {
        *path = NULL;
        return no_memory();
    }
    return V2S_OK;
}

static v2s_status write_sound(const work *w, size_t index, const float *stereo) {
    char *path = NULL;
    v2s_sound_out *out = NULL;
    V2S_TRY(sample_path(w, index, "audio", &path));
    v2s_status status =
        v2s_sound_out_open(path, V2S_ECHO_SCENE_RATE_HZ, 2, V2S_S16, V2S_ECHO_SCENE_FRAMES, &out);
    if (status == V2S_OK) {
        v2s_sound_out_defer_sync(out);
        status = v2s_sound_out_write(out, stereo, V2S_ECHO_SCENE_FRAMES);
    }
    if (status == V2S_OK)
        status = v2s_sound_out_commit(out, NULL, NULL);
    v2s_sound_out_close(&out);
    free(path);
    return status;
}

static v2s_status write_depth(const work *w, size_t index, const uint16_t *mm) {
    char *path = NULL;
    size_t size = (size_t)w->config->depth_size;
    V2S_TRY(sample_path(w, index, "depth", &path));
    v2s_status status = v2s_npy_write_u16(path, 2, (const size_t[]){size, size}, mm);
    free(path);
    return status;
}

static void csv_name(size_t room, int split, char name[NAME_ROOM]) {
    snprintf(name, NAME_ROOM, "room%04zu/%s.csv", room, v2s_split_name((v2s_split)split));
}

static v2s_status write_csv(const work *w, size_t room, int split) {
    char name[NAME_ROOM], audio[NAME_ROOM], depth[NAME_ROOM], folders[2][NAME_ROOM], *path = NULL;
    v2s_file_out *f = NULL;
    csv_name(room, split, name);
    sample_folder(room, "depth", folders[0]);
    sample_folder(room, "audio", folders[1]);
    if (asprintf(&path, "%s/%s", w->config->folder, name) < 0)
        return no_memory();
    v2s_status status = v2s_file_out_open(path, &f);
    free(path);
    V2S_TRY(status);
    v2s_file_out_defer_sync(f);
    v2s_file_out_printf(f, "depth path,depth file name,audio path,audio file name\n");
    bool own = w->splits[room] == (v2s_split)split;
    for (size_t i = first_of(w, room); own && i < first_of(w, room + 1); i++) {
        sample_file(i, "depth", depth);
        sample_file(i, "audio", audio);
        v2s_file_out_printf(f, "%s,%s,%s,%s\n", folders[0], depth, folders[1], audio);
    }
    status = v2s_file_out_commit(f);
    v2s_file_out_close(&f);
    return status;
}

// What the lists name is on the disk before they are, and they are when the work is said to be
// done.
static v2s_status write_lists(const work *w) {
    V2S_TRY(v2s_file_out_sync_folder(w->config->folder));
    for (size_t room = 0; room < w->config->rooms; room++)
        for (int s = 0; s < V2S_SPLIT_COUNT; s++)
            V2S_TRY(write_csv(w, room, s));
    return v2s_file_out_sync_folder(w->config->folder);
}

static void remove_lists(const char *folder, const char *room) {
    for (int s = 0; s < V2S_SPLIT_COUNT; s++) {
        char *below = NULL;
        if (asprintf(&below, "%s/%s.csv", room, v2s_split_name((v2s_split)s)) >= 0)
            v2s_folder_remove(folder, below, unlink);
        free(below);
    }
}

// Lists of an earlier run would name files that this one replaces, or put a room into two splits.
static void remove_earlier_lists(const char *folder) {
    DIR *list = opendir(folder);
    for (const struct dirent *e; list != NULL && (e = readdir(list)) != NULL;)
        if (strncmp(e->d_name, "room", 4) == 0 && e->d_name[4] != '\0' &&
            strspn(e->d_name + 4, "0123456789") == strlen(e->d_name + 4))
            remove_lists(folder, e->d_name);
    if (list != NULL)
        closedir(list);
}

static v2s_status open_folder(const work *w) {
    static const char *const KINDS[] = {"", "audio", "depth"};
    const char *folder = w->config->folder;
    remove_earlier_lists(folder);
    for (size_t room = 0; room < w->config->rooms; room++)
        for (int k = 0; k < 3; k++) {
            char name[NAME_ROOM];
            sample_folder(room, KINDS[k], name);
            V2S_TRY(v2s_folder_make(folder, name));
        }
    return V2S_OK;
}

// Everything that this run wrote, and the folders that are empty then.
static void remove_files(const work *w) {
    static const char *const KINDS[] = {"audio", "depth", ""};
    const char *folder = w->config->folder;
    for (size_t i = 0; i < w->next && i < w->config->clips; i++)
        for (int k = 0; k < 2; k++) {
            char *path = NULL;
            if (sample_path(w, i, KINDS[k], &path) == V2S_OK)
                unlink(path);
            free(path);
        }
    for (size_t room = 0; room < w->config->rooms; room++) {
        char name[NAME_ROOM];
        sample_folder(room, "", name);
        remove_lists(folder, name);
        for (int k = 0; k < 3; k++) {
            sample_folder(room, KINDS[k], name);
            v2s_folder_remove(folder, name, rmdir);
        }
    }
    if (w->made_folder)
        rmdir(folder);
}

// ---- samples ----------------------------------------------------------------------------------

static v2s_status bench_open(const work *w, bench *b) {
    size_t size = (size_t)w->config->depth_size;
    b->world = malloc(sizeof *b->world);
    b->mm = malloc(size * size * sizeof *b->mm);
    b->stereo = malloc(2 * V2S_ECHO_SCENE_FRAMES * sizeof *b->stereo);
    if (b->world == NULL || b->mm == NULL || b->stereo == NULL)
        return no_memory();
    return v2s_echo_maker_open(w->head, &b->maker);
}

static void bench_close(bench *b) {
    v2s_echo_maker_close(&b->maker);
    free(b->world);
    free(b->mm);
    free(b->stereo);
}

static void note_depth(const v2s_synth_depth_config *c, const uint16_t *mm, record *r) {
    r->nearest_mm = r->farthest_mm = mm[0];
    for (int i = 0; i < c->depth_size * c->depth_size; i++) {
        r->nearest_mm = fmin(r->nearest_mm, mm[i]);
        r->farthest_mm = fmax(r->farthest_mm, mm[i]);
        r->sum_mm += mm[i];
    }
}

static v2s_status make_sample(work *w, bench *b, size_t index) {
    const v2s_synth_depth_config *c = w->config;
    record *r = &w->records[index];
    v2s_rng rng = v2s_rng_open(v2s_rng_derive(c->seed, SEED_SAMPLES), index);
    v2s_depth_rig rig;
    v2s_echo_stats stats;
    size_t room = room_of(w, index);
    v2s_depth_place_draw(v2s_rng_derive(c->seed, SEED_PLACES), room, b->world);
    if (!v2s_depth_rig_draw(b->world, &rng, &rig))
        return V2S_FAIL(V2S_NUMERIC, "room %zu of seed %llu: no place for a camera found", room,
                        (unsigned long long)c->seed);
    double snr_db = c->noise ? v2s_rng_between(&rng, c->snr_low_db, c->snr_high_db) : INFINITY;
    v2s_depth_map_draw(b->world, &rig, c->depth_size, b->mm);
    v2s_echo_make(b->maker, b->world, &rig, V2S_ECHO_SCENE_RAYS, snr_db, &rng, b->stereo, &stats);
    note_depth(c, b->mm, r);
    r->peak = stats.peak;
    r->clipped = stats.clipped > 0;
    V2S_TRY(write_depth(w, index, b->mm));
    return write_sound(w, index, b->stereo);
}

// The next sample, or false where there is none left or one has failed.
static bool take(work *w, size_t *index) {
    pthread_mutex_lock(&w->lock);
    bool more = w->status == V2S_OK && w->next < w->config->clips;
    if (more)
        *index = w->next++;
    pthread_mutex_unlock(&w->lock);
    return more;
}

static void report(work *w, v2s_status status, size_t done) {
    pthread_mutex_lock(&w->lock);
    if (status != V2S_OK && w->status == V2S_OK) {
        w->status = status;
        v2s_error_save(w->error);
    }
    w->done += done;
    v2s_progress_update(&w->progress, (double)w->done);
    pthread_mutex_unlock(&w->lock);
}

static void worker(void *ctx, int part, int parts) {
    (void)part;
    (void)parts;
    work *w = ctx;
    bench b = {0};
    v2s_status status = bench_open(w, &b);
    if (status != V2S_OK)
        report(w, status, 0);
    for (size_t index; status == V2S_OK && take(w, &index);) {
        status = v2s_cancel_check();
        if (status == V2S_OK)
            status = make_sample(w, &b, index);
        report(w, status, 1);
    }
    bench_close(&b);
}

// ---- the whole --------------------------------------------------------------------------------

static void gather(const work *w, v2s_synth_depth_stats *stats) {
    const v2s_synth_depth_config *c = w->config;
    double pixels = (double)c->depth_size * c->depth_size;
    *stats = (v2s_synth_depth_stats){.nearest_m = INFINITY};
    v2s_world world;
    for (size_t room = 0; room < c->rooms; room++) {
        stats->rooms[w->splits[room]]++;
        stats->samples[w->splits[room]] += first_of(w, room + 1) - first_of(w, room);
        stats->places[v2s_depth_place_draw(v2s_rng_derive(c->seed, SEED_PLACES), room, &world)]++;
    }
    for (size_t i = 0; i < c->clips; i++) {
        const record *r = &w->records[i];
        stats->nearest_m = fmin(stats->nearest_m, r->nearest_mm / 1000);
        stats->farthest_m = fmax(stats->farthest_m, r->farthest_mm / 1000);
        stats->mean_m += r->sum_mm / 1000 / pixels / (double)c->clips;
        stats->peak = fmax(stats->peak, r->peak);
        stats->clipped += r->clipped;
    }
}

// OK, or why not: nothing that was written counts then.
static v2s_status make_files(work *w) {
    const v2s_synth_depth_config *c = w->config;
    V2S_TRY(open_folder(w));
    w->progress = v2s_progress_begin("synthesising", "samples", (double)c->clips, c->quiet);
    v2s_parallel(c->threads, c->threads, worker, w);
    v2s_progress_end(&w->progress);
    if (w->status == V2S_OK)
        return write_lists(w);
    v2s_error_restore(w->error);
    return w->status;
}

static v2s_status make_all(work *w) {
    struct stat info;
    V2S_TRY(deal(w));
    w->made_folder = stat(w->config->folder, &info) != 0;
    V2S_TRY(v2s_folder_make(w->config->folder, ""));
    v2s_status status = make_files(w);
    if (status != V2S_OK)
        remove_files(w);
    return status;
}

v2s_status v2s_synth_depth_make(const v2s_synth_depth_config *config, const v2s_hrtf *hrtf,
                                v2s_synth_depth_stats *stats) {
    work w = {.config = config, .lock = PTHREAD_MUTEX_INITIALIZER};
    V2S_TRY(v2s_echo_head_open(hrtf, V2S_ECHO_SCENE_RATE_HZ, &w.head));
    w.splits = calloc(config->rooms, sizeof *w.splits);
    w.records = calloc(config->clips, sizeof *w.records);
    v2s_status status = w.splits && w.records ? make_all(&w) : no_memory();
    if (status == V2S_OK)
        gather(&w, stats);
    free(w.records);
    free(w.splits);
    v2s_echo_head_close(&w.head);
    return status;
}
