// SPDX-License-Identifier: MIT
#include "infer/compare_ablation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/encoder.h"
#include "spatial/smoother.h"

enum { BLOCK_FRAMES = 1024, C = V2S_FOA_CHANNELS };

#define MIN_DISTANCE_M 0.5 // as in data/pair.h
#define AHEAD_S 0.2        // of the filters' latencies, read besides the longest delay
#define BIT(component) (1u << (component))

// ---- the list ---------------------------------------------------------------------------------

const char *v2s_component_name(v2s_component component) {
    static const char *const names[V2S_COMPONENT_COUNT] = {"doppler",   "air",     "depth",
                                                           "smoothing", "refiner", "conditioning"};
    return names[component];
}

static v2s_component_set named(const char *word) {
    if (strcmp(word, "all") == 0)
        return BIT(V2S_COMPONENT_COUNT) - 1;
    for (int i = 0; i < V2S_COMPONENT_COUNT; i++)
        if (strcmp(word, v2s_component_name((v2s_component)i)) == 0)
            return BIT(i);
    return 0;
}

v2s_status v2s_components_parse(const char *list, v2s_component_set *set) {
    char *copy = strdup(list), *rest = copy, *word;
    v2s_component_set found = 0;
    v2s_status status = copy != NULL ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
    while (status == V2S_OK && (word = strsep(&rest, ",")) != NULL) {
        v2s_component_set one = named(word);
        if (one == 0)
            status = V2S_FAIL(V2S_USAGE,
                              "--without: '%.40s' is none of doppler, air, depth, smoothing, "
                              "refiner, conditioning, all",
                              word);
        found |= one;
    }
    free(copy);
    if (status == V2S_OK)
        *set = found;
    return status;
}

const char *v2s_component_absent(v2s_component component, v2s_pairing pairing,
                                 const v2s_clip_refiner *refiner) {
    bool of_refiner = component == V2S_COMPONENT_REFINER || component == V2S_COMPONENT_CONDITIONING;
    if (of_refiner && refiner == NULL)
        return "there is no --refiner";
    if (component == V2S_COMPONENT_CONDITIONING &&
        !v2s_clip_refiner_has(refiner, V2S_CLIP_UNCONDITIONED))
        return "this refiner hears the sound alone";
    if (pairing != V2S_PAIRING_DRY && !of_refiner && component != V2S_COMPONENT_SMOOTHING)
        return "the sound of these pairs is the recording's own";
    return NULL;
}

static v2s_status add_system(v2s_systems *s, const char *name, v2s_component_set without,
                             v2s_clip_refiner *refiner) {
    V2S_TRY(v2s_systems_add(s, V2S_SYSTEM_ABLATION, name, refiner));
    s->items[s->count - 1].without = without;
    return V2S_OK;
}

v2s_status v2s_ablation_systems(v2s_systems *s, v2s_component_set list, v2s_pairing pairing,
                                v2s_clip_refiner *refiner) {
    v2s_component_set there = 0;
    size_t full = s->count, count = 0;
    const char *why = NULL;
    V2S_TRY(add_system(s, "full", 0, refiner));
    for (int i = 0; i < V2S_COMPONENT_COUNT; i++) {
        char name[V2S_SYSTEM_NAME_MAX];
        const char *absent = v2s_component_absent((v2s_component)i, pairing, refiner);
        if ((list & BIT(i)) == 0)
            continue;
        if (absent != NULL) {
            why = absent;
            continue;
        }
        snprintf(name, sizeof name, "without_%s", v2s_component_name((v2s_component)i));
        V2S_TRY(add_system(s, name, BIT(i), refiner));
        there |= BIT(i);
        count++;
    }
    if (count == 0)
        return V2S_FAIL(V2S_USAGE, "--without: nothing of it is there to be left out: %s", why);
    if (count > 1)
        V2S_TRY(add_system(s, "minimal", there, refiner));
    for (size_t i = full + 1; i < s->count; i++)
        V2S_TRY(v2s_systems_add_contrast(s, i, full));
    return V2S_OK;
}

// ---- the path ---------------------------------------------------------------------------------

struct v2s_ablation {
    const v2s_clip *clip;
    const v2s_pair *pair;
    float *mono; // [frames]: the sound of the source, longer than the clip where it is known
    size_t frames;
    v2s_trajectory smooth;
};

