// SPDX-License-Identifier: MIT
// Event files against bytes put together by hand from the format's own documents, and decoded by a
// reader that shares no code with the writer.
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <criterion/criterion.h>

#include "tests/support/make_media.h"
#include "train/tensorboard.h"

TestSuite(tensorboard, .fini = v2s_test_folder_remove);

// RFC 3720, B.4: CRC examples (there as bytes in network order of the reflected value).
Test(tensorboard, crc_is_that_of_rfc_3720) {
    unsigned char block[32] = {0};
    cr_expect(v2s_crc32c(block, 32) == 0x8a9136aau);
    memset(block, 0xff, 32);
    cr_expect(v2s_crc32c(block, 32) == 0x62a8ab43u);
    for (int i = 0; i < 32; i++)
        block[i] = (unsigned char)i;
    cr_expect(v2s_crc32c(block, 32) == 0x46dd794eu);
    cr_expect(v2s_crc32c("123456789", 9) == 0xe3069283u); // the catalogue's check value
    cr_expect(v2s_crc32c("", 0) == 0);
}

static unsigned char *read_events(size_t *size) {
    DIR *folder = opendir(v2s_test_folder());
    cr_assert(folder != NULL);
    unsigned char *bytes = NULL;
    for (struct dirent *e; (e = readdir(folder)) != NULL;)
        if (strncmp(e->d_name, "events.out.tfevents.", 20) == 0)
            bytes = v2s_test_read_file(v2s_test_path(e->d_name), size);
    closedir(folder);
    cr_assert(bytes != NULL);
    return bytes;
}

// One record: checks length and both CRCs, returns its data and moves on.
static const unsigned char *next_record(const unsigned char **at, const unsigned char *end,
                                        size_t *size) {
    cr_assert(end - *at >= 16);
    uint64_t length;
    uint32_t stored[2];
    memcpy(&length, *at, 8);
    memcpy(&stored[0], *at + 8, 4);
    cr_assert(length <= (uint64_t)(end - *at) - 16);
    const unsigned char *data = *at + 12;
    memcpy(&stored[1], data + length, 4);
    const void *what[2] = {*at, data};
    const size_t sizes[2] = {8, length};
    for (int i = 0; i < 2; i++) { // unmask: rotate back what is left without the constant
        uint32_t rotated = stored[i] - 0xa282ead8u;
        cr_assert(((rotated >> 17) | (rotated << 15)) == v2s_crc32c(what[i], sizes[i]));
    }
    *at = data + length + 4;
    *size = length;
    return data;
}

// The event without its first nine bytes (the wall clock) must be these bytes.
static void expect_event(const unsigned char **at, const unsigned char *end, const char *bytes,
                         size_t count) {
    size_t size;
    const unsigned char *data = next_record(at, end, &size);
    cr_assert(size > 9 && data[0] == 0x09, "an event begins with its wall time");
    double seconds;
    memcpy(&seconds, data + 1, 8);
    cr_expect(seconds > 1.5e9 && seconds < 1e10, "%f", seconds);
    cr_assert(size - 9 == count, "%zu bytes, expected %zu", size - 9, count);
    cr_expect(memcmp(data + 9, bytes, count) == 0);
}

#define EXPECT_EVENT(text) expect_event(&at, end, text, sizeof(text) - 1)

Test(tensorboard, events_are_the_bytes_of_the_protocol) {
    v2s_tensorboard *t = NULL;
    cr_assert(v2s_tensorboard_open(v2s_test_folder(), 3, &t) == V2S_OK, "%s", v2s_error_text());
    cr_assert(v2s_tensorboard_scalar(t, "loss", 300, 1.5) == V2S_OK);
    cr_assert(v2s_tensorboard_text(t, "cmd", 0, "a *b*") == V2S_OK);
    cr_assert(v2s_tensorboard_image(t, "im", 7, 200, 2, "PNG!", 4) == V2S_OK);
    v2s_tensorboard_close(&t);
    cr_assert(t == NULL);
    size_t size;
    unsigned char *bytes = read_events(&size);
    const unsigned char *at = bytes, *end = bytes + size;
    EXPECT_EVENT("\x1a\x0d"
                 "brain.Event:2");
    EXPECT_EVENT("\x10\x03"           // step 3
                 "\x3a\x02\x08\x01"); // session_log { status: START }
    EXPECT_EVENT("\x10\xac\x02"       // step 300 = 0b10_0101100
                 "\x2a\x0d\x0a\x0b"   // summary { value {
                 "\x0a\x04loss"
                 "\x15\x00\x00\xc0\x3f"); // 1.5f
    EXPECT_EVENT("\x10\x00"
                 "\x2a\x22\x0a\x20"
                 "\x0a\x03"
                 "cmd"
                 "\x42\x0f\x08\x07\x12\x04\x12\x02\x08\x01\x42\x05"
                 "a *b*"
                 "\x4a\x08\x0a\x06\x0a\x04text");
    EXPECT_EVENT("\x10\x07"
                 "\x2a\x15\x0a\x13"
                 "\x0a\x02im"
                 "\x22\x0d\x08\x02\x10\xc8\x01\x18\x03\x22\x04PNG!");
    cr_expect(at == end);
    free(bytes);
}

Test(tensorboard, a_missing_folder_is_named) {
    v2s_tensorboard *t = NULL;
    cr_assert(v2s_tensorboard_open(v2s_test_path("no/such"), 0, &t) == V2S_IO);
    cr_expect(t == NULL && strstr(v2s_error_text(), "no/such") != NULL, "%s", v2s_error_text());
}

// A limit on the size of files stands for a disk that is full.
Test(tensorboard, a_write_error_is_kept) {
    v2s_tensorboard *t = NULL;
    cr_assert(v2s_tensorboard_open(v2s_test_folder(), 0, &t) == V2S_OK);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 100;
    setrlimit(RLIMIT_FSIZE, &small);
    v2s_status status = V2S_OK;
    for (int i = 0; i < 9 && status == V2S_OK; i++)
        status = v2s_tensorboard_scalar(t, "loss", i, i);
    setrlimit(RLIMIT_FSIZE, &before);
    cr_expect(status == V2S_IO && strstr(v2s_error_text(), "cannot write") != NULL, "%s",
              v2s_error_text());
    v2s_error_clear();
    cr_expect(v2s_tensorboard_scalar(t, "loss", 9, 9) == V2S_IO && v2s_error_text()[0] != '\0');
    v2s_tensorboard_close(&t);
}
