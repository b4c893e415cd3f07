// SPDX-License-Identifier: MIT
// HOW IT WORKS
//
// 1. Cells. Short-time spectra (21 ms Hann, half overlap) are cut into cells: one of eight bands,
//    150 Hz to 6 kHz (microphones are no longer ambisonic above) x 4 frames. Of a cell, E_W and
//    E_D are the energies of channel 0 and of channels 1..3, I = Re sum conj(W) (c1, c2, c3).
// 2. Directional cells. One plane wave gives coherence |I|^2 / (E_W E_D) = 1 whatever the order and
//    the gains; a diffuse field gives 0, and with the same ratio E_D / E_W, so what is diffuse in a
//    cell blurs the ratio but does not shift it. Of cells above 0.9 (set STRICT) and 0.75 (LOOSE)
//    the ratio and the direction I / |I| in file axes are counted. Cells more than 40 dB below the
//    loudest do not count.
// 3. Ratio. SN3D has 1, FuMa 2, N3D 3. Real microphones miss these by a factor of two and more,
//    differently in each band, and are never exact; an encoder is. "Exact" is: the middle half of
//    the strict ratios within 10 % and the medians of the bands within 10 % of each other. N3D and
//    the strong dipoles of a microphone look alike, so n3d needs an exact 3.
// 4. Order. Which channel is up? W Y Z X says 2, W X Y Z says 3. Sources stand near the horizon,
//    some above, few below the floor. Each occupied piece of the sphere (by the mean direction in
//    it) votes with the logarithm of the density of sources there, 1 : 0.3 : 0.08 (within 35
//    degrees of the horizon, above, below). `order_evidence` is the sum of the votes for W Y Z X
//    less those for W X Y Z. Sources in one place say nothing.
// 5. Decision. Exact ratios by decide_exact(), others by decide_loose(), which wants ratio and
//    order to agree and the height channel to be the weakest by a factor of two. wxyz_sn3d is rare
//    in the world, so an exact 1 with three or more places means ambix unless the order speaks
//    against it.
//
// LIMITATIONS  It tells the four layouts apart, not ambisonics from other four-channel sound,
// except where that has no directional cells. It cannot see sign errors or swapped X and Y.
#include "spatial/layout_guess.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/fft.h"
#include "spatial/conventions.h"

enum {
    CHANNELS = 4,
    BANDS = 8,
    BLOCK_FRAMES = 4,  // spectra of a cell
    PIECES = 100,      // of the sphere, about 20 degrees across
    LEVELS = 48,       // 3 dB classes of cell energy
    RATIO_BINS = 288,  // of log2 ratio, 1/32 octave, from 2^-4 to 2^5
    RATIO_STEPS = 32,  // bins an octave
    RATIO_LOWEST = -4, // octave
    MIN_CELLS = 24,    // for an exact ratio: at least 1.3 s of one band
    MIN_LOOSE = 100,   // for a blurred one
    STRICT = 0,
    LOOSE = 1,
    SETS = 2,
};

static const double band_edges_hz[BANDS + 1] = {150, 300, 500, 800, 1200, 1800, 2700, 4000, 6000};
static const double coherent[SETS] = {0.9, 0.75}; // |I|^2 / (E_W E_D)
static const double range_db = 40.0;              // below the loudest cell

struct v2s_layout_guess {
    double rate_hz;
    size_t n, hop, fill; // transform length, hop, frames gathered in `sound`
    size_t frames;       // given so far
    v2s_fft_real *fft;
    float *window, *x;      // [n]
    float *sound;           // [n][4]
    v2s_complex *spectra;   // [4][n/2 + 1]
    double cell[BANDS][7];  // E_0 .. E_3, I of the running block
    int block;              // spectra in the running block
    double total, directed; // energy of all cells, of the loosely directional ones
    v2s_vec3 piece[PIECES]; // lattice of directions (c1, c2, c3)
    uint32_t pieces[SETS][LEVELS][PIECES];
    v2s_vec3 sums[SETS][LEVELS][PIECES]; // of the unit vectors in it
    uint32_t ratios[SETS][LEVELS][BANDS][RATIO_BINS];
};

