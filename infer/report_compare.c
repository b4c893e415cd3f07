// SPDX-License-Identifier: MIT
// The page of a comparison: verdicts, intervals, clips one by one, and the worst of them.
//
// Pictures are SVG with their own texts; the page has no script. Every point of a scatter says its
// clip's name where the pointer rests.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infer/compare.h"
#include "infer/report_internal.h"

enum { WORST_CLIPS = 10, ROW = 34, LEFT = 130, WIDTH = 640, PLOT = WIDTH - LEFT - 30 };

static const char STYLE[] =
    "svg circle.clip { fill: var(--c0); fill-opacity: 0.55; stroke: none; }\n"
    "svg circle.dry { fill: var(--c1); }\n";

static bool shows(const v2s_comparison *c, int metric) {
    return (c->metrics & V2S_METRIC_BIT(metric)) != 0;
}

static bool has_refiner(const v2s_comparison *c) {
    return v2s_systems_find(c->systems, V2S_SYSTEM_REFINED) >= 0;
}

static double score_of(const v2s_comparison *c, const v2s_clip_result *r, v2s_system_kind kind,
                       int metric) {
    return v2s_clip_score(c, r, (size_t)v2s_systems_find(c->systems, kind), metric);
}

// ---- texts ------------------------------------------------------------------------------------

// "0.154 [0.140, 0.170]"
static void put_interval(v2s_page *p, const v2s_interval *i, int decimals, bool sign) {
    v2s_page_number(p, i->mean, decimals, sign);
    if (!isfinite(i->lo))
        return;
    v2s_page_put(p, " [");
    v2s_page_number(p, i->lo, decimals, sign);
    v2s_page_put(p, ", ");
    v2s_page_number(p, i->hi, decimals, sign);
    v2s_page_put(p, "]");
}

