// SPDX-License-Identifier: MIT
// The best and the worst clips: a table, and some of them to be heard and seen.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/clip_sounds.h"
#include "infer/report_compare.h"
#include "kernels/base/cancel.h"

enum { TABLE_ENDS = 5, SHOWN_ENDS = 2, LABEL_MAX = 160 };

typedef struct ranked {
    const v2s_clip_result *clip;
    double gain; // the larger, the better
} ranked;

typedef struct ranking {
    const v2s_comparison *c;
    int metric;
    size_t count;
    ranked *list; // best first
} ranking;

int v2s_page_ranking_metric(const v2s_comparison *c) {
    static const int first[] = {V2S_METRIC_DIFFUSENESS, V2S_METRIC_LEVEL, V2S_METRIC_LSD};
    size_t geometric = (size_t)v2s_systems_find(c->systems, V2S_SYSTEM_GEOMETRIC);
    for (int i = 0; i < 3 + V2S_METRIC_COUNT; i++) {
        int m = i < 3 ? first[i] : i - 3;
        if (v2s_page_shows(c, m) &&
            isfinite(v2s_summary_system(c, &c->groups[0], geometric, m).mean))
            return m;
    }
    return -1;
}

static int by_gain(const void *a, const void *b) {
    double x = ((const ranked *)a)->gain, y = ((const ranked *)b)->gain;
    if (x == y) // the order of the manifests
        return ((const ranked *)a)->clip < ((const ranked *)b)->clip ? -1 : 1;
    return x < y ? 1 : -1;
}

// By what refined gains on geometric; without a refiner by how near geometric is to the truth.
static double gain_of(const v2s_comparison *c, const v2s_clip_result *r, int m) {
    double own = v2s_page_score(c, r, V2S_SYSTEM_GEOMETRIC, m);
    if (v2s_page_has_refiner(c))
        own = v2s_page_score(c, r, V2S_SYSTEM_REFINED, m) - own;
    return v2s_metrics[m].higher_is_better ? own : -own;
}

static v2s_status rank(const v2s_comparison *c, ranking *r) {
    *r = (ranking){.c = c, .metric = v2s_page_ranking_metric(c)};
    r->list = calloc(c->result_count + 1, sizeof *r->list);
    if (r->list == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < c->result_count; i++) {
        const v2s_clip_result *clip = &c->results[i];
        double gain = r->metric >= 0 ? gain_of(c, clip, r->metric) : 0;
        if (clip->fate == V2S_FATE_JUDGED && isfinite(gain))
            r->list[r->count++] = (ranked){clip, gain};
    }
    qsort(r->list, r->count, sizeof *r->list, by_gain);
    return V2S_OK;
}

// ---- scores -----------------------------------------------------------------------------------

static void put_head(v2s_page *p, const v2s_comparison *c, const char *label) {
    v2s_page_put(p, "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"");
    v2s_page_text(p, label);
    v2s_page_put(p, "\"><table class=\"scores\"><thead><tr><th scope=\"col\">clip</th>"
                    "<th scope=\"col\">room or source</th>");
    v2s_page_metric_columns(p, c);
}

static void put_row(v2s_page *p, const v2s_comparison *c, const v2s_clip_result *r) {
    v2s_page_put(p, "<tr><th scope=\"row\">");
    v2s_page_text(p, r->clip->id);
    v2s_page_put(p, "</th><td>");
    v2s_page_text(p, v2s_clip_cluster(r->clip));
    v2s_page_put(p, "</td>");
    for (int m = 0; m < V2S_METRIC_COUNT; m++) {
        int decimals = v2s_metrics[m].decimals;
        if (!v2s_page_shows(c, m))
            continue;
        v2s_page_put(p, "<td>");
        v2s_page_number(p, v2s_page_score(c, r, V2S_SYSTEM_GEOMETRIC, m), decimals, false);
        if (v2s_page_has_refiner(c)) {
            v2s_page_put(p, " → ");
            v2s_page_number(p, v2s_page_score(c, r, V2S_SYSTEM_REFINED, m), decimals, false);
        }
        v2s_page_put(p, "</td>");
    }
    v2s_page_put(p, "</tr>\n");
}

static void put_intro(v2s_page *p, const ranking *r) {
    v2s_page_put(p, "<section><h2>Best and worst clips</h2>\n<p>");
    if (r->metric < 0) {
        v2s_page_put(p, "No metric has a number: in the order of the manifests.</p>\n");
    } else {
        v2s_page_put(p, "By ");
        v2s_page_text(p, v2s_metrics[r->metric].name);
        v2s_page_put(
            p, v2s_page_has_refiner(r->c)
                   ? ": what refined gains on geometric, best first; geometric → refined.</p>\n"
                   : ": where geometric is nearest to the truth, best first.</p>\n");
    }
    put_head(p, r->c, "Scores of the best and the worst clips");
    for (size_t i = 0; i < r->count; i++)
        if (i < TABLE_ENDS || i + TABLE_ENDS >= r->count)
            put_row(p, r->c, r->list[i].clip);
    v2s_page_put(p, "</tbody></table></div>\n</section>\n");
}

// ---- exhibits ---------------------------------------------------------------------------------

// Beside the truth: refined, one other checkpoint, geometric; without a refiner geometric and its
// room or mono.
static size_t choose_systems(const v2s_comparison *c, size_t which[V2S_CLIP_SOUNDS_MAX]) {
    static const v2s_system_kind wanted[] = {V2S_SYSTEM_REFINED, V2S_SYSTEM_AGAINST,
                                             V2S_SYSTEM_GEOMETRIC, V2S_SYSTEM_ROOM,
                                             V2S_SYSTEM_MONO};
    size_t count = 0, wants = v2s_page_has_refiner(c) ? 3 : 2;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted && count < wants; i++) {
        int system = v2s_systems_find(c->systems, wanted[i]);
        bool is_floor = wanted[i] == V2S_SYSTEM_ROOM || wanted[i] == V2S_SYSTEM_MONO;
        if (system >= 0 && !(is_floor && v2s_page_has_refiner(c)))
            which[count++] = (size_t)system;
    }
    return count;
}

