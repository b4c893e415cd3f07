// SPDX-License-Identifier: MIT
#include "spatial/kcf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static float *take(v2s_arena *arena, size_t floats) {
    return v2s_arena_take(arena, floats, sizeof(float));
}

static size_t feature_floats(const v2s_kcf *kcf) {
    const v2s_kcf_config *c = &kcf->config;
    return (size_t)c->groups * (size_t)c->nx * (size_t)c->ny * V2S_ROW;
}

// Spectrum of the wanted response: a Gaussian whose peak is at (0, 0), wrapped around.
static void make_label(v2s_kcf *kcf, const v2s_track_ops *ops) {
    const v2s_kcf_config *c = &kcf->config;
    double s = -0.5 / (c->label_sigma * c->label_sigma);
    for (int y = 0; y < c->ny; y++)
        for (int x = 0; x < c->nx; x++) {
            int dx = 2 * x > c->nx ? x - c->nx : x, dy = 2 * y > c->ny ? y - c->ny : y;
            kcf->response[y * kcf->pitch_x + x] = (float)exp(s * (dx * dx + dy * dy));
        }
    ops->plane_forward(&kcf->px, &kcf->py, kcf->response, kcf->label_re, kcf->label_im,
                       kcf->scratch);
}

void v2s_kcf_init(v2s_kcf *kcf, v2s_arena *arena, const v2s_kcf_config *config,
                  const v2s_track_ops *ops) {
    *kcf = (v2s_kcf){.config = *config};
    kcf->pitch_x = v2s_plane_pitch(config->nx);
    kcf->pitch_y = v2s_plane_pitch(config->ny);
    v2s_fft_plan_init(&kcf->px, config->nx);
    v2s_fft_plan_init(&kcf->py, config->ny);
    size_t spectrum = (size_t)config->nx * (size_t)kcf->pitch_y;
    kcf->features = take(arena, feature_floats(kcf));
    kcf->model = take(arena, feature_floats(kcf));
    kcf->alpha_re = take(arena, spectrum);
    kcf->alpha_im = take(arena, spectrum);
    kcf->label_re = take(arena, spectrum);
    kcf->label_im = take(arena, spectrum);
    kcf->spectrum_re = take(arena, spectrum);
    kcf->spectrum_im = take(arena, spectrum);
    kcf->response = take(arena, (size_t)config->ny * (size_t)kcf->pitch_x);
    kcf->scratch = take(arena, V2S_PLANE_SCRATCH);
    if (kcf->response)
        make_label(kcf, ops);
}

void v2s_kcf_kernel(v2s_kcf *kcf, const v2s_track_ops *ops, const float *x, double x_energy,
                    const float *z, double z_energy, float *plane) {
    const v2s_kcf_config *c = &kcf->config;
    double n = (double)c->nx * c->ny * c->channels;
    ops->cross(x, z, c->groups, c->nx, c->ny, kcf->pitch_y, kcf->spectrum_re, kcf->spectrum_im);
    ops->plane_inverse(&kcf->px, &kcf->py, kcf->spectrum_re, kcf->spectrum_im, plane, kcf->scratch);
    ops->gauss(plane, c->ny * kcf->pitch_x, (float)(x_energy + z_energy),
               (float)(1.0 / (c->sigma * c->sigma * n)));
}

static void transform_features(v2s_kcf *kcf, const v2s_track_ops *ops) {
    const v2s_kcf_config *c = &kcf->config;
    size_t group = (size_t)c->nx * (size_t)c->ny * V2S_ROW;
    for (int g = 0; g < c->groups; g++)
        ops->fft_2d(&kcf->px, &kcf->py, kcf->features + (size_t)g * group, kcf->scratch);
}

// |x|^2 from a spectrum (Parseval).
static double spectrum_energy(const v2s_kcf *kcf, const v2s_track_ops *ops, const float *x) {
    return (double)ops->energy(x, feature_floats(kcf)) / ((double)kcf->config.nx * kcf->config.ny);
}

void v2s_kcf_train(v2s_kcf *kcf, const v2s_track_ops *ops, double rate) {
    size_t floats = feature_floats(kcf), spectrum = (size_t)kcf->config.nx * (size_t)kcf->pitch_y;
    float eta = kcf->trained ? (float)rate : 1.0f;
    double energy = (double)ops->energy(kcf->features, floats);
    transform_features(kcf, ops);
    v2s_kcf_kernel(kcf, ops, kcf->features, energy, kcf->features, energy, kcf->response);
    ops->plane_forward(&kcf->px, &kcf->py, kcf->response, kcf->spectrum_re, kcf->spectrum_im,
                       kcf->scratch);
    // k^xx is real (k^xx is symmetric), so the division is by a real number; eq. 17.
    for (size_t i = 0; i < spectrum; i++) {
        float scale = 1.0f / (kcf->spectrum_re[i] + (float)kcf->config.lambda);
        kcf->alpha_re[i] += eta * (kcf->label_re[i] * scale - kcf->alpha_re[i]);
        kcf->alpha_im[i] += eta * (kcf->label_im[i] * scale - kcf->alpha_im[i]);
    }
    ops->lerp(kcf->model, kcf->features, eta, floats);
    kcf->model_energy = spectrum_energy(kcf, ops, kcf->model);
    kcf->trained = true;
}

void v2s_kcf_detect(v2s_kcf *kcf, const v2s_track_ops *ops) {
    size_t spectrum = (size_t)kcf->config.nx * (size_t)kcf->pitch_y;
    double energy = (double)ops->energy(kcf->features, feature_floats(kcf));
    transform_features(kcf, ops);
    v2s_kcf_kernel(kcf, ops, kcf->model, kcf->model_energy, kcf->features, energy, kcf->response);
    ops->plane_forward(&kcf->px, &kcf->py, kcf->response, kcf->spectrum_re, kcf->spectrum_im,
                       kcf->scratch);
    for (size_t i = 0; i < spectrum; i++) {
        float re = kcf->spectrum_re[i], im = kcf->spectrum_im[i];
        kcf->spectrum_re[i] = re * kcf->alpha_re[i] - im * kcf->alpha_im[i];
        kcf->spectrum_im[i] = re * kcf->alpha_im[i] + im * kcf->alpha_re[i];
    }
    ops->plane_inverse(&kcf->px, &kcf->py, kcf->spectrum_re, kcf->spectrum_im, kcf->response,
                       kcf->scratch);
}

double v2s_kcf_psr(const v2s_kcf *kcf, int px, int py, int radius) {
    const v2s_kcf_config *c = &kcf->config;
    double sum = 0.0, squares = 0.0;
    int count = 0;
    for (int y = 0; y < c->ny; y++) {
        int dy = abs(y - py);
        dy = dy < c->ny - dy ? dy : c->ny - dy;
        for (int x = 0; x < c->nx; x++) {
            int dx = abs(x - px);
            dx = dx < c->nx - dx ? dx : c->nx - dx;
            if (dx <= radius && dy <= radius)
                continue;
            double v = kcf->response[y * kcf->pitch_x + x];
            sum += v;
            squares += v * v;
            count++;
        }
    }
    if (count == 0)
        return 0.0;
    double mean = sum / count, variance = squares / count - mean * mean;
    if (variance < 1e-12)
        return 0.0;
    return (kcf->response[py * kcf->pitch_x + px] - mean) / sqrt(variance);
}
