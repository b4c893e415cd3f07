// SPDX-License-Identifier: MIT
// Every allocation of our own fails once while a list of all losses is opened: the answer is NOMEM
// with a sentence, and nothing leaks (the sanitizer build sees to that).
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/loss_binaural.h"
#include "tests/support/failing_alloc.h"
#include "train/loss_list.h"

// What is opened, and closed again where that succeeds.
static v2s_status open_list(void) {
    v2s_loss_setup setup = {
        .weights = {{1, 1, 1, 1, 0, 0}}, .rate_hz = 8000, .T = 200, .rows = 2, .lanes = 2};
    v2s_device *dev = NULL;
    v2s_loss_list *list = NULL;
    V2S_TRY(v2s_device_open("cpu", 2, &dev));
    setup.dev = dev;
    v2s_status status = v2s_loss_list_open(&setup, &list);
    cr_assert_eq(list == NULL, status != V2S_OK);
    v2s_loss_list_close(&list);
    v2s_device_close(&dev);
    return status;
}

// The list would first design a head's filters, which takes long; here they are given.
static v2s_status open_binaural(void) {
    const float filters[2 * 4 * 3] = {1.0f, 0.5f, 0.25f};
    const int n[] = {16, 32};
    v2s_loss_binaural *loss = NULL;
    v2s_status status = v2s_loss_binaural_open(100, 3, filters, 2, n, &loss);
    cr_assert_eq(loss == NULL, status != V2S_OK);
    v2s_loss_binaural_close(&loss);
    return status;
}

static void check_each_allocation(v2s_status (*open)(void)) {
    int failed = 0;
    for (;; failed++) {
        v2s_test_alloc.countdown = failed;
        v2s_status status = open();
        bool done = v2s_test_alloc.countdown >= 0; // fewer allocations than that
        v2s_test_alloc.countdown = -1;
        if (done) {
            cr_assert_eq(status, V2S_OK, "%s", v2s_error_text());
            break;
        }
        cr_assert_eq(status, V2S_NOMEM, "allocation %d", failed);
        cr_assert(strstr(v2s_error_text(), "memory"), "%d: %s", failed, v2s_error_text());
    }
    cr_assert_gt(failed, 10);
}

Test(loss_list_alloc, opening_survives_every_failure) {
    check_each_allocation(open_list);
}

Test(loss_list_alloc, opening_a_binaural_loss_survives_every_failure) {
    check_each_allocation(open_binaural);
}
