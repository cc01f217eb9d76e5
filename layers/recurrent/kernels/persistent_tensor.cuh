// The product on the tensor cores: every worker is a warp, and its tile of results is made of blocks of 16 x 8
// (persistent_product.cuh).
//
// mma.sync adds to such a block the product of X (16, 8 words) and W (8 words, 8), a word being one TF32 or two 16-bit floats
// that are neighbours along K. It wants from lane l the words q and q + 4 of rows r and r + 8 of X, and of column r of W, where
// r = l / 4, q = l % 4 (PTX ISA, "Matrix Fragments for mma.m16n8k8" and "m16n8k16"). As the order along K is free, if it is
// the same for both, a lane takes words 4q to 4q + 3 of a chunk of 16, which are enough for two products.

#pragma once

#ifdef MINIGRAD_ON_CPU
#include "tensor_core.hpp"
#endif

using Word = unsigned;  // what X and W consist of in shared memory

// Round to what the tensor cores take: the first of two neighbours is in the lower half.
__device__ __forceinline__ Word packed(const float* value) {
#ifdef MINIGRAD_ON_CPU
    return tensor_core::packed<PRECISION>(value);
#else
    Word word;
#if PRECISION == 1
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(word) : "f"(value[0]));
#elif PRECISION == 2
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(value[1]), "f"(value[0]));
#else
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(value[1]), "f"(value[0]));
#endif
    return word;
#endif
}

// d (16, 8) += a (16, 8 words) b (8 words, 8), by all lanes of a warp.
__device__ __forceinline__ void add_product(float (&d)[4], const Four<Word>& a, Word b0, Word b1) {
#ifdef MINIGRAD_ON_CPU
    tensor_core::add_product<PRECISION>(d, {a.of[0], a.of[1], a.of[2], a.of[3]}, {b0, b1});
#else
#if PRECISION == 1
#define MMA "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32"
#elif PRECISION == 2
#define MMA "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32"
#else
#define MMA "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32"
#endif
    asm(MMA " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a.of[0]), "r"(a.of[1]), "r"(a.of[2]), "r"(a.of[3]), "r"(b0), "r"(b1));
#undef MMA
#endif
}

// The slice of W lies column by column, each padded so that the lanes of a load meet no bank twice.
template <int columns>
__device__ __forceinline__ int weight_at(int words, int column, int word) {
    return column * (words + CHUNK) + word;
}

// A tile of X lies pair by pair: rows r and r + 8 of a block of 16 belong together, and their words alternate. So the four
// words that a lane needs for a product are neighbours. Pairs are padded so that the lanes of a load meet no bank twice.
constexpr int PAIR_STRIDE = 2 * TILE_WORDS + 4, TILE_SIZE = ROWS / 2 * PAIR_STRIDE;
constexpr int FOURS = 2 * ((ROWS / 2 * DEPTH / 4 + THREADS - 1) / THREADS);  // that a thread moves for each tile: pairs

// Where in the tile the i-th of them begins; behind the last row for those that are too many.
struct Place {
    int row, k;
};

__device__ __forceinline__ Place place(int i) {
    const int number = threadIdx.x + i / 2 * THREADS, pair = number / (DEPTH / 4);
    return {pair / 8 * 16 + pair % 8 + i % 2 * 8, number % (DEPTH / 4) * 4};
}

__device__ __forceinline__ void store_tile(Word* tile, const Four<REAL> (&held)[FOURS]) {
#pragma unroll
    for (int i = 0; i < FOURS; i += 2) {
        const Place to = place(i);
        if (to.row >= ROWS) continue;
        Word* const at = tile + (to.row / 16 * 8 + to.row % 16) * PAIR_STRIDE + 2 * to.k / PER_WORD;
#pragma unroll
        for (int j = 0; j < 4; j += 2 * PER_WORD) {
            const REAL *const upper = held[i].of + j, *const lower = held[i + 1].of + j;
            *reinterpret_cast<Four<Word>*>(at + 2 * j / PER_WORD) = {
                {packed(upper), packed(lower), packed(upper + PER_WORD), packed(lower + PER_WORD)}};
        }
    }
}

template <int columns>
struct Sums {
    float of[TILE_ROWS / 16][TILE_COLUMNS / 8][4];
};

// Where a warp's tile begins, and which row or column of a block, and which words, are a lane's.
struct Mine {
    int row, column, part, r, q;
};

template <int columns>
__device__ __forceinline__ Mine mine() {
    const int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    const int across = Cut<columns>::across, down = Cut<columns>::down;
    return {warp / across % down * TILE_ROWS, warp % across * TILE_COLUMNS, warp / (across * down), lane / 4, lane % 4};
}

// Add a tile of X times W's words from word0 on.
template <int columns>
__device__ __forceinline__ void add_tile(Sums<columns>& sums, const Word* tile, const Word* W, int words, int word0) {
    static_assert(TILE_ROWS % 16 == 0 && TILE_COLUMNS % 8 == 0, "a tile is made of blocks of 16 x 8");
    const Mine me = mine<columns>();
    const Word* const x_at = tile + (me.row / 2 + me.r) * PAIR_STRIDE + 2 * 4 * me.q;
    const Word* const w_at = W + weight_at<columns>(words, me.column + me.r, word0 + 4 * me.q);
    for (int chunk = me.part; chunk < TILE_WORDS / CHUNK; chunk += Cut<columns>::parts) {
        Four<Word> w[TILE_COLUMNS / 8];
#pragma unroll
        for (int j = 0; j < TILE_COLUMNS / 8; ++j)
            w[j] = *reinterpret_cast<const Four<Word>*>(w_at + 8 * j * (words + CHUNK) + chunk * CHUNK);
#pragma unroll
        for (int i = 0; i < TILE_ROWS / 16; ++i)
#pragma unroll
            for (int k = 0; k < 4; k += 2) {
                const Word* const from = x_at + 8 * i * PAIR_STRIDE + 2 * (chunk * CHUNK + k);
                const Four<Word> x = *reinterpret_cast<const Four<Word>*>(from);
#pragma unroll
                for (int j = 0; j < TILE_COLUMNS / 8; ++j) add_product(sums.of[i][j], x, w[j].of[k], w[j].of[k + 1]);
            }
    }
}

// Store the sums of this warp's part: of a block, lane l has columns 2q, 2q + 1 of row r and then of row r + 8.
template <int columns>
__device__ __forceinline__ void spread(const Sums<columns>& sums, float* to) {
    const Mine me = mine<columns>();
#pragma unroll
    for (int i = 0; i < TILE_ROWS / 16; ++i)
#pragma unroll
        for (int j = 0; j < TILE_COLUMNS / 8; ++j)
#pragma unroll
            for (int k = 0; k < 4; ++k) {
                const int row = me.row + 16 * i + me.r + k / 2 * 8, column = me.column + 8 * j + 2 * me.q + k % 2;
                to[(me.part * ROWS + row) * Cut<columns>::stride + column] = sums.of[i][j][k];
            }
}
