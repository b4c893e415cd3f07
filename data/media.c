// SPDX-License-Identifier: MIT
#include "data/media.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavcodec/avcodec.h>

#include "data/media_internal.h"
#include "kernels/base/cpu.h"

enum {
    IO_BYTES = 1 << 16,
    // Largest picture a decoder may allocate: four times 8K. A forged header cannot ask for more.
    MAX_PIXELS = 1 << 27,
    MAX_IMAGE_BYTES = 1 << 30,
};

void v2s_media_quiet(void) {
    av_log_set_level(AV_LOG_QUIET);
}

const char *v2s_media_error(int av_error, char text[AV_ERROR_MAX_STRING_SIZE]) {
    if (av_strerror(av_error, text, AV_ERROR_MAX_STRING_SIZE) < 0)
        strcpy(text, "unknown error");
    return text;
}

v2s_status v2s_media_fail(v2s_status code, int av_error, const char *path, const char *what) {
    if (av_error == AVERROR(ENOMEM))
        return V2S_FAIL(V2S_NOMEM, "%s: %s: out of memory", path, what);
    char text[AV_ERROR_MAX_STRING_SIZE];
    return V2S_FAIL(code, "%s: %s: %s", path, what, v2s_media_error(av_error, text));
}

const char *v2s_media_suffix(const char *path) {
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash == NULL ? path : slash, '.');
    return dot == NULL ? "" : dot + 1;
}

v2s_status v2s_media_check(const char *path) {
    struct stat info;
    if (stat(path, &info) != 0)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", path, strerror(errno));
    if (S_ISDIR(info.st_mode))
        return V2S_FAIL(V2S_IO, "%s: cannot read: it is a folder", path);
    if (S_ISREG(info.st_mode) && info.st_size == 0)
        return V2S_FAIL(V2S_FORMAT, "%s: the file is empty", path);
    if (access(path, R_OK) != 0)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", path, strerror(errno));
    return V2S_OK;
}

v2s_status v2s_media_read_whole(const char *path, AVPacket *packet) {
    V2S_TRY(v2s_media_check(path));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0) {
        int error_number = errno;
        if (fd >= 0)
            close(fd);
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", path, strerror(error_number));
    }
    v2s_status status = V2S_OK;
    if (!S_ISREG(info.st_mode) || info.st_size > MAX_IMAGE_BYTES)
        status = V2S_FAIL(V2S_FORMAT, "%s: not an image file", path);
    else if (av_new_packet(packet, (int)info.st_size) < 0)
        status = V2S_FAIL(V2S_NOMEM, "%s: out of memory", path);
    int got = 0;
    while (status == V2S_OK && got < packet->size) {
        ssize_t n = read(fd, packet->data + got, (size_t)(packet->size - got));
        if (n <= 0)
            status = V2S_FAIL(V2S_IO, "%s: cannot read: %s", path,
                              n < 0 ? strerror(errno) : "it became shorter");
        else
            got += (int)n;
    }
    close(fd);
    packet->flags |= AV_PKT_FLAG_KEY; // else the PNG decoder adds the picture to the last one
    return status;
}

static int read_bytes(void *opaque, uint8_t *data, int size) {
    v2s_media_in *in = opaque;
    ssize_t n;
    do
        n = read(in->fd, data, (size_t)size);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        in->read_errno = errno;
        return AVERROR(errno);
    }
    return n == 0 ? AVERROR_EOF : (int)n;
}

static int64_t seek_bytes(void *opaque, int64_t offset, int whence) {
    v2s_media_in *in = opaque;
    if (whence & AVSEEK_SIZE) {
        struct stat info;
        return fstat(in->fd, &info) == 0 && S_ISREG(info.st_mode) ? info.st_size : AVERROR(ENOSYS);
    }
    off_t at = lseek(in->fd, offset, whence & ~AVSEEK_FORCE);
    return at < 0 ? AVERROR(errno) : at;
}

