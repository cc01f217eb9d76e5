// The words of CUDA for g++: with them a .cu file is plain C++, and `launch` of launch.hpp runs its kernels on the CPU.

#pragma once

#include <assert.h>
#include <math.h>
#include <stddef.h>

#include <type_traits>
#include <utility>

#include "launch.hpp"

#define __global__
#define __device__ static
#define __host__
#define __forceinline__ inline
#define __noinline__
#define __restrict__
#define __constant__ static
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __shared__ shared_memory_comes_from_the_macro_SHARED

#define threadIdx (shim::now->thread)
#define blockIdx (shim::now->block->index)
constexpr int warpSize = 32;

#define __syncthreads() shim::sync_block(__FILE__, __LINE__)
#define __syncwarp(...) shim::sync_warp(__FILE__, __LINE__, ##__VA_ARGS__)
#define __shfl_sync(...) shim::shuffle<shim::AT>(__FILE__, __LINE__, __VA_ARGS__)
#define __shfl_xor_sync(...) shim::shuffle<shim::XOR>(__FILE__, __LINE__, __VA_ARGS__)
#define __shfl_down_sync(...) shim::shuffle<shim::DOWN>(__FILE__, __LINE__, __VA_ARGS__)
#define __shfl_up_sync(...) shim::shuffle<shim::UP>(__FILE__, __LINE__, __VA_ARGS__)
#define __ballot_sync(mask, predicate) shim::ballot(__FILE__, __LINE__, mask, predicate)
#define __any_sync(mask, predicate) (shim::ballot(__FILE__, __LINE__, mask, predicate) != 0)
#define __all_sync(mask, predicate) (shim::ballot(__FILE__, __LINE__, mask, predicate) == (mask))
#define __trap() shim::fail("__trap() at %s:%d", __FILE__, __LINE__)

static inline void __threadfence() {}
static inline void __threadfence_block() {}
static inline void __threadfence_system() {}

namespace shim {

static void* shared_memory() { return now->block->memory + GUARD; }

// ---- warps

static void sync_warp(const char* file, int line, unsigned mask = 0xffffffffu) {
    together(mask, nullptr, [](void**, unsigned) {}, file, line);
}

static unsigned ballot(const char* file, int line, unsigned mask, int predicate) {
    struct Vote {
        int mine;
        unsigned all;
    } vote = {predicate, 0};
    together(mask, &vote, [](void** all, unsigned mask) {
        unsigned found = 0;
        for (unsigned i = 0; i < LANES; ++i)
            if ((mask >> i & 1) && static_cast<Vote*>(all[i])->mine) found |= 1u << i;
        for (unsigned i = 0; i < LANES; ++i)
            if (mask >> i & 1) static_cast<Vote*>(all[i])->all = found;
    }, file, line);
    return vote.all;
}

enum Way { AT, XOR, DOWN, UP };

static int source_lane(Way way, int lane, int by, int width) {
    const int first = lane / width * width, end = first + width;
    if (way == AT) return first + (by % width + width) % width;
    const int from = way == XOR ? (lane ^ by) : way == DOWN ? lane + by : lane - by;
    return from < first || from >= end ? lane : from;
}

template <Way way, class T>
static T shuffle(const char* file, int line, unsigned mask, T value, int by, int width = 32) {
    struct Brought {
        T mine, found;
        int from;
        bool wrong;
    } brought = {value, value, source_lane(way, now->number % LANES, by, width), false};
    together(mask, &brought, [](void** all, unsigned mask) {
        for (unsigned i = 0; i < LANES; ++i) {
            if (!(mask >> i & 1)) continue;
            Brought* to = static_cast<Brought*>(all[i]);
            if (mask >> to->from & 1) to->found = static_cast<Brought*>(all[to->from])->mine;
            else to->wrong = true;
        }
    }, file, line);
    if (brought.wrong) fail("%s:%d reads lane %d, which is not in the mask %08x", file, line, brought.from, mask);
    return brought.found;
}

// ---- the door: arguments as a launch hands them over, a pointer to each

template <class... P, size_t... I>
static void call(void (*kernel)(P...), void** arguments, std::index_sequence<I...>) {
    kernel(*static_cast<std::remove_cv_t<P>*>(arguments[I])...);
}

template <class... P>
static void call(void (*kernel)(P...), void** arguments) {
    call(kernel, arguments, std::index_sequence_for<P...>());
}

template <class T>
static void describe_type(char*& to) {
    using Bare = std::remove_cv_t<T>;
    if constexpr (std::is_pointer_v<Bare>) {
        *to++ = '*';
        describe_type<std::remove_pointer_t<Bare>>(to);
    } else if constexpr (std::is_void_v<Bare>) {
        *to++ = 'V', *to++ = '0';
    } else {
        *to++ = std::is_same_v<Bare, bool>           ? 'b'
                : std::is_floating_point_v<Bare>     ? 'f'
                : !std::is_integral_v<Bare>          ? 'V'
                : std::is_signed_v<Bare>             ? 'i'
                                                     : 'u';
        if constexpr (sizeof(Bare) > 9) *to++ = '0' + sizeof(Bare) / 10;
        *to++ = '0' + sizeof(Bare) % 10;
    }
}

// The parameters in NumPy's letters: "*f4 i8 " for (float*, long long).
template <class... P>
static const char* signature(void (*)(P...)) {
    static char text[6 * sizeof...(P) + 1];
    char* to = text;
    ((describe_type<P>(to), *to++ = ' '), ...);
    *to = 0;
    return text;
}

// ---- atomics: no fiber is ever interrupted

template <class T, class F>
static T exchange(T* address, F next) {
    const T before = *address;
    *address = next(before);
    return before;
}

}  // namespace shim

