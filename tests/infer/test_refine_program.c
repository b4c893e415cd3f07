// SPDX-License-Identifier: MIT
// render --refiner against the network run directly on the geometric file.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "checkpoints/safetensors.h"
#include "infer/refiner_file.h"
#include "kernels/base/cpu.h"
#include "kernels/device.h"
#include "kernels/resample.h"
#include "tests/support/hash_noise.h"
#include "tests/support/make_media.h"
#include "tests/support/program.h"

enum { LOW_HZ = 16000, HIGH_HZ = 48000 };

static const double pi = 3.14159265358979323846;

// A path, a second of noise at `rate_hz`, weights for LOW_HZ, and the geometric file.
static void prepare(int rate_hz) {
    const char path[] = "time_s,object,az_deg,el_deg,dist_m,confidence\n"
                        "0,1,-70,10,2,1\n0.6,1,20,-10,1,1\n1,1,110,30,1.5,1\n";
    v2s_test_write_file(v2s_test_path("t.csv"), path, strlen(path));
    float *noise = malloc((size_t)rate_hz * sizeof *noise);
    cr_assert(noise != NULL);
    hash_noise(5, (size_t)rate_hz, 0.4f, noise);
    v2s_test_make_wav(v2s_test_path("n.wav"), noise, (size_t)rate_hz, 1, rate_hz);
    free(noise);
    v2s_refiner *refiner = hash_refiner();
    cr_assert(v2s_refiner_save(v2s_test_path("w.safetensors"), refiner, LOW_HZ, "dry") == V2S_OK);
    v2s_refiner_close(&refiner);
    V2S_TEST_RUN("render", "--trajectory", "t.csv", "--sound", "n.wav", "-o", "geometric.wav");
}

TestSuite(refine_program, .fini = v2s_test_folder_remove);

// The whole file at once, by the plain C definition.
static float *residual_of(const float *foa, size_t frames) {
    v2s_refiner *refiner = hash_refiner();
    v2s_device *device = NULL;
    v2s_refiner_work work = {0};
    float *residual = malloc(frames * 4 * sizeof *residual);
    cr_assert(residual != NULL);
    cr_assert(v2s_device_open_isa(V2S_ISA_SCALAR, 1, &device) == V2S_OK);
    cr_assert(v2s_refiner_work_open(&work, refiner, device, 1, (int)frames) == V2S_OK);
    v2s_refiner_forward(refiner, device, 1, (int)frames, foa, residual, &work);
    v2s_refiner_work_close(&work);
    v2s_device_close(&device);
    v2s_refiner_close(&refiner);
    return residual;
}

#define REFINE(...)                                                                                \
    V2S_TEST_RUN("render", "--trajectory", "t.csv", "--sound", "n.wav", "--refiner",               \
                 "w.safetensors", __VA_ARGS__)

Test(refine_program, refined_is_geometric_plus_amount_times_residual) {
    prepare(LOW_HZ);
    v2s_test_sound geometric = v2s_test_sound_read(v2s_test_path("geometric.wav"));
    float *residual = residual_of(geometric.samples, geometric.frames);
    double largest = 0;
    for (size_t i = 0; i < 4 * geometric.frames; i++)
        largest = fmax(largest, fabs(residual[i]));
    cr_assert(largest > 0.05, "the test sees nothing: %g", largest);
    static const struct {
        const char *word;
        double amount;
    } cases[] = {{"1", 1}, {"0.3", 0.3}, {"0", 0}};
    for (size_t k = 0; k < 3; k++) {
        REFINE("-o", "refined.wav", "--refiner-amount", cases[k].word, "--json", "o.json");
        v2s_test_sound refined = v2s_test_sound_read(v2s_test_path("refined.wav"));
        cr_assert(refined.frames == geometric.frames);
        double worst = 0;
        for (size_t i = 0; i < 4 * geometric.frames; i++)
            worst = fmax(worst, fabs(refined.samples[i] - geometric.samples[i] -
                                     cases[k].amount * residual[i]));
        cr_expect(worst <= (cases[k].amount > 0 ? 1e-5 : 0), "amount %s: %g", cases[k].word, worst);
        cJSON *json = v2s_test_json(v2s_test_path("o.json"));
        cr_expect(strcmp(cJSON_GetObjectItem(json, "refiner")->valuestring, "w.safetensors") == 0);
        cr_expect(v2s_test_number(json, "refiner_rate_hz") == LOW_HZ);
        cJSON_Delete(json);
        v2s_test_sound_free(&refined);
    }
    free(residual);
    v2s_test_sound_free(&geometric);
}

