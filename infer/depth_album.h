// SPDX-License-Identifier: MIT
// What a depth page shows picture by picture: kept while the sounds go through, or the best and
// worst samples of a data set, predicted once more.
//
// Ownership  Everything is the album's but the results.
#ifndef V2S_INFER_DEPTH_ALBUM_H
#define V2S_INFER_DEPTH_ALBUM_H

#include "infer/depth_pass.h"

enum {
    V2S_DEPTH_ALBUM_MAX = 24, // sounds of a folder that a page shows
    V2S_DEPTH_ALBUM_ENDS = 4, // best and worst samples of a data set
};

// A picture of where an ear looked.
typedef struct v2s_depth_look {
    int level, ear;  // 0: left looked into right
    int row, column; // of the depth map
    double entropy_bits, uniform_bits;
    unsigned char *png;
    size_t png_size;
} v2s_depth_look;

typedef struct v2s_depth_leaf {
    const v2s_depth_result *result;
    const char *heading;      // "best", "worst" or ""
    float *x, *depth, *truth; // [2,size,size], [size,size], [size,size]
    v2s_depth_look *looks;
    size_t look_count;
} v2s_depth_leaf;

typedef struct v2s_depth_album {
    int size;
    size_t count, seen; // leaves kept, and asked for
    v2s_depth_leaf leaves[V2S_DEPTH_ALBUM_MAX];
} v2s_depth_album;

void v2s_depth_album_open(v2s_depth_album *album, int size);
void v2s_depth_album_close(v2s_depth_album *album); // accepts a zeroed one

// Keeps row i of a batch while there is room. NOMEM.
V2S_MUST_USE v2s_status v2s_depth_album_add(v2s_depth_album *album, const v2s_depth_batch *batch,
                                            int i);

// Adds a look to the leaf that was added last and takes its bytes; false (and they stay the
// caller's) where that leaf is not `id`'s or there is no memory.
bool v2s_depth_album_look(v2s_depth_album *album, const char *id, const v2s_depth_look *look);

// The samples with the least and the largest mean absolute error. What loading and predicting
// report; NOMEM.
V2S_MUST_USE v2s_status v2s_depth_album_choose(v2s_depth_album *album, const v2s_depth_pass *pass,
                                               const v2s_depth_result *results, size_t count);

#endif
