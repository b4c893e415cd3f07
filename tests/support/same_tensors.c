// SPDX-License-Identifier: MIT
#include "tests/support/same_tensors.h"

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "checkpoints/safetensors.h"
#include "tests/support/make_media.h"

void v2s_test_same_tensors(const char *a, const char *b) {
    v2s_safetensors *first = NULL, *second = NULL;
    cr_assert(v2s_safetensors_open(v2s_test_path(a), &first) == V2S_OK, "%s", v2s_error_text());
    cr_assert(v2s_safetensors_open(v2s_test_path(b), &second) == V2S_OK, "%s", v2s_error_text());
    const v2s_safetensors_entry *e;
    int count = 0;
    for (; (e = v2s_safetensors_at(first, count)) != NULL; count++) {
        const v2s_safetensors_entry *other = v2s_safetensors_find(second, e->name);
        cr_assert(other != NULL && strcmp(other->dtype, e->dtype) == 0, "%s", e->name);
        int dim[V2S_SAFETENSORS_RANK_MAX];
        for (int i = 0; i < e->rank; i++)
            dim[i] = (int)e->dim[i];
        size_t size = (size_t)(e->end - e->begin);
        char *one = malloc(size), *two = malloc(size);
        cr_assert(v2s_safetensors_read_raw(first, e->name, e->dtype, e->rank, dim, one) == V2S_OK);
        cr_assert(v2s_safetensors_read_raw(second, e->name, e->dtype, e->rank, dim, two) == V2S_OK,
                  "%s", v2s_error_text());
        cr_expect(memcmp(one, two, size) == 0, "%s of %s and %s differs", e->name, a, b);
        free(one);
        free(two);
    }
    cr_expect(count > 10 && v2s_safetensors_at(second, count) == NULL);
    v2s_safetensors_close(&first);
    v2s_safetensors_close(&second);
}
