// SPDX-License-Identifier: MIT
// Clips one by one: refined over geometric. Every point says its clip's name where the pointer
// rests.
#include <math.h>

#include "infer/report_compare.h"

enum { CLIPS_MAX = 2000, SIDE = 550, LEFT = 70, TOP = 10 };

static double x_of(const v2s_comparison *c, const v2s_clip_result *r, int m) {
    return r->fate == V2S_FATE_JUDGED ? v2s_page_score(c, r, V2S_SYSTEM_GEOMETRIC, m) : NAN;
}

static double y_of(const v2s_comparison *c, const v2s_clip_result *r, int m) {
    return r->fate == V2S_FATE_JUDGED ? v2s_page_score(c, r, V2S_SYSTEM_REFINED, m) : NAN;
}

static void put_point(v2s_page *p, const v2s_clip_result *r, double x, double y,
                      const v2s_axis *axis) {
    v2s_file_out_printf(p->out, "<circle class=\"clip%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"6\"><title>",
                        v2s_clip_is_dry(r->clip) ? " dry" : "",
                        LEFT + SIDE * (1 - v2s_axis_mille(axis, x) / 1000),
                        TOP + SIDE * v2s_axis_mille(axis, y) / 1000);
    v2s_page_text(p, r->clip->id);
    v2s_file_out_printf(p->out, ": %.4g to %.4g</title></circle>\n", x, y);
}

static void put_axes(v2s_page *p, const v2s_axis *axis) {
    for (int i = 0; i < axis->count; i++) {
        double at = SIDE * (1 - v2s_axis_mille(axis, axis->ticks[i]) / 1000);
        v2s_file_out_printf(p->out,
                            "<path class=\"axis\" d=\"M%.1f %dv%dM%d %.1fh%d\"/>"
                            "<text class=\"soft\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.*f"
                            "</text><text class=\"soft\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">"
                            "%.*f</text>\n",
                            LEFT + at, TOP, SIDE, LEFT, TOP + SIDE - at, SIDE, LEFT + at,
                            TOP + SIDE + 25, axis->decimals, axis->ticks[i], LEFT - 8,
                            TOP + SIDE + 7 - at, axis->decimals, axis->ticks[i]);
    }
    v2s_file_out_printf(p->out, "<path class=\"zero\" d=\"M%d %dL%d %d\"/>\n", LEFT, TOP + SIDE,
                        LEFT + SIDE, TOP);
}

static void put_scatter(v2s_page *p, const v2s_comparison *c, int m) {
    double top = 0;
    for (size_t i = 0; i < c->result_count; i++) {
        double x = x_of(c, &c->results[i], m), y = y_of(c, &c->results[i], m);
        if (isfinite(x) && isfinite(y))
            top = fmax(top, fmax(x, y));
    }
    v2s_axis axis = v2s_axis_of_values(0, top, 1e-6, -1e-9, 1e12);
    v2s_page_put(p, "<figure class=\"card\"><h3>");
    v2s_page_metric_name(p, &v2s_metrics[m]);
    v2s_page_put(p, "</h3><svg viewBox=\"0 0 640 620\" role=\"img\" aria-label=\"Each clip's "
                    "refined score over its geometric one, ");
    v2s_page_text(p, v2s_metrics[m].name);
    v2s_page_put(p, "\">\n");
    put_axes(p, &axis);
    for (size_t i = 0; i < c->result_count; i++) {
        double x = x_of(c, &c->results[i], m), y = y_of(c, &c->results[i], m);
        if (isfinite(x) && isfinite(y))
            put_point(p, &c->results[i], x, y, &axis);
    }
    v2s_page_put(p, "<text class=\"soft\" x=\"345\" y=\"612\" text-anchor=\"middle\">geometric"
                    "</text><text class=\"soft\" x=\"18\" y=\"285\" text-anchor=\"middle\" "
                    "transform=\"rotate(-90 18 285)\">refined</text></svg></figure>\n");
}

void v2s_page_scatters(v2s_page *p, const v2s_comparison *c) {
    static const int deciding[] = {V2S_METRIC_DIFFUSENESS, V2S_METRIC_LEVEL, V2S_METRIC_LSD};
    bool any = false;
    for (int i = 0; i < 3; i++)
        any = any || v2s_page_shows(c, deciding[i]);
    if (!any || !v2s_page_has_refiner(c) || c->judged > CLIPS_MAX)
        return;
    v2s_page_put(p, "<section><h2>Clips one by one</h2>\n<p>Each point is a clip; below the line "
                    "its refined number is the smaller one. Dry and outdoor clips have the second "
                    "colour.</p>\n<div class=\"grid\">\n");
    for (int i = 0; i < 3; i++)
        if (v2s_page_shows(c, deciding[i]))
            put_scatter(p, c, deciding[i]);
    v2s_page_put(p, "</div>\n</section>\n");
}
