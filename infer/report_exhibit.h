// SPDX-License-Identifier: MIT
// An exhibit (infer/exhibit.h) as a part of a page: players, one time for all of them, energy maps
// side by side, directions over time, spectrograms. Everything shows without a script; with
// report_compare.js the time moves through players, maps and curves.
#ifndef V2S_INFER_REPORT_EXHIBIT_H
#define V2S_INFER_REPORT_EXHIBIT_H

#include "infer/exhibit.h"
#include "infer/report_internal.h"

// `number` tells the exhibits of a page apart; `label` names it to screen readers, any text.
void v2s_page_exhibit(v2s_page *page, const v2s_exhibit *exhibit, int number, const char *label);

// Styles and script of exhibits, made at build time (embed.cmake).
extern const char v2s_report_compare_css[];
extern const char v2s_report_compare_js[];

#endif
