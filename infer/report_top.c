// SPDX-License-Identifier: MIT
// The view from above: x (front) up, y (left) to the left, the listener in the centre.
#include <math.h>
#include <string.h>

#include "infer/report_internal.h"

enum {
    SIZE = 640,   // of the drawing, both ways
    RADIUS = 288, // of the outermost ring
    TIME_COLOURS = 24,
    NAME_WIDTH = 190, // of the longest name that is drawn
};

typedef struct v2s_view {
    v2s_page *page;
    double scale; // drawing units per metre
} v2s_view;

static double x_of(const v2s_view *view, double left_m) {
    return SIZE / 2.0 - view->scale * left_m;
}

static double y_of(const v2s_view *view, double front_m) {
    return SIZE / 2.0 - view->scale * front_m;
}

// Colours of time for light and dark pages: lightness stays away from that of the paper.
static void put_time_colours(v2s_page *page) {
    static const double lightness[2][2] = {{0.36, 0.72}, {0.55, 0.92}};
    v2s_page_put(page, "<style>\n");
    for (int dark = 0; dark < 2; dark++) {
        v2s_page_put(page, dark ? "@media screen and (prefers-color-scheme:dark){" : "");
        for (int i = 0; i < TIME_COLOURS; i++) {
            uint8_t rgb[3];
            v2s_colour_ramp(lightness[dark][0], lightness[dark][1], i / (TIME_COLOURS - 1.0), rgb);
            v2s_file_out_printf(page->out, ".t%d{--t:#%02x%02x%02x}", i, rgb[0], rgb[1], rgb[2]);
        }
        v2s_page_put(page, dark ? "}\n" : "\n");
    }
    v2s_page_put(page, "</style>\n");
}

static void put_rings(v2s_view *view, const v2s_axis *rings) {
    v2s_file_out *out = view->page->out;
    const double middle = SIZE / 2.0;
    for (int i = 0; i < rings->count; i++) {
        double r = view->scale * rings->ticks[i];
        if (r > 0.0)
            v2s_file_out_printf(out, "<circle class=\"grid\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"/>",
                                middle, middle, r);
    }
    for (int deg = 0; deg < 360; deg += 30) {
        double c = cos(deg * (V2S_PI / 180.0)), s = sin(deg * (V2S_PI / 180.0));
        v2s_file_out_printf(out, "<path class=\"%s\" d=\"M%.1f %.1fL%.1f %.1f\"/>",
                            deg % 90 ? "grid" : "zero", middle - 16.0 * s, middle - 16.0 * c,
                            middle - RADIUS * s, middle - RADIUS * c);
    }
    // The names of the rings stand on a spoke that few paths use: behind, to the right.
    for (int i = 0; i < rings->count; i++) {
        double r = view->scale * rings->ticks[i];
        if (r > 24.0)
            v2s_file_out_printf(out, "<text class=\"ring\" x=\"%.1f\" y=\"%.1f\">%.*f m</text>",
                                middle + r * 0.5, middle + r * 0.866 + 4.0, rings->decimals,
                                rings->ticks[i]);
    }
    v2s_file_out_printf(out,
                        "<text x=\"%.0f\" y=\"20\">front 0°</text>"
                        "<text class=\"at-left\" x=\"2\" y=\"%.0f\">left</text>"
                        "<text class=\"at-left\" x=\"2\" y=\"%.0f\">+90°</text>"
                        "<text class=\"at-right\" x=\"%d\" y=\"%.0f\">right</text>"
                        "<text class=\"at-right\" x=\"%d\" y=\"%.0f\">−90°</text>"
                        "<text x=\"%.0f\" y=\"%d\">behind 180°</text>\n",
                        middle, middle - 8.0, middle + 20.0, SIZE - 2, middle - 8.0, SIZE - 2,
                        middle + 20.0, middle, SIZE - 8);
    v2s_file_out_printf(out,
                        "<g class=\"listener\"><ellipse cx=\"%.0f\" cy=\"%.0f\" rx=\"14\" "
                        "ry=\"5\"/><circle cx=\"%.0f\" cy=\"%.0f\" r=\"10\"/><path d=\"M%.0f "
                        "%.0fl5 8h-10z\"/><title>listener</title></g>\n",
                        middle, middle, middle, middle, middle, middle - 17.0);
}

