// The product in REAL: every worker is a thread, whose tile of results is in its registers (persistent_product.cuh).

#pragma once

using Word = REAL;  // what X and W consist of in shared memory

__device__ __forceinline__ Word packed(const REAL* value) { return *value; }

// The slice of W lies row by row: (K, columns).
template <int columns>
__device__ __forceinline__ int weight_at(int, int column, int word) {
    return word * columns + column;
}

// A tile of X lies row by row, padded so that the lanes of a load meet no bank twice.
constexpr int TILE_STRIDE = TILE_WORDS + CHUNK, TILE_SIZE = ROWS * TILE_STRIDE;
constexpr int FOURS = (ROWS * DEPTH / 4 + THREADS - 1) / THREADS;  // that a thread moves for each tile

// Where in the tile the i-th of them begins; behind the last row for those that are too many.
struct Place {
    int row, k;
};

__device__ __forceinline__ Place place(int i) {
    const int number = threadIdx.x + i * THREADS;
    return {number / (DEPTH / 4), number % (DEPTH / 4) * 4};
}

__device__ __forceinline__ void store_tile(Word* tile, const Four<REAL> (&held)[FOURS]) {
#pragma unroll
    for (int i = 0; i < FOURS; ++i) {
        const Place to = place(i);
        if (to.row < ROWS) *reinterpret_cast<Four<REAL>*>(tile + to.row * TILE_STRIDE + to.k) = held[i];
    }
}

template <int columns>
struct Sums {
    REAL of[TILE_ROWS][TILE_COLUMNS];
};

// A thread's rows lie `down` apart, its columns in fours that lie 4 `across` apart: so neighbours among the threads read
// neighbours.
struct Mine {
    int row, column, part;
};

template <int columns>
__device__ __forceinline__ Mine mine() {
    const int thread = threadIdx.x, across = Cut<columns>::across, down = Cut<columns>::down;
    return {thread / across % down, thread % across * 4, thread / (across * down)};
}

// Add a tile of X (ROWS, DEPTH) times W's rows from k0 on.
template <int columns>
__device__ __forceinline__ void add_tile(Sums<columns>& sums, const Word* tile, const Word* W, int, int k0) {
    using C = Cut<columns>;
    const Mine me = mine<columns>();
    const Word* const w_at = W + k0 * columns + me.column;
    for (int chunk = me.part; chunk < DEPTH / CHUNK; chunk += C::parts) {
        Four<REAL> x[TILE_ROWS];
#pragma unroll
        for (int i = 0; i < TILE_ROWS; ++i)
            x[i] = *reinterpret_cast<const Four<REAL>*>(tile + (me.row + i * C::down) * TILE_STRIDE + chunk * CHUNK);
#pragma unroll
        for (int k = 0; k < CHUNK; ++k) {
            Four<REAL> w[TILE_COLUMNS / 4];
#pragma unroll
            for (int j = 0; j < TILE_COLUMNS / 4; ++j)
                w[j] = *reinterpret_cast<const Four<REAL>*>(w_at + (chunk * CHUNK + k) * columns + j * 4 * C::across);
#pragma unroll
            for (int i = 0; i < TILE_ROWS; ++i)
#pragma unroll
                for (int j = 0; j < TILE_COLUMNS; ++j) sums.of[i][j] += x[i].of[k] * w[j / 4].of[j % 4];
        }
    }
}

// Store the sums of this thread's part.
template <int columns>
__device__ __forceinline__ void spread(const Sums<columns>& sums, REAL* to) {
    using C = Cut<columns>;
    const Mine me = mine<columns>();
#pragma unroll
    for (int i = 0; i < TILE_ROWS; ++i)
#pragma unroll
        for (int j = 0; j < TILE_COLUMNS; j += 4) {
            REAL* const at = to + (me.part * ROWS + me.row + i * C::down) * C::stride + me.column + j * C::across;
            *reinterpret_cast<Four<REAL>*>(at) = {{sums.of[i][j], sums.of[i][j + 1], sums.of[i][j + 2], sums.of[i][j + 3]}};
        }
}
