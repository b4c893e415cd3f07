// SPDX-License-Identifier: MIT
// Energy maps of the output as pictures, each with the direction in which the object really was.
#include <math.h>
#include <stdlib.h>

#include "infer/map_picture.h"
#include "infer/report_internal.h"

enum {
    MAP_WIDTH = 360, // pixels: one per degree
    MAP_HEIGHT = 180,
    KEY_COLOURS = 32,
};

// White on black, to be seen on every colour of the ramp.
#define CROSS                                                                                      \
    "<svg viewBox=\"-12 -12 24 24\" aria-hidden=\"true\"><path class=\"out\" "                     \
    "d=\"M-10 0H10M0-10V10\"/><path class=\"in\" d=\"M-10 0H10M0-10V10\"/></svg>"

static v2s_status put_picture(v2s_page *page, const float *map, double full_scale) {
    v2s_map_ramp ramp = v2s_map_ramp_make();
    unsigned char *bytes = NULL;
    size_t size = 0;
    v2s_status status =
        v2s_map_picture(&ramp, map, full_scale, MAP_WIDTH, MAP_HEIGHT, &bytes, &size);
    if (status != V2S_OK)
        return v2s_error_prefix(status, "report");
    v2s_page_data_uri(page, "image/png", bytes, size);
    free(bytes);
    return V2S_OK;
}

// Direction of an object at a time; false if it has none.
static bool direction_at(const v2s_report_object *object, double time_s, v2s_vec3 *unit) {
    const v2s_trajectory *t = object->trajectory;
    if (!t || !t->points || t->count == 0 || !isfinite(time_s))
        return false;
    *unit = v2s_trajectory_at(t, time_s, NULL).unit;
    double norm = v2s_norm(*unit);
    return isfinite(norm) && norm > 0.0;
}

static void put_crosses(v2s_page *page, double time_s) {
    for (size_t i = 0; i < page->report->object_count; i++) {
        v2s_vec3 u;
        char name[96];
        if (!direction_at(&page->report->objects[i], time_s, &u))
            continue;
        v2s_page_object_name(page, i, name);
        double x = (180.0 - v2s_deg(v2s_azimuth_rad(u))) / 3.6;
        v2s_file_out_printf(page->out,
                            "<span class=\"cross%s%s\" data-object=\"%zu\" "
                            "style=\"left:%.2f%%;top:%.2f%%\" title=\"direction of ",
                            x > 60.0 ? " flip" : "", i % 2 ? " above" : "", i, x,
                            (90.0 - v2s_deg(v2s_elevation_rad(u))) / 1.8);
        v2s_page_text(page, name);
        v2s_page_put(page, "\">" CROSS);
        if (page->report->object_count > 1) {
            v2s_page_put(page, "<b>");
            v2s_page_text(page, name);
            v2s_page_put(page, "</b>");
        }
        v2s_page_put(page, "</span>");
    }
}

static void put_caption(v2s_page *page, const v2s_report_map *map, v2s_map_peak p, double loudest) {
    char time[V2S_PAGE_TIME_MAX];
    v2s_page_time(time, map->time_s);
    v2s_file_out_printf(page->out, "<b>%s</b>", time);
    if (isfinite(map->length_s) && map->length_s > 0.0)
        v2s_file_out_printf(page->out, " ± %.2f s", 0.5 * map->length_s);
    if (p.amplitude <= 0.0) {
        v2s_page_put(page, ", silence");
        return;
    }
    v2s_page_put(page, ", level ");
    v2s_page_number(page, 20.0 * log10(p.amplitude / loudest), 1, false);
    v2s_page_put(page, " dB<br>loudest: azimuth ");
    v2s_page_number(page, p.azimuth_deg, 0, true);
    v2s_page_put(page, "°, elevation ");
    v2s_page_number(page, p.elevation_deg, 0, true);
    v2s_page_put(page, "°");
    v2s_vec3 u;
    if (page->report->object_count == 1 &&
        direction_at(&page->report->objects[0], map->time_s, &u)) {
        v2s_vec3 heard = v2s_unit_from_angles(v2s_rad(p.azimuth_deg), v2s_rad(p.elevation_deg));
        v2s_file_out_printf(page->out, "; %.0f° from the object",
                            v2s_deg(v2s_angle_between_rad(heard, u)));
    }
}

