// SPDX-License-Identifier: MIT
//
// HOW IT WORKS
// The peak is known at the end only. Float samples lie in the file as they are, at a known offset,
// so a gain is applied by a second pass over those bytes. Integer samples would already have been
// rounded or clipped: they wait as plain floats in a temporary file beside the result, and are
// scaled and encoded by commit.
#include "data/sound_out.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <sndfile.h>

#include "data/media_internal.h"
#include "kernels/base/file_out.h"

enum {
    BLOCK_SAMPLES = 1 << 14,
    FLAC_MAX_CHANNELS = 8,
};

// 32-bit sizes, less a generous header
static const int64_t max_wav_bytes = INT64_C(0xFFFFFFFF) - 4096;

struct v2s_sound_out {
    v2s_file_out *f;
    v2s_file_out *spool; // integer formats: floats until commit
    SNDFILE *file;       // writes to f; NULL until commit for integer formats
    SF_INFO info;
    v2s_sample_format format;
    int64_t data_offset; // of the first sample in f; -1 until it is written (float formats)
    int64_t frames;
    float peak;
    bool downgrade; // RF64 that becomes WAV if it stays small
};

static sf_count_t vio_length(void *user) {
    return v2s_file_out_size(user);
}

static sf_count_t vio_seek(sf_count_t offset, int whence, void *user) {
    return v2s_file_out_seek(user, offset, whence) == V2S_OK ? v2s_file_out_tell(user) : -1;
}

static sf_count_t vio_read(void *data, sf_count_t size, void *user) {
    size_t got = 0;
    return v2s_file_out_read(user, data, (size_t)size, &got) == V2S_OK ? (sf_count_t)got : 0;
}

static sf_count_t vio_write(const void *data, sf_count_t size, void *user) {
    return v2s_file_out_write(user, data, (size_t)size) == V2S_OK ? size : 0;
}

static sf_count_t vio_tell(void *user) {
    return v2s_file_out_tell(user);
}

static v2s_status start_file(v2s_sound_out *out) {
    SF_VIRTUAL_IO io = {vio_length, vio_seek, vio_read, vio_write, vio_tell};
    out->file = sf_open_virtual(&io, SFM_WRITE, &out->info, out->f);
    if (out->file == NULL) {
        V2S_TRY(v2s_file_out_status(out->f));
        return V2S_FAIL(V2S_UNSUPPORTED, "%s: %d channels at %d Hz cannot be written: %s",
                        v2s_file_out_path(out->f), out->info.channels, out->info.samplerate,
                        sf_strerror(NULL));
    }
    sf_command(out->file, SFC_SET_ADD_PEAK_CHUNK, NULL, SF_FALSE);
    if (out->downgrade)
        sf_command(out->file, SFC_RF64_AUTO_DOWNGRADE, NULL, SF_TRUE);
    return V2S_OK;
}

// The container that a suffix names; 0: none.
static int container_of(const char *path) {
    const char *suffix = v2s_media_suffix(path);
    struct stat info;
    if (strcasecmp(suffix, "wav") == 0)
        return SF_FORMAT_WAV;
    if (strcasecmp(suffix, "w64") == 0)
        return SF_FORMAT_W64;
    if (strcasecmp(suffix, "caf") == 0)
        return SF_FORMAT_CAF;
    if (strcasecmp(suffix, "flac") == 0)
        return SF_FORMAT_FLAC;
    bool device = stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
    return device ? SF_FORMAT_WAV : 0;
}

static int bytes_of(v2s_sample_format format) {
    return format == V2S_S16 ? 2 : format == V2S_S24 ? 3 : 4;
}

// Fills out->info.format, out->format and out->downgrade.
static v2s_status choose_format(const char *path, v2s_sample_format format, int64_t frames_expected,
                                v2s_sound_out *out) {
    int container = container_of(path);
    if (container == 0)
        return V2S_FAIL(V2S_ARG, "%s: the suffix must be one of .wav .w64 .caf .flac", path);
    if (container == SF_FORMAT_FLAC && out->info.channels > FLAC_MAX_CHANNELS)
        return V2S_FAIL(V2S_ARG, "%s: FLAC holds up to %d channels, found %d; use .wav", path,
                        FLAC_MAX_CHANNELS, out->info.channels);
    if (container == SF_FORMAT_FLAC && format == V2S_FLOAT32)
        format = V2S_S24;
    out->format = format;
    int64_t frame_bytes = (int64_t)out->info.channels * bytes_of(format);
    if (container == SF_FORMAT_WAV && frames_expected < 0) {
        container = SF_FORMAT_RF64;
        out->downgrade = true;
    } else if (container == SF_FORMAT_WAV && frames_expected > max_wav_bytes / frame_bytes) {
        container = SF_FORMAT_RF64;
    }
    int samples = format == V2S_FLOAT32 ? SF_FORMAT_FLOAT
                  : format == V2S_S16   ? SF_FORMAT_PCM_16
                                        : SF_FORMAT_PCM_24;
    out->info.format = container | samples;
    // The gain pass works on this machine's floats; CAF can say which order it has.
    if (container == SF_FORMAT_CAF)
        out->info.format |= SF_ENDIAN_LITTLE;
    return V2S_OK;
}

