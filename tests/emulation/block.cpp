// SPDX-License-Identifier: MIT
// Runs a grid: the scheduler, barriers of a block, asynchronous copies (block.h).
#include "block.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace v2s_emulation {

running state;

static const int WARP_LANES = 32;
// Rounds in a row in which threads sleep before they are taken to wait for ever.
static const int IDLE_ROUNDS = 1000000;

void describe_position(char *text, size_t size) {
    text[0] = 0;
    if (!state.work)
        return;
    int used = snprintf(text, size, "kernel %s", function_name(state.work->kernel));
    if (state.now && used > 0 && (size_t)used < size) {
        uint3 b = state.now->of_block->index, t = state.now->index;
        snprintf(text + used, size - (size_t)used, ", block (%u,%u,%u), thread (%u,%u,%u)", b.x,
                 b.y, b.z, t.x, t.y, t.z);
    }
}

thread &current(const char *operation) {
    if (!state.now)
        report("%s outside of a kernel", operation);
    return *state.now;
}

static int per_block(const launch &work) {
    return (int)(work.block.x * work.block.y * work.block.z);
}

// ---- one thread

static void block_finished(block &b) {
    shared_end(b, state.work->shared_bytes);
}

static void release_barrier(block &b) {
    switch (b.vote) {
    case V2S_EMULATED_COUNT:
        b.result = b.count;
        break;
    case V2S_EMULATED_AND:
        b.result = b.count == b.arrived;
        break;
    default:
        b.result = b.count > 0;
    }
    b.arrived = 0;
    for (thread &t : b.threads)
        if (t.state == BARRIER)
            t.state = READY;
}

static void thread_end() {
    thread &t = *state.now;
    block &b = *t.of_block;
    t.state = DONE;
    t.copies.clear(); // not waited for: nobody can count on them
    t.of_warp->alive &= ~(1u << (&t - t.of_warp->lanes));
    b.live--;
    group &g = *state.blocks;
    g.live--;
    if (t.arrived && t.cluster_phase == g.phase)
        g.arrived--;
    // Whoever leaves is no longer waited for.
    if (b.live > 0 && b.arrived == b.live)
        release_barrier(b);
    warp_settle(*t.of_warp);
    cluster_settle(g);
    if (b.live == 0)
        block_finished(b);
}

static void thread_main() {
    fibre_entered(state.scheduler);
    state.work->thread();
    thread_end();
    fibre_leave(state.now->self, state.scheduler);
}

static void resume(thread &t) {
    block &b = *t.of_block;
    if (!b.started) {
        // Not before: what another block of the cluster wrote here before this one began is lost,
        // as it would be on a device.
        b.started = true;
        shared_begin(b, state.work->shared_bytes);
    }
    if (t.state == FRESH)
        fibre_prepare(t.self, thread_main);
    t.state = READY;
    state.now = &t;
    state.of_block = &b;
    threadIdx = t.index;
    blockIdx = b.index;
    fibre_switch(state.scheduler, t.self);
    state.now = nullptr;
    if (t.state == DONE)
        fibre_release(t.self);
}

void wait_as(thread_state why, const char *file, int line) {
    thread &t = *state.now;
    t.state = why;
    t.file = file;
    t.line = line;
    fibre_switch(t.self, state.scheduler);
}

// ---- the scheduler

// One turn for every thread of a warp that can run; whether any ran.
static bool run_warp(warp &w) {
    bool ran = false;
    for (int i = 0; i < w.count; i++) {
        thread &t = w.lanes[reversed() ? w.count - 1 - i : i];
        if (t.state == FRESH || t.state == READY) {
            resume(t);
            ran = true;
        }
    }
    return ran;
}

static bool run_block(block &b) {
    bool ran = false;
    size_t count = b.warps.size();
    for (size_t i = 0; i < count; i++) {
        warp &w = b.warps[reversed() ? count - 1 - i : i];
        while (run_warp(w))
            ran = true;
    }
    return ran;
}

static bool wake_yielded(group &g) {
    bool woke = false;
    for (size_t i = 0; i < g.count; i++)
        for (thread &t : g.blocks[i].threads)
            if (t.state == YIELDED) {
                t.state = READY;
                woke = true;
            }
    return woke;
}

static const char *waiting_for(thread_state s) {
    switch (s) {
    case BARRIER:
        return "its block";
    case WARP:
        return "lanes of its warp";
    case CLUSTER:
        return "its cluster";
    case YIELDED:
        return "something else (it sleeps)";
    default:
        return "nothing";
    }
}

// Names a few of the threads that wait, one for each place.
static void report_deadlock(const group &g) {
    char text[1500];
    size_t used = 0;
    text[0] = 0;
    const thread *last = nullptr;
    for (size_t i = 0; i < g.count; i++)
        for (const thread &t : g.blocks[i].threads) {
            bool same = last && last->state == t.state && last->line == t.line &&
                        last->of_block == t.of_block;
            if (t.state == DONE || same || used + 200 > sizeof text)
                continue;
            last = &t;
            uint3 b = t.of_block->index;
            used += (size_t)snprintf(text + used, sizeof text - used,
                                     "\n  block (%u,%u,%u), thread (%u,%u,%u) and those like it "
                                     "wait for %s at %.80s:%d",
                                     b.x, b.y, b.z, t.index.x, t.index.y, t.index.z,
                                     waiting_for(t.state), t.file ? t.file : "?", t.line);
        }
    report("deadlock:%s", text);
}

static void run_group(group &g) {
    int idle = 0;
    while (g.live > 0) {
        bool ran = false;
        for (size_t i = 0; i < g.count; i++)
            ran |= run_block(g.blocks[reversed() ? g.count - 1 - i : i]);
        bool woke = wake_yielded(g);
        idle = woke ? idle + 1 : 0;
        if ((!ran && !woke) || idle > IDLE_ROUNDS)
            report_deadlock(g);
    }
}

