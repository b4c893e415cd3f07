// SPDX-License-Identifier: MIT
// v2s-infer info: what a sound file, a trajectory, a manifest, a head, an array or a checkpoint is.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "checkpoints/safetensors.h"
#include "data/sofa.h"
#include "data/sound_in.h"
#include "data/trajectory_csv.h"
#include "infer/commands.h"
#include "infer/file_name.h"
#include "infer/info_array.h"
#include "infer/info_checkpoint.h"
#include "infer/info_manifest.h"
#include "infer/info_onnx.h"
#include "infer/preflight.h"
#include "infer/run_log.h"
#include "infer/tracking.h"
#include "kernels/base/cancel.h"
#include "kernels/device.h"
#include "spatial/layout_guess.h"

enum { BLOCK_FRAMES = 4096 };

// ---- sound ------------------------------------------------------------------------------------

typedef struct levels {
    double peak, sum_of_squares;
    int64_t frames;
} levels;

// Reads all of it: length, level, and for four channels the layout.
static v2s_status scan_sound(v2s_sound_in *in, const v2s_sound_info *info, levels *l,
                             v2s_layout_result *layout) {
    float *block = malloc(BLOCK_FRAMES * (size_t)info->channels * sizeof *block);
    v2s_layout_guess *guess = NULL;
    v2s_status status = V2S_OK;
    if (block == NULL)
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    else if (info->channels == V2S_FOA_CHANNELS)
        status = v2s_layout_guess_open(info->rate_hz, &guess);
    size_t got = 1;
    while (status == V2S_OK && got > 0) {
        V2S_TRY_GOTO(status, v2s_cancel_check(), done);
        V2S_TRY_GOTO(status, v2s_sound_in_read(in, block, BLOCK_FRAMES, &got), done);
        for (size_t i = 0; i < got * (size_t)info->channels; i++) {
            l->peak = fmax(l->peak, fabs((double)block[i]));
            l->sum_of_squares += (double)block[i] * (double)block[i];
        }
        l->frames += (int64_t)got;
        if (guess != NULL)
            V2S_TRY_GOTO(status, v2s_layout_guess_add(guess, block, got), done);
    }
    if (status == V2S_OK && guess != NULL)
        status = v2s_layout_guess_finish(guess, layout);
done:
    v2s_layout_guess_close(&guess);
    free(block);
    return status;
}

static void report_layout(const v2s_layout_result *layout, v2s_run_log *log) {
    v2s_run_log_row(log, "layout guess", "%s: %s", v2s_layout_name(layout->layout),
                    layout->evidence);
    v2s_run_log_text(log, "layout_guess", v2s_layout_name(layout->layout));
    v2s_run_log_text(log, "layout_evidence", layout->evidence);
    v2s_run_log_number(log, "dipole_ratio", layout->dipole_ratio);
    v2s_run_log_number(log, "directional_share", layout->directional_share);
    if (layout->layout == V2S_LAYOUT_FUMA || layout->layout == V2S_LAYOUT_WXYZ_SN3D ||
        layout->layout == V2S_LAYOUT_N3D)
        v2s_run_log_warn(log, "this looks like %s, not like AmbiX (ACN order, SN3D)",
                         v2s_layout_name(layout->layout));
}

static v2s_status info_sound(const char *path, v2s_run_log *log) {
    v2s_sound_in *in = NULL;
    V2S_TRY(v2s_sound_in_open(path, &in));
    v2s_sound_info info = *v2s_sound_in_info(in);
    levels l = {0};
    v2s_layout_result layout = {0};
    v2s_status status = scan_sound(in, &info, &l, &layout);
    if (status == V2S_OK && v2s_sound_in_warning(in) != NULL)
        v2s_run_log_warn(log, "%s", v2s_sound_in_warning(in));
    v2s_sound_in_close(&in);
    V2S_TRY(status);
    double duration_s = (double)l.frames / info.rate_hz;
    double rms = sqrt(l.sum_of_squares / ((double)l.frames * info.channels));
    v2s_run_log_row(log, "kind", "sound, %s", info.format);
    v2s_run_log_row(log, "length", "%.3f s, %lld samples at %.0f Hz, starts at %.3f s", duration_s,
                    (long long)l.frames, info.rate_hz, info.start_s);
    v2s_run_log_row(log, "channels", "%d", info.channels);
    if (l.peak > 0)
        v2s_run_log_row(log, "level", "peak %.2f dBFS, rms %.2f dBFS", 20 * log10(l.peak),
                        20 * log10(rms));
    else
        v2s_run_log_row(log, "level", "silence");
    v2s_run_log_text(log, "kind", "sound");
    v2s_run_log_text(log, "format", info.format);
    v2s_run_log_number(log, "channels", info.channels);
    v2s_run_log_number(log, "rate_hz", info.rate_hz);
    v2s_run_log_number(log, "frames", (double)l.frames);
    v2s_run_log_number(log, "duration_s", duration_s);
    v2s_run_log_number(log, "start_s", info.start_s);
    v2s_run_log_number(log, "peak_dbfs", 20 * log10(l.peak));
    v2s_run_log_number(log, "rms_dbfs", 20 * log10(rms));
    if (info.channels == V2S_FOA_CHANNELS)
        report_layout(&layout, log);
    return V2S_OK;
}

