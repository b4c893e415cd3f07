// SPDX-License-Identifier: MIT
#include "infer/pointing_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "infer/exhibit.h"
#include "infer/listening_choice.h"
#include "infer/package_folder.h"
#include "infer/pointing_stimuli.h"
#include "infer/progress.h"
#include "infer/report_internal.h"
#include "infer/wav_bytes.h"
#include "kernels/base/cancel.h"
#include "kernels/base/rng.h"

enum { NAME_MAX_CHARS = 32, ORDER_STREAM = 1 };

extern const char v2s_pointing_page_html[];
extern const char v2s_pointing_page_js[];

// One stimulus that listeners hear.
typedef struct sound {
    const v2s_clip_result *clip;
    size_t trial; // of the package's clips, from 0
    int voice;    // of the clip's stimuli
    char condition[V2S_LISTENING_NAME_MAX];
    double azimuth_deg, elevation_deg, from_s, length_s, gain_db;
    size_t number; // in the package, from 0
} sound;

typedef struct package {
    const v2s_comparison *c;
    const v2s_comparison_run *run;
    v2s_package_folder *folder;
    size_t wanted, clips;
    size_t count; // of sounds; those of a clip follow one another
    sound *sounds;
    size_t *at; // [count]: which sound has a number
    size_t length;
    double peak, gain;
} package;

// ---- first pass: which clips ------------------------------------------------------------------

static void note_clip(package *p, const v2s_clip_result *clip, const v2s_pointing_stimuli *s) {
    p->clips++;
    p->length = s->sounds.frames > p->length ? s->sounds.frames : p->length;
    for (int i = 0; i < s->sounds.count; i++) {
        const v2s_listening_stimulus *item = &s->sounds.items[i];
        sound *own = &p->sounds[p->count++];
        *own = (sound){.clip = clip,
                       .trial = p->clips - 1,
                       .voice = i,
                       .azimuth_deg = s->azimuth_deg,
                       .elevation_deg = s->elevation_deg,
                       .from_s = s->from_s,
                       .length_s = s->length_s,
                       .gain_db = item->gain_db};
        snprintf(own->condition, sizeof own->condition, "%s", item->name);
        p->peak = fmax(p->peak, v2s_stimulus_peak(item->stereo, s->sounds.frames));
    }
}

static v2s_status choose_clips(package *p) {
    const v2s_clip_result **list = NULL;
    size_t count = 0, left_out = 0;
    char first[V2S_ERROR_TEXT_MAX];
    V2S_TRY(v2s_listening_choice(p->c, p->c->seed, &list, &count));
    v2s_status status = V2S_OK;
    for (size_t i = 0; status == V2S_OK && i < count && p->clips < p->wanted; i++) {
        v2s_pointing_stimuli s = {0};
        status = v2s_cancel_check();
        if (status == V2S_OK)
            status = v2s_pointing_stimuli_make(p->c->systems, p->run->hrtf, list[i], &s);
        if (status == V2S_OK) {
            note_clip(p, list[i], &s);
        } else if (status != V2S_NOMEM && status != V2S_CANCELLED) {
            if (left_out++ == 0)
                snprintf(first, sizeof first, "%s", v2s_error_text());
            status = V2S_OK;
        }
        v2s_pointing_stimuli_free(&s);
    }
    free(list);
    V2S_TRY(status);
    if (left_out > 0)
        v2s_run_log_warn(p->run->log, "pointing test: %zu clip%s left out; the first: %s", left_out,
                         left_out == 1 ? "" : "s", first);
    if (p->clips == 0)
        return V2S_FAIL(V2S_FORMAT, "no clip can be used for a pointing test");
    if (p->clips < p->wanted)
        v2s_run_log_warn(p->run->log, "the pointing test has %zu clips, %zu were asked for",
                         p->clips, p->wanted);
    p->gain = p->peak > V2S_STIMULUS_PEAK ? V2S_STIMULUS_PEAK / p->peak : 1;
    return V2S_OK;
}

static void give_numbers(package *p) {
    v2s_rng rng = v2s_rng_open(p->c->seed, ORDER_STREAM);
    for (size_t i = 0; i < p->count; i++)
        p->at[i] = i;
    v2s_rng_shuffle(&rng, p->at, p->count);
    for (size_t i = 0; i < p->count; i++)
        p->sounds[p->at[i]].number = i;
}