const char *v2s_layout_name(v2s_layout layout) {
    switch (layout) {
    case V2S_LAYOUT_AMBIX:
        return "ambix";
    case V2S_LAYOUT_N3D:
        return "n3d";
    case V2S_LAYOUT_FUMA:
        return "fuma";
    case V2S_LAYOUT_WXYZ_SN3D:
        return "wxyz_sn3d";
    case V2S_LAYOUT_UNCERTAIN:
        break;
    }
    return "uncertain";
}

v2s_status v2s_layout_guess_open(double rate_hz, v2s_layout_guess **guess) {
    if (!(rate_hz >= 4000.0 && rate_hz <= 400000.0))
        return V2S_FAIL(V2S_ARG, "layout test: rate %g Hz, need 4000..400000", rate_hz);
    v2s_layout_guess *g = calloc(1, sizeof *g);
    if (!g)
        return V2S_FAIL(V2S_NOMEM, "layout test: out of memory");
    g->rate_hz = rate_hz;
    for (g->n = 64; (double)g->n < 0.0151 * rate_hz;) // nearest power of two to 21 ms
        g->n *= 2;
    g->hop = g->n / 2;
    g->window = v2s_fft_alloc(g->n, sizeof *g->window);
    g->x = v2s_fft_alloc(g->n, sizeof *g->x);
    g->sound = v2s_fft_alloc(g->n * CHANNELS, sizeof *g->sound);
    // Rows of whole cache lines.
    g->spectra = v2s_fft_alloc(CHANNELS * (g->n / 2 + 8), sizeof *g->spectra);
    v2s_status status = v2s_fft_real_open(g->n, &g->fft);
    if (status == V2S_OK && (!g->window || !g->x || !g->sound || !g->spectra))
        status = V2S_FAIL(V2S_NOMEM, "layout test: out of memory");
    if (status != V2S_OK) {
        v2s_layout_guess_close(&g);
        return status;
    }
    for (size_t t = 0; t < g->n; t++)
        g->window[t] = (float)(0.5 - 0.5 * cos(2.0 * V2S_PI * (double)t / (double)g->n));
    for (int i = 0; i < PIECES; i++) { // golden spiral
        double z = 1.0 - (2.0 * i + 1.0) / PIECES, r = sqrt(1.0 - z * z);
        double angle = V2S_PI * (3.0 - sqrt(5.0)) * i;
        g->piece[i] = (v2s_vec3){r * cos(angle), r * sin(angle), z};
    }
    *guess = g;
    return V2S_OK;
}

static void keep_cell(v2s_layout_guess *g, int set, int band, const double *cell, double level) {
    v2s_vec3 intensity = {cell[4], cell[5], cell[6]};
    double length = v2s_norm(intensity);
    double ratio = (cell[1] + cell[2] + cell[3]) / cell[0];
    // 3 dB classes from -120 dB on (full scale 0 dB).
    int class = (int)floor((10.0 * log10(level) + 120.0) / 3.0);
    int bin = (int)floor((log2(ratio) - RATIO_LOWEST) * RATIO_STEPS);
    if (class < 0)
        return;
    class = class < LEVELS - 1 ? class : LEVELS - 1;
    bin = bin < 0 ? 0 : bin < RATIO_BINS - 1 ? bin : RATIO_BINS - 1;
    int nearest = 0;
    double best = -1e300;
    for (int i = 0; i < PIECES; i++) {
        double c = v2s_dot(intensity, g->piece[i]) / length;
        if (c > best) {
            best = c;
            nearest = i;
        }
    }
    g->pieces[set][class][nearest]++;
    v2s_vec3 *sum = &g->sums[set][class][nearest];
    sum->x += intensity.x / length;
    sum->y += intensity.y / length;
    sum->z += intensity.z / length;
    g->ratios[set][class][band][bin]++;
}

static void finish_block(v2s_layout_guess *g) {
    // Mean square of a full-scale sine in one bin is (n/4)^2: levels are relative to that.
    double unit = (double)g->n * (double)g->n / 16.0 * g->block;
    for (int b = 0; b < BANDS; b++) {
        const double *c = g->cell[b];
        double dipoles = c[1] + c[2] + c[3], energy = c[0] + dipoles;
        double along = c[4] * c[4] + c[5] * c[5] + c[6] * c[6];
        g->total += energy;
        // Products of energies below 1e-150 would underflow; such cells are silence.
        if (!(c[0] > 1e-100 && dipoles > 1e-100))
            continue;
        double coherence = along / (c[0] * dipoles);
        for (int set = 0; set < SETS; set++)
            if (coherence > coherent[set])
                keep_cell(g, set, b, c, energy / unit);
        if (coherence > coherent[LOOSE])
            g->directed += energy;
    }
    memset(g->cell, 0, sizeof g->cell);
    g->block = 0;
}

