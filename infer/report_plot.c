// SPDX-License-Identifier: MIT
// Azimuth, elevation, distance and confidence over time, and what the tracker did.
#include <math.h>

#include "infer/report_internal.h"

// A plot: which arrays of the curves it draws and how it is read.
typedef struct v2s_plot {
    const char *key; // of the readings in the page's script
    const char *title, *unit;
    const char *suffix;                             // of the ticks
    size_t time_offset, value_offset, count_offset; // into v2s_curves
    double min_span, floor_value, ceiling;
    bool has_sign;         // positive ticks are written with +
    bool is_angle_of_turn; // may pass +-180
} v2s_plot;

#define TRAJECTORY_ARRAYS(member)                                                                  \
    offsetof(v2s_curves, time_s), offsetof(v2s_curves, member), offsetof(v2s_curves, count)

static const v2s_plot plots[] = {
    {"az", "Azimuth", "degrees: 0 front, left + (up), right − (down)", "°",
     TRAJECTORY_ARRAYS(azimuth_deg), 20.0, -180.0, 180.0, true, true},
    {"el", "Elevation", "degrees: 0 ear height, up +, down −", "°",
     TRAJECTORY_ARRAYS(elevation_deg), 20.0, -90.0, 90.0, true, false},
    {"dist", "Distance", "metres from the listener", " m", TRAJECTORY_ARRAYS(distance_m), 0.5, 0.0,
     1e12, false, false},
    {"conf", "Confidence", "0 (lost) to 1 (sure)", "", offsetof(v2s_curves, confidence_time_s),
     offsetof(v2s_curves, confidence), offsetof(v2s_curves, confidence_count), 1.0, 0.0, 1.0, false,
     false},
};
enum { PLOTS = sizeof plots / sizeof *plots };

static const double *array_of(const v2s_curves *c, size_t offset) {
    return *(double *const *)((const char *)c + offset);
}

static size_t count_of(const v2s_curves *c, const v2s_plot *plot) {
    return *(const size_t *)((const char *)c + plot->count_offset);
}

static double wrap_deg(double deg) {
    return deg - 360.0 * floor((deg + 180.0) / 360.0);
}

static v2s_axis axis_of(const v2s_page *page, const v2s_curves *curves, const v2s_plot *plot) {
    double lo = NAN, hi = NAN;
    bool wraps = false;
    for (size_t i = 0; i < page->report->object_count; i++) {
        double least, most;
        const double *values = array_of(&curves[i], plot->value_offset);
        if (!v2s_curve_range(values, count_of(&curves[i], plot), &least, &most))
            continue;
        if (plot->is_angle_of_turn) {
            double turn = least - wrap_deg(least);
            least -= turn;
            most -= turn;
            wraps = wraps || most > 180.0;
        }
        lo = fmin(least, lo); // fmin ignores what is not a number
        hi = fmax(most, hi);
    }
    // A distance that uses much of 0..hi is read more honestly with 0 on the axis.
    if (plot->ceiling > 1000.0 && lo < 0.6 * hi)
        lo = 0.0;
    if (wraps || (plot->is_angle_of_turn && hi - lo > 200.0))
        return v2s_axis_of_turn();
    return v2s_axis_of_values(lo, hi, plot->min_span, plot->floor_value, plot->ceiling);
}

// A curve on its way into an SVG path.
typedef struct v2s_pen {
    v2s_page *page;
    const v2s_axis *axis;
    bool is_down;
    double x, value; // where it is, value unwrapped
} v2s_pen;

static void pen_to(v2s_pen *pen, char command, double x, double value) {
    v2s_file_out_printf(pen->page->out, "%c%.1f %.1f", command, x,
                        v2s_axis_mille(pen->axis, value));
}

// Line to an unwrapped azimuth: where it passes +-180 the line leaves through one edge and comes
// back through the other, nothing is drawn across.
static void pen_turn(v2s_pen *pen, double x, double value) {
    double from = floor((pen->value + 180.0) / 360.0), to = floor((value + 180.0) / 360.0);
    // More than one turn in a step is decimated noise: draw its end only.
    if (fabs(to - from) == 1.0) {
        double edge = 360.0 * fmax(from, to) - 180.0;
        double share = (edge - pen->value) / (value - pen->value);
        double side = to > from ? 180.0 : -180.0, cross = pen->x + share * (x - pen->x);
        pen_to(pen, 'L', cross, side);
        pen_to(pen, 'M', cross, -side);
    }
    pen_to(pen, fabs(to - from) > 1.0 ? 'M' : 'L', x, wrap_deg(value));
}

