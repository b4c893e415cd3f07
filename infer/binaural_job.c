// SPDX-License-Identifier: MIT
#include "infer/binaural_job.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "data/sofa.h"

struct v2s_binaural_job {
    const char *hrtf_path;
    int order;
    double rate_hz;
    v2s_binaural_method method;
    v2s_hrtf hrtf;
    pthread_t thread;
    bool joined;
    v2s_binaural *binaural;
    char title[sizeof((v2s_hrtf *)0)->title];
    v2s_status status;
    char error[V2S_ERROR_TEXT_MAX];
};

static void *design(void *argument) {
    v2s_binaural_job *job = argument;
    if (job->hrtf_path == NULL)
        job->status = v2s_sofa_read(NULL, &job->hrtf);
    if (job->status == V2S_OK) {
        memcpy(job->title, job->hrtf.title, sizeof job->title);
        job->status =
            v2s_binaural_open(&job->hrtf, job->order, job->rate_hz, job->method, &job->binaural);
        if (job->status != V2S_OK && job->hrtf_path != NULL)
            v2s_error_prefix(job->status, "%s", job->hrtf_path);
    }
    v2s_error_save(job->error);
    v2s_hrtf_free(&job->hrtf);
    return NULL;
}

v2s_status v2s_binaural_job_start(const char *hrtf_path, int order, double rate_hz,
                                  v2s_binaural_method method, v2s_binaural_job **job) {
    v2s_binaural_job *made = calloc(1, sizeof *made);
    if (made == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    made->hrtf_path = hrtf_path;
    made->order = order;
    made->rate_hz = rate_hz;
    made->method = method;
    v2s_status status = hrtf_path != NULL ? v2s_sofa_read(hrtf_path, &made->hrtf) : V2S_OK;
    if (status != V2S_OK) {
        free(made);
        return status;
    }
    if (pthread_create(&made->thread, NULL, design, made) != 0) {
        v2s_hrtf_free(&made->hrtf);
        free(made);
        return V2S_FAIL(V2S_NOMEM, "cannot start the thread that designs the binaural filters");
    }
    *job = made;
    return V2S_OK;
}

v2s_status v2s_binaural_job_wait(v2s_binaural_job *job, v2s_binaural **binaural,
                                 const char **title) {
    if (!job->joined) {
        pthread_join(job->thread, NULL);
        job->joined = true;
    }
    if (job->status != V2S_OK) {
        v2s_error_restore(job->error);
        return job->status;
    }
    *binaural = job->binaural;
    *title = job->title;
    return V2S_OK;
}

void v2s_binaural_job_close(v2s_binaural_job **job) {
    v2s_binaural_job *j = *job;
    if (j == NULL)
        return;
    if (!j->joined)
        pthread_join(j->thread, NULL);
    v2s_binaural_close(&j->binaural);
    free(j);
    *job = NULL;
}
