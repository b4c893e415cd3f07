// SPDX-License-Identifier: MIT
// `v2s-infer export` as its users run it. What onnxruntime makes of the models: tests/cli/onnx.sh.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoints/safetensors.h"
#include "infer/refiner_file.h"
#include "tests/support/depth_run.h"
#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"
#include "tests/support/program.h"
#include "tests/support/same_tensors.h"

TestSuite(export_program, .fini = v2s_test_folder_remove, .timeout = 120);

#define SHIPPED V2S_TEST_DATA "/../../checkpoints/"

enum { TENSORS_MAX = 256 };

// What `copy_file` changes: the first tensor of this name gets `renamed`, or is left out where that
// is NULL; `extra` tensors of a training state are added.
typedef struct change {
    const char *name, *renamed;
    bool keep_metadata, with_state;
} change;

static void copy_file(const char *from, const char *to, const change *c) {
    v2s_safetensors *file = NULL;
    v2s_safetensors_tensor tensors[TENSORS_MAX];
    v2s_safetensors_pair pairs[32];
    const v2s_safetensors_entry *e;
    int count = 0, pair_count = 0;
    cr_assert_eq(v2s_safetensors_open(from, &file), V2S_OK, "%s", v2s_error_text());
    for (int i = 0; (e = v2s_safetensors_at(file, i)) != NULL; i++) {
        bool hit = c->name != NULL && strcmp(e->name, c->name) == 0;
        if (hit && c->renamed == NULL)
            continue;
        v2s_safetensors_tensor *t = &tensors[count++];
        *t = (v2s_safetensors_tensor){
            .name = hit ? c->renamed : e->name, .rank = e->rank, .dtype = e->dtype};
        for (int d = 0; d < e->rank; d++)
            t->dim[d] = (int)e->dim[d];
        void *data = malloc((size_t)(e->end - e->begin) + 1);
        cr_assert_eq(v2s_safetensors_read_raw(file, e->name, e->dtype, e->rank, t->dim, data),
                     V2S_OK);
        t->data = data;
    }
    static const int64_t counters[9] = {1, 5, 42};
    static const float moment[2] = {1, 2};
    int owned = count;
    if (c->with_state) {
        tensors[count++] =
            (v2s_safetensors_tensor){"optimizer.m.output.bias", 1, {2}, moment, NULL};
        tensors[count++] = (v2s_safetensors_tensor){"ema.output.bias", 1, {2}, moment, NULL};
        tensors[count++] = (v2s_safetensors_tensor){"trainer.counters", 1, {9}, counters, "I64"};
    }
    const char *key, *value;
    for (int i = 0; c->keep_metadata && v2s_safetensors_metadata_at(file, i, &key, &value); i++)
        if (strcmp(key, "crc32") != 0)
            pairs[pair_count++] = (v2s_safetensors_pair){key, value};
    cr_assert_eq(v2s_safetensors_write(to, tensors, count, pairs, pair_count), V2S_OK);
    for (int i = 0; i < owned; i++)
        free((void *)tensors[i].data);
    v2s_safetensors_close(&file);
}

// As safetensors.torch.save_file writes it, but for a CRC.
static void make_bare(const char *from, const char *name) {
    copy_file(from, v2s_test_path(name), &(change){0});
}

static cJSON *info(const char *file) {
    V2S_TEST_RUN("info", file, "--json", "i.json", "--quiet");
    return v2s_test_json(v2s_test_path("i.json"));
}

static void expect_text(const cJSON *json, const char *path, const char *value) {
    const cJSON *item = v2s_test_at(json, path);
    cr_assert(item != NULL && cJSON_IsString(item), "%s is no text", path);
    cr_expect_str_eq(item->valuestring, value, "%s is %s", path, item->valuestring);
}

// standard error of a run that succeeds
static char *said(const char *const *words) {
    v2s_test_run run = v2s_test_run_program(words);
    cr_assert_eq(run.code, 0, "exit code %d: %s", run.code, run.err);
    char *err = run.err;
    free(run.out);
    return err;
}
#define SAID(...) said((const char *const[]){__VA_ARGS__, NULL})

static bool same_bytes(const char *a, const char *b) {
    FILE *x = fopen(v2s_test_path(a), "rb"), *y = fopen(v2s_test_path(b), "rb");
    cr_assert(x != NULL && y != NULL, "%s, %s", a, b);
    int p, q;
    do {
        p = getc(x);
        q = getc(y);
    } while (p == q && p != EOF);
    fclose(x);
    fclose(y);
    return p == q;
}

// ---- safetensors ------------------------------------------------------------------------------

