// SPDX-License-Identifier: MIT
// Streams, events and graphs as queues of work.
//
// HOW IT WORKS. Nothing runs when it is queued: work runs, in the order of its stream, when the
// host waits for it. A wait for an event is an item of the queue that runs the other queue up to
// the point that was recorded, and no further. So work that nobody waits for has not happened, and
// what the host does to a buffer too early is seen.
#ifndef V2S_EMULATION_STREAM_H
#define V2S_EMULATION_STREAM_H

#include <deque>
#include <map>
#include <thread>
#include <vector>

#include "emulation.h"

namespace v2s_emulation {

struct item {
    std::function<void()> work; // or, without it, a wait:
    std::shared_ptr<queue> of;  // for `count` items of this queue,
    int branch = -1;            // in a graph: of this branch
    size_t count = 0;
};

struct queue {
    std::deque<item> items; // that have not run
    size_t added = 0, done = 0;
};

// Work under capture, and a finished graph: one list of items for each stream that took part.
struct branches {
    std::vector<std::vector<item>> lists; // the first is the stream that began the capture
};

struct capture {
    branches work;
    cudaStreamCaptureMode mode;
    std::thread::id by;
    bool invalid = false;
    std::vector<cudaStream_t> streams; // of each branch
};

} // namespace v2s_emulation

struct CUstream_st {
    std::shared_ptr<v2s_emulation::queue> work = std::make_shared<v2s_emulation::queue>();
    bool waits_for_legacy = true;
    std::shared_ptr<v2s_emulation::capture> under_capture;
    int branch = 0;
};

struct CUevent_st {
    unsigned flags = 0;
    // What was recorded last: so many items of a queue, or of a branch of a capture.
    std::shared_ptr<v2s_emulation::queue> of;
    std::shared_ptr<v2s_emulation::capture> under_capture;
    int branch = 0;
    size_t count = 0;
    std::shared_ptr<double> time_s;
};

struct CUgraph_st {
    v2s_emulation::branches work;
};

struct CUgraphExec_st {
    std::shared_ptr<v2s_emulation::branches> work;
};

namespace v2s_emulation {

// The stream behind a handle; NULL where there is none.
CUstream_st *stream_of(cudaStream_t handle);
void run_until(queue &q, size_t count);
void run_branches(const branches &work);
const std::vector<std::shared_ptr<capture>> &captures();
// Adds to a stream's queue or capture; a stream under capture that was spoilt refuses.
cudaError_t add_item(CUstream_st &stream, item &&one);

// graph.cpp
void capture_began(const std::shared_ptr<capture> &c);
void capture_ended(const std::shared_ptr<capture> &c);

} // namespace v2s_emulation

#endif
