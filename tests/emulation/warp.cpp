// SPDX-License-Identifier: MIT
// Warp operations: shuffles, votes, __syncwarp. All lanes of the mask that still run (and exist)
// have to come with the same mask to the same line.
#include "block.h"

#include <string.h>

namespace v2s_emulation {

static unsigned lane_of(const thread &t) {
    return (unsigned)(&t - t.of_warp->lanes);
}

// Whether all lanes of the mask that still run wait for each other.
static bool all_there(const warp &w, unsigned mask) {
    unsigned lanes = w.alive & mask;
    if (lanes & ~w.waiting)
        return false;
    for (int i = 0; i < w.count; i++)
        if ((lanes >> i & 1) && w.lanes[i].mask != mask)
            return false;
    return true;
}

// The lane that `lane` reads from; its own where that would leave the segment (as documented).
static unsigned source_lane(const thread &t, unsigned lane) {
    unsigned width = (unsigned)t.width, first = lane / width * width, in = lane % width;
    unsigned operand = (unsigned)t.operand;
    switch (t.op) {
    case V2S_EMULATED_SHFL:
        return first + operand % width;
    case V2S_EMULATED_SHFL_UP:
        return operand <= in ? lane - operand : lane;
    case V2S_EMULATED_SHFL_DOWN:
        return in + operand < width ? lane + operand : lane;
    default: { // xor: a later segment may read an earlier one, not the other way round
        unsigned source = lane ^ operand;
        return source < first + width ? source : lane;
    }
    }
}

static uint64_t vote(const warp &w, unsigned lanes, v2s_emulated_vote op) {
    unsigned yes = 0;
    for (int i = 0; i < w.count; i++)
        if ((lanes >> i & 1) && w.lanes[i].value)
            yes |= 1u << i;
    switch (op) {
    case V2S_EMULATED_BALLOT:
        return yes;
    case V2S_EMULATED_AND:
        return yes == lanes;
    default:
        return yes != 0;
    }
}

// What is read from a lane that is not there: a NaN, and no likely integer.
static const uint64_t NOTHING = ~(uint64_t)0;

static uint64_t shuffled(const warp &w, unsigned lanes, const thread &t) {
    unsigned source = source_lane(t, lane_of(t));
    if (source >= 32 || !(lanes >> source & 1))
        return NOTHING;
    return w.lanes[source].value;
}

static void complete(warp &w, unsigned mask) {
    unsigned lanes = w.alive & mask;
    for (int i = 0; i < w.count; i++) {
        thread &t = w.lanes[i];
        if (!(lanes >> i & 1))
            continue;
        t.result = t.op >= V2S_EMULATED_SHFL ? shuffled(w, lanes, t) : vote(w, lanes, t.op);
    }
    for (int i = 0; i < w.count; i++)
        if (lanes >> i & 1)
            w.lanes[i].state = READY;
    w.waiting &= ~lanes;
}

void warp_settle(warp &w) {
    if (!w.waiting)
        return;
    for (int i = 0; i < w.count; i++)
        if ((w.waiting >> i & 1) && all_there(w, w.lanes[i].mask))
            complete(w, w.lanes[i].mask);
}

// Lanes that wait for each other must not stand at two places.
static void check_same_place(const thread &t) {
    const warp &w = *t.of_warp;
    unsigned others = w.waiting & t.mask;
    if (!others)
        return;
    int lane = __builtin_ctz(others);
    const thread &other = w.lanes[lane];
    if (other.mask == t.mask &&
        (other.op != t.op || other.line != t.line || strcmp(other.file, t.file) != 0))
        report("divergent warp operation: this lane is at %s:%d, lane %d waits at %s:%d", t.file,
               t.line, lane, other.file, other.line);
}

} // namespace v2s_emulation

using namespace v2s_emulation;

uint64_t v2s_emulated_warp(v2s_emulated_vote op, unsigned mask, uint64_t value, int operand,
                           int width, const char *file, int line) {
    thread &t = current("a warp operation");
    if (!(mask >> lane_of(t) & 1))
        report("the mask %08x of a warp operation leaves out the calling lane %u (%s:%d)", mask,
               lane_of(t), file, line);
    if (width < 1 || width > 32 || (width & (width - 1)))
        report("a shuffle of width %d (%s:%d)", width, file, line);
    t.op = op;
    t.mask = mask;
    t.value = value;
    t.operand = operand;
    t.width = width;
    t.file = file;
    t.line = line;
    check_same_place(t);
    t.of_warp->waiting |= 1u << lane_of(t);
    if (all_there(*t.of_warp, mask))
        complete(*t.of_warp, mask);
    else
        wait_as(WARP, file, line);
    return t.result;
}
