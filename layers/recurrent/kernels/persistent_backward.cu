// A segment of a sequence backward, all its steps in one launch: W_hh is read once and stays on the chip.
//
// Blocks (u, b, z) own UNITS hidden units together, for a share b of the rows. At every step each does the cell's arithmetic
// for UNITS / gridDim.z of them and writes their da_t; the blocks of its rows wait for each other; then each multiplies the
// z-th part of da_t's columns with that part of W_hh's rows, whose slice of UNITS columns stays in its shared memory. What the
// parts make is added up by way of `partial`, after a second wait, of those that own the same units; there is none where
// gridDim.z is 1. The more units a group owns, the fewer blocks read the same da_t, which is g times as wide as h_t.
//
// compile: -DREAL=float -DCELL=2 -DPRECISION=0 -DROWS=64 -DUNITS=32 -DDEPTH=64 -DTILE_ROWS=8 -DTILE_COLUMNS=8
// compile: -DREAL=float -DCELL=0 -DPRECISION=0 -DROWS=1 -DUNITS=4 -DDEPTH=1024 -DTILE_ROWS=1 -DTILE_COLUMNS=4
// compile: -DREAL=float -DCELL=3 -DPRECISION=2 -DROWS=32 -DUNITS=32 -DDEPTH=128 -DTILE_ROWS=16 -DTILE_COLUMNS=32

#include "persistent_cells.cuh"
#include "persistent_product.cuh"

// Add to dh what the product with the own units' columns has given, for `rows` rows; `part` is null, or where to leave it.
__device__ __forceinline__ void hand_on(const Word* shared, REAL* dh, REAL* part, int rows, int H, int units) {
    for (int i = threadIdx.x; i < rows * UNITS; i += THREADS) {
        const int row = i / UNITS, unit = i % UNITS;
        const long long e = static_cast<long long>(row) * H + unit;
        if (unit >= units) continue;
        if (part == nullptr)
            dh[e] += total<UNITS>(shared, row, unit);
        else
            part[e] = total<UNITS>(shared, row, unit);
    }
}

// For t steps of n rows, last one first. Strides and planes are those of persistent_forward; dY (t, n, H) has a stride between
// rows too. dh and dc (n, H) are dL/dh and dL/dc after the last step, and at the end before the first; every_h and every_c
// receive those of every step, or are null. dA (t, n, .), `dA_row` from row to row: g H columns, the GRU's 4 H
// (persistent_cells.cuh). partial: gridDim.z blocks (n, H), unless that is 1. meetings, all 0: MEETING words for each share of
// the rows and, if gridDim.z > 1, for each group of blocks of each share.
extern "C" __global__ void __launch_bounds__(THREADS, 1)
persistent_backward(int t, int n, int H, const REAL* W_hh, const REAL* dY, long long dY_time, long long dY_row, const REAL* h,
                    long long h_time, const REAL* A, long long A_time, const REAL* tanh_c, long long tanh_c_time, REAL* dh,
                    REAL* dc, REAL* every_h, REAL* every_c, long long every_time, REAL* dA, long long dA_time, long long dA_row,
                    REAL* partial, unsigned* meetings) {
    SHARED(Word, W);
    const int parts = gridDim.z, part = blockIdx.z, K = GATES * H;
    const int depth = ((K + parts - 1) / parts + DEPTH - 1) / DEPTH * DEPTH, k0 = min(K, part * depth), own = UNITS / parts;
    const int first_unit = blockIdx.x * UNITS, units = min(UNITS, H - first_unit), first_own = first_unit + part * own;
    const int share = (n + gridDim.y - 1) / gridDim.y, first_row = blockIdx.y * share, end_row = min(n, first_row + share);
    const long long slab = static_cast<long long>(n) * H;
    const int k_count = min(depth, K - k0);
    Word* const shared = W + slice_size<UNITS>(depth);
    unsigned* const group = meetings + (gridDim.y + blockIdx.y * gridDim.x + blockIdx.x) * MEETING;
    load_weights<UNITS, false>(W, k_count, [=](int k, int column) {
        const int row = block_backward((k0 + k) / H) * H + (k0 + k) % H;
        return column < units ? W_hh[static_cast<long long>(row) * H + first_unit + column] : REAL(0);
    });
    for (int s = t - 1; s >= 0; --s) {
        Backward step = {dY + s * dY_time, dY_row, h + (s + 1) * h_time, A + s * A_time, tanh_c + s * tanh_c_time, dh, dc,
                         every_h == nullptr ? nullptr : every_h + s * every_time,
                         every_c == nullptr ? nullptr : every_c + s * every_time, dA + s * dA_time, dA_row, slab, H};
        for (int i = threadIdx.x; i < (end_row - first_row) * own; i += THREADS)
            if (first_own + i % own < H) cell_backward(step, first_row + i / own, first_own + i % own);
        blocks_meet(meetings + blockIdx.y * MEETING, gridDim.x * parts, blockIdx.x == 0 && part == 0);
        if (s > 0) {
            step.dY -= dY_time, step.h_after -= h_time, step.A -= A_time, step.tanh_c -= tanh_c_time;
            for (int i = threadIdx.x; i < (end_row - first_row) * own; i += THREADS)
                if (first_own + i % own < H) prefetch_backward(step, first_row + i / own, first_own + i % own);
        }
        for (int row0 = first_row; row0 < end_row; row0 += ROWS) {
            const int rows = min(ROWS, end_row - row0);
            const long long e0 = static_cast<long long>(row0) * H + first_unit;
            multiply<UNITS>({step.dA + row0 * dA_row + k0, dA_row, rows, k_count}, W, shared);
            hand_on(shared, dh + e0, parts == 1 ? nullptr : partial + part * slab + e0, rows, H, units);
            __syncthreads();
        }
        if (parts == 1) continue;
        blocks_meet(group, parts, part == 0);
        for (int i = threadIdx.x; i < (end_row - first_row) * own; i += THREADS) {
            const int unit = first_own + i % own;
            const long long e = static_cast<long long>(first_row + i / own) * H + unit;
            if (unit >= H) continue;
            REAL sum = 0;
            for (int z = 0; z < parts; ++z) sum += __ldcg(partial + z * slab + e);
            dh[e] += sum;
        }
        __syncthreads();
    }
}
