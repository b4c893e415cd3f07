// SPDX-License-Identifier: MIT
#include "tests/support/make_seld.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <criterion/criterion.h>

#include "spatial/conventions.h"
#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"

void v2s_test_make_folder(const char *name) {
    char part[256];
    for (const char *c = name;; c++) {
        if (*c != '/' && *c != '\0')
            continue;
        snprintf(part, sizeof part, "%.*s", (int)(c - name), name);
        cr_assert(mkdir(v2s_test_path(part), 0777) == 0 || errno == EEXIST, "%s", part);
        if (*c == '\0')
            return;
    }
}

static void make_parent(const char *name) {
    char parent[256];
    const char *slash = strrchr(name, '/');
    if (slash == NULL)
        return;
    snprintf(parent, sizeof parent, "%.*s", (int)(slash - name), name);
    v2s_test_make_folder(parent);
}

void v2s_test_make_text(const char *name, const char *text) {
    make_parent(name);
    v2s_test_write_text(name, text);
}

static v2s_vec3 direction(const v2s_test_source *s, double time_s) {
    return v2s_unit_from_angles(v2s_rad(s->az_deg + s->turn_deg_s * (time_s - s->start_s)),
                                v2s_rad(s->el_deg));
}

// out[4] of a plane wave of 1.
static void encode(v2s_layout layout, v2s_vec3 u, double out[4]) {
    double g = layout == V2S_LAYOUT_N3D ? sqrt(3.0) : 1;
    double w = layout == V2S_LAYOUT_FUMA ? sqrt(0.5) : 1;
    bool wxyz = layout == V2S_LAYOUT_FUMA || layout == V2S_LAYOUT_WXYZ_SN3D;
    const double acn[4] = {w, g * u.y, g * u.z, g * u.x}, xyz[4] = {w, u.x, u.y, u.z};
    memcpy(out, wxyz ? xyz : acn, sizeof acn);
}

static size_t frames_of(const v2s_test_field *f) {
    return (size_t)llround(f->duration_s * f->rate_hz);
}

void v2s_test_make_field(const char *name, const v2s_test_field *f) {
    size_t frames = frames_of(f);
    float *foa = malloc(4 * frames * sizeof *foa), *noise = malloc(frames * sizeof *noise);
    cr_assert(foa != NULL && noise != NULL);
    hash_noise(77, 4 * frames, 2e-5f, foa);
    for (size_t k = 0; k < f->count; k++) {
        const v2s_test_source *s = &f->sources[k];
        hash_noise(200 + (unsigned)k, frames, 0.2f, noise);
        for (size_t i = 0; i < frames; i++) {
            double time_s = ((double)i + 0.5) / f->rate_hz, gains[4];
            if (time_s < s->start_s || time_s >= s->end_s)
                continue;
            encode(f->layout, direction(s, time_s), gains);
            for (int c = 0; c < 4; c++)
                foa[4 * i + (size_t)c] += (float)(gains[c] * (double)noise[i]);
        }
    }
    make_parent(name);
    v2s_test_make_wav(v2s_test_path(name), foa, frames, 4, f->rate_hz);
    free(foa);
    free(noise);
}

void v2s_test_make_dry(const char *name, const v2s_test_field *f) {
    size_t frames = frames_of(f);
    float *mono = calloc(frames, sizeof *mono), *noise = malloc(frames * sizeof *noise);
    cr_assert(mono != NULL && noise != NULL);
    for (size_t k = 0; k < f->count; k++) {
        hash_noise(200 + (unsigned)k, frames, 0.2f, noise);
        for (size_t i = 0; i < frames; i++) {
            double time_s = ((double)i + 0.5) / f->rate_hz;
            if (time_s >= f->sources[k].start_s && time_s < f->sources[k].end_s)
                mono[i] += noise[i];
        }
    }
    make_parent(name);
    v2s_test_make_wav(v2s_test_path(name), mono, frames, 1, f->rate_hz);
    free(mono);
    free(noise);
}

void v2s_test_make_rows(const char *name, const v2s_test_field *f, double off_deg,
                        double distance_cm) {
    make_parent(name);
    FILE *file = fopen(v2s_test_path(name), "wb");
    cr_assert(file != NULL, "%s", name);
    double last_s = 0;
    for (size_t k = 0; k < f->count; k++)
        last_s = fmax(last_s, f->sources[k].end_s);
    for (int frame = 0; frame < (int)lround(10 * last_s); frame++)
        for (size_t k = 0; k < f->count; k++) {
            const v2s_test_source *s = &f->sources[k];
            double middle_s = (frame + 0.5) / 10;
            if (middle_s < s->start_s || middle_s >= s->end_s)
                continue;
            double az_deg = s->az_deg + s->turn_deg_s * (middle_s - s->start_s) + off_deg;
            fprintf(file, "%d,%zu,%zu,%.0f,%.0f", frame, k, k, remainder(az_deg, 360), s->el_deg);
            if (distance_cm > 0)
                fprintf(file, ",%.0f", distance_cm);
            fputc('\n', file);
        }
    fclose(file);
}
