// SPDX-License-Identifier: MIT
#include "infer/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infer/report_internal.h"

static void widen(v2s_page *page, double time_s) {
    if (!isfinite(time_s) || fabs(time_s) > 1e9)
        return;
    page->start_s = page->has_time ? fmin(page->start_s, time_s) : time_s;
    page->end_s = page->has_time ? fmax(page->end_s, time_s) : time_s;
    page->has_time = true;
}

// One time axis for everything that has a time.
static void find_times(v2s_page *page) {
    const v2s_report *r = page->report;
    for (size_t i = 0; i < r->object_count; i++) {
        const v2s_trajectory *t = r->objects[i].trajectory;
        for (size_t k = 0; t && t->points && k < t->count; k++)
            widen(page, t->points[k].time_s);
        for (size_t k = 0; r->objects[i].states && k < r->objects[i].state_count; k++)
            widen(page, r->objects[i].states[k].time_s);
    }
    for (size_t i = 0; i < r->frame_count; i++)
        widen(page, r->frames[i].time_s);
    for (size_t i = 0; i < r->map_count; i++)
        widen(page, r->maps[i].time_s);
    if (page->end_s - page->start_s < 1e-3)
        page->end_s = page->start_s + 1.0;
}

static void put_head(v2s_page *page) {
    // The policy forbids the page to load anything that is not in it.
    v2s_page_put(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                       "img-src data:; media-src data:; style-src 'unsafe-inline'; "
                       "script-src 'unsafe-inline'\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                       "<meta name=\"color-scheme\" content=\"light dark\">\n"
                       "<link rel=\"icon\" href=\"data:,\">\n<title>");
    v2s_page_text(page, page->report->title);
    v2s_page_put(page, " - spatial sound</title>\n<style>\n");
    v2s_page_put(page, v2s_report_page_css);
    v2s_page_put(page, "</style>\n</head>\n<body>\n<main>\n");
}

static void put_header(v2s_page *page) {
    const v2s_report *r = page->report;
    v2s_page_put(page, "<header><h1>");
    v2s_page_text(page, r->title);
    v2s_page_put(page, "</h1>\n");
    if (r->command && r->command[0]) {
        v2s_page_put(page, "<pre class=\"command\" tabindex=\"0\" aria-label=\"Command\"><code>");
        v2s_page_text(page, r->command);
        v2s_page_put(page, "</code></pre>\n");
    }
    v2s_page_put(page, "</header>\n");
}

static void put_warnings(v2s_page *page) {
    const v2s_report *r = page->report;
    if (r->warning_count == 0)
        return;
    v2s_file_out_printf(
        page->out, "<section id=\"warnings\" class=\"warnings\"><h2>%zu warning%s</h2>\n<ul>\n",
        r->warning_count, r->warning_count == 1 ? "" : "s");
    for (size_t i = 0; i < r->warning_count; i++) {
        v2s_page_put(page, "<li>");
        v2s_page_text(page, r->warnings[i]);
        v2s_page_put(page, "</li>\n");
    }
    v2s_page_put(page, "</ul>\n</section>\n");
}

static void put_summary(v2s_page *page) {
    const v2s_report *r = page->report;
    if (r->row_count == 0)
        return;
    v2s_page_put(page, "<section id=\"summary\"><h2>Summary</h2>\n<table class=\"rows\"><tbody>\n");
    for (size_t i = 0; i < r->row_count; i++) {
        v2s_page_put(page, "<tr><th scope=\"row\">");
        v2s_page_text(page, r->rows[i].label);
        v2s_page_put(page, "</th><td>");
        v2s_page_text(page, r->rows[i].value);
        v2s_page_put(page, "</td></tr>\n");
    }
    v2s_page_put(page, "</tbody></table>\n</section>\n");
}

// Ends the attribute before it and opens src, which a missing file must not leave empty: an empty
// address means the page itself.
static void put_source(v2s_page *page, const char *mime, const unsigned char *bytes, size_t size) {
    if (!bytes || size == 0)
        return;
    v2s_page_put(page, "\" src=\"");
    v2s_page_data_uri(page, mime, bytes, size);
}

