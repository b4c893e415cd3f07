// SPDX-License-Identifier: MIT
// Parts of the HTML report that its files share. Nothing outside infer/report*.c includes this.
//
// Writing never fails on the spot: v2s_file_out keeps the first error and commit reports it. Only
// functions that allocate return a status.
// Pictures are drawn in per mille of their frame (0..1000 both ways) and stretched by the browser;
// texts are HTML placed in per cent, so that they keep their size on any screen.
#ifndef V2S_INFER_REPORT_INTERNAL_H
#define V2S_INFER_REPORT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "infer/report.h"
#include "infer/report_axis.h"
#include "infer/report_colour.h"
#include "kernels/base/file_out.h"

enum {
    V2S_PAGE_COLOURS = 6, // of objects, then again with another dash
    V2S_CURVE_MAX_POINTS = 2000,
    V2S_CURVE_MAX_VALUES = 2, // that one pick keeps the extremes of
};

typedef struct v2s_page {
    v2s_file_out *out;
    const v2s_report *report;
    double start_s, end_s; // of all plots; start_s < end_s
    bool has_time;         // false: nothing in the report has a time
    bool has_script;       // of v2s_page_head: players and a script are allowed
} v2s_page;

// report_text.c ---------------------------------------------------------------------------------

// The string as it is.
void v2s_page_put(v2s_page *page, const char *html);
// Text for element content and quoted attributes. Invalid UTF-8 and control characters become
// U+FFFD. NULL is empty.
void v2s_page_text(v2s_page *page, const char *text);
// A JSON string with its quotes, safe inside <script>.
void v2s_page_json_text(v2s_page *page, const char *text);
// A JSON number, or null if not finite.
void v2s_page_json_number(v2s_page *page, double value, int decimals);
// A number for people: a real minus sign, + only if has_sign, none on zero, a dash if not finite.
void v2s_page_number(v2s_page *page, double value, int decimals, bool has_sign);
// "data:<mime>;base64,..." for a quoted attribute.
void v2s_page_data_uri(v2s_page *page, const char *mime, const unsigned char *bytes, size_t size);

enum { V2S_PAGE_TIME_MAX = 40 };
// "1.25 s", "2:05.0", "1:02:05"; "unknown" if not finite.
void v2s_page_time(char text[V2S_PAGE_TIME_MAX], double time_s);
// Position on the time axis, 0..1000, clamped; 0 if not finite.
double v2s_page_time_mille(const v2s_page *page, double time_s);
// The object's name into `name`, "object N" if it has none or a number.
void v2s_page_object_name(const v2s_page *page, size_t object, char name[96]);
// "c3 d1": the classes that give the object its colour and dash.
void v2s_page_object_class(v2s_page *page, size_t object);

// report_parts.c --------------------------------------------------------------------------------

struct v2s_run_log;

// From the doctype to the end of the header; `style` is added to the page's.
void v2s_page_head(v2s_page *page, const char *title, const char *style, const char *heading,
                   const char *command);
// Warnings and the rows of the summary.
void v2s_page_log(v2s_page *page, const struct v2s_run_log *log);
void v2s_page_foot(v2s_page *page);
// The same with a script at the end; NULL: none.
void v2s_page_foot_script(v2s_page *page, const char *script);

// report_curve.c --------------------------------------------------------------------------------

// What one object does over time, as plain arrays; where a value is not a number the pen is up.
typedef struct v2s_curves {
    size_t count;
    double *time_s;
    double *azimuth_deg; // unwrapped: no steps of 360
    double *elevation_deg;
    double *distance_m;
    double *front_m, *left_m; // for the view from above
    size_t confidence_count;
    double *confidence_time_s; // of the tracker's states if there are any, else of the points
    double *confidence;
} v2s_curves;

V2S_MUST_USE v2s_status v2s_curves_open(const v2s_report_object *object, v2s_curves *curves);
void v2s_curves_close(v2s_curves *curves);

// Chooses at most V2S_CURVE_MAX_POINTS of `count` samples, ascending, both ends and the extremes of
// values[0..value_count) among them. A stretch without numbers keeps one sample, for the gap.
// picked has room for V2S_CURVE_MAX_POINTS; returns how many.
size_t v2s_curve_pick(const double *const *values, int value_count, size_t count, size_t *picked);

// The value at time_s, straight between samples; not a number outside or beside a gap.
double v2s_curve_at(const double *time_s, const double *value, size_t count, double time_s_at);

// Smallest and largest number of values[count]; false if there is none.
bool v2s_curve_range(const double *value, size_t count, double *lo, double *hi);

// report_plot.c, report_top.c, report_map.c, report_data.c ----------------------------------------

void v2s_page_plots(v2s_page *page, const v2s_curves *curves);
void v2s_page_top_view(v2s_page *page, const v2s_curves *curves);
V2S_MUST_USE v2s_status v2s_page_maps(v2s_page *page);
void v2s_page_table(v2s_page *page, const v2s_curves *curves);
void v2s_page_json(v2s_page *page, const v2s_curves *curves);

// The texts of report_page.css and report_page.js, made at build time (embed.cmake).
extern const char v2s_report_page_css[];
extern const char v2s_report_page_js[];

#endif
