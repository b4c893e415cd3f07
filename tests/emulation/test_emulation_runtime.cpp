// SPDX-License-Identifier: MIT
// Memory, streams, events, graphs and devices of the emulation: what a correct host may rely on
// holds, and what it may not rely on does not.
#include <criterion/criterion.h>
#include <cuda_runtime.h>
#include <stdlib.h>
#include <string.h>
#include <thread>
#include <vector>

static __global__ void add(float *y, const float *x, int n) {
    int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < n)
        y[i] += x[i];
}

static cudaError_t launch_add(cudaStream_t stream, float *y, const float *x, int n) {
    cudaLaunchConfig_t config = {};
    config.gridDim = dim3((unsigned)(n + 127) / 128);
    config.blockDim = dim3(128);
    config.stream = stream;
    return cudaLaunchKernelEx(&config, add, y, x, n);
}

static const int N = 300;
static const size_t BYTES = N * sizeof(float);

// One array on each side, filled with a number.
struct array {
    float *device = nullptr, *pinned = nullptr;
    explicit array(float value) {
        cr_assert_eq(cudaMalloc(&device, BYTES), cudaSuccess);
        cr_assert_eq(cudaMallocHost(&pinned, BYTES), cudaSuccess);
        set(value);
        cr_assert_eq(cudaMemcpy(device, pinned, BYTES, cudaMemcpyHostToDevice), cudaSuccess);
    }
    void set(float value) {
        for (int i = 0; i < N; i++)
            pinned[i] = value;
    }
    float first() {
        float value;
        cr_assert_eq(cudaMemcpy(&value, device, sizeof value, cudaMemcpyDeviceToHost), cudaSuccess);
        return value;
    }
    ~array() {
        cudaFree(device);
        cudaFreeHost(pinned);
    }
};

static cudaStream_t stream() {
    cudaStream_t s;
    cr_assert_eq(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking), cudaSuccess);
    return s;
}

static cudaEvent_t event() {
    cudaEvent_t e;
    cr_assert_eq(cudaEventCreateWithFlags(&e, cudaEventDisableTiming), cudaSuccess);
    return e;
}

// ---- memory

Test(emulation_runtime, new_device_memory_is_nan) {
    float *d, value;
    cr_assert_eq(cudaMalloc(&d, 12), cudaSuccess);
    cr_assert_eq(cudaMemcpy(&value, d + 2, 4, cudaMemcpyDeviceToHost), cudaSuccess);
    cr_expect(value != value);
    cr_expect_eq((size_t)d % 256, 0u);
    cr_expect_eq(cudaFree(d), cudaSuccess);
    cr_expect_eq(cudaFree(d), cudaErrorInvalidValue);
}

Test(emulation_runtime, memory_runs_out_and_comes_back) {
    setenv("V2S_EMULATION_MEMORY", "1048576", 1);
    char *a, *b;
    size_t free_bytes, total;
    cr_expect_eq(cudaMalloc(&a, 700000), cudaSuccess);
    cr_expect_eq(cudaMalloc(&b, 700000), cudaErrorMemoryAllocation);
    cr_expect_eq(cudaGetLastError(), cudaErrorMemoryAllocation);
    cr_expect_eq(cudaMemGetInfo(&free_bytes, &total), cudaSuccess);
    cr_expect(free_bytes < 350000 && total == 1048576);
    cr_expect_eq(cudaFree(a), cudaSuccess);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(cudaMalloc(&b, 700000), cudaSuccess);
        cr_assert_eq(cudaFree(b), cudaSuccess);
    }
}

Test(emulation_runtime, pointers_are_told_apart) {
    array a(0.0f);
    cudaPointerAttributes attributes;
    cr_assert_eq(cudaPointerGetAttributes(&attributes, a.device + 3), cudaSuccess);
    cr_expect_eq(attributes.type, cudaMemoryTypeDevice);
    cr_assert_eq(cudaPointerGetAttributes(&attributes, a.pinned + 3), cudaSuccess);
    cr_expect_eq(attributes.type, cudaMemoryTypeHost);
    cr_assert_eq(cudaPointerGetAttributes(&attributes, &attributes), cudaSuccess);
    cr_expect_eq(attributes.type, cudaMemoryTypeUnregistered);
}

