// Softmax along rows, its logarithm, the loss against a class, and their gradients (minigrad/arrays/rows.py: what they are).
//
//     p_i = e^(x_i - m) / s        m = max_j x_j,   s = sum_j e^(x_j - m)        ln p_i = (x_i - m) - ln s
//
// m and s are found in one pass over the row (Milakov & Gimelshein 2018): each thread keeps the largest element it has met and
// the sum relative to it, and scales the sum when a larger one comes. So a row of any length is read from memory once; the
// second reading, which writes the result, finds it in the cache.
//
// A block is either (32, rows): a warp for each row; or (threads, 1): all of it for one row. Rows are C-contiguous. Shared
// memory: a REAL for each warp. The order of every sum depends on the launch alone.

#include "common.cuh"

#define AHEAD 4  // elements of a thread that are loaded before the first is used

#define INF REAL(__longlong_as_double(0x7ff0000000000000ll))

struct Row {
    long long at;  // its first element
    int number;
    bool exists;
};

__device__ __forceinline__ Row this_row(int rows, int n) {
    const int number = blockIdx.x * blockDim.y + threadIdx.y;
    return {static_cast<long long>(number) * n, number, number < rows};
}

__device__ __forceinline__ REAL row_sum(REAL value, REAL* scratch) {
    return blockDim.x == WARP ? warp_sum(value) : block_sum(value, scratch);
}

__device__ __forceinline__ REAL row_max(REAL value, REAL* scratch) {
    return blockDim.x == WARP ? warp_max(value) : block_max(value, scratch);
}

struct Sum {
    REAL m, s;
};

// What exponents are taken relative to: where nothing larger than -inf was met, any number gives e^(-inf) = 0.
__device__ __forceinline__ REAL origin(REAL m) { return m == -INF ? REAL(0) : m; }

// m and s of a row x. A row of -inf alone has s = 0, one with nan or inf has s = nan: p is nan in both, as it should be.
__device__ __forceinline__ Sum exponentials(const REAL* x, int n, REAL* scratch) {
    REAL m = -INF, s = 0;
    for (int first = threadIdx.x; first < n; first += AHEAD * blockDim.x) {
        REAL part[AHEAD], top = m;
#pragma unroll
        for (int k = 0; k < AHEAD; ++k) {
            const int i = first + k * blockDim.x;
            part[k] = i < n ? x[i] : -INF;
            top = larger(top, part[k]);
        }
        const REAL from = origin(top);
        s *= exponential(m - from);
#pragma unroll
        for (int k = 0; k < AHEAD; ++k) s += exponential(part[k] - from);
        m = top;
    }
    const REAL top = row_max(m, scratch);
    return {top, row_sum(s * exponential(m - origin(top)), scratch)};
}

extern "C" __global__ void softmax(const REAL* __restrict__ x, REAL* __restrict__ p, int rows, int n) {
    SHARED(REAL, scratch);
    const Row row = this_row(rows, n);
    if (!row.exists) return;
    const Sum sum = exponentials(x + row.at, n, scratch);
#pragma unroll 4
    for (int i = threadIdx.x; i < n; i += blockDim.x) p[row.at + i] = exponential(x[row.at + i] - sum.m) / sum.s;
}

extern "C" __global__ void log_softmax(const REAL* __restrict__ x, REAL* __restrict__ y, int rows, int n) {
    SHARED(REAL, scratch);
    const Row row = this_row(rows, n);
    if (!row.exists) return;
    const Sum sum = exponentials(x + row.at, n, scratch);
    const REAL log_s = logarithm(sum.s);
#pragma unroll 4
    for (int i = threadIdx.x; i < n; i += blockDim.x) y[row.at + i] = (x[row.at + i] - sum.m) - log_s;
}

// loss = -ln p_target, and p, of which the gradient is made (residual).
extern "C" __global__ void softmax_nll(const REAL* __restrict__ x, const long long* target, REAL* loss, REAL* __restrict__ p,
                                       int rows, int n) {
    SHARED(REAL, scratch);
    const Row row = this_row(rows, n);
    if (!row.exists) return;
    const Sum sum = exponentials(x + row.at, n, scratch);
    // m and x_target may be large; their difference is exact.
    if (threadIdx.x == 0) loss[row.number] = logarithm(sum.s) + (sum.m - x[row.at + target[row.number]]);
#pragma unroll 4
    for (int i = threadIdx.x; i < n; i += blockDim.x) p[row.at + i] = exponential(x[row.at + i] - sum.m) / sum.s;
}

// dx_i = p_i (dy_i - sum_j dy_j p_j)
extern "C" __global__ void softmax_pull(const REAL* dy, const REAL* p, REAL* __restrict__ dx, int rows, int n) {
    SHARED(REAL, scratch);
    const Row row = this_row(rows, n);
    if (!row.exists) return;
    REAL inner = 0;
#pragma unroll 4
    for (int i = threadIdx.x; i < n; i += blockDim.x) inner += dy[row.at + i] * p[row.at + i];
    inner = row_sum(inner, scratch);
#pragma unroll 4
    for (int i = threadIdx.x; i < n; i += blockDim.x) dx[row.at + i] = p[row.at + i] * (dy[row.at + i] - inner);
}

// dx_i = dy_i - p_i sum_j dy_j
extern "C" __global__ void log_softmax_pull(const REAL* dy, const REAL* log_p, REAL* __restrict__ dx, int rows, int n) {
    SHARED(REAL, scratch);
    const Row row = this_row(rows, n);
    if (!row.exists) return;
    REAL sum = 0;
#pragma unroll 4
    for (int i = threadIdx.x; i < n; i += blockDim.x) sum += dy[row.at + i];
    sum = row_sum(sum, scratch);
#pragma unroll 4
    for (int i = threadIdx.x; i < n; i += blockDim.x) dx[row.at + i] = dy[row.at + i] - exponential(log_p[row.at + i]) * sum;
}

// r_nc = d_nc (p_nc - [c = target_n]); d has steps of its own, so that one number may stand for a row, or for all.
extern "C" __global__ void residual(const REAL* p, const REAL* d, const long long* target, REAL* __restrict__ r, int rows,
                                    int n, long long d_row, long long d_class) {
    const Row row = this_row(rows, n);
    if (!row.exists) return;
    const long long hit = target[row.number];
#pragma unroll 4
    for (int i = threadIdx.x; i < n; i += blockDim.x)
        r[row.at + i] = d[row.number * d_row + i * d_class] * (p[row.at + i] - REAL(i == hit));
}