v2s_status v2s_sound_out_open(const char *path, double rate_hz, int channels,
                              v2s_sample_format format, int64_t frames_expected,
                              v2s_sound_out **result) {
    if (!(rate_hz >= 1.0 && rate_hz <= 10e6) || rate_hz != floor(rate_hz))
        return V2S_FAIL(V2S_ARG, "%s: a sample rate of %g Hz cannot be written", path, rate_hz);
    if (channels < 1 || channels > 1024)
        return V2S_FAIL(V2S_ARG, "%s: %d channels cannot be written", path, channels);
    v2s_sound_out *out = calloc(1, sizeof *out);
    if (out == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", path);
    out->info.samplerate = (int)rate_hz;
    out->info.channels = channels;
    out->data_offset = -1;
    v2s_status status = choose_format(path, format, frames_expected, out);
    if (status == V2S_OK)
        status = v2s_file_out_open(path, &out->f);
    if (status == V2S_OK && out->format == V2S_FLOAT32)
        status = start_file(out);
    else if (status == V2S_OK)
        status = v2s_file_out_open(path, &out->spool);
    if (status != V2S_OK) {
        v2s_sound_out_close(&out);
        return status;
    }
    *result = out;
    return V2S_OK;
}

void v2s_sound_out_defer_sync(v2s_sound_out *out) {
    v2s_file_out_defer_sync(out->f);
}

v2s_sample_format v2s_sound_out_format(const v2s_sound_out *out) {
    return out->format;
}

static v2s_status note_peak(v2s_sound_out *out, const float *samples, size_t frames) {
    size_t channels = (size_t)out->info.channels;
    float peak = out->peak;
    float bad = 0.0f; // 0 * x is 0 for every finite x, NaN otherwise
    for (size_t i = 0; i < frames * channels; i++) {
        float a = fabsf(samples[i]);
        peak = a > peak ? a : peak;
        bad += 0.0f * samples[i];
    }
    if (bad != 0.0f)
        return V2S_FAIL(V2S_NUMERIC, "%s: a sample in frames %lld to %lld is not a finite number",
                        v2s_file_out_path(out->f), (long long)out->frames,
                        (long long)(out->frames + (int64_t)frames - 1));
    out->peak = peak;
    return V2S_OK;
}

static v2s_status check_written(const v2s_sound_out *out, sf_count_t written, size_t frames) {
    V2S_TRY(v2s_file_out_status(out->f));
    if (written != (sf_count_t)frames)
        return V2S_FAIL(V2S_IO, "%s: cannot write: %s", v2s_file_out_path(out->f),
                        sf_strerror(out->file));
    return V2S_OK;
}

v2s_status v2s_sound_out_write(v2s_sound_out *out, const float *samples, size_t frames) {
    if (frames == 0)
        return V2S_OK;
    int64_t file_bytes =
        (out->frames + (int64_t)frames) * out->info.channels * bytes_of(out->format);
    if ((out->info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_WAV && file_bytes > max_wav_bytes)
        return V2S_FAIL(V2S_IO, "%s: more than the 4 GiB that WAV holds",
                        v2s_file_out_path(out->f));
    V2S_TRY(note_peak(out, samples, frames));
    size_t bytes = frames * (size_t)out->info.channels * sizeof *samples;
    if (out->spool != NULL) {
        V2S_TRY(v2s_file_out_write(out->spool, samples, bytes));
    } else {
        sf_count_t written = sf_writef_float(out->file, samples, (sf_count_t)frames);
        V2S_TRY(check_written(out, written, frames));
        // libsndfile writes its header with the first samples and floats without a buffer
        if (out->data_offset < 0)
            out->data_offset = v2s_file_out_tell(out->f) - (int64_t)bytes;
    }
    out->frames += (int64_t)frames;
    return V2S_OK;
}

static void divide(float *samples, size_t count, float peak) {
    for (size_t i = 0; i < count; i++)
        samples[i] = samples[i] / peak; // so that the peak itself becomes exactly 1
}

// Float formats: the gain is applied where the samples lie.
static v2s_status scale_in_place(v2s_sound_out *out) {
    static const size_t block_bytes = BLOCK_SAMPLES * sizeof(float);
    float *block = malloc(block_bytes);
    if (block == NULL)
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", v2s_file_out_path(out->f));
    int64_t at = out->data_offset;
    int64_t end = at + out->frames * out->info.channels * (int64_t)sizeof(float);
    v2s_status status = V2S_OK;
    while (status == V2S_OK && at < end) {
        size_t bytes = end - at < (int64_t)block_bytes ? (size_t)(end - at) : block_bytes;
        size_t got = 0;
        V2S_TRY_GOTO(status, v2s_file_out_seek(out->f, at, SEEK_SET), done);
        V2S_TRY_GOTO(status, v2s_file_out_read(out->f, block, bytes, &got), done);
        if (got != bytes) {
            status = V2S_FAIL(V2S_IO, "%s: cannot read back", v2s_file_out_path(out->f));
            break;
        }
        divide(block, bytes / sizeof(float), out->peak);
        V2S_TRY_GOTO(status, v2s_file_out_seek(out->f, at, SEEK_SET), done);
        V2S_TRY_GOTO(status, v2s_file_out_write(out->f, block, bytes), done);
        at += (int64_t)bytes;
    }
done:
    free(block);
    return status;
}

// Nearest integer of `bits`, in the upper bits of an int as libsndfile takes it. (Its own float
// to integer conversion either wraps above 1 or, told to clip, rounds down.)
static void quantise(const float *samples, size_t count, int bits, int *to) {
    double full = ldexp(1.0, bits - 1);
    for (size_t i = 0; i < count; i++) {
        double k = fmin(fmax(rint(samples[i] * full), -full), full - 1.0);
        to[i] = (int)((unsigned)(int)k << (32 - bits));
    }
}

// Integer formats: scales and encodes what has been waiting.
static v2s_status encode_spool(v2s_sound_out *out) {
    V2S_TRY(start_file(out));
    V2S_TRY(v2s_file_out_seek(out->spool, 0, SEEK_SET));
    size_t channels = (size_t)out->info.channels;
    size_t block_frames = BLOCK_SAMPLES / channels + 1;
    float *block = malloc(block_frames * channels * sizeof *block);
    int *numbers = malloc(block_frames * channels * sizeof *numbers);
    v2s_status status = V2S_OK;
    if (block == NULL || numbers == NULL)
        status = V2S_FAIL(V2S_NOMEM, "%s: out of memory", v2s_file_out_path(out->f));
    for (int64_t left = out->frames; status == V2S_OK && left > 0;) {
        size_t n = left < (int64_t)block_frames ? (size_t)left : block_frames;
        size_t bytes = n * channels * sizeof *block, got = 0;
        V2S_TRY_GOTO(status, v2s_file_out_read(out->spool, block, bytes, &got), done);
        if (got != bytes) {
            status = V2S_FAIL(V2S_IO, "%s: cannot read back", v2s_file_out_path(out->f));
            break;
        }
        if (out->peak > 1.0f)
            divide(block, n * channels, out->peak);
        quantise(block, n * channels, 8 * bytes_of(out->format), numbers);
        sf_count_t written = sf_writef_int(out->file, numbers, (sf_count_t)n);
        status = check_written(out, written, n);
        left -= (int64_t)n;
    }
done:
    free(block);
    free(numbers);
    return status;
}

v2s_status v2s_sound_out_commit(v2s_sound_out *out, double *gain_db, double *peak) {
    if (out->spool != NULL)
        V2S_TRY(encode_spool(out));
    int error = sf_close(out->file);
    out->file = NULL;
    V2S_TRY(v2s_file_out_status(out->f));
    if (error != 0)
        return V2S_FAIL(V2S_IO, "%s: cannot write: %s", v2s_file_out_path(out->f),
                        sf_error_number(error));
    if (out->spool == NULL && out->peak > 1.0f)
        V2S_TRY(scale_in_place(out));
    V2S_TRY(v2s_file_out_commit(out->f));
    if (gain_db != NULL)
        *gain_db = out->peak > 1.0f ? -20.0 * log10((double)out->peak) : 0.0;
    if (peak != NULL)
        *peak = out->peak;
    return V2S_OK;
}

void v2s_sound_out_close(v2s_sound_out **pointer) {
    v2s_sound_out *out = *pointer;
    if (out == NULL)
        return;
    if (out->file != NULL)
        sf_close(out->file);
    v2s_file_out_close(&out->spool);
    v2s_file_out_close(&out->f);
    free(out);
    *pointer = NULL;
}
