// SPDX-License-Identifier: MIT
#include "infer/report_exhibit.h"

#include <math.h>
#include <stdio.h>

// White on black, to be seen on every colour of the ramp.
#define CROSS                                                                                      \
    "<svg viewBox=\"-12 -12 24 24\" aria-hidden=\"true\"><path class=\"out\" "                     \
    "d=\"M-10 0H10M0-10V10\"/><path class=\"in\" d=\"M-10 0H10M0-10V10\"/></svg>"

// ---- players ----------------------------------------------------------------------------------

static void put_players(v2s_page *p, const v2s_exhibit *e, const char *label) {
    v2s_page_put(p, "<div class=\"trio\">\n");
    for (int i = 0; i < e->voice_count; i++) {
        const v2s_exhibit_voice *v = &e->voices[i];
        v2s_file_out_printf(p->out, "<figure class=\"player v%d\"><figcaption><b>", v->colour);
        v2s_page_text(p, v->name);
        v2s_page_put(p, "</b></figcaption><audio controls preload=\"metadata\" aria-label=\"");
        v2s_page_text(p, v->name);
        v2s_page_put(p, ", ");
        v2s_page_text(p, label);
        v2s_page_put(p, "\" src=\"");
        v2s_page_data_uri(p, v->mime, v->sound.bytes, v->sound.size);
        v2s_page_put(p, "\"></audio></figure>\n");
    }
    v2s_page_put(p, "</div>\n");
}

static void put_time_bar(v2s_page *p, const v2s_exhibit *e) {
    v2s_file_out_printf(p->out,
                        "<div class=\"timebar script\"><label>Time <input type=\"range\" "
                        "min=\"0\" max=\"%.3f\" step=\"0.01\" value=\"0\"></label>"
                        "<output>0.00 s</output></div>\n",
                        e->length_s);
}

// ---- energy maps ------------------------------------------------------------------------------

static void put_map_image(v2s_page *p, const v2s_exhibit *e, int voice, int map) {
    const v2s_exhibit_voice *v = &e->voices[voice];
    const v2s_map_peak *peak = &v->peaks[map];
    v2s_page_put(p, "<img width=\"120\" height=\"60\" alt=\"");
    v2s_page_text(p, v->name);
    v2s_file_out_printf(p->out, " at %.2f s: ", (map + 0.5) * e->map_s);
    if (peak->amplitude > 0)
        v2s_file_out_printf(p->out, "loudest towards azimuth %.0f, elevation %.0f degrees",
                            peak->azimuth_deg, peak->elevation_deg);
    else
        v2s_page_put(p, "silence");
    v2s_page_put(p, "\" src=\"");
    v2s_page_data_uri(p, "image/png", v->maps[map].bytes, v->maps[map].size);
    v2s_page_put(p, "\">");
}

// Of the path at the middle of a stretch.
static size_t direction_of_map(const v2s_exhibit *e, int map) {
    double step = e->direction_count > 1 ? e->direction_s[1] - e->direction_s[0] : 1;
    double at = ((map + 0.5) * e->map_s - e->direction_s[0]) / step;
    return (size_t)fmin(fmax(round(at), 0), (double)e->direction_count - 1);
}

static void put_cross(v2s_page *p, const v2s_exhibit *e, int map) {
    if (!e->has_path)
        return;
    size_t i = direction_of_map(e, map);
    v2s_file_out_printf(
        p->out, "<span class=\"cross\" style=\"left:%.2f%%;top:%.2f%%\">" CROSS "</span>",
        (180 - e->path_azimuth_deg[i]) / 3.6, (90 - e->path_elevation_deg[i]) / 1.8);
}

static void put_stage(v2s_page *p, const v2s_exhibit *e) {
    int middle = e->map_count / 2;
    v2s_page_put(p, "<div class=\"trio\">\n");
    for (int i = 0; i < e->voice_count; i++) {
        v2s_page_put(p, "<figure class=\"map big\"><div class=\"gutter\"><span>+90°</span>"
                        "<span>0°</span><span>−90°</span></div><div class=\"area\">");
        put_map_image(p, e, i, middle);
        put_cross(p, e, middle);
        v2s_page_put(p, "</div><div class=\"scale\"><span>+180°</span><span>+90°</span>"
                        "<span>0°</span><span>−90°</span><span>−180°</span></div>\n"
                        "<figcaption><b>");
        v2s_page_text(p, e->voices[i].name);
        v2s_file_out_printf(p->out,
                            "</b> <span class=\"when\">at %.2f s</span></figcaption>"
                            "</figure>\n",
                            (middle + 0.5) * e->map_s);
    }
    v2s_page_put(p, "</div>\n");
}