static v2s_status smooth_path(const v2s_trajectory *path, v2s_trajectory *smooth) {
    v2s_smoother_config config = v2s_smoother_default();
    v2s_observation *seen = malloc(path->count * sizeof *seen);
    if (seen == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < path->count; i++) {
        const v2s_point *p = &path->points[i];
        double d = p->distance_m;
        seen[i] = (v2s_observation){
            p->time_s, {d * p->unit.x, d * p->unit.y, d * p->unit.z}, p->confidence, true};
    }
    v2s_status status = v2s_smooth(seen, path->count, &config, smooth);
    free(seen);
    return status;
}

// Of the distance, which is linear between the points and held outside, over 0 .. end_s.
static double mean_distance_m(const v2s_trajectory *path, double end_s) {
    size_t cursor = 0;
    double sum = 0, at_s = 0, at_m = v2s_trajectory_at(path, 0, &cursor).distance_m;
    for (size_t i = 0; i <= path->count; i++) {
        double to_s = i < path->count ? fmin(path->points[i].time_s, end_s) : end_s;
        if (to_s <= at_s)
            continue;
        double to_m = v2s_trajectory_at(path, to_s, &cursor).distance_m;
        sum += (to_s - at_s) * (at_m + to_m) / 2;
        at_s = to_s;
        at_m = to_m;
    }
    return end_s > 0 ? sum / end_s : at_m;
}

