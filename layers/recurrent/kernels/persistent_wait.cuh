// Where some blocks of a cooperative launch wait for each other.

#pragma once

#include "common.cuh"

constexpr int MEETING = 32;  // words from one meeting's counter to the next: a cache line

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

// Wait until `blocks` blocks, one of which is `first`, are here; what they wrote before is then seen by all. As `grid_sync`
// with its counter, zero before its first use and ready again after each (common.cuh), but among these blocks alone, and
// ordered by release and acquire, which is all that is needed, instead of by fences.
__device__ __forceinline__ void meet(unsigned* counter, unsigned blocks, bool first) {
    __syncthreads();
    if (blocks == 1) return;
    if (threadIdx.x == 0) {
        const unsigned before = add_after(counter, first ? 0x80000000u - (blocks - 1) : 1u);
        SPIN_UNTIL(((before ^ read_before(counter)) & 0x80000000u) != 0);
    }
    __syncthreads();
}
