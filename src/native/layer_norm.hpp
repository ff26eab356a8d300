// Layer normalization: the sums of a row brought to mean 0 and variance 1 over the units, then scaled and shifted.
//
// Ba, Kiros & Hinton 2016, https://arxiv.org/abs/1607.06450; epsilon as in torch.nn.LayerNorm. Sums over units are spread over
// places by unit, in both layouts alike, so that both give the same bits. `Width` is the number of units in a block.
#pragma once

#include "simd.hpp"

namespace manyfit::MANYFIT_ISA {

inline constexpr double layer_norm_eps = 1e-5;

template <class Real, int Width, int Places>
struct LayerNorm {
    using Vec = V<Real>;
    int units, blocks;
    std::ptrdiff_t row;  // of every array of rows, in vectors
    const Vec *gain, *shift;
    Vec *unit, *inverse;  // of each row: its units normalized, and one over their spread

    // x where a lane of block q is a unit, 0 past the last one.
    MANYFIT_INLINE Vec real_units(int q, Vec x) const {
        if constexpr (Width > 1)
            if (q == blocks - 1) return where(first_lanes<Real>(units - q * Width), x);
        return x;
    }

    // z, for n rows in place; `sum` adds places up.
    template <class Sum>
    void forward(Vec* z, int n, Sum&& sum) const {
        const Real count = Real(units);
        for (int s = 0; s < n; s++, z += row) {
            Vec *x = unit + s * row, place[Places] = {}, square[Places] = {};
            for (int q = 0; q < blocks; q++) place[q % Places] += z[q];
            const Vec mean = sum(place) / count;
            for (int q = 0; q < blocks; q++) {
                x[q] = real_units(q, z[q] - mean);
                square[q % Places] = fma(x[q], x[q], square[q % Places]);
            }
            const Vec over = Real(1) / sqrt(sum(square) / count + Real(layer_norm_eps));
            inverse[s] = over;
            for (int q = 0; q < blocks; q++) {
                x[q] = x[q] * over;
                z[q] = fma(gain[q], x[q], shift[q]);
            }
        }
    }

    // Gradient d past it, for n rows in place; those of gain and shift are added up where they are asked for.
    template <class Sum>
    void backward(Vec* d, int n, Vec* d_gain, Vec* d_shift, Sum&& sum) const {
        const Real count = Real(units);
        for (int s = 0; s < n; s++, d += row) {
            Vec *x = unit + s * row, place[Places] = {}, along[Places] = {};
            for (int q = 0; q < blocks; q++) {
                if (d_gain) {
                    d_gain[q] = fma(d[q], x[q], d_gain[q]);
                    d_shift[q] += d[q];
                }
                d[q] = d[q] * gain[q];
                place[q % Places] += d[q];
                along[q % Places] = fma(d[q], x[q], along[q % Places]);
            }
            const Vec mean = sum(place) / count, share = sum(along) / count;
            for (int q = 0; q < blocks; q++) d[q] = real_units(q, (fnma(x[q], share, d[q]) - mean) * inverse[s]);
        }
    }
};

}  // namespace manyfit::MANYFIT_ISA
