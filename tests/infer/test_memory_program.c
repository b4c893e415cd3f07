// SPDX-License-Identifier: MIT
// Memory of a render does not grow with the length of the sound.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <sndfile.h>

#include "infer/refiner_file.h"
#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"
#include "tests/support/program.h"

enum { RATE_HZ = 8000, SHORT_S = 60, LONG_S = 600 };

TestSuite(memory_program, .fini = v2s_test_folder_remove);

// A second of noise, again and again, as 16-bit samples.
static void make_sound(const char *name, int seconds) {
    static float noise[RATE_HZ];
    hash_noise(9, RATE_HZ, 0.3f, noise);
    SF_INFO info = {
        .samplerate = RATE_HZ, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
    SNDFILE *file = sf_open(v2s_test_path(name), SFM_WRITE, &info);
    cr_assert(file != NULL);
    for (int i = 0; i < seconds; i++)
        cr_assert(sf_writef_float(file, noise, RATE_HZ) == RATE_HZ);
    sf_close(file);
}

static void prepare(void) {
#ifdef __SANITIZE_ADDRESS__
    cr_skip("the sanitizer's own memory grows with every call");
#endif
    make_sound("short.wav", SHORT_S);
    make_sound("long.wav", LONG_S);
    const char path[] = "time_s,object,az_deg,el_deg,dist_m,confidence\n"
                        "0,1,-70,10,2,1\n600,1,20,-10,1,1\n";
    v2s_test_write_file(v2s_test_path("t.csv"), path, strlen(path));
}

// `options` ends with NULL.
static long peak_kib(const char *sound, const char *const *options) {
    const char *words[32] = {"render", "--trajectory", "t.csv", "--sound", sound, "-o", "o.wav"};
    for (int i = 0; options[i] != NULL; i++)
        words[7 + i] = options[i];
    v2s_test_run run = v2s_test_run_program(words);
    cr_assert(run.code == 0, "%s", run.err);
    long peak = run.peak_kib;
    v2s_test_run_free(&run);
    return peak;
}

// Ten minutes of mono floats alone are 19 MB, the four channels 77 MB; two runs of the same command
// differ by up to 0.6 MB. Two of some two hundred comparisons failed, both in one run on a busy
// machine, and passed when repeated; why is not known. What grows with the length does so every
// time.
static void expect_constant(const char *const *options) {
    enum { TRIES = 3, ALLOWED_KIB = 1536 };
    long small = 0, large = LONG_MAX;
    for (int i = 0; i < TRIES && large >= small + ALLOWED_KIB; i++) {
        small = peak_kib("short.wav", options);
        large = peak_kib("long.wav", options);
    }
    cr_expect(large < small + ALLOWED_KIB, "%ld KiB for a minute, %ld KiB for ten", small, large);
}

Test(memory_program, geometry_and_previews) {
    prepare();
    expect_constant((const char *const[]){"--binaural", "b.wav", "--stereo", "s.wav", "--doppler",
                                          "--air", NULL});
}

Test(memory_program, sixteen_bit_samples) {
    prepare();
    expect_constant((const char *const[]){"--format", "s16", "--order", "2", NULL});
}

Test(memory_program, another_rate) {
    prepare();
    expect_constant((const char *const[]){"--rate", "11025", NULL});
}

Test(memory_program, refiner) {
    prepare();
    v2s_refiner_config config = {4, 5, 8, 8, 4};
    v2s_refiner *refiner = NULL;
    cr_assert(v2s_refiner_open(&config, &refiner) == V2S_OK);
    cr_assert(v2s_refiner_save(v2s_test_path("w.safetensors"), refiner, 4000, "dry") == V2S_OK);
    v2s_refiner_close(&refiner);
    expect_constant((const char *const[]){"--refiner", "w.safetensors", NULL});
}

Test(memory_program, report) {
    prepare();
    // The page holds up to ten minutes of compressed sound: 96 kbit/s, 7 MB, twice.
    long small = peak_kib("short.wav", (const char *const[]){"--report", "r.html", NULL});
    long large = peak_kib("long.wav", (const char *const[]){"--report", "r.html", NULL});
    cr_expect(large < small + 64 * 1024, "%ld KiB for a minute, %ld KiB for ten", small, large);
}
