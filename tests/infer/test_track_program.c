// SPDX-License-Identifier: MIT
// v2s-infer track on pictures whose content is known to the pixel.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <criterion/criterion.h>

#include "tests/support/make_media.h"
#include "tests/support/program.h"

enum { FRAMES = 40, WIDTH = 320, HEIGHT = 240 };

static const double fov_deg = 70.0, pi = 3.14159265358979323846;

TestSuite(track_program, .fini = v2s_test_folder_remove);

// Angles of a point of the displayed picture, from the definition of the pinhole: f = (W / 2) /
// tan(fov / 2); left of the middle is positive azimuth, above it positive elevation.
static void pinhole(int width, int height, double u, double v, double *az_deg, double *el_deg) {
    double f = 0.5 * width / tan(0.5 * fov_deg * pi / 180.0);
    double right = (u - 0.5 * width) / f, down = (v - 0.5 * height) / f;
    *az_deg = atan(-right) * 180.0 / pi;
    *el_deg = atan(-down / sqrt(1.0 + right * right)) * 180.0 / pi;
}

static char *box_word(v2s_box b, const char *rest) {
    static char words[4][96];
    static unsigned next;
    char *word = words[next++ % 4];
    snprintf(word, sizeof words[0], "%g,%g,%g,%g%s", b.x, b.y, b.w, b.h, rest);
    return word;
}

// Every row against the square's true place; the stated tolerance is half a degree (one and a half
// pixels at this size and field of view) and 3 % of the distance.
static void expect_path(const v2s_test_row *rows, size_t count, size_t first, const double *times_s,
                        const v2s_box *boxes, int width, int height) {
    cr_assert(count == FRAMES - first, "%zu rows", count);
    for (size_t i = 0; i < count; i++) {
        v2s_box b = boxes[first + i];
        double az_deg, el_deg;
        pinhole(width, height, b.x + 0.5 * b.w, b.y + 0.5 * b.h, &az_deg, &el_deg);
        cr_expect(fabs(rows[i].time_s - times_s[first + i]) < 1.1e-3, "row %zu: time %f, not %f", i,
                  rows[i].time_s, times_s[first + i]);
        cr_expect(fabs(rows[i].az_deg - az_deg) < 0.5, "row %zu: azimuth %f, not %f", i,
                  rows[i].az_deg, az_deg);
        cr_expect(fabs(rows[i].el_deg - el_deg) < 0.5, "row %zu: elevation %f, not %f", i,
                  rows[i].el_deg, el_deg);
    }
}

// Times that no frame rate gives: intervals of 20 to 70 ms.
static void odd_times(double *times_s) {
    double t = 0;
    for (int i = 0; i < FRAMES; i++) {
        times_s[i] = round(t * 1000) / 1000;
        t += 0.02 + 0.01 * ((i * 7) % 6);
    }
}

static void true_boxes(const v2s_test_video *video, v2s_box *boxes) {
    for (int i = 0; i < FRAMES; i++)
        boxes[i] = v2s_test_square(video, i);
}

Test(track_program, square_on_a_known_path_at_a_variable_rate) {
    double times_s[FRAMES];
    v2s_box boxes[FRAMES];
    odd_times(times_s);
    v2s_test_video video = {.width = WIDTH, .height = HEIGHT, .frames = FRAMES, .times_s = times_s};
    true_boxes(&video, boxes);
    const char *const suffixes[] = {"mp4", "mkv"};
    for (size_t s = 0; s < 2; s++) {
        char name[32];
        snprintf(name, sizeof name, "square.%s", suffixes[s]);
        v2s_test_make_video(v2s_test_path(name), &video);
        V2S_TEST_RUN("track", name, "--box", box_word(boxes[0], ""), "--fov", "70", "-o", "t.csv",
                     "--json", "t.json");
        size_t count;
        v2s_test_row *rows = v2s_test_trajectory(v2s_test_path("t.csv"), &count);
        expect_path(rows, count, 0, times_s, boxes, WIDTH, HEIGHT);
        for (size_t i = 0; i < count; i++)
            cr_expect(rows[i].confidence > 0 && rows[i].confidence <= 1);
        free(rows);
        cJSON *json = v2s_test_json(v2s_test_path("t.json"));
        cr_expect(v2s_test_number(json, "frames") == FRAMES);
        cr_expect(v2s_test_number(json, "tracked") == FRAMES);
        cr_expect(v2s_test_number(json, "held") == 0);
        cr_expect(v2s_test_number(json, "fov_deg") == fov_deg);
        cr_expect(fabs(v2s_test_number(json, "duration_s") - times_s[FRAMES - 1]) < 1e-3);
        cJSON_Delete(json);
    }
}

