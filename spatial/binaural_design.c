// SPDX-License-Identifier: MIT
#include "spatial/binaural_design.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/fft.h"
#include "spatial/conventions.h"
#include "spatial/sh.h"

enum {
    MIN_TAPS = 8,
    LATTICE = 3000,   // points that measure each direction's share of the sphere
    AZIMUTHS = 48,    // horizontal directions of the level definition: exact up to order 23
    MAX_FFT = 16384,  // a response kept to 10 ms at 400 kHz fits twice
    FADE_SAMPLES = 16 // end of a cut response
};

static const double cut_before_s = 0.0025, cut_length_s = 0.0105; // of a response, round its peak
static const double filter_s = 512.0 / 48000.0;                   // of the filters
static const double low_hz = 170.0;
static const double ridge = 1e-3;       // lambda; costs 0.01 dB, tames uncovered directions
static const double max_gain_db = 18.0; // of the equaliser
static const double eq_low_hz = 50.0, eq_high_hz = 18000.0;

// Everything a design works on. Spectra are split by ear and bin: h[e][k][j].
typedef struct design {
    const v2s_hrtf *hrtf;
    int order, channels, directions;
    size_t n, bins;       // transform length, n/2 + 1
    double bin_hz, fc_hz; // resolution; where phase stops being followed
    v2s_complex *h;       // [2][bins][directions]
    double *weight;       // [directions], sums to 1
    double *y;            // [channels][directions], N3D
    double *p;            // [directions][channels], least-squares solution: d = sum_j p_j H_j
    double *d;            // [2][bins][channels][2] complex filters, N3D
    double *re, *im;      // [directions] scratch
} design;

static double *filter_at(const design *s, int ear, size_t k) {
    return s->d + (((size_t)ear * s->bins + k) * (size_t)s->channels) * 2;
}

static v2s_complex *spectrum_at(const design *s, int ear, size_t k) {
    return s->h + ((size_t)ear * s->bins + k) * (size_t)s->directions;
}

static void design_free(design *s) {
    free(s->h);
    free(s->weight);
    free(s->y);
    free(s->p);
    free(s->d);
    free(s->re);
    free(s->im);
}

// The frequency up to which order N follows the sound field across a head of radius 8.75 cm
// (k r = N), not below 700 Hz so that the time differences of speech are kept.
static double transition_hz(int order) {
    return fmax(700.0, order * V2S_SPEED_OF_SOUND_M_S / (2.0 * V2S_PI * 0.0875));
}

static v2s_status design_init(design *s, const v2s_hrtf *hrtf, int order) {
    *s = (design){.hrtf = hrtf, .order = order, .directions = hrtf->measurements};
    s->channels = v2s_channels_of_order(order);
    s->fc_hz = transition_hz(order);
    for (s->n = 256; s->n < MAX_FFT && (double)s->n < 2.0 * cut_length_s * hrtf->rate_hz;)
        s->n *= 2;
    s->bins = s->n / 2 + 1;
    s->bin_hz = hrtf->rate_hz / (double)s->n;
    size_t j = (size_t)s->directions, c = (size_t)s->channels;
    s->h = malloc(2 * s->bins * j * sizeof *s->h);
    s->weight = calloc(j, sizeof *s->weight);
    s->y = malloc(c * j * sizeof *s->y);
    s->p = calloc(c * j, sizeof *s->p);
    s->d = calloc(2 * s->bins * c * 2, sizeof *s->d);
    s->re = malloc(j * sizeof *s->re);
    s->im = malloc(j * sizeof *s->im);
    if (!s->h || !s->weight || !s->y || !s->p || !s->d || !s->re || !s->im)
        return V2S_FAIL(V2S_NOMEM, "binaural filters for %d directions: out of memory",
                        s->directions);
    return V2S_OK;
}

