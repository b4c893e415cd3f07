// SPDX-License-Identifier: MIT
#include "tests/support/make_sets.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <criterion/criterion.h>

#include "data/npy.h"
#include "tests/support/foa_scene.h"
#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"
#include "tests/support/program.h"

enum { WORDS_MAX = 32 };

// ---- files ------------------------------------------------------------------------------------

void v2s_test_make_folders(const char *name) {
    char part[256];
    cr_assert(strlen(name) < sizeof part);
    for (size_t n = 1; n <= strlen(name); n++)
        if (name[n] == '/' || name[n] == '\0') {
            memcpy(part, name, n);
            part[n] = '\0';
            cr_assert(mkdir(v2s_test_path(part), 0777) == 0 || errno == EEXIST, "%s", part);
        }
}

void v2s_test_copy(const char *from, const char *name) {
    size_t size;
    unsigned char *bytes = v2s_test_read_file(from[0] == '/' ? from : v2s_test_path(from), &size);
    v2s_test_write_file(v2s_test_path(name), bytes, size);
    free(bytes);
}

void v2s_test_make_noise(const char *name, int frames, int channels, int rate_hz, unsigned stream) {
    size_t count = (size_t)frames * (size_t)channels;
    float *x = malloc((count + 1) * sizeof *x);
    hash_noise(stream, count, 0.3f, x);
    v2s_test_make_wav(v2s_test_path(name), x, (size_t)frames, channels, rate_hz);
    free(x);
}

void v2s_test_make_lfs_pointer(const char *name) {
    v2s_test_write_text(name, "version https://git-lfs.github.com/spec/v1\n"
                              "oid sha256:0123456789abcdef\nsize 1920044\n");
}

// ---- the program ------------------------------------------------------------------------------

static v2s_test_run run_with(const char *const *words, bool json) {
    const char *all[WORDS_MAX + 4] = {"prepare"};
    int n = 1;
    for (; words[n - 1] != NULL; n++) {
        cr_assert(n < WORDS_MAX);
        all[n] = words[n - 1];
    }
    if (json) {
        all[n++] = "--json";
        all[n++] = "-";
    }
    return v2s_test_run_train(all);
}

cJSON *v2s_test_prepare_json(const char *const *words) {
    v2s_test_run run = run_with(words, true);
    cr_assert(run.code == 0, "exit code %d: %s", run.code, run.err);
    cJSON *json = cJSON_Parse(run.out);
    cr_assert(json != NULL, "not JSON: %s", run.out);
    v2s_test_run_free(&run);
    return json;
}

void v2s_test_prepare_refused(int code, const char *part, const char *const *words) {
    v2s_test_run run = run_with(words, false);
    cr_expect(run.code == code, "exit code %d, expected %d: %s", run.code, code, run.err);
    cr_expect(strstr(run.err, part) != NULL, "'%s' is not in: %s", part, run.err);
    v2s_test_run_free(&run);
}

const char *v2s_test_reason_of(const cJSON *json, const char *list, const char *file) {
    const cJSON *one;
    cJSON_ArrayForEach(one, cJSON_GetObjectItem(json, list)) {
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(one, "file"));
        size_t n = strlen(name), m = strlen(file);
        if (n >= m && strcmp(name + n - m, file) == 0)
            return cJSON_GetStringValue(cJSON_GetObjectItem(one, "reason"));
    }
    return "";
}

// ---- FAIR-Play --------------------------------------------------------------------------------

void v2s_test_make_fairplay(const char *name) {
    static const char *const lists[] = {"train", "val", "test"};
    static const char *const texts[] = {"000004.mp3\r\n000005.mp3\n\n000006.mp3\n", "000007.mp3\n",
                                        "000008.mp3"};
    char path[256], from[512];
    snprintf(path, sizeof path, "%s/binaural_audios", name);
    v2s_test_make_folders(path);
    snprintf(path, sizeof path, "%s/splits/split1", name);
    v2s_test_make_folders(path);
    snprintf(path, sizeof path, "%s/new_splits/split2", name);
    v2s_test_make_folders(path);
    for (int i = 1; i <= 8; i++) {
        snprintf(path, sizeof path, "%s/binaural_audios/%06d.wav", name, i);
        v2s_test_make_noise(path, 1600, 2, 16000, (unsigned)i);
    }
    for (int s = 0; s < 3; s++) {
        snprintf(from, sizeof from, "%s/golden/h5/%s.h5", V2S_TEST_DATA, lists[s]);
        snprintf(path, sizeof path, "%s/splits/split1/%s.h5", name, lists[s]);
        v2s_test_copy(from, path);
        snprintf(path, sizeof path, "%s/new_splits/split2/%s.txt", name, lists[s]);
        v2s_test_write_text(path, texts[s]);
    }
}