// ---- trajectory and head ----------------------------------------------------------------------

static v2s_status info_trajectory(const char *path, v2s_run_log *log) {
    v2s_trajectory_set set = {0};
    V2S_TRY(v2s_trajectory_csv_read(path, &set));
    v2s_run_log_row(log, "kind", "trajectory, %zu object%s", set.count, set.count == 1 ? "" : "s");
    v2s_run_log_text(log, "kind", "trajectory");
    double first_s = HUGE_VAL, last_s = -HUGE_VAL;
    size_t points = 0;
    for (size_t i = 0; i < set.count; i++) {
        points += set.items[i].count;
        first_s = fmin(first_s, set.items[i].points[0].time_s);
        last_s = fmax(last_s, set.items[i].points[set.items[i].count - 1].time_s);
    }
    v2s_run_log_row(log, "time", "%.3f .. %.3f s, %zu points", first_s, last_s, points);
    v2s_run_log_number(log, "points", (double)points);
    v2s_run_log_number(log, "start_s", first_s);
    v2s_run_log_number(log, "duration_s", last_s - first_s);
    v2s_ranges_report(&set, log);
    v2s_trajectory_set_free(&set);
    return V2S_OK;
}

static v2s_status info_head(const char *path, v2s_run_log *log) {
    v2s_hrtf hrtf = {0};
    V2S_TRY(v2s_sofa_read(path, &hrtf));
    v2s_run_log_row(log, "kind", "head (SOFA): %s", hrtf.title);
    v2s_run_log_row(log, "responses", "%d directions, %d samples at %.0f Hz", hrtf.measurements,
                    hrtf.taps, hrtf.rate_hz);
    v2s_run_log_text(log, "kind", "sofa");
    v2s_run_log_text(log, "title", hrtf.title);
    v2s_run_log_number(log, "directions", hrtf.measurements);
    v2s_run_log_number(log, "taps", hrtf.taps);
    v2s_run_log_number(log, "rate_hz", hrtf.rate_hz);
    v2s_hrtf_free(&hrtf);
    return V2S_OK;
}

// ---- devices ----------------------------------------------------------------------------------

static v2s_status info_devices(v2s_run_log *log) {
    cJSON *devices = cJSON_AddArrayToObject(log->json, "devices");
    char line[V2S_DEVICE_LINE_MAX];
    for (int i = 0; v2s_device_describe(i, line); i++) {
        v2s_run_log_row(log, i == 0 ? "cpu" : "cuda", "%s", line);
        cJSON_AddItemToArray(devices, cJSON_CreateString(line));
    }
    return V2S_OK;
}

static v2s_status info_file(const char *path, v2s_run_log *log) {
    v2s_run_log_text(log, "file", path);
    if (v2s_ends_with(path, ".safetensors"))
        return v2s_info_checkpoint(path, log);
    if (v2s_ends_with(path, ".onnx"))
        return v2s_info_onnx(path, log);
    if (v2s_ends_with(path, ".csv"))
        return info_trajectory(path, log);
    if (v2s_ends_with(path, ".sofa"))
        return info_head(path, log);
    if (v2s_ends_with(path, ".jsonl"))
        return v2s_info_manifest(path, log);
    if (v2s_ends_with(path, ".npy"))
        return v2s_info_array(path, log);
    return info_sound(path, log);
}

v2s_status v2s_info_run(const void *config, int argc, char **argv) {
    (void)argc;
    (void)argv;
    const v2s_settings *settings = config;
    if (settings->inputs.count == 0 && !settings->devices)
        return V2S_FAIL(V2S_USAGE, "no FILE");
    if (!settings->devices)
        V2S_TRY(v2s_preflight_device(settings));
    v2s_run_log log;
    V2S_TRY(v2s_run_log_open(&log, settings->quiet, settings->json));
    v2s_status status = V2S_OK;
    if (settings->devices)
        status = info_devices(&log);
    if (status == V2S_OK && settings->inputs.count > 0)
        status = info_file(settings->inputs.items[0], &log);
    if (status == V2S_OK)
        status = v2s_run_log_finish(&log);
    v2s_run_log_close(&log);
    return status;
}
