// SPDX-License-Identifier: MIT
// v2s-train synth: sounds x rooms x motions -> manifest and files.
#include <math.h>
#include <string.h>

#include "infer/progress.h"
#include "train/settings.h"
#include "train/synth.h"

static v2s_status parse_motions(const v2s_synth_settings *s, v2s_synth_config *c) {
    // Sources stand still more often than they move in any one way.
    static const v2s_motion usual[] = {
        V2S_MOTION_STATIC,      V2S_MOTION_STATIC,   V2S_MOTION_STATIC,   V2S_MOTION_STATIC,
        V2S_MOTION_STATIC,      V2S_MOTION_STATIC,   V2S_MOTION_STATIC,   V2S_MOTION_LINEAR,
        V2S_MOTION_CIRCLE,      V2S_MOTION_PENDULUM, V2S_MOTION_APPROACH, V2S_MOTION_ZIGZAG,
        V2S_MOTION_RANDOM_WALK, V2S_MOTION_JUMP,
    };
    enum { MOST = sizeof c->motions / sizeof c->motions[0] };
    if (s->motions.count == 0) {
        memcpy(c->motions, usual, sizeof usual);
        c->motion_count = sizeof usual / sizeof usual[0];
        return V2S_OK;
    }
    if (s->motions.count > MOST)
        return V2S_FAIL(V2S_USAGE, "--motion: given %zu times, at most %d", s->motions.count, MOST);
    for (size_t i = 0; i < s->motions.count; i++) {
        int motion = 0;
        while (motion < V2S_MOTION_COUNT &&
               strcmp(s->motions.items[i], v2s_motion_name((v2s_motion)motion)) != 0)
            motion++;
        if (motion == V2S_MOTION_COUNT)
            return V2S_FAIL(V2S_USAGE,
                            "--motion: '%s' is not one of static, linear, circle, pendulum, "
                            "approach, zigzag, random-walk, jump",
                            s->motions.items[i]);
        c->motions[c->motion_count++] = (v2s_motion)motion;
    }
    return V2S_OK;
}

v2s_status v2s_synth_parse_noise(const char *text, bool *noise, double *low_db, double *high_db) {
    char low[32];
    const char *comma = strchr(text, ',');
    *noise = false;
    if (strcmp(text, "none") == 0)
        return V2S_OK;
    *noise = true;
    if (comma != NULL && (size_t)(comma - text) < sizeof low) {
        memcpy(low, text, (size_t)(comma - text));
        low[comma - text] = '\0';
        if (v2s_parse_number(low, low_db) && v2s_parse_number(comma + 1, high_db) &&
            *low_db <= *high_db && *low_db >= -60 && *high_db <= 200)
            return V2S_OK;
    }
    return V2S_FAIL(V2S_USAGE, "--noise: '%s' is not LO,HI in dB (-60 <= LO <= HI <= 200) or none",
                    text);
}

// Options that mean something in one task alone.
static v2s_status check_task(const v2s_synth_settings *s, int argc, char **argv) {
    static const char *const FOA_ONLY[] = {"sounds",  "licence", "duration", "rate",
                                           "pairing", "open",    "motion",   NULL},
                             *const DEPTH_ONLY[] = {"hrtf", "depth-size", NULL};
    bool depth = s->task == V2S_SYNTH_TASK_DEPTH;
    for (const char *const *name = depth ? FOA_ONLY : DEPTH_ONLY; *name != NULL; name++)
        if (v2s_options_given(&v2s_synth_command, argc - 2, argv + 2, *name))
            return V2S_FAIL(V2S_USAGE, "--%s: has no meaning with --task %s", *name,
                            depth ? "depth" : "foa");
    return V2S_OK;
}

static v2s_status configure(const v2s_synth_settings *s, v2s_synth_config *c) {
    if (s->output == NULL)
        return V2S_FAIL(V2S_USAGE, "no output: give -o FOLDER");
    if (s->sounds.count == 0)
        return V2S_FAIL(V2S_USAGE, "no sounds: give --sounds FOLDER (data/collect_sounds.sh "
                                   "collects free ones)");
    *c = (v2s_synth_config){
        .folder = s->output,
        .rooms = (size_t)s->rooms,
        .clips = (size_t)s->clips,
        .open = s->open,
        .dry = s->pairing != V2S_SYNTH_PAIRING_OMNI,
        .omni = s->pairing != V2S_SYNTH_PAIRING_DRY,
        .rate_hz = s->rate_hz,
        .duration_s = s->duration_s,
        .seed = (uint64_t)s->common.seed,
        .threads = v2s_train_threads(&s->common),
        .quiet = s->common.quiet,
    };
    if (c->rate_hz != floor(c->rate_hz))
        return V2S_FAIL(V2S_USAGE, "--rate: %g is not a whole number of Hz", c->rate_hz);
    V2S_TRY(parse_motions(s, c));
    return v2s_synth_parse_noise(s->noise, &c->noise, &c->snr_low_db, &c->snr_high_db);
}