// One path per colour of time, and a broad one in the colour of the object below them.
static void put_path(v2s_view *view, const v2s_curves *c, size_t object, const size_t *picked,
                     size_t count) {
    v2s_page *page = view->page;
    int colour = -1;
    bool is_down = false;
    double x = 0.0, y = 0.0;
    v2s_page_put(page, "<path class=\"under ");
    v2s_page_object_class(page, object);
    v2s_page_put(page, "\" d=\"");
    for (int pass = 0; pass < 2; pass++) {
        is_down = false;
        for (size_t i = 0; i < count; i++) {
            double front = c->front_m[picked[i]], left = c->left_m[picked[i]];
            if (!isfinite(front) || !isfinite(left)) {
                is_down = false;
                continue;
            }
            int now =
                (int)(v2s_page_time_mille(page, c->time_s[picked[i]]) * TIME_COLOURS / 1000.1);
            if (pass == 1 && now != colour) {
                v2s_file_out_printf(page->out, "\"/><path class=\"when t%d\" d=\"", now);
                if (is_down)
                    v2s_file_out_printf(page->out, "M%.1f %.1f", x, y);
                colour = now;
            }
            x = x_of(view, left), y = y_of(view, front);
            v2s_file_out_printf(page->out, is_down ? "L%.1f %.1f" : "M%.1f %.1fh.01", x, y);
            is_down = true;
        }
    }
    v2s_page_put(page, "\"/>");
}

// The beginning of a name that is too long for a drawing.
static void put_short(v2s_page *page, char *name) {
    size_t length = strlen(name), cut = 20;
    if (length > cut) {
        while (cut > 0 && ((unsigned char)name[cut] & 0xC0) == 0x80) // not inside a character
            cut--;
        name[cut] = 0;
    }
    v2s_page_text(page, name);
    v2s_page_put(page, length > strlen(name) ? "…" : "");
}

static void put_ends(v2s_view *view, const v2s_curves *c, size_t object) {
    v2s_page *page = view->page;
    char name[96];
    size_t first = 0, last = c->count;
    while (first < c->count && !isfinite(c->front_m[first]))
        first++;
    while (last > first && !isfinite(c->front_m[last - 1]))
        last--;
    if (first == c->count)
        return;
    last--;
    v2s_page_object_name(page, object, name);
    double x = x_of(view, c->left_m[first]), y = y_of(view, c->front_m[first]);
    v2s_page_put(page, "<circle class=\"start ");
    v2s_page_object_class(page, object);
    v2s_file_out_printf(page->out, "\" cx=\"%.1f\" cy=\"%.1f\" r=\"8\"><title>start of ", x, y);
    v2s_page_text(page, name);
    v2s_page_put(page, "</title></circle>");
    // Near the border of the drawing a name stands towards the middle, else away from it.
    bool at_right = (x > SIZE / 2.0) != (fabs(x - SIZE / 2.0) > SIZE / 2.0 - NAME_WIDTH);
    v2s_file_out_printf(page->out, "<text class=\"name%s\" x=\"%.1f\" y=\"%.1f\">",
                        at_right ? "" : " at-right", x + (at_right ? 14.0 : -14.0),
                        y < SIZE / 2.0 ? y - 8.0 : y + 20.0);
    put_short(page, name);
    v2s_page_put(page, "</text>");
    v2s_page_object_name(page, object, name);
    x = x_of(view, c->left_m[last]), y = y_of(view, c->front_m[last]);
    v2s_page_put(page, "<rect class=\"end ");
    v2s_page_object_class(page, object);
    v2s_file_out_printf(page->out,
                        "\" x=\"%.1f\" y=\"%.1f\" width=\"14\" height=\"14\"><title>end of ",
                        x - 7.0, y - 7.0);
    v2s_page_text(page, name);
    v2s_page_put(page, "</title></rect><circle class=\"here ");
    v2s_page_object_class(page, object);
    v2s_file_out_printf(page->out, "\" data-here=\"%zu\" r=\"9\" cx=\"-99\" cy=\"-99\"/>", object);
}

