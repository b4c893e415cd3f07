// SPDX-License-Identifier: MIT
#include "infer/listening_choice.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/base/rng.h"

// One judged clip in the lottery.
typedef struct ticket {
    const v2s_clip_result *clip;
    size_t draw;       // its place in a random order of all clips
    size_t first_draw; // of its room's luckiest clip
    size_t round;      // how many of its room come before it
} ticket;

static int by_room(const void *a, const void *b) {
    const ticket *x = a, *y = b;
    int order = strcmp(v2s_clip_cluster(x->clip->clip), v2s_clip_cluster(y->clip->clip));
    return order != 0 ? order : (x->draw > y->draw) - (x->draw < y->draw);
}

static int by_turn(const void *a, const void *b) {
    const ticket *x = a, *y = b;
    if (x->round != y->round)
        return x->round < y->round ? -1 : 1;
    return (x->first_draw > y->first_draw) - (x->first_draw < y->first_draw);
}

static void give_turns(ticket *tickets, size_t count) {
    qsort(tickets, count, sizeof *tickets, by_room);
    for (size_t i = 0; i < count; i++) {
        bool same = i > 0 && strcmp(v2s_clip_cluster(tickets[i].clip->clip),
                                    v2s_clip_cluster(tickets[i - 1].clip->clip)) == 0;
        tickets[i].round = same ? tickets[i - 1].round + 1 : 0;
        tickets[i].first_draw = same ? tickets[i - 1].first_draw : tickets[i].draw;
    }
    qsort(tickets, count, sizeof *tickets, by_turn);
}

v2s_status v2s_listening_choice(const v2s_comparison *c, uint64_t seed,
                                const v2s_clip_result ***list, size_t *count) {
    ticket *tickets = calloc(c->result_count + 1, sizeof *tickets);
    size_t *draws = calloc(c->result_count + 1, sizeof *draws);
    const v2s_clip_result **made = calloc(c->result_count + 1, sizeof *made);
    size_t n = 0;
    if (tickets == NULL || draws == NULL || made == NULL) {
        free(tickets);
        free(draws);
        free(made);
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < c->result_count; i++)
        if (c->results[i].fate == V2S_FATE_JUDGED) {
            tickets[n].clip = &c->results[i];
            draws[n] = n;
            n++;
        }
    v2s_rng rng = v2s_rng_open(seed, 0);
    v2s_rng_shuffle(&rng, draws, n);
    for (size_t i = 0; i < n; i++)
        tickets[i].draw = draws[i];
    give_turns(tickets, n);
    for (size_t i = 0; i < n; i++)
        made[i] = tickets[i].clip;
    free(tickets);
    free(draws);
    *list = made;
    *count = n;
    return V2S_OK;
}
