// SPDX-License-Identifier: MIT
#include "spatial/room_images.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/conventions.h"

enum { MAX_IMAGES = 4000000, POINTS = 25, NUMBERS = 2 * POINTS };

// ---- the lattice ------------------------------------------------------------------------------

typedef struct axes {
    double length_m[3], listener_m[3];
    bool dead[V2S_ROOM_WALLS]; // nothing comes back
} axes;

static axes axes_of(const v2s_room *room) {
    axes a = {{room->size_m.x, room->size_m.y, room->size_m.z},
              {room->listener_m.x, room->listener_m.y, room->listener_m.z},
              {false}};
    for (int w = 0; w < V2S_ROOM_WALLS; w++) {
        a.dead[w] = true;
        for (int b = 0; b < V2S_ROOM_BANDS; b++)
            a.dead[w] = a.dead[w] && room->absorption[w][b] >= 1.0;
    }
    return a;
}

// Reflections on the walls at 0 and at L.
static void hits_of(int m, int hits[2]) {
    int n = abs(m), near = (n + 1) / 2;
    hits[0] = m > 0 ? n - near : near;
    hits[1] = n - hits[0];
}

static bool alive(const axes *a, int axis, int m) {
    int hits[2];
    hits_of(m, hits);
    return !(hits[0] > 0 && a->dead[2 * axis]) && !(hits[1] > 0 && a->dead[2 * axis + 1]);
}

// Least distance along an axis from the listener to the image, wherever the source is in its cell.
static double gap_m(const axes *a, int axis, int m) {
    double low = m * a->length_m[axis] - a->listener_m[axis];
    double high = low + a->length_m[axis];
    return low > 0.0 ? low : high < 0.0 ? -high : 0.0;
}

static void find_ranges(const axes *a, int to_order, double radius_m, v2s_room_images *im) {
    for (int axis = 0; axis < 3; axis++) {
        for (im->high[axis] = 0; im->high[axis] < to_order &&
                                 gap_m(a, axis, im->high[axis] + 1) <= radius_m &&
                                 alive(a, axis, im->high[axis] + 1);)
            im->high[axis]++;
        for (im->low[axis] = 0; - im->low[axis] < to_order &&
                                gap_m(a, axis, im->low[axis] - 1) <= radius_m &&
                                alive(a, axis, im->low[axis] - 1);)
            im->low[axis]--;
    }
}

// Walks the lattice; stores into im->items where there are any, and counts.
static void walk(const axes *a, int from_order, int to_order, double radius_m,
                 v2s_room_images *im) {
    im->count = 0;
    double limit = radius_m * radius_m;
    for (int z = im->low[2]; z <= im->high[2]; z++)
        for (int y = im->low[1]; y <= im->high[1]; y++) {
            double gy = gap_m(a, 1, y), gz = gap_m(a, 2, z), yz = gy * gy + gz * gz;
            int order_yz = abs(y) + abs(z);
            if (yz > limit || order_yz > to_order)
                continue;
            for (int x = im->low[0]; x <= im->high[0]; x++) {
                double gx = gap_m(a, 0, x);
                int order = order_yz + abs(x);
                if (order < from_order || order > to_order || gx * gx + yz > limit)
                    continue;
                if (im->items != NULL)
                    im->items[im->count] =
                        (v2s_room_image){{(int16_t)x, (int16_t)y, (int16_t)z}, (int16_t)order, 0};
                im->count++;
            }
        }
}

static double longest_m(const axes *a, double radius_m, const v2s_room_images *im) {
    double sum = 0.0;
    for (int axis = 0; axis < 3; axis++) {
        double low = a->listener_m[axis] - im->low[axis] * a->length_m[axis];
        double high = (im->high[axis] + 1) * a->length_m[axis] - a->listener_m[axis];
        sum += fmax(low, high) * fmax(low, high);
    }
    return fmin(sqrt(sum), radius_m);
}

// ---- rows and pivots --------------------------------------------------------------------------

