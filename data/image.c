// SPDX-License-Identifier: MIT
#include "data/image.h"

#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <zlib.h>

#include "data/frame.h"
#include "data/media_internal.h"
#include "data/overlay_draw.h"

enum {
    JPEG_QUANTISER = 4, // of 1 (best) .. 31: about 0.2 MB for 1280 x 720
    MAX_SIDE = 1 << 15,
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
static void filter_rows(const uint8_t *rgb, size_t row_bytes, int height, unsigned char *to) {
    for (int y = 0; y < height; y++) {
        const uint8_t *row = rgb + (size_t)y * row_bytes;
        *to++ = y == 0 ? 1 : 2;
        for (size_t i = 0; i < row_bytes; i++) {
            uint8_t left = i >= 3 ? row[i - 3] : 0;
            *to++ = (unsigned char)(row[i] - (y == 0 ? left : row[i - row_bytes]));
        }
    }
}

v2s_status v2s_image_png_rgb(const uint8_t *rgb, int width, int height, unsigned char **bytes,
                             size_t *size) {
    static const unsigned char signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    if (width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE)
        return V2S_FAIL(V2S_ARG, "PNG: a picture of %d x %d pixels cannot be written", width,
                        height);
    size_t row_bytes = 3 * (size_t)width;
    size_t raw_size = (row_bytes + 1) * (size_t)height;
    uLongf packed_size = compressBound(raw_size);
    unsigned char *raw = malloc(raw_size), *packed = malloc(packed_size);
    unsigned char *png = malloc(sizeof signature + 3 * 12 + 13 + packed_size);
    v2s_status status = V2S_OK;
    if (raw == NULL || packed == NULL || png == NULL) {
        status = V2S_FAIL(V2S_NOMEM, "PNG: out of memory");
        goto done;
    }
    filter_rows(rgb, row_bytes, height, raw);
    if (compress2(packed, &packed_size, raw, raw_size, Z_DEFAULT_COMPRESSION) != Z_OK) {
        status = V2S_FAIL(V2S_NOMEM, "PNG: cannot be compressed");
        goto done;
    }
    unsigned char header[13] = {0};
    put_u32(header, (uint32_t)width);
    put_u32(header + 4, (uint32_t)height);
    header[8] = 8; // bits
    header[9] = 2; // truecolour
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