Test(emulation_runtime, a_copy_is_checked) {
    array a(0.0f);
    cr_expect_eq(cudaMemcpy(a.device, a.pinned, BYTES + 4, cudaMemcpyHostToDevice),
                 cudaErrorInvalidValue);
    cr_expect_eq(cudaMemcpy(a.device, a.pinned, BYTES, cudaMemcpyDeviceToHost),
                 cudaErrorInvalidValue);
    cr_expect_eq(cudaMemcpy(a.device, a.pinned, BYTES, cudaMemcpyDefault), cudaSuccess);
    cr_expect_eq(cudaMemcpy2D(a.device, 4, a.pinned, 8, 8, 2, cudaMemcpyHostToDevice),
                 cudaErrorInvalidPitchValue);
}

Test(emulation_runtime, planes_are_copied_row_by_row) {
    array a(0.0f);
    for (int i = 0; i < N; i++)
        a.pinned[i] = (float)i;
    cr_expect_eq(cudaMemcpy2DAsync(a.device, 40, a.pinned, 80, 40, 10, cudaMemcpyHostToDevice, 0),
                 cudaSuccess);
    float back[20];
    cr_expect_eq(cudaMemcpy(back, a.device, sizeof back, cudaMemcpyDeviceToHost), cudaSuccess);
    cr_expect(back[9] == 9.0f && back[10] == 20.0f && back[19] == 29.0f);
}

// ---- streams

Test(emulation_runtime, a_staging_buffer_that_is_overwritten_early_is_caught) {
    array a(0.0f);
    cudaStream_t s = stream();
    a.set(1.0f);
    cr_assert_eq(cudaMemcpyAsync(a.device, a.pinned, BYTES, cudaMemcpyHostToDevice, s),
                 cudaSuccess);
    a.set(2.0f); // too early
    cr_assert_eq(cudaStreamSynchronize(s), cudaSuccess);
    cr_expect_eq(a.first(), 2.0f);
    a.set(3.0f);
    cr_assert_eq(cudaMemcpyAsync(a.device, a.pinned, BYTES, cudaMemcpyHostToDevice, s),
                 cudaSuccess);
    cr_assert_eq(cudaStreamSynchronize(s), cudaSuccess);
    a.set(4.0f);
    cr_expect_eq(a.first(), 3.0f);
}

// CUDA allows a driver to set its bytes aside or to wait, and does not say that one does.
Test(emulation_runtime, pageable_memory_has_to_stay_until_it_is_waited_for) {
    array a(0.0f);
    cudaStream_t s = stream();
    std::vector<float> pageable(N, 5.0f);
    cr_assert_eq(cudaMemcpyAsync(a.device, pageable.data(), BYTES, cudaMemcpyHostToDevice, s),
                 cudaSuccess);
    pageable.assign(N, 6.0f); // too early
    cr_assert_eq(launch_add(s, a.device, a.device, N), cudaSuccess);
    cr_assert_eq(cudaMemcpyAsync(pageable.data(), a.device, BYTES, cudaMemcpyDeviceToHost, s),
                 cudaSuccess);
    cr_expect_eq(pageable[0], 6.0f);
    cr_assert_eq(cudaStreamSynchronize(s), cudaSuccess);
    cr_expect_eq(pageable[0], 12.0f);
}

Test(emulation_runtime, results_are_not_there_before_they_are_waited_for) {
    array a(1.0f), b(2.0f);
    cudaStream_t s = stream();
    cr_assert_eq(launch_add(s, a.device, b.device, N), cudaSuccess);
    a.set(0.0f);
    cr_assert_eq(cudaMemcpyAsync(a.pinned, a.device, BYTES, cudaMemcpyDeviceToHost, s),
                 cudaSuccess);
    cr_expect_eq(a.pinned[0], 0.0f);
    cr_expect_eq(cudaStreamQuery(s), cudaErrorNotReady);
    cr_expect_eq(cudaStreamQuery(s), cudaSuccess);
    cr_expect_eq(a.pinned[0], 3.0f);
}

