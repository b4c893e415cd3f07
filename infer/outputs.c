// SPDX-License-Identifier: MIT
#include "infer/outputs.h"

#include <ebur128.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spatial/stereo.h"

enum { BLOCK_FRAMES = 4096 };

struct v2s_outputs {
    v2s_outputs_config config;
    v2s_sound_out *ambisonic, *binaural, *stereo;
    ebur128_state *loudness; // of W
    v2s_map_log maps;
    int64_t frames;
    size_t binaural_drop; // frames of the decoder's latency still to be dropped
    float w[BLOCK_FRAMES];
    float two[BLOCK_FRAMES * 2];
};

static v2s_status open_preview(const v2s_outputs_config *config, const char *path,
                               v2s_sound_out **out) {
    if (path == NULL)
        return V2S_OK;
    return v2s_sound_out_open(path, config->rate_hz, 2, (v2s_sample_format)config->settings->format,
                              config->frames_expected, out);
}

v2s_status v2s_outputs_open(const v2s_outputs_config *config, v2s_outputs **outputs) {
    v2s_outputs *o = calloc(1, sizeof *o);
    if (o == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    o->config = *config;
    v2s_status status;
    V2S_TRY_GOTO(status,
                 v2s_sound_out_open(config->settings->output, config->rate_hz, config->channels,
                                    (v2s_sample_format)config->settings->format,
                                    config->frames_expected, &o->ambisonic),
                 fail);
    V2S_TRY_GOTO(status, open_preview(config, config->binaural_path, &o->binaural), fail);
    V2S_TRY_GOTO(status, open_preview(config, config->settings->stereo, &o->stereo), fail);
    V2S_TRY_GOTO(status, v2s_map_log_open(&o->maps, config->channels, config->rate_hz), fail);
    o->loudness = ebur128_init(1, (unsigned long)lround(config->rate_hz), EBUR128_MODE_I);
    if (o->loudness == NULL) {
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
        goto fail;
    }
    if (o->binaural != NULL)
        o->binaural_drop = v2s_binaural_latency_frames(config->binaural);
    *outputs = o;
    return V2S_OK;
fail:
    v2s_outputs_close(&o);
    return status;
}

static v2s_status write_binaural(v2s_outputs *o, const float *ambi, size_t frames) {
    V2S_TRY(v2s_binaural_process(o->config.binaural, ambi, frames, o->two));
    size_t dropped = frames < o->binaural_drop ? frames : o->binaural_drop;
    o->binaural_drop -= dropped;
    return v2s_sound_out_write(o->binaural, o->two + 2 * dropped, frames - dropped);
}

static v2s_status write_block(v2s_outputs *o, const float *ambi, size_t frames) {
    V2S_TRY(v2s_sound_out_write(o->ambisonic, ambi, frames));
    for (size_t i = 0; i < frames; i++)
        o->w[i] = ambi[i * (size_t)o->config.channels];
    if (ebur128_add_frames_float(o->loudness, o->w, frames) != EBUR128_SUCCESS)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    if (o->config.settings->report != NULL)
        v2s_map_log_add(&o->maps, ambi, frames);
    if (o->binaural != NULL)
        V2S_TRY(write_binaural(o, ambi, frames));
    if (o->stereo != NULL) {
        v2s_stereo_decode(ambi, o->config.channels, frames, o->two);
        V2S_TRY(v2s_sound_out_write(o->stereo, o->two, frames));
    }
    o->frames += (int64_t)frames;
    return V2S_OK;
}

v2s_status v2s_outputs_write(v2s_outputs *o, const float *ambi, size_t frames) {
    while (frames > 0) {
        size_t n = frames < BLOCK_FRAMES ? frames : BLOCK_FRAMES;
        V2S_TRY(write_block(o, ambi, n));
        ambi += n * (size_t)o->config.channels;
        frames -= n;
    }
    return V2S_OK;
}

// The last of the binaural sound is still inside the decoder.
static v2s_status drain_binaural(v2s_outputs *o) {
    size_t left = v2s_binaural_latency_frames(o->config.binaural);
    float *zeros = calloc(BLOCK_FRAMES * (size_t)o->config.channels, sizeof *zeros);
    if (zeros == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_status status = V2S_OK;
    while (left > 0 && status == V2S_OK) {
        size_t n = left < BLOCK_FRAMES ? left : BLOCK_FRAMES;
        status = write_binaural(o, zeros, n);
        left -= n;
    }
    free(zeros);
    return status;
}

static double decibels(double linear) {
    return 20.0 * log10(linear);
}

static v2s_status commit_preview(v2s_sound_out *out, const char *label, const char *key,
                                 v2s_run_log *log) {
    double gain_db, peak;
    V2S_TRY(v2s_sound_out_commit(out, &gain_db, &peak));
    v2s_run_log_number(log, key, gain_db);
    if (gain_db < 0)
        v2s_run_log_row(log, label, "%.2f dB on all channels, or it would clip", gain_db);
    return V2S_OK;
}

static void report_level(const v2s_outputs *o, double gain_db, double peak, v2s_run_log *log) {
    static const char *const format_words[] = {"float32", "16-bit", "24-bit"};
    double loudness_lufs = -HUGE_VAL;
    if (ebur128_loudness_global(o->loudness, &loudness_lufs) != EBUR128_SUCCESS)
        loudness_lufs = -HUGE_VAL;
    loudness_lufs += gain_db;
    double peak_dbfs = decibels(peak) + gain_db;
    v2s_run_log_row(log, "sound", "%.3f s, %.0f Hz, %d channels, AmbiX (ACN, SN3D), %s",
                    v2s_outputs_duration_s(o), o->config.rate_hz, o->config.channels,
                    format_words[v2s_sound_out_format(o->ambisonic)]);
    if (peak <= 0)
        v2s_run_log_row(log, "level", "silence");
    else if (isfinite(loudness_lufs))
        v2s_run_log_row(log, "level", "peak %.2f dBFS, loudness of W %.1f LUFS", peak_dbfs,
                        loudness_lufs);
    else
        v2s_run_log_row(log, "level", "peak %.2f dBFS, too short or soft for a loudness",
                        peak_dbfs);
    v2s_run_log_row(log, "gain",
                    gain_db < 0 ? "%.2f dB on all channels, or it would clip" : "none (%.0f dB)",
                    gain_db);
    v2s_run_log_number(log, "duration_s", v2s_outputs_duration_s(o));
    v2s_run_log_number(log, "rate_hz", o->config.rate_hz);
    v2s_run_log_number(log, "channels", o->config.channels);
    v2s_run_log_text(log, "layout", "ambix");
    v2s_run_log_number(log, "peak_dbfs", peak_dbfs);
    v2s_run_log_number(log, "loudness_lufs", loudness_lufs);
    v2s_run_log_number(log, "gain_db", gain_db);
}

v2s_status v2s_outputs_commit(v2s_outputs *o, v2s_run_log *log) {
    if (o->binaural != NULL)
        V2S_TRY(drain_binaural(o));
    double gain_db = 0, peak = 0;
    V2S_TRY(v2s_sound_out_commit(o->ambisonic, &gain_db, &peak));
    report_level(o, gain_db, peak, log);
    if (o->binaural != NULL)
        V2S_TRY(commit_preview(o->binaural, "binaural gain", "binaural_gain_db", log));
    if (o->stereo != NULL)
        V2S_TRY(commit_preview(o->stereo, "stereo gain", "stereo_gain_db", log));
    return V2S_OK;
}

double v2s_outputs_duration_s(const v2s_outputs *outputs) {
    return (double)outputs->frames / outputs->config.rate_hz;
}

const v2s_map_log *v2s_outputs_maps(const v2s_outputs *outputs) {
    return &outputs->maps;
}

void v2s_outputs_close(v2s_outputs **outputs) {
    v2s_outputs *o = *outputs;
    if (o == NULL)
        return;
    v2s_sound_out_close(&o->ambisonic);
    v2s_sound_out_close(&o->binaural);
    v2s_sound_out_close(&o->stereo);
    if (o->loudness != NULL)
        ebur128_destroy(&o->loudness);
    v2s_map_log_close(&o->maps);
    free(o);
    *outputs = NULL;
}
