// SPDX-License-Identifier: MIT
// The page of a depth run: its frame, and sounds one by one.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "infer/report_depth.h"

static const char STYLE[] =
    ".shot image { image-rendering: pixelated; }\n"
    "svg.shot text { font-size: 15px; } .tick { stroke: var(--soft); fill: none; }\n"
    ".card h3 { margin-bottom: 0.4rem; }\n"
    ".card img { width: 100%; height: auto; display: block; border-radius: 4px; }\n"
    "svg rect.bin { fill: var(--c0); fill-opacity: 0.6; } svg path.floor { fill: none; "
    "stroke: var(--c1); stroke-width: 3; }\n"
    ".legend i { display: inline-block; width: 1.1rem; height: 0.7rem; margin-right: 0.4rem; }\n"
    ".grid.small { grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr)); }\n"
    ".small svg.shot text { font-size: 19px; }\n"
    ".chart { max-width: 46rem; } .chart svg text { font-size: 17px; }\n"
    "section h3.part { margin: 1.2rem 0 0.5rem; }\n";

typedef struct writer {
    v2s_page *p;
    const v2s_depth_page *page;
    v2s_depth_ramp ramp;
} writer;

// ---- a sound ----------------------------------------------------------------------------------

static v2s_status put_ears(const writer *w, const v2s_depth_leaf *leaf) {
    int size = w->page->echo.size;
    size_t pixels = (size_t)size * (size_t)size;
    double loudest = v2s_depth_loudest(2 * pixels, leaf->x);
    V2S_TRY(v2s_depth_put_spectrogram(w->p, &w->ramp, &w->page->echo, leaf->x, loudest, "left"));
    return v2s_depth_put_spectrogram(w->p, &w->ramp, &w->page->echo, leaf->x + pixels, loudest,
                                     "right");
}

static v2s_status put_maps(const writer *w, const v2s_depth_leaf *leaf) {
    int size = w->page->echo.size;
    size_t pixels = (size_t)size * (size_t)size;
    bool truth = leaf->result->has_truth;
    double top = v2s_depth_top(pixels, leaf->depth);
    if (truth)
        top = fmax(top, v2s_depth_top(pixels, leaf->truth));
    V2S_TRY(v2s_depth_put_map(w->p, &w->ramp, size, leaf->depth, top, "Prediction"));
    if (!truth)
        return V2S_OK;
    V2S_TRY(v2s_depth_put_map(w->p, &w->ramp, size, leaf->truth, top, "Truth"));
    return v2s_depth_put_error(w->p, &w->ramp, size, leaf->depth, leaf->truth);
}

static void put_scores(const writer *w, const v2s_depth_result *r) {
    const v2s_depth_pass *pass = w->page->pass;
    v2s_page_put(w->p, "<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"M7\">"
                       "<table class=\"scores\"><thead><tr><th>M7</th>");
    for (size_t k = 0; k < v2s_depth_pass_systems(pass); k++)
        if (v2s_depth_pass_has(pass, k)) {
            v2s_page_put(w->p, "<th>");
            v2s_page_text(w->p, v2s_depth_pass_name(pass, k));
            v2s_page_put(w->p, "</th>");
        }
    v2s_page_put(w->p, "</tr></thead><tbody>\n");
    for (int m = 0; m < V2S_DEPTH_METRICS; m++) {
        const v2s_depth_metric *metric = &v2s_depth_metrics[m];
        v2s_file_out_printf(w->p->out, "<tr><th scope=\"row\">%s%s%s<small>%s</small></th>",
                            metric->name, metric->unit[0] != '\0' ? ", " : "", metric->unit,
                            metric->meaning);
        for (size_t k = 0; k < v2s_depth_pass_systems(pass); k++)
            if (v2s_depth_pass_has(pass, k)) {
                v2s_page_put(w->p, "<td>");
                v2s_page_number(w->p, r->score[k][m], metric->decimals, false);
                v2s_page_put(w->p, "</td>");
            }
        v2s_page_put(w->p, "</tr>\n");
    }
    v2s_page_put(w->p, "</tbody></table></div>\n");
}

static void put_look(const writer *w, const v2s_depth_look *look) {
    const char *ears[2] = {"left", "right"};
    char text[160];
    snprintf(text, sizeof text,
             "Level %d: the %s ear looks into the %s ear, entropy %.1f of %.1f "
             "bits",
             look->level, ears[look->ear], ears[1 - look->ear], look->entropy_bits,
             look->uniform_bits);
    v2s_page_put(w->p, "<figure class=\"card\"><img alt=\"");
    v2s_page_text(w->p, text);
    v2s_page_put(w->p, "\" src=\"");
    v2s_page_data_uri(w->p, "image/png", look->png, look->png_size);
    v2s_page_put(w->p, "\"><figcaption>");
    v2s_page_text(w->p, text);
    v2s_page_put(w->p, "</figcaption></figure>\n");
}

