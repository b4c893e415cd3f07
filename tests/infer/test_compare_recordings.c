// SPDX-License-Identifier: MIT
#include "infer/compare_recordings.h"

#include <criterion/criterion.h>

#include "infer/compare.h"

// Clips of z, a, a (not recorded), z, b (failed), a, b (failed).
Test(compare_recordings, clips_of_one_truth_are_one_recording) {
    static char *const truths[] = {"z", "a", "a", "z", "b", "a", "b"};
    enum { COUNT = 7 };
    v2s_clip clips[COUNT] = {{0}};
    v2s_clip_result results[COUNT] = {{0}};
    for (int i = 0; i < COUNT; i++) {
        clips[i].truth = truths[i];
        results[i].clip = &clips[i];
        results[i].recorded = i != 2;
        results[i].fate = truths[i][0] == 'b' ? V2S_FATE_FAILED : V2S_FATE_JUDGED;
    }
    v2s_recordings all = {0}, judged = {0}, none = {0};
    cr_assert_eq(v2s_recordings_find(results, COUNT, false, &all), V2S_OK);
    static const size_t want[3][2] = {{0, 3}, {1, 5}, {4, 6}}; // by their first clips
    cr_assert_eq(all.count, 3);
    for (int r = 0; r < 3; r++) {
        cr_assert_eq(all.items[r].count, 2);
        for (int k = 0; k < 2; k++)
            cr_expect_eq(all.order[all.items[r].first + (size_t)k], want[r][k]);
    }
    cr_assert_eq(v2s_recordings_find(results, COUNT, true, &judged), V2S_OK);
    cr_expect_eq(judged.count, 2, "without the one that failed");
    cr_assert_eq(v2s_recordings_find(results, 0, true, &none), V2S_OK);
    cr_expect_eq(none.count, 0);
    v2s_recordings_free(&all);
    v2s_recordings_free(&judged);
    v2s_recordings_free(&none);
}
