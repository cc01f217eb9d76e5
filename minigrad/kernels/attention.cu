// Attention (minigrad/ops/attention.py): for each query q of L
//
//     e_j = s q . k_j   (-inf where a mask forbids key j)        P = softmax(e)        y = sum_j P_j v_j
//
// and its gradients, with g the gradient of P from outside and D = sum_j P_j dP_j:
//
//     dP_j = dy . v_j + g_j      de_j = P_j (dP_j - D)      dq = s sum_j de_j k_j
//     dk_j = s sum_i de_ij q_i   dv_j = sum_i P_ij dy_i
//
// A block has one query (or, in `gather`, one key) of one head of one sequence; it is a number of whole warps. Every sum is
// taken in an order that the launch alone fixes, by one thread or one block: there are no atomics.
//
// Arrays are (B, heads, rows, columns), the last dense; `_b, _h, _r` are their steps in elements. P and de are dense.

#include "common.cuh"

#define INF REAL(__longlong_as_double(0x7ff0000000000000ll))

struct Place {
    long long b, h, row;
    long long number;  // of the row among all
};

__device__ __forceinline__ Place this_place(int heads, int rows) {
    const long long number = blockIdx.x, head = number / rows;
    return {head / heads, head % heads, number % rows, number};
}

__device__ __forceinline__ REAL dot(const REAL* a, const REAL* b, int n) {
    REAL sum = 0;
    for (int i = threadIdx.x % WARP; i < n; i += WARP) sum += a[i] * b[i];
    return warp_sum(sum);
}

// y = scale sum_j w_j x_j over the rows x_j of a matrix, a thread for each column.
__device__ __forceinline__ void weighted_sum(const REAL* w, const REAL* __restrict__ x, long long x_r, REAL* __restrict__ y,
                                             int rows, int columns, REAL scale) {
    for (int c = threadIdx.x; c < columns; c += blockDim.x) {
        REAL sum = 0;
#pragma unroll 4
        for (int j = 0; j < rows; ++j) sum += w[j] * x[j * x_r + c];
        y[c] = sum * scale;
    }
}

// Shared memory: a REAL for each warp, for each of the E elements of q and each of the S keys.
extern "C" __global__ void attend(const REAL* q, const REAL* k, const REAL* v, const unsigned char* mask, REAL* y, REAL* P,
                                  int heads, int L, int S, int E, int columns, long long q_b, long long q_h, long long q_r,
                                  long long k_b, long long k_h, long long k_r, long long v_b, long long v_h, long long v_r,
                                  long long mask_b, long long mask_h, long long mask_r, long long mask_c, int masked,
                                  int causal, REAL scale) {
    SHARED(REAL, scratch);
    REAL *query = scratch + blockDim.x / WARP, *e = query + E;
    const Place at = this_place(heads, L);
    q += at.b * q_b + at.h * q_h + at.row * q_r, k += at.b * k_b + at.h * k_h, v += at.b * v_b + at.h * v_h;
    mask += at.b * mask_b + at.h * mask_h + at.row * mask_r, P += at.number * S, y += at.number * columns;
    for (int i = threadIdx.x; i < E; i += blockDim.x) query[i] = q[i] * scale;
    __syncthreads();
    for (int j = threadIdx.x / WARP; j < S; j += blockDim.x / WARP) {
        const bool allowed = (!masked || mask[j * mask_c]) && (!causal || j <= at.row);
        const REAL score = allowed ? dot(query, k + j * k_r, E) : -INF;
        if (threadIdx.x % WARP == 0) e[j] = score;
    }
    __syncthreads();
    REAL m = -INF, s = 0, some = 0;
    for (int j = threadIdx.x; j < S; j += blockDim.x) {
        m = larger(m, e[j]);
        if ((!masked || mask[j * mask_c]) && (!causal || j <= at.row)) some = 1;
    }
    m = block_max(m, scratch);
    some = block_max(some, scratch);
    for (int j = threadIdx.x; j < S; j += blockDim.x) s += exponential(e[j] - m);
    s = block_sum(s, scratch);
    for (int j = threadIdx.x; j < S; j += blockDim.x)  // a query that may attend to nothing gets zeros
        P[j] = e[j] = some == 0 ? REAL(0) : exponential(e[j] - m) / s;
    __syncthreads();
    weighted_sum(e, v, v_r, y, S, columns, REAL(1));
}

// de and dq of a query. `from_weights`: whether g is given. Shared memory: a REAL for each warp, column of v and key.
extern "C" __global__ void attend_pull(const REAL* dy, const REAL* g, const REAL* P, const REAL* k, const REAL* v, REAL* de,
                                       REAL* dq, int heads, int L, int S, int E, int columns, long long k_b, long long k_h,
                                       long long k_r, long long v_b, long long v_h, long long v_r, int from_output,
                                       int from_weights, REAL scale) {
    SHARED(REAL, scratch);
    REAL *dy_row = scratch + blockDim.x / WARP, *d = dy_row + columns;
    const Place at = this_place(heads, L);
    k += at.b * k_b + at.h * k_h, v += at.b * v_b + at.h * v_h;
    P += at.number * S, g += at.number * S, de += at.number * S;
    if (from_output)
        for (int c = threadIdx.x; c < columns; c += blockDim.x) dy_row[c] = dy[at.number * columns + c];
    __syncthreads();
    for (int j = threadIdx.x / WARP; j < S; j += blockDim.x / WARP) {
        const REAL by_output = from_output ? dot(dy_row, v + j * v_r, columns) : REAL(0);
        if (threadIdx.x % WARP == 0) d[j] = from_weights ? by_output + g[j] : by_output;
    }
    __syncthreads();
    REAL inner = 0;
    for (int j = threadIdx.x; j < S; j += blockDim.x) inner += P[j] == 0 ? REAL(0) : P[j] * d[j];
    inner = block_sum(inner, scratch);
    for (int j = threadIdx.x; j < S; j += blockDim.x) de[j] = d[j] = P[j] == 0 ? REAL(0) : P[j] * (d[j] - inner);
    __syncthreads();
    weighted_sum(d, k, k_r, dq + at.number * E, S, E, scale);
}

// y_j = scale sum_i w_ij x_i for a key j: dk of de and q, dv of P and dy.
extern "C" __global__ void gather(const REAL* w, const REAL* x, REAL* y, int heads, int L, int S, int columns, long long x_b,
                                  long long x_h, long long x_r, REAL scale) {
    const Place at = this_place(heads, S);
    x += at.b * x_b + at.h * x_h, w += at.number / S * L * S + at.row, y += at.number * columns;
    for (int c = threadIdx.x; c < columns; c += blockDim.x) {
        REAL sum = 0;
#pragma unroll 4
        for (int i = 0; i < L; ++i) sum += w[static_cast<long long>(i) * S] * x[i * x_r + c];
        y[c] = sum * scale;
    }
}
