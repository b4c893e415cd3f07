// SPDX-License-Identifier: MIT
// The one way a kernel uses more than one processor: the same function for n independent parts.
#ifndef V2S_KERNELS_BASE_PARALLEL_H
#define V2S_KERNELS_BASE_PARALLEL_H

enum { V2S_PARALLEL_MAX = 64 };

// A thread that has a team (kernels/base/team.h) computes on that.
//
// Runs part(ctx, i, parts) for i = 0 .. parts-1 on at most `threads` threads (the caller's is one
// of them, V2S_PARALLEL_MAX is the limit) and returns when all have ended. Where the system gives
// no thread, the caller runs that share itself, so the result does not depend on it. Parts must
// not depend on one another and must not fail.
void v2s_parallel(int threads, int parts, void (*part)(void *ctx, int i, int parts), void *ctx);

// Share i of n of `count` items: [*begin, *end). The shares cover 0..count-1 without overlap and
// every border is a multiple of `step`.
void v2s_parallel_share(int count, int step, int i, int n, int *begin, int *end);

#endif