// ---- a grid

static void set_threads(block &b, const dim3 &shape) {
    size_t count = (size_t)shape.x * shape.y * shape.z;
    if (b.threads.size() != count) {
        b.threads = std::vector<thread>(count);
        b.warps = std::vector<warp>((count + WARP_LANES - 1) / WARP_LANES);
    }
    for (size_t w = 0; w < b.warps.size(); w++) {
        b.warps[w].lanes = &b.threads[w * WARP_LANES];
        b.warps[w].count = (int)(count - w * WARP_LANES);
        if (b.warps[w].count > WARP_LANES)
            b.warps[w].count = WARP_LANES;
        b.warps[w].alive = (unsigned)(((uint64_t)1 << b.warps[w].count) - 1);
        b.warps[w].waiting = 0;
    }
    for (size_t i = 0; i < count; i++) {
        thread &t = b.threads[i];
        t.state = FRESH;
        t.index = uint3{(unsigned)(i % shape.x), (unsigned)(i / shape.x % shape.y),
                        (unsigned)(i / shape.x / shape.y)};
        t.of_block = &b;
        t.of_warp = &b.warps[i / WARP_LANES];
        t.arrived = false;
        t.pipeline_group = 0;
    }
    b.live = (int)count;
    b.started = false;
    b.arrived = 0;
}

// The cluster whose first block is `first`.
static void set_group(group &g, const launch &work, uint3 first) {
    g.count = (size_t)work.cluster.x * work.cluster.y * work.cluster.z;
    if (g.blocks.size() < g.count)
        g.blocks.resize(g.count);
    for (unsigned r = 0; r < g.count; r++) {
        block &b = g.blocks[r];
        b.rank = r;
        b.index = uint3{first.x + r % work.cluster.x, first.y + r / work.cluster.x % work.cluster.y,
                        first.z + r / work.cluster.x / work.cluster.y};
        set_threads(b, work.block);
        shared_place(b, work.shared_bytes);
    }
    g.live = (int)g.count * per_block(work);
    g.arrived = 0;
    g.phase = 0;
}

void run_grid(const launch &work) {
    static group *kept = new group;
    state.work = &work;
    state.blocks = kept;
    gridDim = work.grid;
    blockDim = work.block;
    dim3 clusters(work.grid.x / work.cluster.x, work.grid.y / work.cluster.y,
                  work.grid.z / work.cluster.z);
    size_t count = (size_t)clusters.x * clusters.y * clusters.z;
    for (size_t i = 0; i < count; i++) {
        size_t c = reversed() ? count - 1 - i : i;
        uint3 first = {(unsigned)(c % clusters.x) * work.cluster.x,
                       (unsigned)(c / clusters.x % clusters.y) * work.cluster.y,
                       (unsigned)(c / clusters.x / clusters.y) * work.cluster.z};
        set_group(*kept, work, first);
        static_shared_begin();
        run_group(*kept);
        if (kept->count > 1)
            static_shared_check_unused();
        for (size_t b = 0; b < kept->count; b++)
            shared_check_untouched(kept->blocks[b], work.shared_bytes);
    }
    check_canaries(); // here, where the kernel's name is known
    state.work = nullptr;
    state.blocks = nullptr;
    state.of_block = nullptr;
}

} // namespace v2s_emulation

using namespace v2s_emulation;

// ---- what device code calls

int v2s_emulated_barrier(v2s_emulated_vote vote, int predicate, const char *file, int line) {
    current("__syncthreads");
    block &b = *state.of_block;
    if (b.arrived == 0) {
        b.file = file;
        b.line = line;
        b.vote = vote;
        b.count = 0;
    } else if (b.line != line || b.vote != vote || strcmp(b.file, file) != 0) {
        report("divergent barrier: this thread is at %s:%d, others wait at %s:%d", file, line,
               b.file, b.line);
    }
    b.arrived++;
    b.count += predicate != 0;
    if (b.arrived == b.live)
        release_barrier(b);
    else
        wait_as(BARRIER, file, line);
    return b.result;
}

void v2s_emulated_yield(void) {
    current("__nanosleep");
    wait_as(YIELDED, "__nanosleep", 0);
}

void *v2s_emulated_shared(void) {
    current("shared memory");
    return state.of_block->shared;
}

void v2s_emulated_pipeline_copy(void *shared, const void *global, size_t size, size_t zfill) {
    thread &t = current("__pipeline_memcpy_async");
    if ((size != 4 && size != 8 && size != 16) || zfill > size || (uintptr_t)shared % size ||
        (uintptr_t)global % size)
        report("__pipeline_memcpy_async(%p, %p, %zu, %zu): size or alignment is wrong", shared,
               global, size, zfill);
    t.copies.push_back(pipeline_copy{shared, global, size, zfill, t.pipeline_group});
}

void v2s_emulated_pipeline_commit(void) {
    current("__pipeline_commit").pipeline_group++;
}

void v2s_emulated_pipeline_wait(unsigned prior) {
    thread &t = current("__pipeline_wait_prior");
    size_t kept = 0;
    for (size_t i = 0; i < t.copies.size(); i++) {
        const pipeline_copy copy = t.copies[i];
        if (copy.group + prior < t.pipeline_group) {
            memcpy(copy.shared, copy.global, copy.size - copy.zfill);
            memset((char *)copy.shared + copy.size - copy.zfill, 0, copy.zfill);
        } else {
            t.copies[kept++] = copy;
        }
    }
    t.copies.resize(kept);
}
