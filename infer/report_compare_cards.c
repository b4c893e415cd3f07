// SPDX-License-Identifier: MIT
// A card for each metric: the verdict in a sentence, the systems' intervals as bars, and how the
// difference (without a refiner: the score of the geometric path) is distributed over the clips.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/report_compare.h"
#include "kernels/base/array.h"

enum { ROW = 34, WIDTH = 640, LETTER = 11, NAME_MAX_LETTERS = 24 };
enum { BINS = 24, CHART_LEFT = 60, CHART_TOP = 12, CHART_W = 550, CHART_H = 130 };

// ---- the sentence -----------------------------------------------------------------------------

// The contrast of refined and geometric, else the first one; -1: there is none.
static int main_contrast(const v2s_comparison *c) {
    const v2s_systems *all = c->systems;
    for (size_t k = 0; k < all->contrast_count; k++)
        if (all->items[all->contrasts[k].first].kind == V2S_SYSTEM_REFINED &&
            all->items[all->contrasts[k].second].kind == V2S_SYSTEM_GEOMETRIC)
            return (int)k;
    return all->contrast_count > 0 ? 0 : -1;
}

// Whether any system has a number.
static bool is_known(const v2s_comparison *c, int m) {
    for (size_t k = 0; k < c->systems->count; k++)
        if (isfinite(v2s_summary_system(c, &c->groups[0], k, m).mean))
            return true;
    return false;
}

static void put_sentence(v2s_page *p, const v2s_comparison *c, int contrast, int m) {
    static const char *const words[] = {"<b class=\"worse\">worse than</b> ",
                                        "<b class=\"same\">not different from</b> ",
                                        "<b class=\"better\">better than</b> "};
    const v2s_metric *metric = &v2s_metrics[m];
    const v2s_contrast *k = &c->systems->contrasts[contrast];
    v2s_difference d = v2s_summary_difference(c, &c->groups[0], (size_t)contrast, m);
    v2s_page_put(p, "<p>");
    v2s_page_text(p, c->systems->items[k->first].name);
    v2s_page_put(p, " is ");
    if (isfinite(d.interval.lo))
        v2s_page_put(p, words[v2s_verdict((v2s_metric_id)m, &d) + 1]);
    else
        v2s_page_put(p, "judged on too few clusters to tell it from ");
    v2s_page_text(p, c->systems->items[k->second].name);
    v2s_page_put(p, ": ");
    v2s_page_interval(p, &d.interval, metric->decimals + 1, true);
    v2s_page_put(p, metric->unit[0] != '\0' ? " " : "");
    v2s_page_text(p, metric->unit);
    v2s_page_put(p, ", better in ");
    v2s_page_number(p, 100 * d.win_rate, 0, false);
    v2s_page_put(p, " % of the clips.</p>\n");
}

// ---- intervals --------------------------------------------------------------------------------

// The axis and where it begins: beside the longest name.
typedef struct bars {
    v2s_axis axis;
    int left;
} bars;

static double at_axis(const bars *b, double value) {
    return b->left + (WIDTH - b->left - 30) * (1000 - v2s_axis_mille(&b->axis, value)) / 1000;
}

// The beginning of a name that is too long.
static void put_short_name(v2s_page *p, const char *name) {
    char text[V2S_SYSTEM_NAME_MAX];
    size_t cut = NAME_MAX_LETTERS;
    snprintf(text, sizeof text, "%s", name);
    if (strlen(text) > cut) {
        while (cut > 0 && ((unsigned char)text[cut] & 0xC0) == 0x80) // not inside a character
            cut--;
        text[cut] = '\0';
    }
    v2s_page_text(p, text);
    v2s_page_put(p, strlen(name) > strlen(text) ? "…" : "");
}

static double end_of(const v2s_interval *i, int sign) {
    double end = sign < 0 ? i->lo : i->hi;
    return isfinite(end) ? end : i->mean;
}

