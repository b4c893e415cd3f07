// SPDX-License-Identifier: MIT
#include "data/h5_strings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/make_media.h"

#define GOLDEN V2S_TEST_DATA "/golden/h5/"

TestSuite(h5_strings, .fini = v2s_test_folder_remove);

// The file as a program without HDF5 has it.
#undef V2S_HAVE_HDF5
#define v2s_h5_supported without_hdf5_supported
#define v2s_h5_strings_read without_hdf5_read
#define v2s_h5_strings_free without_hdf5_free
v2s_status without_hdf5_read(const char *path, const char *dataset, size_t max_count,
                             v2s_h5_strings *out);
void without_hdf5_free(v2s_h5_strings *strings);
bool without_hdf5_supported(void);
#include "data/h5_strings.c"
#undef v2s_h5_supported
#undef v2s_h5_strings_read
#undef v2s_h5_strings_free

Test(h5_strings, a_program_without_hdf5_says_what_to_install) {
    v2s_h5_strings list = {0};
    cr_assert(!without_hdf5_supported());
    cr_assert(without_hdf5_read(GOLDEN "fixed.h5", "audio", 10, &list) == V2S_UNSUPPORTED);
    cr_assert(strstr(v2s_error_text(), "libhdf5-dev") != NULL, "%s", v2s_error_text());
    cr_assert(strstr(v2s_error_text(), "fixed.h5") != NULL, "%s", v2s_error_text());
    cr_assert(without_hdf5_read(GOLDEN "no.h5", "audio", 10, &list) == V2S_IO);
    without_hdf5_free(&list);
}

static void need_hdf5(void) {
    if (!v2s_h5_supported())
        cr_skip_test("built without HDF5");
}

static v2s_h5_strings read_ok(const char *path, const char *dataset) {
    v2s_h5_strings list = {0};
    cr_assert(v2s_h5_strings_read(path, dataset, 100, &list) == V2S_OK, "%s", v2s_error_text());
    return list;
}

static void assert_fails(const char *path, const char *dataset, size_t most, v2s_status code,
                         const char *part) {
    v2s_h5_strings list = {0};
    v2s_error_clear();
    v2s_status status = v2s_h5_strings_read(path, dataset, most, &list);
    cr_expect(status == code, "%s: %d: '%s'", dataset, (int)status, v2s_error_text());
    cr_expect(strstr(v2s_error_text(), part) != NULL, "no '%s' in '%s'", part, v2s_error_text());
    cr_expect(list.items == NULL);
}

static void assert_paths(const char *path) {
    static const char *const expected[] = {"/authors/disk/FAIR-Play/binaural_audios/000001.wav",
                                           "/authors/disk/FAIR-Play/binaural_audios/000300.wav",
                                           "/x/1871.wav"};
    v2s_h5_strings list = read_ok(path, "audio");
    cr_assert(list.count == 3);
    for (size_t i = 0; i < 3; i++)
        cr_expect(strcmp(list.items[i], expected[i]) == 0, "'%s'", list.items[i]);
    v2s_h5_strings_free(&list);
    cr_assert(list.items == NULL && list.count == 0);
}

Test(h5_strings, strings_of_fixed_and_of_variable_length_are_read_as_h5py_writes_them) {
    need_hdf5();
    assert_paths(GOLDEN "fixed.h5");
    assert_paths(GOLDEN "variable.h5");
    v2s_h5_strings list = read_ok(GOLDEN "variable.h5", "utf8");
    cr_assert(list.count == 2);
    cr_assert(strcmp(list.items[0], "\xc3\xa4.wav") == 0 && list.items[1][0] == '\0');
    v2s_h5_strings_free(&list);
    list = read_ok(GOLDEN "fixed.h5", "none");
    cr_assert(list.count == 0);
    v2s_h5_strings_free(&list);
}

Test(h5_strings, what_is_no_list_of_strings_is_refused_in_a_sentence) {
    need_hdf5();
    assert_fails(GOLDEN "fixed.h5", "audi", 10, V2S_FORMAT, "no dataset `audi`");
    assert_fails(GOLDEN "fixed.h5", "numbers", 10, V2S_FORMAT, "expected strings");
    assert_fails(GOLDEN "fixed.h5", "table", 10, V2S_FORMAT, "one dimension");
    assert_fails(GOLDEN "fixed.h5", "audio", 2, V2S_FORMAT, "at most 2 strings, found 3");
    assert_fails(GOLDEN "no.h5", "audio", 10, V2S_IO, "no.h5");
    v2s_test_write_text("t.h5", "000001.wav\n");
    assert_fails(v2s_test_path("t.h5"), "audio", 10, V2S_FORMAT, "expected an HDF5 file");
    v2s_test_write_text("e.h5", "");
    assert_fails(v2s_test_path("e.h5"), "audio", 10, V2S_FORMAT, "expected an HDF5 file");
}

Test(h5_strings, a_truncated_file_is_refused_wherever_it_ends) {
    need_hdf5();
    size_t size;
    unsigned char *bytes = v2s_test_read_file(GOLDEN "variable.h5", &size);
    for (size_t n = 8; n < size; n += 61) {
        const char *path = v2s_test_path("cut.h5");
        v2s_test_write_file(path, bytes, n);
        v2s_h5_strings list = {0};
        cr_expect(v2s_h5_strings_read(path, "audio", 10, &list) == V2S_FORMAT, "%zu: %s", n,
                  v2s_error_text());
        cr_expect(list.items == NULL);
    }
    free(bytes);
}
