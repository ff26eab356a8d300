// Philox4x32: random words as a pure function of a 64-bit key and a 128-bit counter.
//
// Salmon, Moraes, Dror & Shaw 2011, Parallel random numbers: as easy as 1, 2, 3, https://doi.org/10.1145/2063384.2063405
// Ten rounds for orders and weights, seven (the fewest that pass the authors' tests) for dropout. The oracle is the table of
// known answers of Random123; NumPy's Philox is 4x64, another generator.
#pragma once

#include "shuffle.hpp"

namespace manyfit::MANYFIT_ISA {

inline constexpr std::uint32_t philox_multiplier_0 = 0xD2511F53, philox_multiplier_1 = 0xCD9E8D57;
// Golden ratio and square root of 3, minus 1: what the key grows by between rounds.
inline constexpr std::uint32_t philox_weyl_0 = 0x9E3779B9, philox_weyl_1 = 0xBB67AE85;

// The two words of a key; low word first.
struct PhiloxKey {
    std::uint32_t k0, k1;
    constexpr explicit PhiloxKey(std::uint64_t key) : k0(std::uint32_t(key)), k1(std::uint32_t(key >> 32)) {}
};

// Four words from one counter and key: the plain form, for single draws and as the oracle of the vector form.
template <int Rounds>
constexpr void philox(const std::uint32_t (&counter)[4], PhiloxKey key, std::uint32_t (&out)[4]) {
    std::uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    for (int r = 0; r < Rounds; r++) {
        const std::uint64_t p0 = std::uint64_t(philox_multiplier_0) * c0, p1 = std::uint64_t(philox_multiplier_1) * c2;
        c0 = std::uint32_t(p1 >> 32) ^ c1 ^ key.k0;
        c2 = std::uint32_t(p0 >> 32) ^ c3 ^ key.k1;
        c1 = std::uint32_t(p1);
        c3 = std::uint32_t(p0);
        key.k0 += philox_weyl_0;
        key.k1 += philox_weyl_1;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

namespace detail {

// High and low halves of the 64-bit products of each lane with m. x86 multiplies every other lane only: even lanes, then odd
// ones, then two shuffles put the halves together.
MANYFIT_INLINE void multiply_wide(UF a, std::uint32_t m, UF& high, UF& low) {
#if defined(__AVX512F__)
    const __m512i factor = __m512i(broadcast_u32(m));
    const __m512i even = _mm512_maskz_mul_epu32(__mmask8(-1), __m512i(a), factor);
    const __m512i odd = _mm512_maskz_mul_epu32(__mmask8(-1), __m512i(UD(a) >> 32), factor);
    high = UF(_mm512_mask_shuffle_epi32(odd, 0x5555, even, _MM_PERM_CDAB));
    low = UF(_mm512_mask_shuffle_epi32(even, 0xAAAA, odd, _MM_PERM_CCAA));
#elif defined(__AVX2__)
    const __m256i factor = __m256i(broadcast_u32(m));
    const __m256i even = _mm256_mul_epu32(__m256i(a), factor);
    const __m256i odd = _mm256_mul_epu32(__m256i(UD(a) >> 32), factor);
    high = UF(_mm256_blend_epi32(__m256i(UD(even) >> 32), odd, 0xAA));
    low = UF(_mm256_blend_epi32(even, __m256i(UD(odd) << 32), 0xAA));
#elif defined(__SSE4_1__)
    const __m128i factor = __m128i(broadcast_u32(m));
    const __m128i even = _mm_mul_epu32(__m128i(a), factor);
    const __m128i odd = _mm_mul_epu32(__m128i(UD(a) >> 32), factor);
    high = UF(_mm_blend_epi16(__m128i(UD(even) >> 32), odd, 0xCC));
    low = UF(_mm_blend_epi16(even, __m128i(UD(odd) << 32), 0xCC));
#else
    // Little-endian halves of 64-bit lanes; the compiler finds the widening multiplication (umull) by itself.
    const UD words = UD(a), mask = 0xffffffffull - UD{};
    const UD even = (words & mask) * std::uint64_t(m), odd = (words >> 32) * std::uint64_t(m);
    high = UF((even >> 32) | (odd & ~mask));
    low = UF((even & mask) | (odd << 32));
#endif
}

}  // namespace detail

// As many blocks at once as a vector has 32-bit lanes; counters and keys may differ from lane to lane.
template <int Rounds>
MANYFIT_INLINE void philox(UF c0, UF c1, UF c2, UF c3, UF k0, UF k1, UF (&out)[4]) {
#pragma GCC unroll 10
    for (int r = 0; r < Rounds; r++) {
        UF h0, l0, h1, l1;
        detail::multiply_wide(c0, philox_multiplier_0, h0, l0);
        detail::multiply_wide(c2, philox_multiplier_1, h1, l1);
        c0 = h1 ^ c1 ^ k0;
        c2 = h0 ^ c3 ^ k1;
        c1 = l1;
        c3 = l0;
        k0 += philox_weyl_0;
        k1 += philox_weyl_1;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

// A vector of blocks comes out as four vectors of one word each. In memory a block's words follow each other: this swaps them
// into that order, provided that lane l drew the block `block_of_lane(l)` after the first.
constexpr std::uint32_t block_of_lane(int l) { return std::uint32_t(l % 4 * (lanes<float> / 4) + l / 4); }
MANYFIT_INLINE void words_in_order(UF (&w)[4]) {
    using namespace detail;
    constexpr int L = lanes<float>;
    using Low = Interleave<L, 4, 1, false>;
    using High = Interleave<L, 4, 1, true>;
    using LowPair = Interleave<L, 4, 2, false>;
    using HighPair = Interleave<L, 4, 2, true>;
    const UF a = shuffle<Low>(w[0], w[1]), b = shuffle<High>(w[0], w[1]);
    const UF c = shuffle<Low>(w[2], w[3]), d = shuffle<High>(w[2], w[3]);
    w[0] = shuffle<LowPair>(a, c), w[1] = shuffle<HighPair>(a, c);
    w[2] = shuffle<LowPair>(b, d), w[3] = shuffle<HighPair>(b, d);
}

}  // namespace manyfit::MANYFIT_ISA
