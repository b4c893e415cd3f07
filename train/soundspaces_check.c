// SPDX-License-Identifier: MIT
// Where the sources of SoundSpaces are, and whether the responses agree.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/array.h"
#include "train/soundspaces.h"

#define FLAG_DEG 30.0
#define LEAST_DISTANCE_M 0.2 // below, a delay tells no distance
#define NEAREST_M 0.5        // of the pairing `dry`
#define HIDDEN_DB 6.0

enum { NO_TURN = -1 };

static v2s_status no_memory(void) {
    return V2S_FAIL(V2S_NOMEM, "out of memory");
}

// ---- places -----------------------------------------------------------------------------------

static v2s_status read_places(v2s_soundspaces *j, const v2s_room_scene *s, v2s_places *places) {
    static const char *const names[] = {"points.txt", "point.txt"};
    const char *path;
    for (size_t i = 0; i < 2; i++) {
        V2S_TRY(v2s_prepare_path(j->p, &path, "%smetadata/%s/%s/%s", j->data, s->set, s->name,
                                 names[i]));
        if (!v2s_is_file(path))
            continue;
        bool usable;
        V2S_TRY(v2s_prepare_usable(j->p, path, &usable));
        if (!usable)
            return V2S_OK;
        v2s_status status = v2s_places_read(path, places);
        return status == V2S_OK ? V2S_OK : v2s_prepare_skip_error(j->p, path, status);
    }
    return V2S_OK;
}

static void place(v2s_response *r, const v2s_places *places) {
    const v2s_vec3 *receiver = v2s_places_at(places, r->receiver);
    const v2s_vec3 *source = v2s_places_at(places, r->source);
    double delay_m = (double)r->first.arrival / r->rate_hz * V2S_SPEED_OF_SOUND_M_S;
    if (receiver != NULL && source != NULL) {
        r->away = v2s_plus(*source, v2s_scaled(*receiver, -1));
        r->distance_m = v2s_norm(r->away);
        r->placed = r->distance_m > 0;
    }
    if (!r->placed)
        r->distance_m = delay_m >= LEAST_DISTANCE_M ? delay_m : 1;
}

v2s_status v2s_soundspaces_place(v2s_soundspaces *j) {
    size_t delays = 0, ones = 0;
    for (size_t i = 0; i < j->scene_count; i++) {
        const v2s_room_scene *s = &j->scenes[i];
        v2s_places places = {0};
        if (s->count == 0)
            continue;
        V2S_TRY(read_places(j, s, &places));
        for (size_t k = s->first; k < s->first + s->count; k++) {
            v2s_response *r = &j->responses[k];
            if (!r->usable)
                continue;
            place(r, &places);
            delays += !r->placed && r->distance_m != 1;
            ones += !r->placed && r->distance_m == 1;
        }
        v2s_places_free(&places);
    }
    if (delays + ones > 0)
        v2s_run_log_warn(j->p->log,
                         "%s: %zu responses without places in points.txt: the distance of %zu is "
                         "that of the first sound's delay, of %zu 1 m",
                         j->p->root, delays + ones, delays, ones);
    v2s_run_log_number(j->p->log, "distances_from_delay", (double)delays);
    v2s_run_log_number(j->p->log, "distances_unknown", (double)ones);
    return V2S_OK;
}

// ---- one data set -----------------------------------------------------------------------------

// Usable responses of a data set (and `placed` ones), one number each; returns how many.
static size_t collect(const v2s_soundspaces *j, const char *set, bool placed,
                      double (*number)(const v2s_response *r, int turn), int turn, double *values) {
    size_t n = 0;
    for (size_t i = 0; i < j->response_count; i++) {
        const v2s_response *r = &j->responses[i];
        if (r->usable && (r->placed || !placed) && strcmp(j->scenes[r->scene].set, set) == 0)
            values[n++] = number(r, turn);
    }
    return n;
}

static double angle_deg(const v2s_response *r, int turn) {
    return v2s_deg(v2s_angle_between_rad(r->first.unit, v2s_mesh_turned(r->away, turn)));
}

static double level(const v2s_response *r, int turn) {
    (void)turn;
    return r->first.gain * fmax(r->distance_m, NEAREST_M);
}

