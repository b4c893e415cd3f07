// SPDX-License-Identifier: MIT
#include "kernels/device.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/parallel.h"
#include "kernels/conv2d_onednn.h"
#include "kernels/cuda_module.h"

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
    if (strcmp(spec, "auto") == 0 || strcmp(spec, "cpu") == 0 || is_cuda_spec(spec))
        return V2S_OK;
    return V2S_FAIL(V2S_ARG, "device: expected auto, cpu, cuda or cuda:N, found \"%s\"", spec);
}

static v2s_status take_device(int threads, v2s_device **out) {
    v2s_device *dev = calloc(1, sizeof *dev);
    if (dev == NULL)
        return V2S_FAIL(V2S_NOMEM, "out of memory");
    int wanted = threads > 0 ? threads : v2s_cpu_count();
    dev->threads = wanted < V2S_PARALLEL_MAX ? wanted : V2S_PARALLEL_MAX;
    dev->lanes = dev->threads;
    dev->queue_depth = 1;
    *out = dev;
    return V2S_OK;
}

// ---- the processor ----------------------------------------------------------------------------

v2s_status v2s_device_open_isa(v2s_isa isa, int threads, v2s_device **out) {
    if (isa > v2s_cpu_isa())
        return V2S_FAIL(V2S_UNSUPPORTED, "this processor has no %s (it has %s)", v2s_isa_name(isa),
                        v2s_isa_name(v2s_cpu_isa()));
    v2s_device *dev = NULL;
    V2S_TRY(take_device(threads, &dev));
    dev->ops = v2s_ops_cpu(isa);
    dev->vector = v2s_vector_cpu(isa);
    dev->precision = isa == V2S_ISA_AVX512_BF16 ? V2S_PRECISION_BF16 : V2S_PRECISION_F32;
    snprintf(dev->name, sizeof dev->name, "cpu, %s, %d thread%s", dev->ops->name, dev->threads,
             dev->threads == 1 ? "" : "s");
    if (dev->vector != NULL && v2s_onednn_open(&dev->onednn) != V2S_OK) {
        free(dev);
        return V2S_NOMEM;
    }
    *out = dev;
    return V2S_OK;
}

static v2s_status open_cpu(const v2s_device_options *options, v2s_device **out) {
    v2s_isa isa = v2s_cpu_isa();
    if (options->precision == V2S_PRECISION_TF32)
        return V2S_FAIL(V2S_UNSUPPORTED, "precision tf32: only a GPU has it");
    if (options->precision == V2S_PRECISION_BF16 && options->training)
        return V2S_FAIL(V2S_UNSUPPORTED, "precision bf16: the processor trains in f32 alone");
    if (options->precision == V2S_PRECISION_BF16 && isa != V2S_ISA_AVX512_BF16)
        return V2S_FAIL(V2S_UNSUPPORTED,
                        "precision bf16: this processor has no AVX512-BF16 (it has %s)",
                        v2s_isa_name(isa));
    if (options->precision == V2S_PRECISION_F32 && isa == V2S_ISA_AVX512_BF16)
        isa = V2S_ISA_AVX512;
    return v2s_device_open_isa(isa, options->threads, out);
}

// ---- a GPU ------------------------------------------------------------------------------------

static v2s_status count_gpus(const v2s_cuda_module **module, int *count) {
    V2S_TRY(v2s_cuda_module_get(module));
    return (*module)->count(count);
}

static v2s_status open_gpu(int index, const v2s_device_options *options, v2s_device **out) {
    const v2s_cuda_module *module = NULL;
    int count = 0;
    V2S_TRY(count_gpus(&module, &count));
    if (index >= count)
        return V2S_FAIL(V2S_UNSUPPORTED, "there is no GPU number %d: expected 0 .. %d", index,
                        count - 1);
    v2s_device *dev = NULL;
    V2S_TRY(take_device(options->threads, &dev));
    dev->precision = options->precision;
    dev->deterministic = options->deterministic;
    v2s_status status = module->open(index, dev);
    if (status != V2S_OK) {
        free(dev);
        return status;
    }
    *out = dev;
    return V2S_OK;
}

// ---- either -----------------------------------------------------------------------------------

v2s_status v2s_device_open_with(const char *spec, const v2s_device_options *options,
                                v2s_device **out) {
    static const v2s_device_options defaults;
    options = options != NULL ? options : &defaults;
    V2S_TRY(check_spec(spec, options->threads));
    if (is_cuda_spec(spec)) {
        v2s_status status = open_gpu(spec[4] == ':' ? atoi(spec + 5) : 0, options, out);
        return status == V2S_OK ? status : v2s_error_prefix(status, "device %s", spec);
    }
    if (strcmp(spec, "auto") == 0) {
        v2s_status status = open_gpu(0, options, out);
        if (status != V2S_UNSUPPORTED)
            return status;
    }
    v2s_error_clear();
    return open_cpu(options, out);
}

v2s_status v2s_device_open(const char *spec, int threads, v2s_device **out) {
    return v2s_device_open_with(spec, &(v2s_device_options){.threads = threads}, out);
}

void v2s_device_close(v2s_device **dev) {
    const v2s_cuda_module *module = NULL;
    if (*dev != NULL && (*dev)->cuda != NULL && v2s_cuda_module_get(&module) == V2S_OK)
        module->close(*dev);
    if (*dev != NULL)
        v2s_onednn_close(&(*dev)->onednn);
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

static void describe_cpu(char line[V2S_DEVICE_LINE_MAX]) {
    char name[128];
    processor_name(name, sizeof name);
    int n = v2s_cpu_count();
    snprintf(line, V2S_DEVICE_LINE_MAX, "cpu: %s, %s, %d thread%s", name,
             v2s_isa_name(v2s_cpu_isa()), n, n == 1 ? "" : "s");
}

bool v2s_device_describe(int index, char line[V2S_DEVICE_LINE_MAX]) {
    const v2s_cuda_module *module = NULL;
    int gpu = index - 1, count = 0;
    if (index == 0) {
        describe_cpu(line);
        return true;
    }
    v2s_status status = count_gpus(&module, &count);
    if (status == V2S_OK && gpu >= count)
        return false;
    char text[V2S_DEVICE_LINE_MAX];
    if (status == V2S_OK)
        status = module->describe(gpu, text, sizeof text);
    else if (gpu > 0)
        return false;
    if (status == V2S_OK)
        snprintf(line, V2S_DEVICE_LINE_MAX, "cuda:%d: %.*s", gpu, V2S_DEVICE_LINE_MAX - 20, text);
    else
        snprintf(line, V2S_DEVICE_LINE_MAX, "cuda: not used (%.*s)", V2S_DEVICE_LINE_MAX - 20,
                 v2s_error_text());
    v2s_error_clear();
    return true;
}