Test(emulation_runtime, streams_wait_for_events_and_for_nothing_else) {
    for (int wait = 0; wait < 2; wait++) {
        array a(1.0f), b(2.0f), c(0.0f);
        cudaStream_t first = stream(), second = stream();
        cudaEvent_t done = event();
        cr_assert_eq(launch_add(first, a.device, b.device, N), cudaSuccess);
        cr_assert_eq(cudaEventRecord(done, first), cudaSuccess);
        cr_assert_eq(launch_add(first, a.device, b.device, N), cudaSuccess);
        if (wait)
            cr_assert_eq(cudaStreamWaitEvent(second, done), cudaSuccess);
        cr_assert_eq(launch_add(second, c.device, a.device, N), cudaSuccess);
        cr_assert_eq(cudaStreamSynchronize(second), cudaSuccess);
        cr_expect_eq(c.first(), wait ? 3.0f : 1.0f);
        cr_expect_eq(a.first(), wait ? 3.0f : 1.0f);
        cr_assert_eq(cudaDeviceSynchronize(), cudaSuccess);
        cr_expect_eq(a.first(), 5.0f);
        cr_expect_eq(cudaEventQuery(done), cudaSuccess);
        cr_expect_eq(cudaEventDestroy(done), cudaSuccess);
        cr_expect_eq(cudaStreamDestroy(first), cudaSuccess);
        cr_expect_eq(cudaStreamDestroy(second), cudaSuccess);
    }
}

Test(emulation_runtime, the_legacy_stream_orders_blocking_streams_only) {
    array a(1.0f), b(2.0f);
    cudaStream_t blocking;
    cr_assert_eq(cudaStreamCreate(&blocking), cudaSuccess);
    cr_assert_eq(launch_add(blocking, a.device, b.device, N), cudaSuccess);
    cr_expect_eq(a.first(), 3.0f); // cudaMemcpy is in the legacy stream
    cr_assert_eq(launch_add(stream(), a.device, b.device, N), cudaSuccess);
    cr_expect_eq(a.first(), 3.0f);
}

Test(emulation_runtime, a_destroyed_stream_still_does_its_work) {
    array a(1.0f), b(2.0f);
    cudaStream_t s = stream();
    cr_assert_eq(launch_add(s, a.device, b.device, N), cudaSuccess);
    cr_assert_eq(cudaStreamDestroy(s), cudaSuccess);
    cr_expect_eq(cudaStreamSynchronize(s), cudaErrorInvalidResourceHandle);
    cr_assert_eq(cudaDeviceSynchronize(), cudaSuccess);
    cr_expect_eq(a.first(), 3.0f);
}

Test(emulation_runtime, host_functions_run_in_order_and_may_not_call_cuda) {
    static cudaError_t seen;
    static float value;
    static array *a;
    a = new array(0.0f);
    cudaStream_t s = stream();
    a->set(8.0f);
    cr_assert_eq(cudaMemcpyAsync(a->device, a->pinned, BYTES, cudaMemcpyHostToDevice, s),
                 cudaSuccess);
    cr_assert_eq(cudaLaunchHostFunc(
                     s,
                     [](void *) {
                         value = a->pinned[0];
                         seen = cudaDeviceSynchronize();
                     },
                     nullptr),
                 cudaSuccess);
    cr_assert_eq(cudaStreamSynchronize(s), cudaSuccess);
    cr_expect_eq(seen, cudaErrorNotPermitted);
    cr_expect_eq(value, 8.0f);
    delete a;
}

Test(emulation_runtime, several_host_threads_may_work_at_once) {
    std::vector<std::thread> threads;
    std::vector<float> result(4);
    for (int t = 0; t < 4; t++)
        threads.emplace_back([t, &result]() {
            array a(0.0f), b((float)(t + 1));
            cudaStream_t s = stream();
            for (int i = 0; i < 20; i++) {
                launch_add(s, a.device, b.device, N);
                if (i % 5 == 0)
                    cudaStreamSynchronize(s);
            }
            cudaStreamSynchronize(s);
            result[(size_t)t] = a.first();
        });
    for (std::thread &t : threads)
        t.join();
    for (int t = 0; t < 4; t++)
        cr_expect_eq(result[(size_t)t], 20.0f * (float)(t + 1));
}