// What the axis of a metric spans: all systems, 0 where nothing is negative, but mono, which is off
// the scale of the others in most metrics, only where it is within three times their range.
typedef struct span {
    double lo, hi;
    bool drawn[V2S_SYSTEMS_MAX];
    int rows, letters; // of the longest name
} span;

static void widen(span *s, const v2s_interval *i) {
    s->lo = fmin(s->lo, end_of(i, -1));
    s->hi = fmax(s->hi, end_of(i, 1));
}

static span find_span(const v2s_comparison *c, int m) {
    span s = {0};
    for (int mono = 0; mono < 2; mono++)
        for (size_t k = 0; k < c->systems->count; k++) {
            v2s_interval i = v2s_summary_system(c, &c->groups[0], k, m);
            bool is_mono = c->systems->items[k].kind == V2S_SYSTEM_MONO;
            if (is_mono != (mono == 1) || !isfinite(i.mean))
                continue;
            double room = 3 * fmax(s.hi, -s.lo);
            s.drawn[k] = !is_mono || fabs(i.mean) <= room;
            s.rows += s.drawn[k];
            int letters = (int)strlen(c->systems->items[k].name);
            if (s.drawn[k] && letters > s.letters)
                s.letters = letters;
            if (s.drawn[k])
                widen(&s, &i);
        }
    return s;
}

static void put_bar(v2s_page *p, const bars *axis, const v2s_system *system, const v2s_interval *i,
                    double y) {
    v2s_file_out_printf(p->out, "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">", axis->left - 12,
                        y + 7);
    put_short_name(p, system->name);
    v2s_page_put(p, "</text>");
    if (isfinite(i->lo))
        v2s_file_out_printf(p->out,
                            "<line class=\"ci k%d\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" "
                            "y2=\"%.0f\" opacity=\"0.5\"/>",
                            (int)system->kind, at_axis(axis, i->lo), at_axis(axis, i->hi), y, y);
    v2s_file_out_printf(p->out, "<circle class=\"k%d\" cx=\"%.1f\" cy=\"%.0f\" r=\"7\"/>\n",
                        (int)system->kind, at_axis(axis, i->mean), y);
}

static void put_axis(v2s_page *p, const bars *b, int rows, int height) {
    const v2s_axis *axis = &b->axis;
    for (int i = 0; i < axis->count; i++) {
        double x = at_axis(b, axis->ticks[i]);
        v2s_file_out_printf(p->out,
                            "<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"4\" y2=\"%d\"/>"
                            "<text class=\"soft\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">",
                            x, x, rows * ROW + 10, x, height - 8);
        v2s_page_number(p, axis->ticks[i], axis->decimals, false);
        v2s_page_put(p, "</text>\n");
    }
}

// What a screen reader says instead of the picture.
static void put_bars_label(v2s_page *p, const v2s_comparison *c, int m) {
    v2s_page_text(p, v2s_metrics[m].name);
    v2s_page_put(p, ", mean and 95 % interval.");
    for (size_t k = 0; k < c->systems->count; k++) {
        v2s_interval i = v2s_summary_system(c, &c->groups[0], k, m);
        v2s_page_put(p, " ");
        v2s_page_text(p, c->systems->items[k].name);
        v2s_page_put(p, ": ");
        v2s_page_interval(p, &i, v2s_metrics[m].decimals, false);
        v2s_page_put(p, ".");
    }
}

static void put_bars(v2s_page *p, const v2s_comparison *c, int m) {
    span s = find_span(c, m);
    int letters = s.letters < NAME_MAX_LETTERS ? s.letters : NAME_MAX_LETTERS + 1;
    bars axis = {v2s_axis_of_values(s.lo, s.hi, 1e-6, s.lo < 0 ? -1e12 : -1e-9, 1e12),
                 letters > 10 ? letters * LETTER + 24 : 10 * LETTER + 24};
    int height = s.rows * ROW + 46, row = 0;
    v2s_file_out_printf(p->out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH,
                        height);
    put_bars_label(p, c, m);
    v2s_page_put(p, "\">\n");
    put_axis(p, &axis, s.rows, height);
    for (size_t k = 0; k < c->systems->count; k++) {
        v2s_interval i = v2s_summary_system(c, &c->groups[0], k, m);
        if (s.drawn[k])
            put_bar(p, &axis, &c->systems->items[k], &i, 22.0 + ROW * row++);
    }
    v2s_page_put(p, "</svg>\n");
}