static void add_spectrum(v2s_layout_guess *g) {
    size_t pitch = g->n / 2 + 8;
    for (size_t c = 0; c < CHANNELS; c++) {
        for (size_t t = 0; t < g->n; t++)
            g->x[t] = g->sound[t * CHANNELS + c] * g->window[t];
        v2s_fft_real_forward(g->fft, g->x, g->spectra + c * pitch);
    }
    double bin_hz = g->rate_hz / (double)g->n;
    for (int b = 0; b < BANDS; b++) {
        size_t from = (size_t)ceil(band_edges_hz[b] / bin_hz);
        size_t to = (size_t)ceil(band_edges_hz[b + 1] / bin_hz);
        double *cell = g->cell[b];
        for (size_t k = from; k < to && k < g->n / 2; k++) {
            const v2s_complex w = g->spectra[k];
            cell[0] += (double)w.re * w.re + (double)w.im * w.im;
            for (size_t c = 1; c < CHANNELS; c++) {
                const v2s_complex v = g->spectra[c * pitch + k];
                cell[c] += (double)v.re * v.re + (double)v.im * v.im;
                cell[3 + c] += (double)w.re * v.re + (double)w.im * v.im;
            }
        }
    }
    if (++g->block == BLOCK_FRAMES)
        finish_block(g);
}

v2s_status v2s_layout_guess_add(v2s_layout_guess *g, const float *interleaved4, size_t frames) {
    for (size_t i = 0; i < frames * CHANNELS; i++)
        if (!isfinite(interleaved4[i]))
            return V2S_FAIL(V2S_NUMERIC,
                            "layout test: sample %zu of channel %zu is not a finite number",
                            g->frames + i / CHANNELS, i % CHANNELS);
    g->frames += frames;
    while (frames > 0) {
        size_t count = g->n - g->fill < frames ? g->n - g->fill : frames;
        memcpy(g->sound + g->fill * CHANNELS, interleaved4, count * CHANNELS * sizeof *g->sound);
        interleaved4 += count * CHANNELS;
        frames -= count;
        g->fill += count;
        if (g->fill == g->n) {
            add_spectrum(g);
            memmove(g->sound, g->sound + g->hop * CHANNELS,
                    (g->n - g->hop) * CHANNELS * sizeof *g->sound);
            g->fill = g->n - g->hop;
        }
    }
    return V2S_OK;
}

// What the decision is made from.
typedef struct findings {
    double cells;          // directional ones that count
    double ratio;          // median
    double spread;         // quarter to three quarters, as a factor - 1
    double band_spread;    // largest over smallest median of the well-filled bands, - 1
    int bands;             // well-filled bands
    double order_evidence; // > 0: W Y Z X; < 0: W X Y Z
    double below_acn;      // occupied pieces below the floor if the order is W Y Z X
    double below_wxyz;     // the same if it is W X Y Z
    double extent_rad;     // largest angle between occupied pieces
    v2s_vec3 share;        // of I^2 over c1, c2, c3
    double pieces;         // occupied
} findings;

// The ratio below which `part` of the histogram lies.
static double quantile(const double *histogram, double count, double part) {
    double sum = 0.0;
    for (int i = 0; i < RATIO_BINS; i++) {
        if (sum + histogram[i] >= part * count && histogram[i] > 0.0) {
            double inside = (part * count - sum) / histogram[i];
            return exp2(RATIO_LOWEST + (i + inside) / RATIO_STEPS);
        }
        sum += histogram[i];
    }
    return exp2(RATIO_LOWEST + (double)RATIO_BINS / RATIO_STEPS);
}