// ---- graphs

Test(emulation_runtime, a_graph_replays_with_what_memory_holds_then) {
    array a(1.0f), b(0.0f);
    cudaStream_t s = stream();
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    cudaStreamCaptureStatus status;
    cr_assert_eq(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal), cudaSuccess);
    cr_assert_eq(cudaMemcpyAsync(b.device, b.pinned, BYTES, cudaMemcpyHostToDevice, s),
                 cudaSuccess);
    cr_assert_eq(launch_add(s, a.device, b.device, N), cudaSuccess);
    cr_assert_eq(cudaStreamIsCapturing(s, &status), cudaSuccess);
    cr_expect_eq(status, cudaStreamCaptureStatusActive);
    cr_assert_eq(cudaStreamEndCapture(s, &graph), cudaSuccess);
    cr_assert_eq(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
    cr_assert_eq(cudaGraphDestroy(graph), cudaSuccess);
    cr_expect_eq(a.first(), 1.0f); // capturing does not run
    for (int i = 1; i <= 3; i++) {
        b.set((float)i);
        cr_assert_eq(cudaGraphLaunch(exec, s), cudaSuccess);
        cr_assert_eq(cudaStreamSynchronize(s), cudaSuccess);
    }
    cr_expect_eq(a.first(), 7.0f);
    cr_expect_eq(cudaGraphExecDestroy(exec), cudaSuccess);
}

Test(emulation_runtime, a_capture_follows_events_to_other_streams) {
    for (int joined = 0; joined < 2; joined++) {
        array a(1.0f), b(2.0f), c(4.0f);
        cudaStream_t s = stream(), side = stream();
        cudaEvent_t fork = event(), join = event();
        cudaGraph_t graph;
        cudaGraphExec_t exec;
        cr_assert_eq(cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal), cudaSuccess);
        cr_assert_eq(cudaEventRecord(fork, s), cudaSuccess);
        cr_assert_eq(cudaStreamWaitEvent(side, fork), cudaSuccess);
        cr_assert_eq(launch_add(side, b.device, c.device, N), cudaSuccess);
        cr_assert_eq(cudaEventRecord(join, side), cudaSuccess);
        if (joined)
            cr_assert_eq(cudaStreamWaitEvent(s, join), cudaSuccess);
        cr_assert_eq(launch_add(s, a.device, b.device, N), cudaSuccess);
        cr_expect_eq(cudaStreamEndCapture(s, &graph),
                     joined ? cudaSuccess : cudaErrorStreamCaptureUnjoined);
        if (!joined)
            continue;
        cr_assert_eq(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
        cr_assert_eq(cudaGraphLaunch(exec, s), cudaSuccess);
        cr_assert_eq(cudaGraphLaunch(exec, s), cudaSuccess);
        cr_assert_eq(cudaStreamSynchronize(s), cudaSuccess);
        cr_expect_eq(a.first(), 1.0f + 6.0f + 10.0f);
        cr_expect_eq(cudaGraphExecDestroy(exec), cudaSuccess);
        cr_expect_eq(cudaGraphDestroy(graph), cudaSuccess);
    }
}

// What `call` returns in a capture, which it must spoil.
template <typename Call> static cudaError_t spoils(Call call) {
    cudaStream_t s = stream();
    cudaGraph_t graph;
    cr_assert_eq(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal), cudaSuccess);
    cudaError_t error = call(s);
    cr_expect_eq(cudaStreamEndCapture(s, &graph), cudaErrorStreamCaptureInvalidated);
    cr_expect_null(graph);
    return error;
}

