// SPDX-License-Identifier: MIT
// Places as solid geometry, rigs in them, and the depth that a camera sees.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "train/depth_scene.h"

TestSuite(depth_scene);

enum { SIZE = 64 };

static v2s_world empty_room(double x, double y, double z) {
    return (v2s_world){.size_m = {x, y, z}};
}

static void put_box(v2s_world *world, v2s_vec3 centre, v2s_vec3 half, double yaw_rad) {
    world->boxes[world->box_count++] =
        (v2s_world_box){.centre_m = centre, .half_m = half, .yaw_rad = yaw_rad};
}

static uint16_t at(const uint16_t *mm, double row, double column) {
    return mm[(int)(row * SIZE) * SIZE + (int)(column * SIZE)];
}

static void expect_mm(const uint16_t *mm, double row, double column, double metres) {
    double found = at(mm, row, column) / 1000.0;
    cr_expect(fabs(found - metres) <= 0.00051, "row %g, column %g: %g m, expected %g", row, column,
              found, metres);
}

Test(depth_scene, an_empty_room_has_the_depths_of_its_planes) {
    v2s_world world = empty_room(10, 6, 3);
    v2s_world_finish(&world);
    v2s_depth_rig rig = v2s_depth_rig_at((v2s_vec3){2, 2, 1}, 0);
    v2s_vec3 eye = rig.camera_m;
    uint16_t mm[SIZE * SIZE];
    v2s_depth_map_draw(&world, &rig, SIZE, mm);
    for (int r = 0; r < SIZE; r++)
        for (int c = 0; c < SIZE; c++) {
            // Metres to the left and up for one metre ahead; 90 degrees wide, 16:9.
            double left = 1 - (c + 0.5) * 2 / SIZE, up = (1 - (r + 0.5) * 2 / SIZE) * 9 / 16;
            double wall = left > 0 ? (6 - eye.y) / left : eye.y / -left;
            double level = up > 0 ? (3 - eye.z) / up : eye.z / -up;
            double metres = fmin(10 - eye.x, fmin(wall, level));
            cr_assert(fabs(mm[r * SIZE + c] / 1000.0 - metres) <= 0.00051, "%d, %d: %u, %g", r, c,
                      mm[r * SIZE + c], metres);
        }
}

Test(depth_scene, depth_is_along_the_optical_axis_whatever_the_yaw) {
    v2s_world world = empty_room(30, 30, 30);
    for (int i = 0; i < 12; i++) {
        double yaw = i * V2S_PI / 6 + 0.1;
        v2s_depth_rig rig = v2s_depth_rig_at((v2s_vec3){15, 15, 15}, yaw);
        // A large board across the view, 4 m ahead of the camera.
        v2s_vec3 ahead = {cos(yaw), sin(yaw), 0};
        world.box_count = 0;
        put_box(&world, v2s_plus(rig.camera_m, v2s_scaled(ahead, 4.5)), (v2s_vec3){0.5, 8, 8}, yaw);
        v2s_world_finish(&world);
        uint16_t mm[SIZE * SIZE];
        v2s_depth_map_draw(&world, &rig, SIZE, mm);
        for (int k = 0; k < SIZE * SIZE; k++)
            cr_assert(abs(mm[k] - 4000) <= 1, "yaw %g, pixel %d: %u", yaw, k, mm[k]);
    }
}

Test(depth_scene, what_stands_on_the_left_is_in_the_left_columns) {
    v2s_world world = empty_room(10, 10, 3);
    put_box(&world, (v2s_vec3){6, 6, 0.8}, (v2s_vec3){0.5, 0.5, 0.8}, 0);
    v2s_world_finish(&world);
    v2s_depth_rig rig = v2s_depth_rig_at((v2s_vec3){4, 5, 1.2}, 0);
    uint16_t mm[SIZE * SIZE];
    v2s_depth_map_draw(&world, &rig, SIZE, mm);
    expect_mm(mm, 0.5, 0.25, 5.5 - rig.camera_m.x); // left by 0.72 m at 1.42 m
    expect_mm(mm, 0.5, 0.6, 10 - rig.camera_m.x);
    // Above the box there is the wall; below its top its face.
    cr_expect(at(mm, 0.05, 0.25) > 3000 && at(mm, 0.9, 0.25) < 1500);
}

Test(depth_scene, a_turned_box_shows_its_edge) {
    v2s_world world = empty_room(10, 10, 3);
    put_box(&world, (v2s_vec3){7, 5, 1}, (v2s_vec3){0.5, 0.5, 1}, V2S_PI / 4);
    v2s_world_finish(&world);
    int face = -1;
    double t = v2s_world_cast(&world, (v2s_vec3){4, 5 + 1e-9, 1}, (v2s_vec3){1, 0, 0}, &face);
    cr_expect_float_eq(t, 3 - sqrt(0.5), 1e-6);
    cr_expect(face >= V2S_WORLD_WALLS && world.faces[face].normal.x < -0.7, "face %d", face);
    t = v2s_world_cast(&world, (v2s_vec3){4, 5.5, 1}, (v2s_vec3){1, 0, 0}, &face);
    cr_expect_float_eq(t, 3.5 - sqrt(0.5), 1e-6, "half a metre aside it is half a metre behind");
}