static void find_ratio(const v2s_layout_guess *g, int set, int quietest, findings *f) {
    double all[RATIO_BINS] = {0}, low = 1e300, high = 0.0;
    for (int b = 0; b < BANDS; b++) {
        double band[RATIO_BINS] = {0}, count = 0.0;
        for (int l = quietest; l < LEVELS; l++)
            for (int i = 0; i < RATIO_BINS; i++) {
                band[i] += g->ratios[set][l][b][i];
                count += g->ratios[set][l][b][i];
            }
        for (int i = 0; i < RATIO_BINS; i++)
            all[i] += band[i];
        f->cells += count;
        if (count < MIN_CELLS / 2)
            continue;
        double median = quantile(band, count, 0.5);
        low = fmin(low, median);
        high = fmax(high, median);
        f->bands++;
    }
    if (f->cells == 0.0)
        return;
    f->ratio = quantile(all, f->cells, 0.5);
    f->spread = quantile(all, f->cells, 0.75) / quantile(all, f->cells, 0.25) - 1.0;
    f->band_spread = f->bands > 0 ? high / low - 1.0 : 0.0;
}

// Log density of sources at height `sine` above the horizon.
static double elevation_vote(double sine) {
    const double border = sin(v2s_rad(35.0));
    return sine > border ? log(0.3) : sine < -border ? log(0.08) : 0.0;
}

static void find_directions(const v2s_layout_guess *g, int set, int quietest, findings *f) {
    double occupied[PIECES];
    v2s_vec3 mean[PIECES];
    for (int i = 0; i < PIECES; i++) {
        double count = 0.0;
        v2s_vec3 u = {0.0, 0.0, 0.0};
        for (int l = quietest; l < LEVELS; l++) {
            count += g->pieces[set][l][i];
            u.x += g->sums[set][l][i].x;
            u.y += g->sums[set][l][i].y;
            u.z += g->sums[set][l][i].z;
        }
        double length = fmax(v2s_norm(u), 1e-30);
        u = mean[i] = (v2s_vec3){u.x / length, u.y / length, u.z / length};
        // A piece counts fully from 2 % of the cells on: loud or long sources count no more.
        double share = count / f->cells;
        occupied[i] = share > 0.002 ? fmin(1.0, share / 0.02) : 0.0;
        f->order_evidence += occupied[i] * (elevation_vote(u.y) - elevation_vote(u.z));
        f->below_acn += u.y < -sin(v2s_rad(35.0)) ? occupied[i] : 0.0;
        f->below_wxyz += u.z < -sin(v2s_rad(35.0)) ? occupied[i] : 0.0;
        f->share.x += share * u.x * u.x;
        f->share.y += share * u.y * u.y;
        f->share.z += share * u.z * u.z;
        f->pieces += occupied[i];
    }
    for (int i = 0; i < PIECES; i++)
        for (int j = 0; j < i; j++)
            if (occupied[i] > 0.5 && occupied[j] > 0.5)
                f->extent_rad = fmax(f->extent_rad, v2s_angle_between_rad(mean[i], mean[j]));
}

static bool near_ratio(double ratio, double expected, double factor) {
    return ratio > expected / factor && ratio < expected * factor;
}

static bool is_exact(const findings *f) {
    return f->cells >= MIN_CELLS && f->bands >= 3 && f->spread < 0.10 && f->band_spread < 0.10;
}

// The layout by a ratio that only an encoder makes, and in *why the words for it.
static v2s_layout decide_exact(const findings *f, const char **why) {
    double order = f->order_evidence, few = 0.5 + 0.1 * f->pieces;
    if (near_ratio(f->ratio, 3.0, 1.1) && order > -4.0) {
        *why = "ratio exactly N3D's 3 in every band";
        return V2S_LAYOUT_N3D;
    }
    if (near_ratio(f->ratio, 2.0, 1.15) && order < 4.0) {
        *why = "ratio exactly FuMa's 2 in every band, and channel 3 may be height";
        return V2S_LAYOUT_FUMA;
    }
    if (!near_ratio(f->ratio, 1.0, 1.15)) {
        *why = "the ratio is exact but, with this order, of none of the four layouts";
        return V2S_LAYOUT_UNCERTAIN;
    }
    if (order > 2.0 && f->below_acn < few) {
        *why = "ratio exactly SN3D's 1, and channel 2 is height";
        return V2S_LAYOUT_AMBIX;
    }
    if (order > -2.0 && f->below_acn < 1.0 && f->pieces > 2.5) {
        *why = "ratio exactly SN3D's 1, and channel 2 may be height";
        return V2S_LAYOUT_AMBIX;
    }
    if (order < -4.0 && f->below_acn >= 1.5 && f->below_wxyz < few) {
        *why = "ratio exactly SN3D's 1, but channel 3 is height";
        return V2S_LAYOUT_WXYZ_SN3D;
    }
    *why = "ratio exactly SN3D's 1, but either of channels 2 and 3 may be height";
    return V2S_LAYOUT_UNCERTAIN;
}

