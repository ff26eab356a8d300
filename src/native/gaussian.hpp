// Normal numbers as a function of (key, step, batch position, column), for noise on the inputs.
//
// Box & Muller 1958, https://doi.org/10.1214/aoms/1177706645: of two words side by side the first gives the radius
// sqrt(-2 log u), the second the angle. Each counts with its leading 24 bits, which a float holds exactly, so that both
// precisions draw the same numbers up to rounding.
#pragma once

#include "dropout.hpp"

namespace manyfit::MANYFIT_ISA {

inline constexpr std::uint32_t noise_purpose = 5u << 24;  // third word of the counter
inline constexpr int normals_per_block = 4;

namespace detail {

// Lanes [part * lanes<Real>, ...) of 32-bit integers as numbers.
template <class Real>
MANYFIT_INLINE V<Real> numbers(IF x, int part) {
    if constexpr (sizeof(Real) == 4) {
        return __builtin_convertvector(x, VF);
    } else {
        typedef std::int32_t Half __attribute__((vector_size(vector_bytes / 2)));
        Half half;
        __builtin_memcpy(&half, reinterpret_cast<const char*>(&x) + part * sizeof(Half), sizeof(Half));
        return __builtin_convertvector(half, VD);
    }
}

// Two normal numbers from two words, in the lanes of one part.
template <class Real>
MANYFIT_INLINE void two_normals(UF for_radius, UF for_angle, int part, V<Real>& first, V<Real>& second) {
    constexpr Real share = Real(1) / (1 << 24);
    const V<Real> u = numbers<Real>(IF((for_radius >> 8) + 1u), part) * share;
    const V<Real> radius = sqrt(Real(-2) * log(u));
    // The angle in quarter turns: the nearest whole number of them, and what is left, at most half of one to either side.
    const UF turn = for_angle >> 8, whole = (turn + (1u << 21)) >> 22;
    const V<Real> rest = numbers<Real>(IF(turn) - IF(whole << 22), part) * (4 * share);
    const V<Real> quarters = numbers<Real>(IF(whole), part);
    const V<Real> c = cos_quarters(rest), s = sin_quarters(rest);
    const auto odd = (quarters == Real(1)) | (quarters == Real(3));
    const V<Real> x = radius * select(odd, s, c), y = radius * select(odd, c, s);
    const auto left = (quarters == Real(1)) | (quarters == Real(2)), down = (quarters == Real(2)) | (quarters == Real(3));
    first = select(left, -x, x);
    second = select(down, -y, y);
}

}  // namespace detail

// out = from + sigma * noise. A lane is a network, with its own key, step and sigma.
template <class Real>
void add_noise_across(UF key_0, UF key_1, UF step, V<Real> sigma, int first, int n, int units, const V<Real>* from,
                      std::ptrdiff_t from_row, V<Real>* out, std::ptrdiff_t row) {
    for (int s = 0; s < n; s++, from += from_row, out += row)
        for (int u = 0; u < units; u += normals_per_block) {
            UF w[4];
            philox<7>(step, broadcast_u32(std::uint32_t(first + s)), broadcast_u32(noise_purpose),
                      broadcast_u32(std::uint32_t(u / normals_per_block)), key_0, key_1, w);
            V<Real> z[normals_per_block];
            detail::two_normals<Real>(w[0], w[1], 0, z[0], z[1]);
            detail::two_normals<Real>(w[2], w[3], 0, z[2], z[3]);
            for (int d = 0; d < normals_per_block && u + d < units; d++) out[u + d] = fma(sigma, z[d], from[u + d]);
        }
}

// Numbers that add_noise_within needs as scratch.
inline std::size_t noise_scratch(int positions, int units) {
    return std::size_t(positions) * ((units + normals_per_block - 1) / normals_per_block) * normals_per_block +
           normals_per_block * lanes<float>;
}

// One network; lanes are its units.
template <class Real>
void add_noise_within(PhiloxKey key, std::uint32_t step, Real sigma, int first, int n, int units, const V<Real>* from,
                      std::ptrdiff_t from_row, V<Real>* out, std::ptrdiff_t row, Real* scratch) {
    constexpr int L = lanes<float>, W = lanes<Real>;
    const int per_row = (units + normals_per_block - 1) / normals_per_block, total = n * per_row;
    const UF key_0 = broadcast_u32(key.k0), key_1 = broadcast_u32(key.k1);
    std::uint32_t position = std::uint32_t(first), block = 0;
    for (int base = 0; base < total; base += L) {
        UF positions{}, blocks{};
        for (int l = 0; l < L; l++) {
            positions[l] = position, blocks[l] = block;
            if (++block == std::uint32_t(per_row)) block = 0, position++;
        }
        UF w[4];
        philox<7>(broadcast_u32(step), positions, broadcast_u32(noise_purpose), blocks, key_0, key_1, w);
        for (int part = 0; part < L / W; part++) {
            V<Real> z[normals_per_block];
            detail::two_normals<Real>(w[0], w[1], part, z[0], z[1]);
            detail::two_normals<Real>(w[2], w[3], part, z[2], z[3]);
            Real* at = scratch + std::size_t(base + part * W) * normals_per_block;
            for (int l = 0; l < W; l++)
                for (int d = 0; d < normals_per_block; d++) at[l * normals_per_block + d] = z[d][l];
        }
    }
    const int columns = (units + W - 1) / W;
    const V<Real> size = broadcast(sigma);
    for (int s = 0; s < n; s++, from += from_row, out += row)
        for (int q = 0; q < columns; q++)  // lanes past the last unit belong to no unit
            out[q] = fma(size, load_any(scratch + std::size_t(s) * per_row * normals_per_block + q * W), from[q]);
}

}  // namespace manyfit::MANYFIT_ISA