static void pen_draw(v2s_pen *pen, const v2s_plot *plot, double x, double value) {
    if (!isfinite(value)) {
        pen->is_down = false;
        return;
    }
    double shown = plot->is_angle_of_turn ? wrap_deg(value) : value;
    if (!pen->is_down) {
        pen_to(pen, 'M', x, shown);
        v2s_file_out_printf(pen->page->out, "h.01"); // a dot, should nothing follow
    } else if (plot->is_angle_of_turn) {
        pen_turn(pen, x, value);
    } else {
        pen_to(pen, 'L', x, shown);
    }
    pen->is_down = true;
    pen->x = x;
    pen->value = value;
}

static void put_curve(v2s_page *page, const v2s_curves *c, const v2s_plot *plot,
                      const v2s_axis *axis, size_t object) {
    const double *time_s = array_of(c, plot->time_offset);
    const double *value = array_of(c, plot->value_offset);
    size_t picked[V2S_CURVE_MAX_POINTS];
    size_t count = v2s_curve_pick(&value, 1, count_of(c, plot), picked);
    v2s_pen pen = {.page = page, .axis = axis};
    if (count == 0)
        return;
    v2s_page_put(page, "<path class=\"curve ");
    v2s_page_object_class(page, object);
    v2s_file_out_printf(page->out, "\" data-object=\"%zu\" d=\"", object);
    // A trajectory holds its ends (spatial/trajectory.h).
    pen_draw(&pen, plot, 0.0, value[picked[0]]);
    for (size_t i = 0; i < count; i++) {
        double t = time_s[picked[i]];
        pen_draw(&pen, plot, v2s_page_time_mille(page, t), isfinite(t) ? value[picked[i]] : NAN);
    }
    pen_draw(&pen, plot, 1000.0, value[picked[count - 1]]);
    v2s_page_put(page, "\"/>");
}

// Calls back for each stretch in which the tracker held the object and each picture in which it
// found it again, in per mille; what is nearer than a pixel becomes one.
typedef void mark_fn(v2s_page *page, size_t object, double from, double to, double time_s);

static void each_mark(v2s_page *page, size_t object, mark_fn *held, mark_fn *found) {
    const v2s_report_object *o = &page->report->objects[object];
    const double near = 0.5;
    double from = -1.0, to = -1.0, last_found = -1.0;
    for (size_t i = 0; o->states && i < o->state_count; i++) {
        double x = v2s_page_time_mille(page, o->states[i].time_s);
        double next =
            i + 1 < o->state_count ? v2s_page_time_mille(page, o->states[i + 1].time_s) : 1000.0;
        if (o->states[i].state == V2S_HELD) {
            if (held && from >= 0.0 && x > to + near)
                held(page, object, from, to, 0.0);
            from = from < 0.0 || x > to + near ? x : from;
            to = fmax(next, x);
        } else if (o->states[i].state == V2S_REDETECTED && found && x > last_found + near) {
            found(page, object, x, x, o->states[i].time_s);
            last_found = x;
        }
    }
    if (held && from >= 0.0)
        held(page, object, from, to, 0.0);
}

static void shade_held(v2s_page *page, size_t object, double from, double to, double time_s) {
    (void)time_s;
    v2s_page_put(page, "<rect class=\"held ");
    v2s_page_object_class(page, object);
    v2s_file_out_printf(
        page->out, "\" data-object=\"%zu\" x=\"%.1f\" y=\"0\" width=\"%.1f\" height=\"1000\"/>",
        object, from, fmax(to - from, 1.0));
}

static void line_found(v2s_page *page, size_t object, double from, double to, double time_s) {
    (void)time_s, (void)to;
    v2s_page_put(page, "<path class=\"found ");
    v2s_page_object_class(page, object);
    v2s_file_out_printf(page->out, "\" data-object=\"%zu\" d=\"M%.1f 0V1000\"/>", object, from);
}