// Pixels one after another, the first one open.
static void put_looks(const writer *w, const v2s_depth_leaf *leaf) {
    if (leaf->look_count == 0)
        return;
    v2s_page_put(w->p, "<h3 class=\"part\">Where the ears looked</h3>\n<p>For a place of the depth "
                       "map (the ring), the weights with which each ear took in the other's "
                       "spectrogram.</p>\n");
    for (size_t i = 0; i < leaf->look_count; i++) {
        const v2s_depth_look *look = &leaf->looks[i], *before = look - 1;
        bool first = i == 0 || look->row != before->row || look->column != before->column;
        if (first && i > 0)
            v2s_page_put(w->p, "</div></details>\n");
        if (first)
            v2s_file_out_printf(w->p->out,
                                "<details%s><summary>From row %d, column %d</summary>\n<div "
                                "class=\"grid\">\n",
                                i == 0 ? " open" : "", look->row, look->column);
        put_look(w, look);
    }
    v2s_page_put(w->p, "</div></details>\n");
}

static v2s_status put_leaf(const writer *w, const v2s_depth_leaf *leaf) {
    const v2s_depth_result *r = leaf->result;
    v2s_page_put(w->p, "<section><h2>");
    v2s_page_text(w->p, r->sample->id);
    v2s_page_put(w->p, "</h2>\n");
    if (r->has_truth)
        v2s_file_out_printf(w->p->out, "<p>%s%sL1 %.3f m</p>\n", leaf->heading,
                            leaf->heading[0] != '\0' ? ": " : "", r->score[0][0]);
    v2s_page_put(w->p, "<h3 class=\"part\">What the network hears</h3>\n<div class=\"grid\">\n");
    V2S_TRY(put_ears(w, leaf));
    v2s_page_put(w->p, "</div>\n<h3 class=\"part\">Depth</h3>\n<div class=\"grid\">\n");
    V2S_TRY(put_maps(w, leaf));
    v2s_page_put(w->p, "</div>\n");
    if (r->has_truth)
        put_scores(w, r);
    put_looks(w, leaf);
    v2s_page_put(w->p, "</section>\n");
    return V2S_OK;
}

// A sample of a data set, small: the left ear, prediction, truth, error.
static v2s_status put_small(const writer *w, const v2s_depth_leaf *leaf) {
    const v2s_depth_result *r = leaf->result;
    int size = w->page->echo.size;
    double loudest = v2s_depth_loudest((size_t)size * (size_t)size, leaf->x);
    v2s_page_put(w->p, "<h3 class=\"part\">");
    v2s_page_text(w->p, leaf->heading);
    v2s_page_put(w->p, ": ");
    v2s_page_text(w->p, r->sample->id);
    v2s_file_out_printf(w->p->out, ", L1 %.3f m", r->score[0][0]);
    if (v2s_depth_pass_has(w->page->pass, V2S_DEPTH_MEAN_MAP))
        v2s_file_out_printf(w->p->out, " (mean depth map %.3f m)", r->score[V2S_DEPTH_MEAN_MAP][0]);
    v2s_page_put(w->p, "</h3>\n<div class=\"grid small\">\n");
    V2S_TRY(v2s_depth_put_spectrogram(w->p, &w->ramp, &w->page->echo, leaf->x, loudest, "left"));
    V2S_TRY(put_maps(w, leaf));
    v2s_page_put(w->p, "</div>\n");
    return V2S_OK;
}

// ---- the page ---------------------------------------------------------------------------------

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

static v2s_status put_set(const writer *w) {
    v2s_depth_put_tables(w->p, w->page);
    v2s_depth_put_intervals(w->p, w->page);
    return v2s_depth_put_distribution(w->p, w->page);
}

static v2s_status put_samples(const writer *w) {
    const v2s_depth_album *album = w->page->album;
    bool set = w->page->source->kind == V2S_DEPTH_SET;
    if (set)
        v2s_page_put(w->p, "<section><h2>Best and worst samples</h2>\n<p>By mean absolute error; "
                           "prediction and truth have one scale.</p>\n");
    for (size_t i = 0; i < album->count; i++)
        V2S_TRY(set ? put_small(w, &album->leaves[i]) : put_leaf(w, &album->leaves[i]));
    if (set)
        v2s_page_put(w->p, "</section>\n");
    if (!set && album->seen > album->count)
        v2s_file_out_printf(w->p->out, "<p>%zu more sounds are not shown.</p>\n",
                            album->seen - album->count);
    return V2S_OK;
}

static v2s_status put_page(writer *w) {
    char title[160];
    snprintf(title, sizeof title, "%s: depth from echoes", base_name(w->page->source->path));
    v2s_page_head(w->p, title, STYLE, title, w->page->command);
    v2s_depth_figure_defs(w->p, &w->ramp);
    v2s_page_log(w->p, w->page->log);
    if (w->page->summary != NULL && w->page->source->kind != V2S_DEPTH_SOUND)
        V2S_TRY(put_set(w));
    V2S_TRY(put_samples(w));
    v2s_page_foot(w->p);
    return v2s_file_out_status(w->p->out);
}

v2s_status v2s_depth_page_write(const char *path, const v2s_depth_page *page) {
    v2s_page p = {0};
    writer w = {.p = &p, .page = page};
    v2s_depth_ramp_init(&w.ramp);
    V2S_TRY(v2s_file_out_open(path, &p.out));
    v2s_status status = put_page(&w);
    if (status == V2S_OK)
        status = v2s_file_out_commit(p.out);
    v2s_file_out_close(&p.out);
    return status;
}
