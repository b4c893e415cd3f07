// SPDX-License-Identifier: MIT
#include "train/scene.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/trajectory_csv.h"
#include "spatial/encoder.h"

enum { FOA = V2S_FOA_CHANNELS };

static const double LEVEL_LOW_DB = -45, LEVEL_HIGH_DB = -22, PEAK_LIMIT = 0.9;
static const double SELF_NOISE_LOW = 0.02, SELF_NOISE_HIGH = 0.5;

// Independent streams of one scene.
enum { STREAM_SOUND, STREAM_PLACE, STREAM_MOTION, STREAM_NOISE };

static v2s_status no_memory(void) {
    return V2S_FAIL(V2S_NOMEM, "out of memory");
}

size_t v2s_scene_frames(double rate_hz, double duration_s) {
    return (size_t)llround(rate_hz * duration_s);
}

void v2s_scene_release(v2s_synth_scene *scene) {
    free(scene->dry);
    free(scene->truth);
    free(scene->stretch.unusable);
    v2s_trajectory_free(&scene->path);
    *scene = (v2s_synth_scene){0};
}

static v2s_rng stream(const v2s_scene_plan *plan, uint64_t number) {
    return v2s_rng_open(v2s_rng_derive(plan->seed, plan->index), number);
}

// ---- sound ------------------------------------------------------------------------------------

static v2s_status draw_sound(const v2s_scene_plan *plan, v2s_synth_scene *s) {
    v2s_rng rng = stream(plan, STREAM_SOUND);
    V2S_TRY(v2s_stretch_draw(plan->sounds, plan->split, plan->rate_hz, s->frames, &rng, s->dry,
                             &s->stretch));
    s->level_db = v2s_rng_between(&rng, LEVEL_LOW_DB, LEVEL_HIGH_DB);
    double active = v2s_active_rms(s->dry, s->frames, plan->rate_hz);
    float gain = (float)(pow(10, s->level_db / 20) / active);
    for (size_t i = 0; i < s->frames; i++)
        s->dry[i] *= gain;
    return V2S_OK;
}

// Mean square of W.
static double power_of_w(const float *foa, size_t frames) {
    double sum = 0;
    for (size_t i = 0; i < frames; i++)
        sum += (double)foa[FOA * i] * foa[FOA * i];
    return sum / (double)frames;
}

// ---- direct sound and reflections -------------------------------------------------------------

// The truth holds the reflections so far.
static v2s_status add_direct(const v2s_scene_plan *plan, v2s_synth_scene *s) {
    const v2s_encoder_config config = {
        .order = 1,
        .rate_hz = plan->rate_hz,
        .min_distance_m = plan->venue->room.min_distance_m,
        .trajectory = &s->path,
    };
    v2s_encoder *encoder = NULL;
    float *direct = calloc(s->frames * FOA, sizeof *direct);
    v2s_status status = direct != NULL ? v2s_encoder_open(&config, &encoder) : no_memory();
    if (status == V2S_OK)
        status = v2s_encoder_process(encoder, s->dry, s->frames, direct);
    if (status == V2S_OK) {
        double ratio = power_of_w(direct, s->frames) / power_of_w(s->truth, s->frames);
        s->drr_db = fmin(V2S_SCENE_DRR_LIMIT_DB, 10 * log10(ratio));
        for (size_t i = 0; i < s->frames * FOA; i++)
            s->truth[i] += direct[i];
    }
    v2s_encoder_close(&encoder);
    free(direct);
    return status;
}

// Adds the reflections of mono[frames] to out[frames][4].
static v2s_status add_reflections_of(const v2s_room_renderer_config *config, const float *mono,
                                     size_t frames, float *out) {
    v2s_room_renderer *renderer = NULL;
    V2S_TRY(v2s_room_renderer_open(config, &renderer));
    v2s_status status = v2s_room_renderer_add(renderer, mono, frames, out);
    v2s_room_renderer_close(&renderer);
    return status;
}

// A jump: every place has its own share of the sound, faded over the time of the jump, and rings
// on while the next one begins.
static v2s_status add_places(const v2s_scene_plan *plan, const v2s_synth_scene *s,
                             const v2s_motion_path *motion, v2s_room_renderer_config config,
                             float *out) {
    float *part = malloc(s->frames * sizeof *part);
    if (part == NULL)
        return no_memory();
    v2s_status status = V2S_OK;
    double half_s = V2S_MOTION_JUMP_S / 2;
    for (size_t p = 0; p < motion->places && status == V2S_OK; p++) {
        double from_s = motion->start_s[p];
        double to_s = p + 1 < motion->places ? motion->start_s[p + 1] : 2 * plan->duration_s + 1;
        for (size_t i = 0; i < s->frames; i++) {
            double t = (double)i / plan->rate_hz;
            double up = p == 0 ? 1 : fmin(1, fmax(0, (t - from_s + half_s) / (2 * half_s)));
            double down = fmin(1, fmax(0, (t - to_s + half_s) / (2 * half_s)));
            part[i] = (float)(up - down) * s->dry[i];
        }
        v2s_trajectory place = {.count = 1, .points = &motion->path.points[2 * p]};
        config.trajectory = &place;
        status = add_reflections_of(&config, part, s->frames, out);
    }
    free(part);
    return status;
}