// First sample of the piece of every response that is used, and its length.
static v2s_status find_piece(const v2s_hrtf *h, size_t *start, size_t *length) {
    size_t taps = (size_t)h->taps, peak = 0;
    double best = 0.0;
    double *energy = calloc(taps, sizeof *energy);
    if (!energy)
        return V2S_FAIL(V2S_NOMEM, "binaural filters: out of memory");
    for (size_t i = 0; i < (size_t)h->measurements * 2; i++)
        for (size_t t = 0; t < taps; t++)
            energy[t] += (double)h->ir[i * taps + t] * (double)h->ir[i * taps + t];
    for (size_t t = 0; t < taps; t++)
        if (energy[t] > best) {
            best = energy[t];
            peak = t;
        }
    free(energy);
    if (!(best > 0.0) || !isfinite(best))
        return V2S_FAIL(V2S_FORMAT, "head-related responses '%s': all zero or not finite",
                        h->title);
    size_t before = (size_t)(cut_before_s * h->rate_hz);
    size_t longest = (size_t)(cut_length_s * h->rate_hz);
    *start = peak > before ? peak - before : 0;
    *length = taps - *start < longest ? taps - *start : longest;
    return V2S_OK;
}

static v2s_status transform_responses(design *s) {
    size_t start = 0, length = 0, taps = (size_t)s->hrtf->taps;
    V2S_TRY(find_piece(s->hrtf, &start, &length));
    length = length < s->n / 2 ? length : s->n / 2;
    v2s_fft_real *fft = NULL;
    V2S_TRY(v2s_fft_real_open(s->n, &fft));
    float *x = v2s_fft_alloc(s->n, sizeof *x);
    v2s_complex *spectrum = v2s_fft_alloc(s->bins, sizeof *spectrum);
    v2s_status status =
        x && spectrum ? V2S_OK : V2S_FAIL(V2S_NOMEM, "binaural filters: out of memory");
    for (size_t i = 0; status == V2S_OK && i < (size_t)s->directions * 2; i++) {
        memcpy(x, s->hrtf->ir + i * taps + start, length * sizeof *x);
        for (size_t t = 0; t < FADE_SAMPLES && start + length < taps && t < length; t++)
            x[length - 1 - t] *= ((float)t + 0.5F) / FADE_SAMPLES;
        v2s_fft_real_forward(fft, x, spectrum);
        for (size_t k = 0; k < s->bins; k++)
            spectrum_at(s, (int)(i % 2), k)[i / 2] = spectrum[k];
    }
    v2s_fft_free(x);
    v2s_fft_free(spectrum);
    v2s_fft_real_close(&fft);
    return status;
}

// Shares of the sphere: lattice points (golden spiral) vote for their nearest direction; those
// further than 20 degrees from any (under the floor) do not vote.
static void find_weights(design *s) {
    const double golden = V2S_PI * (3.0 - sqrt(5.0)), far_cos = cos(v2s_rad(20.0));
    double votes = 0.0;
    for (int i = 0; i < LATTICE; i++) {
        double z = 1.0 - (2.0 * i + 1.0) / LATTICE, r = sqrt(1.0 - z * z);
        v2s_vec3 u = {r * cos(golden * i), r * sin(golden * i), z};
        double best = -2.0;
        int nearest = 0;
        for (int j = 0; j < s->directions; j++) {
            double c = v2s_dot(u, s->hrtf->unit[j]);
            if (c > best) {
                best = c;
                nearest = j;
            }
        }
        if (best < far_cos)
            continue;
        s->weight[nearest] += 1.0;
        votes += 1.0;
    }
    // A grid of a single direction may be far from every lattice point.
    for (int j = 0; j < s->directions; j++)
        s->weight[j] = votes > 0.0 ? s->weight[j] / votes : 1.0 / s->directions;
}

// Delay of the middle of the head, from the phase of the omnidirectional mean over 300 to
// 1500 Hz; taken out of all spectra.
static void remove_bulk_delay(design *s) {
    double re = 0.0, im = 0.0, last_re = 0.0, last_im = 0.0;
    size_t first = (size_t)(300.0 / s->bin_hz), last = (size_t)(1500.0 / s->bin_hz) + 1;
    for (size_t k = first; k <= last && k < s->bins; k++) {
        double sum_re = 0.0, sum_im = 0.0;
        for (int e = 0; e < 2; e++)
            for (int j = 0; j < s->directions; j++) {
                sum_re += s->weight[j] * spectrum_at(s, e, k)[j].re;
                sum_im += s->weight[j] * spectrum_at(s, e, k)[j].im;
            }
        re += sum_re * last_re + sum_im * last_im;
        im += sum_im * last_re - sum_re * last_im;
        last_re = sum_re;
        last_im = sum_im;
    }
    double slope = atan2(im, re); // radians a bin
    for (size_t k = 0; k < s->bins; k++) {
        float c = (float)cos(slope * (double)k), d = (float)-sin(slope * (double)k);
        for (int e = 0; e < 2; e++) {
            v2s_complex *h = spectrum_at(s, e, k);
            for (int j = 0; j < s->directions; j++)
                h[j] = (v2s_complex){h[j].re * c - h[j].im * d, h[j].re * d + h[j].im * c};
        }
    }
}

