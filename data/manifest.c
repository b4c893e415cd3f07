// SPDX-License-Identifier: MIT
#include "data/manifest.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/text_lines.h"
#include "kernels/base/array.h"

enum { LINE_MAX_BYTES = 65536, ID_MAX_BYTES = 200, RT60_MAX_S = 100 };

static const char *const SPLITS[V2S_SPLIT_COUNT + 1] = {"train", "val", "test", NULL};
static const char *const PAIRINGS[V2S_PAIRING_COUNT + 1] = {"dry", "omni", "binaural", "depth",
                                                            NULL};
static const char *const LAYOUTS[] = {"ambix", "n3d", "fuma", "wxyz_sn3d", "binaural", NULL};

typedef struct reader {
    v2s_text_lines lines;
    v2s_manifest_rules rules;
    size_t folder_length; // of the path, with the slash; 0: the current folder
    const cJSON *object;
    bool outside; // a path of the present line leaves the folder
    v2s_manifest m;
    size_t clip_capacity, reason_capacity;
    void *ids; // tsearch tree of the ids so far
} reader;

const char *v2s_split_name(v2s_split split) {
    return SPLITS[split];
}

const char *v2s_pairing_name(v2s_pairing pairing) {
    return PAIRINGS[pairing];
}

const char *v2s_clip_cluster(const v2s_clip *clip) {
    return clip->room != NULL ? clip->room : clip->source != NULL ? clip->source : clip->id;
}

static void clip_free(v2s_clip *c) {
    char *const texts[] = {c->id,       c->truth, c->dry,    c->trajectory, c->layout,
                           c->room,     c->sound, c->source, c->licence,    c->audio[0],
                           c->audio[1], c->depth, c->flag};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
}

void v2s_manifest_free(v2s_manifest *m) {
    for (size_t i = 0; i < m->count; i++)
        clip_free(&m->clips[i]);
    for (size_t i = 0; i < m->skipped; i++)
        free(m->skip_reasons[i]);
    free(m->clips);
    free(m->skip_reasons);
    free(m->path);
    *m = (v2s_manifest){0};
}

// ---- fields -----------------------------------------------------------------------------------

static const cJSON *field(const reader *r, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(r->object, key);
    return item == NULL || cJSON_IsNull(item) ? NULL : item;
}

static v2s_status copy_text(const char *text, char **out) {
    *out = strdup(text);
    return *out != NULL ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
}

static v2s_status get_text(const reader *r, const char *key, bool required, char **out) {
    const cJSON *item = field(r, key);
    if (item == NULL)
        return required ? v2s_text_lines_bad(&r->lines, "%s is missing", key) : V2S_OK;
    if (!cJSON_IsString(item) || item->valuestring[0] == '\0')
        return v2s_text_lines_bad(&r->lines, "%s: expected a text", key);
    return copy_text(item->valuestring, out);
}

static v2s_status get_word(const reader *r, const char *key, const char *const *words, int *index) {
    const cJSON *item = field(r, key);
    if (item == NULL)
        return v2s_text_lines_bad(&r->lines, "%s is missing", key);
    for (int i = 0; cJSON_IsString(item) && words[i] != NULL; i++)
        if (strcmp(item->valuestring, words[i]) == 0) {
            *index = i;
            return V2S_OK;
        }
    char list[128] = "";
    for (int i = 0; words[i] != NULL; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i > 0 ? "|" : "",
                 words[i]);
    return v2s_text_lines_bad(&r->lines, "%s: expected %s, found %.40s", key, list,
                              cJSON_IsString(item) ? item->valuestring : "something else");
}

static v2s_status check_number(const reader *r, const cJSON *item, const char *key, double low,
                               double high, double *value) {
    if (!cJSON_IsNumber(item))
        return v2s_text_lines_bad(&r->lines, "%s: expected a number", key);
    if (!(item->valuedouble >= low && item->valuedouble <= high))
        return v2s_text_lines_bad(&r->lines, "%s: expected %g to %g, found %g", key, low, high,
                                  item->valuedouble);
    *value = item->valuedouble;
    return V2S_OK;
}

