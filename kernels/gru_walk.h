// SPDX-License-Identifier: MIT
// How one step walks over the units of a GRU; part of gru_avx2.c, gru_avx512.c and
// gru_avx512bf16.c. Before they include it they define
//   LANES     units in a register
//   VECTORS   registers of units in a tile, at most 4
//   TILE      LANES * VECTORS
//   walk_row  what `tiles` takes for a row
//   tiles(args, rows, t, u, row_count, tile_count, vectors)   always inlined: the last three are
//             constants here, so that the sums stay in registers
#ifndef V2S_KERNELS_GRU_WALK_H
#define V2S_KERNELS_GRU_WALK_H

static inline __attribute__((always_inline)) void
walk_rows(const v2s_gru_steps_args *a, const walk_row *rows, int t, int row_count) {
    int u = 0;
    if (row_count == 1) // the registers of a second row serve a second tile
        for (; a->Hp - u >= 2 * TILE; u += 2 * TILE)
            tiles(a, rows, t, u, 1, 2, VECTORS);
    for (; a->Hp - u >= TILE; u += TILE)
        tiles(a, rows, t, u, row_count, 1, VECTORS);
    int vectors = (a->Hp - u) / LANES; // 0 .. VECTORS - 1 are left
    if (vectors == 1)
        tiles(a, rows, t, u, row_count, 1, 1);
    if (VECTORS > 2 && vectors == 2)
        tiles(a, rows, t, u, row_count, 1, VECTORS > 2 ? 2 : 1);
    if (VECTORS > 3 && vectors == 3)
        tiles(a, rows, t, u, row_count, 1, VECTORS > 3 ? 3 : 1);
}

// All units of step t, for one row or two.
static void walk_units(const v2s_gru_steps_args *a, const walk_row *rows, int t) {
    if (a->rows == 2)
        walk_rows(a, rows, t, 2);
    else
        walk_rows(a, rows, t, 1);
}

#endif