static void lane_held(v2s_page *page, size_t object, double from, double to, double time_s) {
    (void)object, (void)time_s;
    v2s_file_out_printf(page->out, "<i class=\"held\" style=\"left:%.2f%%;width:%.2f%%\"></i>",
                        from / 10.0, fmax(to - from, 2.0) / 10.0);
}

static void lane_found(v2s_page *page, size_t object, double from, double to, double time_s) {
    char time[V2S_PAGE_TIME_MAX];
    (void)object, (void)to;
    v2s_page_time(time, time_s);
    v2s_file_out_printf(page->out,
                        "<i class=\"again\" style=\"left:%.2f%%\" title=\"found again at %s\"></i>",
                        from / 10.0, time);
}

static void put_lanes(v2s_page *page) {
    const v2s_report *report = page->report;
    bool any = false;
    for (size_t i = 0; i < report->object_count; i++)
        any = any || (report->objects[i].states && report->objects[i].state_count > 0);
    if (!any)
        return;
    v2s_page_put(page, "<div class=\"plot lanes\"><h3>Tracking <small>"
                       "<span><i class=\"key tracked\"></i>tracked</span> "
                       "<span><i class=\"key held\"></i>lost: last place held</span> "
                       "<span><i class=\"key again\"></i>found again</span></small></h3>\n");
    for (size_t i = 0; i < report->object_count; i++) {
        char name[96];
        if (!report->objects[i].states || report->objects[i].state_count == 0)
            continue;
        v2s_page_object_name(page, i, name);
        v2s_page_put(page, "<div class=\"gutter\"><b>");
        v2s_page_text(page, name);
        v2s_page_put(page, "</b></div><div class=\"lane ");
        v2s_page_object_class(page, i);
        v2s_file_out_printf(page->out, "\" data-object=\"%zu\">", i);
        each_mark(page, i, lane_held, NULL);
        each_mark(page, i, NULL, lane_found);
        v2s_page_put(page, "</div>\n");
    }
    v2s_page_put(page, "</div>\n");
}

static void put_grid(v2s_page *page, const v2s_axis *axis, const v2s_axis *times) {
    v2s_page_put(page, "<path class=\"grid\" d=\"");
    for (int i = 0; i < axis->count; i++)
        v2s_file_out_printf(page->out, "M0 %.1fH1000", v2s_axis_mille(axis, axis->ticks[i]));
    for (int i = 0; i < times->count; i++)
        v2s_file_out_printf(page->out, "M%.1f 0V1000", v2s_page_time_mille(page, times->ticks[i]));
    v2s_page_put(page, "\"/>");
    if (axis->lo < 0.0 && axis->hi > 0.0)
        v2s_file_out_printf(page->out, "<path class=\"zero\" d=\"M0 %.1fH1000\"/>",
                            v2s_axis_mille(axis, 0.0));
}

// What a screen reader says instead of the picture.
static void put_plot_label(v2s_page *page, const v2s_curves *curves, const v2s_plot *plot) {
    v2s_file_out_printf(page->out, "%s over time, %s.", plot->title, plot->unit);
    for (size_t i = 0; i < page->report->object_count; i++) {
        double lo, hi;
        char name[96];
        v2s_page_object_name(page, i, name);
        v2s_page_put(page, " ");
        v2s_page_text(page, name);
        if (v2s_curve_range(array_of(&curves[i], plot->value_offset), count_of(&curves[i], plot),
                            &lo, &hi))
            v2s_file_out_printf(page->out, ": %.2f to %.2f.", lo, hi);
        else
            v2s_page_put(page, ": no values.");
    }
}

