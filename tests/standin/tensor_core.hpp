// What mma.sync.m16n8k8 (TF32) and m16n8k16 (bfloat16, float16) and the roundings before them do, for g++.
//
// Written out from the PTX ISA ("Matrix Fragments for mma.m16n8k8 / m16n8k16"), l being the lane, r = l / 4, q = l % 4:
//
//   A  TF32 (16, 8):    a0 = A[r][q]               a1 = A[r+8][q]               a2 = A[r][q+4]         a3 = A[r+8][q+4]
//      16 bit (16, 16): a0 = A[r][2q, 2q+1]        a1 = A[r+8][2q, 2q+1]        a2 = A[r][2q+8, 2q+9]  a3 = A[r+8][2q+8, 2q+9]
//   B  TF32 (8, 8):     b0 = B[q][r]               b1 = B[q+4][r]
//      16 bit (16, 8):  b0 = B[2q, 2q+1][r]        b1 = B[2q+8, 2q+9][r]
//   C  (16, 8):         c0 = C[r][2q]              c1 = C[r][2q+1]              c2 = C[r+8][2q]        c3 = C[r+8][2q+1]

#pragma once

namespace tensor_core {

struct A { unsigned of[4]; };
struct B { unsigned of[2]; };

// cvt.rna.tf32.f32: 10 bits behind the point, to the nearest, ties away from zero; the hardware reads the upper 19 bits only.
static unsigned to_tf32(float x) {
    const unsigned bits = __float_as_uint(x);
    return x != x || bits << 1 >= 0xff000000u ? bits : (bits + 0x1000u) & ~0x1fffu;
}

template <int precision>
static unsigned packed(const float* value) {
    if (precision == 1) return to_tf32(value[0]);
    unsigned halves[2];
    for (int i = 0; i < 2; ++i)
        halves[i] = precision == 2 ? __nv_bfloat16(value[i]).bits : shim_bits<uint16_t>(static_cast<_Float16>(value[i]));
    return halves[0] | halves[1] << 16;
}

// Element `half` (0 or 1) of a word.
template <int precision>
static float element(unsigned word, int half) {
    if (precision == 1) return __uint_as_float(word & ~0x1fffu);
    const uint16_t bits = static_cast<uint16_t>(half ? word >> 16 : word);
    return precision == 2 ? __uint_as_float(static_cast<unsigned>(bits) << 16) : static_cast<float>(shim_bits<_Float16>(bits));
}

// One product of two words' elements, along K.
template <int precision>
static float times(unsigned a, unsigned b) {
    float sum = 0;
    for (int half = 0; half < (precision == 1 ? 1 : 2); ++half)
        sum += element<precision>(a, half) * element<precision>(b, half);
    return sum;
}

template <int precision>
static void add_product(float (&d)[4], A a, B b) {
    struct Lane {
        A a;
        B b;
        float* d;
    } lane = {a, b, d};
    shim::together(0xffffffffu, &lane, [](void** all, unsigned) {
        for (int l = 0; l < 32; ++l)
            for (int c = 0; c < 4; ++c) {
                const int row = l / 4, lower = c / 2, column = l % 4 * 2 + c % 2;  // C[row + 8 lower][column]
                float sum = 0;
                for (int word = 0; word < 8; ++word) {  // K, in words
                    const Lane* left = static_cast<Lane*>(all[row * 4 + word % 4]);
                    const Lane* right = static_cast<Lane*>(all[column * 4 + word % 4]);
                    sum += times<precision>(left->a.of[lower + word / 4 * 2], right->b.of[word / 4]);
                }
                static_cast<Lane*>(all[l])->d[c] += sum;
            }
    }, __FILE__, __LINE__);
}

}  // namespace tensor_core