// A number of the JSON with the data set in its key.
static v2s_status note(v2s_soundspaces *j, const char *key, const char *set, double value) {
    const char *name;
    V2S_TRY(v2s_prepare_text(j->p, &name, "%s_%s", key, set));
    v2s_run_log_number(j->p->log, name, value);
    return V2S_OK;
}

// The turn of the axes that most responses agree with; NO_TURN where there is none, so that the
// places cannot tell which response is wrong.
static v2s_status find_turn(v2s_soundspaces *j, const char *set, double *values, int *turn) {
    double least = INFINITY;
    size_t n = 0;
    const char *key;
    for (int k = 0; k < V2S_MESH_TURNS; k++) {
        n = collect(j, set, true, angle_deg, k, values);
        double middle = n > 0 ? v2s_median(values, n) : INFINITY;
        if (middle < least) {
            least = middle;
            *turn = k;
        }
    }
    if (n == 0)
        return V2S_OK;
    V2S_TRY(v2s_prepare_text(j->p, &key, "axes_%s", set));
    v2s_run_log_text(j->p->log, key, v2s_mesh_turn_name[*turn]);
    V2S_TRY(note(j, "angle_median_deg", set, least));
    V2S_TRY(v2s_prepare_text(j->p, &key, "axes %s", set));
    v2s_run_log_row(j->p->log, key,
                    "front is %s of the mesh: %zu first sounds %.1f deg (median) from the places",
                    v2s_mesh_turn_name[*turn], n, least);
    if (least > FLAG_DEG) {
        v2s_run_log_warn(
            j->p->log,
            "%s: the first sounds of %s agree with the places for no turn of the axes: "
            "directions are those of the sounds, unchecked",
            j->p->root, set);
        *turn = NO_TURN;
    }
    return V2S_OK;
}

static v2s_status flag_responses(v2s_soundspaces *j, const char *set, int turn) {
    for (size_t i = 0; turn != NO_TURN && i < j->response_count; i++) {
        v2s_response *r = &j->responses[i];
        if (!r->usable || !r->placed || strcmp(j->scenes[r->scene].set, set) != 0)
            continue;
        double angle = angle_deg(r, turn);
        if (angle > FLAG_DEG)
            V2S_TRY(v2s_prepare_flag(j->p, r->path, angle, &r->flag,
                                     "direction: the first sound is %.0f deg from the source's "
                                     "place",
                                     angle));
    }
    return V2S_OK;
}

// One gain for all, and how many lie far from what it makes of them.
static v2s_status find_gain(v2s_soundspaces *j, const char *set, double *values, double *gain) {
    size_t n = collect(j, set, false, level, 0, values), hidden = 0;
    const char *label;
    if (n == 0)
        return V2S_OK;
    *gain = 1 / v2s_median(values, n);
    for (size_t i = 0; i < n; i++)
        hidden += !(fabs(20 * log10(fmax(values[i] * *gain, 1e-30))) <= HIDDEN_DB);
    V2S_TRY(v2s_prepare_text(j->p, &label, "level %s", set));
    v2s_run_log_row(j->p->log, label,
                    "%+.2f dB%s for 1/distance; %zu of %zu first sounds more than %g dB from it",
                    20 * log10(fabs(*gain)), *gain < 0 ? ", inverted," : "", hidden, n, HIDDEN_DB);
    V2S_TRY(note(j, "gain", set, *gain));
    return note(j, "first_sounds_off_level", set, (double)hidden);
}

static v2s_status check_set(v2s_soundspaces *j, const char *set, double *values) {
    int turn = 0;
    double gain = 1;
    V2S_TRY(find_turn(j, set, values, &turn));
    V2S_TRY(flag_responses(j, set, turn));
    V2S_TRY(find_gain(j, set, values, &gain));
    for (size_t i = 0; i < j->scene_count; i++)
        if (strcmp(j->scenes[i].set, set) == 0)
            j->scenes[i].gain = gain;
    return V2S_OK;
}

v2s_status v2s_soundspaces_check(v2s_soundspaces *j) {
    double *values = malloc((j->response_count + 1) * sizeof *values);
    v2s_status status = values == NULL ? no_memory() : V2S_OK;
    for (size_t i = 0; i < j->scene_count && status == V2S_OK; i++)
        if (i == 0 || strcmp(j->scenes[i].set, j->scenes[i - 1].set) != 0)
            status = check_set(j, j->scenes[i].set, values);
    free(values);
    return status;
}
