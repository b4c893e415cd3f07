// SPDX-License-Identifier: MIT
// Tables, intervals and the distribution of the error on the page of a data set.
#include <math.h>
#include <stdlib.h>

#include "infer/report_depth.h"

enum { ROW = 34, LEFT = 190, WIDTH = 640, PLOT = WIDTH - LEFT - 30 };
enum { BINS = 24, CHART_LEFT = 60, CHART_TOP = 10, CHART_W = 560, CHART_H = 220 };

static const int drawn[] = {0, 1, 4}; // mae, rmse, delta1

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

static void put_metric(v2s_page *p, int m) {
    const v2s_depth_metric *metric = &v2s_depth_metrics[m];
    v2s_file_out_printf(p->out, "<tr><th scope=\"row\">%s%s%s<small>%s%s</small></th>",
                        metric->name, metric->unit[0] != '\0' ? ", " : "", metric->unit,
                        metric->meaning, metric->higher_is_better ? "; more is better" : "");
}

// ---- tables -----------------------------------------------------------------------------------

static void put_systems(v2s_page *p, const v2s_depth_summary *s) {
    v2s_page_put(p, "<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"Means\">"
                    "<table class=\"scores\"><thead><tr><th>M7</th>");
    for (size_t k = 0; k < s->systems; k++)
        if (v2s_depth_pass_has(s->pass, k)) {
            v2s_page_put(p, "<th>");
            v2s_page_text(p, v2s_depth_pass_name(s->pass, k));
            v2s_page_put(p, "</th>");
        }
    v2s_page_put(p, "</tr></thead><tbody>\n");
    for (int m = 0; m < V2S_DEPTH_METRICS; m++) {
        put_metric(p, m);
        for (size_t k = 0; k < s->systems; k++)
            if (v2s_depth_pass_has(s->pass, k)) {
                v2s_page_put(p, "<td>");
                put_interval(p, &s->system[k][m], v2s_depth_metrics[m].decimals, false);
                v2s_page_put(p, "</td>");
            }
        v2s_page_put(p, "</tr>\n");
    }
    v2s_page_put(p, "</tbody></table></div>\n");
}

static void put_verdict(v2s_page *p, int m, const v2s_depth_versus *v) {
    static const char *const words[] = {"<td class=\"verdict worse\">worse",
                                        "<td class=\"verdict same\">not different",
                                        "<td class=\"verdict better\">better"};
    bool known = false;
    int verdict = v2s_depth_verdict(m, v, &known);
    v2s_page_put(p, known ? words[verdict + 1] : "<td class=\"verdict same\">too few locations");
    v2s_page_put(p, "</td></tr>\n");
}

static void put_versus(v2s_page *p, const v2s_depth_summary *s, size_t k) {
    v2s_page_put(p, "<h3 class=\"part\">Against ");
    v2s_page_text(p, v2s_depth_pass_name(s->pass, k));
    v2s_page_put(p, "</h3>\n<div class=\"wide\" tabindex=\"0\" role=\"group\" "
                    "aria-label=\"Differences\"><table class=\"scores\"><thead><tr><th>M7</th>"
                    "<th>model less this</th><th>better in</th><th>the model is</th></tr></thead>"
                    "<tbody>\n");
    for (int m = 0; m < V2S_DEPTH_METRICS; m++) {
        const v2s_depth_versus *v = &s->versus[k][m];
        put_metric(p, m);
        v2s_page_put(p, "<td>");
        put_interval(p, &v->interval, v2s_depth_metrics[m].decimals, true);
        v2s_page_put(p, "</td><td>");
        v2s_page_number(p, 100 * v->win_rate, 0, false);
        v2s_page_put(p, " %</td>");
        put_verdict(p, m, v);
    }
    v2s_page_put(p, "</tbody></table></div>\n");
}

void v2s_depth_put_tables(v2s_page *p, const v2s_depth_page *page) {
    const v2s_depth_summary *s = page->summary;
    v2s_file_out_printf(p->out,
                        "<section><h2>Means over pictures</h2>\n<p>%zu samples from %zu %s. Means, "
                        "95 %% intervals (%d draws, seed %llu) and paired intervals of the "
                        "difference; an interval without 0 decides.</p>\n",
                        s->clips, s->locations,
                        page->source->kind == V2S_DEPTH_SET ? "locations" : "sounds", s->draws,
                        (unsigned long long)s->seed);
    put_systems(p, s);
    for (size_t k = 1; k < s->systems; k++)
        if (v2s_depth_pass_has(s->pass, k))
            put_versus(p, s, k);
    v2s_page_put(p, "</section>\n");
}

