// SPDX-License-Identifier: MIT
#include "data/sound_in.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sndfile.h>

#include "data/media_internal.h"
#include "data/sound_av.h"

enum { WARNING_MAX = 512, LOG_MAX = 8192, REST_FRAMES = 8192 };

struct v2s_sound_in {
    char *path;
    SNDFILE *file;    // libsndfile, or
    v2s_sound_av *av; // FFmpeg
    v2s_sound_info info;
    int64_t position; // frames read
    float *mix;       // [mix_frames][channels] for read_mono
    size_t mix_frames;
    bool cut_short; // the header promised more bytes than the file has
    char warning[WARNING_MAX];
};

// Short name of a libsndfile format code; libsndfile's own words for the rare ones.
static void name_of(int code, char *name, size_t size) {
    static const struct {
        int code;
        const char *name;
    } names[] = {
        {SF_FORMAT_WAV, "WAV"},        {SF_FORMAT_WAVEX, "WAV"},  {SF_FORMAT_RF64, "RF64"},
        {SF_FORMAT_W64, "W64"},        {SF_FORMAT_CAF, "CAF"},    {SF_FORMAT_FLAC, "FLAC"},
        {SF_FORMAT_OGG, "Ogg"},        {SF_FORMAT_AIFF, "AIFF"},  {SF_FORMAT_PCM_16, "s16"},
        {SF_FORMAT_PCM_24, "s24"},     {SF_FORMAT_PCM_32, "s32"}, {SF_FORMAT_FLOAT, "float32"},
        {SF_FORMAT_DOUBLE, "float64"}, {SF_FORMAT_PCM_U8, "u8"},  {SF_FORMAT_PCM_S8, "s8"},
        {SF_FORMAT_VORBIS, "Vorbis"},  {SF_FORMAT_OPUS, "Opus"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].code == code) {
            snprintf(name, size, "%s", names[i].name);
            return;
        }
    SF_FORMAT_INFO info = {.format = code};
    if (sf_command(NULL, SFC_GET_FORMAT_INFO, &info, sizeof info) != 0 || info.name == NULL)
        info.name = "unknown";
    snprintf(name, size, "%s", info.name);
}

static void describe(v2s_sound_in *in, const SF_INFO *sf) {
    char container[24], samples[32];
    name_of(sf->format & SF_FORMAT_TYPEMASK, container, sizeof container);
    name_of(sf->format & SF_FORMAT_SUBMASK, samples, sizeof samples);
    snprintf(in->info.format, sizeof in->info.format, "%s %s", container, samples);
    in->info.rate_hz = sf->samplerate;
    in->info.channels = sf->channels;
    in->info.frames = sf->frames;
    in->info.duration_s = (double)sf->frames / sf->samplerate;
}

// libsndfile shortens a chunk that reaches past the end of the file and tells its log only:
// "data : 96044 (should be 4000)". Streams written without knowing their length have 0 or -1
// (4294967295) there and are complete.
static bool log_says_cut_short(SNDFILE *file) {
    char *log = calloc(1, LOG_MAX);
    if (log == NULL)
        return false;
    sf_command(file, SFC_GET_LOG_INFO, log, LOG_MAX);
    bool cut = false;
    for (const char *line = strstr(log, "data"); line != NULL && !cut;
         line = strstr(line + 1, "data")) {
        long long said = 0, found = 0;
        cut = sscanf(line, "data : %lld (should be %lld)", &said, &found) == 2 && said > found &&
              said < 0xFFFFF000LL;
    }
    free(log);
    return cut;
}

// Whether the file begins like one that libsndfile is better at. What it would only guess at (raw
// MPEG audio, whose decoder prints) is left to FFmpeg.
static bool begins_like_sndfile(const char *path) {
    static const char magics[][5] = {"RIFF", "RIFX", "RF64", "riff", "caff",
                                     "fLaC", "OggS", "FORM", ".snd"};
    char begin[4] = {0};
    FILE *file = fopen(path, "rbe");
    size_t n = file == NULL ? 0 : fread(begin, 1, sizeof begin, file);
    if (file != NULL)
        fclose(file);
    for (size_t i = 0; n == sizeof begin && i < sizeof magics / sizeof *magics; i++)
        if (memcmp(begin, magics[i], sizeof begin) == 0)
            return true;
    return false;
}

// *opened stays false, without error, if libsndfile does not know the kind of file.
static v2s_status open_sndfile(v2s_sound_in *in, bool *opened) {
    SF_INFO sf = {0};
    struct stat info; // a pipe would lose the bytes that were looked at
    if (stat(in->path, &info) != 0 || !S_ISREG(info.st_mode) || !begins_like_sndfile(in->path))
        return V2S_OK;
    in->file = sf_open(in->path, SFM_READ, &sf);
    if (in->file == NULL)
        return V2S_OK;
    if (sf.channels <= 0 || sf.samplerate <= 0)
        return V2S_FAIL(V2S_FORMAT, "%s: its sound has no rate or no channels", in->path);
    if (sf.frames <= 0)
        return V2S_FAIL(V2S_FORMAT, "%s: the sound has no samples", in->path);
    describe(in, &sf);
    in->cut_short = log_says_cut_short(in->file);
    *opened = true;
    return V2S_OK;
}

static v2s_status open_either(v2s_sound_in *in) {
    V2S_TRY(v2s_media_check(in->path));
    bool opened = false;
    V2S_TRY(open_sndfile(in, &opened));
    return opened ? V2S_OK : v2s_sound_av_open(in->path, &in->av, &in->info);
}