// Two ears are shown as they are, the systems decoded.
static v2s_status show_ears(v2s_clip_sounds *sounds, v2s_exhibit_source *s) {
    for (size_t i = 0; i < sounds->count; i++) {
        float *stereo = NULL;
        V2S_TRY(v2s_ear_decoder_apply(s->decoder, s->frames, sounds->sound[i], &stereo));
        free(sounds->sound[i]);
        s->sounds[i + 1] = sounds->sound[i] = stereo;
    }
    s->sounds[0] = sounds->pair.ears;
    s->channels = 2;
    s->path = NULL;
    v2s_ear_decoder_close(&s->decoder);
    return V2S_OK;
}

static v2s_status make_exhibit(const v2s_comparison *c, const v2s_comparison_run *run,
                               const v2s_clip_result *r, v2s_exhibit *e) {
    size_t which[V2S_CLIP_SOUNDS_MAX], count = choose_systems(c, which);
    v2s_clip_sounds sounds = {0};
    v2s_exhibit_source s = {.channels = V2S_FOA_CHANNELS, .count = (int)count + 1};
    V2S_TRY(v2s_clip_sounds_make(c->systems, r, which, count, &sounds));
    s.names[0] = "truth";
    s.sounds[0] = sounds.pair.truth;
    for (size_t i = 0; i < count; i++) {
        const v2s_system *system = &c->systems->items[which[i]];
        s.names[i + 1] = system->name;
        s.colours[i + 1] = v2s_page_voice_colour(system->kind);
        s.sounds[i + 1] = sounds.sound[i];
    }
    s.rate_hz = sounds.pair.rate_hz;
    s.frames = sounds.pair.frames;
    s.path = &sounds.pair.path;
    v2s_status status = v2s_ear_decoder_open(run->hrtf, s.rate_hz, &s.decoder);
    if (status == V2S_OK && sounds.pair.ears != NULL)
        status = show_ears(&sounds, &s);
    if (status == V2S_OK)
        status = v2s_exhibit_make(&s, e);
    if (status != V2S_OK)
        status = v2s_error_prefix(status, "clip %s", r->clip->id);
    v2s_ear_decoder_close(&s.decoder);
    v2s_clip_sounds_free(&sounds);
    return status;
}

static const char *place_word(const ranking *r, size_t index) {
    if (r->count == 1)
        return "the only clip";
    if (r->metric < 0)
        return "not ranked";
    if (index < SHOWN_ENDS && index < r->count - 1 - index)
        return index == 0 ? "the best clip" : "second best";
    if (index == r->count - 1)
        return "the worst clip";
    return index + 2 == r->count ? "second worst" : "between";
}

static v2s_status put_clip(v2s_page *p, const ranking *r, const v2s_comparison_run *run,
                           size_t index, int number, bool *shown) {
    const v2s_clip_result *clip = r->list[index].clip;
    v2s_exhibit e = {0};
    char label[LABEL_MAX];
    v2s_status status = make_exhibit(r->c, run, clip, &e);
    *shown = status == V2S_OK;
    if (status == V2S_NOMEM || status == V2S_CANCELLED)
        return status;
    if (status != V2S_OK) {
        v2s_run_log_warn(run->log, "the page cannot show %s", v2s_error_text());
        v2s_page_put(p, "<p class=\"warnings\">This page cannot show ");
        v2s_page_text(p, v2s_error_text());
        v2s_page_put(p, ".</p>\n");
        return V2S_OK;
    }
    snprintf(label, sizeof label, "%s, %.100s", place_word(r, index), clip->clip->id);
    v2s_page_put(p, "<section class=\"clip\"><h3>");
    v2s_page_text(p, clip->clip->id);
    v2s_page_put(p, ": ");
    v2s_page_put(p, place_word(r, index));
    v2s_page_put(p, "</h3>\n<p>");
    v2s_page_text(p, clip->clip->truth);
    v2s_page_put(p, "</p>\n");
    put_head(p, r->c, label);
    put_row(p, r->c, clip);
    v2s_page_put(p, "</tbody></table></div>\n");
    v2s_page_exhibit(p, &e, number, label);
    v2s_page_put(p, "</section>\n");
    v2s_exhibit_free(&e);
    return v2s_file_out_status(p->out);
}

v2s_status v2s_page_clips(v2s_page *p, const v2s_comparison *c, const v2s_comparison_run *run) {
    ranking r;
    int number = 0;
    v2s_status status = rank(c, &r);
    if (status == V2S_OK && r.count > 0)
        put_intro(p, &r);
    for (size_t i = 0; status == V2S_OK && i < r.count; i++) {
        bool shown = false;
        if (i >= SHOWN_ENDS && i + SHOWN_ENDS < r.count)
            continue;
        status = v2s_cancel_check();
        if (status == V2S_OK)
            status = put_clip(p, &r, run, i, number + 1, &shown);
        number += shown;
    }
    free(r.list);
    return status;
}
