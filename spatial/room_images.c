// SPDX-License-Identifier: MIT
#include "spatial/room_images.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/conventions.h"

enum { MAX_IMAGES = 4000000 };

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

static bool alive(const axes *a, int axis, int m) {
    int hits[2];
    v2s_room_hits_of(m, hits);
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

// All images of a plane of the lattice, y and z given.
static size_t walk_line(const double *square_x, int y, int z, double square_yz, int from_order,
                        int to_order, double limit, const v2s_room_images *im, v2s_room_image *to) {
    size_t count = 0;
    int order_yz = abs(y) + abs(z), reach = to_order - order_yz;
    int low = im->low[0] > -reach ? im->low[0] : -reach;
    int high = im->high[0] < reach ? im->high[0] : reach;
    for (int x = low; x <= high; x++) {
        int order = order_yz + abs(x);
        if (order < from_order || square_x[x - im->low[0]] + square_yz > limit)
            continue;
        to[count++] = (v2s_room_image){{(int16_t)x, (int16_t)y, (int16_t)z}, (int16_t)order, 0};
    }
    return count;
}

// Walks the lattice into im->items.
static v2s_status walk(const axes *a, int from_order, int to_order, double radius_m,
                       v2s_room_images *im) {
    size_t line = (size_t)(im->high[0] - im->low[0] + 1), capacity = 0;
    double *square_x = malloc(line * sizeof *square_x), limit = radius_m * radius_m;
    for (int x = im->low[0]; square_x != NULL && x <= im->high[0]; x++)
        square_x[x - im->low[0]] = gap_m(a, 0, x) * gap_m(a, 0, x);
    bool ok = square_x != NULL;
    for (int z = im->low[2]; z <= im->high[2]; z++)
        for (int y = im->low[1]; ok && y <= im->high[1]; y++) {
            double gy = gap_m(a, 1, y), gz = gap_m(a, 2, z), yz = gy * gy + gz * gz;
            if (yz > limit || abs(y) + abs(z) > to_order)
                continue;
            if (im->count + line > capacity) {
                capacity = 2 * capacity + line + 1024;
                v2s_room_image *grown = realloc(im->items, capacity * sizeof *grown);
                ok = grown != NULL;
                if (!ok)
                    break;
                im->items = grown;
            }
            im->count += walk_line(square_x, y, z, yz, from_order, to_order, limit, im,
                                   im->items + im->count);
        }
    free(square_x);
    return ok ? V2S_OK : V2S_FAIL(V2S_NOMEM, "room: out of memory for its images");
}

// Of the far corners of all cells, and of the radius.
static double longest_m(const axes *a, double radius_m, const v2s_room_images *im) {
    double longest = 0.0;
    for (size_t i = 0; i < im->count; i++) {
        double square = 0.0;
        for (int axis = 0; axis < 3; axis++) {
            double low = im->items[i].m[axis] * a->length_m[axis] - a->listener_m[axis];
            double high = low + a->length_m[axis], far = -low > high ? -low : high;
            square += far * far;
        }
        longest = square > longest ? square : longest;
    }
    return fmin(sqrt(longest), radius_m);
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

static v2s_status fill_gains(const v2s_room_bands *bands, v2s_room_images *im) {
    im->pivots = 1;
    for (int axis = 0; axis < 3; axis++) {
        const double *low = &bands->flat_log[bands->kind[2 * axis]];
        const double *high = &bands->flat_log[bands->kind[2 * axis + 1]];
        im->gain[axis] = malloc((size_t)(im->high[axis] - im->low[axis] + 1) * sizeof(float));
        if (im->gain[axis] == NULL)
            return V2S_FAIL(V2S_NOMEM, "room: out of memory");
        for (int m = im->low[axis]; m <= im->high[axis]; m++) {
            int hits[2];
            v2s_room_hits_of(m, hits);
            im->gain[axis][m - im->low[axis]] = (float)exp(hits[0] * *low + hits[1] * *high);
        }
    }
    return V2S_OK;
}

v2s_status v2s_room_images_open(const v2s_room *room, const v2s_room_bands *bands, int from_order,
                                int to_order, double radius_m, double remainder,
                                v2s_room_images *images) {
    v2s_room_images im = {0};
    axes a = axes_of(room);
    V2S_TRY(check_count(room, to_order, radius_m));
    find_ranges(&a, to_order, radius_m, &im);
    v2s_status status = walk(&a, from_order, to_order, radius_m, &im);
    if (status == V2S_OK)
        status = bands->flat ? fill_gains(bands, &im)
                             : v2s_room_filters_find(room, bands, remainder, &im);
    im.longest_m = longest_m(&a, radius_m, &im);
    if (status != V2S_OK) {
        v2s_room_images_close(&im);
        return status;
    }
    *images = im;
    return V2S_OK;
}

void v2s_room_images_close(v2s_room_images *images) {
    free(images->items);
    free(images->coefficient);
    for (int axis = 0; axis < 3; axis++)
        free(images->gain[axis]);
    *images = (v2s_room_images){0};
}
