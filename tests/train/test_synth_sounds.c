// SPDX-License-Identifier: MIT
// Recordings: what is found, how it is split, and what stretches are made of it.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <criterion/criterion.h>

#include "spatial/conventions.h"
#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"
#include "train/stretch.h"

enum { RATE_HZ = 8000, LONG = RATE_HZ / 2 };

TestSuite(synth_sounds, .fini = v2s_test_folder_remove);

static void make_folder(const char *name) {
    cr_assert(mkdir(v2s_test_path(name), 0777) == 0, "%s", name);
}

static void make_noise(const char *name, unsigned stream, size_t frames) {
    float *samples = malloc((frames + 1) * sizeof *samples);
    cr_assert(samples != NULL);
    hash_noise(stream, frames, 0.3f, samples);
    v2s_test_make_wav(v2s_test_path(name), samples, frames, 1, RATE_HZ);
    free(samples);
}

static v2s_sounds scan(const char *licence, size_t count, const char *const *names) {
    const char *folders[4];
    for (size_t i = 0; i < count; i++)
        folders[i] = v2s_test_path(names[i]);
    v2s_text_list list = {.items = folders, .count = count};
    v2s_sounds sounds = {0};
    cr_assert(v2s_sounds_scan(&list, licence, &sounds) == V2S_OK, "%s", v2s_error_text());
    return sounds;
}

static const v2s_sound_file *find(const v2s_sounds *s, const char *part) {
    const v2s_sound_file *found = NULL;
    for (size_t i = 0; i < s->count; i++)
        if (strstr(s->files[i].name, part) != NULL) {
            cr_assert(found == NULL, "two of %s", part);
            found = &s->files[i];
        }
    return found;
}

Test(synth_sounds, a_folder_is_searched_in_depth_with_licences_and_kinds) {
    make_folder("a");
    make_folder("a/birds");
    make_folder("a/birds/owls");
    make_folder("a/speech");
    make_noise("a/plain.wav", 1, LONG);
    make_noise("a/birds/owls/one.WAV", 2, LONG);
    make_noise("a/birds/two.wav", 3, LONG);
    make_noise("a/speech/three.wav", 4, LONG);
    make_noise("a/.hidden.wav", 5, LONG);
    v2s_test_write_file(v2s_test_path("a/notes.txt"), "x", 1);
    const char table[] = "file\tlicence\tpackage\nbirds/two.wav\tCC0\tp\nspeech/three.wav\tGPL-2\n";
    v2s_test_write_file(v2s_test_path("a/licences.tsv"), table, sizeof table - 1);
    v2s_sounds s = scan(NULL, 1, (const char *const[]){"a"});
    cr_assert(s.count == 4 && s.kind_count == 3 && s.duplicates == 0, "%zu files, %zu kinds",
              s.count, s.kind_count);
    cr_expect(find(&s, "one.WAV")->kind == find(&s, "two.wav")->kind);
    cr_expect(find(&s, "two.wav")->kind != find(&s, "three.wav")->kind);
    cr_expect(strcmp(find(&s, "two.wav")->licence, "CC0") == 0);
    cr_expect(strcmp(find(&s, "three.wav")->licence, "GPL-2") == 0);
    cr_expect(find(&s, "plain.wav")->licence == NULL);
    v2s_sounds_free(&s);
    s = scan("CC-BY", 1, (const char *const[]){"a"});
    for (size_t i = 0; i < s.count; i++)
        cr_expect(strcmp(s.files[i].licence, "CC-BY") == 0);
    v2s_sounds_free(&s);
}

Test(synth_sounds, equal_bytes_count_once_and_equal_names_are_told_apart) {
    make_folder("a");
    make_folder("b");
    make_noise("a/1.wav", 1, LONG);
    make_noise("b/1.wav", 2, LONG);
    make_noise("b/copy.wav", 1, LONG);
    make_noise("b/2.wav", 3, LONG);
    v2s_sounds s = scan(NULL, 2, (const char *const[]){"a", "b"});
    cr_assert(s.count == 3 && s.duplicates == 1, "%zu", s.count);
    cr_expect(find(&s, "copy") == NULL && strcmp(find(&s, "2.wav")->name, "2.wav") == 0);
    cr_expect(find(&s, "a/1.wav") != NULL && find(&s, "b/1.wav") != NULL);
    v2s_sounds_free(&s);
}

