// SPDX-License-Identifier: MIT
// One-pass evaluation of the tracker on sequences with true boxes: success AUC (mean over the
// thresholds 0 : 0.05 : 1 of the share of pictures whose overlap exceeds the threshold, as the OTB
// toolkit), precision (share with centre error <= 20 px) and speed, decoding not counted.
//
//   track_ope [--full] [--boxes] FOLDER TRUTH BASE [SKIP]
//
// FOLDER holds numbered pictures (or is a video); row i of TRUTH is the box of picture SKIP + i;
// BASE is the coordinate of the first pixel in TRUTH (1 in OTB, else 0). --full adds eight jittered
// starts, the sequence backwards, at a half and a quarter of its rate, and from its first third.
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "data/video.h"
#include "spatial/tracker.h"

enum { MAX_PICTURES = 4096 };

typedef struct sequence {
    int count;
    v2s_picture pictures[MAX_PICTURES];
    void *refs[MAX_PICTURES];
    v2s_box truth[MAX_PICTURES];
} sequence;

// One line of true boxes: four numbers separated by commas, tabs or blanks.
static bool parse_box(char *line, double base, v2s_box *b) {
    for (char *c = line; *c; c++)
        if (*c == ',' || *c == '\t')
            *c = ' ';
    if (sscanf(line, "%lf %lf %lf %lf", &b->x, &b->y, &b->w, &b->h) != 4)
        return false;
    b->x -= base;
    b->y -= base;
    return true;
}

static v2s_status load_sequence(sequence *s, const char *folder, const char *truth, double base,
                                int skip) {
    v2s_video *video = NULL;
    FILE *file = fopen(truth, "r");
    if (!file)
        return V2S_FAIL(V2S_IO, "%s: cannot be opened", truth);
    v2s_status status = v2s_video_open(folder, NULL, &video);
    char line[256];
    while (status == V2S_OK && s->count < MAX_PICTURES) {
        double time_s;
        v2s_box box;
        void *ref;
        status = v2s_video_next_ref(video, &s->pictures[s->count], &time_s, &ref);
        if (status != V2S_OK)
            break;
        s->refs[s->count] = ref;
        if (skip-- > 0) {
            v2s_video_unref(&ref);
            continue;
        }
        if (!fgets(line, sizeof line, file) || !parse_box(line, base, &box)) {
            v2s_video_unref(&ref);
            break;
        }
        s->truth[s->count++] = box;
    }
    v2s_video_close(&video);
    fclose(file);
    return status == V2S_END ? V2S_OK : status;
}

static double overlap(v2s_box a, v2s_box b) {
    double w = fmin(a.x + a.w, b.x + b.w) - fmax(a.x, b.x);
    double h = fmin(a.y + a.h, b.y + b.h) - fmax(a.y, b.y);
    double both = w > 0 && h > 0 ? w * h : 0.0;
    return both / (a.w * a.h + b.w * b.h - both);
}

typedef struct score {
    double auc, precision, fps;
    int held;
} score;

static score evaluate(const sequence *s, v2s_box start, int from, int stride, int print) {
    int above[21] = {0}, near = 0, used = 0, held = 0;
    v2s_tracker *t = NULL;
    struct timespec a, b;
    double seconds = 0.0;
    for (int i = from; i >= 0 && i < s->count; i += stride) {
        v2s_track track = {.box = start};
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
        v2s_status status = t ? v2s_tracker_update(t, &s->pictures[i], &track)
                              : v2s_tracker_open(&s->pictures[i], start, &t);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
        seconds += (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
        if (status != V2S_OK) {
            fprintf(stderr, "%s\n", v2s_error_text());
            exit(1);
        }
        v2s_box x = track.box, y = s->truth[i];
        double o = overlap(x, y);
        for (int k = 0; k <= 20; k++)
            above[k] += o > 0.05 * k;
        double error = hypot(x.x + x.w / 2 - y.x - y.w / 2, x.y + x.h / 2 - y.y - y.h / 2);
        near += error <= 20.0;
        held += track.state == V2S_HELD;
        used++;
        if (print)
            printf("%d %.1f %.1f %.1f %.1f  iou %.3f  err %.1f  psr %.2f  conf %.2f state %d\n", i,
                   x.x, x.y, x.w, x.h, o, error, track.psr, track.confidence, (int)track.state);
    }
    v2s_tracker_close(&t);
    score r = {0.0, (double)near / used, used / seconds, held};
    for (int k = 0; k <= 20; k++)
        r.auc += (double)above[k] / used / 21.0;
    return r;
}

// Mean over eight starts: shifts of 5 % of the box in four directions, sizes -5 % and +5 %, and
// two mixtures.
static score jittered(const sequence *s, int from, int stride) {
    static const double shift[8][3] = {{0.05, 0, 1},       {-0.05, 0, 1},       {0, 0.05, 1},
                                       {0, -0.05, 1},      {0, 0, 0.95},        {0, 0, 1.05},
                                       {0.05, 0.05, 1.05}, {-0.05, -0.05, 0.95}};
    score sum = {0};
    for (int i = 0; i < 8; i++) {
        v2s_box b = s->truth[from];
        b.x += shift[i][0] * b.w + 0.5 * (1 - shift[i][2]) * b.w;
        b.y += shift[i][1] * b.h + 0.5 * (1 - shift[i][2]) * b.h;
        b.w *= shift[i][2];
        b.h *= shift[i][2];
        score r = evaluate(s, b, from, stride, 0);
        sum.auc += r.auc / 8;
        sum.precision += r.precision / 8;
        sum.fps += r.fps / 8;
        sum.held += r.held;
    }
    return sum;
}

static void report(const char *what, score r) {
    printf("  %-10s AUC %.3f  precision %.3f  %5.0f fps  held %d\n", what, r.auc, r.precision,
           r.fps, r.held);
}

int main(int argc, char **argv) {
    int full = 0, boxes = 0, i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        full |= !strcmp(argv[i], "--full");
        boxes |= !strcmp(argv[i], "--boxes");
    }
    if (argc - i < 3) {
        fprintf(stderr, "usage: track_ope [--full] [--boxes] FOLDER TRUTH BASE [SKIP]\n");
        return 2;
    }
    sequence *s = calloc(1, sizeof *s);
    if (!s ||
        load_sequence(s, argv[i], argv[i + 1], atof(argv[i + 2]),
                      i + 3 < argc ? atoi(argv[i + 3]) : 0) != V2S_OK ||
        s->count == 0) {
        fprintf(stderr, "%s\n", s && s->count == 0 ? "no usable sequence" : v2s_error_text());
        return 1;
    }
    printf("%s: %d pictures %dx%d\n", argv[i], s->count, s->pictures[0].width,
           s->pictures[0].height);
    report("one pass", evaluate(s, s->truth[0], 0, 1, boxes));
    if (full) {
        report("jittered", jittered(s, 0, 1));
        report("reversed", evaluate(s, s->truth[s->count - 1], s->count - 1, -1, 0));
        report("every 2nd", evaluate(s, s->truth[0], 0, 2, 0));
        report("every 4th", evaluate(s, s->truth[0], 0, 4, 0));
        report("from 1/3", evaluate(s, s->truth[s->count / 3], s->count / 3, 1, 0));
    }
    for (int k = 0; k < s->count; k++)
        v2s_video_unref(&s->refs[k]);
    free(s);
    return 0;
}