Test(depth_scene, faces_point_into_the_air_and_hold_what_rays_hit) {
    v2s_world world;
    for (uint64_t index = 0; index < 60; index++) {
        v2s_depth_place_draw(3, index, &world);
        v2s_rng rng = v2s_rng_open(4, index);
        v2s_depth_rig rig;
        cr_assert(v2s_depth_rig_draw(&world, &rng, &rig));
        for (int i = 0; i < 200; i++) {
            v2s_vec3 d = {v2s_rng_normal(&rng), v2s_rng_normal(&rng), v2s_rng_normal(&rng)};
            int number = -1;
            double t = v2s_world_cast(&world, rig.head_m, d, &number);
            cr_assert(isfinite(t) && t > 0 && number >= 0 && (size_t)number < world.face_count);
            const v2s_world_face *face = &world.faces[number];
            v2s_vec3 p = v2s_plus(rig.head_m, v2s_scaled(d, t));
            v2s_vec3 off = v2s_plus(p, v2s_scaled(face->centre_m, -1));
            cr_assert(v2s_dot(d, face->normal) < 0, "a ray meets the back of face %d", number);
            cr_assert(fabs(v2s_dot(off, face->normal)) < 1e-9);
            cr_assert(fabs(v2s_dot(off, face->u)) < face->half_u_m + 1e-9);
            cr_assert(fabs(v2s_dot(off, face->v)) < face->half_v_m + 1e-9);
            // Up to there the way is clear, and further it is not.
            cr_assert(v2s_world_clear(&world, rig.head_m, p));
            v2s_vec3 beyond = v2s_plus(p, v2s_scaled(d, 0.01));
            bool wall = number < V2S_WORLD_WALLS;
            cr_assert(wall || !v2s_world_clear(&world, rig.head_m, beyond));
        }
    }
}

Test(depth_scene, nothing_is_seen_through_a_box) {
    v2s_world world = empty_room(10, 10, 3);
    put_box(&world, (v2s_vec3){5, 5, 1.5}, (v2s_vec3){0.1, 3, 1.5}, 0.2);
    v2s_world_finish(&world);
    cr_expect_not(v2s_world_clear(&world, (v2s_vec3){3, 5, 1}, (v2s_vec3){7, 5, 1}));
    cr_expect(v2s_world_clear(&world, (v2s_vec3){3, 9.5, 1}, (v2s_vec3){7, 9.5, 1}));
    cr_expect(v2s_world_clear(&world, (v2s_vec3){3, 5, 1}, (v2s_vec3){3, 6, 1}));
}

// ---- random places ----------------------------------------------------------------------------

Test(depth_scene, rigs_stand_free_and_look_at_something) {
    v2s_world world;
    size_t places[V2S_DEPTH_PLACES] = {0};
    double farthest = 0;
    uint16_t mm[SIZE * SIZE];
    for (uint64_t index = 0; index < 200; index++) {
        places[v2s_depth_place_draw(1, index, &world)]++;
        cr_assert(world.box_count <= V2S_WORLD_BOXES_MAX);
        v2s_rng rng = v2s_rng_open(2, index);
        v2s_depth_rig rig;
        cr_assert(v2s_depth_rig_draw(&world, &rng, &rig), "place %d", (int)index);
        for (size_t b = 0; b < world.box_count; b++)
            if (world.boxes[b].centre_m.z - world.boxes[b].half_m.z < rig.head_m.z)
                cr_assert(v2s_world_box_distance_m(&world.boxes[b], rig.head_m) > 0.34);
        cr_assert(v2s_world_clear(&world, rig.head_m, rig.camera_m));
        cr_assert(v2s_world_clear(&world, rig.head_m, rig.speaker_m));
        v2s_depth_map_draw(&world, &rig, SIZE, mm);
        for (int k = 0; k < SIZE * SIZE; k++) {
            cr_assert(mm[k] >= 100 && mm[k] < 30000, "place %d: %u mm", (int)index, mm[k]);
            farthest = fmax(farthest, mm[k] / 1000.0);
        }
    }
    cr_expect(places[V2S_DEPTH_OFFICE] > 95 && places[V2S_DEPTH_OFFICE] < 105);
    cr_expect(places[V2S_DEPTH_HALL] > 45 && places[V2S_DEPTH_CORRIDOR] > 45);
    cr_expect(farthest > 15, "%g m", farthest);
}

Test(depth_scene, a_place_depends_on_seed_and_index_alone) {
    v2s_world *w = malloc(3 * sizeof *w);
    v2s_depth_place_draw(5, 7, &w[0]);
    v2s_depth_place_draw(5, 7, &w[1]);
    v2s_depth_place_draw(6, 7, &w[2]);
    cr_expect(memcmp(w[0].boxes, w[1].boxes, sizeof w->boxes) == 0);
    cr_expect(memcmp(w[0].walls, w[1].walls, sizeof w->walls) == 0);
    cr_expect(memcmp(&w[0].size_m, &w[2].size_m, sizeof w->size_m) != 0);
    free(w);
}
