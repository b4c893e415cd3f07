// SPDX-License-Identifier: MIT
// Streams and events (stream.h).
#include "stream.h"

#include <set>
#include <time.h>

namespace v2s_emulation {

struct streams {
    CUstream_st legacy;
    std::set<CUstream_st *> alive;
    std::vector<std::shared_ptr<queue>> queues; // in order of creation; destroyed ones until empty
    std::set<CUevent_st *> events;
    bool host_function = false;
};

static streams &all() {
    static streams *s = nullptr;
    if (!s) {
        s = new streams;
        s->queues.push_back(s->legacy.work);
    }
    return *s;
}

CUstream_st *stream_of(cudaStream_t handle) {
    if (!handle || handle == cudaStreamLegacy)
        return &all().legacy;
    return all().alive.count(handle) ? handle : nullptr;
}

bool in_host_function() {
    return all().host_function;
}

// ---- running

static void run_item(queue &q) {
    item one = std::move(q.items.front());
    q.items.pop_front();
    if (one.work)
        one.work();
    else
        run_until(*one.of, one.count);
    q.done++;
}

void run_until(queue &q, size_t count) {
    while (q.done < count)
        run_item(q);
}

cudaError_t drain(cudaStream_t handle) {
    CUstream_st *stream = stream_of(handle);
    if (!stream)
        return cudaErrorInvalidResourceHandle;
    open_memory open;
    run_until(*stream->work, stream->work->added);
    check_canaries();
    return cudaSuccess;
}

void drain_all() {
    std::vector<std::shared_ptr<queue>> &queues = all().queues;
    bool busy = false;
    for (auto &q : queues)
        busy |= q->done < q->added;
    if (!busy)
        return;
    open_memory open;
    for (size_t i = 0; i < queues.size(); i++) {
        queue &q = *queues[reversed() ? queues.size() - 1 - i : i];
        run_until(q, q.added);
    }
    check_canaries();
}

// ---- queueing

cudaError_t add_item(CUstream_st &stream, item &&one) {
    if (stream.under_capture) {
        if (stream.under_capture->invalid)
            return cudaErrorStreamCaptureInvalidated;
        stream.under_capture->work.lists[(size_t)stream.branch].push_back(std::move(one));
        return cudaSuccess;
    }
    stream.work->items.push_back(std::move(one));
    stream.work->added++;
    return cudaSuccess;
}

static void wait_for(CUstream_st &stream, const std::shared_ptr<queue> &of) {
    if (of->done == of->added || of == stream.work)
        return;
    item wait;
    wait.of = of;
    wait.count = of->added;
    add_item(stream, std::move(wait));
}

// The legacy stream comes after what all blocking streams hold, and they after it.
static cudaError_t order_legacy(CUstream_st &stream) {
    if (&stream == &all().legacy) {
        for (auto &c : captures())
            if (c->mode != cudaStreamCaptureModeRelaxed) {
                c->invalid = true;
                return cudaErrorStreamCaptureImplicit;
            }
        for (CUstream_st *other : all().alive)
            if (other->waits_for_legacy)
                wait_for(stream, other->work);
    } else if (stream.waits_for_legacy && !stream.under_capture) {
        wait_for(stream, all().legacy.work);
    }
    return cudaSuccess;
}

cudaError_t enqueue(cudaStream_t handle, std::function<void()> work) {
    CUstream_st *stream = stream_of(handle);
    if (!stream)
        return cudaErrorInvalidResourceHandle;
    if (in_host_function())
        return cudaErrorNotPermitted;
    cudaError_t error = order_legacy(*stream);
    if (error != cudaSuccess)
        return error;
    item one;
    one.work = std::move(work);
    return add_item(*stream, std::move(one));
}

static double now_s() {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// The host waits for a stream: not while it is captured, and not from a host function.
static cudaError_t may_wait(CUstream_st *stream) {
    if (device_ready() != cudaSuccess)
        return device_ready();
    if (!stream)
        return cudaErrorInvalidResourceHandle;
    if (in_host_function())
        return cudaErrorNotPermitted;
    if (stream->under_capture) {
        stream->under_capture->invalid = true;
        return cudaErrorStreamCaptureUnsupported;
    }
    return forbid_while_capturing();
}

static void forget_finished_queues() {
    auto &queues = all().queues;
    for (size_t i = queues.size(); i-- > 1;)
        if (queues[i].use_count() == 1 && queues[i]->done == queues[i]->added)
            queues.erase(queues.begin() + (long)i);
}

} // namespace v2s_emulation

using namespace v2s_emulation;

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned int flags) {
    locked guard;
    if (device_ready() != cudaSuccess)
        return keep(device_ready());
    if (!stream || flags > cudaStreamNonBlocking)
        return keep(cudaErrorInvalidValue);
    CUstream_st *made = new CUstream_st;
    made->waits_for_legacy = flags != cudaStreamNonBlocking;
    forget_finished_queues();
    all().alive.insert(made);
    all().queues.push_back(made->work);
    *stream = made;
    return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t *stream) {
    return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t *stream, unsigned int flags, int) {
    return cudaStreamCreateWithFlags(stream, flags);
}

cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest) {
    *least = 0;
    *greatest = -5;
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    locked guard;
    if (!all().alive.count(stream))
        return keep(cudaErrorInvalidResourceHandle);
    if (stream->under_capture)
        stream->under_capture->invalid = true;
    all().alive.erase(stream);
    delete stream; // its queue stays until it is empty
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
    locked guard;
    CUstream_st *stream = stream_of(handle);
    cudaError_t error = may_wait(stream);
    if (error == cudaSuccess)
        error = order_legacy(*stream);
    return keep(error != cudaSuccess ? error : drain(handle));
}

cudaError_t cudaDeviceSynchronize(void) {
    locked guard;
    cudaError_t error = may_wait(&all().legacy);
    if (error == cudaSuccess)
        drain_all();
    return keep(error);
}

// Polling lets one more item run.
cudaError_t cudaStreamQuery(cudaStream_t handle) {
    locked guard;
    CUstream_st *stream = stream_of(handle);
    cudaError_t error = may_wait(stream);
    if (error != cudaSuccess)
        return keep(error);
    queue &q = *stream->work;
    if (q.done == q.added)
        return cudaSuccess;
    open_memory open;
    run_item(q);
    return q.done == q.added ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t fn, void *data) {
    locked guard;
    return keep(enqueue(stream, [fn, data]() {
        all().host_function = true;
        fn(data);
        all().host_function = false;
    }));
}

// ---- events

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned int flags) {
    locked guard;
    if (device_ready() != cudaSuccess)
        return keep(device_ready());
    *event = new CUevent_st;
    (*event)->flags = flags;
    all().events.insert(*event);
    return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t *event) {
    return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    locked guard;
    if (!all().events.erase(event))
        return keep(cudaErrorInvalidResourceHandle);
    delete event;
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle) {
    locked guard;
    CUstream_st *stream = stream_of(handle);
    if (!stream || !all().events.count(event))
        return keep(cudaErrorInvalidResourceHandle);
    std::shared_ptr<double> time_s = std::make_shared<double>(-1.0);
    cudaError_t error = enqueue(handle, [time_s]() { *time_s = now_s(); });
    if (error != cudaSuccess)
        return keep(error);
    event->time_s = time_s;
    event->under_capture = stream->under_capture;
    event->branch = stream->branch;
    event->of = stream->under_capture ? nullptr : stream->work;
    event->count = stream->under_capture
                       ? stream->under_capture->work.lists[(size_t)stream->branch].size()
                       : stream->work->added;
    return cudaSuccess;
}

// A stream that waits for a captured event becomes part of that capture.
static cudaError_t wait_captured(CUstream_st &stream, const CUevent_st &event) {
    const std::shared_ptr<capture> &c = event.under_capture;
    if (c->invalid)
        return cudaErrorStreamCaptureInvalidated;
    if (stream.under_capture && stream.under_capture != c) {
        c->invalid = stream.under_capture->invalid = true;
        return cudaErrorStreamCaptureIsolation;
    }
    if (!stream.under_capture) {
        stream.under_capture = c;
        stream.branch = (int)c->work.lists.size();
        c->work.lists.emplace_back();
        c->streams.push_back(&stream);
    }
    item wait;
    wait.branch = event.branch;
    wait.count = event.count;
    return add_item(stream, std::move(wait));
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned int) {
    locked guard;
    CUstream_st *stream = stream_of(handle);
    if (!stream || !all().events.count(event))
        return keep(cudaErrorInvalidResourceHandle);
    bool captured = false;
    for (auto &c : captures())
        captured |= c == event->under_capture;
    if (captured)
        return keep(wait_captured(*stream, *event));
    if (!event->of)
        return cudaSuccess;
    if (stream->under_capture) {
        stream->under_capture->invalid = true;
        return keep(cudaErrorStreamCaptureIsolation);
    }
    item wait;
    wait.of = event->of;
    wait.count = event->count;
    return keep(add_item(*stream, std::move(wait)));
}

static cudaError_t event_check(cudaEvent_t event) {
    if (!all().events.count(event))
        return cudaErrorInvalidResourceHandle;
    if (in_host_function())
        return cudaErrorNotPermitted;
    if (event->under_capture) {
        event->under_capture->invalid = true;
        return cudaErrorCapturedEvent;
    }
    return forbid_while_capturing();
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
    locked guard;
    cudaError_t error = event_check(event);
    if (error != cudaSuccess)
        return keep(error);
    if (!event->of || event->of->done >= event->count)
        return cudaSuccess;
    open_memory open;
    run_item(*event->of);
    return event->of->done >= event->count ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    locked guard;
    cudaError_t error = event_check(event);
    if (error != cudaSuccess)
        return keep(error);
    if (event->of && event->of->done < event->count) {
        open_memory open;
        run_until(*event->of, event->count);
        check_canaries();
    }
    return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t start, cudaEvent_t end) {
    locked guard;
    for (cudaEvent_t event : {start, end})
        if (!all().events.count(event) || !event->time_s || (event->flags & cudaEventDisableTiming))
            return keep(cudaErrorInvalidResourceHandle);
    if (*start->time_s < 0 || *end->time_s < 0)
        return cudaErrorNotReady;
    *ms = (float)(1e3 * (*end->time_s - *start->time_s));
    return cudaSuccess;
}