static v2s_status put_map(v2s_page *page, const v2s_report_map *map, double loudest) {
    v2s_map_peak p = map->map ? v2s_map_find_peak(map->map) : (v2s_map_peak){0};
    char time[V2S_PAGE_TIME_MAX];
    v2s_page_time(time, map->time_s);
    v2s_page_put(page, "<figure class=\"map\"><div class=\"gutter\"><span>+90°</span>"
                       "<span>0°</span><span>−90°</span></div><button type=\"button\" "
                       "class=\"area\" data-time=\"");
    v2s_file_out_printf(page->out, "%.4f", isfinite(map->time_s) ? map->time_s : 0.0);
    v2s_page_put(page, "\"><img width=\"360\" height=\"180\" alt=\"");
    v2s_file_out_printf(page->out, "Energy map at %s: ", time);
    if (p.amplitude > 0.0)
        v2s_file_out_printf(page->out, "loudest towards azimuth %.0f, elevation %.0f degrees",
                            p.azimuth_deg, p.elevation_deg);
    else
        v2s_page_put(page, "silence");
    if (map->map) {
        v2s_page_put(page, "\" src=\"");
        V2S_TRY(put_picture(page, map->map, p.amplitude));
    }
    v2s_page_put(page, "\">");
    put_crosses(page, map->time_s);
    v2s_page_put(page, "</button><div class=\"scale\"><span>+180°</span><span>+90°<em> left</em>"
                       "</span><span>0°</span><span>−90°<em> right</em></span><span>−180°</span>"
                       "</div>\n<figcaption>");
    put_caption(page, map, p, loudest);
    v2s_page_put(page, "</figcaption></figure>\n");
    return V2S_OK;
}

// Amplitude is shown evenly; the marks say what it means in decibels.
static void put_key(v2s_page *page) {
    static const int marks_db[] = {0, -3, -6, -12};
    v2s_file_out_printf(page->out,
                        "<div class=\"mapkey\"><span>amplitude, loudest direction of each map = 0 "
                        "dB</span><div><svg viewBox=\"0 0 %d 1\" preserveAspectRatio=\"none\" "
                        "aria-hidden=\"true\">",
                        KEY_COLOURS);
    for (int i = 0; i < KEY_COLOURS; i++) {
        uint8_t rgb[3];
        v2s_colour_ramp(V2S_MAP_DARK_L, V2S_MAP_LIGHT_L, i / (KEY_COLOURS - 1.0), rgb);
        v2s_file_out_printf(page->out,
                            "<rect x=\"%d\" width=\"1.1\" height=\"1\" fill=\"#%02x%02x%02x\"/>", i,
                            rgb[0], rgb[1], rgb[2]);
    }
    v2s_page_put(page, "</svg><span class=\"mark\" style=\"left:0\">silence</span>");
    for (size_t i = 0; i < sizeof marks_db / sizeof *marks_db; i++)
        v2s_file_out_printf(
            page->out, "<span class=\"mark\" style=\"left:%.1f%%\">%s%d<em> dB</em></span>",
            100.0 * pow(10.0, marks_db[i] / 20.0), marks_db[i] < 0 ? "−" : "", abs(marks_db[i]));
    v2s_page_put(page, "</div><span>" CROSS " where the object is</span></div>\n");
}

v2s_status v2s_page_maps(v2s_page *page) {
    const v2s_report *report = page->report;
    double loudest = 0.0;
    for (size_t i = 0; i < report->map_count; i++) {
        if (report->maps[i].map)
            loudest = fmax(loudest, v2s_map_find_peak(report->maps[i].map).amplitude);
    }
    v2s_page_put(page, "<section id=\"maps\"><h2>Where the output sounds from</h2>\n"
                       "<p>Amplitude of the ambisonic output in every direction, seen from the "
                       "listener: front in the middle, behind at both edges. Levels in the "
                       "captions are relative to the loudest of these maps.</p>\n");
    put_key(page);
    v2s_page_put(page, "<div class=\"maps\">\n");
    for (size_t i = 0; i < report->map_count; i++)
        V2S_TRY(put_map(page, &report->maps[i], loudest));
    v2s_page_put(page, "</div>\n</section>\n");
    return V2S_OK;
}
