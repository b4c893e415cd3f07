// SPDX-License-Identifier: MIT
// Time of one tracker step (detection, size, learning) on a made sequence, decoding not counted.
//
//   bench_tracker [SIZE WIDTH HEIGHT [FOLDER]]       default 60 640 480
//
// A square of SIZE pixels goes around in pictures of WIDTH x HEIGHT. With FOLDER the pictures are
// also written there as binary PGM (luma), for bench_tracker.py, which gives them to OpenCV.
// Prints the median and the mean over all steps, in processor time of this process.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "spatial/tracker.h"
#include "tests/spatial/tracker_scene.h"

enum { PICTURES = 240, DISTINCT = 60 };

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// A closed path, so that the distinct pictures can be shown again and again.
static v2s_box place(int i, double size, int width, int height) {
    double angle = 2 * M_PI * i / DISTINCT;
    double grow = 1 + 0.1 * sin(angle);
    double cx = 0.5 * width + 0.12 * width * cos(angle);
    double cy = 0.5 * height + 0.1 * height * sin(angle);
    return (v2s_box){cx - 0.5 * size * grow, cy - 0.5 * size * grow, size * grow, size * grow};
}

static int write_pgm(const char *folder, int i, const scene *s) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%04d.pgm", folder, i);
    FILE *f = fopen(path, "wb");
    if (!f)
        return -1;
    fprintf(f, "P5\n%d %d\n255\n", s->width, s->height);
    fwrite(s->y, 1, (size_t)s->width * (size_t)s->height, f);
    return fclose(f);
}

int main(int argc, char **argv) {
    double size = argc > 1 ? atof(argv[1]) : 60;
    int width = argc > 3 ? atoi(argv[2]) : 640, height = argc > 3 ? atoi(argv[3]) : 480;
    static scene scenes[DISTINCT];
    static double step_s[PICTURES];
    for (int i = 0; i < DISTINCT; i++) {
        v2s_box b = place(i, size, width, height);
        scenes[i] = scene_open(width, height);
        scene_draw(&scenes[i], &b);
        if (argc > 4 && write_pgm(argv[4], i, &scenes[i])) {
            fprintf(stderr, "%s: cannot write\n", argv[4]);
            return 1;
        }
    }
    v2s_tracker *t = NULL;
    if (v2s_tracker_open(&scenes[0].picture, place(0, size, width, height), &t) != V2S_OK) {
        fprintf(stderr, "%s\n", v2s_error_text());
        return 1;
    }
    double error = 0, sum = 0;
    for (int i = 1; i <= PICTURES; i++) {
        v2s_track r;
        double start = now_s();
        if (v2s_tracker_update(t, &scenes[i % DISTINCT].picture, &r) != V2S_OK)
            return 1;
        sum += step_s[i - 1] = now_s() - start;
        v2s_box b = place(i % DISTINCT, size, width, height);
        error = fmax(error, hypot(r.box.x + r.box.w / 2 - b.x - b.w / 2,
                                  r.box.y + r.box.h / 2 - b.y - b.h / 2));
    }
    qsort(step_s, PICTURES, sizeof *step_s, by_value);
    double median = step_s[PICTURES / 2];
    printf("%gx%g box in %dx%d: median %.3f ms, mean %.3f ms, %.0f pictures a second; "
           "largest error %.1f pixels\n",
           size, size, width, height, 1e3 * median, 1e3 * sum / PICTURES, 1 / median, error);
    v2s_tracker_close(&t);
    for (int i = 0; i < DISTINCT; i++)
        scene_close(&scenes[i]);
    return 0;
}
