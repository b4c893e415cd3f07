// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "infer/listening_choice.h"

enum { CLIPS = 8 };

// Rooms a a a a a b c, and a clip of room d that was not judged.
static const char *const rooms[CLIPS] = {"a", "a", "a", "a", "a", "b", "c", "d"};

static const v2s_clip_result **choose(uint64_t seed, size_t *count) {
    static v2s_clip clips[CLIPS];
    static v2s_clip_result results[CLIPS];
    static v2s_comparison c = {.results = results, .result_count = CLIPS};
    const v2s_clip_result **list = NULL;
    for (int i = 0; i < CLIPS; i++) {
        clips[i].id = clips[i].room = (char *)rooms[i];
        results[i] = (v2s_clip_result){.clip = &clips[i], .fate = V2S_FATE_JUDGED};
    }
    results[CLIPS - 1].fate = V2S_FATE_FAILED;
    cr_assert_eq(v2s_listening_choice(&c, seed, &list, count), V2S_OK);
    return list;
}

Test(listening_choice, rooms_take_turns_and_every_judged_clip_is_there) {
    bool first[3] = {false};
    for (uint64_t seed = 0; seed < 40; seed++) {
        size_t count = 0, again = 0;
        const v2s_clip_result **list = choose(seed, &count), **same = choose(seed, &again);
        cr_assert_eq(count, CLIPS - 1);
        int seen[3] = {0};
        for (size_t i = 0; i < 3; i++)
            seen[v2s_clip_cluster(list[i]->clip)[0] - 'a']++;
        cr_expect(seen[0] == 1 && seen[1] == 1 && seen[2] == 1, "seed %d", (int)seed);
        cr_expect_eq(memcmp(list, same, count * sizeof *list), 0, "same seed, same order");
        first[v2s_clip_cluster(list[0]->clip)[0] - 'a'] = true;
        for (size_t i = 0; i < count; i++)
            for (size_t k = 0; k < i; k++)
                cr_expect(list[i] != list[k], "a clip twice");
        free(list);
        free(same);
    }
    cr_expect(first[0] && first[1] && first[2], "any room may be the first");
}
