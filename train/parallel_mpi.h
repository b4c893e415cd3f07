// SPDX-License-Identifier: MIT
// Several processes that train one network: MPI, started by mpirun.
//
// Every process holds all weights and a share of each batch; sums of gradients make them equal.
// Sums are formed in one place and handed to all, so that all processes get the same bits. All
// calls but open are collective: every process makes the same calls in the same order. Only the
// thread that opened may call. A program that was not started by mpirun is one process, and MPI is
// not initialised: the calls below then do nothing.
#ifndef V2S_TRAIN_PARALLEL_MPI_H
#define V2S_TRAIN_PARALLEL_MPI_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/device.h"

typedef struct v2s_processes {
    int rank, count;             // 0 .. count-1; count >= 1
    int local_rank, local_count; // the same among the processes of this machine
    bool mpi;                    // MPI runs
} v2s_processes;

// under_mpirun: whether this process was started by mpirun. UNSUPPORTED: MPI refuses.
V2S_MUST_USE v2s_status v2s_processes_open(bool under_mpirun, v2s_processes *p);

// data[i] = sum over the processes, on all of them.
void v2s_processes_sum_f32(const v2s_processes *p, float *data, size_t count);
void v2s_processes_sum_f64(const v2s_processes *p, double *data, size_t count);

// data[i] = largest over the processes, on all of them.
void v2s_processes_max_f64(const v2s_processes *p, double *data, size_t count);

// Joins the processes' devices for v2s_processes_sum_on, where they can sum by themselves
// (kernels/group.h). CUDA.
V2S_MUST_USE v2s_status v2s_processes_join(const v2s_processes *p, const v2s_device *dev);

// Both sums of numbers in the device's memory, as work of the device: queued, and part of what is
// recorded.
void v2s_processes_sum_on(const v2s_processes *p, const v2s_device *dev, float *data, size_t count,
                          double *values, size_t value_count);

// Copies process 0's bytes to all.
void v2s_processes_share(const v2s_processes *p, void *data, size_t size);

// The statuses of all processes joined: where one failed, every process gets a failure: its own, or
// one that names the process. CANCELLED anywhere is CANCELLED everywhere.
V2S_MUST_USE v2s_status v2s_processes_agree(const v2s_processes *p, v2s_status status);

// Ends MPI; a process that leaves before ends the others too.
void v2s_processes_close(v2s_processes *p);

#endif
