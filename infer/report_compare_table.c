// SPDX-License-Identifier: MIT
// Tables of a comparison: means with intervals, differences with their verdicts, recordings.
#include <math.h>

#include "infer/report_compare.h"

// One table: some systems, and some contrasts.
typedef struct score_table {
    const v2s_comparison *c;
    const v2s_summary *s;
    bool shows[V2S_SYSTEMS_MAX];    // columns with means
    bool contrast[V2S_SYSTEMS_MAX]; // three columns each
} score_table;

static const char *name_of(const score_table *t, size_t system) {
    return t->c->systems->items[system].name;
}

static void put_column(v2s_page *p, const char *name, const char *after) {
    v2s_page_put(p, "<th scope=\"col\">");
    v2s_page_text(p, name);
    v2s_page_put(p, after);
}

static void put_head(v2s_page *p, const score_table *t, const char *caption) {
    const v2s_systems *all = t->c->systems;
    v2s_page_put(p, "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"");
    v2s_page_text(p, caption);
    v2s_page_put(p, "\"><table class=\"scores\"><thead><tr><th scope=\"col\">metric</th>");
    for (size_t k = 0; k < all->count; k++)
        if (t->shows[k])
            put_column(p, name_of(t, k), "</th>");
    for (size_t k = 0; k < all->contrast_count; k++)
        if (t->contrast[k]) {
            put_column(p, name_of(t, all->contrasts[k].first), " minus ");
            v2s_page_text(p, name_of(t, all->contrasts[k].second));
            v2s_page_put(p, "</th>");
            put_column(p, name_of(t, all->contrasts[k].first), " better in</th>");
            put_column(p, name_of(t, all->contrasts[k].first), " is</th>");
        }
    v2s_page_put(p, "</tr></thead><tbody>\n");
}

static void put_contrast(v2s_page *p, const v2s_difference *d, int m) {
    static const char *const words[] = {"worse\">worse", "same\">not different", "better\">better"};
    v2s_page_put(p, "<td>");
    v2s_page_interval(p, &d->interval, v2s_metrics[m].decimals + 1, true);
    v2s_page_put(p, "</td><td>");
    v2s_page_number(p, 100 * d->win_rate, 0, false);
    v2s_page_put(p, " %</td><td class=\"verdict ");
    v2s_page_put(p, isfinite(d->interval.lo)     ? words[v2s_verdict((v2s_metric_id)m, d) + 1]
                    : isfinite(d->interval.mean) ? "same\">too few clusters"
                                                 : "same\">not known");
    v2s_page_put(p, "</td>");
}

static void put_row(v2s_page *p, const score_table *t, int m) {
    v2s_page_put(p, "<tr><th scope=\"row\">");
    v2s_page_metric_name(p, &v2s_metrics[m]);
    v2s_page_put(p, "<small>");
    v2s_page_text(p, v2s_metrics[m].meaning);
    v2s_page_put(p, v2s_metrics[m].higher_is_better ? "; more is better</small></th>"
                                                    : "</small></th>");
    for (size_t k = 0; k < t->c->systems->count; k++) {
        v2s_interval i = v2s_summary_system(t->c, t->s, k, m);
        if (!t->shows[k])
            continue;
        v2s_page_put(p, "<td>");
        v2s_page_interval(p, &i, v2s_metrics[m].decimals, false);
        v2s_page_put(p, "</td>");
    }
    for (size_t k = 0; k < t->c->systems->contrast_count; k++) {
        v2s_difference d = v2s_summary_difference(t->c, t->s, k, m);
        if (t->contrast[k])
            put_contrast(p, &d, m);
    }
    v2s_page_put(p, "</tr>\n");
}

static void put_table(v2s_page *p, const score_table *t, const char *caption) {
    put_head(p, t, caption);
    for (int m = 0; m < V2S_METRIC_COUNT; m++)
        if (v2s_page_shows(t->c, m))
            put_row(p, t, m);
    v2s_page_put(p, "</tbody></table></div>\n");
}

typedef enum shelf { OPEN, FLOORS, ABLATIONS, SHELVES } shelf;

static shelf shelf_of(const v2s_comparison *c, const v2s_system *system) {
    if (system->kind == V2S_SYSTEM_ABLATION)
        return ABLATIONS;
    bool first = system->kind == V2S_SYSTEM_REFINED || system->kind == V2S_SYSTEM_AGAINST ||
                 system->kind == V2S_SYSTEM_GEOMETRIC;
    return first || !v2s_page_has_refiner(c) ? OPEN : FLOORS;
}

// Which systems and contrasts stand in which table; a contrast stands where its rarer system is.
static bool fill_shelf(const v2s_comparison *c, shelf which, score_table *t) {
    const v2s_systems *all = c->systems;
    bool any = false;
    for (size_t k = 0; k < all->count; k++) {
        t->shows[k] = shelf_of(c, &all->items[k]) == which;
        any = any || t->shows[k];
    }
    for (size_t k = 0; k < all->contrast_count; k++) {
        shelf first = shelf_of(c, &all->items[all->contrasts[k].first]);
        shelf second = shelf_of(c, &all->items[all->contrasts[k].second]);
        t->contrast[k] = (first > second ? first : second) == which;
    }
    return any;
}

static void put_group(v2s_page *p, const v2s_comparison *c, const v2s_summary *s,
                      const char *title) {
    static const char *const captions[SHELVES] = {"Scores", "Against the floors",
                                                  "With components left out"};
    v2s_page_put(p, "<section><h2>");
    v2s_page_text(p, title);
    char clusters[48];
    v2s_cluster_words(c, s->clusters, clusters);
    v2s_file_out_printf(p->out,
                        "</h2>\n<p>%zu clip%s from %s. Means, 95 %% intervals and paired intervals "
                        "of the difference; an interval without 0 decides.</p>\n",
                        s->clips, s->clips == 1 ? "" : "s", clusters);
    for (int which = OPEN; which < SHELVES; which++) {
        score_table t = {.c = c, .s = s};
        if (!fill_shelf(c, (shelf)which, &t))
            continue;
        if (which == FLOORS)
            v2s_file_out_printf(p->out, "<details><summary>%s</summary>\n", captions[which]);
        if (which == ABLATIONS)
            v2s_file_out_printf(p->out, "<h3>%s</h3>\n", captions[which]);
        put_table(p, &t, captions[which]);
        if (which == FLOORS)
            v2s_page_put(p, "</details>\n");
    }
    v2s_page_put(p, "</section>\n");
}

static void put_recording(v2s_page *p, const v2s_comparison *c, const v2s_summary *s, size_t k) {
    v2s_page_put(p, "<tr><th scope=\"row\">");
    v2s_page_text(p, s->group);
    v2s_file_out_printf(p->out, "</th><td>%zu</td><td>%.3f</td><td>", s->clips, s->dipole_gain);
    v2s_page_text(p, c->systems->items[k].name);
    v2s_page_put(p, "</td>");
    for (int m = 0; m < V2S_METRIC_COUNT; m++)
        if (v2s_page_shows(c, m)) {
            v2s_page_put(p, "<td>");
            v2s_page_number(p, v2s_summary_system(c, s, k, m).mean, v2s_metrics[m].decimals, false);
            v2s_page_put(p, "</td>");
        }
    v2s_page_put(p, "</tr>\n");
}

static v2s_status put_recordings(v2s_page *p, const v2s_comparison *c) {
    size_t count = c->recordings.count;
    if (count == 0)
        return V2S_OK;
    v2s_page_put(p, "<section><h2>Recordings</h2>\n<p>Means. The true dipoles of each recording "
                    "have one gain that makes their energy that of W.</p>\n<details><summary>Show "
                    "the table</summary><div class=\"wide\" tabindex=\"0\" role=\"region\" "
                    "aria-label=\"Recordings\"><table class=\"scores\"><thead><tr>"
                    "<th scope=\"col\">recording</th><th scope=\"col\">clips</th>"
                    "<th scope=\"col\">dipole gain</th><th scope=\"col\">system</th>");
    v2s_page_metric_columns(p, c);
    for (size_t i = 0; i < count && i < V2S_RECORDINGS_SHOWN; i++) {
        v2s_summary s;
        V2S_TRY(v2s_comparison_recording(c, i, &s));
        for (size_t k = 0; k < c->systems->count; k++)
            put_recording(p, c, &s, k);
        v2s_summary_free(&s);
    }
    v2s_page_put(p, "</tbody></table></div>\n");
    if (count > V2S_RECORDINGS_SHOWN)
        v2s_file_out_printf(p->out, "<p>and %zu more recordings, which --json has</p>\n",
                            count - V2S_RECORDINGS_SHOWN);
    v2s_page_put(p, "</details>\n</section>\n");
    return V2S_OK;
}

v2s_status v2s_page_score_tables(v2s_page *p, const v2s_comparison *c) {
    put_group(p, c, &c->groups[0], "All clips");
    if (c->group_count == 3) {
        put_group(p, c, &c->groups[1], "Dry and outdoor clips");
        put_group(p, c, &c->groups[2], "Reverberant clips");
    }
    return put_recordings(p, c);
}
