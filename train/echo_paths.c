// SPDX-License-Identifier: MIT
#include "train/echo_paths.h"

#include "spatial/air.h"

enum { BANDS = V2S_ECHO_BANDS, MIRRORS_ANYWHERE = 2, MIRRORS_ON_WALLS = 3 };

static const double OMNI_SHARE[BANDS] = {0.85, 0.75, 0.65, 0.58, 0.55, 0.55};
static const double ON_FACE_M = 1e-9; // rounding, of points that lie on a face

double v2s_echo_band_hz(int band) {
    return 500.0 * (1 << band);
}

v2s_echo_air v2s_echo_air_default(void) {
    v2s_echo_air air;
    v2s_air_conditions conditions = v2s_air_default();
    for (int b = 0; b < BANDS; b++)
        air.neper_m[b] = v2s_air_absorption_db_m(&conditions, v2s_echo_band_hz(b)) * log(10.0) / 20;
    return air;
}

static v2s_vec3 minus(v2s_vec3 a, v2s_vec3 b) {
    return (v2s_vec3){a.x - b.x, a.y - b.y, a.z - b.z};
}

static v2s_vec3 unit(v2s_vec3 v) {
    return v2s_scaled(v, 1 / v2s_norm(v));
}

void v2s_echo_speaker(const v2s_depth_rig *rig, v2s_vec3 direction, double gain[BANDS]) {
    double front = v2s_depth_rig_axes(rig, direction).x;
    for (int b = 0; b < BANDS; b++)
        gain[b] = OMNI_SHARE[b] + (1 - OMNI_SHARE[b]) * front;
}

void v2s_echo_direct(const v2s_depth_rig *rig, const v2s_echo_air *air, v2s_echo_sink *sink,
                     void *ctx) {
    v2s_vec3 way = minus(rig->head_m, rig->speaker_m);
    v2s_echo_path path = {.length_m = v2s_norm(way), .from = v2s_scaled(way, -1)};
    v2s_echo_speaker(rig, unit(way), path.gain);
    for (int b = 0; b < BANDS; b++)
        path.gain[b] *= exp(-air->neper_m[b] * path.length_m) / path.length_m;
    sink(ctx, &path);
}

// ---- mirrors ----------------------------------------------------------------------------------

typedef struct mirrors {
    const v2s_world *world;
    const v2s_depth_rig *rig;
    const v2s_echo_air *air;
    double longest_m;
    v2s_echo_sink *sink;
    void *ctx;
    int faces[MIRRORS_ON_WALLS];           // on the way from the loudspeaker
    v2s_vec3 images[MIRRORS_ON_WALLS + 1]; // [0] the loudspeaker
} mirrors;

// How far a point is in front of a face.
static double height(const v2s_world_face *face, v2s_vec3 p) {
    return v2s_dot(minus(p, face->centre_m), face->normal);
}

// Where the line from a to b, on either side of the face's plane, meets the face; false beside it.
static bool meet(const v2s_world_face *face, v2s_vec3 a, v2s_vec3 b, v2s_vec3 *point) {
    double ha = height(face, a), hb = height(face, b);
    if (ha <= ON_FACE_M || hb >= -ON_FACE_M)
        return false;
    *point = v2s_plus(a, v2s_scaled(minus(b, a), ha / (ha - hb)));
    v2s_vec3 off = minus(*point, face->centre_m);
    return fabs(v2s_dot(off, face->u)) <= face->half_u_m + ON_FACE_M &&
           fabs(v2s_dot(off, face->v)) <= face->half_v_m + ON_FACE_M;
}

// Follows the path back from the head; calls the sink if there is one.
static void trace_back(const mirrors *m, int order) {
    v2s_vec3 head = m->rig->head_m, points[MIRRORS_ON_WALLS], at = head;
    v2s_vec3 towards = minus(m->images[order], head);
    v2s_echo_path path = {.reflections = order, .length_m = v2s_norm(towards), .from = towards};
    if (path.length_m > m->longest_m)
        return;
    for (int i = order; i-- > 0;) {
        if (!meet(&m->world->faces[m->faces[i]], at, m->images[i + 1], &points[i]))
            return;
        at = points[i];
    }
    at = head;
    for (int i = order; i-- > 0;) {
        if (!v2s_world_clear(m->world, at, points[i]))
            return;
        at = points[i];
    }
    if (!v2s_world_clear(m->world, at, m->images[0]))
        return;
    v2s_echo_speaker(m->rig, unit(minus(points[0], m->images[0])), path.gain);
    for (int b = 0; b < BANDS; b++) {
        double kept = 1;
        for (int i = 0; i < order; i++) {
            const v2s_material *material = m->world->faces[m->faces[i]].material;
            kept *= (1 - material->absorption[b]) * (1 - material->scattering[b]);
        }
        path.gain[b] *= sqrt(kept) * exp(-m->air->neper_m[b] * path.length_m) / path.length_m;
    }
    m->sink(m->ctx, &path);
}

static void mirror(mirrors *m, int order) {
    bool walls = true;
    for (int i = 0; i < order; i++)
        walls &= m->faces[i] < V2S_WORLD_WALLS;
    if (order == MIRRORS_ON_WALLS || (order == MIRRORS_ANYWHERE && !walls))
        return;
    int count = order < MIRRORS_ANYWHERE ? (int)m->world->face_count : V2S_WORLD_WALLS;
    for (int f = 0; f < count; f++) {
        const v2s_world_face *face = &m->world->faces[f];
        double above = height(face, m->images[order]);
        if (above <= ON_FACE_M)
            continue;
        m->faces[order] = f;
        m->images[order + 1] = v2s_plus(m->images[order], v2s_scaled(face->normal, -2 * above));
        trace_back(m, order + 1);
        mirror(m, order + 1);
    }
}

void v2s_echo_mirrors(const v2s_world *world, const v2s_depth_rig *rig, const v2s_echo_air *air,
                      double longest_m, v2s_echo_sink *sink, void *ctx) {
    mirrors m = {world, rig, air, longest_m, sink, ctx, {0}, {rig->speaker_m}};
    mirror(&m, 0);
}