// ---- BatVision V1 -----------------------------------------------------------------------------

static void write_array(const char *folder, const char *kind, int i, int rank, const size_t *dim,
                        const float *values) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s/%d.npy", folder, kind, i);
    cr_assert(v2s_npy_write_f32(v2s_test_path(path), rank, dim, values) == V2S_OK, "%s",
              v2s_error_text());
}

static void write_sample1(const char *folder, int i) {
    enum { SAMPLES = 2000, HEIGHT = 12, WIDTH = 16 };
    static const size_t samples[] = {SAMPLES}, map[] = {HEIGHT, WIDTH};
    float ear[SAMPLES], depth[HEIGHT * WIDTH];
    for (unsigned side = 0; side < 2; side++) {
        hash_noise(2 * (unsigned)i + side, SAMPLES, 0.5f, ear);
        write_array(folder, side == 0 ? "left" : "right", i, 1, samples, ear);
    }
    for (int k = 0; k < HEIGHT * WIDTH; k++)
        depth[k] = (float)(1000 + 100 * i + k);
    depth[0] = INFINITY;
    depth[1] = 0;
    write_array(folder, "depth", i, 2, map, depth);
}

void v2s_test_make_batvision1(const char *name, int train, int val, int test) {
    static const char *const lists[] = {"train", "val", "test"}, *const kinds[] = {"left", "right",
                                                                                   "depth"};
    const int count[] = {train, val, test};
    char path[256], row[256];
    for (int k = 0; k < 3; k++) {
        snprintf(path, sizeof path, "%s/office/%s", name, kinds[k]);
        v2s_test_make_folders(path);
    }
    snprintf(path, sizeof path, "%s/office", name);
    for (int s = 0, i = 0; s < 3; s++) {
        snprintf(row, sizeof row, "%s/%s.csv", name, lists[s]);
        FILE *f = fopen(v2s_test_path(row), "w");
        cr_assert(f != NULL);
        fprintf(f, "depth path,audio path left,audio path right\n");
        for (int k = 0; k < count[s]; k++, i++) {
            write_sample1(path, i);
            fprintf(f, "office/depth/%d.npy,office/left/%d.npy,office/right/%d.npy\n", i, i, i);
        }
        fclose(f);
    }
}

// ---- YT-Ambigen -------------------------------------------------------------------------------

float *v2s_test_plane_wave(int frames, double az_deg, double el_deg, unsigned stream) {
    v2s_vec3 u = v2s_unit_from_angles(v2s_rad(az_deg), v2s_rad(el_deg));
    return foa_plane_wave((size_t)frames, stream, u.x, u.y, u.z);
}

static void write_list(const char *name, const char *below, const char *file, const char *header,
                       const char *rows) {
    char path[256], text[2048];
    snprintf(path, sizeof path, "%s/%s%s", name, below, file);
    snprintf(text, sizeof text, "%s%s", header, rows);
    v2s_test_write_text(path, text);
}

void v2s_test_make_ytambigen(const char *name, const char *below, const char *train,
                             const char *valid, const char *test, const char *ambi) {
    char path[256];
    snprintf(path, sizeof path, "%s/audio", name);
    v2s_test_make_folders(path);
    snprintf(path, sizeof path, "%s/%s", name, below);
    v2s_test_make_folders(path);
    write_list(name, below, "train.csv", "file_path\n", train);
    write_list(name, below, "valid.csv", "file_path\n", valid);
    write_list(name, below, "test.csv", "file_path\r\n", test);
    write_list(name, below, "ambi.json", "", ambi);
}

// Checksum of an Ogg page (RFC 3533), whose own four bytes count as 0.
static uint32_t ogg_checksum(const unsigned char *page, size_t size) {
    uint32_t sum = 0;
    for (size_t i = 0; i < size; i++) {
        sum ^= (uint32_t)(i >= 22 && i < 26 ? 0 : page[i]) << 24;
        for (int bit = 0; bit < 8; bit++)
            sum = sum << 1 ^ (sum >> 31 != 0 ? 0x04c11db7u : 0);
    }
    return sum;
}

