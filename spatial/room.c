// SPDX-License-Identifier: MIT
#include "spatial/room.h"

#include <math.h>

#include "spatial/conventions.h"

const double v2s_room_band_hz[V2S_ROOM_BANDS] = {63, 125, 250, 500, 1000, 2000, 4000, 8000};

static const double min_size_m = 0.1, max_size_m = 1000.0, max_early_s = 2.0;
enum { MAX_ORDER = 200 };

static double surface_m2(v2s_vec3 l) {
    return 2.0 * (l.x * l.y + l.y * l.z + l.z * l.x);
}

// -ln(1 - mean absorption) that gives 60 dB in one second: 24 ln 10 V / (c S).
static double eyring_factor(v2s_vec3 l) {
    return 24.0 * log(10.0) * l.x * l.y * l.z / (V2S_SPEED_OF_SOUND_M_S * surface_m2(l));
}

static v2s_status check_size(v2s_vec3 l) {
    const double size[3] = {l.x, l.y, l.z};
    for (int a = 0; a < 3; a++)
        if (!(size[a] >= min_size_m && size[a] <= max_size_m))
            return V2S_FAIL(V2S_ARG, "room: %s: expected %g to %g m, found %g",
                            a == 0   ? "length"
                            : a == 1 ? "width"
                                     : "height",
                            min_size_m, max_size_m, size[a]);
    return V2S_OK;
}

v2s_status v2s_room_absorption_of_rt60(v2s_vec3 size_m, const double rt60_s[V2S_ROOM_BANDS],
                                       double absorption[V2S_ROOM_BANDS]) {
    V2S_TRY(check_size(size_m));
    double made[V2S_ROOM_BANDS], factor = eyring_factor(size_m);
    for (int b = 0; b < V2S_ROOM_BANDS; b++) {
        made[b] = -expm1(-factor / rt60_s[b]);
        if (!(rt60_s[b] > 0.0 && isfinite(rt60_s[b])) || !(made[b] < 0.999))
            return V2S_FAIL(V2S_ARG,
                            "room: decay time %g s at %g Hz cannot be reached; walls that absorb "
                            "99.9 %% give %.3g s in a room of %g x %g x %g m",
                            rt60_s[b], v2s_room_band_hz[b], factor / -log(0.001), size_m.x,
                            size_m.y, size_m.z);
    }
    for (int b = 0; b < V2S_ROOM_BANDS; b++)
        absorption[b] = made[b];
    return V2S_OK;
}

void v2s_room_rt60(const v2s_room *room, double rt60_s[V2S_ROOM_BANDS]) {
    v2s_vec3 l = room->size_m;
    const double area[V2S_ROOM_WALLS] = {l.y * l.z, l.y * l.z, l.x * l.z,
                                         l.x * l.z, l.x * l.y, l.x * l.y};
    for (int b = 0; b < V2S_ROOM_BANDS; b++) {
        double absorbed = 0.0;
        for (int w = 0; w < V2S_ROOM_WALLS; w++)
            absorbed += area[w] * room->absorption[w][b];
        rt60_s[b] = eyring_factor(l) / -log1p(-fmin(absorbed / surface_m2(l), 1.0));
    }
}

double v2s_room_mixing_s(v2s_vec3 l) {
    return fmin(0.0117e-3 * l.x * l.y * l.z + 0.0501, 0.1);
}

static bool inside(v2s_vec3 p, v2s_vec3 l) {
    return p.x > 0.0 && p.x < l.x && p.y > 0.0 && p.y < l.y && p.z > 0.0 && p.z < l.z;
}

v2s_status v2s_room_check(const v2s_room *room) {
    V2S_TRY(check_size(room->size_m));
    v2s_vec3 l = room->size_m, p = room->listener_m;
    if (!inside(p, l))
        return V2S_FAIL(V2S_ARG,
                        "room: listener at %g,%g,%g: expected inside the room of %g x %g x %g m",
                        p.x, p.y, p.z, l.x, l.y, l.z);
    for (int w = 0; w < V2S_ROOM_WALLS; w++)
        for (int b = 0; b < V2S_ROOM_BANDS; b++)
            if (!(room->absorption[w][b] >= 0.0 && room->absorption[w][b] <= 1.0))
                return V2S_FAIL(V2S_ARG,
                                "room: absorption of wall %d at %g Hz: expected 0 to 1, "
                                "found %g",
                                w + 1, v2s_room_band_hz[b], room->absorption[w][b]);
    if (room->order > MAX_ORDER)
        return V2S_FAIL(V2S_ARG, "room: order: expected at most %d reflections, found %d",
                        MAX_ORDER, room->order);
    if (!(room->early_s >= 0.0 && room->early_s <= max_early_s))
        return V2S_FAIL(V2S_ARG, "room: end of the early part: expected 0 to %g s, found %g",
                        max_early_s, room->early_s);
    if (!(room->min_distance_m > 0.0 && isfinite(room->min_distance_m)))
        return V2S_FAIL(V2S_ARG, "room: minimum distance: expected above 0 m, found %g",
                        room->min_distance_m);
    return V2S_OK;
}

static double hold(double x, double length_m, bool *outside) {
    const double margin_m = 0.001;
    if (x >= 0.0 && x <= length_m)
        return x;
    *outside = true;
    return x > length_m ? length_m - margin_m : margin_m; // NaN too
}

v2s_vec3 v2s_room_nearest_inside(v2s_vec3 size_m, v2s_vec3 p, bool *outside) {
    *outside = false;
    return (v2s_vec3){hold(p.x, size_m.x, outside), hold(p.y, size_m.y, outside),
                      hold(p.z, size_m.z, outside)};
}

double v2s_room_drr_db(const float *foa, size_t frames, double rate_hz, double distance_m) {
    double end = (distance_m / V2S_SPEED_OF_SOUND_M_S + 0.0025) * rate_hz;
    double direct = 0.0, rest = 0.0;
    for (size_t i = 0; i < frames; i++) {
        double w = foa[4 * i];
        *((double)i <= end ? &direct : &rest) += w * w;
    }
    return 10.0 * log10(direct / rest);
}