Test(synth_sounds, all_three_splits_exist_from_three_things_on) {
    for (size_t n = 1; n < 300; n++) {
        v2s_split splits[300];
        size_t count[V2S_SPLIT_COUNT] = {0};
        v2s_splits_fill(n, splits);
        for (size_t i = 0; i < n; i++)
            count[splits[i]]++;
        cr_expect(count[V2S_SPLIT_TRAIN] >= 1, "%zu", n);
        if (n >= 3)
            cr_expect(count[V2S_SPLIT_VAL] >= 1 && count[V2S_SPLIT_TEST] >= 1, "%zu", n);
        if (n >= 50)
            cr_expect(fabs((double)count[V2S_SPLIT_TEST] / (double)n - 0.12) < 0.011 &&
                          fabs((double)count[V2S_SPLIT_VAL] / (double)n - 0.08) < 0.011,
                      "%zu: %zu val, %zu test", n, count[V2S_SPLIT_VAL], count[V2S_SPLIT_TEST]);
    }
}

// A list of files that need not exist: kinds of 90, 40 and 20.
static void fill_list(v2s_sounds *s, v2s_sound_file files[150]) {
    memset(files, 0, 150 * sizeof *files);
    for (size_t i = 0; i < 150; i++)
        files[i].kind = i < 90 ? 0 : i < 130 ? 1 : 2;
    *s = (v2s_sounds){.count = 150, .kind_count = 3, .files = files};
}

// The split belongs to the recordings, not to a run: sets of several seeds may be joined.
Test(synth_sounds, every_kind_is_in_every_split_always_the_same) {
    v2s_sound_file files[150], again[150];
    v2s_sounds s, t;
    fill_list(&s, files);
    fill_list(&t, again);
    cr_assert(v2s_sounds_split(&s) == V2S_OK && v2s_sounds_split(&t) == V2S_OK);
    int count[3][V2S_SPLIT_COUNT] = {{0}};
    for (size_t i = 0; i < 150; i++) {
        count[files[i].kind][files[i].split]++;
        cr_expect(files[i].split == again[i].split);
    }
    for (int k = 0; k < 3; k++)
        for (int p = 0; p < V2S_SPLIT_COUNT; p++)
            cr_expect(count[k][p] > 0, "kind %d has nothing in %s", k,
                      v2s_split_name((v2s_split)p));
}

// ---- stretches --------------------------------------------------------------------------------

Test(synth_sounds, a_stretch_holds_its_split_only) {
    make_folder("a");
    for (unsigned i = 0; i < 9; i++) {
        char name[32];
        snprintf(name, sizeof name, "a/%u.wav", i);
        make_noise(name, i, LONG / 4 + 100 * i);
    }
    v2s_sounds s = scan(NULL, 1, (const char *const[]){"a"});
    cr_assert(v2s_sounds_split(&s) == V2S_OK);
    float mono[2 * RATE_HZ];
    for (uint64_t seed = 0; seed < 12; seed++)
        for (int split = 0; split < V2S_SPLIT_COUNT; split++) {
            v2s_rng rng = v2s_rng_open(seed, 0);
            v2s_stretch stretch;
            cr_assert(v2s_stretch_draw(&s, (v2s_split)split, RATE_HZ, 2 * RATE_HZ, &rng, mono,
                                       &stretch) == V2S_OK,
                      "%s", v2s_error_text());
            cr_expect(stretch.count >= 1 && stretch.unusable == NULL);
            for (size_t i = 0; i < stretch.count; i++)
                cr_expect(s.files[stretch.files[i]].split == (v2s_split)split);
            cr_expect(v2s_active_rms(mono, 2 * RATE_HZ, RATE_HZ) > 0.1);
        }
    v2s_sounds_free(&s);
}

