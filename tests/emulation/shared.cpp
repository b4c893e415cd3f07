// SPDX-License-Identifier: MIT
// Shared memory. Variables marked __shared__ lie in a section of their own, which serves one block
// after another. Of dynamic shared memory every block of a cluster has a piece; it ends (but for
// less than 16 bytes) at a page that nobody may touch; the bytes around it hold a pattern that is
// checked when the block ends. It begins as NaN and is NaN again after its block's end, which a
// late read from the cluster finds.
#include "block.h"

#include <string.h>
#include <sys/mman.h>

// The section's ends, set by the linker; NULL where no kernel has such variables.
extern "C" {
extern unsigned char __start_v2s_shared[] __attribute__((weak, visibility("hidden")));
extern unsigned char __stop_v2s_shared[] __attribute__((weak, visibility("hidden")));
}

namespace v2s_emulation {

static const size_t PIECE_BYTES = 256 << 10;
static const size_t PAGE_BYTES = 4096;
static const size_t BELOW_BYTES = 64;
static const unsigned char PATTERN = 0xA5;

static unsigned char *piece(unsigned rank) {
    static std::vector<unsigned char *> *pieces = new std::vector<unsigned char *>;
    while (pieces->size() <= rank) {
        unsigned char *map =
            (unsigned char *)mmap(NULL, PIECE_BYTES + PAGE_BYTES, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (map == MAP_FAILED || mprotect(map + PIECE_BYTES, PAGE_BYTES, PROT_NONE))
            report("no memory for shared memory");
        pieces->push_back(map);
    }
    return (*pieces)[rank];
}

static size_t rounded(size_t bytes) {
    return (bytes + 15) / 16 * 16;
}

void shared_place(block &b, size_t bytes) {
    b.shared = piece(b.rank) + PIECE_BYTES - rounded(bytes);
}

void shared_begin(block &b, size_t bytes) {
    memset(b.shared - BELOW_BYTES, PATTERN, BELOW_BYTES);
    memset(b.shared, 0xFF, bytes);
    memset(b.shared + bytes, PATTERN, rounded(bytes) - bytes);
}

static bool holds(const unsigned char *p, size_t count, unsigned char value) {
    for (size_t i = 0; i < count; i++)
        if (p[i] != value)
            return false;
    return true;
}

static size_t static_bytes() {
    return (size_t)(__stop_v2s_shared - __start_v2s_shared);
}

void static_shared_begin() {
    if (static_bytes())
        memset(__start_v2s_shared, 0xFF, static_bytes());
}

void static_shared_check_unused() {
    if (static_bytes() && !holds(__start_v2s_shared, static_bytes(), 0xFF))
        report("a __shared__ variable in a kernel that is launched in clusters: the emulation "
               "has one copy only; use V2S_DYNAMIC_SHARED");
}

void shared_end(block &b, size_t bytes) {
    if (!holds(b.shared - BELOW_BYTES, BELOW_BYTES, PATTERN))
        report("wrote in front of its dynamic shared memory (%zu bytes)", bytes);
    if (!holds(b.shared + bytes, rounded(bytes) - bytes, PATTERN))
        report("wrote beyond its dynamic shared memory (%zu bytes)", bytes);
    memset(b.shared, 0xFF, bytes);
}

void shared_check_untouched(const block &b, size_t bytes) {
    if (!holds(b.shared, bytes, 0xFF))
        report("shared memory of block (%u,%u,%u) was written after that block's end", b.index.x,
               b.index.y, b.index.z);
}

} // namespace v2s_emulation