Test(refine_program, higher_orders_stay_geometric) {
    prepare(LOW_HZ);
    V2S_TEST_RUN("render", "--trajectory", "t.csv", "--sound", "n.wav", "-o", "g3.wav", "--order",
                 "3");
    REFINE("-o", "r1.wav");
    REFINE("-o", "r3.wav", "--order", "3");
    v2s_test_sound geometric = v2s_test_sound_read(v2s_test_path("g3.wav"));
    v2s_test_sound first = v2s_test_sound_read(v2s_test_path("r1.wav"));
    v2s_test_sound third = v2s_test_sound_read(v2s_test_path("r3.wav"));
    cr_expect(v2s_test_difference(&first, &third) <= 1e-7);
    for (size_t i = 0; i < third.frames; i++)
        for (size_t c = 4; c < 16; c++)
            cr_assert(third.samples[16 * i + c] == geometric.samples[16 * i + c]);
    v2s_test_sound_free(&geometric);
    v2s_test_sound_free(&first);
    v2s_test_sound_free(&third);
}

// Power of refined - geometric near a frequency, mean over a few windowed bins.
static double power(const float *x, size_t frames, int c, double from_hz, double to_hz) {
    double sum = 0;
    enum { BINS = 12 };
    for (int k = 0; k < BINS; k++) {
        double hz = from_hz + (to_hz - from_hz) * k / (BINS - 1), re = 0, im = 0;
        for (size_t i = 0; i < frames; i++) {
            double t = (double)i / (double)frames;
            double w = 0.42 - 0.5 * cos(2 * pi * t) + 0.08 * cos(4 * pi * t); // Blackman
            double a = 2 * pi * hz * (double)i / HIGH_HZ;
            re += w * x[4 * i + (size_t)c] * cos(a);
            im += w * x[4 * i + (size_t)c] * sin(a);
        }
        sum += re * re + im * im;
    }
    return sum / BINS;
}

// Weights for 16 kHz, a sound of 48 kHz: the residual has nothing above 8 kHz, so the geometric
// path keeps its full band; below it is the network's answer to the sound at 16 kHz.
Test(refine_program, another_rate_leaves_the_high_band_alone) {
    prepare(HIGH_HZ);
    REFINE("-o", "refined.wav");
    v2s_test_sound geometric = v2s_test_sound_read(v2s_test_path("geometric.wav"));
    v2s_test_sound refined = v2s_test_sound_read(v2s_test_path("refined.wav"));
    cr_assert(refined.rate_hz == HIGH_HZ && refined.frames == geometric.frames);
    size_t n = 4 * refined.frames;
    float *added = malloc(n * sizeof *added);
    cr_assert(added != NULL);
    for (size_t i = 0; i < n; i++)
        added[i] = refined.samples[i] - geometric.samples[i];
    for (int c = 0; c < 4; c++) {
        double low = power(added, refined.frames, c, 500, 6500);
        double high = power(added, refined.frames, c, 9000, 23500);
        cr_expect(10 * log10(high / low) < -80, "channel %d: %f dB", c, 10 * log10(high / low));
    }
    float *down = NULL, *up = NULL;
    size_t down_frames = 0, up_frames = 0;
    cr_assert(v2s_resample(geometric.samples, geometric.frames, 4, HIGH_HZ, LOW_HZ, &down,
                           &down_frames) == V2S_OK);
    float *residual = residual_of(down, down_frames);
    cr_assert(v2s_resample(residual, down_frames, 4, LOW_HZ, HIGH_HZ, &up, &up_frames) == V2S_OK);
    double worst = 0;
    for (size_t i = 0; i < n && i < 4 * up_frames; i++)
        worst = fmax(worst, fabs(added[i] - up[i]));
    cr_expect(worst < 1e-5, "%g", worst);
    free(down);
    free(up);
    free(residual);
    free(added);
    v2s_test_sound_free(&geometric);
    v2s_test_sound_free(&refined);
}

typedef struct plain {
    v2s_safetensors_tensor tensors[16];
    char names[16][V2S_PARAM_NAME_MAX];
    int count;
} plain;

static v2s_status list_tensor(void *ctx, const char *name, v2s_tensor *param) {
    plain *list = ctx;
    strcpy(list->names[list->count], name);
    v2s_safetensors_tensor *t = &list->tensors[list->count];
    *t = (v2s_safetensors_tensor){
        .name = list->names[list->count], .rank = param->rank, .data = param->data};
    for (int i = 0; i < param->rank; i++)
        t->dim[i] = param->dim[i];
    list->count++;
    return V2S_OK;
}