// The layout of a recording, whose ratio is blurred.
static v2s_layout decide_loose(const findings *f, const char **why) {
    bool second = f->order_evidence > 4.0 && 2.0 * f->share.y < fmin(f->share.x, f->share.z);
    bool third = f->order_evidence < -4.0 && 2.0 * f->share.z < fmin(f->share.x, f->share.y);
    if (f->cells < MIN_LOOSE) {
        *why = "too little sound with one clear direction";
        return V2S_LAYOUT_UNCERTAIN;
    }
    if (second && f->spread < 0.8 && f->ratio > 0.4 && f->ratio < 1.3) {
        *why = "channel 2 is height, ratio nearest to SN3D's 1";
        return V2S_LAYOUT_AMBIX;
    }
    if (third && f->spread < 0.6 && f->band_spread < 0.6 && f->ratio > 1.6 && f->ratio < 2.6) {
        *why = "channel 3 is height, ratio nearest to FuMa's 2";
        return V2S_LAYOUT_FUMA;
    }
    *why = second  ? "channel 2 is height, but the ratio fits no normalisation (microphone?)"
           : third ? "channel 3 is height, but the ratio fits no normalisation (microphone?)"
                   : "neither the ratio nor the height channel is clear";
    return V2S_LAYOUT_UNCERTAIN;
}

// The layout by both sets of cells; *used are the findings that decided.
static v2s_layout decide(const findings sets[SETS], const findings **used, const char **why) {
    *used = is_exact(&sets[STRICT]) ? &sets[STRICT] : &sets[LOOSE];
    if ((*used)->cells >= MIN_CELLS && (*used)->extent_rad < v2s_rad(35.0)) {
        *why = "all sound comes from one direction, which fits every order";
        return V2S_LAYOUT_UNCERTAIN;
    }
    return *used == &sets[STRICT] ? decide_exact(*used, why) : decide_loose(*used, why);
}

static int quietest_level(const v2s_layout_guess *g) {
    for (int l = LEVELS - 1; l >= 0; l--)
        for (int i = 0; i < PIECES; i++)
            if (g->pieces[LOOSE][l][i] > 0)
                return l > (int)(range_db / 3.0) ? l - (int)(range_db / 3.0) : 0;
    return 0;
}

v2s_status v2s_layout_guess_finish(v2s_layout_guess *g, v2s_layout_result *result) {
    findings sets[SETS] = {{0}};
    const findings *f = NULL;
    const char *why = "";
    if (g->block > 1)
        finish_block(g);
    v2s_layout_result r = {.frames_used = g->frames};
    int quietest = quietest_level(g);
    for (int set = 0; set < SETS; set++) {
        find_ratio(g, set, quietest, &sets[set]);
        if (sets[set].cells > 0.0)
            find_directions(g, set, quietest, &sets[set]);
    }
    r.layout = decide(sets, &f, &why);
    if (g->total <= 0.0)
        why = "silence";
    r.dipole_ratio = f->ratio;
    r.directional_share = g->total > 0.0 ? g->directed / g->total : 0.0;
    if (f->cells > 0.0)
        snprintf(r.evidence, sizeof r.evidence,
                 "%s; %.0f directional cells (%.0f %% of the energy), dipoles / W %.2f (spread "
                 "%.0f %%, bands %.0f %%), order %+.1f for WYZX, shares of 1-3 %.2f %.2f %.2f",
                 why, f->cells, 100.0 * r.directional_share, f->ratio, 100.0 * f->spread,
                 100.0 * f->band_spread, f->order_evidence, f->share.x, f->share.y, f->share.z);
    else
        snprintf(r.evidence, sizeof r.evidence, "%s", why);
    *result = r;
    return V2S_OK;
}

void v2s_layout_guess_close(v2s_layout_guess **guess) {
    v2s_layout_guess *g = *guess;
    if (!g)
        return;
    v2s_fft_real_close(&g->fft);
    v2s_fft_free(g->window);
    v2s_fft_free(g->x);
    v2s_fft_free(g->sound);
    v2s_fft_free(g->spectra);
    free(g);
    *guess = NULL;
}
