// SPDX-License-Identifier: MIT
#include "train/train_state.h"

#include <inttypes.h>
#include <stdlib.h>

enum { VERSION = 1 };
enum { HAS_BEST = 1, PENDING = 2 }; // bits of the last counter

void v2s_train_state_list(v2s_tensor_list *list, const v2s_train_state *s, uint64_t seed,
                          v2s_train_numbers *n) {
    *n = (v2s_train_numbers){{VERSION, (int64_t)seed, s->steps, s->epoch, s->batch, s->skipped,
                              s->skipped_in_row, s->stale,
                              s->has_best * HAS_BEST + s->pending * PENDING},
                             {s->best, s->loss_sum, s->loss_count}};
    list->prefix = NULL;
    v2s_tensor_list_add(list, &(v2s_safetensors_tensor){
                                  "trainer.counters", 1, {V2S_TRAIN_COUNTERS}, n->counters, "I64"});
    v2s_tensor_list_add(
        list, &(v2s_safetensors_tensor){"trainer.scores", 1, {V2S_TRAIN_SCORES}, n->scores, "F64"});
}

void v2s_train_state_list_texts(v2s_tensor_list *list, const v2s_train_state *state, uint64_t seed,
                                const v2s_run_provenance *provenance) {
    v2s_tensor_list_textf(list, "steps", "%" PRId64, state->steps);
    v2s_tensor_list_textf(list, "seed", "%" PRIu64, seed);
    v2s_tensor_list_textf(list, "wall_s", "%.3f", provenance->wall_s);
    v2s_tensor_list_textf(list, "cpu_s", "%.3f", provenance->cpu_s);
    v2s_tensor_list_text(list, "command", provenance->command);
    v2s_tensor_list_text(list, "version", V2S_VERSION);
}

v2s_status v2s_train_state_load(v2s_safetensors *file, const char *path, uint64_t seed,
                                int64_t batches, v2s_train_state *state) {
    v2s_train_numbers n;
    V2S_TRY(v2s_safetensors_read_raw(file, "trainer.counters", "I64", 1,
                                     (int[]){V2S_TRAIN_COUNTERS}, n.counters));
    V2S_TRY(v2s_safetensors_read_raw(file, "trainer.scores", "F64", 1, (int[]){V2S_TRAIN_SCORES},
                                     n.scores));
    const int64_t *c = n.counters;
    if (c[0] != VERSION)
        return V2S_FAIL(V2S_UNSUPPORTED, "%s: training state of version %" PRId64 ", expected %d",
                        path, c[0], VERSION);
    if (c[1] != (int64_t)seed)
        return V2S_FAIL(V2S_FORMAT,
                        "%s: seed: expected %" PRId64 " as in config.json, found %" PRId64, path,
                        (int64_t)seed, c[1]);
    for (int i = 2; i < V2S_TRAIN_COUNTERS; i++)
        if (c[i] < 0 || (i == 4 && c[i] >= batches) || (i == 8 && c[i] > HAS_BEST + PENDING))
            return V2S_FAIL(V2S_FORMAT, "%s: tensor trainer.counters: number %d cannot be %" PRId64,
                            path, i, c[i]);
    *state = (v2s_train_state){.steps = c[2],
                               .epoch = c[3],
                               .batch = c[4],
                               .skipped = c[5],
                               .skipped_in_row = c[6],
                               .stale = c[7],
                               .has_best = (c[8] & HAS_BEST) != 0,
                               .pending = (c[8] & PENDING) != 0,
                               .best = n.scores[0],
                               .loss_sum = n.scores[1],
                               .loss_count = n.scores[2]};
    return V2S_OK;
}

double v2s_train_state_text_number(const v2s_safetensors *file, const char *key) {
    const char *text = v2s_safetensors_metadata(file, key);
    return text == NULL ? 0 : strtod(text, NULL);
}