// As PyTorch writes it: no metadata, so the rate is the sound's, with a warning.
Test(refine_program, plain_file_is_used_at_the_rate_of_the_sound) {
    prepare(LOW_HZ);
    v2s_refiner *refiner = hash_refiner();
    plain list = {.count = 0};
    cr_assert(v2s_refiner_each_param(refiner, list_tensor, &list) == V2S_OK);
    cr_assert(v2s_safetensors_write(v2s_test_path("plain.safetensors"), list.tensors, list.count,
                                    NULL, 0) == V2S_OK);
    v2s_refiner_close(&refiner);
    REFINE("-o", "a.wav");
    v2s_test_run run = v2s_test_run_program(
        (const char *const[]){"render", "--trajectory", "t.csv", "--sound", "n.wav", "--refiner",
                              "plain.safetensors", "-o", "b.wav", NULL});
    cr_expect(run.code == 0 && strstr(run.err, "warning: plain.safetensors") != NULL &&
                  strstr(run.err, "16000 Hz") != NULL,
              "%s", run.err);
    v2s_test_run_free(&run);
    v2s_test_sound a = v2s_test_sound_read(v2s_test_path("a.wav"));
    v2s_test_sound b = v2s_test_sound_read(v2s_test_path("b.wav"));
    cr_expect(v2s_test_difference(&a, &b) == 0);
    v2s_test_sound_free(&a);
    v2s_test_sound_free(&b);
}

Test(refine_program, threads_do_not_change_a_bit) {
    prepare(LOW_HZ);
    REFINE("-o", "a.wav", "--threads", "1");
    REFINE("-o", "b.wav", "--threads", "3");
    REFINE("-o", "c.wav", "--device", "cpu");
    v2s_test_sound a = v2s_test_sound_read(v2s_test_path("a.wav"));
    v2s_test_sound b = v2s_test_sound_read(v2s_test_path("b.wav"));
    v2s_test_sound c = v2s_test_sound_read(v2s_test_path("c.wav"));
    cr_expect(v2s_test_difference(&a, &b) == 0 && v2s_test_difference(&a, &c) == 0);
    v2s_test_sound_free(&a);
    v2s_test_sound_free(&b);
    v2s_test_sound_free(&c);
}

Test(refine_program, bf16_is_close_or_refused) {
    prepare(LOW_HZ);
    if (v2s_cpu_isa() != V2S_ISA_AVX512_BF16) {
        V2S_TEST_REFUSED("precision bf16", "render", "--trajectory", "t.csv", "--sound", "n.wav",
                         "--refiner", "w.safetensors", "--precision", "bf16", "-o", "b.wav");
        return;
    }
    REFINE("-o", "a.wav");
    REFINE("-o", "b.wav", "--precision", "bf16");
    v2s_test_sound a = v2s_test_sound_read(v2s_test_path("a.wav"));
    v2s_test_sound b = v2s_test_sound_read(v2s_test_path("b.wav"));
    double difference = v2s_test_difference(&a, &b);
    cr_expect(difference > 0 && difference < 0.02, "%g", difference);
    v2s_test_sound_free(&a);
    v2s_test_sound_free(&b);
}

Test(refine_program, summary_says_whether_and_why) {
    prepare(LOW_HZ);
    static const struct {
        const char *refiner, *words;
    } cases[] = {{"none", "not used: --refiner none"}, {"w.safetensors", "CRC-32"}};
    for (size_t i = 0; i < 2; i++) {
        v2s_test_run run = v2s_test_run_program(
            (const char *const[]){"render", "--trajectory", "t.csv", "--sound", "n.wav", "-o",
                                  "o.wav", "--refiner", cases[i].refiner, NULL});
        cr_expect(run.code == 0 && strstr(run.out, cases[i].words) != NULL, "%s", run.out);
        v2s_test_run_free(&run);
    }
    v2s_test_sound geometric = v2s_test_sound_read(v2s_test_path("geometric.wav"));
    V2S_TEST_RUN("render", "--trajectory", "t.csv", "--sound", "n.wav", "-o", "none.wav",
                 "--refiner", "none");
    v2s_test_sound none = v2s_test_sound_read(v2s_test_path("none.wav"));
    cr_expect(v2s_test_difference(&geometric, &none) == 0);
    v2s_test_sound_free(&geometric);
    v2s_test_sound_free(&none);
}