static double farthest_m(const v2s_page *page, const v2s_curves *curves) {
    double far = 0.0;
    for (size_t i = 0; i < page->report->object_count; i++) {
        for (size_t k = 0; k < curves[i].count; k++) {
            double d = hypot(curves[i].front_m[k], curves[i].left_m[k]);
            far = isfinite(d) ? fmax(far, d) : far;
        }
    }
    return far > 0.0 ? fmax(far, 0.1) : 1.0;
}

static void put_key(v2s_page *page) {
    char start[V2S_PAGE_TIME_MAX], end[V2S_PAGE_TIME_MAX];
    v2s_page_time(start, page->start_s);
    v2s_page_time(end, page->end_s);
    v2s_file_out_printf(page->out,
                        "<figcaption><span><svg viewBox=\"0 0 20 20\" aria-hidden=\"true\">"
                        "<circle class=\"start\" cx=\"10\" cy=\"10\" r=\"7\"/></svg> start</span> "
                        "<span><svg viewBox=\"0 0 20 20\" aria-hidden=\"true\"><rect class=\"end\" "
                        "x=\"4\" y=\"4\" width=\"12\" height=\"12\"/></svg> end</span> "
                        "<span class=\"timekey\">%s <svg viewBox=\"0 0 %d 1\" "
                        "preserveAspectRatio=\"none\" aria-hidden=\"true\">",
                        start, TIME_COLOURS);
    for (int i = 0; i < TIME_COLOURS; i++)
        v2s_file_out_printf(page->out,
                            "<rect class=\"when t%d\" x=\"%d\" width=\"1.1\" height=\"1\"/>", i, i);
    v2s_file_out_printf(page->out, "</svg> %s</span></figcaption>", end);
}

void v2s_page_top_view(v2s_page *page, const v2s_curves *curves) {
    double far_m = farthest_m(page, curves);
    v2s_axis rings = v2s_axis_of_values(0.0, far_m, 0.1, 0.0, 1e12);
    v2s_view view = {.page = page, .scale = RADIUS / rings.hi};
    put_time_colours(page);
    v2s_file_out_printf(page->out,
                        "<section id=\"above\"><h2>From above</h2>\n<div class=\"pair\">"
                        "<figure class=\"top\"><svg viewBox=\"0 0 %d %d\" role=\"img\" "
                        "data-scale=\"%.6g\" aria-label=\"Paths seen from above: front is up, "
                        "left is left, the listener is in the centre; farthest point %.2f m.\">\n",
                        SIZE, SIZE, view.scale, far_m);
    put_rings(&view, &rings);
    for (size_t i = 0; i < page->report->object_count; i++) {
        const double *values[2] = {curves[i].front_m, curves[i].left_m};
        size_t picked[V2S_CURVE_MAX_POINTS];
        size_t count = v2s_curve_pick(values, 2, curves[i].count, picked);
        v2s_file_out_printf(page->out, "<g data-object=\"%zu\">", i);
        put_path(&view, &curves[i], i, picked, count);
        put_ends(&view, &curves[i], i);
        v2s_page_put(page, "</g>\n");
    }
    v2s_page_put(page, "</svg>");
    put_key(page);
    v2s_page_put(page, "</figure>\n");
    if (page->report->frame_count > 0)
        v2s_file_out_printf(page->out, "<figure class=\"stage script\" id=\"stage\"><img alt=\"\">"
                                       "<figcaption></figcaption></figure>\n");
    v2s_page_put(page, "</div>\n</section>\n");
}
