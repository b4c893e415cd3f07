// SPDX-License-Identifier: MIT
// Every allocation of our own fails once: the answer is NOMEM with a sentence, and nothing leaks
// (the sanitizer build sees to that). tests/CMakeLists.txt wraps the allocators of test_*_alloc.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoints/onnx.h"
#include "infer/export.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/scratch_file.h"

// The graph of a small refiner, written, and what info reads of it.
static v2s_status whole_job(const char *path, v2s_refiner *refiner, const v2s_refiner_info *info) {
    v2s_onnx *m = NULL;
    v2s_onnx_info read = {0};
    V2S_TRY(v2s_onnx_open("small", &m));
    v2s_status status = v2s_export_refiner(m, refiner, info);
    if (status == V2S_OK)
        status = v2s_onnx_write(m, path, NULL);
    v2s_onnx_close(&m);
    if (status == V2S_OK)
        status = v2s_onnx_read_info(path, &read);
    v2s_onnx_info_free(&read);
    return status;
}

Test(export_alloc, every_failed_allocation_is_reported) {
    enum { MANY = 2000 };
    const v2s_refiner_config config = {4, 3, 2, 2, 4};
    v2s_refiner_info info = {.preset = "seed", .config = config};
    scratch_file f = scratch_file_make();
    v2s_refiner *refiner = NULL;
    // Without memory for a folder's name, the folder is not synced and the file is complete all the
    // same (kernels/base/file_out.c).
    v2s_test_alloc.spare_strdup = true;
    cr_assert_eq(v2s_refiner_open(&config, &refiner), V2S_OK);
    int n = 0;
    for (; n < MANY; n++) {
        v2s_error_clear();
        v2s_test_alloc.countdown = n;
        v2s_status status = whole_job(f.path, refiner, &info);
        bool failed = v2s_test_alloc.countdown < 0;
        v2s_test_alloc.countdown = -1;
        if (!failed) {
            cr_assert_eq(status, V2S_OK, "%s", v2s_error_text());
            break;
        }
        cr_assert_eq(status, V2S_NOMEM, "allocation %d: %d, %s", n, status, v2s_error_text());
        cr_assert_not_null(strstr(v2s_error_text(), "out of memory"));
    }
    cr_assert(n > 100 && n < MANY, "%d allocations", n);
    v2s_refiner_close(&refiner);
    scratch_file_remove(&f);
}
