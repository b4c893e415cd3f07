// SPDX-License-Identifier: MIT
// Every allocation of our own fails once: the answer is NOMEM with a sentence, and nothing leaks
// (the sanitizer build sees to that). tests/CMakeLists.txt wraps the allocators of test_*_alloc.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "infer/refiner_file.h"
#include "nn/refiner_stream.h"
#include "tests/support/hash_noise.h"

static int countdown = -1; // allocations until one fails; -1: none does

static bool fails_now(void) {
    return countdown >= 0 && countdown-- == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *text);

void *__wrap_malloc(size_t size) {
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size) {
    return fails_now() ? NULL : __real_realloc(old, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return fails_now() ? NULL : __real_aligned_alloc(alignment, size);
}

char *__wrap_strdup(const char *text) {
    return fails_now() ? NULL : __real_strdup(text);
}

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
        countdown = n;
        v2s_status status = whole_job(foa, FRAMES);
        bool failed = countdown < 0;
        countdown = -1;
        if (!failed) {
            cr_assert_eq(status, V2S_OK, "%s", v2s_error_text());
            break;
        }
        cr_assert_eq(status, V2S_NOMEM, "allocation %d: %d, %s", n, status, v2s_error_text());
        cr_assert_not_null(strstr(v2s_error_text(), "out of memory"));
    }
    cr_assert(n > 10 && n < MANY, "%d allocations", n);
}
