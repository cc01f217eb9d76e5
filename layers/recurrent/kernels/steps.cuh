// What the kernels of one step share: which element a thread works on, and how a plane of all steps is passed.
//
// A plane is passed as where its first step lies and how many elements it is from one step to the next (0 where all steps share
// one place, negative where the recurrence runs from the last step to the first). The (n, H) elements of a step lie in one piece.

#pragma once

#include "common.cuh"

#define THREADS 256

// For every element k = row * H + unit of a step: any grid does.
#define FOR_EACH(k, count) \
    for (long long k = blockIdx.x * (long long)blockDim.x + threadIdx.x; k < (count); k += (long long)gridDim.x * blockDim.x)

__device__ __forceinline__ REAL slope_of_sigmoid(REAL s) { return s * (1 - s); }
__device__ __forceinline__ REAL slope_of_tanh(REAL y) { return 1 - y * y; }
