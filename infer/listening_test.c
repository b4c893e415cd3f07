// SPDX-License-Identifier: MIT
#include "infer/listening_test.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "infer/listening_choice.h"
#include "infer/listening_stimuli.h"
#include "infer/package_folder.h"
#include "infer/progress.h"
#include "kernels/base/cancel.h"

#define RESOURCES "configs/resources/listening_test"

enum { TRIAL_MAX = 32 };

// One page, as the first pass found it.
typedef struct page {
    const v2s_clip_result *clip;
    int count;
    char names[V2S_LISTENING_STIMULI_MAX][V2S_LISTENING_NAME_MAX];
    double gain_db[V2S_LISTENING_STIMULI_MAX];
} page;

typedef struct package {
    const v2s_comparison *c;
    const v2s_comparison_run *run;
    v2s_package_folder *folder;
    size_t wanted, count;
    page *pages;   // [count]
    size_t length; // frames of every file
    double peak;   // of all stimuli
    double gain;   // of all files
} package;

static void name_trial(size_t index, char name[TRIAL_MAX]) {
    snprintf(name, TRIAL_MAX, "trial_%02zu", index + 1);
}

// ---- first pass: which clips, how long, how loud ----------------------------------------------

static void note_page(package *p, const v2s_clip_result *clip, const v2s_listening_stimuli *s) {
    page *own = &p->pages[p->count++];
    own->clip = clip;
    own->count = s->count;
    p->length = s->frames > p->length ? s->frames : p->length;
    for (int i = 0; i < s->count; i++) {
        snprintf(own->names[i], sizeof own->names[i], "%s", s->items[i].name);
        own->gain_db[i] = s->items[i].gain_db;
        p->peak = fmax(p->peak, v2s_stimulus_peak(s->items[i].stereo, s->frames));
    }
}

static v2s_status choose_pages(package *p) {
    const v2s_clip_result **list = NULL;
    size_t count = 0, left_out = 0;
    char first[V2S_ERROR_TEXT_MAX];
    V2S_TRY(v2s_listening_choice(p->c, p->c->seed, &list, &count));
    v2s_status status = V2S_OK;
    for (size_t i = 0; status == V2S_OK && i < count && p->count < p->wanted; i++) {
        v2s_listening_stimuli s = {0};
        status = v2s_cancel_check();
        if (status == V2S_OK)
            status = v2s_listening_stimuli_make(p->c->systems, p->run->hrtf, list[i], &s);
        if (status == V2S_OK) {
            note_page(p, list[i], &s);
        } else if (status != V2S_NOMEM && status != V2S_CANCELLED) {
            if (left_out++ == 0)
                snprintf(first, sizeof first, "%s", v2s_error_text());
            status = V2S_OK;
        }
        v2s_listening_stimuli_free(&s);
    }
    free(list);
    V2S_TRY(status);
    if (left_out > 0)
        v2s_run_log_warn(p->run->log, "listening test: %zu clip%s left out; the first: %s",
                         left_out, left_out == 1 ? "" : "s", first);
    if (p->count == 0)
        return V2S_FAIL(V2S_FORMAT, "no clip can be used for a listening test");
    if (p->count < p->wanted)
        v2s_run_log_warn(p->run->log, "the listening test has %zu clips, %zu were asked for",
                         p->count, p->wanted);
    p->gain = p->peak > V2S_STIMULUS_PEAK ? V2S_STIMULUS_PEAK / p->peak : 1;
    return V2S_OK;
}

// ---- second pass: the files -------------------------------------------------------------------

static v2s_status write_page(package *p, size_t index) {
    char trial[TRIAL_MAX], name[PATH_MAX], path[PATH_MAX];
    v2s_listening_stimuli s = {0};
    name_trial(index, trial);
    snprintf(name, sizeof name, RESOURCES "/%s", trial);
    V2S_TRY(v2s_package_folder_make(p->folder, name));
    V2S_TRY(v2s_listening_stimuli_make(p->c->systems, p->run->hrtf, p->pages[index].clip, &s));
    v2s_status status = v2s_cancel_check();
    for (int i = 0; status == V2S_OK && i < s.count; i++) {
        snprintf(name, sizeof name, RESOURCES "/%s/%s.wav", trial, s.items[i].name);
        v2s_package_folder_path(p->folder, name, path);
        status = v2s_stimulus_write(path, s.items[i].stereo, s.frames, p->gain, p->length);
    }
    v2s_listening_stimuli_free(&s);
    return status;
}

