// SPDX-License-Identifier: MIT
#include "data/frame_folder.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <libavcodec/avcodec.h>

#include "data/media_internal.h"
#include "kernels/base/array.h"

enum { MAX_IMAGE_PIXELS = 1 << 27 };

struct v2s_frame_folder {
    char *path;
    char **names; // paths [count]
    size_t count, next;
    AVCodecContext *codec; // of the last image; kept while the next one has the same kind
    AVPacket *packet;
};

static bool is_image_name(const char *name) {
    static const char *const suffixes[] = {"jpg", "jpeg", "png", "bmp", "ppm",  "pgm",
                                           "pbm", "pnm",  "pam", "tif", "tiff", "webp"};
    if (name[0] == '.')
        return false;
    const char *suffix = v2s_media_suffix(name);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (strcasecmp(suffix, suffixes[i]) == 0)
            return true;
    return false;
}

// Natural order: runs of digits compare as numbers of any length, everything else as bytes.
static int compare_names(const void *left, const void *right) {
    const char *a = *(char *const *)left, *b = *(char *const *)right;
    while (*a != '\0' && *b != '\0') {
        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            a += strspn(a, "0");
            b += strspn(b, "0");
            size_t digits_a = strspn(a, "0123456789"), digits_b = strspn(b, "0123456789");
            if (digits_a != digits_b)
                return digits_a < digits_b ? -1 : 1;
            int order = strncmp(a, b, digits_a);
            if (order != 0)
                return order;
            a += digits_a;
            b += digits_b;
        } else if (*a != *b) {
            return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        } else {
            a++;
            b++;
        }
    }
    if (*a != *b)
        return *a == '\0' ? -1 : 1;
    return strcmp(*(char *const *)left, *(char *const *)right); // "1" and "01": any fixed order
}

static v2s_status add_name(v2s_frame_folder *f, size_t *room, const char *name) {
    char **names = v2s_array_grow(f->names, f->count, room, sizeof *names);
    if (names == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", f->path);
    f->names = names;
    if (asprintf(&f->names[f->count], "%s/%s", f->path, name) < 0)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", f->path);
    f->count++;
    return V2S_OK;
}

static v2s_status list_names(v2s_frame_folder *f) {
    DIR *dir = opendir(f->path);
    if (dir == NULL)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", f->path, strerror(errno));
    size_t room = 0;
    v2s_status status = V2S_OK;
    const struct dirent *entry;
    while (status == V2S_OK && (entry = readdir(dir)) != NULL)
        if (is_image_name(entry->d_name))
            status = add_name(f, &room, entry->d_name);
    closedir(dir);
    if (status == V2S_OK && f->count == 0)
        status = V2S_FAIL(V2S_FORMAT, "%s: the folder holds no image (jpg, png, bmp, ppm, ...)",
                          f->path);
    if (status == V2S_OK)
        qsort(f->names, f->count, sizeof *f->names, compare_names);
    return status;
}

v2s_status v2s_frame_folder_open(const char *path, v2s_frame_folder **out) {
    v2s_frame_folder *f = calloc(1, sizeof *f);
    if (f == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", path);
    f->path = strdup(path);
    f->packet = av_packet_alloc();
    v2s_status status = f->path == NULL || f->packet == NULL
                            ? V2S_FAIL(V2S_NOMEM, "%s: out of memory", path)
                            : list_names(f);
    if (status != V2S_OK) {
        v2s_frame_folder_close(&f);
        return status;
    }
    *out = f;
    return V2S_OK;
}

size_t v2s_frame_folder_count(const v2s_frame_folder *f) {
    return f->count;
}

const char *v2s_frame_folder_name(const v2s_frame_folder *f) {
    return f->names[f->next == 0 ? 0 : f->next - 1];
}

// The first bytes say what an image is; its name does not have to.
static enum AVCodecID codec_of_bytes(const uint8_t *b, int size) {
    if (size < 16)
        return AV_CODEC_ID_NONE;
    if (b[0] == 0xFF && b[1] == 0xD8)
        return AV_CODEC_ID_MJPEG;
    if (memcmp(b, "\x89PNG", 4) == 0)
        return AV_CODEC_ID_PNG;
    if (memcmp(b, "BM", 2) == 0)
        return AV_CODEC_ID_BMP;
    if (memcmp(b, "II*\0", 4) == 0 || memcmp(b, "MM\0*", 4) == 0)
        return AV_CODEC_ID_TIFF;
    if (memcmp(b, "RIFF", 4) == 0 && memcmp(b + 8, "WEBP", 4) == 0)
        return AV_CODEC_ID_WEBP;
    if (b[0] == 'P' && (b[1] == '1' || b[1] == '4'))
        return AV_CODEC_ID_PBM;
    if (b[0] == 'P' && (b[1] == '2' || b[1] == '5'))
        return AV_CODEC_ID_PGM;
    if (b[0] == 'P' && (b[1] == '3' || b[1] == '6'))
        return AV_CODEC_ID_PPM;
    return b[0] == 'P' && b[1] == '7' ? AV_CODEC_ID_PAM : AV_CODEC_ID_NONE;
}

static v2s_status open_codec(v2s_frame_folder *f, const char *path) {
    enum AVCodecID id = codec_of_bytes(f->packet->data, f->packet->size);
    if (id == AV_CODEC_ID_NONE)
        return V2S_FAIL(V2S_FORMAT, "%s: not an image of a known kind", path);
    if (f->codec != NULL && f->codec->codec_id == id)
        return V2S_OK;
    avcodec_free_context(&f->codec);
    const AVCodec *decoder = avcodec_find_decoder(id);
    if (decoder == NULL)
        return V2S_FAIL(V2S_UNSUPPORTED, "%s: no decoder for %s images", path,
                        avcodec_get_name(id));
    f->codec = avcodec_alloc_context3(decoder);
    if (f->codec == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", path);
    f->codec->thread_count = 1; // frame threads would hold pictures back
    f->codec->max_pixels = MAX_IMAGE_PIXELS;
    int error = avcodec_open2(f->codec, decoder, NULL);
    if (error < 0) {
        avcodec_free_context(&f->codec);
        return v2s_media_fail(V2S_FORMAT, error, path, "its decoder cannot be started");
    }
    return V2S_OK;
}

v2s_status v2s_frame_folder_next(v2s_frame_folder *f, AVFrame *frame) {
    if (f->next == f->count)
        return V2S_END;
    const char *path = f->names[f->next++];
    v2s_status status = v2s_media_read_whole(path, f->packet);
    if (status == V2S_OK)
        status = open_codec(f, path);
    if (status == V2S_OK) {
        int error = avcodec_send_packet(f->codec, f->packet);
        if (error >= 0)
            error = avcodec_receive_frame(f->codec, frame);
        if (error < 0)
            status = v2s_media_fail(V2S_FORMAT, error, path, "the image cannot be decoded");
    }
    av_packet_unref(f->packet);
    return status;
}

void v2s_frame_folder_close(v2s_frame_folder **pointer) {
    v2s_frame_folder *f = *pointer;
    if (f == NULL)
        return;
    for (size_t i = 0; i < f->count; i++)
        free(f->names[i]);
    free(f->names);
    free(f->path);
    avcodec_free_context(&f->codec);
    av_packet_free(&f->packet);
    free(f);
    *pointer = NULL;
}
