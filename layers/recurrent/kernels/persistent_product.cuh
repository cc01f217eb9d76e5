// X W for a slice of W's columns that stays in the block's shared memory for a whole sequence.
//
// X (ROWS, K) is what other blocks of the same launch have written, so it is read past the L1 cache, which does not see their
// writes. It comes in tiles of DEPTH columns: while the threads multiply with one, the next is on its way to their registers.
// The results are cut into tiles of TILE_ROWS x TILE_COLUMNS, and K into parts, so that every worker (a thread; on the tensor
// cores a warp) has a tile and a part. Last, the parts' sums meet in shared memory, where `total` adds them, always in one
// order.
//
// PRECISION 0: REAL throughout. 1: TF32. 2: bfloat16. 3: float16. In 1 to 3, W and X are rounded and sums are float32.
//
// Shared memory: the slice of W, then what is first two tiles of X and then the parts' sums (persistent.py counts the bytes).

#pragma once

#include "common.cuh"

#ifndef PRECISION
#define PRECISION 0
#endif
#ifndef THREADS
#define THREADS 256
#endif
#ifndef ROWS
#define ROWS 16
#endif
#ifndef UNITS
#define UNITS 16
#endif
#ifndef DEPTH
#define DEPTH 128
#endif
#ifndef ALIGNED
#define ALIGNED 1  // whether H is a multiple of 4, so that four neighbours of a row can be read at once
#endif
#ifndef TILE_ROWS
#define TILE_ROWS (PRECISION ? 16 : 8)
#endif
#ifndef TILE_COLUMNS
#define TILE_COLUMNS 8
#endif

constexpr int WORKER = PRECISION ? WARP : 1;      // threads of a worker
constexpr int PER_WORD = PRECISION >= 2 ? 2 : 1;  // neighbours along K that share a word of shared memory
constexpr int CHUNK = PRECISION ? 16 : 4;         // words along K that a worker takes at a time
constexpr int TILE_WORDS = DEPTH / PER_WORD;      // of a row of a tile of X

// How the product for so many columns is cut among the workers.
template <int columns>
struct Cut {
    static constexpr int down = ROWS / TILE_ROWS, across = columns / TILE_COLUMNS;
    static constexpr int parts = THREADS / WORKER / (down * across);
    // Sums of a row: an odd multiple of UNITS, so that threads that read the same gate of some rows meet no bank twice.
    static constexpr int stride = columns + (columns / UNITS % 2 ? 0 : UNITS / 4 * 4);
    static_assert(ROWS % TILE_ROWS == 0 && columns % TILE_COLUMNS == 0, "the results do not fall into tiles");
    static_assert(parts >= 1 && parts * down * across * WORKER == THREADS, "the tiles do not go round among the workers");
    static_assert(TILE_WORDS % CHUNK == 0, "a tile of X does not fall into chunks");
};

// Four neighbours in memory, moved at once.
template <typename T>
struct alignas(16) Four {
    T of[4];
};

#if PRECISION
#include "persistent_tensor.cuh"
#else
#include "persistent_strict.cuh"
#endif

// ---- what other blocks have written

__device__ __forceinline__ Four<float> fresh_four(const float* from) {
    const float4 found = __ldcg(reinterpret_cast<const float4*>(from));
    return {{found.x, found.y, found.z, found.w}};
}

__device__ __forceinline__ Four<double> fresh_four(const double* from) {
    const double2 low = __ldcg(reinterpret_cast<const double2*>(from));
    const double2 high = __ldcg(reinterpret_cast<const double2*>(from) + 1);
    return {{low.x, low.y, high.x, high.y}};
}

// ---- the slice of W

__device__ __forceinline__ int words_of(int K) { return (K + DEPTH - 1) / DEPTH * TILE_WORDS; }

// How many words the slice of W (K, columns) takes.
template <int columns>
__device__ __forceinline__ int slice_size(int K) {
    return columns * (words_of(K) + (PRECISION ? CHUNK : 0));
}

// Fill the slice from `weight(k, column)`, with zeros for k >= K. `along_k`: neighbours in global memory differ in k, so
// neighbours among the threads do, a chunk of them: not a warp, whose words would all be in one bank of shared memory.
template <int columns, bool along_k, typename Weight>
__device__ __forceinline__ void load_weights(Word* W, int K, Weight weight) {
    constexpr int run = along_k ? CHUNK : 1;
    const int words = words_of(K);
    for (int i = threadIdx.x; i < columns * words; i += THREADS) {
        const int column = i / run % columns, word = i / (run * columns) * run + i % run;
        REAL value[PER_WORD];
        for (int j = 0; j < PER_WORD; ++j) {
            const int k = word * PER_WORD + j;
            value[j] = k < K ? weight(k, column) : REAL(0);
        }
        W[weight_at<columns>(words, column, word)] = packed(value);
    }
}

// ---- the tiles of X

// Where X is: `rows` of its ROWS are there, K of its columns, `apart` elements from row to row.
struct Operand {
    const REAL* at;
    long long apart;
    int rows, K;
};

__device__ __forceinline__ void load_tile(Four<REAL> (&held)[FOURS], const Operand& x, int k0) {
#pragma unroll
    for (int i = 0; i < FOURS; ++i) {
        const Place to = place(i);
        const int k = k0 + to.k;
        const REAL* from = x.at + to.row * x.apart + k;
        held[i] = {};
        if (to.row >= x.rows) continue;
#if ALIGNED
        if (k < x.K) held[i] = fresh_four(from);
#else
#pragma unroll
        for (int j = 0; j < 4; ++j)
            if (k + j < x.K) held[i].of[j] = __ldcg(from + j);
#endif
    }
}

// ---- the product

// Multiply X by the slice of W; the parts' sums are in `shared` when this returns. All threads of the block call it.
template <int columns>
__device__ __forceinline__ void multiply(const Operand& x, const Word* W, Word* shared) {
    const int tiles = (x.K + DEPTH - 1) / DEPTH, words = words_of(x.K);
    Four<REAL> held[FOURS];
    Sums<columns> sums = {};
    load_tile(held, x, 0);
    store_tile(shared, held);
    __syncthreads();
    for (int i = 0; i < tiles; ++i) {
        if (i + 1 < tiles) load_tile(held, x, (i + 1) * DEPTH);
        add_tile<columns>(sums, shared + i % 2 * TILE_SIZE, W, words, i * TILE_WORDS);
        if (i + 1 < tiles) store_tile(shared + (i + 1) % 2 * TILE_SIZE, held);
        __syncthreads();
    }
    spread<columns>(sums, reinterpret_cast<REAL*>(shared));
    __syncthreads();
}

// Return an element of the product: the parts' sums of it, added up.
template <int columns>
__device__ __forceinline__ REAL total(const Word* shared, int row, int column) {
    constexpr int stride = Cut<columns>::stride;
    const REAL* sums = reinterpret_cast<const REAL*>(shared) + row * stride + column;
    REAL found = 0;
#pragma unroll
    for (int part = 0; part < Cut<columns>::parts; ++part) found += sums[part * ROWS * stride];
    return found;
}