typedef struct rows {
    const v2s_room *room;
    int kind[V2S_ROOM_WALLS]; // first wall with the same absorption
    double (*log)[V2S_ROOM_BANDS];
    double *energy; // [rows] of its images
} rows;

static void find_kinds(rows *r) {
    for (int w = 0; w < V2S_ROOM_WALLS; w++) {
        r->kind[w] = w;
        for (int v = w - 1; v >= 0; v--)
            if (memcmp(r->room->absorption[v], r->room->absorption[w],
                       sizeof r->room->absorption[v]) == 0)
                r->kind[w] = v;
    }
}

static void counts_of(const rows *r, const v2s_room_image *image, int counts[V2S_ROOM_WALLS]) {
    memset(counts, 0, V2S_ROOM_WALLS * sizeof *counts);
    for (int axis = 0; axis < 3; axis++) {
        int hits[2];
        hits_of(image->m[axis], hits);
        counts[r->kind[2 * axis]] += hits[0];
        counts[r->kind[2 * axis + 1]] += hits[1];
    }
}

// Counts of reflections per kind of wall as one number, never 0.
static uint64_t key_of(const rows *r, const v2s_room_image *image) {
    int counts[V2S_ROOM_WALLS];
    uint64_t key = 1;
    counts_of(r, image, counts);
    for (int w = 0; w < V2S_ROOM_WALLS; w++)
        key = key << 10 | (uint64_t)counts[w];
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

static void fill_rows(const rows *r, const axes *a, bool flat, const v2s_room_images *im,
                      const size_t *first) {
    double wall[V2S_ROOM_WALLS][V2S_ROOM_BANDS];
    for (int w = 0; w < V2S_ROOM_WALLS; w++)
        for (int b = 0; b < V2S_ROOM_BANDS; b++)
            wall[w][b] = v2s_room_log_reflection(r->room->absorption[w][b]);
    for (size_t i = 0; i < im->rows; i++) {
        int counts[V2S_ROOM_WALLS];
        counts_of(r, &im->items[first[i]], counts);
        for (int b = 0; b < V2S_ROOM_BANDS; b++) {
            r->log[i][b] = 0.0;
            for (int w = 0; w < V2S_ROOM_WALLS; w++)
                r->log[i][b] += counts[w] * wall[w][b];
        }
        r->energy[i] = 0.0;
    }
    // How much each row weighs when filters are shared; flat walls share none.
    for (size_t i = 0; i < im->count && !flat; i++) {
        double square = 0.0;
        for (int axis = 0; axis < 3; axis++) {
            double d = gap_m(a, axis, im->items[i].m[axis]) + 0.25 * a->length_m[axis];
            square += d * d;
        }
        r->energy[im->items[i].row] += 1.0 / square;
    }
}

// Rows as NUMBERS real numbers: POINTS frequencies, three an octave, complex, weighted so that the
// energy is between that of white and of pink sound.
static void sample_rows(const rows *r, const v2s_room_bands *bands, size_t count, double *samples) {
    double highest = (double)(bands->bins - 1) * bands->bin_hz;
    for (int p = 0; p < POINTS; p++) {
        double hz = fmin(48.0 * pow(2.0, p / 3.0), 0.96 * highest);
        double weight = pow(hz / 1000.0, 0.25);
        for (size_t i = 0; i < count; i++) {
            v2s_complex at = v2s_room_bands_at(bands, r->log[i], hz);
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
        memcpy(im->log_pivot[im->pivots], r->log[best], sizeof r->log[best]);
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

static v2s_status factor_rows(const rows *r, const v2s_room_bands *bands, double remainder,
                              v2s_room_images *im) {
    if (bands->flat) {
        im->pivots = 1;
        im->coefficient = malloc((im->rows + 1) * sizeof *im->coefficient);
        for (size_t i = 0; im->coefficient != NULL && i < im->rows; i++)
            im->coefficient[i] = (float)exp(r->log[i][0]);
        return im->coefficient ? V2S_OK : V2S_FAIL(V2S_NOMEM, "room: out of memory");
    }
    double *samples = malloc((im->rows + 1) * NUMBERS * sizeof *samples);
    double *along = calloc((im->rows + 1) * V2S_ROOM_MAX_PIVOTS, sizeof *along);
    im->coefficient = malloc((im->rows + 1) * V2S_ROOM_MAX_PIVOTS * sizeof *im->coefficient);
    v2s_status status = V2S_OK;
    if (samples == NULL || along == NULL || im->coefficient == NULL)
        status = V2S_FAIL(V2S_NOMEM, "room: out of memory for %zu filters", im->rows);
    if (status == V2S_OK) {
        sample_rows(r, bands, im->rows, samples);
        find_pivots(r, remainder, im, samples, along);
    }
    free(samples);
    free(along);
    return status;
}

static v2s_status check_count(const v2s_room *room, int to_order, double radius_m) {
    double least_m = fmin(fmin(room->size_m.x, room->size_m.y), room->size_m.z);
    double order = fmin(to_order, radius_m / least_m), volume = 4.0 / 3.0 * V2S_PI;
    double ball = volume * radius_m * radius_m * radius_m /
                  (room->size_m.x * room->size_m.y * room->size_m.z);
    double count = fmin(ball, 4.0 / 3.0 * order * order * order);
    if (count > MAX_IMAGES || order >= V2S_ROOM_ANY_ORDER)
        return V2S_FAIL(V2S_ARG,
                        "room: about %.3g images of up to %.0f reflections: expected at most %d of "
                        "%d; end the early part sooner or limit the order",
                        count, order, MAX_IMAGES, V2S_ROOM_ANY_ORDER - 1);
    return V2S_OK;
}

v2s_status v2s_room_images_open(const v2s_room *room, const v2s_room_bands *bands, int from_order,
                                int to_order, double radius_m, double remainder,
                                v2s_room_images *images) {
    v2s_room_images im = {0};
    axes a = axes_of(room);
    rows r = {.room = room};
    size_t *first = NULL;
    v2s_status status = V2S_OK;
    V2S_TRY(check_count(room, to_order, radius_m));
    find_ranges(&a, to_order, radius_m, &im);
    walk(&a, from_order, to_order, radius_m, &im);
    im.longest_m = longest_m(&a, radius_m, &im);
    im.items = malloc((im.count + 1) * sizeof *im.items);
    if (im.items == NULL)
        return V2S_FAIL(V2S_NOMEM, "room: out of memory for %zu images", im.count);
    walk(&a, from_order, to_order, radius_m, &im);
    find_kinds(&r);
    V2S_TRY_GOTO(status, number_rows(&r, &im, &first), done);
    r.log = malloc((im.rows + 1) * sizeof *r.log);
    r.energy = malloc((im.rows + 1) * sizeof *r.energy);
    if (r.log == NULL || r.energy == NULL)
        status = V2S_FAIL(V2S_NOMEM, "room: out of memory for %zu filters", im.rows);
    if (status == V2S_OK) {
        fill_rows(&r, &a, bands->flat, &im, first);
        status = factor_rows(&r, bands, remainder, &im);
    }
done:
    free(first);
    free(r.log);
    free(r.energy);
    if (status != V2S_OK) {
        v2s_room_images_close(&im);
        return status;
    }
    *images = im;
    return V2S_OK;
}

v2s_status v2s_room_pivot_spectra(const v2s_room_images *im, const v2s_room_bands *bands,
                                  double rate_hz, size_t n, v2s_complex **spectra) {
    size_t bins = n / 2 + 1;
    v2s_complex *made = v2s_fft_alloc((size_t)im->pivots * bins, sizeof *made);
    if (made == NULL)
        return V2S_FAIL(V2S_NOMEM, "room: out of memory for its walls");
    for (int p = 0; p < im->pivots; p++)
        for (size_t k = 0; k < bins; k++)
            made[(size_t)p * bins + k] =
                v2s_room_bands_at(bands, im->log_pivot[p], (double)k * rate_hz / (double)n);
    *spectra = made;
    return V2S_OK;
}

void v2s_room_images_close(v2s_room_images *images) {
    free(images->items);
    free(images->coefficient);
    *images = (v2s_room_images){0};
}