static void extend_low_end(design *s) {
    size_t from = (size_t)ceil(low_hz / s->bin_hz);
    from = from < s->bins - 1 ? from : s->bins - 1;
    for (int e = 0; e < 2; e++)
        for (int j = 0; j < s->directions; j++) {
            v2s_complex h = spectrum_at(s, e, from)[j];
            double level = hypot(h.re, h.im), phase = atan2(h.im, h.re);
            for (size_t k = 0; k < from; k++) {
                double a = phase * (double)k / (double)from;
                spectrum_at(s, e, k)[j] =
                    (v2s_complex){(float)(level * cos(a)), (float)(level * sin(a))};
            }
        }
}

static void fill_harmonics(design *s) {
    for (int j = 0; j < s->directions; j++) {
        double y[V2S_MAX_CHANNELS];
        v2s_sh_sn3d(s->order, s->hrtf->unit[j], y);
        for (int c = 0; c < s->channels; c++)
            s->y[(size_t)c * (size_t)s->directions + (size_t)j] = y[c] * v2s_n3d_from_sn3d(c);
    }
}

// Inverse of a symmetric positive matrix [n][n] in place, by Gauss-Jordan without pivoting (the
// ridge keeps the pivots above zero).
static void invert(double *a, int n) {
    for (int k = 0; k < n; k++) {
        double pivot = 1.0 / a[k * n + k];
        a[k * n + k] = 1.0;
        for (int j = 0; j < n; j++)
            a[k * n + j] *= pivot;
        for (int i = 0; i < n; i++) {
            double factor = a[i * n + k];
            if (i == k || factor == 0.0)
                continue;
            a[i * n + k] = 0.0;
            for (int j = 0; j < n; j++)
                a[i * n + j] -= factor * a[k * n + j];
        }
    }
}

// p_j = w_j (Y W Y^T + lambda I)^-1 y_j
static void solve_least_squares(design *s) {
    int n = s->channels;
    size_t directions = (size_t)s->directions;
    double gram[V2S_MAX_CHANNELS * V2S_MAX_CHANNELS];
    for (int a = 0; a < n; a++)
        for (int b = 0; b < n; b++) {
            const double *ya = s->y + (size_t)a * directions, *yb = s->y + (size_t)b * directions;
            double sum = a == b ? ridge : 0.0;
            for (size_t j = 0; j < directions; j++)
                sum += s->weight[j] * ya[j] * yb[j];
            gram[a * n + b] = sum;
        }
    invert(gram, n);
    for (size_t j = 0; j < directions; j++)
        for (int a = 0; a < n; a++) {
            double sum = 0.0;
            for (int b = 0; b < n; b++)
                sum += gram[a * n + b] * s->y[(size_t)b * directions + j];
            s->p[j * (size_t)n + (size_t)a] = s->weight[j] * sum;
        }
}

// Keeps the level of each response and gives it the phase of the decoder `below`, in re, im.
static void take_phase(design *s, const v2s_complex *h, const double *below) {
    size_t directions = (size_t)s->directions;
    memset(s->re, 0, directions * sizeof *s->re);
    memset(s->im, 0, directions * sizeof *s->im);
    for (int c = 0; c < s->channels; c++) {
        const double *y = s->y + (size_t)c * directions;
        double d_re = below[2 * c], d_im = below[2 * c + 1];
        for (size_t j = 0; j < directions; j++) {
            s->re[j] += y[j] * d_re;
            s->im[j] += y[j] * d_im;
        }
    }
    for (size_t j = 0; j < directions; j++) {
        double length = sqrt(s->re[j] * s->re[j] + s->im[j] * s->im[j]);
        double level = sqrt((double)h[j].re * h[j].re + (double)h[j].im * h[j].im);
        double gain = length > 1e-30 ? level / length : 0.0;
        s->re[j] *= gain;
        s->im[j] *= gain;
    }
}