// Axes of the room -> of the head: directions turn by -yaw.
static void turn(double yaw_rad, size_t frames, float *foa) {
    float c = (float)cos(yaw_rad), sine = (float)sin(yaw_rad);
    for (size_t i = 0; i < frames; i++) {
        float *f = foa + i * FOA, y = f[V2S_ACN_Y], x = f[V2S_ACN_X];
        f[V2S_ACN_X] = c * x + sine * y;
        f[V2S_ACN_Y] = c * y - sine * x;
    }
}

static v2s_status add_room(const v2s_scene_plan *plan, const v2s_venue *venue,
                           const v2s_motion_path *motion, v2s_synth_scene *s) {
    if (venue->kind == V2S_VENUE_FREE_FIELD)
        return V2S_OK;
    v2s_room_renderer_config config = {
        .room = venue->room,
        .rate_hz = plan->rate_hz,
        .trajectory = &motion->path,
    };
    // The tail differs from scene to scene of a room, as it does between places in it.
    config.room.seed = v2s_rng_derive(venue->room.seed, plan->index);
    if (motion->places > 1)
        return add_places(plan, s, motion, config, s->truth);
    return add_reflections_of(&config, s->dry, s->frames, s->truth);
}

// ---- level and noise --------------------------------------------------------------------------

static float peak_of(const float *samples, size_t count, float peak) {
    for (size_t i = 0; i < count; i++) {
        float x = fabsf(samples[i]);
        peak = x > peak ? x : peak;
    }
    return peak;
}

// Files hold no more than full scale: the source of a scene that would pass it was quieter.
static void limit_peak(v2s_synth_scene *s) {
    float peak = peak_of(s->truth, s->frames * FOA, peak_of(s->dry, s->frames, 0));
    if (peak <= (float)PEAK_LIMIT)
        return;
    float gain = (float)PEAK_LIMIT / peak;
    for (size_t i = 0; i < s->frames; i++)
        s->dry[i] *= gain;
    for (size_t i = 0; i < s->frames * FOA; i++)
        s->truth[i] *= gain;
    s->level_db += 20 * log10((double)gain);
}

static void add_noise(const v2s_scene_plan *plan, v2s_synth_scene *s) {
    s->snr_db = NAN;
    if (!plan->noise)
        return;
    v2s_rng rng = stream(plan, STREAM_NOISE);
    s->snr_db = v2s_rng_between(&rng, plan->snr_low_db, plan->snr_high_db);
    double power = power_of_w(s->truth, s->frames) * pow(10, -s->snr_db / 10);
    double self =
        SELF_NOISE_LOW * exp(v2s_rng_uniform(&rng) * log(SELF_NOISE_HIGH / SELF_NOISE_LOW));
    v2s_ambience_colour colour =
        (v2s_ambience_colour)v2s_rng_below(&rng, V2S_AMBIENCE_COLOUR_COUNT);
    v2s_ambience_add(colour, power * (1 - self), power * self, plan->rate_hz, s->frames, &rng,
                     s->truth);
}

// ---- the scene --------------------------------------------------------------------------------

static v2s_status draw_path(const v2s_scene_plan *plan, v2s_venue *venue, v2s_motion_path *motion,
                            v2s_synth_scene *s) {
    v2s_rng place = stream(plan, STREAM_PLACE), way = stream(plan, STREAM_MOTION);
    v2s_motion_space space;
    v2s_venue_listener(venue, &place, &space);
    s->yaw_rad = v2s_rng_between(&place, -V2S_PI, V2S_PI);
    V2S_TRY(v2s_motion_draw(plan->motion, &space, plan->duration_s, &way, motion));
    s->path = motion->path;
    s->path.points = malloc(motion->path.count * sizeof *s->path.points);
    if (s->path.points == NULL)
        return no_memory();
    double c = cos(s->yaw_rad), sine = sin(s->yaw_rad);
    for (size_t i = 0; i < s->path.count; i++) {
        v2s_point point = motion->path.points[i];
        v2s_vec3 u = point.unit;
        point.unit = (v2s_vec3){c * u.x + sine * u.y, c * u.y - sine * u.x, u.z};
        s->path.points[i] = point;
    }
    v2s_trajectory_quantise(&s->path);
    return V2S_OK;
}

static v2s_status fill(const v2s_scene_plan *plan, v2s_motion_path *motion, v2s_synth_scene *s) {
    v2s_venue venue = *plan->venue; // the listener's place is the scene's own
    s->dry = calloc(s->frames, sizeof *s->dry);
    s->truth = calloc(s->frames * FOA, sizeof *s->truth);
    if (s->dry == NULL || s->truth == NULL)
        return no_memory();
    V2S_TRY(draw_path(plan, &venue, motion, s));
    V2S_TRY(draw_sound(plan, s));
    V2S_TRY(add_room(plan, &venue, motion, s));
    turn(s->yaw_rad, s->frames, s->truth);
    V2S_TRY(add_direct(plan, s));
    add_noise(plan, s);
    limit_peak(s);
    return V2S_OK;
}

v2s_status v2s_scene_make(const v2s_scene_plan *plan, v2s_synth_scene *scene) {
    v2s_synth_scene made = {.frames = v2s_scene_frames(plan->rate_hz, plan->duration_s)};
    v2s_motion_path motion = {0};
    v2s_status status = fill(plan, &motion, &made);
    v2s_trajectory_free(&motion.path);
    if (status == V2S_OK)
        *scene = made;
    else
        v2s_scene_release(&made);
    return status;
}
