// SPDX-License-Identifier: MIT
#include "data/image.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <criterion/criterion.h>
#include <libavcodec/avcodec.h>

#include "data/media.h"
#include "data/video.h"
#include "tests/support/make_media.h"

static void setup(void) {
    v2s_media_quiet();
    v2s_test_folder();
}

TestSuite(image, .init = setup, .fini = v2s_test_folder_remove);

static AVFrame *decode(enum AVCodecID id, const unsigned char *bytes, size_t size) {
    AVCodecContext *codec = avcodec_alloc_context3(avcodec_find_decoder(id));
    cr_assert(avcodec_open2(codec, codec->codec, NULL) >= 0);
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    cr_assert(av_new_packet(packet, (int)size) >= 0);
    memcpy(packet->data, bytes, size);
    packet->flags |= AV_PKT_FLAG_KEY;
    cr_assert(avcodec_send_packet(codec, packet) >= 0);
    cr_assert(avcodec_receive_frame(codec, frame) >= 0);
    av_packet_free(&packet);
    avcodec_free_context(&codec);
    return frame;
}

Test(image, png_decodes_to_the_same_pixels) {
    static const int sizes[][2] = {{1, 1}, {7, 5}, {180, 90}, {1, 300}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int w = sizes[i][0], h = sizes[i][1];
        uint8_t *rgb = malloc((size_t)(3 * w * h));
        for (int k = 0; k < 3 * w * h; k++)
            rgb[k] = (uint8_t)((k * 2654435761u) >> 13);
        unsigned char *bytes = NULL;
        size_t size = 0;
        cr_assert(v2s_image_png_rgb(rgb, w, h, &bytes, &size) == V2S_OK);
        AVFrame *f = decode(AV_CODEC_ID_PNG, bytes, size);
        cr_assert(f->width == w && f->height == h && f->format == AV_PIX_FMT_RGB24);
        for (int y = 0; y < h; y++)
            cr_assert(memcmp(f->data[0] + y * f->linesize[0], rgb + 3 * w * y, (size_t)(3 * w)) ==
                      0);
        av_frame_free(&f);
        free(bytes);
        free(rgb);
    }
}

Test(image, grey_png_of_16_bits_comes_back) {
    static const int sizes[][2] = {{1, 1}, {7, 5}, {64, 48}, {1, 300}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int w = sizes[i][0], h = sizes[i][1], width = 0, height = 0;
        uint16_t *grey = malloc((size_t)(w * h) * sizeof *grey), *back = NULL;
        for (int k = 0; k < w * h; k++)
            grey[k] = (uint16_t)((k * 2654435761u) >> 13);
        unsigned char *bytes = NULL;
        size_t size = 0;
        cr_assert(v2s_image_png_grey16(grey, w, h, &bytes, &size) == V2S_OK);
        const char *path = v2s_test_path("grey.png");
        v2s_test_write_file(path, bytes, size);
        cr_assert(v2s_image_read_grey16(path, &width, &height, &back) == V2S_OK, "%s",
                  v2s_error_text());
        cr_assert(width == w && height == h);
        cr_expect(memcmp(grey, back, (size_t)(w * h) * sizeof *grey) == 0);
        free(bytes);
        free(grey);
        free(back);
    }
}

Test(image, png_refuses_impossible_sizes) {
    unsigned char *bytes = NULL;
    size_t size = 0;
    uint8_t pixel[3] = {0};
    cr_assert(v2s_image_png_rgb(pixel, 0, 1, &bytes, &size) == V2S_ARG);
    cr_assert(v2s_image_png_rgb(pixel, 1, 1 << 20, &bytes, &size) == V2S_ARG);
    uint16_t grey[1] = {0};
    cr_assert(v2s_image_png_grey16(grey, 1, -1, &bytes, &size) == V2S_ARG);
    cr_assert(bytes == NULL);
}

enum { W = 200, H = 120 };

static uint8_t y_plane[W * H], u_plane[W * H / 4], v_plane[W * H / 4];

static v2s_picture flat_picture(int y, int u, int v) {
    memset(y_plane, y, sizeof y_plane);
    memset(u_plane, u, sizeof u_plane);
    memset(v_plane, v, sizeof v_plane);
    v2s_picture p = {.width = W,
                     .height = H,
                     .y = y_plane,
                     .u = u_plane,
                     .v = v_plane,
                     .y_stride = W,
                     .uv_stride = W / 2,
                     .chroma_shift_x = 1,
                     .chroma_shift_y = 1};
    return p;
}

static AVFrame *jpeg_of(const v2s_picture *p, const v2s_overlay_box *boxes, size_t count,
                        int max_width) {
    unsigned char *bytes = NULL;
    size_t size = 0;
    v2s_status status = v2s_image_jpeg(p, boxes, count, max_width, &bytes, &size);
    cr_assert(status == V2S_OK, "%s", v2s_error_text());
    AVFrame *f = decode(AV_CODEC_ID_MJPEG, bytes, size);
    free(bytes);
    return f;
}

static int at(const AVFrame *f, int plane, int x, int y) {
    return f->data[plane][y * f->linesize[plane] + x];
}

Test(image, jpeg_has_full_range_and_bt601) {
    // Red (255, 0, 0): BT.601 limited (81, 90, 240), BT.709 limited (63, 102, 240),
    // JPEG (76, 85, 255).
    for (int bt709 = 0; bt709 < 2; bt709++) {
        v2s_picture p = bt709 ? flat_picture(63, 102, 240) : flat_picture(81, 90, 240);
        p.bt709 = bt709 != 0;
        AVFrame *f = jpeg_of(&p, NULL, 0, 0);
        cr_assert(f->width == W && f->height == H);
        cr_assert(abs(at(f, 0, 50, 50) - 76) <= 3, "%d", at(f, 0, 50, 50));
        cr_assert(abs(at(f, 1, 25, 25) - 85) <= 3, "%d", at(f, 1, 25, 25));
        cr_assert(abs(at(f, 2, 25, 25) - 255) <= 3, "%d", at(f, 2, 25, 25));
        av_frame_free(&f);
    }
}

Test(image, jpeg_is_made_smaller_with_its_boxes) {
    v2s_picture p = flat_picture(60, 128, 128);
    v2s_overlay_box box = {.box = {40, 40, 100, 60}, .object = 0};
    AVFrame *f = jpeg_of(&p, &box, 1, 100);
    cr_assert(f->width == 100 && f->height == 60);
    int dark = at(f, 0, 40, 35), edge = at(f, 0, 40, 20);
    cr_assert(abs(dark - 51) < 12, "%d", dark); // (60 - 16) * 255 / 219
    cr_assert(edge > dark + 80, "%d", edge);
    av_frame_free(&f);
    f = jpeg_of(&p, &box, 1, 1000);
    cr_assert(f->width == W);
    av_frame_free(&f);
}

Test(image, jpeg_of_grey_and_odd_pictures_works) {
    v2s_picture p = flat_picture(200, 128, 128);
    p.u = p.v = NULL;
    p.full_range = true;
    p.width = 101;
    p.height = 77;
    AVFrame *f = jpeg_of(&p, NULL, 0, 0);
    cr_assert(f->width == 101 && f->height == 77 && abs(at(f, 0, 50, 40) - 200) <= 3);
    av_frame_free(&f);
}