static void design_magls(design *s) {
    size_t directions = (size_t)s->directions, n = (size_t)s->channels;
    solve_least_squares(s);
    for (int e = 0; e < 2; e++)
        for (size_t k = 0; k < s->bins; k++) {
            const v2s_complex *h = spectrum_at(s, e, k);
            if (k > 0 && (double)k * s->bin_hz >= s->fc_hz)
                take_phase(s, h, filter_at(s, e, k - 1));
            else
                for (size_t j = 0; j < directions; j++) {
                    s->re[j] = h[j].re;
                    s->im[j] = h[j].im;
                }
            double re[V2S_MAX_CHANNELS] = {0}, im[V2S_MAX_CHANNELS] = {0};
            for (size_t j = 0; j < directions; j++)
                for (size_t c = 0; c < n; c++) {
                    re[c] += s->p[j * n + c] * s->re[j];
                    im[c] += s->p[j * n + c] * s->im[j];
                }
            double *d = filter_at(s, e, k);
            for (size_t c = 0; c < n; c++) {
                d[2 * c] = re[c];
                d[2 * c + 1] = im[c];
            }
        }
}

static double legendre(int n, double x, double *derivative) {
    double a = 1.0, b = x; // P_0, P_1
    if (n == 0) {
        *derivative = 0.0;
        return a;
    }
    for (int k = 2; k <= n; k++) {
        double next = ((2 * k - 1) * x * b - (k - 1) * a) / k;
        a = b;
        b = next;
    }
    *derivative = n * (x * b - a) / (x * x - 1.0);
    return b;
}

// i-th root of P_n by Newton from Tricomi's estimate, and its weight, of sum 2 over the roots.
static double gauss_legendre(int n, int i, double *weight) {
    double x = cos(V2S_PI * (i + 0.75) / (n + 0.5)), slope = 1.0;
    for (int step = 0; step < 20; step++)
        x -= legendre(n, x, &slope) / slope;
    legendre(n, x, &slope);
    *weight = 2.0 / ((1.0 - x * x) * slope * slope);
    return x;
}

static int nearest_direction(const v2s_hrtf *h, v2s_vec3 u) {
    int nearest = 0;
    for (int j = 1; j < h->measurements; j++)
        if (v2s_dot(u, h->unit[j]) > v2s_dot(u, h->unit[nearest]))
            nearest = j;
    return nearest;
}

// Adds one loudspeaker at u with quadrature weight q to all filters.
static void add_speaker(design *s, v2s_vec3 u, double q) {
    double y[V2S_MAX_CHANNELS], max_re[V2S_MAX_ORDER + 1], slope;
    int j = nearest_direction(s->hrtf, u);
    v2s_sh_sn3d(s->order, u, y);
    for (int n = 0; n <= s->order; n++)
        max_re[n] = legendre(n, cos(v2s_rad(137.9) / (s->order + 1.51)), &slope);
    for (size_t k = 0; k < s->bins; k++) {
        // 0 half an octave below the transition, 1 half an octave above.
        double octaves = k > 0 ? log2((double)k * s->bin_hz / s->fc_hz) : -1.0;
        double high = fmin(fmax(octaves + 0.5, 0.0), 1.0);
        for (int e = 0; e < 2; e++) {
            v2s_complex h = spectrum_at(s, e, k)[j];
            double *d = filter_at(s, e, k);
            for (int c = 0; c < s->channels; c++) {
                double taper = 1.0 + high * (max_re[(int)sqrt((double)c)] - 1.0);
                double gain = q * taper * y[c] * v2s_n3d_from_sn3d(c);
                d[2 * c] += gain * h.re;
                d[2 * c + 1] += gain * h.im;
            }
        }
    }
}