Test(emulation_runtime, what_cannot_be_captured_spoils_the_capture) {
    static array *a;
    a = new array(0.0f);
    cr_expect_eq(spoils([](cudaStream_t s) { return cudaStreamSynchronize(s); }),
                 cudaErrorStreamCaptureUnsupported);
    cr_expect_eq(spoils([](cudaStream_t) { return cudaDeviceSynchronize(); }),
                 cudaErrorStreamCaptureUnsupported);
    cr_expect_eq(spoils([](cudaStream_t) {
                     char *p;
                     return cudaMalloc(&p, 100);
                 }),
                 cudaErrorStreamCaptureUnsupported);
    cr_expect_eq(spoils([](cudaStream_t s) {
                     float value = 1.0f;
                     return cudaMemcpyAsync(a->device, &value, 4, cudaMemcpyHostToDevice, s);
                 }),
                 cudaErrorStreamCaptureUnsupported);
    cr_expect_eq(spoils([](cudaStream_t) {
                     return cudaMemcpy(a->device, a->pinned, 4, cudaMemcpyHostToDevice);
                 }),
                 cudaErrorStreamCaptureUnsupported);
    cr_expect_eq(spoils([](cudaStream_t) { return launch_add(0, a->device, a->device, N); }),
                 cudaErrorStreamCaptureImplicit);
    cr_expect_eq(spoils([](cudaStream_t s) {
                     cudaEvent_t e = event();
                     cr_assert_eq(cudaEventRecord(e, s), cudaSuccess);
                     return cudaEventSynchronize(e);
                 }),
                 cudaErrorCapturedEvent);
    delete a;
}

// ---- devices

Test(emulation_runtime, devices_are_as_many_as_the_environment_says) {
    int count, value;
    cudaDeviceProp prop;
    setenv("V2S_EMULATION_DEVICES", "2", 1);
    cr_expect_eq(cudaGetDeviceCount(&count), cudaSuccess);
    cr_expect_eq(count, 2);
    cr_expect_eq(cudaSetDevice(1), cudaSuccess);
    cr_expect_eq(cudaSetDevice(2), cudaErrorInvalidDevice);
    cr_assert_eq(cudaGetDeviceProperties(&prop, 1), cudaSuccess);
    cr_expect(strcmp(prop.name, "emulated") == 0 && prop.major == 9 && prop.minor == 0);
    cr_assert_eq(cudaDeviceGetAttribute(&value, cudaDevAttrMultiProcessorCount, 0), cudaSuccess);
    cr_expect_eq(value, 132);
    setenv("CUDA_VISIBLE_DEVICES", "", 1);
    cr_expect_eq(cudaGetDeviceCount(&count), cudaErrorNoDevice);
    cr_expect_eq(count, 0);
    unsetenv("CUDA_VISIBLE_DEVICES");
    setenv("V2S_EMULATION_DRIVER", "12080", 1);
    cr_expect_eq(cudaGetDeviceCount(&count), cudaErrorInsufficientDriver);
    setenv("V2S_EMULATION_DRIVER", "0", 1);
    cr_expect_eq(cudaGetDeviceCount(&count), cudaErrorInsufficientDriver);
    cr_expect_eq(cudaDriverGetVersion(&value), cudaSuccess);
    cr_expect_eq(value, 0);
    cr_expect_str_eq(cudaGetErrorName(cudaErrorInsufficientDriver), "cudaErrorInsufficientDriver");
}

Test(emulation_runtime, occupancy_follows_threads_and_shared_memory) {
    int blocks, clusters;
    cr_assert_eq(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, add, 512, 0), cudaSuccess);
    cr_expect_eq(blocks, 4);
    cr_assert_eq(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, add, 128, 100 << 10),
                 cudaSuccess);
    cr_expect_eq(blocks, 2);
    cudaLaunchAttribute attribute = {};
    attribute.id = cudaLaunchAttributeClusterDimension;
    attribute.val.clusterDim.x = 8;
    attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
    cudaLaunchConfig_t config = {};
    config.gridDim = dim3(8);
    config.blockDim = dim3(1024);
    config.attrs = &attribute;
    config.numAttrs = 1;
    cr_assert_eq(cudaOccupancyMaxActiveClusters(&clusters, add, &config), cudaSuccess);
    cr_expect_eq(clusters, 32);
}
