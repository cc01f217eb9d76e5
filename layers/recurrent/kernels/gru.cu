// One step of a GRU between its matrix products: equations (1) to (5) and (6) to (10) of gru.py for all rows and units.
// compile: -DREAL=float
// compile: -DREAL=double

#include "steps.cuh"

// a (n, 3H) is W_hh h_{t-1}, its blocks r, z, n; G (3, ., n, H) is W_ih x + b with the biases of r and z complete; b_hn (H,) may
// be null. A (., 5, n, H) receives r, z, n, q and h_{t-1} - n; h_t goes to slot t + 1 of h.
extern "C" __global__ void __launch_bounds__(THREADS) gru_forward(
    int t, int n, int H, const REAL* a, const REAL* G, long long G_gate, long long G_time, const REAL* b_hn, REAL* A,
    long long A_time, REAL* h, long long h_time) {
    const long long count = (long long)n * H;
    const REAL *G_t = G + t * G_time, *h_before = h + t * h_time;
    REAL *A_t = A + t * A_time, *h_t = h + (t + 1) * h_time;
    FOR_EACH(k, count) {
        const REAL* a_k = a + k / H * 3 * H + k % H;
        const REAL r = sigmoid(a_k[0] + G_t[k]), z = sigmoid(a_k[H] + G_t[G_gate + k]);
        const REAL q = a_k[2 * H] + (b_hn ? b_hn[k % H] : REAL(0));
        const REAL candidate = hyperbolic_tangent(G_t[2 * G_gate + k] + r * q), apart = h_before[k] - candidate;
        A_t[k] = r;
        A_t[count + k] = z;
        A_t[2 * count + k] = candidate;
        A_t[3 * count + k] = q;
        A_t[4 * count + k] = apart;
        h_t[k] = candidate + z * apart;
    }
}

// A row of dA (., n, 4H) receives dq, da_r, da_z, da_n: its first three blocks are the gradient of W_hh h + b_hh, its last three
// that of W_ih x + b_ih. dh becomes dh_t z, to which the matrix product adds the rest; `every`, where wanted, receives dh_t.
extern "C" __global__ void __launch_bounds__(THREADS) gru_backward(
    int t, int n, int H, const REAL* dY, long long dY_time, REAL* dh, const REAL* A, long long A_time, REAL* dA,
    long long dA_time, REAL* every, long long every_time) {
    const long long count = (long long)n * H;
    const REAL *dy = dY + t * dY_time, *A_t = A + t * A_time;
    REAL* dA_t = dA + t * dA_time;
    FOR_EACH(k, count) {
        const REAL r = A_t[k], z = A_t[count + k], candidate = A_t[2 * count + k], q = A_t[3 * count + k];
        const REAL dh_t = dh[k] + dy[k], da_n = dh_t * (1 - z) * slope_of_tanh(candidate);
        REAL* da = dA_t + k / H * 4 * H + k % H;
        da[0] = da_n * r;
        da[H] = da_n * q * slope_of_sigmoid(r);
        da[2 * H] = dh_t * A_t[4 * count + k] * slope_of_sigmoid(z);
        da[3 * H] = da_n;
        dh[k] = dh_t * z;
        if (every) every[t * every_time + k] = dh_t;
    }
}