Test(export_program, shipped_files_come_out_bit_for_bit) {
    static const char *const names[] = {"v2s-omni", "v2s-dry", "seed-omni", "seed-dry",
                                        "depth-small"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *err = SAID("export", names[i], "-o", "o.safetensors");
        cr_expect_null(strstr(err, "warning"), "%s: %s", names[i], err);
        free(err);
        char path[1024];
        snprintf(path, sizeof path, SHIPPED "%s.safetensors", names[i]);
        copy_file(path, v2s_test_path("copy.safetensors"), &(change){.keep_metadata = true});
        v2s_test_same_tensors("copy.safetensors", "o.safetensors");
        cJSON *before = info(path), *after = info("o.safetensors");
        cr_expect(cJSON_Compare(cJSON_GetObjectItem(before, "metadata"),
                                cJSON_GetObjectItem(after, "metadata"), true),
                  "%s: metadata stays", names[i]);
        cJSON_Delete(before);
        cJSON_Delete(after);
    }
}

Test(export_program, a_training_state_stays_behind) {
    copy_file(SHIPPED "seed-omni.safetensors", v2s_test_path("last.safetensors"),
              &(change){.keep_metadata = true, .with_state = true});
    cJSON *before = info("last.safetensors");
    cr_expect(cJSON_IsTrue(v2s_test_at(before, "training_state.there")));
    cr_expect_eq(v2s_test_number(before, "training_state.steps"), 42);
    cr_expect_eq(v2s_test_number(before, "parameters"), 153924);
    cJSON_Delete(before);
    V2S_TEST_RUN("export", "last.safetensors", "-o", "o.safetensors", "--json", "j.json");
    cJSON *json = v2s_test_json(v2s_test_path("j.json"));
    cr_expect_eq(v2s_test_number(json, "tensors"), 13);
    cr_expect_eq(v2s_test_number(json, "tensors_left_out"), 3);
    cJSON_Delete(json);
    cJSON *after = info("o.safetensors");
    cr_expect(cJSON_IsFalse(v2s_test_at(after, "training_state.there")));
    cr_expect(cJSON_IsTrue(v2s_test_at(after, "floors.scaled")));
    cJSON_Delete(after);
    V2S_TEST_RUN("export", "last.safetensors", "-o", "o.safetensors", "--weights-only");
    after = info("o.safetensors");
    cr_expect_eq(cJSON_GetArraySize(v2s_test_at(after, "tensors")), 12);
    cr_expect(cJSON_IsFalse(v2s_test_at(after, "floors.scaled")));
    cJSON_Delete(after);
}

Test(export_program, a_bare_seed_gets_metadata) {
    make_bare(SHIPPED "seed-dry.safetensors", "bare.safetensors");
    cJSON *json = info("bare.safetensors");
    expect_text(json, "preset", "seed");
    cJSON_Delete(json);
    char *err = SAID("export", "bare.safetensors", "-o", "o.safetensors");
    cr_expect(strstr(err, "--pairing dry or omni writes it") && strstr(err, "--rate HZ writes it"),
              "%s", err);
    free(err);
    err = SAID("export", "bare.safetensors", "-o", "o.safetensors", "--pairing", "dry", "--rate",
               "16000");
    cr_expect_null(strstr(err, "warning"), "%s", err);
    free(err);
    v2s_test_same_tensors("bare.safetensors", "o.safetensors");
    json = info("o.safetensors");
    expect_text(json, "metadata.model", "refiner");
    expect_text(json, "metadata.preset", "seed");
    expect_text(json, "metadata.rate_hz", "16000");
    expect_text(json, "metadata.pairing", "dry");
    expect_text(json, "metadata.hop", "1 sample");
    cr_expect_not_null(v2s_test_at(json, "metadata.conventions"));
    cJSON_Delete(json);
}

Test(export_program, a_bare_v2s_is_told_by_its_shapes) {
    static const char *const names[] = {"omni", "dry"};
    for (int dry = 0; dry < 2; dry++) {
        char path[1024];
        snprintf(path, sizeof path, SHIPPED "v2s-%s.safetensors", names[dry]);
        make_bare(path, "bare.safetensors");
        cJSON *json = info("bare.safetensors");
        expect_text(json, "preset", "v2s");
        cJSON_Delete(json);
        char *err = SAID("export", "bare.safetensors", "-o", "o.safetensors");
        cr_expect(strstr(err, "for which basis it was trained"), "%s", err);
        free(err);
        v2s_test_same_tensors("bare.safetensors", "o.safetensors");
        json = info("o.safetensors");
        expect_text(json, "metadata.preset", "v2s");
        expect_text(json, "metadata.pairing", names[dry]);
        expect_text(json, "metadata.basis", "1");
        expect_text(json, "metadata.rate_range_hz", "8000 .. 384000");
        cJSON_Delete(json);
        V2S_TEST_REFUSED("by its tensors' shapes: not --pairing", "export", "bare.safetensors",
                         "-o", "p.safetensors", "--pairing", names[1 - dry]);
    }
}