static void design_speakers(design *s) {
    int rings = s->order + 1, across = 2 * rings;
    for (int i = 0; i < rings; i++) {
        double weight, z = gauss_legendre(rings, i, &weight);
        for (int a = 0; a < across; a++) {
            double az = 2.0 * V2S_PI * (a + 0.5) / across;
            add_speaker(s, v2s_unit_from_angles(az, asin(z)), weight / (2.0 * across));
        }
    }
}

// Mean over the horizon of (|y^T d_L|^2 + |y^T d_R|^2) / 2 at bin k.
static double horizontal_power(const design *s, const double *y, size_t k) {
    double sum = 0.0;
    for (int e = 0; e < 2; e++) {
        const double *d = filter_at(s, e, k);
        for (int a = 0; a < AZIMUTHS; a++) {
            double re = 0.0, im = 0.0;
            for (int c = 0; c < s->channels; c++) {
                re += y[a * s->channels + c] * d[2 * c];
                im += y[a * s->channels + c] * d[2 * c + 1];
            }
            sum += re * re + im * im;
        }
    }
    return sum / (2.0 * AZIMUTHS);
}

// Geometric mean of power[0..bins-1] over a sixth of an octave round bin k: on a steep slope the
// arithmetic one is too high in the middle (0.4 dB at 16 kHz, KEMAR).
static double smoothed(const double *power, size_t bins, double k) {
    double half = pow(2.0, 1.0 / 12.0);
    size_t from = (size_t)floor(k / half + 0.5), to = (size_t)ceil(k * half - 0.5);
    from = from < bins - 1 ? from : bins - 1;
    to = to < bins - 1 ? (to > from ? to : from) : bins - 1;
    double sum = 0.0;
    for (size_t i = from; i <= to; i++)
        sum += log(power[i] + 1e-30);
    return exp(sum / (double)(to - from + 1));
}

static v2s_status equalise(design *s) {
    double y[AZIMUTHS * V2S_MAX_CHANNELS];
    double *power = malloc(s->bins * sizeof *power);
    if (!power)
        return V2S_FAIL(V2S_NOMEM, "binaural filters: out of memory");
    for (int a = 0; a < AZIMUTHS; a++) {
        double *row = y + a * s->channels;
        v2s_sh_sn3d(s->order, v2s_unit_from_angles(2.0 * V2S_PI * a / AZIMUTHS, 0.0), row);
        for (int c = 0; c < s->channels; c++)
            row[c] *= v2s_n3d_from_sn3d(c);
    }
    double mean = 0.0, count = 0.0;
    for (size_t k = 0; k < s->bins; k++) {
        power[k] = horizontal_power(s, y, k);
        double hz = (double)k * s->bin_hz;
        if (hz >= 300.0 && hz <= 5000.0 && power[k] > 0.0) {
            mean += log(power[k]) / hz;
            count += 1.0 / hz;
        }
    }
    // Bounds are relative to the middle band's geometric mean over log frequency.
    double middle = count > 0.0 ? exp(mean / count) : 1.0, bound = pow(10.0, max_gain_db / 10.0);
    for (size_t k = 0; k < s->bins; k++) {
        double at = fmin(fmax((double)k, eq_low_hz / s->bin_hz), eq_high_hz / s->bin_hz);
        double p = smoothed(power, s->bins, at);
        p = fmin(fmax(p, middle / bound), middle * bound);
        double gain = p > 0.0 ? 1.0 / sqrt(p) : 0.0;
        for (int e = 0; e < 2; e++)
            for (int i = 0; i < 2 * s->channels; i++)
                filter_at(s, e, k)[i] *= gain;
    }
    free(power);
    return V2S_OK;
}