static v2s_status copy_path(const v2s_trajectory *path, v2s_trajectory *copy) {
    *copy = *path;
    copy->points = malloc(path->count * sizeof *copy->points);
    if (copy->points == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    memcpy(copy->points, path->points, path->count * sizeof *copy->points);
    return V2S_OK;
}

static void hold_distance(v2s_trajectory *path, double distance_m) {
    for (size_t i = 0; i < path->count; i++)
        path->points[i].distance_m = distance_m;
}

// ---- the sound --------------------------------------------------------------------------------

// A source that comes nearer is heard ahead of the pair's clock, so the dry sound is read as far
// beyond the clip's end as the longest path is late.
static v2s_status read_dry(v2s_ablation *a) {
    v2s_clip longer = *a->clip;
    v2s_pair pair = *a->pair;
    double far_m = v2s_trajectory_summary(&a->pair->path).distance_max_m;
    double ahead_s = fmin(far_m, V2S_ENCODER_MAX_DOPPLER_M) / V2S_SPEED_OF_SOUND_M_S + AHEAD_S;
    if (longer.duration_s > 0)
        longer.duration_s += ahead_s;
    pair.frames += (size_t)ceil(ahead_s * pair.rate_hz);
    a->frames = pair.frames;
    return v2s_pair_dry(&longer, &pair, &a->mono);
}

static v2s_status copy_w(v2s_ablation *a) {
    a->frames = a->pair->frames;
    a->mono = malloc((a->frames + 1) * sizeof *a->mono);
    if (a->mono == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < a->frames; i++)
        a->mono[i] = a->pair->geometric[i * C];
    return V2S_OK;
}

v2s_status v2s_ablation_open(const v2s_clip *clip, const v2s_pair *pair, v2s_ablation **ablation) {
    v2s_ablation *a = calloc(1, sizeof *a);
    if (a == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    a->clip = clip;
    a->pair = pair;
    v2s_status status = clip->pairing == V2S_PAIRING_DRY ? read_dry(a) : copy_w(a);
    if (status == V2S_OK) {
        status = smooth_path(&pair->path, &a->smooth);
        if (status != V2S_OK)
            v2s_error_prefix(status, "%s",
                             clip->trajectory != NULL ? clip->trajectory : clip->truth);
    }
    if (status != V2S_OK) {
        v2s_ablation_close(&a);
        return status;
    }
    *ablation = a;
    return V2S_OK;
}

void v2s_ablation_close(v2s_ablation **ablation) {
    v2s_ablation *a = *ablation;
    if (a == NULL)
        return;
    free(a->mono);
    v2s_trajectory_free(&a->smooth);
    free(a);
    *ablation = NULL;
}

// out = the encoder's output from its latency on; block [BLOCK_FRAMES][4].
static v2s_status encode(const v2s_ablation *a, v2s_encoder *e, float *block, float *out) {
    size_t drop = v2s_encoder_latency_frames(e), total = a->pair->frames + drop;
    float mono[BLOCK_FRAMES];
    for (size_t at = 0; at < total;) {
        size_t n = total - at < BLOCK_FRAMES ? total - at : BLOCK_FRAMES;
        size_t skip = at < drop ? drop - at : 0;
        for (size_t i = 0; i < n; i++)
            mono[i] = at + i < a->frames ? a->mono[at + i] : 0;
        memset(block, 0, n * C * sizeof *block);
        V2S_TRY(v2s_encoder_process(e, mono, n, block));
        if (skip < n)
            memcpy(out + (at + skip - drop) * C, block + skip * C, (n - skip) * C * sizeof *out);
        at += n;
    }
    return V2S_OK;
}

static v2s_status make_geometric(const v2s_ablation *a, v2s_component_set without,
                                 const v2s_trajectory *path, float *out) {
    bool dry = a->clip->pairing == V2S_PAIRING_DRY;
    v2s_encoder_config config = {.order = 1,
                                 .rate_hz = a->pair->rate_hz,
                                 .min_distance_m = MIN_DISTANCE_M,
                                 .doppler = dry && (without & BIT(V2S_COMPONENT_DOPPLER)) == 0,
                                 .air = dry && (without & BIT(V2S_COMPONENT_AIR)) == 0,
                                 .air_conditions = v2s_air_default(),
                                 .trajectory = path};
    v2s_distance_piece piece = {0};
    double slope_m_s;
    v2s_encoder *e = NULL;
    if (config.doppler)
        config.origin_m = v2s_trajectory_smooth_distance(path, 0, &piece, &slope_m_s);
    V2S_TRY(v2s_encoder_open(&config, &e));
    float *block = malloc(BLOCK_FRAMES * C * sizeof *block);
    v2s_status status =
        block != NULL ? encode(a, e, block, out) : V2S_FAIL(V2S_NOMEM, "out of memory");
    free(block);
    v2s_encoder_close(&e);
    return status;
}

// What the pair's sound is encoded along: omni pairs have no law of distance (data/pair.h).
static v2s_status make_sound(const v2s_ablation *a, v2s_component_set without,
                             const v2s_trajectory *path, float *out) {
    if (a->clip->pairing == V2S_PAIRING_DRY)
        return make_geometric(a, without, path, out);
    v2s_trajectory unit = {0};
    V2S_TRY(copy_path(path, &unit));
    hold_distance(&unit, 1);
    v2s_status status = make_geometric(a, without, &unit, out);
    v2s_trajectory_free(&unit);
    return status;
}

static v2s_status render(const v2s_ablation *a, v2s_component_set without,
                         v2s_clip_refiner *refiner, const v2s_trajectory *path, float *out) {
    if (refiner == NULL || (without & BIT(V2S_COMPONENT_REFINER)) != 0)
        return make_sound(a, without, path, out);
    v2s_pair made = {.rate_hz = a->pair->rate_hz, .frames = a->pair->frames, .path = *path};
    bool told = (without & BIT(V2S_COMPONENT_CONDITIONING)) == 0;
    made.geometric = malloc(made.frames * C * sizeof *made.geometric);
    v2s_status status = made.geometric != NULL ? make_sound(a, without, path, made.geometric)
                                               : V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status == V2S_OK)
        status = v2s_clip_refiner_apply(refiner, told ? V2S_CLIP_REFINED : V2S_CLIP_UNCONDITIONED,
                                        a->clip, &made, out);
    free(made.geometric);
    return status;
}

v2s_status v2s_ablation_render(v2s_ablation *a, v2s_component_set without,
                               v2s_clip_refiner *refiner, float *out) {
    bool smooth = (without & BIT(V2S_COMPONENT_SMOOTHING)) == 0;
    const v2s_trajectory *given = smooth ? &a->smooth : &a->pair->path;
    if ((without & BIT(V2S_COMPONENT_DEPTH)) == 0)
        return render(a, without, refiner, given, out);
    v2s_trajectory path = {0};
    V2S_TRY(copy_path(given, &path));
    hold_distance(&path, mean_distance_m(given, (double)a->pair->frames / a->pair->rate_hz));
    v2s_status status = render(a, without, refiner, &path, out);
    v2s_trajectory_free(&path);
    return status;
}
