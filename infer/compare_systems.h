// SPDX-License-Identifier: MIT
// The systems that `compare` judges, and which of them are held against each other.
//
//   refined      the path that --refiner makes of the geometric one
//   against      the same of another checkpoint, one system for each --against, by its own name
//   geometric    what the pair says (data/pair.h)
//   scaled       geometric with the refiner file's best constant gain per channel
//   constant     the refiner file's constant gains on its basis
//   room         dry pairs: infer/compare_room.h
//   mono         W alone
//   ablation     the renderer with some of its components left out: infer/compare_ablation.h
//
// A contrast is a difference of two systems, paired by clip: first minus second. refined is held
// against every other system but ablations; ablations against the full one.
//
// Ownership  The list owns its arrays and the refiners it has opened; the device is borrowed.
// Threads    The list is made by one thread and then only read.
#ifndef V2S_INFER_COMPARE_SYSTEMS_H
#define V2S_INFER_COMPARE_SYSTEMS_H

#include <stddef.h>

#include "infer/clip_refiner.h"

typedef enum v2s_system_kind {
    V2S_SYSTEM_REFINED,
    V2S_SYSTEM_AGAINST,
    V2S_SYSTEM_GEOMETRIC,
    V2S_SYSTEM_SCALED,
    V2S_SYSTEM_CONSTANT,
    V2S_SYSTEM_ROOM,
    V2S_SYSTEM_MONO,
    V2S_SYSTEM_ABLATION,
    V2S_SYSTEM_KINDS
} v2s_system_kind;

enum { V2S_SYSTEM_NAME_MAX = 64, V2S_SYSTEMS_MAX = 64 };

typedef struct v2s_system {
    v2s_system_kind kind;
    char name[V2S_SYSTEM_NAME_MAX]; // no other system of the list has it
    const char *file;               // of a checkpoint, as it was asked for; borrowed, or NULL
    v2s_clip_refiner *refiner;      // of those made with a checkpoint, else NULL; borrowed
    unsigned without;               // of an ablation: what is left out
} v2s_system;

typedef struct v2s_contrast {
    size_t first, second; // systems
} v2s_contrast;

typedef struct v2s_systems {
    size_t count;
    v2s_system items[V2S_SYSTEMS_MAX];
    size_t contrast_count;
    v2s_contrast contrasts[V2S_SYSTEMS_MAX];
    size_t refiner_count;
    v2s_clip_refiner *refiners[V2S_SYSTEMS_MAX]; // owned: [0] of --refiner, then --against
} v2s_systems;

// The first system of a kind; -1: there is none.
int v2s_systems_find(const v2s_systems *systems, v2s_system_kind kind);

// Opens a checkpoint and adds the system it makes; `name` is changed to NAME-2, ... where another
// system has it. What v2s_clip_refiner_open reports; USAGE with too many systems.
V2S_MUST_USE v2s_status v2s_systems_add_refiner(v2s_systems *systems, v2s_system_kind kind,
                                                const char *name, const char *path,
                                                const char *file, const v2s_device *dev);

// Adds a system. `refiner`: see v2s_system. USAGE with too many.
V2S_MUST_USE v2s_status v2s_systems_add(v2s_systems *systems, v2s_system_kind kind,
                                        const char *name, v2s_clip_refiner *refiner);

// Holds systems `first` and `second` against each other. USAGE with too many.
V2S_MUST_USE v2s_status v2s_systems_add_contrast(v2s_systems *systems, size_t first, size_t second);

// refined against every other system that is no ablation. Call it once, when those are there.
// USAGE.
V2S_MUST_USE v2s_status v2s_systems_contrast_refined(v2s_systems *systems);

void v2s_systems_close(v2s_systems *systems); // accepts a zeroed one

#endif