// The encoder knows no family 2; with channels on their own its packets are those of family 255.
void v2s_test_make_ambisonic_opus(const char *name, const float *samples, int frames) {
    enum { FAMILY = 18 }; // byte of the packet OpusHead
    char ogg[256];
    snprintf(ogg, sizeof ogg, "%s.ogg", name);
    v2s_test_make_video(v2s_test_path(ogg), &(v2s_test_video){.sound = samples,
                                                              .sound_frames = (size_t)frames,
                                                              .sound_channels = 4,
                                                              .sound_rate_hz = 48000,
                                                              .sound_codec = "libopus",
                                                              .sound_discrete = true});
    size_t size;
    unsigned char *page = v2s_test_read_file(v2s_test_path(ogg), &size);
    size_t head = 27 + (size_t)page[26]; // of the page; then its packet
    cr_assert(memcmp(page + head, "OpusHead", 8) == 0 && page[head + FAMILY] == 255);
    page[head + FAMILY] = 2;
    uint32_t sum = ogg_checksum(page, head + page[27]);
    for (int i = 0; i < 4; i++)
        page[22 + i] = (unsigned char)(sum >> 8 * i);
    v2s_test_write_file(v2s_test_path(name), page, size);
    free(page);
}

// ---- SoundSpaces ------------------------------------------------------------------------------

v2s_vec3 v2s_test_spaces_place(int scene, int id) {
    static const v2s_vec3 places[] = {{0, 0, 1.5}, {2.2, 0.4, 1.5}, {-1.1, 3, 1.8}, {-2, -1.5, 1}};
    return v2s_scaled(places[id], 1 + 0.1 * scene);
}

// Adds a plane wave in N3D; unit in AmbiX's axes.
static void add_n3d(float *x, int channels, size_t at, double gain, v2s_vec3 unit) {
    double dipole = sqrt(3.0) * gain;
    x[(size_t)channels * at + V2S_ACN_W] += (float)gain;
    x[(size_t)channels * at + V2S_ACN_Y] += (float)(dipole * unit.y);
    x[(size_t)channels * at + V2S_ACN_Z] += (float)(dipole * unit.z);
    x[(size_t)channels * at + V2S_ACN_X] += (float)(dipole * unit.x);
    for (int c = V2S_FOA_CHANNELS; c < channels; c++) // second order: nothing may read it
        x[(size_t)channels * at + (size_t)c] += 0.9f;
}

void v2s_test_make_response(const char *name, v2s_vec3 away, int channels, int rate_hz) {
    double distance_m = v2s_norm(away);
    size_t at = (size_t)lround(distance_m / V2S_SPEED_OF_SOUND_M_S * rate_hz);
    size_t frames = at + V2S_TEST_SPACES_GAP + 100;
    float *x = calloc(frames * (size_t)channels, sizeof *x);
    v2s_vec3 unit = {away.y / distance_m, -away.x / distance_m, away.z / distance_m};
    add_n3d(x, channels, at, V2S_TEST_SPACES_GAIN / distance_m, unit);
    add_n3d(x, channels, at + V2S_TEST_SPACES_GAP, 0.2 * V2S_TEST_SPACES_GAIN / distance_m,
            (v2s_vec3){0, 0, 1});
    v2s_test_make_wav(v2s_test_path(name), x, frames, channels, rate_hz);
    free(x);
}

static void make_scene(const char *name, int scene) {
    char path[256], text[512] = "", row[128];
    snprintf(path, sizeof path, "%s/data/metadata/replica/office_%d", name, scene);
    v2s_test_make_folders(path);
    for (int id = 0; id < 4; id++) {
        v2s_vec3 at = v2s_test_spaces_place(scene, id);
        snprintf(row, sizeof row, "%.18e\t%.18e\t%.18e\t%.18e\n", (double)id, at.x, at.y, at.z);
        strcat(text, row);
    }
    strcat(path, "/points.txt");
    v2s_test_write_text(path, text);
    snprintf(path, sizeof path, "%s/data/ambisonic_rirs/replica/office_%d/irs", name, scene);
    v2s_test_make_folders(path);
    for (int receiver = 0; receiver < 4; receiver++)
        for (int source = 0; source < 4; source++) {
            v2s_vec3 away = v2s_plus(v2s_test_spaces_place(scene, source),
                                     v2s_scaled(v2s_test_spaces_place(scene, receiver), -1));
            if (receiver == source)
                away = (v2s_vec3){0, 0, -1};
            snprintf(path, sizeof path, "%s/data/ambisonic_rirs/replica/office_%d/irs/%d%c%d.wav",
                     name, scene, receiver, scene % 2 == 0 ? '_' : '-', source);
            v2s_test_make_response(path, away, 9, 44100);
        }
}

void v2s_test_make_soundspaces(const char *name, int scenes, int sounds) {
    char path[256];
    snprintf(path, sizeof path, "%s/data/sounds/1s_all", name);
    v2s_test_make_folders(path);
    for (int i = 0; i < sounds; i++) {
        snprintf(path, sizeof path, "%s/data/sounds/1s_all/sound_%d.wav", name, i);
        v2s_test_make_noise(path, 4410, 1, 44100, 100 + (unsigned)i);
    }
    for (int i = 0; i < scenes; i++)
        make_scene(name, i);
}
