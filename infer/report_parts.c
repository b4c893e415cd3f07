// SPDX-License-Identifier: MIT
// Head, summary and foot of pages other than a render's.
#include "infer/report_internal.h"
#include "infer/run_log.h"

// Of tables of scores, cards in a grid and drawings with their own texts.
static const char STYLE[] =
    ".verdict { font-weight: 600; white-space: nowrap; }\n"
    ".better { color: var(--c2); } .worse { color: var(--c1); } .same { color: var(--soft); }\n"
    ".grid { display: grid; gap: 1.2rem; grid-template-columns: "
    "repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); }\n"
    ".card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; "
    "padding: 0.8rem 0.9rem; }\n"
    ".card svg { width: 100%; height: auto; display: block; }\n"
    "svg text { fill: var(--ink); stroke: none; font-size: 20px; } svg .soft { fill: var(--soft); "
    "}\n"
    "svg .axis { stroke: var(--grid); stroke-width: 1; } svg .zero { stroke: var(--zero); "
    "stroke-width: 1.5; fill: none; }\n"
    "svg .k0 { stroke: var(--c0); fill: var(--c0); } svg .k1 { stroke: var(--c1); "
    "fill: var(--c1); }\n"
    "svg .k2 { stroke: var(--c4); fill: var(--c4); } svg .k3 { stroke: var(--c3); "
    "fill: var(--c3); }\n"
    "svg .k4 { stroke: var(--c2); fill: var(--c2); } svg .k5 { stroke: var(--c5); "
    "fill: var(--c5); }\n"
    "svg line.ci { stroke-width: 5; "
    "stroke-linecap: round; }\n"
    "table.scores { font-variant-numeric: tabular-nums; }\n"
    "table.scores td { white-space: nowrap; padding-right: 1rem; }\n"
    "table.scores small { display: block; white-space: normal; min-width: 11rem; }\n";

void v2s_page_head(v2s_page *p, const char *title, const char *style, const char *heading,
                   const char *command) {
    v2s_page_put(p, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                    "img-src data:; style-src 'unsafe-inline'");
    v2s_page_put(p, p->has_script ? "; media-src data:; script-src 'unsafe-inline'\">\n" : "\">\n");
    v2s_page_put(p, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                    "<meta name=\"color-scheme\" content=\"light dark\">\n"
                    "<link rel=\"icon\" href=\"data:,\">\n<title>");
    v2s_page_text(p, title);
    v2s_page_put(p, "</title>\n<style>\n");
    v2s_page_put(p, v2s_report_page_css);
    v2s_page_put(p, STYLE);
    v2s_page_put(p, style);
    v2s_page_put(p, "</style>\n</head>\n<body>\n<main>\n<header><h1>");
    v2s_page_text(p, heading);
    v2s_page_put(p, "</h1>\n<pre class=\"command\" tabindex=\"0\" aria-label=\"Command\"><code>");
    v2s_page_text(p, command);
    v2s_page_put(p, "</code></pre>\n</header>\n");
}

void v2s_page_log(v2s_page *p, const v2s_run_log *log) {
    if (log->warning_count > 0)
        v2s_page_put(p, "<section class=\"warnings\"><h2>Warnings</h2>\n<ul>\n");
    for (size_t i = 0; i < log->warning_count; i++) {
        v2s_page_put(p, "<li>");
        v2s_page_text(p, log->warnings[i]);
        v2s_page_put(p, "</li>\n");
    }
    if (log->warning_count > 0)
        v2s_page_put(p, "</ul>\n</section>\n");
    if (log->row_count == 0)
        return;
    v2s_page_put(p, "<section><h2>Summary</h2>\n<table class=\"rows\"><tbody>\n");
    for (size_t i = 0; i < log->row_count; i++) {
        v2s_page_put(p, "<tr><th scope=\"row\">");
        v2s_page_text(p, log->rows[i].label);
        v2s_page_put(p, "</th><td>");
        v2s_page_text(p, log->rows[i].value);
        v2s_page_put(p, "</td></tr>\n");
    }
    v2s_page_put(p, "</tbody></table>\n</section>\n");
}

void v2s_page_foot_script(v2s_page *p, const char *script) {
    v2s_page_put(p, "<footer><p>Made by vid2spatial " V2S_VERSION ".</p></footer>\n</main>\n");
    if (script != NULL) {
        v2s_page_put(p, "<script>\n");
        v2s_page_put(p, script);
        v2s_page_put(p, "</script>\n");
    }
    v2s_page_put(p, "</body>\n</html>\n");
}

void v2s_page_foot(v2s_page *p) {
    v2s_page_foot_script(p, NULL);
}