static void put_strip(v2s_page *p, const v2s_exhibit *e, const char *label) {
    v2s_page_put(p, "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Energy maps "
                    "over time, ");
    v2s_page_text(p, label);
    v2s_page_put(p, "\"><table class=\"frames\"><thead><tr><th scope=\"col\">time, s</th>");
    for (int k = 0; k < e->map_count; k++)
        v2s_file_out_printf(p->out, "<th scope=\"col\">%.2f</th>", (k + 0.5) * e->map_s);
    v2s_page_put(p, "</tr></thead><tbody>\n");
    for (int i = 0; i < e->voice_count; i++) {
        v2s_page_put(p, "<tr><th scope=\"row\">");
        v2s_page_text(p, e->voices[i].name);
        v2s_page_put(p, "</th>");
        for (int k = 0; k < e->map_count; k++) {
            v2s_page_put(p, "<td>");
            put_map_image(p, e, i, k);
            v2s_page_put(p, "</td>");
        }
        v2s_page_put(p, "</tr>\n");
    }
    v2s_page_put(p, "</tbody></table></div>\n");
}

// ---- directions -------------------------------------------------------------------------------

static void put_legend(v2s_page *p, const v2s_exhibit *e) {
    v2s_page_put(p, "<ul class=\"legend\">\n");
    for (int i = 0; i < e->voice_count; i++) {
        v2s_file_out_printf(p->out,
                            "<li class=\"v%d\"><svg viewBox=\"0 0 30 10\" aria-hidden=\"true\">"
                            "<path class=\"curve\" d=\"M1 5H29\"/></svg> ",
                            e->voices[i].colour);
        v2s_page_text(p, e->voices[i].name);
        v2s_page_put(p, " <output></output></li>\n");
    }
    if (e->has_path)
        v2s_page_put(p,
                     "<li class=\"path\"><svg viewBox=\"0 0 30 10\" aria-hidden=\"true\"><path "
                     "class=\"curve\" d=\"M1 5H29\"/></svg> trajectory <output></output></li>\n");
    v2s_page_put(p, "</ul>\n");
}

// The pen is up where there is no number, and where an azimuth goes through behind.
static void put_curve(v2s_page *p, const v2s_exhibit *e, const char *colour, const double *values,
                      const v2s_axis *axis) {
    bool down = false;
    v2s_file_out_printf(p->out, "<path class=\"curve %s\" d=\"", colour);
    for (size_t i = 0; i < e->direction_count; i++) {
        if (i > 0 && fabs(values[i] - values[i - 1]) > 180)
            down = false;
        if (isfinite(values[i]))
            v2s_file_out_printf(p->out, down ? "L%.1f %.1f" : "M%.1f %.1fh.01",
                                1000 * e->direction_s[i] / e->length_s,
                                v2s_axis_mille(axis, values[i]));
        down = isfinite(values[i]);
    }
    v2s_page_put(p, "\"/>\n");
}

// What a screen reader says instead of the picture.
static void put_lane_label(v2s_page *p, const v2s_exhibit *e, bool azimuth) {
    v2s_page_put(p, azimuth ? "Azimuth over time." : "Elevation over time.");
    for (int i = 0; i < e->voice_count; i++) {
        const v2s_exhibit_voice *v = &e->voices[i];
        double lo, hi;
        v2s_page_put(p, " ");
        v2s_page_text(p, v->name);
        if (v2s_curve_range(azimuth ? v->azimuth_deg : v->elevation_deg, e->direction_count, &lo,
                            &hi))
            v2s_file_out_printf(p->out, ": %.0f to %.0f degrees.", lo, hi);
        else
            v2s_page_put(p, ": no direction.");
    }
}

