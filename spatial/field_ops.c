// SPDX-License-Identifier: MIT
#define V2S_FIELD_OPS_TABLE v2s_field_ops_plain
#include "spatial/field_ops_body.h"

#include <math.h>

#include "kernels/fft.h"
#include "spatial/conventions.h"

#if defined(__x86_64__)
extern const v2s_field_ops v2s_field_ops_avx2;
#endif

const v2s_field_ops *v2s_field_ops_for(v2s_isa isa) {
#if defined(__x86_64__)
    if (isa >= V2S_ISA_AVX2)
        return &v2s_field_ops_avx2;
#endif
    (void)isa;
    return &v2s_field_ops_plain;
}

v2s_status v2s_lanes_fft_open(int n, v2s_lanes_fft *fft) {
    V2S_ASSERT(n >= 8 && (n & (n - 1)) == 0);
    size_t turns = 3 * (size_t)n / 4, half = (size_t)n / 2;
    *fft = (v2s_lanes_fft){.n = n,
                           .turn_re = v2s_fft_alloc(turns, sizeof(double)),
                           .turn_im = v2s_fft_alloc(turns, sizeof(double)),
                           .work = {v2s_fft_alloc(half, sizeof(v2s_lanes_bin)),
                                    v2s_fft_alloc(half, sizeof(v2s_lanes_bin))}};
    if (!fft->turn_re || !fft->turn_im || !fft->work[0] || !fft->work[1])
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    for (size_t k = 0; k < turns; k++) {
        fft->turn_re[k] = cos(2 * V2S_PI * (double)k / n);
        fft->turn_im[k] = -sin(2 * V2S_PI * (double)k / n);
    }
    return V2S_OK;
}

void v2s_lanes_fft_close(v2s_lanes_fft *fft) {
    v2s_fft_free(fft->turn_re);
    v2s_fft_free(fft->turn_im);
    v2s_fft_free(fft->work[0]);
    v2s_fft_free(fft->work[1]);
    *fft = (v2s_lanes_fft){0};
}
