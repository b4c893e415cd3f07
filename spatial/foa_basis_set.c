// SPDX-License-Identifier: MIT
#include "spatial/foa_basis_set.h"

#include <pthread.h>
#include <stdlib.h>

enum { RATES_MAX = 16 };

struct v2s_foa_basis_set {
    bool with_w;
    pthread_mutex_t lock;
    v2s_foa_basis *bases[RATES_MAX]; // NULL behind the last one
};

v2s_status v2s_foa_basis_set_open(bool with_w, v2s_foa_basis_set **out) {
    v2s_foa_basis_set *s = calloc(1, sizeof *s);
    if (s == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    s->with_w = with_w;
    pthread_mutex_init(&s->lock, NULL);
    *out = s;
    return V2S_OK;
}

static v2s_status find(v2s_foa_basis_set *s, double rate_hz, const v2s_foa_basis **basis) {
    for (int i = 0; i < RATES_MAX; i++) {
        if (s->bases[i] == NULL)
            V2S_TRY(v2s_foa_basis_open(rate_hz, s->with_w, &s->bases[i]));
        *basis = s->bases[i];
        if ((*basis)->rate_hz == rate_hz)
            return V2S_OK;
    }
    return V2S_FAIL(V2S_UNSUPPORTED, "v2s refiner: sounds of more than %d different rates",
                    RATES_MAX);
}

v2s_status v2s_foa_basis_set_get(v2s_foa_basis_set *s, double rate_hz,
                                 const v2s_foa_basis **basis) {
    pthread_mutex_lock(&s->lock);
    v2s_status status = find(s, rate_hz, basis);
    pthread_mutex_unlock(&s->lock);
    return status;
}

void v2s_foa_basis_set_close(v2s_foa_basis_set **set) {
    v2s_foa_basis_set *s = *set;
    if (s == NULL)
        return;
    for (int i = 0; i < RATES_MAX; i++)
        v2s_foa_basis_close(&s->bases[i]);
    pthread_mutex_destroy(&s->lock);
    free(s);
    *set = NULL;
}
