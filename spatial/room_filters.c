// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/room_images.h"

enum { POINTS = 25, NUMBERS = 2 * POINTS };

typedef struct rows {
    const v2s_room *room;
    const v2s_room_bands *bands;
    uint16_t (*counts)[V2S_ROOM_WALLS]; // [rows], reflections per kind of wall
    double *energy;                     // [rows] of its images
} rows;

static void counts_of(const rows *r, const v2s_room_image *image, uint16_t counts[V2S_ROOM_WALLS]) {
    memset(counts, 0, V2S_ROOM_WALLS * sizeof *counts);
    for (int axis = 0; axis < 3; axis++) {
        int hits[2];
        v2s_room_hits_of(image->m[axis], hits);
        for (int side = 0; side < 2; side++)
            counts[r->bands->kind[2 * axis + side]] += (uint16_t)hits[side];
    }
}

// Counts of reflections per kind of wall as one number, never 0.
static uint64_t key_of(const rows *r, const v2s_room_image *image) {
    uint16_t counts[V2S_ROOM_WALLS];
    uint64_t key = 1;
    counts_of(r, image, counts);
    for (int w = 0; w < V2S_ROOM_WALLS; w++)
        key = key << 10 | counts[w];
    return key;
}

typedef struct slot {
    uint64_t key; // 0: empty
    uint32_t row;
} slot;

// Numbers the rows in the order of their first images, which are (*first)[row].
static v2s_status number_rows(const rows *r, v2s_room_images *im, size_t **first) {
    size_t size = 16;
    while (size < 2 * im->count)
        size *= 2;
    slot *slots = calloc(size, sizeof *slots);
    size_t *made = malloc((im->count + 1) * sizeof *made);
    if (slots == NULL || made == NULL) {
        free(slots);
        free(made);
        return V2S_FAIL(V2S_NOMEM, "room: out of memory for %zu images", im->count);
    }
    im->rows = 0;
    for (size_t i = 0; i < im->count; i++) {
        uint64_t key = key_of(r, &im->items[i]), hash = key * 0x9E3779B97F4A7C15u;
        size_t at = (size_t)(hash >> 32) & (size - 1);
        while (slots[at].key != 0 && slots[at].key != key)
            at = (at + 1) & (size - 1);
        if (slots[at].key == 0) {
            slots[at] = (slot){key, (uint32_t)im->rows};
            made[im->rows++] = i;
        }
        im->items[i].row = slots[at].row;
    }
    free(slots);
    *first = made;
    return V2S_OK;
}

// About the distance of an image, wherever the source is in its cell.
static double square_distance(const v2s_room *room, const v2s_room_image *image) {
    const double length[3] = {room->size_m.x, room->size_m.y, room->size_m.z};
    const double listener[3] = {room->listener_m.x, room->listener_m.y, room->listener_m.z};
    double square = 0.0;
    for (int axis = 0; axis < 3; axis++) {
        double middle = (image->m[axis] + 0.5) * length[axis] - listener[axis];
        square += middle * middle + 0.06 * length[axis] * length[axis];
    }
    return square;
}

static void fill_rows(const rows *r, const v2s_room_images *im, const size_t *first) {
    for (size_t i = 0; i < im->rows; i++) {
        counts_of(r, &im->items[first[i]], r->counts[i]);
        r->energy[i] = 0.0;
    }
    for (size_t i = 0; i < im->count; i++)
        r->energy[im->items[i].row] += 1.0 / square_distance(r->room, &im->items[i]);
}

// Rows as NUMBERS real numbers: POINTS frequencies, three an octave, complex, weighted so that the
// energy is between that of white and of pink sound.
static void sample_rows(const rows *r, size_t count, double *samples) {
    const v2s_room_bands *bands = r->bands;
    double highest = (double)(bands->bins - 1) * bands->bin_hz;
    for (int p = 0; p < POINTS; p++) {
        double hz = fmin(48.0 * pow(2.0, p / 3.0), 0.96 * highest);
        double weight = pow(hz / 1000.0, 0.25);
        for (size_t i = 0; i < count; i++) {
            v2s_complex at = v2s_room_bands_at(bands, r->counts[i], hz);
            samples[i * NUMBERS + 2 * (size_t)p] = weight * (double)at.re;
            samples[i * NUMBERS + 2 * (size_t)p + 1] = weight * (double)at.im;
        }
    }
}

static double square_of(const double *x) {
    double sum = 0.0;
    for (int k = 0; k < NUMBERS; k++)
        sum += x[k] * x[k];
    return sum;
}

