// SPDX-License-Identifier: MIT
// kernels/base/parallel.h on OpenMP's threads, which wait for the next call instead of ending.
//
// oneDNN computes on these threads, and they wait for work by running for some milliseconds.
// Threads of another kind would have to share the processors with them, so whatever stands between
// two convolutions (operations on pictures, attention, rows of a network with convolutions) uses
// them.
//
// How long they run before they sleep, OpenMP's library reads from the environment before main
// begins. Its 3 ms are worse than useless on a machine that has other work: two threads that wait
// for one another take turns at burning each other's time (5 steps of a small network on two busy
// processors: 156 s; 13 s without such waiting). So programs begin with v2s_team_settle.
#ifndef V2S_KERNELS_BASE_TEAM_H
#define V2S_KERNELS_BASE_TEAM_H

#include <stdbool.h>
#include <stddef.h>

// Starts the program anew with a wait of 500 turns, unless the environment says already how idle
// threads wait (OMP_WAIT_POLICY, GOMP_SPINCOUNT). Returns if it does, or if this cannot be done.
void v2s_team_settle(char **argv);

// As v2s_parallel, but libgomp ends the program where the system gives no thread. From a thread of
// a team, the caller does all parts itself.
void v2s_team(int threads, int parts, void (*part)(void *ctx, int i, int parts), void *ctx);

// Whether this thread is one of a team, or has had one (or a library on one): it then waits by
// running, and v2s_parallel takes it too.
bool v2s_team_stands(void);

// Makes libraries that use OpenMP take `threads` threads where this thread calls them.
void v2s_team_size(int threads);

// Share i of n of `count` items: [*begin, *end). As v2s_parallel_share, for large counts.
void v2s_team_share(size_t count, size_t step, int i, int n, size_t *begin, size_t *end);

#endif