static double dot(const float *a, const float *b, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

// The high-pass takes 1 % of the power of white noise at this rate, and turns as much.
Test(synth_sounds, a_long_recording_is_cropped) {
    enum { EDGE = 100, INNER = LONG - 2 * EDGE };
    make_folder("a");
    make_noise("a/long.wav", 1, 2 * LONG);
    v2s_sounds s = scan(NULL, 1, (const char *const[]){"a"});
    float whole[2 * LONG], mono[LONG];
    hash_noise(1, 2 * LONG, 0.3f, whole);
    v2s_rng rng = v2s_rng_open(3, 0);
    v2s_stretch stretch;
    cr_assert(v2s_stretch_draw(&s, V2S_SPLIT_TRAIN, RATE_HZ, LONG, &rng, mono, &stretch) == V2S_OK);
    double best = 0;
    for (size_t at = 0; at + LONG <= 2 * LONG; at++) {
        double gain = dot(whole + at + EDGE, mono + EDGE, INNER) /
                      dot(whole + at + EDGE, whole + at + EDGE, INNER);
        best = fmax(best, gain);
    }
    cr_expect(best > 0.95 && best < 1.001, "the best part has %g of the level", best);
    cr_expect(fabsf(mono[0]) < 0.02f && fabsf(mono[LONG - 1]) < 0.02f, "the ends fade");
    v2s_sounds_free(&s);
}

Test(synth_sounds, pressure_that_stands_still_is_filtered_out) {
    make_folder("a");
    float samples[2 * LONG], mono[LONG];
    for (size_t i = 0; i < 2 * LONG; i++) {
        double t = (double)i / RATE_HZ;
        samples[i] = (float)(0.5 + 0.3 * sin(2 * V2S_PI * 5 * t) + 0.1 * sin(2 * V2S_PI * 500 * t));
    }
    v2s_test_make_wav(v2s_test_path("a/rumble.wav"), samples, 2 * LONG, 1, RATE_HZ);
    v2s_sounds s = scan(NULL, 1, (const char *const[]){"a"});
    v2s_rng rng = v2s_rng_open(3, 0);
    v2s_stretch stretch;
    cr_assert(v2s_stretch_draw(&s, V2S_SPLIT_TRAIN, RATE_HZ, LONG, &rng, mono, &stretch) == V2S_OK);
    double power = dot(mono, mono, LONG) / LONG;
    cr_expect(fabs(power / 0.005 - 1) < 0.03, "power %g, the tone has 0.005", power);
    v2s_sounds_free(&s);
}

Test(synth_sounds, clips_of_a_tenth_of_a_second_are_never_silent) {
    make_folder("a");
    make_noise("a/short.wav", 1, RATE_HZ * 6 / 100);
    v2s_sounds s = scan(NULL, 1, (const char *const[]){"a"});
    float mono[RATE_HZ / 10];
    for (uint64_t seed = 0; seed < 40; seed++) {
        v2s_rng rng = v2s_rng_open(seed, 0);
        v2s_stretch stretch;
        cr_assert(v2s_stretch_draw(&s, V2S_SPLIT_TRAIN, RATE_HZ, RATE_HZ / 10, &rng, mono,
                                   &stretch) == V2S_OK);
        cr_expect(stretch.unusable == NULL, "%s", stretch.unusable);
        free(stretch.unusable);
    }
    v2s_sounds_free(&s);
}

Test(synth_sounds, what_cannot_be_used_is_passed_over_and_named) {
    make_folder("a");
    float silence[LONG] = {0};
    v2s_test_make_wav(v2s_test_path("a/silent.wav"), silence, LONG, 1, RATE_HZ);
    v2s_test_write_file(v2s_test_path("a/broken.wav"), "RIFFnonsense", 12);
    make_noise("a/click.wav", 2, RATE_HZ / 100);
    make_noise("a/good.wav", 1, LONG);
    v2s_sounds s = scan(NULL, 1, (const char *const[]){"a"});
    float mono[LONG];
    bool silent = false, broken = false, click = false;
    for (uint64_t seed = 0; seed < 40; seed++) {
        v2s_rng rng = v2s_rng_open(seed, 0);
        v2s_stretch stretch;
        cr_assert(v2s_stretch_draw(&s, V2S_SPLIT_TRAIN, RATE_HZ, LONG, &rng, mono, &stretch) ==
                  V2S_OK);
        cr_expect(stretch.count == 1 && strcmp(s.files[stretch.files[0]].name, "good.wav") == 0);
        const char *text = stretch.unusable != NULL ? stretch.unusable : "";
        silent |= strstr(text, "silent.wav: is silent") != NULL;
        broken |= strstr(text, "broken.wav") != NULL;
        click |= strstr(text, "click.wav: is shorter") != NULL;
        free(stretch.unusable);
    }
    cr_expect(silent && broken && click, "%d %d %d", silent, broken, click);
    v2s_sounds_free(&s);
}
