// SPDX-License-Identifier: MIT
// Fibres: stacks that one operating system thread changes between. On x86-64 a change takes a few
// nanoseconds; elsewhere <ucontext.h> is used. AddressSanitizer is told of each change.
#ifndef V2S_EMULATION_FIBRE_H
#define V2S_EMULATION_FIBRE_H

#include <stddef.h>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace v2s_emulation {

struct fibre {
    void *top = nullptr;       // where its registers lie while it does not run
    const void *low = nullptr; // its stack, for AddressSanitizer
    size_t size = 0;
    void *fake_stack = nullptr;
    void *stack = nullptr; // from the pool; NULL for the scheduler, which has its thread's own
#if !defined(__x86_64__)
    ucontext_t context;
#endif
};

// Gives `f` a stack of the pool, on which `entry` will run; entry leaves by fibre_leave.
void fibre_prepare(fibre &f, void (*entry)());
// First thing that `entry` calls: where it came from.
void fibre_entered(fibre &from);
void fibre_switch(fibre &from, fibre &to);
// Does not come back; the next to run calls fibre_release(from).
void fibre_leave(fibre &from, fibre &to);
void fibre_release(fibre &f);

} // namespace v2s_emulation

#endif
