// SPDX-License-Identifier: MIT
// Time to read and design, and speed of the binaural decoder, in processor time of one thread:
//   bench_binaural [FILE.sofa]
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "data/sofa.h"
#include "kernels/base/status.h"
#include "spatial/binaural.h"

enum { ROUNDS = 7, FRAMES = 480000, BLOCK = 4096 };

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
    double d = *(const double *)a - *(const double *)b;
    return d < 0 ? -1 : d > 0;
}

static double median(double *x) {
    qsort(x, ROUNDS, sizeof *x, by_value);
    return x[ROUNDS / 2];
}

static v2s_status measure(const v2s_hrtf *h, int order, v2s_binaural_method method) {
    double open_s[ROUNDS], run_s[ROUNDS];
    size_t channels = (size_t)v2s_channels_of_order(order);
    float *in = calloc(BLOCK * channels, sizeof *in), *out = malloc(BLOCK * 2 * sizeof *out);
    v2s_status status = in && out ? V2S_OK : V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t i = 0; status == V2S_OK && i < BLOCK * channels; i++)
        in[i] = (float)(i * 2654435761U % 1000) / 1000.0F - 0.5F;
    for (int r = 0; status == V2S_OK && r < ROUNDS; r++) {
        v2s_binaural *b = NULL;
        double start = now_s();
        status = v2s_binaural_open(h, order, 48000.0, method, &b);
        open_s[r] = now_s() - start;
        start = now_s();
        for (int t = 0; status == V2S_OK && t < FRAMES; t += BLOCK)
            status = v2s_binaural_process(b, in, BLOCK, out);
        run_s[r] = now_s() - start;
        v2s_binaural_close(&b);
    }
    if (status == V2S_OK)
        printf("%s order %d: open %.1f ms, %.0f times real time at 48 kHz\n",
               method == V2S_BINAURAL_MAGLS ? "magls   " : "speakers", order, 1e3 * median(open_s),
               FRAMES / 48000.0 / median(run_s));
    free(in);
    free(out);
    return status;
}

int main(int argc, char **argv) {
    v2s_hrtf h = {0};
    double start = now_s();
    v2s_status status = v2s_sofa_read(argc > 1 ? argv[1] : NULL, &h);
    if (status == V2S_OK)
        printf("%s: read in %.1f ms\n", h.title, 1e3 * (now_s() - start));
    static const int orders[] = {1, 3, 7};
    for (int i = 0; status == V2S_OK && i < 6; i++)
        status = measure(&h, orders[i / 2], (v2s_binaural_method)(i % 2));
    if (status != V2S_OK)
        fprintf(stderr, "%s\n", v2s_error_text());
    v2s_hrtf_free(&h);
    return status != V2S_OK;
}