static v2s_status write_sounds(package *p) {
    v2s_progress progress = v2s_progress_begin("writing the listening test", "clips",
                                               (double)p->count, p->run->settings->quiet);
    v2s_status status = V2S_OK;
    for (size_t i = 0; status == V2S_OK && i < p->count; i++) {
        status = write_page(p, i);
        v2s_progress_update(&progress, (double)i + 1);
    }
    v2s_progress_end(&progress);
    return status;
}

// ---- configuration ----------------------------------------------------------------------------

// No text from a manifest goes in here: names are made of letters, digits, '.', '_' and '-'.
static void put_trial(v2s_file_out *f, const page *own, size_t index) {
    char trial[TRIAL_MAX];
    name_trial(index, trial);
    v2s_file_out_printf(f,
                        "      - type: mushra\n"
                        "        id: %s\n"
                        "        name: Compare\n"
                        "        content: \"How similar is each sound to the reference? Mind where "
                        "it comes from, how far away it is, and the room around it.\"\n"
                        "        showWaveform: false\n"
                        "        enableLooping: true\n"
                        "        randomize: true\n"
                        "        reference: " RESOURCES "/%s/%s.wav\n"
                        "        createAnchor35: false\n"
                        "        createAnchor70: false\n"
                        "        stimuli:\n",
                        trial, trial, own->names[0]);
    for (int i = 1; i < own->count; i++)
        v2s_file_out_printf(f, "            %s: " RESOURCES "/%s/%s.wav\n", own->names[i], trial,
                            own->names[i]);
}

static void put_config(v2s_file_out *f, const package *p) {
    v2s_file_out_printf(f,
                        "# Made by vid2spatial " V2S_VERSION "; seed %llu, %zu clips of %.3f s.\n"
                        "testname: Spatial sound over headphones\n"
                        "testId: listening_test_seed_%llu\n"
                        "bufferSize: 2048\n"
                        "stopOnErrors: true\n"
                        "showButtonPreviousPage: false\n"
                        "remoteService: service/write.php\n"
                        "\n"
                        "pages:\n",
                        (unsigned long long)p->c->seed, p->count,
                        (double)p->length / V2S_STIMULUS_RATE_HZ, (unsigned long long)p->c->seed);
    v2s_file_out_printf(
        f,
        "    - type: generic\n"
        "      id: welcome\n"
        "      name: Welcome\n"
        "      content: \"Please use headphones, left on the left ear. On every page you hear a "
        "reference and several sounds. Rate how similar each of them is to the reference, from 0 "
        "(bad) to 100 (excellent). One of them is the reference itself: rate it 100.\"\n"
        "    - type: volume\n"
        "      id: volume\n"
        "      name: Volume\n"
        "      content: \"Set a volume that is comfortable, and leave it there.\"\n"
        "      stimulus: " RESOURCES "/trial_01/reference.wav\n"
        "      defaultVolume: 0.5\n"
        "    -\n"
        "      - random\n");
    for (size_t i = 0; i < p->count; i++)
        put_trial(f, &p->pages[i], i);
    v2s_file_out_printf(f, "    - type: finish\n"
                           "      name: Thank you\n"
                           "      content: \"Thank you for listening!\"\n"
                           "      showResults: false\n"
                           "      writeResults: true\n");
}

static v2s_status write_config(const package *p) {
    char path[PATH_MAX];
    v2s_file_out *f = NULL;
    v2s_package_folder_path(p->folder, "configs/listening_test.yaml", path);
    V2S_TRY(v2s_file_out_open(path, &f));
    put_config(f, p);
    v2s_status status = v2s_file_out_commit(f);
    v2s_file_out_close(&f);
    return status;
}

