// SPDX-License-Identifier: MIT
// Paths of sound: image sources against their theory, occlusion, and the energy of diffuse paths.
#include <criterion/criterion.h>
#include <stdlib.h>

#include "spatial/room_images.h"
#include "train/echo_paths.h"

TestSuite(echo_paths);

enum { PATHS_MAX = 200000, BANDS = V2S_ECHO_BANDS };

static const v2s_echo_air STILL = {{0}}; // no absorption by air

typedef struct heard {
    size_t count;
    v2s_echo_path *paths; // [PATHS_MAX]
} heard;

static heard heard_open(void) {
    return (heard){0, malloc(PATHS_MAX * sizeof(v2s_echo_path))};
}

static void keep(void *ctx, const v2s_echo_path *path) {
    heard *h = ctx;
    cr_assert(h->count < PATHS_MAX);
    h->paths[h->count++] = *path;
}

static v2s_material material(double absorption, double scattering) {
    v2s_material m;
    for (int b = 0; b < BANDS; b++) {
        m.absorption[b] = absorption;
        m.scattering[b] = scattering;
    }
    return m;
}

static v2s_world room(double x, double y, double z, double absorption, double scattering) {
    v2s_world world = {.size_m = {x, y, z}};
    for (int i = 0; i < V2S_WORLD_WALLS; i++)
        world.walls[i] = material(absorption, scattering);
    return world;
}

static v2s_world_box box(v2s_vec3 centre, v2s_vec3 half, double absorption, double scattering) {
    return (v2s_world_box){
        .centre_m = centre, .half_m = half, .material = material(absorption, scattering)};
}

Test(echo_paths, the_direct_sound_falls_with_distance) {
    v2s_depth_rig rig = v2s_depth_rig_at((v2s_vec3){2, 2, 1}, 0.7);
    heard h = heard_open();
    v2s_echo_direct(&rig, &STILL, keep, &h);
    rig.speaker_m =
        v2s_plus(rig.head_m, v2s_scaled(v2s_plus(rig.speaker_m, v2s_scaled(rig.head_m, -1)), 4));
    v2s_echo_direct(&rig, &STILL, keep, &h);
    cr_expect_float_eq(h.paths[0].length_m, 0.25, 1e-12);
    cr_expect_float_eq(h.paths[1].length_m, 1.0, 1e-12);
    for (int b = 0; b < BANDS; b++)
        cr_expect_float_eq(h.paths[0].gain[b] / h.paths[1].gain[b], 4, 1e-9);
    v2s_vec3 from = v2s_depth_rig_axes(&rig, h.paths[0].from);
    cr_expect(from.x > 0 && fabs(from.y) < 1e-12 && from.z < 0, "in front, below");
    free(h.paths);
}

Test(echo_paths, a_wall_in_front_answers_at_twice_its_distance) {
    const double absorption = 0.3, scattering = 0.2;
    for (double distance = 1; distance <= 8; distance *= 2) {
        v2s_world world = room(20, 20, 20, 1, 0);
        world.walls[1] = material(absorption, scattering); // x = 20
        v2s_world_finish(&world);
        v2s_depth_rig rig = v2s_depth_rig_at((v2s_vec3){20 - distance, 10, 10}, 0);
        heard h = heard_open();
        v2s_echo_mirrors(&world, &rig, &STILL, 100, keep, &h);
        size_t loud = 0;
        for (size_t i = 0; i < h.count; i++) {
            if (h.paths[i].gain[0] == 0)
                continue;
            // From the image of the loudspeaker, 0.2 m in front of the head and 0.15 m below.
            double length = hypot(2 * distance - 0.2, 0.15);
            loud++;
            cr_expect_float_eq(h.paths[i].length_m, length, 1e-9);
            cr_expect_float_eq(h.paths[i].gain[0],
                               sqrt((1 - absorption) * (1 - scattering)) / length,
                               0.01 / length); // hardly off the loudspeaker's axis
            cr_expect(h.paths[i].from.x > 0);
        }
        cr_expect(loud == 1, "%zu paths", loud);
        free(h.paths);
    }
}

