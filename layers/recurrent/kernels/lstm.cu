// One step of an LSTM between its matrix products: equations (1) to (4) and (6) to (8) of lstm.py for all rows and units.
// compile: -DREAL=float
// compile: -DREAL=double

#include "steps.cuh"

// a (n, 4H) is W_hh h_{t-1}, its blocks i, f, g, o; G (4, ., n, H) is W_ih x + b, its slabs o, i, f, g. A (., 5, n, H) has c_{t-1} and receives o, i,
// f, g, and c_t in the slot of the next step; h_t goes to the next slot too, tanh c_t to this one.
extern "C" __global__ void __launch_bounds__(THREADS) lstm_forward(
    int t, int n, int H, const REAL* a, const REAL* G, long long G_gate, long long G_time, REAL* A, long long A_time,
    REAL* tanh_c, long long tanh_c_time, REAL* h, long long h_time) {
    const long long count = (long long)n * H;
    const REAL* G_t = G + t * G_time;
    REAL *A_t = A + t * A_time, *A_next = A_t + A_time, *tanh_c_t = tanh_c + t * tanh_c_time, *h_t = h + (t + 1) * h_time;
    FOR_EACH(k, count) {
        const REAL* a_k = a + k / H * 4 * H + k % H;
        const REAL i = sigmoid(a_k[0] + G_t[G_gate + k]), f = sigmoid(a_k[H] + G_t[2 * G_gate + k]);
        const REAL g = hyperbolic_tangent(a_k[2 * H] + G_t[3 * G_gate + k]), o = sigmoid(a_k[3 * H] + G_t[k]);
        const REAL c = f * A_t[4 * count + k] + i * g, squashed = hyperbolic_tangent(c);
        A_t[k] = o;
        A_t[count + k] = i;
        A_t[2 * count + k] = f;
        A_t[3 * count + k] = g;
        A_next[4 * count + k] = c;
        tanh_c_t[k] = squashed;
        h_t[k] = o * squashed;
    }
}

// dA (., n, 4H) receives da_i, da_f, da_g, da_o; dc becomes what goes on to the step before; `every_h` and `every_c`, where they
// are wanted, receive dh_t and dc_t.
extern "C" __global__ void __launch_bounds__(THREADS) lstm_backward(
    int t, int n, int H, const REAL* dY, long long dY_time, const REAL* dh, REAL* dc, const REAL* A, long long A_time,
    const REAL* tanh_c, long long tanh_c_time, REAL* dA, long long dA_time, REAL* every_h, long long every_h_time,
    REAL* every_c, long long every_c_time) {
    const long long count = (long long)n * H;
    const REAL *dy = dY + t * dY_time, *A_t = A + t * A_time, *tanh_c_t = tanh_c + t * tanh_c_time;
    REAL* dA_t = dA + t * dA_time;
    FOR_EACH(k, count) {
        const REAL o = A_t[k], i = A_t[count + k], f = A_t[2 * count + k], g = A_t[3 * count + k], c = A_t[4 * count + k];
        const REAL squashed = tanh_c_t[k], dh_t = dh[k] + dy[k], dc_t = dc[k] + dh_t * o * slope_of_tanh(squashed);
        REAL* da = dA_t + k / H * 4 * H + k % H;
        da[0] = dc_t * g * slope_of_sigmoid(i);
        da[H] = dc_t * c * slope_of_sigmoid(f);
        da[2 * H] = dc_t * i * slope_of_tanh(g);
        da[3 * H] = dh_t * squashed * slope_of_sigmoid(o);
        dc[k] = dc_t * f;
        if (every_h) every_h[t * every_h_time + k] = dh_t;
        if (every_c) every_c[t * every_c_time + k] = dc_t;
    }
}