static v2s_status write_readme(const package *p) {
    char path[PATH_MAX];
    v2s_file_out *f = NULL;
    v2s_package_folder_path(p->folder, "README.txt", path);
    V2S_TRY(v2s_file_out_open(path, &f));
    v2s_file_out_printf(
        f,
        "A listening test (ITU-R BS.1534, MUSHRA) of %zu clips, for webMUSHRA.\n"
        "\n"
        "1. Copy the folder configs into webMUSHRA's own folder.\n"
        "2. Open webMUSHRA with ?config=listening_test.yaml behind its address. The sound device\n"
        "   must run at %.0f Hz.\n"
        "3. Answers are in results/listening_test_seed_%llu/mushra.csv:\n"
        "   v2s-infer compare --listening-results mushra.csv\n"
        "\n"
        "listening_test.json says which clip each trial is, and all levels. Do not show it to\n"
        "listeners.\n",
        p->count, V2S_STIMULUS_RATE_HZ, (unsigned long long)p->c->seed);
    v2s_status status = v2s_file_out_commit(f);
    v2s_file_out_close(&f);
    return status;
}

static void describe_page(const package *p, size_t index, cJSON *trials) {
    const page *own = &p->pages[index];
    char trial[TRIAL_MAX], file[PATH_MAX];
    cJSON *o = cJSON_CreateObject();
    name_trial(index, trial);
    cJSON_AddItemToArray(trials, o);
    cJSON_AddStringToObject(o, "trial", trial);
    cJSON_AddStringToObject(o, "clip", own->clip->clip->id);
    cJSON_AddStringToObject(o, "cluster", v2s_clip_cluster(own->clip->clip));
    cJSON *stimuli = cJSON_AddObjectToObject(o, "stimuli");
    for (int i = 0; i < own->count; i++) {
        cJSON *stimulus = cJSON_AddObjectToObject(stimuli, own->names[i]);
        snprintf(file, sizeof file, RESOURCES "/%s/%s.wav", trial, own->names[i]);
        cJSON_AddStringToObject(stimulus, "file", file);
        cJSON_AddNumberToObject(stimulus, "gain_db", own->gain_db[i] + 20 * log10(p->gain));
    }
}

static v2s_status write_description(const package *p) {
    char path[PATH_MAX];
    v2s_file_out *f = NULL;
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "version", V2S_VERSION);
    cJSON_AddNumberToObject(o, "seed", (double)p->c->seed);
    cJSON_AddNumberToObject(o, "rate_hz", V2S_STIMULUS_RATE_HZ);
    cJSON_AddNumberToObject(o, "length_s", (double)p->length / V2S_STIMULUS_RATE_HZ);
    cJSON_AddNumberToObject(o, "loudness_lufs", V2S_STIMULUS_LUFS + 20 * log10(p->gain));
    cJSON_AddNumberToObject(o, "common_gain_db", 20 * log10(p->gain));
    cJSON_AddStringToObject(o, "ears", p->run->hrtf->title);
    cJSON *trials = cJSON_AddArrayToObject(o, "trials");
    for (size_t i = 0; i < p->count; i++)
        describe_page(p, i, trials);
    char *text = cJSON_Print(o);
    cJSON_Delete(o);
    if (text == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_package_folder_path(p->folder, "listening_test.json", path);
    v2s_status status = v2s_file_out_open(path, &f);
    if (status == V2S_OK) {
        v2s_file_out_printf(f, "%s\n", text);
        status = v2s_file_out_commit(f);
    }
    v2s_file_out_close(&f);
    free(text);
    return status;
}

// -----------------------------------------------------------------------------------------------

static v2s_status write_package(package *p) {
    V2S_TRY(choose_pages(p));
    V2S_TRY(v2s_package_folder_make(p->folder, RESOURCES));
    V2S_TRY(write_sounds(p));
    V2S_TRY(write_config(p));
    V2S_TRY(write_readme(p));
    V2S_TRY(write_description(p));
    return v2s_package_folder_commit(p->folder);
}

v2s_status v2s_listening_test_write(const char *folder, size_t clips, const v2s_comparison *c,
                                    const v2s_comparison_run *run) {
    package p = {.c = c, .run = run, .wanted = clips, .pages = calloc(clips, sizeof *p.pages)};
    if (p.pages == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_status status = v2s_package_folder_open(folder, &p.folder);
    if (status == V2S_OK)
        status = write_package(&p);
    if (status == V2S_OK)
        v2s_run_log_row(run->log, "listening test", "%s: %zu clips of %.2f s, all %.2f LUFS",
                        folder, p.count, (double)p.length / V2S_STIMULUS_RATE_HZ,
                        V2S_STIMULUS_LUFS + 20 * log10(p.gain));
    v2s_package_folder_close(&p.folder);
    free(p.pages);
    return status;
}