static void put_players(v2s_page *page) {
    const v2s_report *r = page->report;
    if (r->player_count == 0)
        return;
    v2s_page_put(page, "<section id=\"listen\"><h2>Listen</h2>\n");
    for (size_t i = 0; i < r->player_count; i++) {
        const v2s_report_player *p = &r->players[i];
        v2s_page_put(page, "<figure class=\"player\"><figcaption><b>");
        v2s_page_text(page, p->label);
        v2s_page_put(page, "</b>");
        if (p->note && p->note[0]) {
            v2s_page_put(page, " <small>");
            v2s_page_text(page, p->note);
            v2s_page_put(page, "</small>");
        }
        v2s_page_put(page, "</figcaption><audio controls preload=\"metadata\" aria-label=\"");
        v2s_page_text(page, p->label);
        put_source(page, p->mime, p->bytes, p->size);
        v2s_page_put(page, "\"></audio></figure>\n");
    }
    v2s_page_put(page, "</section>\n");
}

static void put_frames(v2s_page *page) {
    const v2s_report *r = page->report;
    if (r->frame_count == 0)
        return;
    v2s_page_put(page, "<section id=\"frames\"><h2>Pictures</h2>\n<ol class=\"strip\" "
                       "tabindex=\"0\" aria-label=\"Pictures of the video with boxes\">\n");
    for (size_t i = 0; i < r->frame_count; i++) {
        const v2s_report_frame *f = &r->frames[i];
        char time[V2S_PAGE_TIME_MAX];
        v2s_page_time(time, f->time_s);
        v2s_file_out_printf(page->out,
                            "<li><button type=\"button\" data-time=\"%.4f\"><img alt=\"Picture at "
                            "%s with the tracked boxes",
                            isfinite(f->time_s) ? f->time_s : 0.0, time);
        put_source(page, "image/jpeg", f->jpeg, f->jpeg_size);
        v2s_file_out_printf(page->out, "\"><span>%s</span></button></li>\n", time);
    }
    v2s_page_put(page, "</ol>\n</section>\n");
}

static void put_footer(v2s_page *page) {
    v2s_page_put(page, "<footer><p>Azimuth 0° is the front and counts to the left (+90°), behind "
                       "is ±180°; elevation counts up. The axes are x front, y left, z up. "
                       "Made by vid2spatial ");
    v2s_page_text(page, page->report->version);
    v2s_page_put(page, ".</p></footer>\n</main>\n");
}

static v2s_status put_page(v2s_page *page, const v2s_curves *curves) {
    const v2s_report *r = page->report;
    put_head(page);
    put_header(page);
    put_warnings(page);
    if (r->row_count > 0 || r->player_count > 0) {
        v2s_page_put(page, "<div class=\"pair intro\">\n");
        put_summary(page);
        put_players(page);
        v2s_page_put(page, "</div>\n");
    }
    put_frames(page);
    if (r->object_count > 0) {
        v2s_page_plots(page, curves);
        v2s_page_top_view(page, curves);
    }
    if (r->map_count > 0)
        V2S_TRY(v2s_page_maps(page));
    if (r->object_count > 0)
        v2s_page_table(page, curves);
    put_footer(page);
    v2s_page_json(page, curves);
    v2s_page_put(page, "<script>\n");
    v2s_page_put(page, v2s_report_page_js);
    v2s_page_put(page, "</script>\n</body>\n</html>\n");
    return v2s_file_out_status(page->out);
}

v2s_status v2s_report_write(const char *path, const v2s_report *report) {
    v2s_page page = {.report = report};
    v2s_status status = V2S_OK;
    v2s_curves *curves = calloc(report->object_count + 1, sizeof *curves);
    if (!curves)
        return V2S_FAIL(V2S_NOMEM, "%s: no memory for %zu objects", path, report->object_count);
    find_times(&page);
    for (size_t i = 0; i < report->object_count; i++)
        V2S_TRY_GOTO(status, v2s_curves_open(&report->objects[i], &curves[i]), done);
    V2S_TRY_GOTO(status, v2s_file_out_open(path, &page.out), done);
    V2S_TRY_GOTO(status, put_page(&page, curves), done);
    status = v2s_file_out_commit(page.out);
done:
    v2s_file_out_close(&page.out);
    for (size_t i = 0; i < report->object_count; i++)
        v2s_curves_close(&curves[i]);
    free(curves);
    return status;
}
