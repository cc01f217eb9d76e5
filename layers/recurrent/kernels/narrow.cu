// float32 rounded to bfloat16, to the nearest and in a tie to the even one.
// compile: -DREAL=float

#include "steps.cuh"

// x (rows, columns), x_row elements from row to row, to the bits y (rows, columns). NaN stays NaN.
extern "C" __global__ void __launch_bounds__(THREADS) narrow(int rows, int columns, const float* x, long long x_row, unsigned short* y) {
    FOR_EACH(k, (long long)rows * columns) {
        const float value = x[k / columns * x_row + k % columns];
        const unsigned bits = __float_as_uint(value);
        y[k] = value != value ? 0x7fc0 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    }
}
