// SPDX-License-Identifier: MIT
#include "data/image.h"

#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/pixdesc.h>
#include <zlib.h>

#include "data/frame.h"
#include "data/media_internal.h"
#include "data/overlay_draw.h"

enum {
    JPEG_QUANTISER = 4, // of 1 (best) .. 31: about 0.2 MB for 1280 x 720
    MAX_SIDE = 1 << 15,
    MAX_PIXELS = 1 << 27, // a forged header cannot ask for more
};

static v2s_status encode_jpeg(AVFrame *frame, AVPacket *packet) {
    const AVCodec *encoder = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
    AVCodecContext *codec = encoder == NULL ? NULL : avcodec_alloc_context3(encoder);
    if (codec == NULL)
        return V2S_FAIL(V2S_UNSUPPORTED, "this FFmpeg has no JPEG encoder");
    codec->width = frame->width;
    codec->height = frame->height;
    codec->pix_fmt = frame->format;
    codec->color_range = AVCOL_RANGE_JPEG;
    codec->time_base = av_make_q(1, 25);
    codec->thread_count = 1;
    codec->flags |= AV_CODEC_FLAG_QSCALE | AV_CODEC_FLAG_BITEXACT;
    codec->global_quality = JPEG_QUANTISER * FF_QP2LAMBDA;
    frame->quality = codec->global_quality;
    int error = avcodec_open2(codec, encoder, NULL);
    if (error >= 0)
        error = avcodec_send_frame(codec, frame);
    if (error >= 0)
        error = avcodec_receive_packet(codec, packet);
    avcodec_free_context(&codec);
    return error >= 0
               ? V2S_OK
               : v2s_media_fail(V2S_UNSUPPORTED, error, "report picture", "JPEG cannot be encoded");
}

