// Dropout masks: 0 or what a kept value is multiplied by, drawn by Philox as a function of (key, step, batch position, layer,
// unit): 1 / (chance of keeping) for dropout, 1 for inputs that augmentation drops.
//
// One block of four words is eight draws of 16 bits, for eight units side by side. A unit stays iff its draw is below keep16.
// Seven rounds, the fewest that pass the tests of the authors of Philox.
#pragma once

#include "philox.hpp"

namespace manyfit::MANYFIT_ISA {

// Third word of the counter; dropout has the layer below.
inline constexpr std::uint32_t dropout_purpose = 4u << 24, drop_purpose = 9u << 24;
inline constexpr int draws_per_block = 8;
inline constexpr std::uint32_t keep_all = 65536;

// What a kept value is multiplied by: the reciprocal of the chance in use.
inline double dropout_scale(std::uint32_t keep16) { return keep16 ? 65536.0 / double(keep16) : 0.0; }

namespace detail {

// A mask of 32-bit lanes as a mask of the lanes of Real: the first ones, when Real is wider.
template <class Real>
MANYFIT_INLINE I<Real> widen(IF mask) {
    if constexpr (sizeof(Real) == 4) {
        return mask;
    } else {
        I<Real> wide;
        for (int l = 0; l < lanes<Real>; l++) wide[l] = mask[l];
        return wide;
    }
}

}  // namespace detail

// A lane is a network, with its own key, step and chance. out[position * row + unit].
template <class Real>
void draw_masks_across(UF key_0, UF key_1, UF step, std::uint32_t third, IF keep16, V<Real> scale, int first, int n, int units,
                       V<Real>* out, std::ptrdiff_t row) {
    const UF purpose = broadcast_u32(third);
    for (int s = 0; s < n; s++, out += row) {
        const UF position = broadcast_u32(std::uint32_t(first + s));
        for (int u = 0; u < units; u += draws_per_block) {
            UF words[4];
            philox<7>(step, position, purpose, broadcast_u32(std::uint32_t(u / draws_per_block)), key_0, key_1, words);
            const int here = units - u < draws_per_block ? units - u : draws_per_block;
            for (int d = 0; d < here; d++) {
                const UF draw = (words[d / 2] >> (d % 2 * 16)) & 0xffffu;
                out[u + d] = where(detail::widen<Real>(IF(draw) < keep16), scale);
            }
        }
    }
}

// Words that draw_masks_within needs as scratch.
inline std::size_t mask_scratch(int positions, int units) {
    return std::size_t(positions) * ((units + draws_per_block - 1) / draws_per_block) * 4 + 4 * lanes<float> + 64;
}

// One network; lanes are its units. out[position * row + block of units].
template <class Real>
void draw_masks_within(PhiloxKey key, std::uint32_t step, std::uint32_t third, std::uint32_t keep16, Real scale, int first,
                       int n, int units, V<Real>* out, std::ptrdiff_t row, std::uint32_t* scratch) {
    constexpr int L = lanes<float>, Q = L / 4;
    const int per_row = (units + draws_per_block - 1) / draws_per_block, total = n * per_row;
    const UF purpose = broadcast_u32(third), t = broadcast_u32(step);
    const UF key_0 = broadcast_u32(key.k0), key_1 = broadcast_u32(key.k1);
    std::uint32_t position = std::uint32_t(first), block = 0;
    for (int base = 0; base < total; base += L) {
        // Lane 4q + r draws block r * Q + q (block_of_lane), so that the words come out in order.
        UF positions{}, blocks{};
        for (int r = 0; r < 4; r++)
            for (int q = 0; q < Q; q++) {
                positions[4 * q + r] = position;
                blocks[4 * q + r] = block;
                if (++block == std::uint32_t(per_row)) block = 0, position++;
            }
        UF w[4];
        philox<7>(t, positions, purpose, blocks, key_0, key_1, w);
        words_in_order(w);
        __builtin_memcpy(scratch + std::size_t(base) * 4, w, sizeof(w));
    }
    constexpr int W = lanes<Real>;
    typedef std::uint16_t Draws __attribute__((vector_size(W * 2)));
    const int columns = (units + W - 1) / W;
    const I<Real> keep = typename VectorTypes<Real>::Int(keep16) - I<Real>{};
    const V<Real> kept = broadcast<Real>(scale);
    for (int s = 0; s < n; s++)
        for (int q = 0; q < columns; q++) {
            // Lanes past the last unit read draws of the next row: they belong to no unit.
            Draws draws;
            __builtin_memcpy(&draws,
                             reinterpret_cast<const char*>(scratch) + (std::size_t(s) * per_row * 8 + std::size_t(q) * W) * 2,
                             sizeof(draws));
            out[s * row + q] = where(__builtin_convertvector(draws, I<Real>) < keep, kept);
        }
}

}  // namespace manyfit::MANYFIT_ISA
