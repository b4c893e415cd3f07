// SPDX-License-Identifier: MIT
// The page of a comparison: what is said, verdicts, intervals and distributions, clips to hear and
// see, and how to do it again.
//
// Curves are SVG with their own texts, maps and spectrograms PNG. Every text from outside is
// escaped; the page loads nothing.
#include "infer/report_compare.h"

#include <math.h>
#include <string.h>

bool v2s_page_shows(const v2s_comparison *c, int metric) {
    return (c->metrics & V2S_METRIC_BIT(metric)) != 0;
}

bool v2s_page_has_refiner(const v2s_comparison *c) {
    return v2s_systems_find(c->systems, V2S_SYSTEM_REFINED) >= 0;
}

double v2s_page_score(const v2s_comparison *c, const v2s_clip_result *r, v2s_system_kind kind,
                      int metric) {
    int system = v2s_systems_find(c->systems, kind);
    return system >= 0 ? v2s_clip_score(c, r, (size_t)system, metric) : NAN;
}

void v2s_page_interval(v2s_page *p, const v2s_interval *i, int decimals, bool sign) {
    v2s_page_number(p, i->mean, decimals, sign);
    if (!isfinite(i->lo))
        return;
    v2s_page_put(p, " [");
    v2s_page_number(p, i->lo, decimals, sign);
    v2s_page_put(p, ", ");
    v2s_page_number(p, i->hi, decimals, sign);
    v2s_page_put(p, "]");
}

void v2s_page_metric_name(v2s_page *p, const v2s_metric *metric) {
    v2s_page_text(p, metric->name);
    if (strcmp(metric->name, metric->formula) != 0) {
        v2s_page_put(p, " (");
        v2s_page_text(p, metric->formula);
        v2s_page_put(p, ")");
    }
    if (metric->unit[0] != '\0') {
        v2s_page_put(p, ", ");
        v2s_page_text(p, metric->unit);
    }
}

void v2s_page_metric_columns(v2s_page *p, const v2s_comparison *c) {
    for (int m = 0; m < V2S_METRIC_COUNT; m++)
        if (v2s_page_shows(c, m)) {
            v2s_page_put(p, "<th scope=\"col\">");
            v2s_page_metric_name(p, &v2s_metrics[m]);
            v2s_page_put(p, "</th>");
        }
    v2s_page_put(p, "</tr></thead><tbody>\n");
}

int v2s_page_voice_colour(v2s_system_kind kind) {
    return kind == V2S_SYSTEM_REFINED     ? 1
           : kind == V2S_SYSTEM_GEOMETRIC ? 2
           : kind == V2S_SYSTEM_AGAINST   ? 3
                                          : 4;
}

static v2s_status put_page(v2s_page *p, const v2s_comparison *c, const v2s_comparison_run *run) {
    const char *title =
        v2s_page_has_refiner(c) ? "Refined against geometric" : "Geometric against the truth";
    v2s_page_head(p, title, v2s_report_compare_css, title, run->command);
    v2s_page_log(p, run->log);
    V2S_TRY(v2s_page_score_tables(p, c));
    V2S_TRY(v2s_page_cards(p, c));
    v2s_page_scatters(p, c);
    V2S_TRY(v2s_page_clips(p, c, run));
    V2S_TRY(v2s_page_repeat(p, c, run));
    v2s_page_foot_script(p, v2s_report_compare_js);
    return v2s_file_out_status(p->out);
}

v2s_status v2s_comparison_page(const char *path, const v2s_comparison *comparison,
                               const v2s_comparison_run *run) {
    v2s_page page = {.has_script = true};
    V2S_TRY(v2s_file_out_open(path, &page.out));
    v2s_status status = put_page(&page, comparison, run);
    if (status == V2S_OK)
        status = v2s_file_out_commit(page.out);
    v2s_file_out_close(&page.out);
    return status;
}
