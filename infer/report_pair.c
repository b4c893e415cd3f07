// SPDX-License-Identifier: MIT
#include "infer/report_pair.h"

#include <stdlib.h>
#include <string.h>

#include "infer/report_compare.h"

enum { EARS = 2, MONO_COLOUR = 4 };

// What is left without directions: the floor that anything should be better than.
static float *make_mono(const v2s_pair_page *page) {
    size_t c = (size_t)page->channels;
    float *mono = calloc(page->frames * c + 1, sizeof *mono);
    for (size_t i = 0; mono != NULL && i < page->frames; i++) {
        const float *from = page->truth + i * c;
        if (page->channels == EARS)
            mono[i * c] = mono[i * c + 1] = 0.5f * (from[0] + from[1]);
        else
            mono[i * c] = from[0];
    }
    return mono;
}

static v2s_status make_exhibit(const v2s_pair_page *page, v2s_exhibit *e) {
    float *mono = make_mono(page);
    v2s_ear_decoder *decoder = NULL;
    v2s_status status = mono != NULL ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status == V2S_OK && page->channels != EARS)
        status = v2s_ear_decoder_open(page->hrtf, page->rate_hz, &decoder);
    v2s_exhibit_source source = {.rate_hz = page->rate_hz,
                                 .frames = page->frames,
                                 .channels = page->channels,
                                 .count = 3,
                                 .names = {"truth", "prediction", "mono"},
                                 .colours = {0, 1, MONO_COLOUR},
                                 .sounds = {page->truth, page->prediction, mono},
                                 .decoder = decoder};
    if (status == V2S_OK)
        status = v2s_exhibit_make(&source, e);
    v2s_ear_decoder_close(&decoder);
    free(mono);
    return status;
}

static void put_scores(v2s_page *p, const v2s_pair_page *page) {
    v2s_page_put(p, "<section><h2>Scores</h2>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" "
                    "aria-label=\"Scores\"><table class=\"scores\"><thead><tr>"
                    "<th scope=\"col\">metric</th><th scope=\"col\">prediction</th></tr></thead>"
                    "<tbody>\n");
    for (int m = 0; m < V2S_METRIC_COUNT; m++) {
        if ((page->metrics & V2S_METRIC_BIT(m)) == 0)
            continue;
        v2s_page_put(p, "<tr><th scope=\"row\">");
        v2s_page_metric_name(p, &v2s_metrics[m]);
        v2s_page_put(p, "<small>");
        v2s_page_text(p, v2s_metrics[m].meaning);
        v2s_page_put(p, v2s_metrics[m].higher_is_better ? "; more is better</small></th><td>"
                                                        : "</small></th><td>");
        v2s_page_number(p, page->scores[m], v2s_metrics[m].decimals + 1, false);
        v2s_page_put(p, "</td></tr>\n");
    }
    v2s_page_put(p, "</tbody></table></div>\n</section>\n");
}

static void put_page(v2s_page *p, const v2s_pair_page *page, const v2s_exhibit *e) {
    v2s_page_head(p, "A prediction against the truth", v2s_report_compare_css,
                  "A prediction against the truth", page->command);
    v2s_run_log log = *page->log;
    log.row_count = page->row_count;
    v2s_page_log(p, &log);
    v2s_page_put(p, "<section class=\"clip\"><h2>To hear and see</h2>\n");
    v2s_page_exhibit(p, e, 1, page->settings->prediction);
    v2s_page_put(p, "</section>\n");
    put_scores(p, page);
    v2s_page_put(p, "<section><h2>To do it again</h2>\n<table class=\"rows\"><tbody>");
    v2s_page_run_rows(p, page->command, page->settings);
    v2s_page_row(p, "prediction", page->settings->prediction);
    v2s_page_row(p, "truth", page->settings->truth);
    if (page->hrtf != NULL)
        v2s_page_row(p, "ears", page->hrtf->title);
    v2s_page_put(p, "</tbody></table>\n</section>\n");
    v2s_page_foot_script(p, v2s_report_compare_js);
}

v2s_status v2s_pair_page_write(const v2s_pair_page *page) {
    v2s_page p = {.has_script = true};
    v2s_exhibit e = {0};
    V2S_TRY(make_exhibit(page, &e));
    v2s_status status = v2s_file_out_open(page->settings->report, &p.out);
    if (status == V2S_OK) {
        put_page(&p, page, &e);
        status = v2s_file_out_commit(p.out);
    }
    v2s_file_out_close(&p.out);
    v2s_exhibit_free(&e);
    return status;
}