// ---- second pass: the files -------------------------------------------------------------------

static void name_file(const sound *s, char name[NAME_MAX_CHARS]) {
    snprintf(name, NAME_MAX_CHARS, "stimuli/%02zu.wav", s->number + 1);
}

// All of one clip; files[] gets the bytes for the page, by number.
static v2s_status write_clip(package *p, size_t first, v2s_exhibit_file *files) {
    char name[NAME_MAX_CHARS], path[PATH_MAX];
    v2s_pointing_stimuli s = {0};
    V2S_TRY(v2s_pointing_stimuli_make(p->c->systems, p->run->hrtf, p->sounds[first].clip, &s));
    v2s_status status = v2s_cancel_check();
    for (int i = 0; status == V2S_OK && i < s.sounds.count; i++) {
        const sound *own = &p->sounds[first + (size_t)i];
        float *stereo = s.sounds.items[i].stereo;
        name_file(own, name);
        v2s_package_folder_path(p->folder, name, path);
        status = v2s_stimulus_write(path, stereo, s.sounds.frames, p->gain, p->length);
        for (size_t k = 0; k < s.sounds.frames * V2S_STIMULUS_CHANNELS; k++)
            stereo[k] *= (float)p->gain;
        if (status == V2S_OK)
            status =
                v2s_wav_bytes(stereo, s.sounds.frames, V2S_STIMULUS_CHANNELS, V2S_STIMULUS_RATE_HZ,
                              &files[own->number].bytes, &files[own->number].size);
    }
    v2s_pointing_stimuli_free(&s);
    return status;
}

static v2s_status write_sounds(package *p, v2s_exhibit_file *files) {
    v2s_progress progress = v2s_progress_begin("writing the pointing test", "sounds",
                                               (double)p->count, p->run->settings->quiet);
    v2s_status status = V2S_OK;
    for (size_t i = 0; status == V2S_OK && i < p->count; i++) {
        if (p->sounds[i].voice == 0)
            status = write_clip(p, i, files);
        v2s_progress_update(&progress, (double)i + 1);
    }
    v2s_progress_end(&progress);
    return status;
}

static void put_page(v2s_page *page, const package *p, const v2s_exhibit_file *files) {
    v2s_page_put(page, v2s_pointing_page_html);
    v2s_file_out_printf(page->out,
                        "<script type=\"application/json\" id=\"data\">{\"seed\":\"%llu\","
                        "\"stimuli\":[",
                        (unsigned long long)p->c->seed);
    for (size_t i = 0; i < p->count; i++) {
        const sound *s = &p->sounds[p->at[i]];
        v2s_file_out_printf(page->out,
                            "%s\n{\"stimulus\":\"%02zu\",\"trial\":\"trial_%02zu\","
                            "\"azimuth\":%.2f,\"elevation\":%.2f,\"condition\":",
                            i > 0 ? "," : "", i + 1, s->trial + 1, s->azimuth_deg,
                            s->elevation_deg);
        v2s_page_json_text(page, s->condition);
        v2s_page_put(page, ",\"sound\":\"");
        v2s_page_data_uri(page, "audio/wav", files[i].bytes, files[i].size);
        v2s_page_put(page, "\"}");
    }
    v2s_page_put(page, "]}</script>\n<script>\n");
    v2s_page_put(page, v2s_pointing_page_js);
    v2s_page_put(page, "</script>\n</body>\n</html>\n");
}

static v2s_status open_file(const package *p, const char *name, v2s_file_out **f) {
    char path[PATH_MAX];
    v2s_package_folder_path(p->folder, name, path);
    return v2s_file_out_open(path, f);
}

static v2s_status write_page(const package *p, const v2s_exhibit_file *files) {
    v2s_page page = {0};
    V2S_TRY(open_file(p, "index.html", &page.out));
    put_page(&page, p, files);
    v2s_status status = v2s_file_out_commit(page.out);
    v2s_file_out_close(&page.out);
    return status;
}

