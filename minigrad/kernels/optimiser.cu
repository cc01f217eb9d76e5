// One step of SGD, Adam and AdamW over all elements of a parameter (equations: minigrad/optim), each array read once and
// written once.
//
// The number of the step is read from the GPU's memory, and so is the rate, unless `lr` is null: then it is `given`. A CUDA
// graph that has recorded the launch can be replayed with others. The operations are those of the NumPy version, in its order;
// what depends on neither element nor parameter is computed in double precision, as Python does there.

#include "common.cuh"

#define EVERY(i, n)                                                                             \
    for (long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x; i < (n); \
         i += static_cast<long long>(gridDim.x) * blockDim.x)

// g = +-dL/dtheta + lambda theta, the sign minus where L is to be maximised.
__device__ __forceinline__ REAL direction(REAL gradient, REAL theta, REAL lambda, bool maximize) {
    const REAL penalty = lambda == 0 ? REAL(0) : theta * lambda;  // theta may be inf
    return maximize ? penalty - gradient : penalty + gradient;
}

__device__ __forceinline__ double rate_of(const double* lr, double given) { return lr == nullptr ? given : *lr; }

// mean + (1 - beta) (x - mean)
__device__ __forceinline__ REAL average(REAL mean, REAL x, REAL rest) { return mean + (x - mean) * rest; }

// theta <- theta - rate_t m / (sqrt(v) + eps_t), where the corrections of the bias have gone into
//
//     rate_t = lr sqrt(1 - beta2^t) / (1 - beta1^t)        eps_t = eps sqrt(1 - beta2^t)
//
// `t` counts this step already. With `decoupled` (AdamW) theta is shrunk by lr lambda first, and g is free of it. `v_max` is
// used with `amsgrad` only.
extern "C" __global__ void adam(REAL* __restrict__ theta, const REAL* __restrict__ gradient, REAL* __restrict__ m,
                                REAL* __restrict__ v, REAL* __restrict__ v_max, long long n, const float* t, const double* lr,
                                double given, double beta1, double beta2, double eps, double lambda, int decoupled, int amsgrad,
                                int maximize) {
    SHARED(REAL, shared);
    if (threadIdx.x == 0) {
        const double step = *t, root = sqrt(1 - pow(beta2, step)), eta = rate_of(lr, given);
        shared[0] = REAL(eta * root / (1 - pow(beta1, step)));
        shared[1] = REAL(eps * root);
        shared[2] = decoupled ? REAL(1 - eta * lambda) : REAL(1);
    }
    __syncthreads();
    const REAL rate = shared[0], epsilon = shared[1], kept = shared[2];
    const REAL rest1 = REAL(1 - beta1), rest2 = REAL(1 - beta2), penalty = decoupled ? REAL(0) : REAL(lambda);
    EVERY(i, n) {
        const REAL before = theta[i] * kept, g = direction(gradient[i], before, penalty, maximize);
        const REAL m_i = m[i] = average(m[i], g, rest1);
        REAL v_i = v[i] = average(v[i], g * g, rest2);
        if (amsgrad) v_i = v_max[i] = v_i >= v_max[i] || v_i != v_i ? v_i : v_max[i];  // a nan stays
        theta[i] = before - m_i / (square_root(v_i) + epsilon) * rate;
    }
}

// theta <- theta - lr g
extern "C" __global__ void sgd(REAL* __restrict__ theta, const REAL* __restrict__ gradient, long long n, const double* lr,
                               double given, double lambda, int maximize) {
    const REAL rate = REAL(rate_of(lr, given)), penalty = REAL(lambda);
    EVERY(i, n) theta[i] -= rate * direction(gradient[i], theta[i], penalty, maximize);
}

// theta <- theta - lr b where b <- momentum b + undamped g, at the first step b <- g; Nesterov's form steps against
// g + momentum b.
extern "C" __global__ void sgd_momentum(REAL* __restrict__ theta, const REAL* __restrict__ gradient, REAL* __restrict__ b,
                                        long long n, const double* lr, double given, double momentum, double undamped,
                                        double lambda, int first, int nesterov, int maximize) {
    const REAL rate = REAL(rate_of(lr, given)), mu = REAL(momentum), share = REAL(undamped), penalty = REAL(lambda);
    EVERY(i, n) {
        const REAL g = direction(gradient[i], theta[i], penalty, maximize);
        const REAL b_i = b[i] = first ? g : b[i] * mu + g * share;
        theta[i] -= rate * (nesterov ? b_i * mu + g : b_i);
    }
}