static void report(const v2s_synth_config *c, const v2s_sounds *sounds, const v2s_synth_stats *t,
                   double wall_s, v2s_run_log *log) {
    double sound_s = c->duration_s * (double)c->clips;
    size_t dry =
        t->rooms[V2S_VENUE_BOOTH] + t->rooms[V2S_VENUE_OUTDOOR] + t->rooms[V2S_VENUE_FREE_FIELD];
    v2s_run_log_row(log, "scenes", "%zu: %zu train, %zu val, %zu test; %.1f minutes at %g Hz",
                    c->clips, t->scenes[V2S_SPLIT_TRAIN], t->scenes[V2S_SPLIT_VAL],
                    t->scenes[V2S_SPLIT_TEST], sound_s / 60, c->rate_hz);
    v2s_run_log_row(log, "rooms", "%zu, of which %zu booths, %zu outdoor, %zu free field", c->rooms,
                    t->rooms[V2S_VENUE_BOOTH], t->rooms[V2S_VENUE_OUTDOOR],
                    t->rooms[V2S_VENUE_FREE_FIELD]);
    v2s_run_log_row(log, "sounds", "%zu of %zu recordings heard, %zu duplicates left out",
                    t->sounds_used, sounds->count, sounds->duplicates);
    if (t->rt60_max_s > 0)
        v2s_run_log_row(log, "RT60", "%.2f to %.2f s (500 Hz to 1 kHz)", t->rt60_min_s,
                        t->rt60_max_s);
    if (isfinite(t->drr_min_db))
        v2s_run_log_row(log, "direct to reverb", "%.1f to %.1f dB", t->drr_min_db, t->drr_max_db);
    v2s_run_log_row(log, "time", "%.1f s: %.0f x real time", wall_s, sound_s / wall_s);
    v2s_run_log_row(log, "written", "%s/manifest.jsonl", c->folder);
    v2s_run_log_number(log, "scenes", (double)c->clips);
    v2s_run_log_number(log, "scenes_train", (double)t->scenes[V2S_SPLIT_TRAIN]);
    v2s_run_log_number(log, "scenes_val", (double)t->scenes[V2S_SPLIT_VAL]);
    v2s_run_log_number(log, "scenes_test", (double)t->scenes[V2S_SPLIT_TEST]);
    v2s_run_log_number(log, "minutes", sound_s / 60);
    v2s_run_log_number(log, "rate_hz", c->rate_hz);
    v2s_run_log_number(log, "rooms", (double)c->rooms);
    v2s_run_log_number(log, "rooms_dry", (double)dry);
    v2s_run_log_number(log, "sounds", (double)sounds->count);
    v2s_run_log_number(log, "sounds_used", (double)t->sounds_used);
    v2s_run_log_number(log, "sounds_duplicate", (double)sounds->duplicates);
    v2s_run_log_number(log, "rt60_min_s", t->rt60_min_s);
    v2s_run_log_number(log, "rt60_max_s", t->rt60_max_s);
    v2s_run_log_number(log, "drr_min_db", t->drr_min_db);
    v2s_run_log_number(log, "drr_max_db", t->drr_max_db);
    v2s_run_log_number(log, "wall_s", wall_s);
    v2s_run_log_number(log, "realtime", sound_s / wall_s);
}

v2s_status v2s_synth_run(const void *settings, int argc, char **argv) {
    const v2s_synth_settings *s = settings;
    v2s_synth_config config;
    v2s_synth_stats stats = {0};
    v2s_sounds sounds = {0};
    v2s_run_log log = {0};
    double started_s = v2s_now_s();
    V2S_TRY(check_task(s, argc, argv));
    if (s->task == V2S_SYNTH_TASK_DEPTH)
        return v2s_synth_depth_run(s);
    V2S_TRY(configure(s, &config));
    V2S_TRY(v2s_train_check_device(&s->common));
    v2s_status status;
    V2S_TRY_GOTO(status, v2s_run_log_open(&log, s->common.quiet, s->common.json), done);
    V2S_TRY_GOTO(status, v2s_sounds_scan(&s->sounds, s->licence, &sounds), done);
    V2S_TRY_GOTO(status, v2s_synth_make(&config, &sounds, &log, &stats), done);
    report(&config, &sounds, &stats, v2s_now_s() - started_s, &log);
    status = v2s_run_log_finish(&log);
done:
    v2s_sounds_free(&sounds);
    v2s_run_log_close(&log);
    return status;
}
