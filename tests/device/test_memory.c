// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <string.h>

#include "tests/device/tested_device.h"

enum { COUNT = 1000, BYTES = COUNT * (int)sizeof(float) };

Test(memory, is_zeroed_and_holds_what_was_put) {
    v2s_device *dev = tested_device();
    const v2s_memory_ops *memory = dev->ops->memory;
    void *a = NULL, *b = NULL;
    float in[COUNT], out[COUNT];
    for (int i = 0; i < COUNT; i++)
        in[i] = (float)i - 7;
    cr_assert_eq(memory->take(dev, BYTES, &a), V2S_OK);
    cr_assert_eq(memory->take(dev, BYTES, &b), V2S_OK);
    cr_assert_eq((size_t)a % 64, 0);
    fetch(dev, out, a, BYTES);
    for (int i = 0; i < COUNT; i++)
        cr_assert_eq(out[i], 0.0f);
    memory->upload(dev, a, in, BYTES);
    memory->copy(dev, b, a, BYTES);
    memory->zero(dev, a, BYTES / 2);
    fetch(dev, out, b, BYTES);
    cr_assert_eq(memcmp(out, in, BYTES), 0);
    fetch(dev, out, a, BYTES);
    cr_assert_eq(out[COUNT / 2 - 1], 0.0f);
    cr_assert_eq(out[COUNT / 2], in[COUNT / 2]);
    memory->give(dev, a);
    memory->give(dev, b);
    memory->give(dev, NULL);
    v2s_device_close(&dev);
}

typedef struct scaling {
    const v2s_device *dev;
    float *host, *x;
} scaling;

// x = 2 (x + what lies in host memory when it runs)
static void scale_work(void *ctx) {
    const scaling *s = ctx;
    float *more = s->x + COUNT;
    s->dev->ops->memory->upload(s->dev, more, s->host, BYTES);
    v2s_elementwise_args add = {
        .kind = V2S_ELEMENTWISE_ADD, .count = COUNT, .a = s->x, .b = more, .y = s->x};
    v2s_elementwise_args twice = {
        .kind = V2S_ELEMENTWISE_SCALE, .count = COUNT, .factor = 2, .a = s->x, .y = s->x};
    s->dev->ops->elementwise_forward(s->dev, &add, NULL);
    s->dev->ops->elementwise_forward(s->dev, &twice, NULL);
}

Test(memory, recorded_work_reads_what_is_there_when_it_runs) {
    v2s_device *dev = tested_device();
    const v2s_memory_ops *memory = dev->ops->memory;
    scaling s = {.dev = dev};
    void *host = NULL, *x = NULL;
    v2s_recording *recording = NULL;
    cr_assert_eq(memory->host_take(dev, BYTES, &host), V2S_OK);
    cr_assert_eq(memory->take(dev, 2 * BYTES, &x), V2S_OK);
    s.host = host;
    s.x = x;
    cr_assert_eq(memory->record(dev, scale_work, &s, &recording), V2S_OK, "%s", v2s_error_text());
    for (int run = 0; run < 3; run++) {
        s.host[5] = (float)(run + 1);
        memory->replay(dev, recording);
        memory->mark(dev, 0);
        memory->wait(dev, 0);
    }
    float out[COUNT];
    fetch(dev, out, x, BYTES);
    cr_assert_eq(out[4], 0.0f);
    cr_assert_eq(out[5], 2.0f * (2.0f * (2.0f * 1.0f + 2.0f) + 3.0f));
    memory->forget(dev, &recording);
    cr_assert_null(recording);
    memory->give(dev, x);
    memory->host_give(dev, host);
    v2s_device_close(&dev);
}

Test(memory, more_than_there_is_is_refused_with_the_size) {
    v2s_device *dev = tested_device();
    void *x = NULL;
    cr_assert_eq(dev->ops->memory->take(dev, (size_t)1 << 46, &x), V2S_NOMEM);
    cr_assert_null(x);
    cr_assert_not_null(strstr(v2s_error_text(), "out of memory"));
    cr_assert_eq(dev->ops->memory->synchronize(dev), V2S_OK);
    v2s_device_close(&dev);
}