static int by_length(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

Test(echo_paths, an_empty_room_has_the_lattice_of_images) {
    enum { IMAGES = 6 + 18 + 38 };
    v2s_world world = room(5, 4, 3, 0.1, 0.1);
    v2s_world_finish(&world);
    v2s_depth_rig rig = v2s_depth_rig_at((v2s_vec3){2.1, 1.7, 1.2}, 0.3);
    heard h = heard_open();
    v2s_echo_mirrors(&world, &rig, &STILL, 100, keep, &h);
    double expected[IMAGES], found[PATHS_MAX / 100];
    size_t n = 0;
    v2s_vec3 s = rig.speaker_m, p = rig.head_m;
    for (int x = -3; x <= 3; x++)
        for (int y = -3; y <= 3; y++)
            for (int z = -3; z <= 3; z++) {
                int order = abs(x) + abs(y) + abs(z);
                if (order < 1 || order > 3)
                    continue;
                double dx = v2s_room_image_at(x, 5, s.x) - p.x;
                double dy = v2s_room_image_at(y, 4, s.y) - p.y;
                double dz = v2s_room_image_at(z, 3, s.z) - p.z;
                expected[n++] = sqrt(dx * dx + dy * dy + dz * dz);
            }
    cr_assert(n == IMAGES);
    cr_assert(h.count == IMAGES, "%zu paths, expected %d", h.count, IMAGES);
    for (size_t i = 0; i < h.count; i++)
        found[i] = h.paths[i].length_m;
    qsort(expected, n, sizeof *expected, by_length);
    qsort(found, n, sizeof *found, by_length);
    for (size_t i = 0; i < n; i++)
        cr_expect_float_eq(found[i], expected[i], 1e-9);
    free(h.paths);
}

// Paths that come from behind a point on the x axis of the room.
static size_t longer_than(const heard *h, double length_m) {
    size_t n = 0;
    for (size_t i = 0; i < h->count; i++)
        n += h->paths[i].gain[0] != 0 && h->paths[i].length_m > length_m;
    return n;
}

Test(echo_paths, a_box_answers_and_hides_what_is_behind_it) {
    v2s_world world = room(12, 10, 10, 1, 0);
    world.walls[1] = material(0, 0.3); // x = 12, 8 m away
    // A board across, 3 m away.
    world.boxes[world.box_count++] = box((v2s_vec3){7.1, 5, 5}, (v2s_vec3){0.1, 2, 2}, 0, 0.3);
    v2s_world_finish(&world);
    v2s_depth_rig rig = v2s_depth_rig_at((v2s_vec3){4, 5, 5}, 0);
    heard h = heard_open();
    v2s_echo_mirrors(&world, &rig, &STILL, 10, keep, &h);
    size_t near = 0;
    for (size_t i = 0; i < h.count; i++)
        near += fabs(h.paths[i].length_m - hypot(5.8, 0.15)) < 1e-9;
    cr_expect(near == 1, "the board is heard %zu times", near);
    cr_expect(longer_than(&h, 15) == 0, "the wall is heard through the board");
    world.box_count = 0;
    v2s_world_finish(&world);
    h.count = 0;
    v2s_echo_mirrors(&world, &rig, &STILL, 100, keep, &h);
    cr_expect(longer_than(&h, 15) == 1, "the wall is not heard without the board");
    free(h.paths);
}

Test(echo_paths, either_leg_of_a_path_can_be_blocked) {
    // A pea before the head, and one before the loudspeaker, on their way to the wall.
    const v2s_vec3 peas[] = {{4.1, 5, 5}, {4.3, 5, 4.85}};
    for (int i = 0; i < 2; i++) {
        v2s_world world = room(12, 10, 10, 1, 0);
        world.walls[1] = material(0, 0);
        world.boxes[world.box_count++] = box(peas[i], (v2s_vec3){0.01, 0.02, 0.02}, 1, 0);
        v2s_world_finish(&world);
        v2s_depth_rig rig = v2s_depth_rig_at((v2s_vec3){4, 5, 5}, 0);
        heard h = heard_open();
        v2s_echo_mirrors(&world, &rig, &STILL, 100, keep, &h);
        cr_expect(longer_than(&h, 1) == 0, "pea %d", i);
        free(h.paths);
    }
}

Test(echo_paths, a_mirror_must_be_where_the_ray_meets_its_plane) {
    v2s_world world = room(12, 10, 10, 1, 0);
    // The same board, but aside: its plane lies ahead, it does not.
    world.boxes[world.box_count++] = box((v2s_vec3){7.1, 8, 5}, (v2s_vec3){0.1, 2, 2}, 0, 0);
    v2s_world_finish(&world);
    v2s_depth_rig rig = v2s_depth_rig_at((v2s_vec3){4, 5, 5}, 0);
    heard h = heard_open();
    v2s_echo_mirrors(&world, &rig, &STILL, 100, keep, &h);
    cr_expect(longer_than(&h, 0) == 0, "%zu paths", longer_than(&h, 0));
    free(h.paths);
}

Test(echo_paths, a_corner_of_two_boxes_sends_sound_back) {
    v2s_world world = room(12, 12, 10, 1, 0);
    // Two boards that make an inner corner at (8, 8), open towards the rig on the diagonal.
    world.boxes[world.box_count++] = box((v2s_vec3){8.1, 6, 5}, (v2s_vec3){0.1, 2, 4}, 0, 0);
    world.boxes[world.box_count++] = box((v2s_vec3){6, 8.1, 5}, (v2s_vec3){2, 0.1, 4}, 0, 0);
    v2s_world_finish(&world);
    v2s_depth_rig rig = v2s_depth_rig_at((v2s_vec3){5, 4.6, 5}, V2S_PI / 4);
    heard h = heard_open();
    v2s_echo_mirrors(&world, &rig, &STILL, 100, keep, &h);
    // Image of the loudspeaker through the edge: (16, 16) minus its place.
    double x = 16 - rig.speaker_m.x - 5, y = 16 - rig.speaker_m.y - 4.6;
    double length = sqrt(x * x + y * y + 0.15 * 0.15);
    size_t found = 0;
    for (size_t i = 0; i < h.count; i++)
        found += h.paths[i].reflections == 2 && fabs(h.paths[i].length_m - length) < 1e-9;
    cr_expect(found == 1, "heard %zu times", found);
    free(h.paths);
}

// ---- diffuse ----------------------------------------------------------------------------------

static double energy(const heard *h, double from_m, double to_m) {
    double sum = 0;
    for (size_t i = 0; i < h->count; i++)
        if (h->paths[i].length_m >= from_m && h->paths[i].length_m < to_m)
            sum += h->paths[i].gain[1] * h->paths[i].gain[1];
    return sum;
}

Test(echo_paths, the_diffuse_energy_of_a_wall_is_its_integral) {
    const double absorption = 0.4, scattering = 0.25, step = 0.02;
    v2s_world world = room(8, 20, 20, 1, 0);
    world.walls[1] = material(absorption, scattering); // x = 8, 3 m away
    v2s_world_finish(&world);
    v2s_depth_rig rig = v2s_depth_rig_at((v2s_vec3){5, 10, 10}, 0);
    heard h = heard_open();
    v2s_rng rng = v2s_rng_open(1, 1);
    v2s_echo_diffuse(&world, &rig, &STILL, 1000, 100000, &rng, keep, &h);
    // Each piece gets cos_i / r_i^2 and sends by Lambert's law cos_o / (pi r_o^2).
    double expected = 0;
    for (double y = step / 2; y < 20; y += step)
        for (double z = step / 2; z < 20; z += step) {
            v2s_vec3 p = {8, y, z}, in = v2s_plus(p, v2s_scaled(rig.speaker_m, -1)),
                     out = v2s_plus(p, v2s_scaled(rig.head_m, -1));
            double gain[BANDS], r = v2s_norm(in), q = v2s_norm(out);
            v2s_echo_speaker(&rig, v2s_scaled(in, 1 / r), gain);
            expected += gain[1] * gain[1] * (in.x / r) / (r * r) * (out.x / q) / (V2S_PI * q * q) *
                        (1 - absorption) * scattering * step * step;
        }
    double found = energy(&h, 0, 1000);
    cr_expect(fabs(found / expected - 1) < 0.02, "%g, expected %g", found, expected);
    free(h.paths);
}

Test(echo_paths, a_reverberant_field_dies_away_as_eyring_says) {
    const double absorption = 0.2;
    v2s_world world = room(6, 5, 4, absorption, 1); // diffuse walls
    v2s_world_finish(&world);
    v2s_depth_rig rig = v2s_depth_rig_at((v2s_vec3){3, 2, 1.5}, 1);
    heard h = heard_open();
    v2s_rng rng = v2s_rng_open(1, 2);
    v2s_echo_diffuse(&world, &rig, &STILL, 70, 20000, &rng, keep, &h);
    double volume = 6 * 5 * 4, surface = 2 * (6 * 5 + 5 * 4 + 4 * 6), far_m = 40;
    // Energy per metre is falling by exp(ln(1 - a) S / (4 V)).
    double rate = -log(1 - absorption) * surface / (4 * volume);
    double found = log(energy(&h, 20, 30) / energy(&h, far_m, far_m + 10)) / (far_m - 20);
    cr_expect(fabs(found / rate - 1) < 0.1, "%g per metre, expected %g", found, rate);
    free(h.paths);
}

Test(echo_paths, diffuse_paths_do_not_come_through_boxes) {
    v2s_world world = room(12, 10, 10, 1, 0);
    world.walls[1] = material(0, 1);
    // A board that touches floor, ceiling and both sides, black.
    world.boxes[world.box_count++] = box((v2s_vec3){7.1, 5, 5}, (v2s_vec3){0.1, 5, 5}, 1, 0);
    v2s_world_finish(&world);
    v2s_depth_rig rig = v2s_depth_rig_at((v2s_vec3){4, 5, 5}, 0);
    heard h = heard_open();
    v2s_rng rng = v2s_rng_open(1, 3);
    v2s_echo_diffuse(&world, &rig, &STILL, 100, 2000, &rng, keep, &h);
    cr_expect(energy(&h, 0, 100) == 0);
    free(h.paths);
}

Test(echo_paths, air_takes_high_frequencies_first) {
    v2s_echo_air air = v2s_echo_air_default();
    for (int b = 1; b < BANDS; b++)
        cr_expect(air.neper_m[b] > air.neper_m[b - 1]);
    // ISO 9613-1, 20 degrees, 50 %: 4 kHz 29 dB/km.
    cr_expect_float_eq(air.neper_m[3] * 20 / log(10), 0.029, 0.002);
}
