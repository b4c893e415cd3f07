// SPDX-License-Identifier: MIT
// The trajectories as numbers: a short table for people, JSON for the page's script.
#include <math.h>

#include "infer/report_internal.h"

enum { TABLE_ROWS = 40, JSON_POINTS = 2000 };

static double wrapped_deg(double deg) {
    return deg - 360.0 * floor((deg + 180.0) / 360.0);
}

static void put_cell(v2s_page *page, double value, int decimals) {
    if (isfinite(value))
        v2s_file_out_printf(page->out, "<td>%.*f</td>", decimals, value);
    else
        v2s_page_put(page, "<td>&ndash;</td>");
}

static const char *state_word(const v2s_report_object *object, double time_s) {
    static const char *const words[] = {
        [V2S_TRACKED] = "tracked", [V2S_HELD] = "held", [V2S_REDETECTED] = "found again"};
    const char *word = "";
    for (size_t i = 0; object->states && i < object->state_count; i++) {
        int state = (int)object->states[i].state;
        if (!(object->states[i].time_s <= time_s + 1e-6))
            break;
        word = state >= 0 && state < (int)(sizeof words / sizeof *words) ? words[state] : "";
    }
    return word;
}

static void put_object_table(v2s_page *page, const v2s_curves *c, size_t object) {
    char name[96];
    size_t rows = c->count < TABLE_ROWS ? c->count : TABLE_ROWS;
    v2s_page_object_name(page, object, name);
    v2s_page_put(page, "<table class=\"numbers\"><caption>");
    v2s_page_text(page, name);
    v2s_file_out_printf(page->out, ": %zu of %zu points</caption>\n", rows, c->count);
    v2s_page_put(page, "<thead><tr><th scope=\"col\">time, s</th><th scope=\"col\">azimuth, °</th>"
                       "<th scope=\"col\">elevation, °</th><th scope=\"col\">distance, m</th>"
                       "<th scope=\"col\">confidence</th><th scope=\"col\">state</th></tr></thead>"
                       "<tbody>\n");
    for (size_t row = 0; row < rows; row++) {
        // Both ends and even steps between them; i * (n - 1) stays far below 2^64.
        size_t i = rows > 1 ? row * (c->count - 1) / (rows - 1) : 0;
        v2s_page_put(page, "<tr>");
        put_cell(page, c->time_s[i], 2);
        put_cell(page, wrapped_deg(c->azimuth_deg[i]), 1);
        put_cell(page, c->elevation_deg[i], 1);
        put_cell(page, c->distance_m[i], 2);
        put_cell(
            page,
            v2s_curve_at(c->confidence_time_s, c->confidence, c->confidence_count, c->time_s[i]),
            2);
        v2s_file_out_printf(page->out, "<td>%s</td></tr>\n",
                            state_word(&page->report->objects[object], c->time_s[i]));
    }
    v2s_page_put(page, "</tbody></table>\n");
}

void v2s_page_table(v2s_page *page, const v2s_curves *curves) {
    v2s_page_put(page, "<section id=\"numbers\"><h2>Positions as numbers</h2>\n"
                       "<details><summary>Show the table</summary><div class=\"wide\" "
                       "tabindex=\"0\" role=\"region\" aria-label=\"Positions\">\n");
    for (size_t i = 0; i < page->report->object_count; i++)
        put_object_table(page, &curves[i], i);
    v2s_page_put(page, "</div></details>\n</section>\n");
}

static void put_array(v2s_page *page, const char *key, const double *values, size_t count,
                      int decimals) {
    size_t points = count < JSON_POINTS ? count : JSON_POINTS;
    v2s_file_out_printf(page->out, ",\"%s\":[", key);
    for (size_t k = 0; k < points; k++) {
        size_t i = points > 1 ? k * (count - 1) / (points - 1) : 0;
        v2s_page_put(page, k ? "," : "");
        v2s_page_json_number(page, values[i], decimals);
    }
    v2s_page_put(page, "]");
}

// {"start":0,"end":10,"objects":[{"name":"..","t":[..],"az":[..],...,"ct":[..],"conf":[..]}]};
// az is unwrapped, so that the script may interpolate.
void v2s_page_json(v2s_page *page, const v2s_curves *curves) {
    v2s_file_out_printf(page->out,
                        "<script type=\"application/json\" id=\"data\">{\"start\":%.6f,"
                        "\"end\":%.6f,\"objects\":[",
                        page->start_s, page->end_s);
    for (size_t i = 0; i < page->report->object_count; i++) {
        const v2s_curves *c = &curves[i];
        char name[96];
        v2s_page_object_name(page, i, name);
        v2s_page_put(page, i ? ",\n{\"name\":" : "\n{\"name\":");
        v2s_page_json_text(page, name);
        put_array(page, "t", c->time_s, c->count, 3);
        put_array(page, "az", c->azimuth_deg, c->count, 2);
        put_array(page, "el", c->elevation_deg, c->count, 2);
        put_array(page, "dist", c->distance_m, c->count, 3);
        put_array(page, "front", c->front_m, c->count, 3);
        put_array(page, "left", c->left_m, c->count, 3);
        put_array(page, "ct", c->confidence_time_s, c->confidence_count, 3);
        put_array(page, "conf", c->confidence, c->confidence_count, 3);
        v2s_page_put(page, "}");
    }
    v2s_page_put(page, "]}</script>\n");
}
