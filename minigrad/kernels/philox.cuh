// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): four random words of a counter and a
// key.
//
// There is no state: the numbers at a counter are the same whoever asks for them, and when. A stream (minigrad/arrays/
// cuda_stream.py) is a key, its seed, and the counter it has come to.

#pragma once

struct Words {
    unsigned w[4];
};

// One round: (L0, R0, L1, R1) -> (hi(M1 L1) ^ R0 ^ k0, lo(M1 L1), hi(M0 L0) ^ R1 ^ k1, lo(M0 L0)).
__device__ __forceinline__ Words philox_round(Words c, unsigned k0, unsigned k1) {
    const unsigned M0 = 0xD2511F53u, M1 = 0xCD9E8D57u;
    return {{__umulhi(M1, c.w[2]) ^ c.w[1] ^ k0, M1 * c.w[2], __umulhi(M0, c.w[0]) ^ c.w[3] ^ k1, M0 * c.w[0]}};
}

__device__ __forceinline__ Words philox(Words counter, unsigned k0, unsigned k1) {
#pragma unroll
    for (int round = 0; round < 10; ++round) {
        counter = philox_round(counter, k0, k1);
        k0 += 0x9E3779B9u;  // the golden ratio
        k1 += 0xBB67AE85u;  // sqrt(3) - 1
    }
    return counter;
}

// The words at a place of the stream of a seed. The upper half of the 128-bit counter is 0.
__device__ __forceinline__ Words words_at(unsigned long long seed, unsigned long long place) {
    const Words counter = {{static_cast<unsigned>(place), static_cast<unsigned>(place >> 32), 0u, 0u}};
    return philox(counter, static_cast<unsigned>(seed), static_cast<unsigned>(seed >> 32));
}
