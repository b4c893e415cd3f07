// SPDX-License-Identifier: MIT
#include "spatial/scale_filter.h"

#include <math.h>
#include <string.h>

#include "spatial/conventions.h"
#include "spatial/hog.h"

static float *take(v2s_arena *arena, size_t floats) {
    return v2s_arena_take(arena, floats, sizeof(float));
}

// Transforms one column of n values with the row transform (lane 0 carries it).
static void transform_line(v2s_scale_filter *f, const v2s_track_ops *ops, const float *in,
                           float *out_re, float *out_im) {
    float *rows = f->samples;
    memset(rows, 0, (size_t)f->plan.n * V2S_ROW * sizeof(float));
    for (int k = 0; k < f->plan.n; k++)
        rows[k * V2S_ROW] = in[k];
    ops->fft_axis(&f->plan, 1, rows, f->fft_scratch);
    for (int k = 0; k < f->plan.n; k++) {
        out_re[k] = rows[k * V2S_ROW];
        out_im[k] = rows[k * V2S_ROW + V2S_LANES];
    }
}

// Label: a Gaussian over the sizes, deviation sqrt(count) / 4 (the authors' program); Hann window.
static void make_label(v2s_scale_filter *f, const v2s_track_ops *ops) {
    float line[V2S_SCALE_MAX] = {0};
    int count = f->config.count;
    double sigma = 0.25 * sqrt(count);
    for (int j = 0; j < count; j++) {
        double d = (j - (count - 1) / 2) / sigma;
        line[j] = (float)exp(-0.5 * d * d);
        f->window[j] = (float)(0.5 - 0.5 * cos(2.0 * V2S_PI * (j + 1) / (count + 1)));
    }
    for (int k = 0; k < f->plan.n; k++) {
        f->cosine[k] = cos(2.0 * V2S_PI * k / f->plan.n);
        f->sine[k] = sin(2.0 * V2S_PI * k / f->plan.n);
    }
    transform_line(f, ops, line, f->label, f->label + V2S_SCALE_MAX);
}

// Cells whose product times 16 pixels is near the area allowed and whose ratio is the box's.
static void choose_grid(v2s_scale_filter *f, double w, double h) {
    double cells = f->config.area / (double)(V2S_HOG_CELL * V2S_HOG_CELL);
    double cw = sqrt(cells * w / h);
    f->cw = cw < 2.0 ? 2 : cw > cells / 2.0 ? (int)(cells / 2.0) : (int)(cw + 0.5);
    f->ch = (int)(cells / f->cw + 0.5);
    f->ch = f->ch < 2 ? 2 : f->ch;
}

void v2s_scale_init(v2s_scale_filter *f, v2s_arena *arena, const v2s_scale_config *config, double w,
                    double h, int picture_width) {
    *f = (v2s_scale_filter){.config = *config};
    choose_grid(f, w, h);
    v2s_fft_plan_init(&f->plan, v2s_fft_length(config->count + 3));
    V2S_ASSERT(f->plan.n >= config->count && f->plan.n <= V2S_SCALE_MAX);
    size_t cells = (size_t)f->cw * (size_t)f->ch;
    f->model = take(arena, cells * (size_t)f->plan.n * V2S_ROW);
    f->samples = take(arena, cells * (size_t)f->plan.n * V2S_ROW);
    f->pixels = take(arena, cells * V2S_HOG_CELL * V2S_HOG_CELL);
    f->features = take(arena, cells * V2S_ROW);
    f->hog_scratch = take(arena, v2s_hog_scratch_floats(f->cw, f->ch));
    f->fft_scratch = take(arena, 2 * V2S_FFT_MAX * V2S_ROW);
    f->row = take(arena, (size_t)picture_width + 2);
    if (f->row)
        make_label(f, v2s_track_ops_for(V2S_ISA_SCALAR));
}

