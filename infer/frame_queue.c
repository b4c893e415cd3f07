// SPDX-License-Identifier: MIT
#include "infer/frame_queue.h"

#include <pthread.h>
#include <stdlib.h>

enum { CAPACITY = 4 };

struct v2s_frame_queue {
    v2s_video *video;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    v2s_frame frames[CAPACITY]; // ring
    size_t first, count;
    bool stop;         // the consumer wants no more
    v2s_status status; // of the decoder: OK while it runs, then END or an error
    char error[V2S_ERROR_TEXT_MAX];
};

static bool push(v2s_frame_queue *q, v2s_frame frame) {
    pthread_mutex_lock(&q->lock);
    while (q->count == CAPACITY && !q->stop)
        pthread_cond_wait(&q->changed, &q->lock);
    bool taken = !q->stop;
    if (taken)
        q->frames[(q->first + q->count++) % CAPACITY] = frame;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
    return taken;
}

static void *decode(void *argument) {
    v2s_frame_queue *q = argument;
    v2s_status status = V2S_OK;
    while (status == V2S_OK) {
        v2s_frame frame = {0};
        status = v2s_video_next_ref(q->video, &frame.picture, &frame.time_s, &frame.ref);
        if (status == V2S_OK && !push(q, frame)) {
            v2s_video_unref(&frame.ref);
            status = V2S_END;
        }
    }
    pthread_mutex_lock(&q->lock);
    q->status = status;
    v2s_error_save(q->error);
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

v2s_status v2s_frame_queue_open(v2s_video *video, v2s_frame_queue **queue) {
    v2s_frame_queue *q = calloc(1, sizeof *q);
    if (q == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    q->video = video;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->changed, NULL);
    if (pthread_create(&q->thread, NULL, decode, q) != 0) {
        pthread_cond_destroy(&q->changed);
        pthread_mutex_destroy(&q->lock);
        free(q);
        return V2S_FAIL(V2S_NOMEM, "cannot start the decoding thread");
    }
    *queue = q;
    return V2S_OK;
}

v2s_status v2s_frame_queue_next(v2s_frame_queue *q, v2s_frame *frame) {
    pthread_mutex_lock(&q->lock);
    while (q->count == 0 && q->status == V2S_OK)
        pthread_cond_wait(&q->changed, &q->lock);
    v2s_status status = V2S_OK;
    if (q->count > 0) {
        *frame = q->frames[q->first];
        q->first = (q->first + 1) % CAPACITY;
        q->count--;
        pthread_cond_broadcast(&q->changed);
    } else {
        status = q->status;
        v2s_error_restore(q->error);
    }
    pthread_mutex_unlock(&q->lock);
    return status;
}

void v2s_frame_queue_close(v2s_frame_queue **queue) {
    v2s_frame_queue *q = *queue;
    if (q == NULL)
        return;
    pthread_mutex_lock(&q->lock);
    q->stop = true;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
    pthread_join(q->thread, NULL);
    for (; q->count > 0; q->count--, q->first = (q->first + 1) % CAPACITY)
        v2s_video_unref(&q->frames[q->first].ref);
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->lock);
    free(q);
    *queue = NULL;
}
