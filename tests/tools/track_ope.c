// SPDX-License-Identifier: MIT
// One-pass evaluation of the tracker on sequences with true boxes: success AUC (mean over the
// thresholds 0 : 0.05 : 1 of the share of pictures whose overlap exceeds the threshold, as the OTB
// toolkit), precision (share with centre error <= 20 px) and speed, decoding not counted.
//
//   track_ope [--full] [--boxes] FOLDER TRUTH BASE [FIRST]
//
// FOLDER holds numbered pictures; row i of TRUTH is the box of picture FIRST + i (sorted order when
// FIRST is left out); BASE is the coordinate of the first pixel in TRUTH (1 in OTB, else 0).
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "spatial/tracker.h"

typedef struct sequence {
    int count;
    v2s_picture *pictures;
    AVFrame **frames;
    v2s_box *truth;
} sequence;

static AVFrame *load_picture(const char *path) {
    AVFormatContext *format = NULL;
    if (avformat_open_input(&format, path, NULL, NULL) < 0 ||
        avformat_find_stream_info(format, NULL) < 0)
        return NULL;
    const AVCodec *codec = avcodec_find_decoder(format->streams[0]->codecpar->codec_id);
    AVCodecContext *context = avcodec_alloc_context3(codec);
    avcodec_parameters_to_context(context, format->streams[0]->codecpar);
    context->thread_count = 1;
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    if (avcodec_open2(context, codec, NULL) < 0 || av_read_frame(format, packet) < 0 ||
        avcodec_send_packet(context, packet) < 0 || avcodec_send_packet(context, NULL) < 0 ||
        avcodec_receive_frame(context, frame) < 0)
        av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&context);
    avformat_close_input(&format);
    return frame;
}

static int wrap(const AVFrame *f, v2s_picture *p) {
    *p = (v2s_picture){.width = f->width,
                       .height = f->height,
                       .y = f->data[0],
                       .y_stride = f->linesize[0],
                       .full_range = true};
    switch (f->format) {
    case AV_PIX_FMT_GRAY8:
        return 0;
    case AV_PIX_FMT_YUVJ420P:
    case AV_PIX_FMT_YUV420P:
        p->chroma_shift_y = 1;
        // fall through
    case AV_PIX_FMT_YUVJ422P:
    case AV_PIX_FMT_YUV422P:
        p->chroma_shift_x = 1;
        // fall through
    case AV_PIX_FMT_YUVJ444P:
    case AV_PIX_FMT_YUV444P:
        p->u = f->data[1];
        p->v = f->data[2];
        p->uv_stride = f->linesize[1];
        return 0;
    default:
        return -1;
    }
}

static int is_picture(const struct dirent *e) {
    const char *dot = strrchr(e->d_name, '.');
    return dot && (!strcmp(dot, ".jpg") || !strcmp(dot, ".png"));
}

static int load_sequence(sequence *s, const char *folder, const char *truth, double base,
                         const char *first) {
    struct dirent **names;
    int count = scandir(folder, &names, is_picture, alphasort), start = 0;
    while (first && start < count && strncmp(names[start]->d_name, first, strlen(first)))
        start++;
    FILE *file = fopen(truth, "r");
    if (count <= 0 || start >= count || !file)
        return -1;
    s->pictures = calloc((size_t)count, sizeof *s->pictures);
    s->frames = calloc((size_t)count, sizeof *s->frames);
    s->truth = calloc((size_t)count, sizeof *s->truth);
    char line[256], path[4096];
    while (start + s->count < count && fgets(line, sizeof line, file)) {
        for (char *c = line; *c; c++)
            if (*c == ',' || *c == '\t')
                *c = ' ';
        v2s_box *b = &s->truth[s->count];
        if (sscanf(line, "%lf %lf %lf %lf", &b->x, &b->y, &b->w, &b->h) != 4)
            break;
        b->x -= base;
        b->y -= base;
        snprintf(path, sizeof path, "%s/%s", folder, names[start + s->count]->d_name);
        AVFrame *f = load_picture(path);
        if (!f || wrap(f, &s->pictures[s->count])) {
            fprintf(stderr, "%s: cannot be read\n", path);
            return -1;
        }
        s->frames[s->count++] = f;
    }
    fclose(file);
    return 0;
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
        fprintf(stderr, "usage: track_ope [--full] [--boxes] FOLDER TRUTH BASE [FIRST]\n");
        return 2;
    }
    sequence s = {0};
    av_log_set_level(AV_LOG_ERROR);
    if (load_sequence(&s, argv[i], argv[i + 1], atof(argv[i + 2]),
                      i + 3 < argc ? argv[i + 3] : NULL)) {
        fprintf(stderr, "%s: no usable sequence\n", argv[i]);
        return 1;
    }
    printf("%s: %d pictures %dx%d\n", argv[i], s.count, s.pictures[0].width, s.pictures[0].height);
    report("one pass", evaluate(&s, s.truth[0], 0, 1, boxes));
    if (full) {
        report("jittered", jittered(&s, 0, 1));
        report("reversed", evaluate(&s, s.truth[s.count - 1], s.count - 1, -1, 0));
        report("every 2nd", evaluate(&s, s.truth[0], 0, 2, 0));
        report("every 4th", evaluate(&s, s.truth[0], 0, 4, 0));
        report("from 1/3", evaluate(&s, s.truth[s.count / 3], s.count / 3, 1, 0));
    }
    for (int k = 0; k < s.count; k++)
        av_frame_free(&s.frames[k]);
    free(s.frames);
    free(s.pictures);
    free(s.truth);
    return 0;
}