static void put_lane(v2s_page *p, const v2s_exhibit *e, bool azimuth, const v2s_axis *times) {
    static const v2s_axis upright = {
        .lo = -90, .hi = 90, .ticks = {-90, -45, 0, 45, 90}, .count = 5};
    v2s_axis axis = azimuth ? v2s_axis_of_turn() : upright;
    v2s_file_out_printf(p->out,
                        "<div class=\"plot\"><h3>%s <small>degrees</small></h3>\n"
                        "<div class=\"gutter\">",
                        azimuth ? "Azimuth" : "Elevation");
    for (int i = 0; i < axis.count; i++) {
        v2s_file_out_printf(p->out, "<span style=\"top:%.2f%%\">",
                            v2s_axis_mille(&axis, axis.ticks[i]) / 10);
        v2s_page_number(p, axis.ticks[i], axis.decimals, true);
        v2s_page_put(p, "°</span>");
    }
    v2s_page_put(p, "</div>\n<div class=\"area\"><svg viewBox=\"0 0 1000 1000\" "
                    "preserveAspectRatio=\"none\" role=\"img\" aria-label=\"");
    put_lane_label(p, e, azimuth);
    v2s_page_put(p, "\"><path class=\"grid\" d=\"");
    for (int i = 0; i < axis.count; i++)
        v2s_file_out_printf(p->out, "M0 %.1fH1000", v2s_axis_mille(&axis, axis.ticks[i]));
    for (int i = 0; i < times->count; i++)
        v2s_file_out_printf(p->out, "M%.1f 0V1000", 1000 * times->ticks[i] / e->length_s);
    v2s_page_put(p, "\"/>\n");
    if (e->has_path)
        put_curve(p, e, "path", azimuth ? e->path_azimuth_deg : e->path_elevation_deg, &axis);
    for (int i = e->voice_count - 1; i >= 0; i--) {
        char colour[16];
        snprintf(colour, sizeof colour, "v%d", e->voices[i].colour);
        put_curve(p, e, colour, azimuth ? e->voices[i].azimuth_deg : e->voices[i].elevation_deg,
                  &axis);
    }
    v2s_page_put(p, "</svg><div class=\"cursor\"></div></div></div>\n");
}

static void put_time_axis(v2s_page *p, const v2s_exhibit *e, const v2s_axis *times) {
    v2s_page_put(p, "<div class=\"plot times\"><div class=\"gutter\">time</div>"
                    "<div class=\"area\">");
    for (int i = 0; i < times->count; i++)
        v2s_file_out_printf(p->out, "<span style=\"left:%.2f%%\">%.*f s</span>",
                            100 * times->ticks[i] / e->length_s, times->decimals, times->ticks[i]);
    v2s_page_put(p, "</div></div>\n");
}

static void put_directions(v2s_page *p, const v2s_exhibit *e) {
    v2s_axis times = v2s_axis_of_time(0, e->length_s);
    v2s_page_put(p, "<h4>Direction over time</h4>\n");
    put_legend(p, e);
    v2s_page_put(p, "<div class=\"plots\">\n");
    put_lane(p, e, true, &times);
    put_lane(p, e, false, &times);
    put_time_axis(p, e, &times);
    v2s_page_put(p, "</div>\n");
}

// ---- spectrograms -----------------------------------------------------------------------------

static void put_spectrogram(v2s_page *p, const v2s_exhibit *e, int voice, const v2s_axis *times) {
    static const struct {
        double hz;
        const char *text;
    } marks[] = {
        {100, "100 Hz"}, {300, "300 Hz"}, {1000, "1 kHz"}, {3000, "3 kHz"}, {10000, "10 kHz"}};
    const v2s_exhibit_voice *v = &e->voices[voice];
    v2s_page_put(p, "<figure class=\"plot spectrum\"><h3>");
    v2s_page_text(p, v->name);
    v2s_page_put(p, "</h3><div class=\"gutter\">");
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (marks[i].hz < 0.97 * e->top_hz)
            v2s_file_out_printf(p->out, "<span style=\"top:%.2f%%\">%s</span>",
                                100 * log(e->top_hz / marks[i].hz) /
                                    log(e->top_hz / V2S_EXHIBIT_LEAST_HZ),
                                marks[i].text);
    v2s_page_put(p, "</div><div class=\"area\"><img alt=\"Spectrogram of the left ear, ");
    v2s_page_text(p, v->name);
    v2s_page_put(p, "\" src=\"");
    v2s_page_data_uri(p, "image/png", v->spectrogram.bytes, v->spectrogram.size);
    v2s_page_put(p, "\"><div class=\"cursor\"></div></div><div class=\"ticks\">");
    for (int i = 0; i < times->count; i += 2)
        v2s_file_out_printf(p->out, "<span style=\"left:%.2f%%\">%.*f s</span>",
                            100 * times->ticks[i] / e->length_s, times->decimals, times->ticks[i]);
    v2s_page_put(p, "</div></figure>\n");
}

