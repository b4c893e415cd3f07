// SPDX-License-Identifier: MIT
// Fibres (fibre.h). Stacks come from a pool and are used again, the last one first, so that threads
// that never wait share one warm stack. Below each stack lies a page that nobody may touch.
#include "fibre.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define V2S_FIBRE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define V2S_FIBRE_ASAN 1
#endif
#endif

#ifdef V2S_FIBRE_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

namespace v2s_emulation {

#ifdef V2S_FIBRE_ASAN
static const size_t STACK_BYTES = 256 << 10; // frames grow several times under the sanitizer
#else
static const size_t STACK_BYTES = 64 << 10;
#endif
static const size_t PAGE_BYTES = 4096;

static std::vector<void *> &pool() {
    static std::vector<void *> *stacks = new std::vector<void *>;
    return *stacks;
}

static void *take_stack() {
    if (!pool().empty()) {
        void *stack = pool().back();
        pool().pop_back();
        return stack;
    }
    unsigned char *map = (unsigned char *)mmap(NULL, PAGE_BYTES + STACK_BYTES, PROT_NONE,
                                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED || mprotect(map + PAGE_BYTES, STACK_BYTES, PROT_READ | PROT_WRITE)) {
        fprintf(stderr, "emulated CUDA: no memory for the stack of a thread\n");
        abort();
    }
    return map + PAGE_BYTES;
}

void fibre_release(fibre &f) {
    pool().push_back(f.stack);
    f.stack = nullptr;
}

#ifdef V2S_FIBRE_ASAN
static void before_switch(fibre *from, const fibre &to) {
    __sanitizer_start_switch_fiber(from ? &from->fake_stack : nullptr, to.low, to.size);
}
static void after_switch(fibre &now) {
    __sanitizer_finish_switch_fiber(now.fake_stack, nullptr, nullptr);
}
void fibre_entered(fibre &from) {
    __sanitizer_finish_switch_fiber(nullptr, &from.low, &from.size);
}
#else
static void before_switch(fibre *, const fibre &) {
}
static void after_switch(fibre &) {
}
void fibre_entered(fibre &) {
}
#endif

#if defined(__x86_64__)

// Pushes what the calling convention keeps, changes stacks, pops the other's.
extern "C" void v2s_fibre_change(void **save_top, void *load_top);
__asm__(".text\n"
        ".p2align 4\n"
        ".local v2s_fibre_change\n"
        ".type v2s_fibre_change, @function\n"
        "v2s_fibre_change:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    popq %rcx\n" // a jump is predicted better than a return to another stack
        "    jmp *%rcx\n"
        ".size v2s_fibre_change, . - v2s_fibre_change\n");

void fibre_prepare(fibre &f, void (*entry)()) {
    f.stack = take_stack();
    f.low = f.stack;
    f.size = STACK_BYTES;
    f.fake_stack = nullptr;
    // Stacks lie at equal distances: start them at different cache lines.
    size_t colour = (uintptr_t)f.stack / (STACK_BYTES + PAGE_BYTES) % 32 * 64;
    void **top = (void **)((unsigned char *)f.stack + STACK_BYTES - 64 - colour);
    *--top = nullptr; // the return address of `entry`, which does not return
    *--top = (void *)entry;
    for (int i = 0; i < 6; i++)
        *--top = nullptr;
    f.top = top;
}

void fibre_switch(fibre &from, fibre &to) {
    before_switch(&from, to);
    v2s_fibre_change(&from.top, to.top);
    after_switch(from);
}

void fibre_leave(fibre &from, fibre &to) {
    before_switch(nullptr, to);
    v2s_fibre_change(&from.top, to.top);
    abort();
}

#else

void fibre_prepare(fibre &f, void (*entry)()) {
    f.stack = take_stack();
    f.low = f.stack;
    f.size = STACK_BYTES;
    f.fake_stack = nullptr;
    getcontext(&f.context);
    f.context.uc_stack.ss_sp = f.stack;
    f.context.uc_stack.ss_size = STACK_BYTES;
    f.context.uc_link = nullptr;
    makecontext(&f.context, entry, 0);
}

void fibre_switch(fibre &from, fibre &to) {
    before_switch(&from, to);
    swapcontext(&from.context, &to.context);
    after_switch(from);
}

void fibre_leave(fibre &, fibre &to) {
    before_switch(nullptr, to);
    setcontext(&to.context);
    abort();
}

#endif

} // namespace v2s_emulation
