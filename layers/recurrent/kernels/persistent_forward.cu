// A segment of a sequence forward, all its steps in one launch: W_hh is read once and stays on the chip.
//
// Block (u, b) owns UNITS hidden units, all gates of them, for a share of the rows. At every step it multiplies h_{t-1} of its
// rows, which all blocks of its rows have made, with its slice of W_hh, and does the cell's arithmetic for its units; then the
// blocks of its rows wait for each other. That is one wait a step: h_t has a place of its own in its plane, so that nobody
// overwrites what somebody still reads.
//
// compile: -DREAL=float -DCELL=2 -DPRECISION=0 -DROWS=64 -DUNITS=8 -DDEPTH=64 -DTILE_ROWS=8 -DTILE_COLUMNS=8
// compile: -DREAL=float -DCELL=3 -DPRECISION=0 -DROWS=32 -DUNITS=8 -DDEPTH=128 -DTILE_ROWS=4 -DTILE_COLUMNS=12
// compile: -DREAL=float -DCELL=2 -DPRECISION=1 -DROWS=64 -DUNITS=8 -DDEPTH=64 -DTILE_ROWS=16 -DTILE_COLUMNS=16

#include "persistent_cells.cuh"
#include "persistent_product.cuh"

// For t steps of n rows. Strides are in elements, signed, `*_time` from step to step, `G_gate` from gate to gate; all blocks
// (n, H) are contiguous. G (g, t, n, H) is W_ih x + b; W_hh is (g H, H), its blocks as PyTorch has them. The planes are h and,
// where the cell has them, A and tanh c (kernel.py); A's stride may be 0. meetings, all 0: MEETING words for each share of the
// rows.
extern "C" __global__ void __launch_bounds__(THREADS, 1)
persistent_forward(int t, int n, int H, const REAL* W_hh, const REAL* b_n, const REAL* G, long long G_time, long long G_gate,
                   REAL* h, long long h_time, REAL* A, long long A_time, REAL* tanh_c, long long tanh_c_time,
                   unsigned* meetings) {
    constexpr int columns = UNITS * GATES;
    SHARED(Word, W);
    Word* const shared = W + slice_size<columns>(H);
    const int first_unit = blockIdx.x * UNITS, share = (n + gridDim.y - 1) / gridDim.y;
    const int first_row = blockIdx.y * share, end_row = min(n, first_row + share);
    load_weights<columns, true>(W, H, [=](int k, int column) {
        const int unit = first_unit + column % UNITS;
        return unit < H ? W_hh[(static_cast<long long>(block_forward(column / UNITS)) * H + unit) * H + k] : REAL(0);
    });
    for (int s = 0; s < t; ++s) {
        const Forward step = {G + s * G_time, G_gate, b_n, h + s * h_time, h + (s + 1) * h_time, A + s * A_time,
                              A + (s + 1) * A_time, tanh_c + s * tanh_c_time, static_cast<long long>(n) * H};
        for (int row0 = first_row; row0 < end_row; row0 += ROWS) {
            const int rows = min(ROWS, end_row - row0);
            const long long e0 = static_cast<long long>(row0) * H + first_unit;
            for (int i = threadIdx.x; i < rows * UNITS; i += THREADS)
                if (first_unit + i % UNITS < H) prefetch_forward(step, e0 + i / UNITS * static_cast<long long>(H) + i % UNITS);
            multiply<columns>({step.h + static_cast<long long>(row0) * H, H, rows, H}, W, shared);
            for (int i = threadIdx.x; i < rows * UNITS; i += THREADS) {
                const int row = i / UNITS, unit = i % UNITS;
                if (first_unit + unit >= H) continue;
                REAL a[GATES];
#pragma unroll
                for (int gate = 0; gate < GATES; ++gate) a[gate] = total<columns>(shared, row, gate * UNITS + unit);
                cell_forward(step, e0 + row * static_cast<long long>(H) + unit, first_unit + unit, a);
            }
            __syncthreads();
        }
        if (s + 1 < t) blocks_meet(meetings + blockIdx.y * MEETING, gridDim.x, blockIdx.x == 0);
    }
}
