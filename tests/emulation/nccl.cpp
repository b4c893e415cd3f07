// SPDX-License-Identifier: MIT
// Collectives between processes of one machine, through a file in shared memory that the unique id
// names: each process puts its part there, all meet, each computes the same result in the order of
// the ranks, all meet again. This happens when the stream runs, which is when the process waits for
// it: processes that wait for each other in another way in between wait for ever (a time limit ends
// that).
#include <atomic>
#include <fcntl.h>
#include <nccl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "emulation.h"

using namespace v2s_emulation;

namespace {

const size_t SLOT_BYTES = 1 << 20;
const int MAX_RANKS = 64;

// What one process is about to do; all have to agree.
struct call {
    size_t count;
    int type, op, root;
};

struct meeting {
    std::atomic<unsigned> arrived, phase;
    call calls[MAX_RANKS];
    alignas(64) unsigned char slots[];
};

size_t item_bytes(ncclDataType_t type) {
    switch (type) {
    case ncclInt8:
        return 1;
    case ncclInt32:
    case ncclFloat32:
        return 4;
    case ncclInt64:
    case ncclFloat64:
        return 8;
    }
    return 0;
}

} // namespace

struct ncclComm {
    int ranks = 1, rank = 0;
    meeting *shared = nullptr; // NULL with a single rank
    size_t mapped = 0;
};