// Gram-Schmidt with the row of the largest remainder next: row = along q_0 + along q_1 + ..., the
// pivots themselves are rows, so the coefficients follow by back substitution.
static void find_pivots(const rows *r, double remainder, v2s_room_images *im, double *rest,
                        double *along) {
    double first_total = 0.0;
    size_t pivot[V2S_ROOM_MAX_PIVOTS];
    for (im->pivots = 0; im->pivots < V2S_ROOM_MAX_PIVOTS; im->pivots++) {
        double total = 0.0, most = 0.0;
        size_t best = 0;
        for (size_t i = 0; i < im->rows; i++) {
            double e = r->energy[i] * square_of(rest + i * NUMBERS);
            total += e;
            if (e > most) {
                most = e;
                best = i;
            }
        }
        first_total = im->pivots == 0 ? total : first_total;
        if (total <= remainder * first_total)
            break;
        double q[NUMBERS], size = sqrt(square_of(rest + best * NUMBERS));
        for (int k = 0; k < NUMBERS; k++)
            q[k] = rest[best * NUMBERS + (size_t)k] / size;
        for (size_t i = 0; i < im->rows; i++) {
            double *row = rest + i * NUMBERS, dot = 0.0;
            for (int k = 0; k < NUMBERS; k++)
                dot += row[k] * q[k];
            for (int k = 0; k < NUMBERS; k++)
                row[k] -= dot * q[k];
            along[i * V2S_ROOM_MAX_PIVOTS + (size_t)im->pivots] = dot;
        }
        pivot[im->pivots] = best;
        memcpy(im->pivot_counts[im->pivots], r->counts[best], sizeof r->counts[best]);
    }
    for (size_t i = 0; i < im->rows; i++) {
        double *a = along + i * V2S_ROOM_MAX_PIVOTS, c[V2S_ROOM_MAX_PIVOTS];
        for (int k = im->pivots - 1; k >= 0; k--) {
            double sum = a[k];
            for (int j = k + 1; j < im->pivots; j++)
                sum -= c[j] * along[pivot[j] * V2S_ROOM_MAX_PIVOTS + (size_t)k];
            c[k] = sum / along[pivot[k] * V2S_ROOM_MAX_PIVOTS + (size_t)k];
        }
        for (int k = 0; k < im->pivots; k++)
            im->coefficient[i * (size_t)im->pivots + (size_t)k] = (float)c[k];
    }
}

static v2s_status factor_rows(const rows *r, double remainder, v2s_room_images *im) {
    double *samples = malloc((im->rows + 1) * NUMBERS * sizeof *samples);
    double *along = calloc((im->rows + 1) * V2S_ROOM_MAX_PIVOTS, sizeof *along);
    im->coefficient = malloc((im->rows + 1) * V2S_ROOM_MAX_PIVOTS * sizeof *im->coefficient);
    v2s_status status = V2S_OK;
    if (samples == NULL || along == NULL || im->coefficient == NULL)
        status = V2S_FAIL(V2S_NOMEM, "room: out of memory for %zu filters", im->rows);
    if (status == V2S_OK) {
        sample_rows(r, im->rows, samples);
        find_pivots(r, remainder, im, samples, along);
    }
    free(samples);
    free(along);
    return status;
}

v2s_status v2s_room_filters_find(const v2s_room *room, const v2s_room_bands *bands,
                                 double remainder, v2s_room_images *im) {
    rows r = {.room = room, .bands = bands};
    size_t *first = NULL;
    V2S_TRY(number_rows(&r, im, &first));
    r.counts = malloc((im->rows + 1) * sizeof *r.counts);
    r.energy = malloc((im->rows + 1) * sizeof *r.energy);
    v2s_status status = r.counts && r.energy ? V2S_OK
                                             : V2S_FAIL(V2S_NOMEM,
                                                        "room: out of memory for %zu "
                                                        "filters",
                                                        im->rows);
    if (status == V2S_OK) {
        fill_rows(&r, im, first);
        status = factor_rows(&r, remainder, im);
    }
    free(first);
    free(r.counts);
    free(r.energy);
    return status;
}

// y *= x^power over the bins; x becomes something else.
static void multiply_power(v2s_complex *x, unsigned power, size_t bins, v2s_complex *y) {
    for (; power > 0; power >>= 1) {
        if (power & 1)
            for (size_t k = 0; k < bins; k++)
                y[k] = (v2s_complex){y[k].re * x[k].re - y[k].im * x[k].im,
                                     y[k].re * x[k].im + y[k].im * x[k].re};
        if (power > 1)
            for (size_t k = 0; k < bins; k++)
                x[k] =
                    (v2s_complex){x[k].re * x[k].re - x[k].im * x[k].im, 2.0f * x[k].re * x[k].im};
    }
}

v2s_status v2s_room_pivot_spectra(const v2s_room_images *im, const v2s_room_bands *bands,
                                  double rate_hz, size_t n, v2s_complex **spectra) {
    size_t bins = n / 2 + 1;
    v2s_complex *made = v2s_fft_alloc((size_t)im->pivots * bins, sizeof *made);
    v2s_complex *once = v2s_fft_alloc(2 * bins, sizeof *once), *work = once + bins;
    if (made == NULL || once == NULL) {
        v2s_fft_free(made);
        v2s_fft_free(once);
        return V2S_FAIL(V2S_NOMEM, "room: out of memory for its walls");
    }
    for (size_t i = 0; i < (size_t)im->pivots * bins; i++)
        made[i].re = 1.0f;
    for (int kind = 0; kind < bands->kinds; kind++) {
        uint16_t counts[V2S_ROOM_WALLS] = {0};
        counts[kind] = 1;
        for (size_t k = 0; k < bins; k++)
            once[k] = v2s_room_bands_at(bands, counts, (double)k * rate_hz / (double)n);
        for (int p = 0; p < im->pivots; p++) {
            memcpy(work, once, bins * sizeof *work);
            multiply_power(work, im->pivot_counts[p][kind], bins, made + (size_t)p * bins);
        }
    }
    v2s_fft_free(once);
    *spectra = made;
    return V2S_OK;
}
