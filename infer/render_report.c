// SPDX-License-Identifier: MIT
// Gathers what the report page shows of a finished render.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/compress.h"
#include "infer/quote.h"
#include "infer/render.h"

static const double player_max_s = 600.0;
enum { PLAYER_BIT_RATE = 96000, PLAYERS = 2 };

typedef struct page {
    v2s_report_object *objects; // [paths->count]
    v2s_report_state **states;  // [paths->count]
    v2s_report_map *maps;
    size_t map_count;
    v2s_report_player players[PLAYERS];
    size_t player_count;
    char *command;
} page;

static v2s_status add_states(const v2s_render *r, size_t index, page *p) {
    const v2s_tracked_object *o = &r->tracking.objects[index];
    v2s_report_state *states = malloc(o->count * sizeof *states);
    if (states == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < o->count; i++)
        states[i] = (v2s_report_state){r->tracking.times_s[o->first + i], o->tracks[i].state,
                                       o->tracks[i].confidence};
    p->states[index] = states;
    p->objects[index].states = states;
    p->objects[index].state_count = o->count;
    return V2S_OK;
}

static v2s_status add_objects(const v2s_render *r, page *p) {
    p->objects = calloc(r->paths->count, sizeof *p->objects);
    p->states = calloc(r->paths->count, sizeof *p->states);
    if (p->objects == NULL || p->states == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; i < r->paths->count; i++) {
        p->objects[i].trajectory = &r->paths->items[i];
        if (r->tracking.objects != NULL)
            V2S_TRY(add_states(r, i, p));
    }
    return V2S_OK;
}

// A sound that cannot be compressed (no Opus encoder) costs the page its player, not the render.
static void add_player(v2s_render *r, page *p, const char *label, const char *path,
                       double length_s) {
    unsigned char *bytes = NULL;
    size_t size = 0;
    if (v2s_compress_opus(path, player_max_s, PLAYER_BIT_RATE, &bytes, &size) != V2S_OK) {
        v2s_run_log_warn(&r->log, "the report has no player for the %s: %s", label,
                         v2s_error_text());
        return;
    }
    p->players[p->player_count++] = (v2s_report_player){
        label, "audio/ogg", length_s > player_max_s ? "the first ten minutes" : NULL, bytes, size};
}

static v2s_status gather(v2s_render *r, page *p) {
    V2S_TRY(add_objects(r, p));
    V2S_TRY(v2s_map_log_maps(v2s_outputs_maps(r->outputs), &p->maps, &p->map_count));
    double length_s = v2s_outputs_duration_s(r->outputs);
    const char *binaural = r->settings->binaural ? r->settings->binaural : r->temp_binaural;
    add_player(r, p, "binaural preview (headphones)", binaural, length_s);
    add_player(r, p, "original sound", v2s_render_sound_path(r, r->paths->items[0].name), length_s);
    p->command = v2s_quote_command(r->argc, r->argv);
    return p->command == NULL ? V2S_FAIL(V2S_NOMEM, "out of memory") : V2S_OK;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

static void free_page(const v2s_render *r, page *p) {
    for (size_t i = 0; p->states != NULL && i < r->paths->count; i++)
        free(p->states[i]);
    free(p->states);
    free(p->objects);
    free(p->maps);
    for (size_t i = 0; i < p->player_count; i++)
        free((void *)p->players[i].bytes);
    free(p->command);
}

v2s_status v2s_render_write_report(v2s_render *r) {
    page p = {0};
    v2s_status status = gather(r, &p);
    if (status == V2S_OK) {
        v2s_report report = {
            .title = base_name(r->input != NULL ? r->input : r->settings->trajectory),
            .command = p.command,
            .version = V2S_VERSION,
            .rows = r->log.rows,
            .row_count = r->log.row_count,
            .warnings = r->log.warnings,
            .warning_count = r->log.warning_count,
            .frames = r->tracking.strip.frames,
            .frame_count = r->tracking.strip.count,
            .objects = p.objects,
            .object_count = r->paths->count,
            .maps = p.maps,
            .map_count = p.map_count,
            .players = p.players,
            .player_count = p.player_count,
        };
        status = v2s_report_write(r->settings->report, &report);
    }
    free_page(r, &p);
    return status;
}