// ---- distribution -----------------------------------------------------------------------------

// Bins of one width with an edge at 0: bin i covers [i + first, i + first + 1) widths.
typedef struct bins {
    double width;
    int first, count;
    size_t in[BINS + 3], most;
    size_t clips, equal; // that have a value; that differ by nothing (in no bin)
    double median;
} bins;

static double value_of(const v2s_comparison *c, const v2s_clip_result *r, int contrast, int m) {
    if (r->fate != V2S_FATE_JUDGED)
        return NAN;
    if (contrast < 0)
        return v2s_page_score(c, r, V2S_SYSTEM_GEOMETRIC, m);
    const v2s_contrast *k = &c->systems->contrasts[contrast];
    return v2s_clip_score(c, r, k->first, m) - v2s_clip_score(c, r, k->second, m);
}

// `values` has room for all clips.
static bins count_bins(const v2s_comparison *c, int contrast, int m, double *values) {
    bins b = {.median = NAN};
    double lo = 0, hi = 0;
    for (size_t i = 0; i < c->result_count; i++) {
        double v = value_of(c, &c->results[i], contrast, m);
        if (isfinite(v))
            values[b.clips++] = v;
    }
    qsort(values, b.clips, sizeof *values, v2s_compare_doubles);
    if (b.clips > 0) {
        b.median = v2s_median_sorted(values, b.clips);
        lo = fmin(0, values[0]);
        hi = fmax(0, values[b.clips - 1]);
    }
    b.width = (hi - lo) / BINS;
    if (!(b.width > 0))
        b.width = 1;
    b.first = (int)floor(lo / b.width);
    b.count = (int)floor(hi / b.width) - b.first + 1;
    for (size_t i = 0; i < b.clips; i++) {
        if (contrast >= 0 && values[i] == 0) {
            b.equal++;
            continue;
        }
        int bin = (int)floor(values[i] / b.width) - b.first;
        b.in[bin]++;
        b.most = b.in[bin] > b.most ? b.in[bin] : b.most;
    }
    return b;
}

static double chart_x(const bins *b, double value) {
    return CHART_LEFT + CHART_W * (value / b->width - b->first) / b->count;
}

static void put_columns(v2s_page *p, const bins *b, int contrast, int m) {
    double step = (double)CHART_W / b->count;
    for (int i = 0; i < b->count; i++) {
        double height = CHART_H * (double)b->in[i] / (double)(b->most > 0 ? b->most : 1);
        bool better = (b->first + i < 0) != v2s_metrics[m].higher_is_better;
        if (b->in[i] == 0)
            continue;
        v2s_file_out_printf(p->out,
                            "<rect class=\"bin %s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                            "height=\"%.1f\"><title>%zu clips from %.4g to %.4g</title></rect>\n",
                            contrast < 0 ? "plain"
                            : better     ? "good"
                                         : "bad",
                            CHART_LEFT + step * i + 0.5, CHART_TOP + CHART_H - height, step - 1,
                            height, b->in[i], (b->first + i) * b->width,
                            (b->first + i + 1) * b->width);
    }
}

