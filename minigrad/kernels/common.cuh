// What every kernel here rests on. A .cu file is plain C++17 CUDA and has three uses: CuPy compiles it for a GPU, the tests
// compile it for every architecture to read its registers and spills, and the tests run it on the CPU, each CUDA thread a
// fiber (MINIGRAD_ON_CPU; tests/standin/shim.hpp). So a kernel
//
//   - is declared as   extern "C" __global__ void name(pointers and plain scalars),
//   - takes its arithmetic type from -DREAL=float or -DREAL=double,
//   - takes shared memory from SHARED only, its size from the launch,
//   - waits for other blocks by blocks_meet, grid_sync or SPIN_UNTIL only, launched cooperatively.
//
// The first lines of a .cu may name the sets of macros that it is to be compiled with, one line for each set:
//
//   // compile: -DREAL=float -DSOMETHING=1
//
// Without such a line it is compiled for -DREAL=float and for -DREAL=double.

#pragma once

#ifdef MINIGRAD_ON_CPU
#include "shim.hpp"
#define SHARED(type, name) type* const name = static_cast<type*>(shim::shared_memory())
#define SPIN_UNTIL(condition) shim::wait_until([&] { return bool(condition); }, __FILE__, __LINE__)
#else
// The dynamic shared memory of the block, as elements of `type`.
#define SHARED(type, name)                                             \
    extern __shared__ __align__(16) unsigned char minigrad_shared[]; \
    type* const name = reinterpret_cast<type*>(minigrad_shared)
// Wait until other blocks make a condition on volatile memory true.
#define SPIN_UNTIL(condition) \
    while (!(condition)) {    \
    }
#endif

#ifndef REAL
#define REAL float
#endif

#define WARP 32
#define ALL_LANES 0xffffffffu

// ---- arithmetic in either type: the functions of one name that C's two names hide

__device__ __forceinline__ float exponential(float x) { return expf(x); }
__device__ __forceinline__ double exponential(double x) { return exp(x); }
__device__ __forceinline__ float logarithm(float x) { return logf(x); }
__device__ __forceinline__ double logarithm(double x) { return log(x); }
__device__ __forceinline__ float hyperbolic_tangent(float x) { return tanhf(x); }
__device__ __forceinline__ double hyperbolic_tangent(double x) { return tanh(x); }
__device__ __forceinline__ float square_root(float x) { return sqrtf(x); }
__device__ __forceinline__ double square_root(double x) { return sqrt(x); }
__device__ __forceinline__ float larger(float a, float b) { return fmaxf(a, b); }
__device__ __forceinline__ double larger(double a, double b) { return fmax(a, b); }

// sigma(x) = 1 / (1 + e^-x). For x -> -inf the exponential overflows to inf, whose inverse is the right 0.
template <typename T>
__device__ __forceinline__ T sigmoid(T x) {
    return T(1) / (T(1) + exponential(-x));
}

// ---- reductions. All lanes of the warp (all threads of the block) call them; all receive the result.

template <typename T>
__device__ __forceinline__ T warp_sum(T value) {
    for (int apart = WARP / 2; apart > 0; apart /= 2) value += __shfl_xor_sync(ALL_LANES, value, apart);
    return value;
}

template <typename T>
__device__ __forceinline__ T warp_max(T value) {
    for (int apart = WARP / 2; apart > 0; apart /= 2) value = larger(value, __shfl_xor_sync(ALL_LANES, value, apart));
    return value;
}

// Over a block of whole warps, along threadIdx.x; `scratch` is shared memory for a value of each warp, free again afterwards.
// The order of the sum depends on the block's size only, so that every run gives the same bits.
template <typename T>
__device__ T block_sum(T value, T* scratch) {
    value = warp_sum(value);
    const int lane = threadIdx.x % WARP, warps = blockDim.x / WARP;
    if (lane == 0) scratch[threadIdx.x / WARP] = value;
    __syncthreads();
    value = warp_sum(lane < warps ? scratch[lane] : T(0));
    __syncthreads();
    return value;
}

template <typename T>
__device__ T block_max(T value, T* scratch) {
    value = warp_max(value);
    const int lane = threadIdx.x % WARP, warps = blockDim.x / WARP;
    if (lane == 0) scratch[threadIdx.x / WARP] = value;
    __syncthreads();
    value = warp_max(scratch[lane < warps ? lane : 0]);
    __syncthreads();
    return value;
}

// ---- where blocks of a cooperative launch wait for each other

constexpr int MEETING = 32;  // words from one meeting's counter to the next, where there are several: a cache line

// Add to a counter after all that this thread has seen written, and return what was there.
__device__ __forceinline__ unsigned add_after(unsigned* counter, unsigned value) {
#ifdef MINIGRAD_ON_CPU
    return atomicAdd(counter, value);
#else
    unsigned before;
    asm volatile("atom.add.release.gpu.u32 %0, [%1], %2;" : "=r"(before) : "l"(counter), "r"(value) : "memory");
    return before;
#endif
}

// Read a counter before all that this thread reads later.
__device__ __forceinline__ unsigned read_before(const unsigned* counter) {
#ifdef MINIGRAD_ON_CPU
    return *counter;
#else
    unsigned found;
    asm volatile("ld.acquire.gpu.u32 %0, [%1];" : "=r"(found) : "l"(counter) : "memory");
    return found;
#endif
}

// Wait until `blocks` blocks, one of which is `first`, are here; what they wrote before is then seen by all.
//
// `counter` is one word in global memory, zero before its first use and ready for the next launch after each. Every block adds 1
// to it, the first one as much as makes all of them together 2^31: its highest bit turns over when the last block has come.
__device__ __forceinline__ void blocks_meet(unsigned* counter, unsigned blocks, bool first) {
    __syncthreads();
    if (blocks == 1) return;
    if (threadIdx.x == 0 && threadIdx.y == 0 && threadIdx.z == 0) {
        const unsigned before = add_after(counter, first ? 0x80000000u - (blocks - 1) : 1u);
        SPIN_UNTIL(((before ^ read_before(counter)) & 0x80000000u) != 0);
    }
    __syncthreads();
}

// Wait until all blocks are here.
__device__ __forceinline__ void grid_sync(unsigned* counter) {
    blocks_meet(counter, gridDim.x * gridDim.y * gridDim.z, blockIdx.x == 0 && blockIdx.y == 0 && blockIdx.z == 0);
}