// A quarter turn to the left: the stored point (x, y) is shown at (y, W - x).
Test(track_program, display_rotation_is_applied) {
    double times_s[FRAMES];
    v2s_box boxes[FRAMES];
    odd_times(times_s);
    v2s_test_video video = {
        .width = WIDTH, .height = HEIGHT, .frames = FRAMES, .times_s = times_s, .rotation_deg = 90};
    true_boxes(&video, boxes);
    for (int i = 0; i < FRAMES; i++)
        boxes[i] = (v2s_box){boxes[i].y, WIDTH - boxes[i].x - boxes[i].w, boxes[i].h, boxes[i].w};
    v2s_test_make_video(v2s_test_path("turned.mp4"), &video);
    V2S_TEST_RUN("track", "turned.mp4", "--box", box_word(boxes[0], ""), "--fov", "70", "-o",
                 "t.csv");
    size_t count;
    v2s_test_row *rows = v2s_test_trajectory(v2s_test_path("t.csv"), &count);
    expect_path(rows, count, 0, times_s, boxes, HEIGHT, WIDTH);
    free(rows);
}

Test(track_program, box_belongs_to_the_first_picture_at_or_after_its_time) {
    double times_s[FRAMES];
    v2s_box boxes[FRAMES];
    odd_times(times_s);
    v2s_test_video video = {.width = WIDTH, .height = HEIGHT, .frames = FRAMES, .times_s = times_s};
    true_boxes(&video, boxes);
    v2s_test_make_video(v2s_test_path("square.mp4"), &video);
    size_t first = 11;
    char at[32];
    snprintf(at, sizeof at, "@%.3f", times_s[first] - 0.004);
    V2S_TEST_RUN("track", "square.mp4", "--box", box_word(boxes[first], at), "--fov", "70", "-o",
                 "t.csv");
    size_t count;
    v2s_test_row *rows = v2s_test_trajectory(v2s_test_path("t.csv"), &count);
    expect_path(rows, count, first, times_s, boxes, WIDTH, HEIGHT);
    free(rows);
    V2S_TEST_REFUSED("no box before the video ends", "track", "square.mp4", "--box",
                     box_word(boxes[0], "@600"), "-o", "none.csv");
    cr_expect(v2s_test_count_files(v2s_test_folder(), "none.csv") == 0);
}

