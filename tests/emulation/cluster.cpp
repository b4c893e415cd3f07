// SPDX-License-Identifier: MIT
// Clusters: their barrier, and the shared memory of one block seen from another.
#include "block.h"

namespace v2s_emulation {

static void release(group &g) {
    g.arrived = 0;
    g.phase++;
    for (size_t i = 0; i < g.count; i++)
        for (thread &t : g.blocks[i].threads)
            if (t.state == CLUSTER)
                t.state = READY;
}

// Threads that have ended count as arrived.
void cluster_settle(group &g) {
    if (g.live > 0 && g.arrived == g.live)
        release(g);
}

} // namespace v2s_emulation

using namespace v2s_emulation;

void v2s_emulated_cluster_arrive(void) {
    thread &t = current("a cluster's barrier");
    if (t.arrived)
        report("arrives twice at the cluster's barrier without waiting in between");
    t.arrived = true;
    t.cluster_phase = state.blocks->phase;
    state.blocks->arrived++;
    cluster_settle(*state.blocks);
}

void v2s_emulated_cluster_wait(const char *file, int line) {
    thread &t = current("a cluster's barrier");
    if (!t.arrived)
        report("waits for the cluster without having arrived (%s:%d)", file, line);
    if (t.cluster_phase == state.blocks->phase)
        wait_as(CLUSTER, file, line);
    t.arrived = false;
}

unsigned v2s_emulated_cluster_rank(void) {
    current("block_rank");
    return state.of_block->rank;
}

unsigned v2s_emulated_cluster_size(void) {
    current("num_blocks");
    return (unsigned)state.blocks->count;
}

void *v2s_emulated_cluster_map(const void *pointer, unsigned rank) {
    current("map_shared_rank");
    const unsigned char *p = (const unsigned char *)pointer, *mine = state.of_block->shared;
    if (rank >= state.blocks->count)
        report("map_shared_rank: rank %u in a cluster of %zu", rank, state.blocks->count);
    if (p < mine || p > mine + state.work->shared_bytes)
        report("map_shared_rank: %p is not in this block's dynamic shared memory", pointer);
    return state.blocks->blocks[rank].shared + (p - mine);
}
