// SPDX-License-Identifier: MIT
// v2s-train synth --task depth: echoes and depth maps of simulated rooms.
#include <math.h>

#include "data/sofa.h"
#include "infer/progress.h"
#include "infer/run_log.h"
#include "train/echo_scene.h"
#include "train/settings.h"
#include "train/synth_depth.h"

static v2s_status configure(const v2s_synth_settings *s, v2s_synth_depth_config *c) {
    if (s->output == NULL)
        return V2S_FAIL(V2S_USAGE, "no output: give -o FOLDER");
    if (s->rooms < V2S_SYNTH_DEPTH_LEAST_ROOMS)
        return V2S_FAIL(V2S_USAGE,
                        "--rooms: %lld, expected at least %d (one for training, one for "
                        "validation, one for tests)",
                        (long long)s->rooms, V2S_SYNTH_DEPTH_LEAST_ROOMS);
    if (s->clips < s->rooms)
        return V2S_FAIL(V2S_USAGE, "--clips: %lld, expected at least one for each of --rooms %lld",
                        (long long)s->clips, (long long)s->rooms);
    *c = (v2s_synth_depth_config){
        .folder = s->output,
        .rooms = (size_t)s->rooms,
        .clips = (size_t)s->clips,
        .depth_size = (int)s->depth_size,
        .seed = (uint64_t)s->common.seed,
        .threads = v2s_train_threads(&s->common),
        .quiet = s->common.quiet,
    };
    return v2s_synth_parse_noise(s->noise, &c->noise, &c->snr_low_db, &c->snr_high_db);
}

static void report(const v2s_synth_depth_config *c, const v2s_hrtf *head,
                   const v2s_synth_depth_stats *t, double wall_s, v2s_run_log *log) {
    double clips = (double)c->clips;
    v2s_run_log_row(log, "samples", "%zu: %zu train, %zu val, %zu test", c->clips,
                    t->samples[V2S_SPLIT_TRAIN], t->samples[V2S_SPLIT_VAL],
                    t->samples[V2S_SPLIT_TEST]);
    v2s_run_log_row(log, "rooms",
                    "%zu: %zu train, %zu val, %zu test; %zu offices, %zu halls, "
                    "%zu corridors",
                    c->rooms, t->rooms[V2S_SPLIT_TRAIN], t->rooms[V2S_SPLIT_VAL],
                    t->rooms[V2S_SPLIT_TEST], t->places[V2S_DEPTH_OFFICE],
                    t->places[V2S_DEPTH_HALL], t->places[V2S_DEPTH_CORRIDOR]);
    v2s_run_log_row(log, "depth", "%d x %d, %.2f to %.2f m, mean %.2f m", c->depth_size,
                    c->depth_size, t->nearest_m, t->farthest_m, t->mean_m);
    v2s_run_log_row(log, "sound", "%d samples, %g Hz, 16 bits, 2 ears: %s", V2S_ECHO_SCENE_FRAMES,
                    V2S_ECHO_SCENE_RATE_HZ, head->title[0] != '\0' ? head->title : "SOFA file");
    v2s_run_log_row(log, "level", "peak %.2f dBFS, %zu sounds cut at full scale",
                    20 * log10(t->peak), t->clipped);
    v2s_run_log_row(log, "time", "%.1f s: %.1f ms a sample", wall_s, wall_s / clips * 1000);
    v2s_run_log_row(log, "written", "%s", c->folder);
    v2s_run_log_number(log, "samples", clips);
    v2s_run_log_number(log, "samples_train", (double)t->samples[V2S_SPLIT_TRAIN]);
    v2s_run_log_number(log, "samples_val", (double)t->samples[V2S_SPLIT_VAL]);
    v2s_run_log_number(log, "samples_test", (double)t->samples[V2S_SPLIT_TEST]);
    v2s_run_log_number(log, "rooms", (double)c->rooms);
    v2s_run_log_number(log, "rooms_train", (double)t->rooms[V2S_SPLIT_TRAIN]);
    v2s_run_log_number(log, "rooms_val", (double)t->rooms[V2S_SPLIT_VAL]);
    v2s_run_log_number(log, "rooms_test", (double)t->rooms[V2S_SPLIT_TEST]);
    v2s_run_log_number(log, "depth_size", c->depth_size);
    v2s_run_log_number(log, "depth_min_m", t->nearest_m);
    v2s_run_log_number(log, "depth_max_m", t->farthest_m);
    v2s_run_log_number(log, "depth_mean_m", t->mean_m);
    v2s_run_log_number(log, "peak", t->peak);
    v2s_run_log_number(log, "clipped", (double)t->clipped);
    v2s_run_log_number(log, "wall_s", wall_s);
}

v2s_status v2s_synth_depth_run(const v2s_synth_settings *s) {
    v2s_synth_depth_config config;
    v2s_synth_depth_stats stats = {0};
    v2s_hrtf head = {0};
    v2s_run_log log = {0};
    double started_s = v2s_now_s();
    V2S_TRY(configure(s, &config));
    V2S_TRY(v2s_train_check_device(&s->common));
    v2s_status status;
    V2S_TRY_GOTO(status, v2s_run_log_open(&log, s->common.quiet, s->common.json), done);
    V2S_TRY_GOTO(status, v2s_sofa_read(s->hrtf, &head), done);
    V2S_TRY_GOTO(status, v2s_synth_depth_make(&config, &head, &stats), done);
    report(&config, &head, &stats, v2s_now_s() - started_s, &log);
    status = v2s_run_log_finish(&log);
done:
    v2s_hrtf_free(&head);
    v2s_run_log_close(&log);
    return status;
}
