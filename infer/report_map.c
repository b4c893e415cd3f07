// SPDX-License-Identifier: MIT
// Energy maps of the output as pictures, each with the direction in which the object really was.
#include <math.h>
#include <stdlib.h>

#include "data/image.h"
#include "infer/report_internal.h"
#include "spatial/energy_map.h"

enum {
    MAP_WIDTH = 360, // pixels: one per degree
    MAP_HEIGHT = 180,
    KEY_COLOURS = 32,
};
static const double ramp_dark_l = 0.16, ramp_light_l = 0.95;

// White on black, to be seen on every colour of the ramp.
#define CROSS                                                                                      \
    "<svg viewBox=\"-12 -12 24 24\" aria-hidden=\"true\"><path class=\"out\" "                     \
    "d=\"M-10 0H10M0-10V10\"/><path class=\"in\" d=\"M-10 0H10M0-10V10\"/></svg>"

// Loudest direction of a map.
typedef struct peak {
    double amplitude; // 0: silence, or nothing that is a number
    double azimuth_deg, elevation_deg;
} peak;

static double amplitude_at(const float *map, int row, int col) {
    float v = map[row * V2S_ENERGY_MAP_COLS + col];
    return isfinite(v) && v > 0.0f ? v : 0.0;
}

static peak find_peak(const float *map) {
    peak p = {0};
    for (int row = 0; row < V2S_ENERGY_MAP_ROWS; row++) {
        for (int col = 0; col < V2S_ENERGY_MAP_COLS; col++) {
            double v = amplitude_at(map, row, col);
            if (v > p.amplitude)
                p = (peak){v, 178.0 - 2.0 * col, 88.0 - 2.0 * row};
        }
    }
    return p;
}

// Straight between the four grid points around a direction; azimuth wraps, elevation is held.
static double interpolate(const float *map, double azimuth_deg, double elevation_deg) {
    double col = (178.0 - azimuth_deg) / 2.0, row = (88.0 - elevation_deg) / 2.0;
    row = fmin(fmax(row, 0.0), V2S_ENERGY_MAP_ROWS - 1.0);
    int col0 = (int)floor(col), row0 = (int)fmin(row, V2S_ENERGY_MAP_ROWS - 2.0);
    double fc = col - col0, fr = row - row0;
    int left = (col0 + V2S_ENERGY_MAP_COLS) % V2S_ENERGY_MAP_COLS;
    int right = (col0 + 1 + V2S_ENERGY_MAP_COLS) % V2S_ENERGY_MAP_COLS;
    double top = (1.0 - fc) * amplitude_at(map, row0, left) + fc * amplitude_at(map, row0, right);
    double bottom =
        (1.0 - fc) * amplitude_at(map, row0 + 1, left) + fc * amplitude_at(map, row0 + 1, right);
    return (1.0 - fr) * top + fr * bottom;
}

// The picture covers exactly +180 .. -180 and +90 .. -90 degrees, edge to edge.
static v2s_status put_picture(v2s_page *page, const float *map, double full_scale) {
    unsigned char *bytes = NULL;
    size_t size = 0;
    uint8_t *rgb = malloc((size_t)3 * MAP_WIDTH * MAP_HEIGHT);
    if (!rgb)
        return V2S_FAIL(V2S_NOMEM, "report: no memory for the picture of an energy map");
    uint8_t ramp[256][3];
    for (int i = 0; i < 256; i++)
        v2s_colour_ramp(ramp_dark_l, ramp_light_l, i / 255.0, ramp[i]);
    for (int y = 0; y < MAP_HEIGHT; y++) {
        for (int x = 0; x < MAP_WIDTH; x++) {
            double v = interpolate(map, 179.5 - x, 89.5 - y);
            int i = full_scale > 0.0 ? (int)lround(255.0 * fmin(v / full_scale, 1.0)) : 0;
            uint8_t *pixel = rgb + 3 * (y * MAP_WIDTH + x);
            for (int k = 0; k < 3; k++)
                pixel[k] = ramp[i][k];
        }
    }
    v2s_status status = v2s_image_png_rgb(rgb, MAP_WIDTH, MAP_HEIGHT, &bytes, &size);
    free(rgb);
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

static void put_caption(v2s_page *page, const v2s_report_map *map, peak p, double loudest) {
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
    peak p = map->map ? find_peak(map->map) : (peak){0};
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
        v2s_colour_ramp(ramp_dark_l, ramp_light_l, i / (KEY_COLOURS - 1.0), rgb);
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
            loudest = fmax(loudest, find_peak(report->maps[i].map).amplitude);
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