Test(track_program, boxes_go_out_as_mot_lines_and_come_back) {
    v2s_test_video video = {.width = WIDTH, .height = HEIGHT, .frames = FRAMES, .fps_hz = 25};
    v2s_box boxes[FRAMES];
    true_boxes(&video, boxes);
    v2s_test_make_video(v2s_test_path("square.mp4"), &video);
    V2S_TEST_RUN("track", "square.mp4", "--box", box_word(boxes[0], ""), "--fov", "70", "-o",
                 "a.csv", "--boxes", "boxes.txt");
    FILE *file = fopen(v2s_test_path("boxes.txt"), "r");
    cr_assert(file != NULL);
    char line[256];
    for (int i = 0; i < FRAMES; i++) {
        int frame, id, tail[3];
        double x, y, w, h, confidence;
        cr_assert(fgets(line, sizeof line, file) != NULL, "line %d", i + 1);
        cr_assert(sscanf(line, "%d,%d,%lf,%lf,%lf,%lf,%lf,%d,%d,%d", &frame, &id, &x, &y, &w, &h,
                         &confidence, &tail[0], &tail[1], &tail[2]) == 10,
                  "%s", line);
        cr_expect(frame == i + 1 && id == 1 && tail[0] == -1 && tail[1] == -1 && tail[2] == -1);
        // The first pixel is (1, 1) in these files.
        cr_expect(fabs(x + w / 2 - 1 - boxes[i].x - 12) < 1.5, "frame %d: x %f", i + 1, x);
        cr_expect(fabs(y + h / 2 - 1 - boxes[i].y - 12) < 1.5, "frame %d: y %f", i + 1, y);
    }
    cr_expect(fgets(line, sizeof line, file) == NULL);
    fclose(file);
    V2S_TEST_RUN("track", "square.mp4", "--boxes-in", "boxes.txt", "--fov", "70", "-o", "b.csv",
                 "--boxes", "again.txt");
    size_t size_a, size_b;
    unsigned char *a = v2s_test_read_file(v2s_test_path("boxes.txt"), &size_a);
    unsigned char *b = v2s_test_read_file(v2s_test_path("again.txt"), &size_b);
    cr_expect(size_a == size_b && memcmp(a, b, size_a) == 0, "boxes change on the way round");
    free(a);
    free(b);
    a = v2s_test_read_file(v2s_test_path("a.csv"), &size_a);
    b = v2s_test_read_file(v2s_test_path("b.csv"), &size_b);
    cr_expect(size_a == size_b && memcmp(a, b, size_a) == 0, "the trajectory changes");
    free(a);
    free(b);
}

// ---- a folder with two objects ----------------------------------------------------------------

static v2s_box mover(int object, int frame) {
    return object == 0 ? (v2s_box){20 + 3 * frame, 40, 30, 30}
                       : (v2s_box){250 - 2 * frame, 150 - frame, 36, 36};
}

static unsigned char pixel(int frame, int x, int y) {
    for (int object = 0; object < 2; object++) {
        v2s_box b = mover(object, frame);
        int dx = x - (int)b.x, dy = y - (int)b.y;
        if (dx >= 0 && dy >= 0 && dx < b.w && dy < b.h)
            return (unsigned char)(object == 0 ? ((dx / 5 + dy / 5) % 2 ? 220 : 30)
                                               : ((dx + dy) / 6 % 2 ? 250 : 90));
    }
    return (unsigned char)(80 + x / 8 + y / 8);
}

// Numbers from `first` on, without leading zeros: natural order matters (9 before 10).
static void make_folder(const char *name, int first) {
    cr_assert(mkdir(v2s_test_path(name), 0777) == 0);
    static unsigned char image[64 + WIDTH * HEIGHT];
    for (int i = 0; i < FRAMES; i++) {
        char file[64];
        int head = snprintf((char *)image, 64, "P5\n%d %d\n255\n", WIDTH, HEIGHT);
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++)
                image[head + y * WIDTH + x] = pixel(i, x, y);
        snprintf(file, sizeof file, "%s/img%d.pgm", name, first + i);
        v2s_test_write_file(v2s_test_path(file), image, (size_t)head + WIDTH * HEIGHT);
    }
}

Test(track_program, two_objects_in_a_folder_of_images) {
    make_folder("frames", 7);
    double times_s[FRAMES];
    for (int i = 0; i < FRAMES; i++)
        times_s[i] = i / 12.5;
    V2S_TEST_RUN("track", "frames", "--fps", "12.5", "--fov", "70", "--box",
                 box_word(mover(0, 0), ""), "--box", box_word(mover(1, 0), ""), "-o", "t.csv",
                 "--boxes", "b.txt");
    size_t count;
    v2s_test_row *rows = v2s_test_trajectory(v2s_test_path("t.csv"), &count);
    cr_assert(count == 2 * FRAMES, "%zu rows", count);
    for (int object = 0; object < 2; object++) {
        v2s_box boxes[FRAMES];
        for (int i = 0; i < FRAMES; i++) {
            boxes[i] = mover(object, i);
            cr_expect(rows[object * FRAMES + i].object[0] == '1' + object);
        }
        expect_path(rows + object * FRAMES, FRAMES, 0, times_s, boxes, WIDTH, HEIGHT);
    }
    free(rows);
    FILE *file = fopen(v2s_test_path("b.txt"), "r");
    int first_frame = 0, id = 0, lines = 0;
    char line[256];
    cr_assert(file != NULL);
    for (; fgets(line, sizeof line, file) != NULL; lines++)
        if (lines == 0)
            cr_assert(sscanf(line, "%d,%d", &first_frame, &id) == 2);
    fclose(file);
    cr_expect(first_frame == 1, "frame 1 of a folder is its first image, not %d", first_frame);
    cr_expect(lines == 2 * FRAMES);
}

