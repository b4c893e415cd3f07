// SPDX-License-Identifier: MIT
// Parts of a comparison's page that its files share. Nothing outside infer/report_compare*.c and
// infer/report_pair.c includes this.
#ifndef V2S_INFER_REPORT_COMPARE_H
#define V2S_INFER_REPORT_COMPARE_H

#include "infer/compare.h"
#include "infer/report_exhibit.h"

// ---- words (report_compare.c) -----------------------------------------------------------------

bool v2s_page_shows(const v2s_comparison *c, int metric);
bool v2s_page_has_refiner(const v2s_comparison *c);
// The score of the first system of a kind; not a number where there is none.
double v2s_page_score(const v2s_comparison *c, const v2s_clip_result *r, v2s_system_kind kind,
                      int metric);

// "0.154 [0.140, 0.170]"
void v2s_page_interval(v2s_page *page, const v2s_interval *interval, int decimals, bool sign);
// "level (S2), dB"
void v2s_page_metric_name(v2s_page *page, const v2s_metric *metric);
// Heads of one column for every metric that the page shows, and the end of the table's head.
void v2s_page_metric_columns(v2s_page *page, const v2s_comparison *c);
// The number of the colour, "v1", of a kind of system in players and curves.
int v2s_page_voice_colour(v2s_system_kind kind);
// The metric that ranks clips: the first of diffuseness, level, lsd, then of the table, for which
// the comparison has numbers. -1: none.
int v2s_page_ranking_metric(const v2s_comparison *c);

// ---- parts ------------------------------------------------------------------------------------

// report_compare_table.c: means with intervals, differences with their verdicts; recordings.
V2S_MUST_USE v2s_status v2s_page_score_tables(v2s_page *page, const v2s_comparison *c);
// report_compare_cards.c: per metric a sentence, intervals as bars, differences clip by clip.
// NOMEM.
V2S_MUST_USE v2s_status v2s_page_cards(v2s_page *page, const v2s_comparison *c);
// report_compare_scatter.c: refined over geometric, a point a clip, of the metrics that decide;
// nothing where there are more than 2000 clips or no refiner.
void v2s_page_scatters(v2s_page *page, const v2s_comparison *c);
// report_compare_clips.c: best and worst clips with their exhibits.
V2S_MUST_USE v2s_status v2s_page_clips(v2s_page *page, const v2s_comparison *c,
                                       const v2s_comparison_run *run);
// report_compare_repeat.c: all that is needed to do the same again. FORMAT, IO of a checkpoint
// that is no longer what it was.
V2S_MUST_USE v2s_status v2s_page_repeat(v2s_page *page, const v2s_comparison *c,
                                        const v2s_comparison_run *run);
// The same, row by row of a table: one of them, and those of every run.
void v2s_page_row(v2s_page *page, const char *label, const char *value);
void v2s_page_run_rows(v2s_page *page, const char *command, const v2s_settings *settings);

#endif