static v2s_status copy_bytes(const void *data, size_t size, unsigned char **bytes, size_t *count) {
    unsigned char *copy = malloc(size);
    if (copy == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    memcpy(copy, data, size);
    *bytes = copy;
    *count = size;
    return V2S_OK;
}

// Draws and encodes `frame`, whose size is set.
static v2s_status make_jpeg(const v2s_picture *p, const v2s_overlay_box *boxes, size_t count,
                            AVFrame *frame, unsigned char **bytes, size_t *size) {
    if (av_frame_get_buffer(frame, 0) < 0)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_scaler scaler = {0};
    v2s_status status = v2s_picture_to_frame(p, &scaler, frame);
    v2s_scaler_close(&scaler);
    V2S_TRY(status);
    v2s_overlay_draw(frame, (double)frame->width / p->width, boxes, count);
    AVPacket *packet = av_packet_alloc();
    if (packet == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    status = encode_jpeg(frame, packet);
    if (status == V2S_OK)
        status = copy_bytes(packet->data, (size_t)packet->size, bytes, size);
    av_packet_free(&packet);
    return status;
}

v2s_status v2s_image_jpeg(const v2s_picture *p, const v2s_overlay_box *boxes, size_t count,
                          int max_width, unsigned char **bytes, size_t *size) {
    AVFrame *frame = av_frame_alloc();
    if (frame == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    frame->width = p->width;
    frame->height = p->height;
    if (max_width > 0 && p->width > max_width) {
        frame->width = max_width;
        frame->height = (int)((int64_t)p->height * max_width / p->width);
        frame->height = frame->height > 0 ? frame->height : 1;
    }
    frame->format = AV_PIX_FMT_YUVJ420P;
    frame->color_range = AVCOL_RANGE_JPEG; // JPEG is full range BT.601
    frame->colorspace = AVCOL_SPC_SMPTE170M;
    v2s_status status = make_jpeg(p, boxes, count, frame, bytes, size);
    av_frame_free(&frame);
    return status;
}

static void put_u32(unsigned char *to, uint32_t value) {
    for (int i = 0; i < 4; i++)
        to[i] = (unsigned char)(value >> (24 - 8 * i));
}

// length, type, data, CRC-32 of type and data (PNG specification, second edition, section 5.3)
static unsigned char *put_chunk(unsigned char *to, const char *type, const unsigned char *data,
                                size_t size) {
    put_u32(to, (uint32_t)size);
    memcpy(to + 4, type, 4);
    if (size > 0)
        memcpy(to + 8, data, size);
    put_u32(to + 8 + size, (uint32_t)crc32(crc32(0, to + 4, 4), to + 8, (uInt)size));
    return to + 12 + size;
}

// Rows with their filter byte in front: "Sub" (2 = "Up" from the second row on, which packs the
// smooth maps of the report best).
static void filter_rows(const uint8_t *pixels, size_t row_bytes, size_t pixel_bytes, int height,
                        unsigned char *to) {
    for (int y = 0; y < height; y++) {
        const uint8_t *row = pixels + (size_t)y * row_bytes;
        *to++ = y == 0 ? 1 : 2;
        for (size_t i = 0; i < row_bytes; i++) {
            uint8_t left = i >= pixel_bytes ? row[i - pixel_bytes] : 0;
            *to++ = (unsigned char)(row[i] - (y == 0 ? left : row[i - row_bytes]));
        }
    }
}

typedef struct png_kind {
    uint8_t bits, colour;
    size_t pixel_bytes;
} png_kind;

static v2s_status write_png(png_kind kind, const uint8_t *pixels, int width, int height,
                            unsigned char **bytes, size_t *size) {
    static const unsigned char signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    size_t row_bytes = kind.pixel_bytes * (size_t)width;
    size_t raw_size = (row_bytes + 1) * (size_t)height;
    uLongf packed_size = compressBound(raw_size);
    unsigned char *raw = malloc(raw_size), *packed = malloc(packed_size);
    unsigned char *png = malloc(sizeof signature + 3 * 12 + 13 + packed_size);
    v2s_status status = V2S_OK;
    if (raw == NULL || packed == NULL || png == NULL) {
        status = V2S_FAIL(V2S_NOMEM, "PNG: out of memory");
        goto done;
    }
    filter_rows(pixels, row_bytes, kind.pixel_bytes, height, raw);
    if (compress2(packed, &packed_size, raw, raw_size, Z_DEFAULT_COMPRESSION) != Z_OK) {
        status = V2S_FAIL(V2S_NOMEM, "PNG: cannot be compressed");
        goto done;
    }
    unsigned char header[13] = {0};
    put_u32(header, (uint32_t)width);
    put_u32(header + 4, (uint32_t)height);
    header[8] = kind.bits;
    header[9] = kind.colour;
    memcpy(png, signature, sizeof signature);
    unsigned char *end = put_chunk(png + sizeof signature, "IHDR", header, sizeof header);
    end = put_chunk(end, "IDAT", packed, packed_size);
    end = put_chunk(end, "IEND", NULL, 0);
    *bytes = png;
    *size = (size_t)(end - png);
    png = NULL;
done:
    free(raw);
    free(packed);
    free(png);
    return status;
}

static v2s_status check_size(int width, int height) {
    if (width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE)
        return V2S_FAIL(V2S_ARG, "PNG: a picture of %d x %d pixels cannot be written", width,
                        height);
    return V2S_OK;
}

v2s_status v2s_image_png_rgb(const uint8_t *rgb, int width, int height, unsigned char **bytes,
                             size_t *size) {
    static const png_kind truecolour = {8, 2, 3};
    V2S_TRY(check_size(width, height));
    return write_png(truecolour, rgb, width, height, bytes, size);
}

v2s_status v2s_image_png_grey16(const uint16_t *grey, int width, int height, unsigned char **bytes,
                                size_t *size) {
    static const png_kind kind = {16, 0, 2};
    V2S_TRY(check_size(width, height));
    size_t count = (size_t)width * (size_t)height;
    uint8_t *pixels = malloc(2 * count);
    if (pixels == NULL)
        return V2S_FAIL(V2S_NOMEM, "PNG: out of memory");
    for (size_t i = 0; i < count; i++) { // PNG is big-endian
        pixels[2 * i] = (uint8_t)(grey[i] >> 8);
        pixels[2 * i + 1] = (uint8_t)grey[i];
    }
    v2s_status status = write_png(kind, pixels, width, height, bytes, size);
    free(pixels);
    return status;
}

// ---- reading ----------------------------------------------------------------------------------

// The decoder's first picture of one whole file.
static v2s_status decode_png(const char *path, AVPacket *packet, AVFrame *frame) {
    const AVCodec *decoder = avcodec_find_decoder(AV_CODEC_ID_PNG);
    AVCodecContext *codec = decoder == NULL ? NULL : avcodec_alloc_context3(decoder);
    if (codec == NULL)
        return V2S_FAIL(V2S_UNSUPPORTED, "%s: this FFmpeg has no PNG decoder", path);
    codec->thread_count = 1;
    codec->max_pixels = MAX_PIXELS;
    codec->err_recognition = AV_EF_CRCCHECK | AV_EF_EXPLODE;
    int error = avcodec_open2(codec, decoder, NULL);
    if (error >= 0)
        error = avcodec_send_packet(codec, packet);
    if (error >= 0)
        error = avcodec_receive_frame(codec, frame);
    avcodec_free_context(&codec);
    return error >= 0 ? V2S_OK
                      : v2s_media_fail(V2S_FORMAT, error, path, "the PNG cannot be decoded");
}

static v2s_status take_grey16(const char *path, const AVFrame *frame, int *width, int *height,
                              uint16_t **grey) {
    if (frame->format != AV_PIX_FMT_GRAY16BE) {
        const char *name = av_get_pix_fmt_name(frame->format);
        return V2S_FAIL(V2S_FORMAT, "%s: expected a PNG of 16-bit grey pixels, found %s", path,
                        name != NULL ? name : "another kind");
    }
    size_t w = (size_t)frame->width, h = (size_t)frame->height;
    uint16_t *values = malloc(w * h * sizeof *values);
    if (values == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", path);
    for (size_t y = 0; y < h; y++) {
        const uint8_t *row = frame->data[0] + (ptrdiff_t)y * frame->linesize[0];
        for (size_t x = 0; x < w; x++)
            values[y * w + x] = (uint16_t)(row[2 * x] << 8 | row[2 * x + 1]);
    }
    *width = frame->width;
    *height = frame->height;
    *grey = values;
    return V2S_OK;
}

v2s_status v2s_image_read_grey16(const char *path, int *width, int *height, uint16_t **grey) {
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    v2s_status status = V2S_OK;
    if (packet == NULL || frame == NULL)
        status = V2S_FAIL(V2S_NOMEM, "%s: out of memory", path);
    if (status == V2S_OK)
        status = v2s_media_read_whole(path, packet);
    if (status == V2S_OK && (packet->size < 8 || memcmp(packet->data, "\x89PNG", 4) != 0))
        status = V2S_FAIL(V2S_FORMAT, "%s: not a PNG file", path);
    if (status == V2S_OK)
        status = decode_png(path, packet, frame);
    if (status == V2S_OK)
        status = take_grey16(path, frame, width, height, grey);
    av_frame_free(&frame);
    av_packet_free(&packet);
    return status;
}
