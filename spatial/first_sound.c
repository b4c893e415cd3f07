// SPDX-License-Identifier: MIT
#include "spatial/first_sound.h"

#include "spatial/ambisonics.h"

#define THRESHOLD 0.1
#define SEARCH_S 0.001
#define BEFORE_S 0.0005
#define DIRECTION_S 0.001
#define DIRECT_S 0.0025
#define LEAST_DIPOLE 1e-3 // of |I| / sum W^2: 1 for a plane wave

static double pressure(const float *foa, size_t t) {
    return fabs((double)foa[V2S_FOA_CHANNELS * t + V2S_ACN_W]);
}

static size_t loudest(const float *foa, size_t from, size_t to) {
    size_t best = from;
    for (size_t t = from + 1; t < to; t++)
        if (pressure(foa, t) > pressure(foa, best))
            best = t;
    return best;
}

static double energy(const float *foa, size_t from, size_t to) {
    double sum = 0;
    for (size_t t = from; t < to; t++)
        sum += pressure(foa, t) * pressure(foa, t);
    return sum;
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

v2s_status v2s_first_sound_find(const float *foa, size_t frames, double rate_hz,
                                v2s_first_sound *found) {
    v2s_first_sound f = {0};
    double most = frames > 0 ? pressure(foa, loudest(foa, 0, frames)) : 0;
    if (most == 0)
        return V2S_FAIL(V2S_FORMAT, "silent: W is 0 throughout");
    while (pressure(foa, f.onset) < THRESHOLD * most)
        f.onset++;
    size_t before = (size_t)lround(BEFORE_S * rate_hz);
    size_t from = f.onset > before ? f.onset - before : 0;
    f.arrival = loudest(foa, f.onset, least(frames, f.onset + 1 + (size_t)(SEARCH_S * rate_hz)));
    size_t to = least(frames, f.arrival + 1 + (size_t)(DIRECTION_S * rate_hz));
    size_t end = least(frames, f.arrival + 1 + (size_t)(DIRECT_S * rate_hz));
    double first = energy(foa, from, to), direct = energy(foa, from, end);
    v2s_vec3 intensity = v2s_foa_intensity(foa + V2S_FOA_CHANNELS * from, to - from);
    double length = v2s_norm(intensity);
    if (!(length > LEAST_DIPOLE * first))
        return V2S_FAIL(V2S_FORMAT, "no direction: the dipoles of the first sound are 0");
    f.unit = v2s_scaled(intensity, 1 / length);
    f.gain = foa[V2S_FOA_CHANNELS * f.arrival + V2S_ACN_W] < 0 ? -sqrt(first) : sqrt(first);
    f.drr_db = 10 * log10(direct / (energy(foa, 0, from) + energy(foa, end, frames)));
    *found = f;
    return V2S_OK;
}