static void put_plot(v2s_page *page, const v2s_curves *curves, const v2s_plot *plot,
                     const v2s_axis *times) {
    v2s_axis axis = axis_of(page, curves, plot);
    v2s_file_out_printf(page->out,
                        "<div class=\"plot\"><h3>%s <small>%s</small>"
                        "<output data-now=\"%s\"></output></h3>\n<div class=\"gutter\">",
                        plot->title, plot->unit, plot->key);
    for (int i = 0; i < axis.count; i++) {
        v2s_file_out_printf(page->out, "<span style=\"top:%.2f%%\">",
                            v2s_axis_mille(&axis, axis.ticks[i]) / 10.0);
        v2s_page_number(page, axis.ticks[i], axis.decimals, plot->has_sign);
        v2s_file_out_printf(page->out, "%s</span>", plot->suffix);
    }
    v2s_file_out_printf(page->out, "</div>\n<div class=\"area\"><svg viewBox=\"0 0 1000 1000\" "
                                   "preserveAspectRatio=\"none\" role=\"img\" aria-label=\"");
    put_plot_label(page, curves, plot);
    v2s_page_put(page, "\">");
    put_grid(page, &axis, times);
    // In a group, so that stretches of several objects do not add up to a dark block.
    v2s_page_put(page, "<g class=\"shade\">");
    for (size_t i = 0; i < page->report->object_count; i++)
        each_mark(page, i, shade_held, NULL);
    v2s_page_put(page, "</g>");
    for (size_t i = 0; i < page->report->object_count; i++)
        each_mark(page, i, NULL, line_found);
    for (size_t i = 0; i < page->report->object_count; i++) {
        v2s_page_put(page, "\n");
        put_curve(page, &curves[i], plot, &axis, i);
    }
    v2s_page_put(page, "</svg></div></div>\n");
}

static void put_time_axis(v2s_page *page, const v2s_axis *times) {
    v2s_file_out_printf(page->out, "<div class=\"plot times\"><div class=\"gutter\">time</div>"
                                   "<div class=\"area\">");
    for (int i = 0; i < times->count; i++) {
        double t = times->ticks[i];
        v2s_file_out_printf(page->out, "<span style=\"left:%.2f%%\">",
                            v2s_page_time_mille(page, t) / 10.0);
        if (fabs(t) < 60.0 && times->hi < 120.0) {
            v2s_file_out_printf(page->out, "%.*f s</span>", times->decimals, t);
        } else {
            long long s = llround(fabs(t));
            if (times->hi < 3600.0)
                v2s_file_out_printf(page->out, "%lld:%02lld</span>", s / 60, s % 60);
            else
                v2s_file_out_printf(page->out, "%lld:%02lld:%02lld</span>", s / 3600, s / 60 % 60,
                                    s % 60);
        }
    }
    v2s_page_put(page, "</div></div>\n");
}

static void put_legend(v2s_page *page) {
    v2s_page_put(page, "<ul class=\"legend\">\n");
    for (size_t i = 0; i < page->report->object_count; i++) {
        char name[96];
        v2s_page_object_name(page, i, name);
        v2s_file_out_printf(page->out,
                            "<li><label><input type=\"checkbox\" checked "
                            "data-show=\"%zu\"><svg viewBox=\"0 0 30 10\" "
                            "aria-hidden=\"true\"><path class=\"curve ",
                            i);
        v2s_page_object_class(page, i);
        v2s_page_put(page, "\" d=\"M1 5H29\"/></svg> ");
        v2s_page_text(page, name);
        v2s_page_put(page, "</label></li>\n");
    }
    v2s_page_put(page, "</ul>\n");
}

void v2s_page_plots(v2s_page *page, const v2s_curves *curves) {
    v2s_axis times = v2s_axis_of_time(page->start_s, page->end_s);
    v2s_page_put(page,
                 "<section id=\"time\"><h2>Over time</h2>\n<p class=\"script\">Click or drag ");
    v2s_page_put(page, page->report->player_count > 0 ? "to listen from there" : "to read values");
    v2s_page_put(page, "; with the keyboard: arrow keys, Page Up and Down, Home, End");
    v2s_page_put(page, page->report->player_count > 0 ? ", space to play.</p>\n" : ".</p>\n");
    put_legend(page);
    v2s_page_put(page, "<div class=\"plots\" id=\"plots\">\n");
    put_lanes(page);
    for (size_t i = 0; i < PLOTS; i++)
        put_plot(page, curves, &plots[i], &times);
    put_time_axis(page, &times);
    v2s_file_out_printf(page->out,
                        "<div class=\"overlay\" id=\"seek\" role=\"slider\" tabindex=\"0\" "
                        "aria-label=\"Time\" aria-valuemin=\"%.3f\" aria-valuemax=\"%.3f\" "
                        "aria-valuenow=\"%.3f\" hidden><div class=\"cursor\"></div>"
                        "<div class=\"hover\" hidden><span></span></div></div>\n</div>\n"
                        "</section>\n",
                        page->start_s, page->end_s, page->start_s);
}
