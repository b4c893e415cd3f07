// SPDX-License-Identifier: MIT
// Capture of streams into graphs, and their replay (stream.h). A graph keeps the list of each
// stream that took part; replay runs the first one, and of the others no more than is waited for,
// so that a dependency that was not captured is missed.
#include "stream.h"

#include <algorithm>

namespace v2s_emulation {

static std::vector<std::shared_ptr<capture>> &under_way() {
    static auto *list = new std::vector<std::shared_ptr<capture>>;
    return *list;
}

const std::vector<std::shared_ptr<capture>> &captures() {
    return under_way();
}

bool is_capturing(cudaStream_t handle) {
    CUstream_st *stream = stream_of(handle);
    return stream && stream->under_capture;
}

cudaError_t invalidate_capture(cudaStream_t handle) {
    CUstream_st *stream = stream_of(handle);
    if (stream && stream->under_capture)
        stream->under_capture->invalid = true;
    return cudaErrorStreamCaptureUnsupported;
}

bool first_use_spoils_capture(bool &used, cudaStream_t stream) {
    if (!used && is_capturing(stream)) {
        invalidate_capture(stream);
        return true;
    }
    used = true;
    return false;
}

// The calling thread's own mode: what it may do although something is captured.
static thread_local cudaStreamCaptureMode thread_mode = cudaStreamCaptureModeGlobal;

cudaError_t forbid_while_capturing() {
    cudaError_t error = cudaSuccess;
    if (thread_mode == cudaStreamCaptureModeRelaxed)
        return error;
    for (auto &c : under_way()) {
        bool mine = c->by == std::this_thread::get_id();
        if (c->mode == cudaStreamCaptureModeRelaxed ||
            (!mine && (c->mode == cudaStreamCaptureModeThreadLocal ||
                       thread_mode == cudaStreamCaptureModeThreadLocal)))
            continue;
        c->invalid = true;
        error = cudaErrorStreamCaptureUnsupported;
    }
    return error;
}

// ---- replay

static void run_branch(const branches &work, std::vector<size_t> &done, size_t branch,
                       size_t count) {
    while (done[branch] < count) {
        const item &one = work.lists[branch][done[branch]];
        if (one.work)
            one.work();
        else
            run_branch(work, done, (size_t)one.branch, one.count);
        done[branch]++;
    }
}

// How many items of each branch the first one waits for, itself whole.
static void reach(const branches &work, std::vector<size_t> &reached, size_t branch, size_t count) {
    while (reached[branch] < count) {
        const item &one = work.lists[branch][reached[branch]++];
        if (!one.work)
            reach(work, reached, (size_t)one.branch, one.count);
    }
}

static bool all_joined(const branches &work) {
    std::vector<size_t> reached(work.lists.size(), 0);
    reach(work, reached, 0, work.lists[0].size());
    for (size_t b = 0; b < work.lists.size(); b++)
        if (reached[b] < work.lists[b].size())
            return false;
    return true;
}

void run_branches(const branches &work) {
    std::vector<size_t> done(work.lists.size(), 0);
    run_branch(work, done, 0, work.lists[0].size());
}

} // namespace v2s_emulation

using namespace v2s_emulation;

cudaError_t cudaThreadExchangeStreamCaptureMode(enum cudaStreamCaptureMode *mode) {
    std::swap(*mode, thread_mode);
    return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, enum cudaStreamCaptureMode mode) {
    locked guard;
    CUstream_st *stream = stream_of(handle);
    if (!stream)
        return keep(cudaErrorInvalidResourceHandle);
    if (stream == stream_of(nullptr))
        return keep(cudaErrorStreamCaptureUnsupported);
    if (stream->under_capture)
        return keep(cudaErrorInvalidValue);
    auto c = std::make_shared<capture>();
    c->mode = mode;
    c->by = std::this_thread::get_id();
    c->work.lists.emplace_back();
    c->streams.push_back(handle);
    stream->under_capture = c;
    stream->branch = 0;
    under_way().push_back(c);
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t *graph) {
    locked guard;
    CUstream_st *stream = stream_of(handle);
    *graph = nullptr;
    if (!stream)
        return keep(cudaErrorInvalidResourceHandle);
    std::shared_ptr<capture> c = stream->under_capture;
    if (!c || c->streams[0] != handle)
        return keep(cudaErrorStreamCaptureUnmatched);
    for (cudaStream_t one : c->streams)
        if (CUstream_st *live = stream_of(one))
            live->under_capture = nullptr;
    auto &list = under_way();
    list.erase(std::find(list.begin(), list.end(), c));
    if (c->invalid)
        return keep(cudaErrorStreamCaptureInvalidated);
    if (!all_joined(c->work))
        return keep(cudaErrorStreamCaptureUnjoined);
    *graph = new CUgraph_st{c->work};
    return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, enum cudaStreamCaptureStatus *status) {
    locked guard;
    CUstream_st *stream = stream_of(handle);
    if (!stream)
        return keep(cudaErrorInvalidResourceHandle);
    if (!stream->under_capture)
        *status = cudaStreamCaptureStatusNone;
    else
        *status = stream->under_capture->invalid ? cudaStreamCaptureStatusInvalidated
                                                 : cudaStreamCaptureStatusActive;
    return cudaSuccess;
}

// Counts only.
cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t *nodes, size_t *count) {
    if (nodes)
        return keep(cudaErrorNotSupported);
    *count = 0;
    for (const auto &list : graph->work.lists)
        *count += (size_t)std::count_if(list.begin(), list.end(),
                                        [](const item &one) { return (bool)one.work; });
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long) {
    locked guard;
    if (!exec || !graph)
        return keep(cudaErrorInvalidValue);
    *exec = new CUgraphExec_st{std::make_shared<branches>(graph->work)};
    return cudaSuccess;
}

cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) {
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
    locked guard;
    if (!exec)
        return keep(cudaErrorInvalidValue);
    std::shared_ptr<branches> work = exec->work;
    return keep(enqueue(stream, [work]() { run_branches(*work); }));
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
    locked guard;
    delete exec;
    return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    locked guard;
    delete graph;
    return cudaSuccess;
}
