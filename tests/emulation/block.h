// SPDX-License-Identifier: MIT
// The state of a running grid: threads, warps, blocks, and the group of blocks (a cluster) that
// runs side by side.
//
// HOW IT WORKS. Each thread is a fibre. The scheduler (block.cpp) takes block after block, warp
// after warp, thread after thread, and lets each run until it waits; a warp goes on until all its
// threads wait for the block. Who arrives last at a barrier releases the others and runs on. So
// threads are as far apart as the barriers allow, and a missing barrier gives a wrong result.
#ifndef V2S_EMULATION_BLOCK_H
#define V2S_EMULATION_BLOCK_H

#include <vector>

#include "cuda_runtime_api.h"
#include "emulated_sync.h"
#include "emulation.h"
#include "fibre.h"

namespace v2s_emulation {

enum thread_state {
    FRESH,   // has not begun
    READY,   // can go on
    YIELDED, // can go on after the others had a turn
    BARRIER, // waits for its block
    WARP,    // waits for lanes of its warp
    CLUSTER, // waits for the cluster
    DONE
};

// An asynchronous copy that has not been waited for.
struct pipeline_copy {
    void *shared;
    const void *global;
    size_t size, zfill;
    unsigned group;
};

struct warp;
struct block;

struct thread {
    fibre self;
    thread_state state = FRESH;
    uint3 index = {0, 0, 0};
    warp *of_warp = nullptr;
    block *of_block = nullptr;
    const char *file = nullptr; // where it waits
    int line = 0;

    // Of the warp operation that it waits in.
    v2s_emulated_vote op = V2S_EMULATED_NONE;
    unsigned mask = 0;
    uint64_t value = 0;
    int operand = 0, width = 32;
    uint64_t result = 0;

    bool arrived = false;       // at the cluster's barrier, and has not waited for it yet
    unsigned cluster_phase = 0; // the barrier's number when it arrived

    unsigned pipeline_group = 0; // commits so far
    std::vector<pipeline_copy> copies;
};

struct warp {
    thread *lanes = nullptr;
    int count = 0;
    unsigned alive = 0;   // a bit for each lane that has not ended
    unsigned waiting = 0; // and for each that waits in a warp operation
};

struct block {
    uint3 index = {0, 0, 0};
    unsigned rank = 0; // in its cluster
    std::vector<thread> threads;
    std::vector<warp> warps;
    int live = 0;
    bool started = false;

    int arrived = 0; // at the barrier
    const char *file = nullptr;
    int line = 0;
    v2s_emulated_vote vote = V2S_EMULATED_NONE;
    int count = 0;  // of threads that voted yes
    int result = 0; // of the vote that ended last

    unsigned char *shared = nullptr;
};

struct group {
    std::vector<block> blocks; // kept and used again from cluster to cluster
    size_t count = 0;          // of blocks in use
    int live = 0;              // threads
    int arrived = 0;           // at the cluster's barrier
    unsigned phase = 0;
};

// What runs at the moment; thread is NULL in the scheduler.
struct running {
    const launch *work = nullptr;
    group *blocks = nullptr;
    block *of_block = nullptr;
    thread *now = nullptr;
    fibre scheduler;
};
extern running state;

// block.cpp
void wait_as(thread_state why, const char *file, int line); // gives the turn away
thread &current(const char *operation);

// warp.cpp: completes what is waited for in a warp once nobody is missing.
void warp_settle(warp &w);

// cluster.cpp
void cluster_settle(group &g);

// shared.cpp: dynamic shared memory, one piece per block of a group, between guards.
void shared_place(block &b, size_t bytes);                 // sets b.shared
void shared_begin(block &b, size_t bytes);                 // fills it with NaN
void shared_end(block &b, size_t bytes);                   // checks the guards, fills it with NaN
void shared_check_untouched(const block &b, size_t bytes); // nobody wrote after the block's end

// Variables marked __shared__.
void static_shared_begin();        // fills them with NaN
void static_shared_check_unused(); // after a cluster

} // namespace v2s_emulation

#endif
