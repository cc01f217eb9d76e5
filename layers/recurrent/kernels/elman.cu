// One step of an Elman network between its matrix products: equations (1) to (3) of elman.py for all rows and units.
// compile: -DREAL=float
// compile: -DREAL=double

#include "steps.cuh"

// h_t = phi(W_ih x_t + b + W_hh h_{t-1}); a (n, H) is W_hh h_{t-1}, G the rest, h_t goes to slot t + 1 of h.
extern "C" __global__ void __launch_bounds__(THREADS) elman_forward(
    int t, int n, int H, const REAL* a, const REAL* G, long long G_time, REAL* h, long long h_time, int relu) {
    const REAL* G_t = G + t * G_time;
    REAL* h_t = h + (t + 1) * h_time;
    FOR_EACH(k, (long long)n * H) {
        const REAL sum = a[k] + G_t[k];
        h_t[k] = relu ? larger(sum, REAL(0)) : hyperbolic_tangent(sum);
    }
}

// da_t = dh_t phi'(a_t), where dh_t = dy_t + dh, and dh comes from the step after; `every`, where it is wanted, receives dh_t.
extern "C" __global__ void __launch_bounds__(THREADS) elman_backward(
    int t, int n, int H, const REAL* dY, long long dY_time, const REAL* dh, const REAL* h, long long h_time, REAL* dA,
    long long dA_time, REAL* every, long long every_time, int relu) {
    const REAL *dy = dY + t * dY_time, *h_t = h + (t + 1) * h_time;
    REAL* da = dA + t * dA_time;
    FOR_EACH(k, (long long)n * H) {
        const REAL total = dh[k] + dy[k];
        if (every) every[t * every_time + k] = total;
        da[k] = total * (relu ? REAL(h_t[k] > 0) : slope_of_tanh(h_t[k]));
    }
}