template <class T> static T atomicAdd(T* a, std::common_type_t<T> v) { return shim::exchange(a, [=](T b) { return T(b + v); }); }
template <class T> static T atomicMax(T* a, std::common_type_t<T> v) { return shim::exchange(a, [=](T b) { return b < v ? v : b; }); }
template <class T> static T atomicMin(T* a, std::common_type_t<T> v) { return shim::exchange(a, [=](T b) { return v < b ? v : b; }); }
template <class T> static T atomicExch(T* a, std::common_type_t<T> v) { return shim::exchange(a, [=](T) { return v; }); }
template <class T> static T atomicOr(T* a, std::common_type_t<T> v) { return shim::exchange(a, [=](T b) { return b | v; }); }
template <class T> static T atomicAnd(T* a, std::common_type_t<T> v) { return shim::exchange(a, [=](T b) { return b & v; }); }
template <class T> static T atomicCAS(T* a, std::common_type_t<T> old, std::common_type_t<T> v) {
    return shim::exchange(a, [=](T b) { return b == old ? v : b; });
}

// ---- arithmetic

template <class A, class B> static constexpr std::common_type_t<A, B> min(A a, B b) { return b < a ? b : a; }
template <class A, class B> static constexpr std::common_type_t<A, B> max(A a, B b) { return a < b ? b : a; }
static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
static inline double rsqrt(double x) { return 1.0 / sqrt(x); }
#define __expf expf  // (glibc has functions of these names)
#define __logf logf
static inline float __fdividef(float a, float b) { return a / b; }
static inline float __frcp_rn(float x) { return 1.0f / x; }
static inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fmul_rn(float a, float b) { return a * b; }
template <class T> static T __ldg(const T* address) { return *address; }
template <class T> static T __ldcg(const T* address) { return *address; }
template <class T> static T __ldcs(const T* address) { return *address; }
template <class T> static void __stcg(T* address, T value) { *address = value; }
template <class T> static void __stcs(T* address, T value) { *address = value; }

static inline unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>((static_cast<uint64_t>(a) * b) >> 32); }
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x)); }

template <class To, class From>
static To shim_bits(From from) {
    static_assert(sizeof(To) == sizeof(From), "");
    To to;
    memcpy(&to, &from, sizeof to);
    return to;
}
static inline unsigned __float_as_uint(float x) { return shim_bits<unsigned>(x); }
static inline int __float_as_int(float x) { return shim_bits<int>(x); }
static inline float __uint_as_float(unsigned x) { return shim_bits<float>(x); }
static inline float __int_as_float(int x) { return shim_bits<float>(x); }
static inline long long __double_as_longlong(double x) { return shim_bits<long long>(x); }
static inline double __longlong_as_double(long long x) { return shim_bits<double>(x); }

// ---- vectors

#define SHIM_VECTOR(type, name, align)                                                                              \
    struct __align__(2 * align) name##2 { type x, y; };                                                             \
    struct name##3 { type x, y, z; };                                                                               \
    struct __align__(4 * align > 16 ? 16 : 4 * align) name##4 { type x, y, z, w; };                                 \
    static inline name##2 make_##name##2(type x, type y) { return {x, y}; }                                         \
    static inline name##3 make_##name##3(type x, type y, type z) { return {x, y, z}; }                              \
    static inline name##4 make_##name##4(type x, type y, type z, type w) { return {x, y, z, w}; }
SHIM_VECTOR(float, float, 4)
SHIM_VECTOR(double, double, 8)
SHIM_VECTOR(int, int, 4)
SHIM_VECTOR(unsigned, uint, 4)
#undef SHIM_VECTOR

// ---- 16-bit floats, as cuda_fp16.h and cuda_bf16.h name them (which a .cu includes off the CPU only)

struct __half {
    _Float16 value;
    __half() = default;
    __half(float x) : value(static_cast<_Float16>(x)) {}
    operator float() const { return static_cast<float>(value); }
};
using half = __half;
static inline float __half2float(__half x) { return x; }
static inline __half __float2half(float x) { return x; }
static inline __half __float2half_rn(float x) { return x; }

struct __nv_bfloat16 {
    uint16_t bits;
    __nv_bfloat16() = default;
    __nv_bfloat16(float x) {  // to the nearest, ties to even; a NaN stays one
        const uint32_t u = __float_as_uint(x);
        bits = x != x ? 0x7fff : static_cast<uint16_t>((u + 0x7fff + (u >> 16 & 1)) >> 16);
    }
    operator float() const { return __uint_as_float(static_cast<uint32_t>(bits) << 16); }
};
static inline float __bfloat162float(__nv_bfloat16 x) { return x; }
static inline __nv_bfloat16 __float2bfloat16(float x) { return x; }
static inline __nv_bfloat16 __float2bfloat16_rn(float x) { return x; }