static v2s_status get_number(const reader *r, const char *key, double low, double high,
                             double *value) {
    const cJSON *item = field(r, key);
    return item == NULL ? V2S_OK : check_number(r, item, key, low, high, value);
}

static v2s_status get_flag(const reader *r, const char *key, bool *value) {
    const cJSON *item = field(r, key);
    if (item != NULL && !cJSON_IsBool(item))
        return v2s_text_lines_bad(&r->lines, "%s: expected true or false", key);
    *value = item != NULL && cJSON_IsTrue(item);
    return V2S_OK;
}

static v2s_status get_rt60(const reader *r, v2s_clip *clip) {
    const cJSON *item = field(r, "rt60_s");
    if (item == NULL)
        return V2S_OK;
    int count = cJSON_IsArray(item) ? cJSON_GetArraySize(item) : 1;
    if (count != 1 && count != V2S_CLIP_BANDS)
        return v2s_text_lines_bad(&r->lines, "rt60_s: expected 1 or %d numbers, found %d",
                                  V2S_CLIP_BANDS, count);
    const cJSON *one = cJSON_IsArray(item) ? item->child : item;
    for (int i = 0; i < count; i++, one = one->next)
        V2S_TRY(check_number(r, one, "rt60_s", 0, RT60_MAX_S, &clip->rt60_s[i]));
    clip->rt60_count = count;
    return V2S_OK;
}