// The same sound, bit for bit, from the file that ships, from its bare copy and from the export.
Test(export_program, an_exported_refiner_renders_the_same) {
    static const char *const kinds[] = {"seed-omni", "v2s-omni"};
    static float noise[8000];
    hash_noise(3, 8000, 0.3f, noise);
    v2s_test_make_wav(v2s_test_path("s.wav"), noise, 8000, 1, 16000);
    v2s_test_write_text("t.csv", "time_s,object,az_deg,el_deg,dist_m,confidence\n0,1,30,0,2,1\n");
    for (int i = 0; i < 2; i++) {
        char path[1024];
        snprintf(path, sizeof path, SHIPPED "%s.safetensors", kinds[i]);
        make_bare(path, "bare.safetensors");
        V2S_TEST_RUN("export", "bare.safetensors", "-o", "e.safetensors", "--quiet", "--pairing",
                     "omni");
        const char *const refiners[] = {kinds[i], "bare.safetensors", "e.safetensors"};
        const char *const outputs[] = {"0.wav", "1.wav", "2.wav"};
        for (int k = 0; k < 3; k++)
            V2S_TEST_RUN("render", "--trajectory", "t.csv", "--sound", "s.wav", "--refiner",
                         refiners[k], "-o", outputs[k], "--quiet");
        cr_expect(same_bytes("0.wav", "1.wav") && same_bytes("0.wav", "2.wav"), "%s", kinds[i]);
    }
}

Test(export_program, a_bare_depth_network_gets_what_options_say) {
    depth_make_model(&(depth_kind){.file = "m.safetensors", .seed = 1, .no_floors = true});
    make_bare(v2s_test_path("m.safetensors"), "bare.safetensors");
    char *err = SAID("export", "bare.safetensors", "-o", "o.safetensors");
    cr_expect(strstr(err, "does not say attention_scale: taken as channels") &&
                  strstr(err, "does not say size: taken as 256") &&
                  strstr(err, "does not say max_depth_m: taken as 30") &&
                  strstr(err, "does not say rate_hz: taken as 44100") &&
                  strstr(err, "does not say ears: taken as both"),
              "%s", err);
    free(err);
    err = SAID("export", "bare.safetensors", "-o", "o.safetensors", "--attention-scale", "key",
               "--size", "32", "--max-depth", "12.5", "--rate", "48000", "--ears", "left");
    cr_expect_null(strstr(err, "warning"), "%s", err);
    free(err);
    v2s_test_same_tensors("bare.safetensors", "o.safetensors");
    cJSON *json = info("o.safetensors");
    expect_text(json, "model", "depth");
    expect_text(json, "attention_scale", "key");
    expect_text(json, "metadata.attention_levels", "3,4,5");
    expect_text(json, "metadata.hop", "16 samples");
    expect_text(json, "ears", "left");
    cr_expect(v2s_test_number(json, "size") == 32 && v2s_test_number(json, "max_depth_m") == 12.5 &&
              v2s_test_number(json, "rate_hz") == 48000);
    cJSON_Delete(json);
    V2S_TEST_REFUSED("max_depth_m is 12.5 by its metadata: not --max-depth 10", "export",
                     "o.safetensors", "-o", "p.onnx", "--max-depth", "10");
    V2S_TEST_REFUSED("ears is left by its metadata: not --ears both", "export", "o.safetensors",
                     "-o", "p.onnx", "--ears", "both");
    V2S_TEST_REFUSED("which has no --pairing", "export", "o.safetensors", "-o", "p.onnx",
                     "--pairing", "dry");
    V2S_TEST_REFUSED("expected a multiple of 16", "export", "bare.safetensors", "-o", "p.onnx",
                     "--size", "40");
}

// The mean map of the training split tells the size.
Test(export_program, a_mean_map_tells_the_size) {
    depth_make_model(&(depth_kind){.file = "m.safetensors", .seed = 1});
    make_bare(v2s_test_path("m.safetensors"), "bare.safetensors");
    char *err = SAID("export", "bare.safetensors", "-o", "o.onnx");
    cr_expect_null(strstr(err, "say size"), "%s", err);
    free(err);
    cJSON *json = info("o.onnx");
    expect_text(json, "metadata.size", "32");
    cJSON_Delete(json);
    V2S_TEST_REFUSED("floor.mean_depth has size 32: not --size 64", "export", "bare.safetensors",
                     "-o", "p.onnx", "--size", "64");
}