static void put_metric_name(v2s_page *p, int m) {
    const v2s_metric *metric = &v2s_metrics[m];
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

static void put_verdict(v2s_page *p, v2s_metric_id m, const v2s_difference *d) {
    static const char *const words[] = {"<td class=\"verdict worse\">worse",
                                        "<td class=\"verdict same\">not different",
                                        "<td class=\"verdict better\">better"};
    if (!isfinite(d->interval.lo))
        v2s_page_put(p, "<td class=\"verdict same\">too few rooms");
    else
        v2s_page_put(p, words[v2s_verdict(m, d) + 1]);
    v2s_page_put(p, "</td>");
}

// ---- tables -----------------------------------------------------------------------------------

// One table: some systems, and refined against some of its rivals.
typedef struct score_table {
    const v2s_comparison *c;
    const v2s_summary *s;
    bool shows[V2S_SYSTEMS_MAX]; // columns with means
    bool rival[V2S_SYSTEMS_MAX]; // of contrasts: three columns each
} score_table;

static void put_score_head(v2s_page *p, const score_table *t) {
    const v2s_systems *all = t->c->systems;
    v2s_page_put(p, "<div class=\"wide\"><table class=\"scores\"><thead><tr><th>Metric</th>");
    for (size_t k = 0; k < all->count; k++)
        if (t->shows[k]) {
            v2s_page_put(p, "<th>");
            v2s_page_text(p, all->items[k].name);
            v2s_page_put(p, "</th>");
        }
    for (size_t k = 0; k < all->contrast_count; k++)
        if (t->rival[k]) {
            v2s_page_put(p, "<th>refined minus ");
            v2s_page_text(p, all->items[all->contrasts[k].second].name);
            v2s_page_put(p, "</th><th>better in</th><th>refined is</th>");
        }
    v2s_page_put(p, "</tr></thead><tbody>\n");
}

static void put_rival(v2s_page *p, const v2s_difference *d, int m) {
    v2s_page_put(p, "<td>");
    put_interval(p, &d->interval, v2s_metrics[m].decimals + 1, true);
    v2s_page_put(p, "</td><td>");
    v2s_page_number(p, 100 * d->win_rate, 0, false);
    v2s_page_put(p, " %</td>");
    put_verdict(p, (v2s_metric_id)m, d);
}

static void put_score_row(v2s_page *p, const score_table *t, int m) {
    v2s_page_put(p, "<tr><th scope=\"row\">");
    put_metric_name(p, m);
    v2s_page_put(p, "<small>");
    v2s_page_text(p, v2s_metrics[m].meaning);
    v2s_page_put(p, v2s_metrics[m].higher_is_better ? "; more is better</small></th>"
                                                    : "</small></th>");
    for (size_t k = 0; k < t->c->systems->count; k++) {
        v2s_interval i = v2s_summary_system(t->c, t->s, k, m);
        if (!t->shows[k])
            continue;
        v2s_page_put(p, "<td>");
        put_interval(p, &i, v2s_metrics[m].decimals, false);
        v2s_page_put(p, "</td>");
    }
    for (size_t k = 0; k < t->c->systems->contrast_count; k++) {
        v2s_difference d = v2s_summary_difference(t->c, t->s, k, m);
        if (t->rival[k])
            put_rival(p, &d, m);
    }
    v2s_page_put(p, "</tr>\n");
}

static void put_table(v2s_page *p, const score_table *t) {
    put_score_head(p, t);
    for (int m = 0; m < V2S_METRIC_COUNT; m++)
        if (shows(t->c, m))
            put_score_row(p, t, m);
    v2s_page_put(p, "</tbody></table></div>\n");
}

// Which systems and contrasts stand in the open table, the others in the one that is folded away.
static void choose_columns(const v2s_comparison *c, score_table *first, score_table *floors) {
    const v2s_systems *all = c->systems;
    for (size_t k = 0; k < all->count; k++) {
        bool open = !has_refiner(c) || all->items[k].kind == V2S_SYSTEM_REFINED ||
                    all->items[k].kind == V2S_SYSTEM_AGAINST ||
                    all->items[k].kind == V2S_SYSTEM_GEOMETRIC;
        first->shows[k] = open && all->items[k].kind != V2S_SYSTEM_ABLATION;
        floors->shows[k] = !open && all->items[k].kind != V2S_SYSTEM_ABLATION;
    }
    for (size_t k = 0; k < all->contrast_count; k++) {
        bool of_refined = all->items[all->contrasts[k].first].kind == V2S_SYSTEM_REFINED;
        first->rival[k] = of_refined && first->shows[all->contrasts[k].second];
        floors->rival[k] = of_refined && floors->shows[all->contrasts[k].second];
    }
}

// Refined against geometric and other checkpoints; then, folded away, the floors.
static void put_scores(v2s_page *p, const v2s_comparison *c, const v2s_summary *s,
                       const char *title) {
    score_table first = {.c = c, .s = s}, floors = {.c = c, .s = s};
    choose_columns(c, &first, &floors);
    v2s_page_put(p, "<section><h2>");
    v2s_page_text(p, title);
    v2s_file_out_printf(p->out,
                        "</h2>\n<p>%zu clips from %zu rooms or sources. Means, 95 %% intervals and "
                        "paired intervals of the difference; an interval without 0 decides.</p>\n",
                        s->clips, s->clusters);
    put_table(p, &first);
    if (has_refiner(c)) {
        v2s_page_put(p, "<details><summary>Against the floors</summary>\n");
        put_table(p, &floors);
        v2s_page_put(p, "</details>\n");
    }
    v2s_page_put(p, "</section>\n");
}

static void put_recordings(v2s_page *p, const v2s_comparison *c) {
    if (c->recording_count == 0)
        return;
    v2s_page_put(p, "<section><h2>Recordings</h2>\n<p>Means. The true dipoles of each recording "
                    "have one gain that makes their energy that of W.</p>\n<div class=\"wide\">"
                    "<table class=\"scores\"><thead><tr><th>Recording</th><th>clips</th>"
                    "<th>dipole gain</th><th>system</th>");
    for (int m = 0; m < V2S_METRIC_COUNT; m++)
        if (shows(c, m)) {
            v2s_page_put(p, "<th>");
            put_metric_name(p, m);
            v2s_page_put(p, "</th>");
        }
    v2s_page_put(p, "</tr></thead><tbody>\n");
    for (size_t i = 0; i < c->recording_count; i++)
        for (size_t k = 0; k < c->systems->count; k++) {
            const v2s_summary *s = &c->recordings[i];
            v2s_page_put(p, "<tr><th scope=\"row\">");
            v2s_page_text(p, s->group);
            v2s_file_out_printf(p->out, "</th><td>%zu</td><td>%.3f</td><td>", s->clips,
                                s->dipole_gain);
            v2s_page_text(p, c->systems->items[k].name);
            v2s_page_put(p, "</td>");
            for (int m = 0; m < V2S_METRIC_COUNT; m++)
                if (shows(c, m)) {
                    v2s_page_put(p, "<td>");
                    v2s_page_number(p, v2s_summary_system(c, s, k, m).mean, v2s_metrics[m].decimals,
                                    false);
                    v2s_page_put(p, "</td>");
                }
            v2s_page_put(p, "</tr>\n");
        }
    v2s_page_put(p, "</tbody></table></div>\n</section>\n");
}

// ---- intervals --------------------------------------------------------------------------------

static double at_axis(const v2s_axis *axis, double value) {
    return LEFT + PLOT * (1000 - v2s_axis_mille(axis, value)) / 1000;
}

// Mono is off the scale of the others in most metrics and would squeeze them: it is drawn only
// where it lies within three times their range.
static bool is_drawn(const v2s_comparison *c, const v2s_summary *s, size_t k, int m, double hi) {
    v2s_interval i = v2s_summary_system(c, s, k, m);
    return isfinite(i.mean) && (c->systems->items[k].kind != V2S_SYSTEM_MONO || i.mean <= 3 * hi);
}

static void put_bar(v2s_page *p, const v2s_axis *axis, const v2s_system *system,
                    const v2s_interval *i, double y) {
    int k = (int)system->kind;
    v2s_file_out_printf(p->out, "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">", LEFT - 12, y + 7);
    v2s_page_text(p, system->name);
    v2s_page_put(p, "</text>");
    if (isfinite(i->lo))
        v2s_file_out_printf(p->out,
                            "<line class=\"ci k%d\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" "
                            "y2=\"%.0f\" opacity=\"0.5\"/>",
                            k, at_axis(axis, i->lo), at_axis(axis, i->hi), y, y);
    v2s_file_out_printf(p->out, "<circle class=\"k%d\" cx=\"%.1f\" cy=\"%.0f\" r=\"7\"/>\n", k,
                        at_axis(axis, i->mean), y);
}

static double top_of(const v2s_interval *i) {
    return fmax(i->mean, i->hi);
}

static void put_axis(v2s_page *p, const v2s_axis *axis, int rows, int height) {
    for (int i = 0; i < axis->count; i++) {
        double x = at_axis(axis, axis->ticks[i]);
        v2s_file_out_printf(p->out,
                            "<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"4\" y2=\"%d\"/>"
                            "<text class=\"soft\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.*f"
                            "</text>\n",
                            x, x, rows * ROW + 10, x, height - 8, axis->decimals, axis->ticks[i]);
    }
}

static void put_intervals(v2s_page *p, const v2s_comparison *c, const v2s_summary *s, int m) {
    double hi = 0;
    int rows = 0;
    for (size_t k = 0; k < c->systems->count; k++) {
        v2s_interval i = v2s_summary_system(c, s, k, m);
        if (c->systems->items[k].kind != V2S_SYSTEM_MONO && isfinite(i.mean))
            hi = fmax(hi, top_of(&i));
    }
    double top = hi;
    for (size_t k = 0; k < c->systems->count; k++)
        if (is_drawn(c, s, k, m, hi)) {
            v2s_interval i = v2s_summary_system(c, s, k, m);
            rows++;
            top = fmax(top, top_of(&i));
        }
    v2s_axis axis = v2s_axis_of_values(0, top, 1e-6, fmin(0, -1e-9), 1e12);
    int height = rows * ROW + 46;
    v2s_page_put(p, "<figure class=\"card\"><h3>");
    put_metric_name(p, m);
    v2s_file_out_printf(p->out, "</h3><svg viewBox=\"0 0 %d %d\" role=\"img\">\n", WIDTH, height);
    put_axis(p, &axis, rows, height);
    int row = 0;
    for (size_t k = 0; k < c->systems->count; k++)
        if (is_drawn(c, s, k, m, hi)) {
            v2s_interval i = v2s_summary_system(c, s, k, m);
            put_bar(p, &axis, &c->systems->items[k], &i, 22.0 + ROW * row++);
        }
    v2s_page_put(p, "</svg></figure>\n");
}

// ---- clips ------------------------------------------------------------------------------------

static bool is_judged(const v2s_comparison *c, const v2s_clip_result *r, int m) {
    return r->fate == V2S_FATE_JUDGED && isfinite(score_of(c, r, V2S_SYSTEM_REFINED, m)) &&
           isfinite(score_of(c, r, V2S_SYSTEM_GEOMETRIC, m));
}

static void put_clip(v2s_page *p, const v2s_comparison *c, const v2s_clip_result *r, int m,
                     const v2s_axis *axis) {
    double x = score_of(c, r, V2S_SYSTEM_GEOMETRIC, m), y = score_of(c, r, V2S_SYSTEM_REFINED, m);
    v2s_file_out_printf(p->out, "<circle class=\"clip%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"6\"><title>",
                        v2s_clip_is_dry(r->clip) ? " dry" : "",
                        70 + 0.55 * (1000 - v2s_axis_mille(axis, x)),
                        10 + 0.55 * v2s_axis_mille(axis, y));
    v2s_page_text(p, r->clip->id);
    v2s_file_out_printf(p->out, ": %.4g to %.4g</title></circle>\n", x, y);
}

static void put_scatter(v2s_page *p, const v2s_comparison *c, int m) {
    double top = 0;
    for (size_t i = 0; i < c->result_count; i++)
        if (is_judged(c, &c->results[i], m))
            top = fmax(top, fmax(score_of(c, &c->results[i], V2S_SYSTEM_REFINED, m),
                                 score_of(c, &c->results[i], V2S_SYSTEM_GEOMETRIC, m)));
    v2s_axis axis = v2s_axis_of_values(0, top, 1e-6, fmin(0, -1e-9), 1e12);
    v2s_page_put(p, "<figure class=\"card\"><h3>");
    put_metric_name(p, m);
    v2s_page_put(p, "</h3><svg viewBox=\"0 0 640 620\" role=\"img\">\n");
    for (int i = 0; i < axis.count; i++) {
        double at = 0.55 * (1000 - v2s_axis_mille(&axis, axis.ticks[i]));
        v2s_file_out_printf(p->out,
                            "<path class=\"axis\" d=\"M%.1f 10v550M70 %.1fh550\"/>"
                            "<text class=\"soft\" x=\"%.1f\" y=\"585\" text-anchor=\"middle\">%.*f"
                            "</text><text class=\"soft\" x=\"62\" y=\"%.1f\" text-anchor=\"end\">"
                            "%.*f</text>\n",
                            70 + at, 560 - at, 70 + at, axis.decimals, axis.ticks[i], 567 - at,
                            axis.decimals, axis.ticks[i]);
    }
    v2s_page_put(p, "<path class=\"zero\" d=\"M70 560L620 10\"/>\n");
    for (size_t i = 0; i < c->result_count; i++)
        if (is_judged(c, &c->results[i], m))
            put_clip(p, c, &c->results[i], m, &axis);
    v2s_page_put(p, "<text class=\"soft\" x=\"345\" y=\"612\" text-anchor=\"middle\">geometric"
                    "</text><text class=\"soft\" x=\"18\" y=\"285\" text-anchor=\"middle\" "
                    "transform=\"rotate(-90 18 285)\">refined</text></svg></figure>\n");
}

static void put_pictures(v2s_page *p, const v2s_comparison *c) {
    v2s_page_put(p, "<section><h2>Means and intervals</h2>\n<p>Mono is left out where it would "
                    "squeeze the others.</p>\n<div class=\"grid\">\n");
    for (int m = 0; m < V2S_METRIC_COUNT; m++)
        if (shows(c, m))
            put_intervals(p, c, &c->groups[0], m);
    v2s_page_put(p, "</div>\n</section>\n");
    if (!has_refiner(c))
        return;
    v2s_page_put(p, "<section><h2>Clips one by one</h2>\n<p>Each point is a clip; below the line "
                    "its refined number is the smaller one. Dry and outdoor clips have the second "
                    "colour.</p>\n<div class=\"grid\">\n");
    for (int m = 0; m < V2S_METRIC_COUNT; m++)
        if (shows(c, m))
            put_scatter(p, c, m);
    v2s_page_put(p, "</div>\n</section>\n");
}

// ---- worst clips ------------------------------------------------------------------------------

typedef struct ranked {
    const v2s_clip_result *clip;
    double loss;
} ranked;

static int by_loss(const void *a, const void *b) {
    double x = ((const ranked *)a)->loss, y = ((const ranked *)b)->loss;
    return (x < y) - (x > y);
}

// What the refiner loses against geometry (without one: what geometry misses) in diffuseness, level
// and spectrum, each in units of geometry's mean.
static double loss_of(const v2s_comparison *c, const v2s_clip_result *r) {
    static const int decisive[] = {V2S_METRIC_DIFFUSENESS, V2S_METRIC_LEVEL, V2S_METRIC_LSD};
    double loss = 0;
    for (int i = 0; i < 3; i++) {
        int m = decisive[i];
        size_t geometric = (size_t)v2s_systems_find(c->systems, V2S_SYSTEM_GEOMETRIC);
        double mean = v2s_summary_system(c, &c->groups[0], geometric, m).mean;
        double own = v2s_clip_score(c, r, geometric, m);
        if (has_refiner(c))
            own = score_of(c, r, V2S_SYSTEM_REFINED, m) - own;
        if (shows(c, m) && mean > 0)
            loss += own / mean;
    }
    return loss;
}

static void put_worst_row(v2s_page *p, const v2s_comparison *c, const v2s_clip_result *r) {
    v2s_page_put(p, "<tr><th scope=\"row\">");
    v2s_page_text(p, r->clip->id);
    v2s_page_put(p, "</th><td>");
    v2s_page_text(p, v2s_clip_cluster(r->clip));
    v2s_page_put(p, "</td>");
    for (int m = 0; m < V2S_METRIC_COUNT; m++) {
        if (!shows(c, m))
            continue;
        v2s_page_put(p, "<td>");
        v2s_page_number(p, score_of(c, r, V2S_SYSTEM_GEOMETRIC, m), v2s_metrics[m].decimals, false);
        if (has_refiner(c)) {
            v2s_page_put(p, " → ");
            v2s_page_number(p, score_of(c, r, V2S_SYSTEM_REFINED, m), v2s_metrics[m].decimals,
                            false);
        }
        v2s_page_put(p, "</td>");
    }
    v2s_page_put(p, "</tr>\n");
}

static v2s_status put_worst(v2s_page *p, const v2s_comparison *c) {
    ranked *list = calloc(c->result_count + 1, sizeof *list);
    size_t count = 0;
    if (list == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < c->result_count; i++)
        if (c->results[i].fate == V2S_FATE_JUDGED)
            list[count++] = (ranked){&c->results[i], loss_of(c, &c->results[i])};
    qsort(list, count, sizeof *list, by_loss);
    v2s_page_put(p, has_refiner(c)
                        ? "<section><h2>Worst clips</h2>\n<p>Where the refiner loses most against "
                          "geometry in diffuseness, level and spectrum: geometric → refined.</p>\n"
                        : "<section><h2>Worst clips</h2>\n<p>Where geometry is farthest from the "
                          "truth in diffuseness, level and spectrum.</p>\n");
    v2s_page_put(p, "<div class=\"wide\"><table class=\"scores\"><thead><tr><th>Clip</th>"
                    "<th>room or source</th>");
    for (int m = 0; m < V2S_METRIC_COUNT; m++)
        if (shows(c, m)) {
            v2s_page_put(p, "<th>");
            put_metric_name(p, m);
            v2s_page_put(p, "</th>");
        }
    v2s_page_put(p, "</tr></thead><tbody>\n");
    for (size_t i = 0; i < count && i < WORST_CLIPS; i++)
        put_worst_row(p, c, list[i].clip);
    v2s_page_put(p, "</tbody></table></div>\n</section>\n");
    free(list);
    return V2S_OK;
}

// -----------------------------------------------------------------------------------------------

static v2s_status put_page(v2s_page *p, const char *command, const v2s_comparison *c,
                           const v2s_run_log *log) {
    v2s_page_head(p, "Refined against geometric", STYLE,
                  has_refiner(c) ? "Refined against geometric" : "Geometric against the truth",
                  command);
    v2s_page_log(p, log);
    put_scores(p, c, &c->groups[0], "All clips");
    if (c->group_count == 3) {
        put_scores(p, c, &c->groups[1], "Dry and outdoor clips");
        put_scores(p, c, &c->groups[2], "Reverberant clips");
    }
    put_recordings(p, c);
    put_pictures(p, c);
    V2S_TRY(put_worst(p, c));
    v2s_page_foot(p);
    return v2s_file_out_status(p->out);
}

v2s_status v2s_comparison_page(const char *path, const char *command,
                               const v2s_comparison *comparison, const v2s_run_log *log) {
    v2s_page page = {0};
    V2S_TRY(v2s_file_out_open(path, &page.out));
    v2s_status status = put_page(&page, command, comparison, log);
    if (status == V2S_OK)
        status = v2s_file_out_commit(page.out);
    v2s_file_out_close(&page.out);
    return status;
}