// A field in quotes, quotes in it doubled.
static void put_field(v2s_file_out *f, const char *text) {
    v2s_file_out_printf(f, "\"");
    for (; *text != '\0'; text++)
        v2s_file_out_printf(f, *text == '"' ? "\"\"" : "%c", *text);
    v2s_file_out_printf(f, "\"");
}

static v2s_status write_list(const package *p) {
    v2s_file_out *f = NULL;
    V2S_TRY(open_file(p, "stimuli.csv", &f));
    v2s_file_out_printf(f, "stimulus,trial,condition,target_az_deg,target_el_deg,from_s,length_s,"
                           "gain_db,clip,cluster\n");
    for (size_t i = 0; i < p->count; i++) {
        const sound *s = &p->sounds[p->at[i]];
        v2s_file_out_printf(f, "%02zu,trial_%02zu,%s,%.2f,%.2f,%.3f,%.3f,%.3f,", i + 1,
                            s->trial + 1, s->condition, s->azimuth_deg, s->elevation_deg, s->from_s,
                            s->length_s, s->gain_db + 20 * log10(p->gain));
        put_field(f, s->clip->clip->id);
        v2s_file_out_printf(f, ",");
        put_field(f, v2s_clip_cluster(s->clip->clip));
        v2s_file_out_printf(f, "\n");
    }
    v2s_status status = v2s_file_out_commit(f);
    v2s_file_out_close(&f);
    return status;
}

static v2s_status write_readme(const package *p) {
    v2s_file_out *f = NULL;
    V2S_TRY(open_file(p, "README.txt", &f));
    v2s_file_out_printf(
        f,
        "A pointing test of %zu sounds (%zu clips), made by vid2spatial " V2S_VERSION
        ", seed %llu.\n"
        "\n"
        "1. Give index.html to the listeners; it needs a browser and headphones, no network.\n"
        "2. Each of them saves a CSV at the end. Put the files together, one header at the top:\n"
        "   v2s-infer compare --pointing-results answers.csv\n"
        "\n"
        "stimuli.csv says what each sound is and from where it should come (azimuth to the left,\n"
        "elevation up, degrees). Do not show it to listeners. Heard through: %s.\n"
        "All sounds have %.2f LUFS (BS.1770).\n",
        p->count, p->clips, (unsigned long long)p->c->seed, p->run->hrtf->title,
        V2S_STIMULUS_LUFS + 20 * log10(p->gain));
    v2s_status status = v2s_file_out_commit(f);
    v2s_file_out_close(&f);
    return status;
}

// -----------------------------------------------------------------------------------------------

static v2s_status write_package(package *p) {
    V2S_TRY(choose_clips(p));
    p->at = calloc(p->count, sizeof *p->at);
    v2s_exhibit_file *files = calloc(p->count, sizeof *files);
    v2s_status status =
        p->at != NULL && files != NULL ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status == V2S_OK) {
        give_numbers(p);
        status = v2s_package_folder_make(p->folder, "stimuli");
    }
    if (status == V2S_OK)
        status = write_sounds(p, files);
    if (status == V2S_OK)
        status = write_page(p, files);
    for (size_t i = 0; files != NULL && i < p->count; i++)
        free(files[i].bytes);
    free(files);
    V2S_TRY(status);
    V2S_TRY(write_list(p));
    V2S_TRY(write_readme(p));
    return v2s_package_folder_commit(p->folder);
}

v2s_status v2s_pointing_test_write(const char *folder, size_t clips, const v2s_comparison *c,
                                   const v2s_comparison_run *run) {
    package p = {.c = c, .run = run, .wanted = clips};
    p.sounds = calloc(clips * V2S_LISTENING_STIMULI_MAX, sizeof *p.sounds);
    if (p.sounds == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_status status = v2s_package_folder_open(folder, &p.folder);
    if (status == V2S_OK)
        status = write_package(&p);
    if (status == V2S_OK)
        v2s_run_log_row(run->log, "pointing test", "%s: %zu sounds of %zu clips, all %.2f LUFS",
                        folder, p.count, p.clips, V2S_STIMULUS_LUFS + 20 * log10(p.gain));
    v2s_package_folder_close(&p.folder);
    free(p.sounds);
    free(p.at);
    return status;
}