static void put_spectrograms(v2s_page *p, const v2s_exhibit *e) {
    v2s_axis times = v2s_axis_of_time(0, e->length_s);
    v2s_file_out_printf(
        p->out,
        "<h4>Spectrograms of the left ear</h4>\n<p>From the loudest of all (bright) "
        "to %.0f dB below it (dark).</p>\n<div class=\"trio\">\n",
        V2S_EXHIBIT_RANGE_DB);
    for (int i = 0; i < e->voice_count; i++)
        put_spectrogram(p, e, i, &times);
    v2s_page_put(p, "</div>\n");
}

// ---- for the script ---------------------------------------------------------------------------

static void put_array(v2s_page *p, const char *key, const double *values, size_t count) {
    v2s_file_out_printf(p->out, ",\"%s\":[", key);
    for (size_t i = 0; i < count; i++) {
        v2s_page_put(p, i ? "," : "");
        v2s_page_json_number(p, values[i], 1);
    }
    v2s_page_put(p, "]");
}

// {"length":4,"maps":12,"from":0.1,"step":0.05,"path":{"n":..,"az":[..],"el":[..]},
//  "voices":[{"name":"truth","az":[..],"el":[..]},..]}
static void put_json(v2s_page *p, const v2s_exhibit *e) {
    size_t n = e->direction_count;
    v2s_file_out_printf(p->out,
                        "<script type=\"application/json\">{\"length\":%.4f,\"maps\":%d,"
                        "\"from\":%.4f,\"step\":%.4f",
                        e->length_s, e->map_count, n > 0 ? e->direction_s[0] : 0,
                        n > 1 ? e->direction_s[1] - e->direction_s[0] : 1);
    if (e->has_path) {
        v2s_page_put(p, ",\"path\":{\"name\":\"trajectory\"");
        put_array(p, "az", e->path_azimuth_deg, n);
        put_array(p, "el", e->path_elevation_deg, n);
        v2s_page_put(p, "}");
    }
    v2s_page_put(p, ",\"voices\":[");
    for (int i = 0; i < e->voice_count; i++) {
        v2s_page_put(p, i ? ",{\"name\":" : "{\"name\":");
        v2s_page_json_text(p, e->voices[i].name);
        put_array(p, "az", e->voices[i].azimuth_deg, n);
        put_array(p, "el", e->voices[i].elevation_deg, n);
        v2s_page_put(p, "}");
    }
    v2s_page_put(p, "]}</script>\n");
}

void v2s_page_exhibit(v2s_page *p, const v2s_exhibit *e, int number, const char *label) {
    v2s_file_out_printf(p->out, "<div class=\"exhibit\" id=\"exhibit-%d\">\n", number);
    put_players(p, e, label);
    v2s_file_out_printf(p->out, "<p>Two ears, for headphones; ");
    v2s_page_number(p, e->gain_db, 1, true);
    v2s_page_put(p, " dB for all of them, so that their levels can be compared.");
    if (e->whole_s > e->length_s)
        v2s_file_out_printf(p->out, " The first %.0f s of %.1f s.", e->length_s, e->whole_s);
    v2s_page_put(p, "</p>\n");
    put_time_bar(p, e);
    if (e->map_count > 0) {
        v2s_page_put(p, "<h4>Where it sounds from</h4>\n<p>Amplitude in every direction, each map "
                        "against its loudest one; the front is in the middle, left is left.");
        v2s_page_put(p, e->has_path ? " The cross is the trajectory.</p>\n" : "</p>\n");
        put_stage(p, e);
        put_strip(p, e, label);
        put_directions(p, e);
    }
    put_spectrograms(p, e);
    put_json(p, e);
    v2s_page_put(p, "</div>\n");
}
