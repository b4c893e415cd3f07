// SPDX-License-Identifier: MIT
#include "infer/depth_attention.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/depth_axes.h"
#include "infer/depth_outputs.h"
#include "infer/depth_scores.h"
#include "kernels/base/cancel.h"

// ---- what is asked for ------------------------------------------------------------------------

static v2s_status parse_pixel(const char *text, int size, int *row, int *column) {
    int used = 0;
    int found = sscanf(text, "%d,%d%n", row, column, &used);
    if (found != 2 || text[used] != '\0')
        return V2S_FAIL(V2S_USAGE, "--attention-at: '%s' is not ROW,COL", text);
    if (*row < 0 || *row >= size || *column < 0 || *column >= size)
        return V2S_FAIL(V2S_USAGE, "--attention-at: %s lies outside the %d x %d depth map", text,
                        size, size);
    return V2S_OK;
}

// The middles of thirds.
static void default_pixels(int size, v2s_depth_looks *l) {
    for (int i = 0; i < 9; i++) {
        l->row[i] = (2 * (i / 3) + 1) * size / 6;
        l->column[i] = (2 * (i % 3) + 1) * size / 6;
    }
    l->count = 9;
}

static bool has_attention(const v2s_depth_config *c) {
    for (int level = 1; level <= V2S_DEPTH_LEVELS; level++)
        if (c->attention[level - 1])
            return true;
    return false;
}