static v2s_status open_io(v2s_media_in *in) {
    in->fd = open(in->path, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", in->path, strerror(errno));
    struct stat info;
    bool seekable = fstat(in->fd, &info) == 0 && S_ISREG(info.st_mode);
    unsigned char *buffer = av_malloc(IO_BYTES);
    if (buffer != NULL)
        in->io = avio_alloc_context(buffer, IO_BYTES, 0, in, read_bytes, NULL,
                                    seekable ? seek_bytes : NULL);
    if (in->io == NULL) {
        av_free(buffer);
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", in->path);
    }
    return V2S_OK;
}

// The container's start time, which is that of its earliest stream rounded to microseconds: taken
// from the stream itself, so that the first picture is at 0 and not at -0.0000003.
static double origin_of(const AVFormatContext *format) {
    if (format->start_time == AV_NOPTS_VALUE)
        return 0.0;
    double origin_s = (double)format->start_time / AV_TIME_BASE;
    for (unsigned i = 0; i < format->nb_streams; i++) {
        const AVStream *s = format->streams[i];
        double start_s = (double)s->start_time * av_q2d(s->time_base);
        if (s->start_time != AV_NOPTS_VALUE && fabs(start_s - origin_s) < 1.5 / AV_TIME_BASE)
            return start_s;
    }
    return origin_s;
}

static v2s_status open_format(v2s_media_in *in) {
    in->format = avformat_alloc_context();
    if (in->format == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", in->path);
    in->format->pb = in->io;
    AVDictionary *options = NULL;
    // Playlists and external references may name local files only.
    if (av_dict_set(&options, "protocol_whitelist", "file", 0) < 0)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", in->path);
    int error = avformat_open_input(&in->format, in->path, NULL, &options);
    av_dict_free(&options);
    if (error < 0)
        return v2s_media_fail(in->read_errno != 0 ? V2S_IO : V2S_FORMAT, error, in->path,
                              "no picture or sound can be read from it");
    error = avformat_find_stream_info(in->format, NULL);
    if (error < 0)
        return v2s_media_fail(V2S_FORMAT, error, in->path, "its streams cannot be read");
    in->origin_s = origin_of(in->format);
    return V2S_OK;
}

v2s_status v2s_media_in_open(const char *path, v2s_media_in **out) {
    V2S_TRY(v2s_media_check(path));
    v2s_media_in *in = calloc(1, sizeof *in);
    if (in == NULL || (in->path = strdup(path)) == NULL) {
        free(in);
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", path);
    }
    in->fd = -1;
    v2s_status status = open_io(in);
    if (status == V2S_OK)
        status = open_format(in);
    if (status != V2S_OK) {
        v2s_media_in_close(&in);
        return status;
    }
    *out = in;
    return V2S_OK;
}

void v2s_media_in_close(v2s_media_in **in_pointer) {
    v2s_media_in *in = *in_pointer;
    if (in == NULL)
        return;
    avformat_close_input(&in->format);
    v2s_media_io_free(&in->io);
    if (in->fd >= 0)
        close(in->fd);
    free(in->path);
    free(in);
    *in_pointer = NULL;
}

v2s_status v2s_media_decoder_open(const v2s_media_in *in, const AVStream *stream, int threads,
                                  AVCodecContext **out) {
    const AVCodec *decoder = avcodec_find_decoder(stream->codecpar->codec_id);
    if (decoder == NULL)
        return V2S_FAIL(V2S_UNSUPPORTED, "%s: no decoder for its codec '%s'", in->path,
                        avcodec_get_name(stream->codecpar->codec_id));
    AVCodecContext *codec = avcodec_alloc_context3(decoder);
    if (codec == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", in->path);
    int error = avcodec_parameters_to_context(codec, stream->codecpar);
    codec->pkt_timebase = stream->time_base; // trimming of encoder padding needs it
    codec->max_pixels = MAX_PIXELS;
    codec->thread_count = threads > 0 ? threads : v2s_cpu_count();
    if (error >= 0)
        error = avcodec_open2(codec, decoder, NULL);
    if (error < 0) {
        avcodec_free_context(&codec);
        return v2s_media_fail(V2S_FORMAT, error, in->path, "its decoder cannot be started");
    }
    *out = codec;
    return V2S_OK;
}

double v2s_media_duration_s(const v2s_media_in *in, const AVStream *stream) {
    if (stream != NULL && stream->duration != AV_NOPTS_VALUE && stream->duration > 0)
        return (double)stream->duration * av_q2d(stream->time_base);
    if (in->format->duration != AV_NOPTS_VALUE && in->format->duration > 0)
        return (double)in->format->duration / AV_TIME_BASE;
    return 0.0;
}

static int write_bytes(void *opaque, uint8_t *data, int size) {
    return v2s_file_out_write(opaque, data, (size_t)size) == V2S_OK ? size : AVERROR(EIO);
}

static int64_t seek_output(void *opaque, int64_t offset, int whence) {
    v2s_file_out *f = opaque;
    if (whence & AVSEEK_SIZE)
        return v2s_file_out_size(f);
    if (v2s_file_out_seek(f, offset, whence & ~AVSEEK_FORCE) != V2S_OK)
        return AVERROR(EIO);
    return v2s_file_out_tell(f);
}

AVIOContext *v2s_media_io_to_file(v2s_file_out *f) {
    unsigned char *buffer = av_malloc(IO_BYTES);
    if (buffer == NULL)
        return NULL;
    AVIOContext *io = avio_alloc_context(buffer, IO_BYTES, 1, f, NULL, write_bytes, seek_output);
    if (io == NULL)
        av_free(buffer);
    return io;
}

void v2s_media_io_free(AVIOContext **io) {
    if (*io != NULL)
        av_freep(&(*io)->buffer);
    avio_context_free(io);
}