// ---- onnx -------------------------------------------------------------------------------------

static void expect_value(const cJSON *json, const char *key, const char *name, const char *shape) {
    const cJSON *list = cJSON_GetObjectItem(json, key), *value = cJSON_GetArrayItem(list, 0);
    cr_assert(cJSON_GetArraySize(list) == 1 && value != NULL, "%s", key);
    expect_text(value, "name", name);
    expect_text(value, "dtype", "float32");
    char *text = cJSON_PrintUnformatted(cJSON_GetObjectItem(value, "shape"));
    cr_expect_str_eq(text, shape, "%s: %s", name, text);
    free(text);
}

Test(export_program, info_reads_the_models) {
    static const struct {
        const char *name, *input, *in_shape, *output, *out_shape;
    } cases[] = {
        {"seed-omni", "foa", "[\"batch\",4,\"time\"]", "foa_refined", "[\"batch\",4,\"time\"]"},
        {"v2s-omni", "features", "[\"batch\",\"time\",66]", "gains", "[\"batch\",\"time\",192]"},
        {"v2s-dry", "features", "[\"batch\",\"time\",44]", "gains", "[\"batch\",\"time\",512]"},
        {"depth-small", "spectrogram", "[\"batch\",2,64,64]", "depth", "[\"batch\",1,64,64]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        V2S_TEST_RUN("export", cases[i].name, "-o", "a.onnx", "--json", "j.json");
        V2S_TEST_RUN("export", cases[i].name, "-o", "b.ONNX", "--quiet");
        cr_expect(same_bytes("a.onnx", "b.ONNX"), "%s: the same bytes each time", cases[i].name);
        cJSON *json = info("a.onnx"), *made = v2s_test_json(v2s_test_path("j.json"));
        expect_text(json, "kind", "onnx");
        expect_value(json, "inputs", cases[i].input, cases[i].in_shape);
        expect_value(json, "outputs", cases[i].output, cases[i].out_shape);
        cr_expect(v2s_test_number(json, "opset") == 15 && v2s_test_number(made, "opset") == 15);
        cr_expect(v2s_test_number(json, "ir_version") == 8);
        char path[1024];
        snprintf(path, sizeof path, SHIPPED "%s.safetensors", cases[i].name);
        cJSON *checkpoint = info(path);
        const cJSON *item;
        cJSON_ArrayForEach(item, v2s_test_at(checkpoint, "metadata")) {
            const cJSON *same =
                cJSON_GetObjectItem(cJSON_GetObjectItem(json, "metadata"), item->string);
            cr_expect(strcmp(item->string, "crc32") == 0 || cJSON_Compare(same, item, true),
                      "%s: metadata %s", cases[i].name, item->string);
        }
        cJSON_Delete(checkpoint);
        cJSON_Delete(json);
        cJSON_Delete(made);
    }
}

Test(export_program, rows_of_features_and_gains_are_told) {
    V2S_TEST_RUN("export", "v2s-dry", "-o", "d.onnx", "--quiet");
    cJSON *json = info("d.onnx");
    cJSON *rows = cJSON_Parse(v2s_test_at(json, "metadata.features")->valuestring),
          *gains = cJSON_Parse(v2s_test_at(json, "metadata.gains")->valuestring),
          *bands = cJSON_Parse(v2s_test_at(json, "metadata.bands_hz")->valuestring);
    int next = 0;
    const cJSON *row;
    cJSON_ArrayForEach(row, rows) {
        cr_expect_eq(v2s_test_number(row, "first"), next, "rows follow one another");
        next = (int)v2s_test_number(row, "last") + 1;
    }
    cr_expect_eq(next, 44);
    cr_expect_eq(cJSON_GetArraySize(gains) * cJSON_GetArraySize(bands), 512);
    cr_expect_str_eq(cJSON_GetArrayItem(gains, 3)->valuestring, "e");
    cr_expect_str_eq(cJSON_GetArrayItem(gains, 15)->valuestring, "f5");
    cr_expect_float_eq(cJSON_GetArrayItem(bands, 0)->valuedouble, 50, 1e-9);
    cr_expect_float_eq(cJSON_GetArrayItem(bands, 31)->valuedouble, 20000, 1e-9);
    cJSON_Delete(rows);
    cJSON_Delete(gains);
    cJSON_Delete(bands);
    cJSON_Delete(json);
}

Test(export_program, a_map_of_attention_that_needs_much_memory_is_said) {
    depth_make_model(&(depth_kind){.file = "m.safetensors", .seed = 1, .no_floors = true});
    make_bare(v2s_test_path("m.safetensors"), "bare.safetensors");
    // Level 3 of size 512 has 16384 positions.
    char *err = SAID("export", "bare.safetensors", "-o", "o.onnx", "--size", "512", "--rate",
                     "44100", "--max-depth", "30", "--ears", "both", "--attention-scale", "key");
    cr_expect(strstr(err, "attention at level 3") && strstr(err, "1024 MiB"), "%s", err);
    cr_expect_null(strstr(err, "attention at level 4"), "%s", err);
    free(err);
}

// ---- refused ----------------------------------------------------------------------------------

Test(export_program, what_is_no_model_is_refused) {
    static const float two[] = {1, 2};
    const v2s_safetensors_tensor other = {"linear.weight", 1, {2}, two, NULL};
    cr_assert_eq(v2s_safetensors_write(v2s_test_path("x.safetensors"), &other, 1, NULL, 0), V2S_OK);
    V2S_TEST_REFUSED("neither a refiner", "export", "x.safetensors", "-o", "o.onnx");
    V2S_TEST_REFUSED("nowhere.safetensors: cannot open", "export", "nowhere.safetensors", "-o",
                     "o.onnx");
    v2s_test_write_text("text.safetensors", "weights");
    V2S_TEST_REFUSED("text.safetensors", "export", "text.safetensors", "-o", "o.safetensors");
    v2s_test_write_text("text.onnx", "weights");
    V2S_TEST_REFUSED("text.onnx: not an ONNX file", "info", "text.onnx");
    V2S_TEST_REFUSED("text.onnx: an ONNX model; export reads safetensors", "export", "text.onnx",
                     "-o", "o.safetensors");
    cr_expect_not(depth_is_there("o.onnx") || depth_is_there("o.safetensors"));
}

Test(export_program, wrong_shapes_and_missing_tensors_are_named) {
    copy_file(SHIPPED "v2s-omni.safetensors", v2s_test_path("x.safetensors"),
              &(change){.name = "gru.bias_hh_l0"});
    V2S_TEST_REFUSED("tensor gru.bias_hh_l0 is missing", "export", "x.safetensors", "-o", "o.onnx");
    copy_file(SHIPPED "depth-small.safetensors", v2s_test_path("x.safetensors"),
              &(change){.name = "head.bias", .renamed = "head.shift", .keep_metadata = true});
    V2S_TEST_REFUSED("head.bias is missing", "export", "x.safetensors", "-o", "o.onnx");
    v2s_refiner_config five = {.inputs = 5, .kernel = 3, .channels = 2, .hidden = 2, .outputs = 5};
    v2s_refiner *m = NULL;
    cr_assert_eq(v2s_refiner_open(&five, &m), V2S_OK);
    cr_assert_eq(v2s_refiner_save(v2s_test_path("five.safetensors"), m, 0, NULL), V2S_OK);
    v2s_refiner_close(&m);
    V2S_TEST_REFUSED("preset seed: expected a network of 4 inputs and 4 outputs, found 5 and 5",
                     "export", "five.safetensors", "-o", "o.onnx");
    make_bare(v2s_test_path("five.safetensors"), "x.safetensors");
    V2S_TEST_REFUSED("5 inputs and 5 outputs are those of none", "export", "x.safetensors", "-o",
                     "o.onnx");
}

Test(export_program, options_that_contradict_are_refused) {
    V2S_TEST_REFUSED("its rate is 16000 Hz by its metadata: not --rate 48000", "export",
                     "seed-omni", "-o", "o.onnx", "--rate", "48000");
    V2S_TEST_REFUSED("expected whole Hz, found 16000.5", "export", "seed-omni", "-o", "o.onnx",
                     "--rate", "16000.5");
    V2S_TEST_REFUSED("works at every rate: no --rate", "export", "v2s-omni", "-o", "o.onnx",
                     "--rate", "48000");
    V2S_TEST_REFUSED("its pairing is omni by its metadata: not --pairing dry", "export",
                     "seed-omni", "-o", "o.onnx", "--pairing", "dry");
    V2S_TEST_REFUSED("which has no --size", "export", "seed-omni", "-o", "o.onnx", "--size", "64");
    V2S_TEST_REFUSED("expected a name that ends with .safetensors or .onnx", "export", "seed-omni",
                     "-o", "o.pt");
    cr_expect_not(depth_is_there("o.onnx") || depth_is_there("o.pt"));
}
