// SPDX-License-Identifier: MIT
// Every allocation of our own fails once: the answer is NOMEM with a sentence, and nothing leaks
// (the sanitizer build sees to that). tests/CMakeLists.txt wraps the allocators of test_*_alloc.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "infer/refiner_file.h"
#include "nn/refiner_stream.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/hash_noise.h"

static v2s_status stream_all(const v2s_refiner *m, const v2s_device *dev, const float *foa,
                             int frames) {
    const v2s_refiner_stream_config config = {64, 8, 4096, 1e-6f}; // the look-ahead has to grow
    v2s_refiner_stream *s = NULL;
    V2S_TRY(v2s_refiner_stream_open(m, dev, &config, &s));
    v2s_status status = v2s_refiner_stream_push(s, foa, frames);
    if (status == V2S_OK)
        status = v2s_refiner_stream_finish(s);
    v2s_refiner_stream_close(&s);
    return status;
}

// Load, open, stream, as the programs do.
static v2s_status whole_job(const float *foa, int frames) {
    v2s_device *dev = NULL;
    v2s_refiner *m = NULL;
    v2s_status status = v2s_device_open("cpu", 2, &dev);
    if (status == V2S_OK)
        status = v2s_refiner_load(V2S_TEST_DATA "/golden/refiner_tiny_torch.safetensors", &m, NULL);
    if (status == V2S_OK)
        status = stream_all(m, dev, foa, frames);
    v2s_refiner_close(&m);
    v2s_device_close(&dev);
    return status;
}

Test(refiner_alloc, every_failed_allocation_is_reported) {
    enum { FRAMES = 400, MANY = 1000 };
    float foa[FRAMES * 4];
    hash_foa(FRAMES, foa);
    int n = 0;
    for (; n < MANY; n++) {
        v2s_error_clear();
        v2s_test_alloc.countdown = n;
        v2s_status status = whole_job(foa, FRAMES);
        bool failed = v2s_test_alloc.countdown < 0;
        v2s_test_alloc.countdown = -1;
        if (!failed) {
            cr_assert_eq(status, V2S_OK, "%s", v2s_error_text());
            break;
        }
        cr_assert_eq(status, V2S_NOMEM, "allocation %d: %d, %s", n, status, v2s_error_text());
        cr_assert_not_null(strstr(v2s_error_text(), "out of memory"));
    }
    cr_assert(n > 10 && n < MANY, "%d allocations", n);
}
