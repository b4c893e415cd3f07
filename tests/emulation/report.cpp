// SPDX-License-Identifier: MIT
// What is said when device code breaks a rule, and where: a sentence with the kernel's name, the
// block and the thread, then abort().
#include "emulation.h"

#include <dlfcn.h>
#include <elf.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace v2s_emulation {

// Kernels are often static, so the dynamic symbols do not name them: the file's own table does.
static bool look_up(const unsigned char *file, uintptr_t address, char *name, size_t size) {
    const Elf64_Ehdr *head = (const Elf64_Ehdr *)file;
    const Elf64_Shdr *sections = (const Elf64_Shdr *)(file + head->e_shoff);
    for (int s = 0; s < head->e_shnum; s++) {
        if (sections[s].sh_type != SHT_SYMTAB)
            continue;
        const Elf64_Sym *symbols = (const Elf64_Sym *)(file + sections[s].sh_offset);
        const char *names = (const char *)(file + sections[sections[s].sh_link].sh_offset);
        size_t count = sections[s].sh_size / sizeof *symbols;
        for (size_t i = 0; i < count; i++)
            if (ELF64_ST_TYPE(symbols[i].st_info) == STT_FUNC && address >= symbols[i].st_value &&
                address < symbols[i].st_value + symbols[i].st_size) {
                snprintf(name, size, "%s", names + symbols[i].st_name);
                return true;
            }
    }
    return false;
}

const char *function_name(const void *function) {
    static char name[512];
    Dl_info info;
    snprintf(name, sizeof name, "%p", function);
    if (!dladdr(function, &info) || !info.dli_fname)
        return name;
    int fd = open(info.dli_fname, O_RDONLY | O_CLOEXEC);
    if (fd < 0) // the program, which may have been started under another name
        fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st)) {
        if (fd >= 0)
            close(fd);
        return name;
    }
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        return name;
    const Elf64_Ehdr *head = (const Elf64_Ehdr *)map;
    uintptr_t address = (uintptr_t)function;
    if (memcmp(head->e_ident, ELFMAG, SELFMAG) == 0 && head->e_ident[EI_CLASS] == ELFCLASS64)
        look_up((const unsigned char *)map,
                head->e_type == ET_DYN ? address - (uintptr_t)info.dli_fbase : address, name,
                sizeof name);
    munmap(map, (size_t)st.st_size);
    return name;
}

void report(const char *format, ...) {
    char where[800];
    describe_position(where, sizeof where);
    fprintf(stderr, "emulated CUDA: %s%s", where, where[0] ? ": " : "");
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    fflush(stderr);
    abort();
}

static struct sigaction former[2]; // of SIGSEGV and SIGBUS

// Says what was touched and from where, then lets the former handler have it.
static void on_fault(int number, siginfo_t *info, void *) {
    char where[800];
    describe_position(where, sizeof where);
    bool device = in_device_region(info->si_addr);
    if (device && !device_memory_is_open())
        fprintf(stderr, "emulated CUDA: host code touches device memory at %p\n", info->si_addr);
    else if (where[0])
        fprintf(stderr, "emulated CUDA: %s: illegal address %p%s\n", where, info->si_addr,
                device ? " (device memory that is not allocated)" : "");
    if (device || where[0]) {
        void *frames[32];
        int count = backtrace(frames, 32);
        backtrace_symbols_fd(frames, count, 2);
    }
    sigaction(number, &former[number == SIGBUS], NULL); // the access is done again
}

void install_fault_handler() {
    static bool done;
    if (done)
        return;
    done = true;
    // Not on a fibre's stack, which may be what has overflowed.
    static char stack[64 << 10];
    stack_t now;
    if (sigaltstack(NULL, &now) == 0 && (now.ss_flags & SS_DISABLE)) {
        stack_t own = {};
        own.ss_sp = stack;
        own.ss_size = sizeof stack;
        sigaltstack(&own, NULL);
    }
    struct sigaction action = {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGSEGV, &action, &former[0]);
    sigaction(SIGBUS, &action, &former[1]);
}

} // namespace v2s_emulation
