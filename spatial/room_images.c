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
    walk(&a, from_order, to_order, radius_m, &im);
    im.longest_m = longest_m(&a, radius_m, &im);
    im.items = malloc((im.count + 1) * sizeof *im.items);
    if (im.items == NULL)
        return V2S_FAIL(V2S_NOMEM, "room: out of memory for %zu images", im.count);
    walk(&a, from_order, to_order, radius_m, &im);
    v2s_status status =
        bands->flat ? fill_gains(bands, &im) : v2s_room_filters_find(room, bands, remainder, &im);
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
