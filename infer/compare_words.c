// SPDX-License-Identifier: MIT
// Numbers and verdicts of a comparison in words.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "infer/compare.h"

void v2s_interval_words(const v2s_metric *m, const v2s_interval *i, bool sign, char text[64]) {
    v2s_interval_text(i, m->decimals + (sign ? 1 : 0), sign, text);
}

const char *v2s_verdict_words(v2s_metric_id metric, const v2s_difference *d) {
    static const char *const words[] = {"is worse than", "is not different from", "is better than"};
    return isfinite(d->interval.lo) ? words[v2s_verdict(metric, d) + 1] : NULL;
}

void v2s_cluster_fields(const v2s_comparison *c, char text[32]) {
    const v2s_cluster_use *use = &c->cluster_use;
    const size_t counts[] = {use->room, use->source, use->id};
    static const char *const names[] = {"room", "source", "id"};
    text[0] = '\0';
    for (int i = 0; i < 3; i++)
        if (counts[i] > 0)
            snprintf(text + strlen(text), 32 - strlen(text), "%s%s", text[0] != '\0' ? " or " : "",
                     names[i]);
}

void v2s_cluster_words(const v2s_comparison *c, size_t clusters, char text[48]) {
    const v2s_cluster_use *use = &c->cluster_use;
    const char *s = clusters == 1 ? "" : "s";
    if (use->id > 0 && use->room == 0 && use->source == 0)
        snprintf(text, 48, "%zu id%s", clusters, s);
    else if (use->source == 0 && use->id == 0)
        snprintf(text, 48, "%zu room%s", clusters, s);
    else if (use->room == 0 && use->id == 0)
        snprintf(text, 48, "%zu source%s", clusters, s);
    else
        snprintf(text, 48, "%zu room%s, source%s or id%s", clusters, s, s, s);
}

void v2s_difference_sentence(const v2s_comparison *c, const v2s_summary *s, size_t contrast,
                             int metric, char text[V2S_SENTENCE_MAX]) {
    const v2s_metric *m = &v2s_metrics[metric];
    const v2s_contrast *pair = &c->systems->contrasts[contrast];
    const char *first = c->systems->items[pair->first].name;
    const char *second = c->systems->items[pair->second].name;
    v2s_difference d = v2s_summary_difference(c, s, contrast, metric);
    const char *verdict = v2s_verdict_words((v2s_metric_id)metric, &d);
    char number[64], clusters[48];
    v2s_interval_words(m, &d.interval, true, number);
    v2s_cluster_words(c, s->clusters, clusters);
    if (d.interval.clips == 0)
        snprintf(text, V2S_SENTENCE_MAX, "no clip has %s of both %s and %s", m->name, first,
                 second);
    else if (verdict == NULL)
        snprintf(text, V2S_SENTENCE_MAX, "%s are too few to say whether %s differs from %s in %s",
                 clusters, first, second, m->name);
    else
        snprintf(text, V2S_SENTENCE_MAX,
                 "%s %s %s in %s: %s%s%s, better in %.1f %% of %zu clips from %s", first, verdict,
                 second, m->name, number, m->unit[0] != '\0' ? " " : "", m->unit, 100 * d.win_rate,
                 d.interval.clips, clusters);
}
