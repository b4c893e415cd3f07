// SPDX-License-Identifier: MIT
#include "kernels/cuda_module.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef const v2s_cuda_module *entry_function(const v2s_cuda_host *host);

// What the first call found, for all that follow.
static struct {
    pthread_once_t once;
    v2s_status status;
    char text[V2S_ERROR_TEXT_MAX];
    const v2s_cuda_module *module;
} found = {.once = PTHREAD_ONCE_INIT};

static v2s_status fail(v2s_status code, const char *text) {
    return V2S_FAIL(code, "%s", text);
}

// Path of the module: the environment's, or beside the program.
static v2s_status module_path(char path[PATH_MAX]) {
    static const char name[] = "libv2s_cuda.so";
    const char *given = getenv("V2S_CUDA_MODULE");
    if (given != NULL) {
        if (snprintf(path, PATH_MAX, "%s", given) >= PATH_MAX)
            return V2S_FAIL(V2S_UNSUPPORTED, "V2S_CUDA_MODULE is too long a path");
        return V2S_OK;
    }
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(path, '/');
    if (slash == NULL || (size_t)(slash + 1 - path) + sizeof name > PATH_MAX)
        return V2S_FAIL(V2S_UNSUPPORTED, "the program's folder is not known");
    memcpy(slash + 1, name, sizeof name);
    return V2S_OK;
}

static v2s_status check(const char *path, const v2s_cuda_module *module) {
    if (module == NULL)
        return V2S_FAIL(V2S_UNSUPPORTED, "%s: the CUDA module could not be started", path);
    if (module->interface != V2S_CUDA_INTERFACE || module->table_bytes != sizeof(v2s_ops) ||
        strcmp(module->version, V2S_VERSION) != 0)
        return V2S_FAIL(V2S_UNSUPPORTED,
                        "%s: the CUDA module is of another build: expected version %s, interface "
                        "%d, found %s, %u",
                        path, V2S_VERSION, V2S_CUDA_INTERFACE,
                        module->interface == V2S_CUDA_INTERFACE ? module->version : "another",
                        module->interface);
    return V2S_OK;
}

// Opening the module takes a quarter of a second, most of it for cuBLAS and cuDNN; where there is
// no driver it would be in vain. A module that the environment names may do without one.
static v2s_status check_driver(void) {
    if (getenv("V2S_CUDA_MODULE") != NULL || dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL) != NULL)
        return V2S_OK;
    return V2S_FAIL(V2S_UNSUPPORTED, "there is no NVIDIA driver");
}

static v2s_status load(const v2s_cuda_module **module) {
    static const v2s_cuda_host host = {fail};
    char path[PATH_MAX];
    V2S_TRY(module_path(path));
    if (path[0] == '\0' || access(path, F_OK) != 0)
        return V2S_FAIL(V2S_UNSUPPORTED, "there is no CUDA module %s",
                        path[0] != '\0' ? path : "(V2S_CUDA_MODULE is empty)");
    V2S_TRY(check_driver());
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return V2S_FAIL(V2S_UNSUPPORTED, "the CUDA module cannot be opened: %s", dlerror());
    entry_function *entry = NULL;
    void *symbol = dlsym(library, "v2s_cuda_module_entry");
    memcpy(&entry, &symbol, sizeof entry);
    if (entry == NULL) {
        dlclose(library);
        return V2S_FAIL(V2S_UNSUPPORTED, "%s is not a CUDA module of this program", path);
    }
    const v2s_cuda_module *m = entry(&host);
    V2S_TRY(check(path, m));
    *module = m;
    return V2S_OK;
}

static void load_once(void) {
    found.status = load(&found.module);
    v2s_error_save(found.text);
}

v2s_status v2s_cuda_module_get(const v2s_cuda_module **out) {
    pthread_once(&found.once, load_once);
    if (found.status != V2S_OK)
        return V2S_FAIL(found.status, "%s", found.text);
    *out = found.module;
    return V2S_OK;
}