// filters[e][c][t] = sum over bins of d exp(2 pi i f (t - latency) / rate), windowed.
static v2s_status synthesise(const design *s, double rate_hz, size_t taps, size_t latency,
                             float *filters) {
    // Half a Hann at each end, an eighth of the length: cuts without a step.
    size_t edge = taps / 8, n = (size_t)s->channels, rows = 2 * n;
    double *sum = malloc(rows * sizeof *sum);
    if (!sum)
        return V2S_FAIL(V2S_NOMEM, "binaural filters: out of memory");
    for (size_t t = 0; t < taps; t++) {
        double seconds = ((double)t - (double)latency) / rate_hz;
        memset(sum, 0, rows * sizeof *sum);
        for (size_t k = 0; k < s->bins && (double)k * s->bin_hz < rate_hz / 2; k++) {
            double angle = 2.0 * V2S_PI * (double)k * s->bin_hz * seconds;
            // Bins 0 and n/2 have no mirror image. 1 / n x native rate / new rate: a filter is a
            // density in time.
            double scale = (k == 0 || k == s->bins - 1 ? 1.0 : 2.0) * s->bin_hz / rate_hz;
            double c = scale * cos(angle), q = scale * sin(angle);
            for (int e = 0; e < 2; e++) {
                const double *d = filter_at(s, e, k);
                for (size_t i = 0; i < n; i++)
                    sum[(size_t)e * n + i] += d[2 * i] * c - d[2 * i + 1] * q;
            }
        }
        size_t end = t < taps - 1 - t ? t : taps - 1 - t;
        double window =
            end < edge ? 0.5 - 0.5 * cos(V2S_PI * ((double)end + 0.5) / (double)edge) : 1.0;
        for (size_t i = 0; i < rows; i++)
            filters[i * taps + t] = (float)(window * sum[i] * v2s_n3d_from_sn3d((int)(i % n)));
    }
    free(sum);
    return V2S_OK;
}

static v2s_status check_arguments(const v2s_hrtf *hrtf, int order, double rate_hz) {
    if (order < 1 || order > V2S_MAX_ORDER)
        return V2S_FAIL(V2S_ARG, "binaural decoder: order %d, need 1..%d", order, V2S_MAX_ORDER);
    if (!(rate_hz >= 4000.0 && rate_hz <= 400000.0))
        return V2S_FAIL(V2S_ARG, "binaural decoder: rate %g Hz, need 4000..400000", rate_hz);
    if (!(hrtf->rate_hz >= 4000.0 && hrtf->rate_hz <= 400000.0) || hrtf->taps < MIN_TAPS)
        return V2S_FAIL(V2S_FORMAT,
                        "head-related responses '%s': %d samples at %g Hz, need at "
                        "least %d at 4000..400000 Hz",
                        hrtf->title, hrtf->taps, hrtf->rate_hz, MIN_TAPS);
    if (hrtf->measurements < v2s_channels_of_order(order))
        return V2S_FAIL(V2S_FORMAT,
                        "head-related responses '%s': %d directions, need at least %d for order %d",
                        hrtf->title, hrtf->measurements, v2s_channels_of_order(order), order);
    return V2S_OK;
}

v2s_status v2s_binaural_design(const v2s_hrtf *hrtf, int order, double rate_hz,
                               v2s_binaural_method method, float **filters, size_t *taps,
                               size_t *latency) {
    V2S_TRY(check_arguments(hrtf, order, rate_hz));
    design s = {0};
    float *out = NULL;
    size_t length = (size_t)ceil(filter_s * rate_hz / 16.0) * 16;
    v2s_status status;
    V2S_TRY_GOTO(status, design_init(&s, hrtf, order), end);
    V2S_TRY_GOTO(status, transform_responses(&s), end);
    find_weights(&s);
    remove_bulk_delay(&s);
    extend_low_end(&s);
    fill_harmonics(&s);
    if (method == V2S_BINAURAL_MAGLS)
        design_magls(&s);
    else
        design_speakers(&s);
    V2S_TRY_GOTO(status, equalise(&s), end);
    out = malloc(2 * (size_t)s.channels * length * sizeof *out);
    if (!out) {
        status = V2S_FAIL(V2S_NOMEM, "binaural filters: out of memory");
        goto end;
    }
    V2S_TRY_GOTO(status, synthesise(&s, rate_hz, length, length / 2, out), end);
    for (size_t i = 0; i < 2 * (size_t)s.channels * length; i++)
        if (!isfinite(out[i])) {
            status = V2S_FAIL(V2S_FORMAT,
                              "head-related responses '%s': values or directions out of range",
                              hrtf->title);
            goto end;
        }
end:
    design_free(&s);
    if (status != V2S_OK) {
        free(out);
        return status;
    }
    *filters = out;
    *taps = length;
    *latency = length / 2;
    return V2S_OK;
}
