// SPDX-License-Identifier: MIT
// All that is needed to do a comparison again.
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "checkpoints/safetensors.h"
#include "infer/refiner_choice.h"
#include "infer/report_compare.h"
#include "kernels/base/cpu.h"

enum { LINE_MAX_CHARS = 256 };

// The processor's name where the system tells it, else empty.
static void name_processor(char name[LINE_MAX_CHARS]) {
    FILE *f = fopen("/proc/cpuinfo", "r");
    char line[LINE_MAX_CHARS];
    name[0] = '\0';
    while (f != NULL && name[0] == '\0' && fgets(line, sizeof line, f) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon != NULL)
            snprintf(name, LINE_MAX_CHARS, "%.*s, ", (int)strcspn(colon + 2, "\n"), colon + 2);
    }
    if (f != NULL)
        fclose(f);
}

static void begin_row(v2s_page *p, const char *label) {
    v2s_page_put(p, "<tr><th scope=\"row\">");
    v2s_page_text(p, label);
    v2s_page_put(p, "</th><td>");
}

void v2s_page_row(v2s_page *p, const char *label, const char *value) {
    begin_row(p, label);
    v2s_page_text(p, value);
    v2s_page_put(p, "</td></tr>\n");
}

static void put_date(v2s_page *p) {
    time_t now = time(NULL);
    struct tm utc;
    char text[64] = "unknown";
    if (gmtime_r(&now, &utc) != NULL)
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &utc);
    v2s_page_row(p, "date", text);
}

static void put_machine(v2s_page *p, const v2s_settings *s) {
    char name[LINE_MAX_CHARS];
    name_processor(name);
    begin_row(p, "processor");
    v2s_page_text(p, name);
    v2s_file_out_printf(p->out, "%s, %d threads; device ", v2s_isa_name(v2s_cpu_isa()),
                        v2s_settings_threads(s));
    v2s_page_text(p, s->device);
    v2s_page_put(p, "</td></tr>\n");
}

// "1234 of split test and pairing omni (..)": of one manifest.
static void put_manifest(v2s_page *p, const v2s_comparison *c, const v2s_manifest *m) {
    size_t used = 0;
    for (size_t i = 0; i < c->result_count; i++)
        used += c->results[i].clip >= m->clips && c->results[i].clip < m->clips + m->count &&
                c->results[i].fate == V2S_FATE_JUDGED;
    begin_row(p, "manifest");
    v2s_page_text(p, m->path);
    v2s_file_out_printf(p->out,
                        ": %zu clips, %zu lines that cannot be used; %zu clips judged"
                        "</td></tr>\n",
                        m->count, m->skipped, used);
}

static v2s_status put_checkpoint(v2s_page *p, const v2s_system *system) {
    char path[PATH_MAX];
    v2s_safetensors *file = NULL;
    const char *key, *value;
    v2s_refiner_path(system->file, path);
    V2S_TRY(v2s_safetensors_open(path, &file));
    begin_row(p, system->name);
    v2s_page_text(p, path);
    v2s_file_out_printf(p->out, ", CRC-32 of its tensors %08x", v2s_safetensors_crc32(file));
    v2s_page_put(p, "<details><summary>Its metadata</summary><table class=\"rows\"><tbody>\n");
    for (int i = 0; v2s_safetensors_metadata_at(file, i, &key, &value); i++)
        v2s_page_row(p, key, value);
    v2s_page_put(p, "</tbody></table></details></td></tr>\n");
    v2s_safetensors_close(&file);
    return V2S_OK;
}

static void put_metrics(v2s_page *p, const v2s_comparison *c, const v2s_settings *s) {
    const char *before = "";
    begin_row(p, "metrics");
    for (int m = 0; m < V2S_METRIC_COUNT; m++)
        if (v2s_page_shows(c, m)) {
            v2s_page_put(p, before);
            v2s_page_text(p, v2s_metrics[m].name);
            before = ", ";
        }
    v2s_page_put(p, s->normalise ? "; normalised" : "; not normalised");
    v2s_page_put(p, s->librosa == 0 ? ", padding of librosa 0.8" : ", padding of librosa 0.9");
    v2s_page_put(p, s->recorded ? "; the rule for real recordings for every clip</td></tr>\n"
                                : "</td></tr>\n");
}

void v2s_page_run_rows(v2s_page *p, const char *command, const v2s_settings *s) {
    v2s_page_row(p, "command", command);
    v2s_page_row(p, "version", "vid2spatial " V2S_VERSION);
    put_date(p);
    put_machine(p, s);
}

v2s_status v2s_page_repeat(v2s_page *p, const v2s_comparison *c, const v2s_comparison_run *run) {
    const v2s_settings *s = run->settings;
    v2s_page_put(p, "<section><h2>To do it again</h2>\n<table class=\"rows\"><tbody>\n");
    v2s_page_run_rows(p, run->command, s);
    for (size_t i = 0; i < s->inputs.count; i++)
        put_manifest(p, c, &run->manifests[i]);
    v2s_page_row(p, "split",
                 s->split == V2S_SPLIT_COUNT ? "all" : v2s_split_name((v2s_split)s->split));
    for (size_t i = 0; i < c->systems->count; i++)
        if (c->systems->items[i].file != NULL)
            V2S_TRY(put_checkpoint(p, &c->systems->items[i]));
    put_metrics(p, c, s);
    char fields[32];
    v2s_cluster_fields(c, fields);
    begin_row(p, "intervals");
    v2s_file_out_printf(p->out,
                        "95 %%, paired bootstrap, %d draws of clusters (field %s), seed %llu"
                        "</td></tr>\n",
                        c->draws, fields, (unsigned long long)c->seed);
    v2s_page_row(p, "ears", run->hrtf->title[0] != '\0' ? run->hrtf->title : "no title");
    if (s->hrtf != NULL)
        v2s_page_row(p, "head file", s->hrtf);
    v2s_page_put(p, "</tbody></table>\n</section>\n");
    return V2S_OK;
}
