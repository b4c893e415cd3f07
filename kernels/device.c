// SPDX-License-Identifier: MIT
#include "kernels/device.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/parallel.h"

static const char no_cuda[] = "this build has no CUDA module";

static bool is_cuda_spec(const char *spec) {
    if (strncmp(spec, "cuda", 4) != 0)
        return false;
    if (spec[4] == '\0')
        return true;
    size_t digits = strspn(spec + 4 + (spec[4] == ':'), "0123456789");
    return spec[4] == ':' && digits >= 1 && digits <= 3 && spec[5 + digits] == '\0';
}

static v2s_status check_spec(const char *spec, int threads) {
    if (threads < 0)
        return V2S_FAIL(V2S_ARG, "threads: expected 0 (all processors) or more, found %d", threads);
    if (strcmp(spec, "auto") == 0 || strcmp(spec, "cpu") == 0)
        return V2S_OK;
    if (is_cuda_spec(spec))
        return V2S_FAIL(V2S_UNSUPPORTED, "device %s: %s", spec, no_cuda);
    return V2S_FAIL(V2S_ARG, "device: expected auto, cpu, cuda or cuda:N, found \"%s\"", spec);
}

v2s_status v2s_device_open_isa(v2s_isa isa, int threads, v2s_device **out) {
    if (isa > v2s_cpu_isa())
        return V2S_FAIL(V2S_UNSUPPORTED, "this processor has no %s (it has %s)", v2s_isa_name(isa),
                        v2s_isa_name(v2s_cpu_isa()));
    v2s_device *dev = calloc(1, sizeof *dev);
    if (dev == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    int wanted = threads > 0 ? threads : v2s_cpu_count();
    dev->threads = wanted < V2S_PARALLEL_MAX ? wanted : V2S_PARALLEL_MAX;
    dev->ops = v2s_ops_cpu(isa);
    dev->vector = v2s_vector_cpu(isa);
    dev->precision = isa == V2S_ISA_AVX512_BF16 ? V2S_PRECISION_BF16 : V2S_PRECISION_F32;
    snprintf(dev->name, sizeof dev->name, "cpu, %s, %d thread%s", dev->ops->name, dev->threads,
             dev->threads == 1 ? "" : "s");
    *out = dev;
    return V2S_OK;
}

v2s_status v2s_device_open_precision(const char *spec, int threads, v2s_precision precision,
                                     v2s_device **out) {
    V2S_TRY(check_spec(spec, threads));
    v2s_isa isa = v2s_cpu_isa();
    if (precision == V2S_PRECISION_BF16) {
        if (isa != V2S_ISA_AVX512_BF16)
            return V2S_FAIL(V2S_UNSUPPORTED,
                            "precision bf16: this processor has no AVX512-BF16 (it has %s)",
                            v2s_isa_name(isa));
        return v2s_device_open_isa(isa, threads, out);
    }
    return v2s_device_open_isa(isa == V2S_ISA_AVX512_BF16 ? V2S_ISA_AVX512 : isa, threads, out);
}

v2s_status v2s_device_open(const char *spec, int threads, v2s_device **out) {
    return v2s_device_open_precision(spec, threads, V2S_PRECISION_F32, out);
}

void v2s_device_close(v2s_device **dev) {
    free(*dev);
    *dev = NULL;
}

// The model name as the system tells it, or "processor".
static void processor_name(char *name, size_t size) {
    snprintf(name, size, "processor");
    FILE *file = fopen("/proc/cpuinfo", "re");
    if (file == NULL)
        return;
    char line[V2S_DEVICE_LINE_MAX];
    while (fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || colon == NULL)
            continue;
        const char *from = colon + 1 + strspn(colon + 1, " \t");
        snprintf(name, size, "%.*s", (int)strcspn(from, "\n"), from);
        break;
    }
    fclose(file);
}

bool v2s_device_describe(int index, char line[V2S_DEVICE_LINE_MAX]) {
    if (index == 0) {
        char name[128];
        processor_name(name, sizeof name);
        int n = v2s_cpu_count();
        snprintf(line, V2S_DEVICE_LINE_MAX, "cpu: %s, %s, %d thread%s", name,
                 v2s_isa_name(v2s_cpu_isa()), n, n == 1 ? "" : "s");
        return true;
    }
    if (index == 1) {
        snprintf(line, V2S_DEVICE_LINE_MAX, "cuda: not used (%s)", no_cuda);
        return true;
    }
    return false;
}
