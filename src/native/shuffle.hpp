// Lanes rearranged: two vectors shuffled into one, and squares of numbers transposed in registers.
#pragma once

#include <utility>

#include "simd.hpp"

namespace manyfit::MANYFIT_ISA {

namespace detail {

// Interleave within blocks of 128 bits: what every x86 since SSE does in one cheap instruction, without index registers.
// Group = elements moved together; High = upper half of each block.
template <int N, int PerBlock, int Group, bool High>
struct Interleave {
    static constexpr int at(int i) {
        const int block = i / PerBlock * PerBlock, e = i % PerBlock, pair = e / Group;
        const int from = (High ? PerBlock / 2 : 0) + pair / 2 * Group + e % Group;
        return block + from + (pair % 2 ? N : 0);
    }
};
// Blocks of 128 bits: two of a, then two of b, even (0, 2) or odd (1, 3).
template <int N, int PerBlock, bool Odd>
struct EveryOtherBlock {
    static constexpr int at(int i) {
        constexpr int blocks = N / PerBlock;
        const int block = i / PerBlock, half = blocks / 2;
        const int from = block % half * 2 + (Odd ? 1 : 0);
        return from * PerBlock + i % PerBlock + (block >= half ? N : 0);
    }
};

template <class Pattern, class Vec, int... K>
MANYFIT_INLINE Vec shuffle_by(Vec a, Vec b, std::integer_sequence<int, K...>) {
    return __builtin_shufflevector(a, b, Pattern::at(K)...);
}
template <class Pattern, class Vec>
MANYFIT_INLINE Vec shuffle(Vec a, Vec b) {
    return shuffle_by<Pattern>(a, b, std::make_integer_sequence<int, int(sizeof(Vec) / sizeof(a[0]))>{});
}

}  // namespace detail

// rows[i][j] becomes rows[j][i], a square of lanes x lanes, in registers (64 shuffles for 16 x 16).
// First squares of 128 bits inside each block, then the blocks among themselves.
template <class Real>
MANYFIT_INLINE void transpose(V<Real>* rows) {
    constexpr int N = lanes<Real>, E = 16 / int(sizeof(Real)), Q = N / E;
    using namespace detail;
    V<Real> t[N];
    for (int g = 0; g < Q; g++) {
        V<Real>* r = rows + g * E;
        if constexpr (E == 4) {
            using Lo = Interleave<N, 4, 1, false>;
            using Hi = Interleave<N, 4, 1, true>;
            using LoPair = Interleave<N, 4, 2, false>;
            using HiPair = Interleave<N, 4, 2, true>;
            const V<Real> a = shuffle<Lo>(r[0], r[1]), b = shuffle<Hi>(r[0], r[1]);
            const V<Real> c = shuffle<Lo>(r[2], r[3]), d = shuffle<Hi>(r[2], r[3]);
            t[0 * Q + g] = shuffle<LoPair>(a, c);
            t[1 * Q + g] = shuffle<HiPair>(a, c);
            t[2 * Q + g] = shuffle<LoPair>(b, d);
            t[3 * Q + g] = shuffle<HiPair>(b, d);
        } else {
            t[0 * Q + g] = shuffle<Interleave<N, 2, 1, false>>(r[0], r[1]);
            t[1 * Q + g] = shuffle<Interleave<N, 2, 1, true>>(r[0], r[1]);
        }
    }
    // t[j*Q + g], block q: column q*E + j of the rows g*E .. g*E+E-1.
    for (int j = 0; j < E; j++) {
        V<Real>* u = t + j * Q;
        if constexpr (Q == 4) {
            using Even = EveryOtherBlock<N, E, false>;
            using Odd = EveryOtherBlock<N, E, true>;
            const V<Real> a = shuffle<Even>(u[0], u[1]), b = shuffle<Odd>(u[0], u[1]);
            const V<Real> c = shuffle<Even>(u[2], u[3]), d = shuffle<Odd>(u[2], u[3]);
            rows[0 * E + j] = shuffle<Even>(a, c);
            rows[1 * E + j] = shuffle<Even>(b, d);
            rows[2 * E + j] = shuffle<Odd>(a, c);
            rows[3 * E + j] = shuffle<Odd>(b, d);
        } else if constexpr (Q == 2) {
            rows[0 * E + j] = shuffle<EveryOtherBlock<N, E, false>>(u[0], u[1]);
            rows[1 * E + j] = shuffle<EveryOtherBlock<N, E, true>>(u[0], u[1]);
        } else {
            rows[j] = u[0];
        }
    }
}

}  // namespace manyfit::MANYFIT_ISA