// Spectra over the sizes of all features of the box, in f->samples.
static void sample(v2s_scale_filter *f, const v2s_track_ops *ops, const v2s_picture *picture,
                   v2s_box box, v2s_pyramid *pyramid) {
    int n = f->plan.n, cells = f->cw * f->ch, count = f->config.count;
    v2s_window at = {box.x + 0.5 * box.w,  box.y + 0.5 * box.h, 0, 0,
                     f->cw * V2S_HOG_CELL, f->ch * V2S_HOG_CELL};
    double largest = pow(f->config.step, (count - 1) / 2);
    at.step_x = box.w / at.width;
    at.step_y = box.h / at.height;
    // One level of the pyramid for all sizes: the middle one's. The area is the largest one's.
    v2s_window all = at;
    all.width = (int)ceil(at.width * largest) + 1;
    all.height = (int)ceil(at.height * largest) + 1;
    v2s_patch_source source = v2s_patch_prepare(ops, picture, V2S_PLANE_Y, &all, pyramid);
    memset(f->samples, 0, (size_t)cells * (size_t)n * V2S_ROW * sizeof(float));
    double scale = 1.0 / largest;
    for (int j = 0; j < count; j++, scale *= f->config.step) {
        v2s_window w = at;
        w.step_x *= scale;
        w.step_y *= scale;
        v2s_patch_sample(ops, &source, &w, f->row, f->pixels);
        v2s_hog(ops, f->pixels, f->cw, f->ch, NULL, f->hog_scratch, f->features);
        for (int c = 0; c < cells; c++)
            for (int l = 0; l < V2S_ROW; l++)
                f->samples[((size_t)c * (size_t)n + (size_t)j) * V2S_ROW + (size_t)l] =
                    f->features[c * V2S_ROW + l] * f->window[j];
    }
    for (int c = 0; c < cells; c++)
        ops->fft_axis(&f->plan, 1, f->samples + (size_t)c * (size_t)n * V2S_ROW, f->fft_scratch);
}

void v2s_scale_train(v2s_scale_filter *f, const v2s_track_ops *ops, const v2s_picture *picture,
                     v2s_box box, v2s_pyramid *pyramid) {
    int n = f->plan.n, cells = f->cw * f->ch;
    float rate = f->trained ? (float)f->config.rate : 1.0f;
    float re[V2S_SCALE_MAX], im[V2S_SCALE_MAX];
    sample(f, ops, picture, box, pyramid);
    ops->lerp(f->model, f->samples, rate, (size_t)cells * (size_t)n * V2S_ROW);
    ops->cross(f->samples, f->samples, cells, 1, n, n, re, im);
    // Packed pairs: B of the real channels is the even part of the packed energy.
    for (int k = 0; k < n; k++) {
        float b = 0.5f * (re[k] + re[(n - k) % n]);
        f->denominator[k] += rate * (b - f->denominator[k]);
    }
    f->trained = true;
}

// Place of the maximum of y[0 .. count-1], refined by a parabola.
static double peak_of(const double *y, int count) {
    int best = 0;
    for (int j = 1; j < count; j++)
        if (y[j] > y[best])
            best = j;
    if (best == 0 || best == count - 1)
        return best;
    double curve = y[best - 1] - 2.0 * y[best] + y[best + 1];
    return curve < 0.0 ? best + 0.5 * (y[best - 1] - y[best + 1]) / curve : best;
}

double v2s_scale_detect(v2s_scale_filter *f, const v2s_track_ops *ops, const v2s_picture *picture,
                        v2s_box box, v2s_pyramid *pyramid) {
    int n = f->plan.n, count = f->config.count;
    float re[V2S_SCALE_MAX], im[V2S_SCALE_MAX];
    double y[V2S_SCALE_MAX];
    sample(f, ops, picture, box, pyramid);
    ops->cross(f->model, f->samples, f->cw * f->ch, 1, n, n, re, im);
    const float *g_re = f->label, *g_im = f->label + V2S_SCALE_MAX;
    for (int k = 0; k < n; k++) {
        float d = 1.0f / (f->denominator[k] + (float)f->config.lambda);
        float a = re[k] * g_re[k] - im[k] * g_im[k], b = re[k] * g_im[k] + im[k] * g_re[k];
        re[k] = a * d;
        im[k] = b * d;
    }
    for (int j = 0; j < count; j++) {
        y[j] = 0.0;
        for (int k = 0; k < n; k++) {
            int turn = j * k % n;
            y[j] += re[k] * f->cosine[turn] - im[k] * f->sine[turn];
        }
    }
    return pow(f->config.step, peak_of(y, count) - (count - 1) / 2);
}