v2s_status v2s_sound_in_open(const char *path, v2s_sound_in **out) {
    v2s_sound_in *in = calloc(1, sizeof *in);
    if (in == NULL || (in->path = strdup(path)) == NULL) {
        free(in);
        return V2S_FAIL(V2S_NOMEM, "%s: out of memory", path);
    }
    v2s_status status = open_either(in);
    if (status != V2S_OK) {
        v2s_sound_in_close(&in);
        return status;
    }
    *out = in;
    return V2S_OK;
}

const v2s_sound_info *v2s_sound_in_info(const v2s_sound_in *in) {
    return &in->info;
}

static void warn_of_end(v2s_sound_in *in) {
    if (in->cut_short || in->position < in->info.frames || sf_error(in->file) != SF_ERR_NO_ERROR)
        snprintf(in->warning, sizeof in->warning,
                 "%s: truncated or damaged: the sound ends after %lld samples (%.3f s), earlier "
                 "than its header says",
                 in->path, (long long)in->position, (double)in->position / in->info.rate_hz);
}

static v2s_status check_finite(const v2s_sound_in *in, const float *samples, size_t frames) {
    size_t channels = (size_t)in->info.channels;
    float sum = 0.0f; // 0 * x is 0 for every finite x, NaN otherwise
    for (size_t i = 0; i < frames * channels; i++)
        sum += 0.0f * samples[i];
    if (sum == 0.0f)
        return V2S_OK;
    for (size_t i = 0; i < frames * channels; i++) {
        if (isfinite(samples[i]))
            continue;
        int64_t frame = in->position + (int64_t)(i / channels);
        return V2S_FAIL(V2S_NUMERIC, "%s: channel %zu, sample %lld (%.6f s) is %s, not a number",
                        in->path, i % channels + 1, (long long)frame,
                        in->info.start_s + (double)frame / in->info.rate_hz,
                        isnan(samples[i]) ? "NaN" : "infinite");
    }
    return V2S_OK;
}

v2s_status v2s_sound_in_read(v2s_sound_in *in, float *interleaved, size_t frames, size_t *got) {
    size_t n = 0;
    if (in->av != NULL) {
        V2S_TRY(v2s_sound_av_read(in->av, interleaved, frames, &n));
    } else {
        sf_count_t count = sf_readf_float(in->file, interleaved, (sf_count_t)frames);
        n = count < 0 ? 0 : (size_t)count;
    }
    V2S_TRY(check_finite(in, interleaved, n));
    in->position += (int64_t)n;
    if (in->av == NULL && n < frames)
        warn_of_end(in);
    *got = n;
    return V2S_OK;
}

v2s_status v2s_sound_in_read_rest(v2s_sound_in *in, size_t most, float **samples, size_t *frames) {
    size_t width = (size_t)in->info.channels, room = 0, n = 0, got = 1;
    float *x = NULL;
    v2s_status status = V2S_OK;
    while (got > 0 && n <= most && status == V2S_OK) {
        if (room - n < REST_FRAMES) {
            room = 2 * room + REST_FRAMES;
            float *grown = realloc(x, room * width * sizeof *x);
            if (grown == NULL) {
                status = V2S_FAIL(V2S_NOMEM, "%s: out of memory for %zu samples", in->path, room);
                break;
            }
            x = grown;
        }
        status = v2s_sound_in_read(in, x + n * width, REST_FRAMES, &got);
        n += status == V2S_OK ? got : 0;
    }
    if (status != V2S_OK) {
        free(x);
        return status;
    }
    *samples = x;
    *frames = n;
    return V2S_OK;
}

const char *v2s_sound_in_warning(const v2s_sound_in *in) {
    if (in->av != NULL)
        return v2s_sound_av_warning(in->av);
    return in->warning[0] == '\0' ? NULL : in->warning;
}

void v2s_sound_in_close(v2s_sound_in **pointer) {
    v2s_sound_in *in = *pointer;
    if (in == NULL)
        return;
    if (in->file != NULL)
        sf_close(in->file);
    v2s_sound_av_close(&in->av);
    free(in->mix);
    free(in->path);
    free(in);
    *pointer = NULL;
}

v2s_status v2s_mono_check(const char *path, const v2s_sound_info *info, v2s_mono_choice choice) {
    if (choice.channel >= info->channels)
        return V2S_FAIL(V2S_ARG, "%s: --channel %d, but the sound has %d channel%s", path,
                        choice.channel + 1, info->channels, info->channels == 1 ? "" : "s");
    if (info->channels > 2 && choice.channel < 0 && !choice.mix)
        return V2S_FAIL(V2S_ARG,
                        "%s: the sound has %d channels; say which one with --channel N (1 to %d), "
                        "or take the mean of all with --mix",
                        path, info->channels, info->channels);
    return V2S_OK;
}

v2s_status v2s_sound_in_read_mono(v2s_sound_in *in, v2s_mono_choice choice, float *mono,
                                  size_t frames, size_t *got) {
    V2S_TRY(v2s_mono_check(in->path, &in->info, choice));
    size_t channels = (size_t)in->info.channels;
    if (channels == 1)
        return v2s_sound_in_read(in, mono, frames, got);
    if (in->mix_frames < frames) {
        float *mix = realloc(in->mix, frames * channels * sizeof *mix);
        if (mix == NULL)
            return V2S_FAIL(V2S_NOMEM, "%s: out of memory", in->path);
        in->mix = mix;
        in->mix_frames = frames;
    }
    size_t n = 0;
    V2S_TRY(v2s_sound_in_read(in, in->mix, frames, &n));
    for (size_t i = 0; i < n; i++) {
        const float *x = in->mix + i * channels;
        if (choice.channel >= 0) {
            mono[i] = x[choice.channel];
            continue;
        }
        double sum = 0.0;
        for (size_t c = 0; c < channels; c++)
            sum += x[c];
        mono[i] = (float)(sum / (double)channels);
    }
    *got = n;
    return V2S_OK;
}