// A text, or a list of texts joined by line ends.
static v2s_status get_sound(const reader *r, char **out) {
    const cJSON *list = field(r, "sound"), *one;
    if (!cJSON_IsArray(list))
        return get_text(r, "sound", false, out);
    size_t size = 1, used = 0;
    cJSON_ArrayForEach(one, list) {
        if (!cJSON_IsString(one) || one->valuestring[0] == '\0')
            return v2s_text_lines_bad(&r->lines, "sound: expected a text or a list of texts");
        size += strlen(one->valuestring) + 1;
    }
    if (cJSON_GetArraySize(list) == 0)
        return V2S_OK;
    if ((*out = malloc(size)) == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    cJSON_ArrayForEach(one, list) {
        used += (size_t)snprintf(*out + used, size - used, "%s%s", used > 0 ? "\n" : "",
                                 one->valuestring);
    }
    return V2S_OK;
}

// Whether a path is absolute, or climbs above where it starts. Links are followed: only somebody
// who can write the folder can make one.
static bool leaves_folder(const char *path) {
    int depth = 0;
    if (*path == '/')
        return true;
    while (*path != '\0') {
        size_t n = strcspn(path, "/");
        if (n == 2 && path[0] == '.' && path[1] == '.')
            depth--;
        else if (n > 0 && !(n == 1 && path[0] == '.'))
            depth++;
        if (depth < 0)
            return true;
        path += n;
        path += strspn(path, "/");
    }
    return false;
}

// The path as the manifest's reader can open it; the file must exist.
static v2s_status resolve(reader *r, const char *key, const char *text, char **out) {
    bool outside = leaves_folder(text);
    if (outside && !r->rules.allow_outside)
        return v2s_text_lines_bad(&r->lines,
                                  "%s: %s lies outside the manifest's folder (--allow-outside "
                                  "permits it)",
                                  key, text);
    r->outside |= outside;
    size_t folder = text[0] == '/' ? 0 : r->folder_length, n = strlen(text);
    char *path = malloc(folder + n + 1);
    if (path == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    memcpy(path, r->lines.path, folder);
    memcpy(path + folder, text, n + 1);
    *out = path;
    struct stat info;
    if (stat(path, &info) != 0)
        return v2s_text_lines_bad(&r->lines, "%s: %s: %s", key, path, strerror(errno));
    if (S_ISDIR(info.st_mode) && strcmp(key, "dry") != 0 && strcmp(key, "trajectory") != 0)
        return v2s_text_lines_bad(&r->lines, "%s: %s: is a folder", key, path);
    return V2S_OK;
}

static v2s_status get_path(reader *r, const char *key, bool required, char **out) {
    char *text = NULL;
    V2S_TRY(get_text(r, key, required, &text));
    v2s_status status = text == NULL ? V2S_OK : resolve(r, key, text, out);
    free(text);
    return status;
}

// A path, or a list of two.
static v2s_status get_ears(reader *r, char *out[2]) {
    const cJSON *list = field(r, "audio");
    if (!cJSON_IsArray(list))
        return get_path(r, "audio", true, &out[0]);
    if (cJSON_GetArraySize(list) != 2)
        return v2s_text_lines_bad(
            &r->lines, "audio: expected a text or a list of 2 (left and right ear), found %d",
            cJSON_GetArraySize(list));
    for (int ear = 0; ear < 2; ear++) {
        const cJSON *one = cJSON_GetArrayItem(list, ear);
        if (!cJSON_IsString(one) || one->valuestring[0] == '\0')
            return v2s_text_lines_bad(&r->lines, "audio: expected a text or a list of 2 texts");
        V2S_TRY(resolve(r, "audio", one->valuestring, &out[ear]));
    }
    return V2S_OK;
}

// ---- one clip ---------------------------------------------------------------------------------

static int compare_ids(const void *a, const void *b) {
    return strcmp(a, b);
}

static v2s_status get_id(reader *r, char **out) {
    V2S_TRY(get_text(r, "id", true, out));
    if (strlen(*out) > ID_MAX_BYTES)
        return v2s_text_lines_bad(&r->lines, "id: longer than %d bytes", ID_MAX_BYTES);
    for (const char *c = *out; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return v2s_text_lines_bad(&r->lines, "id: has control characters");
    if (tfind(*out, &r->ids, compare_ids) != NULL)
        return v2s_text_lines_bad(&r->lines, "id: %s stands in an earlier line too", *out);
    return V2S_OK;
}

static v2s_status get_layout(const reader *r, char **out) {
    int index = 0;
    if (field(r, "layout") != NULL)
        V2S_TRY(get_word(r, "layout", LAYOUTS, &index));
    return copy_text(LAYOUTS[index], out);
}

static v2s_status get_depth(reader *r, v2s_clip *c) {
    static const char *const UNITS[] = {"m", "mm", NULL};
    int unit = 0;
    V2S_TRY(get_ears(r, c->audio));
    V2S_TRY(get_path(r, "depth", true, &c->depth));
    if (field(r, "depth_unit") != NULL)
        V2S_TRY(get_word(r, "depth_unit", UNITS, &unit));
    c->depth_mm = unit == 1;
    return c->start_s == 0
               ? V2S_OK
               : v2s_text_lines_bad(
                     &r->lines, "start_s: expected 0 for the pairing depth, found %g", c->start_s);
}

static v2s_status get_clip(reader *r, v2s_clip *c) {
    int split = 0, pairing = 0;
    V2S_TRY(get_id(r, &c->id));
    V2S_TRY(get_word(r, "split", SPLITS, &split));
    V2S_TRY(get_word(r, "pairing", PAIRINGS, &pairing));
    c->split = (v2s_split)split;
    c->pairing = (v2s_pairing)pairing;
    bool dry = c->pairing == V2S_PAIRING_DRY, moves = dry || c->pairing == V2S_PAIRING_OMNI;
    V2S_TRY(get_path(r, "truth", c->pairing != V2S_PAIRING_DEPTH, &c->truth));
    V2S_TRY(get_path(r, "dry", dry, &c->dry));
    V2S_TRY(get_path(r, "trajectory", moves, &c->trajectory));
    V2S_TRY(get_number(r, "start_s", 0, 1e6, &c->start_s));
    if (c->pairing == V2S_PAIRING_DEPTH)
        V2S_TRY(get_depth(r, c));
    V2S_TRY(get_number(r, "duration_s", 0, 1e6, &c->duration_s));
    V2S_TRY(get_layout(r, &c->layout));
    V2S_TRY(get_rt60(r, c));
    c->drr_db = NAN;
    V2S_TRY(get_number(r, "drr_db", -300, 300, &c->drr_db));
    V2S_TRY(get_text(r, "room", false, &c->room));
    V2S_TRY(get_sound(r, &c->sound));
    V2S_TRY(get_text(r, "source", false, &c->source));
    V2S_TRY(get_text(r, "licence", false, &c->licence));
    V2S_TRY(get_flag(r, "recorded", &c->recorded));
    V2S_TRY(get_flag(r, "free_field", &c->free_field));
    V2S_TRY(get_text(r, "flag", false, &c->flag));
    c->line = r->lines.line;
    return V2S_OK;
}

static v2s_status parse_clip(reader *r, const char *text, v2s_clip *clip) {
    cJSON *object = cJSON_ParseWithOpts(text, NULL, true);
    v2s_status status;
    if (object == NULL)
        return v2s_text_lines_bad(&r->lines, "not JSON: expected one object, found %.40s", text);
    r->object = object;
    status = cJSON_IsObject(object) ? get_clip(r, clip)
                                    : v2s_text_lines_bad(&r->lines, "expected a JSON object");
    cJSON_Delete(object);
    r->object = NULL;
    return status;
}

// Takes over the clip.
static v2s_status keep_clip(reader *r, v2s_clip *clip) {
    r->m.flagged += clip->flag != NULL;
    if (clip->flag != NULL && !r->rules.keep_flagged) {
        clip_free(clip);
        return V2S_OK;
    }
    v2s_clip *grown = v2s_array_grow(r->m.clips, r->m.count, &r->clip_capacity, sizeof *grown);
    if (grown == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    r->m.clips = grown;
    if (tsearch(clip->id, &r->ids, compare_ids) == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    r->m.clips[r->m.count++] = *clip;
    r->m.outside += r->outside;
    return V2S_OK;
}

static v2s_status keep_reason(reader *r) {
    char **grown =
        v2s_array_grow(r->m.skip_reasons, r->m.skipped, &r->reason_capacity, sizeof *grown);
    if (grown == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    r->m.skip_reasons = grown;
    V2S_TRY(copy_text(v2s_error_text(), &r->m.skip_reasons[r->m.skipped]));
    r->m.skipped++;
    return V2S_OK;
}

static v2s_status read_clip(reader *r) {
    char *text;
    V2S_TRY(v2s_text_lines_next(&r->lines, &text));
    text += strspn(text, " \t\r");
    if (*text == '\0')
        return V2S_OK;
    v2s_clip clip = {0};
    r->outside = false;
    v2s_status status = parse_clip(r, text, &clip);
    if (status == V2S_OK)
        status = keep_clip(r, &clip);
    if (status != V2S_OK)
        clip_free(&clip);
    return status;
}

static v2s_status read_clips(reader *r) {
    for (;;) {
        v2s_status status = r->lines.line < INT_MAX ? read_clip(r) : V2S_END;
        if (status == V2S_END)
            break;
        if (status == V2S_FORMAT && !r->rules.strict)
            status = keep_reason(r);
        V2S_TRY(status);
    }
    if (r->m.count == 0 && r->m.flagged > 0)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: all of its %zu usable clips are flagged (--keep-flagged takes them)",
                        r->lines.path, r->m.flagged);
    if (r->m.count == 0 && r->m.skipped == 0)
        return V2S_FAIL(V2S_FORMAT, "%s: no clip in it", r->lines.path);
    if (r->m.count == 0)
        return V2S_FAIL(V2S_FORMAT, "%s: none of its %zu lines can be used; the first: %s",
                        r->lines.path, r->m.skipped, r->m.skip_reasons[0]);
    return V2S_OK;
}

static void keep_id(void *id) {
    (void)id; // belongs to its clip
}

v2s_status v2s_manifest_read(const char *path, v2s_manifest_rules rules, v2s_manifest *manifest) {
    reader r = {.lines = {.path = path, .kind = "a clip", .size = LINE_MAX_BYTES}, .rules = rules};
    const char *slash = strrchr(path, '/');
    r.folder_length = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    v2s_status status = V2S_OK;
    r.lines.file = fopen(path, "rb");
    if (r.lines.file == NULL)
        return V2S_FAIL(V2S_IO, "%s: cannot open: %s", path, strerror(errno));
    r.lines.text = malloc(LINE_MAX_BYTES);
    if (r.lines.text == NULL)
        status = V2S_FAIL(V2S_NOMEM, "out of memory");
    if (status == V2S_OK)
        status = copy_text(path, &r.m.path);
    if (status == V2S_OK)
        status = read_clips(&r);
    tdestroy(r.ids, keep_id);
    free(r.lines.text);
    fclose(r.lines.file);
    if (status != V2S_OK) {
        v2s_manifest_free(&r.m);
        return status;
    }
    *manifest = r.m;
    return V2S_OK;
}

// ---- writing ----------------------------------------------------------------------------------

static bool add_text(cJSON *o, const char *key, const char *text) {
    return text == NULL || cJSON_AddStringToObject(o, key, text) != NULL;
}

static bool add_number(cJSON *o, const char *key, double value) {
    return cJSON_AddNumberToObject(o, key, value) != NULL;
}

static bool add_sound(cJSON *o, const char *sound) {
    if (sound == NULL || strchr(sound, '\n') == NULL)
        return add_text(o, "sound", sound);
    cJSON *list = cJSON_AddArrayToObject(o, "sound");
    char *copy = strdup(sound), *rest = copy, *one;
    bool ok = list != NULL && copy != NULL;
    while (ok && (one = strsep(&rest, "\n")) != NULL)
        ok = cJSON_AddItemToArray(list, cJSON_CreateString(one));
    free(copy);
    return ok;
}

static bool add_ears(cJSON *o, const char *const audio[2]) {
    if (audio[0] == NULL || audio[1] == NULL)
        return add_text(o, "audio", audio[0]);
    cJSON *list = cJSON_CreateStringArray(audio, 2);
    return cJSON_AddItemToObject(o, "audio", list);
}

static bool add_clip(cJSON *o, const v2s_clip *c) {
    bool ok = add_text(o, "id", c->id) && add_text(o, "split", v2s_split_name(c->split)) &&
              add_text(o, "pairing", v2s_pairing_name(c->pairing)) &&
              add_text(o, "truth", c->truth) && add_text(o, "dry", c->dry) &&
              add_text(o, "trajectory", c->trajectory) && add_number(o, "start_s", c->start_s);
    const char *const audio[2] = {c->audio[0], c->audio[1]};
    ok = ok && add_ears(o, audio) && add_text(o, "depth", c->depth);
    if (c->duration_s > 0)
        ok = ok && add_number(o, "duration_s", c->duration_s);
    if (c->pairing != V2S_PAIRING_DEPTH)
        ok = ok && add_text(o, "layout", c->layout != NULL ? c->layout : "ambix");
    if (c->rt60_count > 0)
        ok = ok &&
             cJSON_AddItemToObject(o, "rt60_s", cJSON_CreateDoubleArray(c->rt60_s, c->rt60_count));
    if (isfinite(c->drr_db))
        ok = ok && add_number(o, "drr_db", c->drr_db);
    ok = ok && add_text(o, "room", c->room) && add_sound(o, c->sound) &&
         add_text(o, "source", c->source) && add_text(o, "licence", c->licence);
    if (c->recorded)
        ok = ok && cJSON_AddTrueToObject(o, "recorded") != NULL;
    if (c->free_field)
        ok = ok && cJSON_AddTrueToObject(o, "free_field") != NULL;
    if (c->depth_mm)
        ok = ok && add_text(o, "depth_unit", "mm");
    return ok && add_text(o, "flag", c->flag);
}

v2s_status v2s_manifest_write_clip(v2s_file_out *f, const v2s_clip *clip) {
    cJSON *object = cJSON_CreateObject();
    char *text = NULL;
    if (object != NULL && add_clip(object, clip))
        text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    if (text == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    v2s_status status = v2s_file_out_printf(f, "%s\n", text);
    cJSON_free(text);
    return status;
}