v2s_status v2s_depth_looks_open(const v2s_settings *s, const v2s_depth_source *source,
                                const v2s_depth_file *file, v2s_depth_looks *looks) {
    v2s_depth_looks l = {
        .folder = s->attention,
        .in_folders = source->kind == V2S_DEPTH_FOLDER,
        .for_page = s->report != NULL,
        .echo = {file->rate_hz, file->config.max_depth_m, file->config.size, s->resample},
        .config = file->config};
    if (!has_attention(&file->config))
        return V2S_FAIL(V2S_FORMAT, "%s: the network has no attention to look at", s->model);
    if (s->attention_at.count > V2S_DEPTH_LOOKS_MAX)
        return V2S_FAIL(V2S_USAGE, "--attention-at: at most %d pixels, found %zu",
                        V2S_DEPTH_LOOKS_MAX, s->attention_at.count);
    default_pixels(file->config.size, &l);
    for (size_t i = 0; i < s->attention_at.count; i++)
        V2S_TRY(parse_pixel(s->attention_at.items[i], file->config.size, &l.row[i], &l.column[i]));
    if (s->attention_at.count > 0)
        l.count = s->attention_at.count;
    v2s_depth_ramp_init(&l.ramp);
    l.index = cJSON_CreateArray();
    if (l.index == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    *looks = l;
    return V2S_OK;
}

void v2s_depth_looks_close(v2s_depth_looks *l) {
    cJSON_Delete(l->index);
    *l = (v2s_depth_looks){0};
}

// ---- pictures ---------------------------------------------------------------------------------

// One sound on its way into pictures.
typedef struct sitting {
    v2s_depth_looks *l;
    const char *id;
    const v2s_depth_model *model;
    int count, b;
    v2s_depth_album *album;
    float *map;
} sitting;

static const char *const ears[2] = {"left", "right"};

static void add_to_index(const sitting *s, const v2s_depth_look *look, const char *file, int side,
                         const v2s_depth_look_numbers *n) {
    const v2s_echo_config *echo = &s->l->echo;
    cJSON *o = cJSON_CreateObject();
    cJSON_AddItemToArray(s->l->index, o);
    cJSON_AddStringToObject(o, "file", file);
    cJSON_AddStringToObject(o, "id", s->id);
    cJSON_AddNumberToObject(o, "level", look->level);
    cJSON_AddNumberToObject(o, "side", side);
    cJSON_AddStringToObject(o, "ear", ears[look->ear]);
    cJSON_AddStringToObject(o, "looks_into", ears[1 - look->ear]);
    cJSON_AddNumberToObject(o, "row", look->row);
    cJSON_AddNumberToObject(o, "column", look->column);
    v2s_depth_json_number(o, "entropy_bits", n->entropy_bits);
    v2s_depth_json_number(o, "uniform_bits", n->uniform_bits);
    v2s_depth_json_number(o, "peak_weight", n->peak);
    cJSON *centre = cJSON_AddObjectToObject(o, "centre");
    v2s_depth_json_number(centre, "row", n->row);
    v2s_depth_json_number(centre, "column", n->column);
    v2s_depth_json_number(centre, "distance_m", v2s_depth_distance_m(echo, n->column));
    v2s_depth_json_number(centre, "frequency_hz", v2s_depth_frequency_hz(echo, n->row));
}

static v2s_status draw(const sitting *s, const v2s_depth_look_numbers *n, int side,
                       v2s_depth_look *look) {
    size_t pixels = (size_t)s->l->echo.size * (size_t)s->l->echo.size;
    char title[96], subtitle[96];
    snprintf(title, sizeof title, "Level %d: %s ear looks into %s ear", look->level,
             ears[look->ear], ears[1 - look->ear]);
    snprintf(subtitle, sizeof subtitle, "from row %d, column %d, entropy %.1f of %.1f bits",
             look->row, look->column, n->entropy_bits, n->uniform_bits);
    v2s_depth_look_figure figure = {.echo = &s->l->echo,
                                    .ramp = &s->l->ramp,
                                    .side = side,
                                    .map = s->map,
                                    .x = s->model->seen +
                                         (2 * (size_t)s->b + (size_t)(1 - look->ear)) * pixels,
                                    .title = title,
                                    .subtitle = subtitle,
                                    .row = look->row,
                                    .column = look->column};
    return v2s_depth_look_draw(&figure, &look->png, &look->png_size);
}

static v2s_status write_look(const sitting *s, int level, int ear, size_t at) {
    v2s_depth_looks *l = s->l;
    int side = v2s_depth_net_side(s->model->net, level), size = l->echo.size;
    v2s_depth_look look = {.level = level, .ear = ear, .row = l->row[at], .column = l->column[at]};
    int i = look.row * side / size * side + look.column * side / size;
    V2S_TRY(v2s_depth_model_attention(s->model, s->count, level, s->b, ear, i, s->map));
    v2s_depth_look_numbers n;
    v2s_depth_look_measure(side, size, s->map, &n);
    look.entropy_bits = n.entropy_bits;
    look.uniform_bits = n.uniform_bits;
    char file[PATH_MAX], path[PATH_MAX + 256];
    snprintf(file, sizeof file, "%s%slevel%d-%s-into-%s-r%d-c%d.png", l->in_folders ? s->id : "",
             l->in_folders ? "/" : "", level, ears[ear], ears[1 - ear], look.row, look.column);
    snprintf(path, sizeof path, "%s/%s", l->folder, file);
    V2S_TRY(draw(s, &n, side, &look));
    v2s_status status = v2s_depth_write_bytes(path, look.png, look.png_size);
    if (status == V2S_OK)
        add_to_index(s, &look, file, side, &n);
    if (status != V2S_OK || !l->for_page || !v2s_depth_album_look(s->album, s->id, &look))
        free(look.png);
    return status;
}

static v2s_status make_folders(const sitting *s) {
    V2S_TRY(v2s_depth_make_folder(s->l->folder));
    if (!s->l->in_folders)
        return V2S_OK;
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", s->l->folder, s->id) >= PATH_MAX)
        return V2S_FAIL(V2S_ARG, "%s: the path is too long", s->l->folder);
    return v2s_depth_make_folder(path);
}

v2s_status v2s_depth_looks_write(v2s_depth_looks *l, const char *id, const v2s_depth_model *model,
                                 int count, int b, v2s_depth_album *album) {
    size_t cells = (size_t)l->echo.size * (size_t)l->echo.size;
    sitting s = {l, id, model, count, b, album, malloc(cells * sizeof(float))};
    v2s_status status = s.map != NULL ? make_folders(&s) : V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t at = 0; status == V2S_OK && at < l->count; at++)
        for (int level = 1; status == V2S_OK && level <= V2S_DEPTH_LEVELS; level++)
            for (int ear = 0; status == V2S_OK && ear < 2; ear++) {
                if (!l->config.attention[level - 1])
                    continue;
                status = v2s_cancel_check();
                if (status == V2S_OK)
                    status = write_look(&s, level, ear, at);
            }
    free(s.map);
    return status;
}

v2s_status v2s_depth_looks_finish(v2s_depth_looks *l) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/index.json", l->folder) >= PATH_MAX)
        return V2S_FAIL(V2S_ARG, "%s: the path is too long", l->folder);
    char *text = cJSON_Print(l->index);
    if (text == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_status status = v2s_depth_write_bytes(path, (const unsigned char *)text, strlen(text));
    cJSON_free(text);
    return status;
}
