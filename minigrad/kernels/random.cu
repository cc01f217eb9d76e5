// Draws from U[0, 1), N(0, 1) and of integers, by Philox (philox.cuh). Thread i takes the words at place first + i of the
// stream; REAL is what it draws: of a float a word is enough, of a double two are wanted.

#include "common.cuh"
#include "philox.cuh"

#define EACH (16 / static_cast<int>(sizeof(REAL)))  // draws of one place

__device__ __forceinline__ long long this_thread() { return static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x; }

// 53 random bits of two words.
__device__ __forceinline__ double bits53(unsigned high, unsigned low) { return (high >> 5) * 67108864.0 + (low >> 6); }

// U[0, 1) with as many random bits as the type holds below 1.
__device__ __forceinline__ void uniforms(const Words& words, float* u) {
    for (int k = 0; k < 4; ++k) u[k] = (words.w[k] >> 8) * 0x1p-24f;
}
__device__ __forceinline__ void uniforms(const Words& words, double* u) {
    for (int k = 0; k < 2; ++k) u[k] = bits53(words.w[2 * k], words.w[2 * k + 1]) * 0x1p-53;
}

// Two draws from N(0, 1) (Box & Muller 1958): sqrt(-2 ln u) (cos a, sin a), u in (0, 1), a in [0, 2 pi). The numbers reach
// 6.8 in float and 8.7 in double, beyond which 1 in 10^11 and 1 in 10^17 would lie.
__device__ __forceinline__ void box_muller(float u, float turn, float* z) {
    const float r = sqrtf(-2 * logf(u)), a = 6.283185307179586f * turn;
    z[0] = r * cosf(a);
    z[1] = r * sinf(a);
}
__device__ __forceinline__ void box_muller(double u, double turn, double* z) {
    const double r = sqrt(-2 * log(u)), a = 6.283185307179586 * turn;
    z[0] = r * cos(a);
    z[1] = r * sin(a);
}

__device__ __forceinline__ void normals(const Words& words, float* z) {
    for (int k = 0; k < 4; k += 2) box_muller((words.w[k] + 0.5f) * 0x1p-32f, (words.w[k + 1] >> 8) * 0x1p-24f, z + k);
}
__device__ __forceinline__ void normals(const Words& words, double* z) {
    const unsigned* w = words.w;
    box_muller((bits53(w[0], w[1]) + 0.5) * 0x1p-53, bits53(w[2], w[3]) * 0x1p-53, z);
}

__device__ __forceinline__ void store(const REAL* drawn, REAL* y, long long i, long long n) {
    for (int k = 0; k < EACH && i * EACH + k < n; ++k) y[i * EACH + k] = drawn[k];
}

extern "C" __global__ void uniform(REAL* y, long long n, unsigned long long seed, unsigned long long first) {
    const long long i = this_thread();
    REAL drawn[EACH];
    uniforms(words_at(seed, first + i), drawn);
    store(drawn, y, i, n);
}

extern "C" __global__ void normal(REAL* y, long long n, unsigned long long seed, unsigned long long first) {
    const long long i = this_thread();
    REAL drawn[EACH];
    normals(words_at(seed, first + i), drawn);
    store(drawn, y, i, n);
}

// The upper 64 bits of a product.
__device__ __forceinline__ unsigned long long high_product(unsigned long long a, unsigned long long b) {
    const unsigned long long low = 0xffffffffull, a0 = a & low, a1 = a >> 32, b0 = b & low, b1 = b >> 32;
    const unsigned long long middle = (a0 * b0 >> 32) + (a1 * b0 & low) + (a0 * b1 & low);
    return a1 * b1 + (a1 * b0 >> 32) + (a0 * b1 >> 32) + (middle >> 32);
}

// low + floor(U span / 2^128) with U of 128 bits, so that no integer is likelier than another by more than 1 in 2^64.
// span 0 stands for 2^64.
extern "C" __global__ void integers(long long* y, long long n, long long low, unsigned long long span, unsigned long long seed,
                                    unsigned long long first) {
    const long long i = this_thread();
    if (i >= n) return;
    const Words words = words_at(seed, first + i);
    const unsigned long long upper = static_cast<unsigned long long>(words.w[3]) << 32 | words.w[2];
    const unsigned long long lower = static_cast<unsigned long long>(words.w[1]) << 32 | words.w[0];
    const unsigned long long below = upper * span, carried = below + high_product(lower, span) < below;
    const unsigned long long drawn = span == 0 ? upper : high_product(upper, span) + carried;
    y[i] = static_cast<long long>(static_cast<unsigned long long>(low) + drawn);
}