static void put_chart_axis(v2s_page *p, const bins *b, bool sign) {
    v2s_axis axis = v2s_axis_of_values(b->first * b->width, (b->first + b->count) * b->width, 1e-12,
                                       -1e12, 1e12);
    for (int i = 0; i < axis.count; i++) {
        double x = chart_x(b, axis.ticks[i]);
        if (x < CHART_LEFT - 0.5 || x > CHART_LEFT + CHART_W + 0.5)
            continue;
        v2s_file_out_printf(p->out,
                            "<text class=\"soft\" x=\"%.1f\" y=\"%d\" "
                            "text-anchor=\"middle\">",
                            x, CHART_TOP + CHART_H + 24);
        v2s_page_number(p, axis.ticks[i], axis.decimals, sign);
        v2s_page_put(p, "</text>");
    }
    v2s_file_out_printf(p->out,
                        "<path class=\"zero\" d=\"M%d %dh%dM%.1f %dv%d\"/><text class=\"soft\" "
                        "x=\"%d\" y=\"%d\" text-anchor=\"end\">%zu</text><text class=\"soft\" "
                        "x=\"%d\" y=\"%d\" text-anchor=\"end\">0</text>\n",
                        CHART_LEFT, CHART_TOP + CHART_H, CHART_W, chart_x(b, 0), CHART_TOP - 6,
                        CHART_H + 6, CHART_LEFT - 8, CHART_TOP + 12, b->most, CHART_LEFT - 8,
                        CHART_TOP + CHART_H);
}

static void put_distribution_text(v2s_page *p, const v2s_comparison *c, const bins *b, int contrast,
                                  int m) {
    const v2s_systems *all = c->systems;
    if (contrast >= 0) {
        v2s_page_text(p, all->items[all->contrasts[contrast].first].name);
        v2s_page_put(p, " minus ");
        v2s_page_text(p, all->items[all->contrasts[contrast].second].name);
    } else {
        v2s_page_put(p, "geometric");
    }
    v2s_file_out_printf(p->out, ", clip by clip: %zu clips, median ", b->clips);
    v2s_page_number(p, b->median, v2s_metrics[m].decimals + 1, contrast >= 0);
    v2s_page_put(p, " (dashed)");
    if (b->equal > 0)
        v2s_file_out_printf(p->out, "; %zu do not differ", b->equal);
}

static void put_distribution(v2s_page *p, const v2s_comparison *c, int contrast, int m,
                             double *values) {
    bins b = count_bins(c, contrast, m, values);
    v2s_file_out_printf(p->out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH,
                        CHART_TOP + CHART_H + 34);
    put_distribution_text(p, c, &b, contrast, m);
    v2s_page_put(p, "\">\n");
    put_columns(p, &b, contrast, m);
    put_chart_axis(p, &b, contrast >= 0);
    if (isfinite(b.median))
        v2s_file_out_printf(p->out, "<path class=\"median\" d=\"M%.1f %dv%d\"/>\n",
                            chart_x(&b, b.median), CHART_TOP - 6, CHART_H + 6);
    v2s_page_put(p, "</svg>\n<figcaption>");
    put_distribution_text(p, c, &b, contrast, m);
    v2s_page_put(p, ".</figcaption>\n");
}

v2s_status v2s_page_cards(v2s_page *p, const v2s_comparison *c) {
    int contrast = main_contrast(c);
    double *values = malloc((c->result_count + 1) * sizeof *values);
    if (values == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_page_put(p, "<section><h2>Metric by metric</h2>\n<p>Dots are means over all clips, bars "
                    "their 95 % intervals; mono is left out where it would squeeze the others. "
                    "Below them how many clips have which ");
    v2s_page_put(p, contrast >= 0 ? "difference: green is better.</p>\n" : "score.</p>\n");
    v2s_page_put(p, "<div class=\"grid\">\n");
    for (int m = 0; m < V2S_METRIC_COUNT; m++) {
        if (!v2s_page_shows(c, m) || !is_known(c, m))
            continue;
        v2s_page_put(p, "<figure class=\"card\"><h3>");
        v2s_page_metric_name(p, &v2s_metrics[m]);
        v2s_page_put(p, "</h3>\n");
        if (contrast >= 0)
            put_sentence(p, c, contrast, m);
        put_bars(p, c, m);
        put_distribution(p, c, contrast, m, values);
        v2s_page_put(p, "</figure>\n");
    }
    free(values);
    v2s_page_put(p, "</div>\n</section>\n");
    return V2S_OK;
}
