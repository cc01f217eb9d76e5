// The mask of a dropout, m / (1 - p): 0 with probability p, else `kept` = 1 / (1 - p).
//
// It is a function of the seed and of the place in the stream alone (philox.cuh): the same launch gives the same mask again.
// Element 4 i + k is decided by word k at place first + i, in either type: dropped if the word's upper 24 bits, as U[0, 1),
// are below p.

#include "common.cuh"
#include "philox.cuh"

extern "C" __global__ void dropout_mask(REAL* mask, long long n, float p, double kept, unsigned long long seed,
                                        unsigned long long first) {
    const long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
    const Words words = words_at(seed, first + i);
    for (int k = 0; k < 4 && 4 * i + k < n; ++k) mask[4 * i + k] = (words.w[k] >> 8) * 0x1p-24f >= p ? REAL(kept) : REAL(0);
}
