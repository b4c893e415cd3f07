// SPDX-License-Identifier: MIT
// NCCL for the emulation: all-reduce and broadcast between processes of one machine. Names,
// arguments and numbers as documented.
#ifndef V2S_EMULATION_NCCL_H
#define V2S_EMULATION_NCCL_H

#include "cuda_runtime_api.h"

#define NCCL_MAJOR 2
#define NCCL_MINOR 28
#define NCCL_PATCH 9
#define NCCL_VERSION_CODE 22809
#define NCCL_UNIQUE_ID_BYTES 128

typedef struct ncclComm *ncclComm_t;
typedef struct {
    char internal[NCCL_UNIQUE_ID_BYTES];
} ncclUniqueId;

#define V2S_EMULATED_NCCL_RESULTS(X)                                                               \
    X(ncclSuccess, 0, "no error")                                                                  \
    X(ncclUnhandledCudaError, 1, "unhandled cuda error")                                           \
    X(ncclSystemError, 2, "unhandled system error")                                                \
    X(ncclInternalError, 3, "internal error")                                                      \
    X(ncclInvalidArgument, 4, "invalid argument")                                                  \
    X(ncclInvalidUsage, 5, "invalid usage")                                                        \
    X(ncclRemoteError, 6, "remote process exited or there was a network error")                    \
    X(ncclInProgress, 7, "NCCL operation in progress")

typedef enum {
#define V2S_EMULATED_ENUM(name, value, text) name = value,
    V2S_EMULATED_NCCL_RESULTS(V2S_EMULATED_ENUM)
#undef V2S_EMULATED_ENUM
} ncclResult_t;

typedef enum {
    ncclInt8 = 0,
    ncclChar = 0,
    ncclInt32 = 2,
    ncclInt = 2,
    ncclInt64 = 4,
    ncclFloat32 = 7,
    ncclFloat = 7,
    ncclFloat64 = 8,
    ncclDouble = 8
} ncclDataType_t;

typedef enum { ncclSum = 0, ncclProd = 1, ncclMax = 2, ncclMin = 3, ncclAvg = 4 } ncclRedOp_t;

extern "C" {
ncclResult_t ncclGetVersion(int *version);
ncclResult_t ncclGetUniqueId(ncclUniqueId *id);
ncclResult_t ncclCommInitRank(ncclComm_t *comm, int nranks, ncclUniqueId id, int rank);
ncclResult_t ncclCommFinalize(ncclComm_t comm);
ncclResult_t ncclCommDestroy(ncclComm_t comm);
ncclResult_t ncclCommAbort(ncclComm_t comm);
const char *ncclGetErrorString(ncclResult_t result);
const char *ncclGetLastError(ncclComm_t comm);
ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t *error);
ncclResult_t ncclCommCount(ncclComm_t comm, int *count);
ncclResult_t ncclCommUserRank(ncclComm_t comm, int *rank);
ncclResult_t ncclGroupStart(void);
ncclResult_t ncclGroupEnd(void);
ncclResult_t ncclAllReduce(const void *send, void *receive, size_t count, ncclDataType_t type,
                           ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream);
ncclResult_t ncclBroadcast(const void *send, void *receive, size_t count, ncclDataType_t type,
                           int root, ncclComm_t comm, cudaStream_t stream);
}

#endif