Test(track_program, folder_without_fps_is_25_hz_with_a_warning) {
    make_folder("frames", 0);
    v2s_test_run run = v2s_test_run_program((const char *const[]){
        "track", "frames", "--box", box_word(mover(0, 0), ""), "-o", "t.csv", NULL});
    cr_expect(run.code == 0);
    cr_expect(strstr(run.err, "25 Hz") != NULL, "%s", run.err);
    cr_expect(strstr(run.err, "60 deg assumed") != NULL, "%s", run.err);
    v2s_test_run_free(&run);
    size_t count;
    v2s_test_row *rows = v2s_test_trajectory(v2s_test_path("t.csv"), &count);
    cr_assert(count == FRAMES);
    cr_expect(fabs(rows[FRAMES - 1].time_s - (FRAMES - 1) / 25.0) < 1e-6);
    free(rows);
}

// Half the width is twice the distance: z = z0 sqrt(A0 / A).
Test(track_program, distance_follows_the_size_of_the_box) {
    v2s_test_video video = {.width = WIDTH, .height = HEIGHT, .frames = 3, .fps_hz = 25};
    v2s_test_make_video(v2s_test_path("three.mp4"), &video);
    const char *boxes = "1,5,141,101,40,40,1,-1,-1,-1\n"
                        "2,5,151,111,20,20,1,-1,-1,-1\n"
                        "3,5,121,81,80,80,1,-1,-1,-1\n";
    v2s_test_write_file(v2s_test_path("b.txt"), boxes, strlen(boxes));
    V2S_TEST_RUN("track", "three.mp4", "--boxes-in", "b.txt", "--distance", "3", "--fov", "70",
                 "--smooth", "off", "-o", "t.csv");
    size_t count;
    v2s_test_row *rows = v2s_test_trajectory(v2s_test_path("t.csv"), &count);
    cr_assert(count == 3);
    cr_expect(strcmp(rows[0].object, "5") == 0);
    cr_expect(fabs(rows[0].dist_m - 3) < 0.01 && fabs(rows[1].dist_m - 6) < 0.02 &&
                  fabs(rows[2].dist_m - 1.5) < 0.01,
              "%f %f %f", rows[0].dist_m, rows[1].dist_m, rows[2].dist_m);
    cr_expect(fabs(rows[0].az_deg) < 1e-3 && fabs(rows[0].el_deg) < 1e-3);
    free(rows);
}

Test(track_program, box_partly_outside_the_picture_works) {
    v2s_test_video video = {.width = WIDTH, .height = HEIGHT, .frames = 10, .fps_hz = 25};
    v2s_test_make_video(v2s_test_path("ten.mp4"), &video);
    V2S_TEST_RUN("track", "ten.mp4", "--box", "-8,-4,40,40", "--fov", "70", "-o", "t.csv");
    V2S_TEST_REFUSED("object 1", "track", "ten.mp4", "--box", "400,10,40,40", "-o", "u.csv");
    V2S_TEST_REFUSED("object 2", "track", "ten.mp4", "--box", "5,7,24,24", "--box", "-90,10,40,40",
                     "-o", "u.csv");
    cr_expect(v2s_test_count_files(v2s_test_folder(), "u.csv") == 0);
}
