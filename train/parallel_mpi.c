// SPDX-License-Identifier: MIT
#include "train/parallel_mpi.h"

#include <limits.h>
#include <mpi.h>
#include <stdio.h>

v2s_status v2s_processes_open(bool under_mpirun, v2s_processes *p) {
    v2s_processes found = {.count = 1, .local_count = 1};
    if (under_mpirun) {
        int level;
        if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level) != MPI_SUCCESS)
            return V2S_FAIL(V2S_UNSUPPORTED, "MPI cannot be initialised");
        found.mpi = true;
        MPI_Comm_rank(MPI_COMM_WORLD, &found.rank);
        MPI_Comm_size(MPI_COMM_WORLD, &found.count);
        MPI_Comm machine;
        MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, found.rank, MPI_INFO_NULL,
                            &machine);
        MPI_Comm_rank(machine, &found.local_rank);
        MPI_Comm_size(machine, &found.local_count);
        MPI_Comm_free(&machine);
    }
    *p = found;
    return V2S_OK;
}

// An MPI error ends the program (MPI_ERRORS_ARE_FATAL is the default), so results need no look.
static void reduce(const v2s_processes *p, void *data, size_t count, size_t item, MPI_Datatype type,
                   MPI_Op op) {
    if (!p->mpi)
        return;
    V2S_ASSERT(count <= INT_MAX);
    MPI_Reduce(p->rank == 0 ? MPI_IN_PLACE : data, data, (int)count, type, op, 0, MPI_COMM_WORLD);
    v2s_processes_share(p, data, count * item);
}

void v2s_processes_sum_f32(const v2s_processes *p, float *data, size_t count) {
    reduce(p, data, count, sizeof *data, MPI_FLOAT, MPI_SUM);
}

void v2s_processes_sum_f64(const v2s_processes *p, double *data, size_t count) {
    reduce(p, data, count, sizeof *data, MPI_DOUBLE, MPI_SUM);
}

v2s_status v2s_processes_join(const v2s_processes *p, const v2s_device *dev) {
    unsigned char id[V2S_GROUP_ID_BYTES] = {0};
    const v2s_group_ops *group = dev->ops->group;
    if (p->count == 1 || group == NULL)
        return V2S_OK;
    V2S_TRY(v2s_processes_agree(p, p->rank == 0 ? group->id(dev, id) : V2S_OK));
    v2s_processes_share(p, id, sizeof id);
    return v2s_processes_agree(p, group->open(dev, id, p->rank, p->count));
}

void v2s_processes_sum_on(const v2s_processes *p, const v2s_device *dev, float *data, size_t count,
                          double *values, size_t value_count) {
    const v2s_group_ops *group = dev->ops->group;
    if (p->count == 1)
        return;
    if (group != NULL) {
        group->sum_f32(dev, data, count);
        group->sum_f64(dev, values, value_count);
    } else {
        v2s_processes_sum_f32(p, data, count);
        v2s_processes_sum_f64(p, values, value_count);
    }
}

void v2s_processes_max_f64(const v2s_processes *p, double *data, size_t count) {
    reduce(p, data, count, sizeof *data, MPI_DOUBLE, MPI_MAX);
}

void v2s_processes_share(const v2s_processes *p, void *data, size_t size) {
    if (!p->mpi)
        return;
    V2S_ASSERT(size <= INT_MAX);
    MPI_Bcast(data, (int)size, MPI_BYTE, 0, MPI_COMM_WORLD);
}

v2s_status v2s_processes_agree(const v2s_processes *p, v2s_status status) {
    if (!p->mpi)
        return status;
    double flags[2] = {status == V2S_CANCELLED,
                       status != V2S_OK && status != V2S_CANCELLED ? p->rank + 1 : 0};
    v2s_processes_max_f64(p, flags, 2);
    if (status == V2S_OK && flags[1] > 0)
        return V2S_FAIL(V2S_IO, "process %.0f of %d failed", flags[1] - 1, p->count);
    if (status == V2S_OK && flags[0] > 0)
        return V2S_FAIL(V2S_CANCELLED, "interrupted");
    return status;
}

void v2s_processes_close(v2s_processes *p) {
    if (p->mpi)
        MPI_Finalize();
    *p = (v2s_processes){.count = 1, .local_count = 1};
}