namespace {

// Waits until all ranks are here; false after the time limit.
bool meet(ncclComm &c) {
    if (!c.shared)
        return true;
    meeting &m = *c.shared;
    unsigned phase = m.phase.load();
    if (m.arrived.fetch_add(1) + 1 == (unsigned)c.ranks) {
        m.arrived.store(0);
        m.phase.fetch_add(1);
        return true;
    }
    long long limit_us = setting("V2S_EMULATION_TIMEOUT", 60) * 1000000, waited_us = 0;
    while (m.phase.load() == phase) {
        struct timespec nap = {0, 20000};
        nanosleep(&nap, NULL);
        waited_us += 20;
        if (waited_us > limit_us)
            return false;
    }
    return true;
}

template <typename T> T combine(T a, T b, ncclRedOp_t op) {
    switch (op) {
    case ncclProd:
        return a * b;
    case ncclMax:
        return a > b ? a : b;
    case ncclMin:
        return a < b ? a : b;
    default:
        return a + b;
    }
}

template <typename T>
void reduce(const ncclComm &c, unsigned char *const *parts, void *out, size_t count,
            ncclRedOp_t op) {
    for (size_t i = 0; i < count; i++) {
        T sum = ((const T *)parts[0])[i];
        for (int r = 1; r < c.ranks; r++)
            sum = combine(sum, ((const T *)parts[r])[i], op);
        ((T *)out)[i] = op == ncclAvg ? sum / (T)c.ranks : sum;
    }
}

void reduce_any(const ncclComm &c, unsigned char *const *parts, void *out, size_t count,
                ncclDataType_t type, ncclRedOp_t op) {
    switch (type) {
    case ncclFloat32:
        return reduce<float>(c, parts, out, count, op);
    case ncclFloat64:
        return reduce<double>(c, parts, out, count, op);
    case ncclInt32:
        return reduce<int>(c, parts, out, count, op);
    case ncclInt64:
        return reduce<long long>(c, parts, out, count, op);
    default:
        return reduce<signed char>(c, parts, out, count, op);
    }
}

void check_agreement(ncclComm &c, const call &mine) {
    c.shared->calls[c.rank] = mine;
    if (!meet(c))
        report("NCCL: rank %d of %d waits for the others in vain", c.rank, c.ranks);
    for (int r = 0; r < c.ranks; r++)
        if (memcmp(&c.shared->calls[r], &mine, sizeof mine) != 0)
            report("NCCL: rank %d calls with count %zu, rank %d with %zu, or another type or "
                   "operation",
                   c.rank, mine.count, r, c.shared->calls[r].count);
}

// root < 0: all-reduce.
void run(ncclComm &c, const void *send, void *receive, size_t count, ncclDataType_t type,
         ncclRedOp_t op, int root) {
    size_t item = item_bytes(type);
    if (c.ranks == 1) {
        memmove(receive, send, count * item);
        return;
    }
    call mine;
    memset(&mine, 0, sizeof mine); // padding is compared, too
    mine.count = count;
    mine.type = type;
    mine.op = op;
    mine.root = root;
    check_agreement(c, mine);
    unsigned char *slots[MAX_RANKS];
    for (int r = 0; r < c.ranks; r++)
        slots[r] = c.shared->slots + (size_t)r * SLOT_BYTES;
    size_t step = SLOT_BYTES / item;
    for (size_t first = 0; first < count; first += step) {
        size_t n = count - first < step ? count - first : step;
        memcpy(slots[c.rank], (const char *)send + first * item, n * item);
        if (!meet(c))
            report("NCCL: rank %d of %d waits for the others in vain", c.rank, c.ranks);
        char *out = (char *)receive + first * item;
        if (root >= 0)
            memcpy(out, slots[root], n * item);
        else
            reduce_any(c, slots, out, n, type, op);
        if (!meet(c))
            report("NCCL: rank %d of %d waits for the others in vain", c.rank, c.ranks);
    }
}

ncclResult_t collective(const void *send, void *receive, size_t count, ncclDataType_t type,
                        ncclRedOp_t op, int root, ncclComm_t comm, cudaStream_t stream) {
    locked guard;
    if (!comm || !item_bytes(type) || op < ncclSum || op > ncclAvg || root >= comm->ranks)
        return ncclInvalidArgument;
    if (count == 0)
        return ncclSuccess;
    size_t bytes = count * item_bytes(type);
    if (place_of(send) == PAGEABLE || place_of(receive) == PAGEABLE || !range_ok(send, bytes) ||
        !range_ok(receive, bytes))
        return ncclInvalidArgument;
    cudaError_t error =
        enqueue(stream, [=]() { run(*comm, send, receive, count, type, op, root); });
    return error == cudaSuccess ? ncclSuccess : ncclUnhandledCudaError;
}

bool attach(ncclComm &c, const ncclUniqueId &id) {
    c.mapped = sizeof(meeting) + (size_t)c.ranks * SLOT_BYTES;
    int fd = shm_open(id.internal, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    void *map = MAP_FAILED;
    if (ftruncate(fd, (off_t)c.mapped) == 0) // new bytes are zero
        map = mmap(NULL, c.mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        return false;
    c.shared = (meeting *)map;
    bool all_here = meet(c);
    if (c.rank == 0 || !all_here)
        shm_unlink(id.internal); // everybody has it open
    return all_here;
}

} // namespace

ncclResult_t ncclGetVersion(int *version) {
    *version = NCCL_VERSION_CODE;
    return ncclSuccess;
}

ncclResult_t ncclGetUniqueId(ncclUniqueId *id) {
    static unsigned count;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    memset(id, 0, sizeof *id);
    snprintf(id->internal, sizeof id->internal, "/v2s-emulated-nccl-%ld-%lx-%u", (long)getpid(),
             (unsigned long)now.tv_nsec, count++);
    return ncclSuccess;
}

ncclResult_t ncclCommInitRank(ncclComm_t *comm, int nranks, ncclUniqueId id, int rank) {
    locked guard;
    if (!comm || nranks < 1 || nranks > MAX_RANKS || rank < 0 || rank >= nranks)
        return ncclInvalidArgument;
    if (device_ready() != cudaSuccess || forbid_while_capturing() != cudaSuccess)
        return ncclUnhandledCudaError;
    ncclComm *made = new ncclComm;
    made->ranks = nranks;
    made->rank = rank;
    if (nranks > 1 && !attach(*made, id)) {
        ncclCommDestroy(made);
        return ncclSystemError;
    }
    *comm = made;
    return ncclSuccess;
}

ncclResult_t ncclCommFinalize(ncclComm_t) {
    return ncclSuccess;
}

ncclResult_t ncclCommDestroy(ncclComm_t comm) {
    locked guard;
    if (!comm)
        return ncclInvalidArgument;
    drain_all();
    if (comm->shared)
        munmap(comm->shared, comm->mapped);
    delete comm;
    return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t comm) {
    return ncclCommDestroy(comm);
}

const char *ncclGetErrorString(ncclResult_t result) {
    switch (result) {
#define V2S_TEXT(name, value, text)                                                                \
    case name:                                                                                     \
        return text;
        V2S_EMULATED_NCCL_RESULTS(V2S_TEXT)
#undef V2S_TEXT
    }
    return "unknown result code";
}

const char *ncclGetLastError(ncclComm_t) {
    return "";
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t, ncclResult_t *error) {
    *error = ncclSuccess;
    return ncclSuccess;
}

ncclResult_t ncclCommCount(ncclComm_t comm, int *count) {
    *count = comm->ranks;
    return ncclSuccess;
}

ncclResult_t ncclCommUserRank(ncclComm_t comm, int *rank) {
    *rank = comm->rank;
    return ncclSuccess;
}

ncclResult_t ncclGroupStart(void) {
    return ncclSuccess;
}

ncclResult_t ncclGroupEnd(void) {
    return ncclSuccess;
}

ncclResult_t ncclAllReduce(const void *send, void *receive, size_t count, ncclDataType_t type,
                           ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream) {
    return collective(send, receive, count, type, op, -1, comm, stream);
}

ncclResult_t ncclBroadcast(const void *send, void *receive, size_t count, ncclDataType_t type,
                           int root, ncclComm_t comm, cudaStream_t stream) {
    return root < 0 ? ncclInvalidArgument
                    : collective(send, receive, count, type, ncclSum, root, comm, stream);
}
