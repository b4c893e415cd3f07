// SPDX-License-Identifier: MIT
#include "infer/map_log.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "spatial/energy_map.h"

enum { CHANNELS = 4, RATE_HZ = 1000 };

// A second of sound that comes from one side: Y is `y` times W.
static void add_second(v2s_map_log *log, float level, float y, size_t block) {
    static float ambi[RATE_HZ * CHANNELS];
    for (size_t i = 0; i < RATE_HZ; i++) {
        float w = level * (i % 2 ? 1.0f : -1.0f);
        ambi[i * CHANNELS] = w;
        ambi[i * CHANNELS + 1] = y * w;
    }
    for (size_t at = 0; at < RATE_HZ; at += block)
        v2s_map_log_add(log, ambi + at * CHANNELS, block < RATE_HZ - at ? block : RATE_HZ - at);
}

// Column of the loudest cell: 0 is left of all, the last one right.
static int loudest_column(const float *map) {
    size_t best = 0;
    for (size_t i = 0; i < (size_t)V2S_ENERGY_MAP_ROWS * V2S_ENERGY_MAP_COLS; i++)
        if (map[i] > map[best])
            best = i;
    return (int)(best % V2S_ENERGY_MAP_COLS);
}

Test(map_log, maps_are_spread_over_a_sound_of_any_length) {
    static const int lengths_s[] = {1, 16, 17, 40, 300};
    for (size_t k = 0; k < sizeof lengths_s / sizeof lengths_s[0]; k++) {
        v2s_map_log log;
        cr_assert(v2s_map_log_open(&log, CHANNELS, RATE_HZ) == V2S_OK);
        int length_s = lengths_s[k];
        for (int s = 0; s < length_s; s++)
            add_second(&log, 0.5f, 1, 77);
        v2s_report_map *maps = NULL;
        size_t count = 0;
        cr_assert(v2s_map_log_maps(&log, &maps, &count) == V2S_OK);
        cr_expect(count >= 4 && count <= V2S_MAP_LOG_SHOWN, "%d s: %zu maps", length_s, count);
        for (size_t i = 0; i < count; i++) {
            cr_expect(maps[i].length_s > 0);
            cr_expect(maps[i].time_s - maps[i].length_s / 2 > -1e-9 &&
                          maps[i].time_s + maps[i].length_s / 2 < length_s + 1e-9,
                      "%d s: map at %f of %f s", length_s, maps[i].time_s, maps[i].length_s);
            cr_expect(i == 0 || maps[i].time_s > maps[i - 1].time_s);
        }
        cr_expect(maps[0].time_s < 0.4 * length_s && maps[count - 1].time_s > 0.6 * length_s);
        free(maps);
        v2s_map_log_close(&log);
    }
}

// First half from the left, second half from the right, also after neighbours were merged.
Test(map_log, a_map_shows_what_was_heard_at_its_time) {
    v2s_map_log log;
    cr_assert(v2s_map_log_open(&log, CHANNELS, RATE_HZ) == V2S_OK);
    for (int s = 0; s < 64; s++)
        add_second(&log, 0.5f, s < 32 ? 1 : -1, 250);
    v2s_report_map *maps = NULL;
    size_t count = 0;
    cr_assert(v2s_map_log_maps(&log, &maps, &count) == V2S_OK);
    cr_assert(count == V2S_MAP_LOG_SHOWN);
    for (size_t i = 0; i < count; i++) {
        bool is_left = loudest_column(maps[i].map) < V2S_ENERGY_MAP_COLS / 2;
        cr_expect(is_left == (maps[i].time_s < 32), "map at %f s", maps[i].time_s);
    }
    free(maps);
    v2s_map_log_close(&log);
}

Test(map_log, silence_has_no_map) {
    v2s_map_log log;
    cr_assert(v2s_map_log_open(&log, CHANNELS, RATE_HZ) == V2S_OK);
    v2s_report_map *maps = NULL;
    size_t count = 9;
    cr_assert(v2s_map_log_maps(&log, &maps, &count) == V2S_OK);
    cr_expect(count == 0, "nothing was added");
    free(maps);
    for (int s = 0; s < 3; s++)
        add_second(&log, 0, 0, RATE_HZ);
    cr_assert(v2s_map_log_maps(&log, &maps, &count) == V2S_OK);
    cr_expect(count == 0, "only silence was added");
    free(maps);
    v2s_map_log_close(&log);
}