// ---- intervals --------------------------------------------------------------------------------

static double at_axis(const v2s_axis *axis, double value) {
    return LEFT + PLOT * (1000 - v2s_axis_mille(axis, value)) / 1000;
}

static void put_bar(v2s_page *p, const v2s_axis *axis, const char *name, int colour,
                    const v2s_interval *i, double y) {
    v2s_file_out_printf(p->out, "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">", LEFT - 12, y + 7);
    v2s_page_text(p, name);
    v2s_page_put(p, "</text>");
    if (isfinite(i->lo))
        v2s_file_out_printf(p->out,
                            "<line class=\"ci k%d\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" "
                            "y2=\"%.0f\" opacity=\"0.5\"/>",
                            colour, at_axis(axis, i->lo), at_axis(axis, i->hi), y, y);
    v2s_file_out_printf(p->out, "<circle class=\"k%d\" cx=\"%.1f\" cy=\"%.0f\" r=\"7\"/>\n", colour,
                        at_axis(axis, i->mean), y);
}

static void put_bars(v2s_page *p, const v2s_depth_summary *s, int m) {
    double top = 0;
    int rows = 0;
    for (size_t k = 0; k < s->systems; k++)
        if (v2s_depth_pass_has(s->pass, k)) {
            rows++;
            top = fmax(top, fmax(s->system[k][m].mean, s->system[k][m].hi));
        }
    v2s_axis axis = v2s_axis_of_values(0, top, 1e-6, fmin(0, -1e-9), 1e12);
    const v2s_depth_metric *metric = &v2s_depth_metrics[m];
    v2s_file_out_printf(p->out,
                        "<figure class=\"card\"><h3>%s%s%s</h3><svg viewBox=\"0 0 %d %d\" "
                        "role=\"img\" aria-label=\"%s of all systems with 95 %% intervals\">\n",
                        metric->name, metric->unit[0] != '\0' ? ", " : "", metric->unit, WIDTH,
                        rows * ROW + 46, metric->name);
    for (int i = 0; i < axis.count; i++) {
        double x = at_axis(&axis, axis.ticks[i]);
        v2s_file_out_printf(p->out,
                            "<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"4\" y2=\"%d\"/>"
                            "<text class=\"soft\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.*f"
                            "</text>\n",
                            x, x, rows * ROW + 10, x, rows * ROW + 38, axis.decimals,
                            axis.ticks[i]);
    }
    int row = 0;
    for (size_t k = 0; k < s->systems; k++)
        if (v2s_depth_pass_has(s->pass, k))
            put_bar(p, &axis, v2s_depth_pass_name(s->pass, k), (int)(k % V2S_PAGE_COLOURS),
                    &s->system[k][m], 22.0 + ROW * row++);
    v2s_page_put(p, "</svg></figure>\n");
}

void v2s_depth_put_intervals(v2s_page *p, const v2s_depth_page *page) {
    v2s_page_put(p, "<section><h2>Means and intervals</h2>\n<div class=\"grid\">\n");
    for (size_t i = 0; i < sizeof drawn / sizeof drawn[0]; i++)
        put_bars(p, page->summary, drawn[i]);
    v2s_page_put(p, "</div>\n</section>\n");
}

// ---- distribution -----------------------------------------------------------------------------

typedef struct histogram {
    double top;
    size_t model[BINS], floor[BINS], most;
} histogram;

static void count_one(histogram *h, size_t *bins, double value) {
    if (!isfinite(value))
        return;
    int bin = (int)(value / h->top * BINS);
    size_t *count = &bins[bin < BINS ? bin : BINS - 1];
    (*count)++;
    h->most = *count > h->most ? *count : h->most;
}

static void fill_histogram(const v2s_depth_page *page, bool floor, histogram *h) {
    double top = 0;
    for (size_t i = 0; i < page->source->count; i++)
        if (page->results[i].has_truth) {
            const v2s_depth_result *r = &page->results[i];
            top = fmax(top, r->score[0][0]);
            top = floor ? fmax(top, r->score[V2S_DEPTH_MEAN_MAP][0]) : top;
        }
    h->top = v2s_axis_of_values(0, top, 1e-6, 0, 1e12).hi;
    for (size_t i = 0; i < page->source->count; i++)
        if (page->results[i].has_truth) {
            count_one(h, h->model, page->results[i].score[0][0]);
            if (floor)
                count_one(h, h->floor, page->results[i].score[V2S_DEPTH_MEAN_MAP][0]);
        }
}

static void put_bins(v2s_page *p, const histogram *h, bool floor) {
    double width = (double)CHART_W / BINS, unit = (double)CHART_H / (double)h->most;
    for (int i = 0; i < BINS; i++)
        v2s_file_out_printf(p->out,
                            "<rect class=\"bin\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                            "height=\"%.1f\"/>",
                            CHART_LEFT + i * width,
                            CHART_TOP + CHART_H - unit * (double)h->model[i], width - 1,
                            unit * (double)h->model[i]);
    if (!floor)
        return;
    v2s_file_out_printf(p->out, "<path class=\"floor\" d=\"M%d %d", CHART_LEFT,
                        CHART_TOP + CHART_H);
    for (int i = 0; i < BINS; i++)
        v2s_file_out_printf(p->out, "V%.1fH%.1f", CHART_TOP + CHART_H - unit * (double)h->floor[i],
                            CHART_LEFT + (i + 1) * width);
    v2s_file_out_printf(p->out, "V%d\"/>\n", CHART_TOP + CHART_H);
}

static void put_chart_axes(v2s_page *p, const histogram *h) {
    v2s_axis x = v2s_axis_of_values(0, h->top, 1e-6, 0, 1e12);
    for (int i = 0; i < x.count; i++) {
        double at = CHART_LEFT + CHART_W * x.ticks[i] / h->top;
        if (x.ticks[i] <= h->top)
            v2s_file_out_printf(p->out,
                                "<text class=\"soft\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">"
                                "%.*f</text>",
                                at, CHART_TOP + CHART_H + 24, x.decimals, x.ticks[i]);
    }
    v2s_file_out_printf(p->out,
                        "<text class=\"soft\" x=\"%d\" y=\"%d\" text-anchor=\"end\">%zu</text>"
                        "<text class=\"soft\" x=\"%d\" y=\"%d\" text-anchor=\"end\">0</text>"
                        "<text class=\"soft\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">L1 of a "
                        "sample, m</text><text class=\"soft\" x=\"16\" y=\"%d\" "
                        "text-anchor=\"middle\" transform=\"rotate(-90 16 %d)\">samples</text>"
                        "<path class=\"zero\" d=\"M%d %dh%d\"/>\n",
                        CHART_LEFT - 8, CHART_TOP + 14, h->most, CHART_LEFT - 8,
                        CHART_TOP + CHART_H, CHART_LEFT + CHART_W / 2, CHART_TOP + CHART_H + 48,
                        CHART_TOP + CHART_H / 2, CHART_TOP + CHART_H / 2, CHART_LEFT,
                        CHART_TOP + CHART_H, CHART_W);
}

v2s_status v2s_depth_put_distribution(v2s_page *p, const v2s_depth_page *page) {
    bool floor = v2s_depth_pass_has(page->pass, V2S_DEPTH_MEAN_MAP);
    histogram *h = calloc(1, sizeof *h);
    if (h == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    fill_histogram(page, floor, h);
    v2s_page_put(p, "<section><h2>Distribution of the error</h2>\n<ul class=\"legend\"><li><i "
                    "style=\"background:var(--c0)\"></i>model</li>");
    v2s_page_put(p, floor ? "<li><i style=\"background:var(--c1)\"></i>mean depth map</li></ul>\n"
                          : "</ul>\n");
    v2s_file_out_printf(p->out,
                        "<figure class=\"card chart\"><svg viewBox=\"0 0 640 %d\" role=\"img\" "
                        "aria-label=\"How many samples have which mean absolute error\">\n",
                        CHART_TOP + CHART_H + 62);
    put_bins(p, h, floor);
    put_chart_axes(p, h);
    v2s_page_put(p, "</svg></figure>\n</section>\n");
    free(h);
    return V2S_OK;
}
