// What the cells do with one element of a row at one step, forward and backward (equations: elman.py, lstm.py, gru.py).
//
// CELL 0: Elman, tanh. 1: Elman, ReLU. 2: LSTM. 3: GRU. The planes' slabs and the order of the gates are those of the kernels
// beside the equations: LSTM o, i, f, g, c_{t-1}; GRU r, z, n, q, h_{t-1} - n. dA is in the order of W_hh's blocks; the GRU's
// is dq, da_r, da_z, da_n, of which the first three are multiplied with W_hh's blocks n, r, z.

#pragma once

#include "common.cuh"

#ifndef CELL
#define CELL 2
#endif

constexpr int GATES = CELL == 2 ? 4 : CELL == 3 ? 3 : 1;

// The block of W_hh that belongs to a gate: forward in the order of the slabs, backward in that of dA.
__device__ __forceinline__ int block_forward(int gate) { return CELL == 2 ? (gate + 3) % 4 : gate; }
__device__ __forceinline__ int block_backward(int part) { return CELL == 3 ? (part + 2) % 3 : part; }

// Bring a line to the L2 cache: it will be read at the next step, and other work is at hand until then.
__device__ __forceinline__ void prefetch(const REAL* line) {
#ifndef MINIGRAD_ON_CPU
    asm volatile("prefetch.global.L2 [%0];" ::"l"(line));
#endif
}

// ---- forward

struct Forward {  // of one step; all pointers are to blocks (n, H), `slab` elements apart where there are several
    const REAL* G;
    long long G_gate;
    const REAL* b_n;
    const REAL* h;
    REAL* h_after;
    REAL* A;
    REAL* A_after;
    REAL* tanh_c;
    long long slab;
};

__device__ __forceinline__ void prefetch_forward(const Forward& step, long long e) {
#pragma unroll
    for (int gate = 0; gate < GATES; ++gate) prefetch(step.G + gate * step.G_gate + e);
}

// Do one step for element e = row H + unit, `a` being W_hh h_{t-1}, gate by gate.
__device__ __forceinline__ void cell_forward(const Forward& step, long long e, int unit, const REAL (&a)[GATES]) {
#if CELL <= 1
    const REAL x = a[0] + step.G[e];
    step.h_after[e] = CELL == 0 ? hyperbolic_tangent(x) : larger(x, REAL(0));
#elif CELL == 2
    const REAL o = sigmoid(a[0] + step.G[e]), i = sigmoid(a[1] + step.G[step.G_gate + e]);
    const REAL f = sigmoid(a[2] + step.G[2 * step.G_gate + e]), g = hyperbolic_tangent(a[3] + step.G[3 * step.G_gate + e]);
    const REAL c = f * step.A[4 * step.slab + e] + i * g, tanh_c = hyperbolic_tangent(c);
    step.h_after[e] = o * tanh_c;
    step.A[e] = o;
    step.A[step.slab + e] = i;
    step.A[2 * step.slab + e] = f;
    step.A[3 * step.slab + e] = g;
    step.A_after[4 * step.slab + e] = c;
    step.tanh_c[e] = tanh_c;
#else
    const REAL r = sigmoid(a[0] + step.G[e]), z = sigmoid(a[1] + step.G[step.G_gate + e]);
    const REAL q = a[2] + (step.b_n == nullptr ? REAL(0) : step.b_n[unit]);
    const REAL n = hyperbolic_tangent(step.G[2 * step.G_gate + e] + r * q), apart = __ldcg(step.h + e) - n;
    step.h_after[e] = n + z * apart;
    step.A[e] = r;
    step.A[step.slab + e] = z;
    step.A[2 * step.slab + e] = n;
    step.A[3 * step.slab + e] = q;
    step.A[4 * step.slab + e] = apart;
#endif
}

// ---- backward

struct Backward {  // of one step; `da` is the row of dA that holds the element
    const REAL* dY;
    long long dY_row;
    const REAL* h_after;
    const REAL* A;
    const REAL* tanh_c;
    REAL* dh;
    REAL* dc;
    REAL* every_h;
    REAL* every_c;
    REAL* dA;
    long long dA_row, slab;
    int H;
};

__device__ __forceinline__ void prefetch_backward(const Backward& step, int row, int unit) {
    const long long e = static_cast<long long>(row) * step.H + unit;
    prefetch(step.dY + row * step.dY_row + unit);
    if (CELL <= 1) prefetch(step.h_after + e);
    if (CELL == 2) prefetch(step.tanh_c + e);
    if (CELL >= 2) {
#pragma unroll
        for (int k = 0; k < 5; ++k) prefetch(step.A + k * step.slab + e);
    }
}

// Do one step for an element: dA, and what of dL/dh_{t-1} and dL/dc_{t-1} does not pass through W_hh.
__device__ __forceinline__ void cell_backward(const Backward& step, int row, int unit) {
    const long long e = static_cast<long long>(row) * step.H + unit;
    REAL* const da = step.dA + row * step.dA_row + unit;
    const REAL dh = step.dh[e] + step.dY[row * step.dY_row + unit];
    if (step.every_h != nullptr) step.every_h[e] = dh;
#if CELL <= 1
    const REAL h = step.h_after[e];
    da[0] = dh * (CELL == 0 ? 1 - h * h : h > 0 ? REAL(1) : REAL(0));
    step.dh[e] = 0;
#elif CELL == 2
    const REAL o = step.A[e], i = step.A[step.slab + e], f = step.A[2 * step.slab + e], g = step.A[3 * step.slab + e];
    const REAL c_before = step.A[4 * step.slab + e], tanh_c = step.tanh_c[e];
    const REAL dc = step.dc[e] + dh * o * (1 - tanh_c * tanh_c);
    if (step.every_c != nullptr) step.every_c[e] = dc;
    da[0] = dc * g * i * (1 - i);
    da[step.H] = dc * c_before * f * (1 - f);
    da[2 * step.H] = dc * i * (1 - g * g);
    da[3 * step.H] = dh * tanh_c * o * (1 - o);
    step.dc[e] = dc * f;
    step.dh[e] = 0;
#else
    const REAL r = step.A[e], z = step.A[step.slab + e], n = step.A[2 * step.slab + e];
    const REAL q = step.A[3 * step.slab + e], apart = step.A[4 * step.slab + e];
    const REAL da_n = dh * (1 - z) * (1 - n * n);
    da[0] = da_n * r;
    da[step.H] = da_n * q * r * (1 - r);
    da[2 * step.H] = dh * apart * z * (1 - z);
    da[3 * step.H] = da_n;
    step.dh[e] = dh * z;
#endif
}
