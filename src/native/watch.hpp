// What is noted of the layers of a bank's members where somebody watches: in each step the sizes of gradients, of updates and of
// weights, and which hidden units were alive for some row of the epoch. As runs/watch.py says.
//
// Sums of squares are spread over places by unit, in both layouts alike, so that both record the same bits.
#pragma once

#include "buffer.hpp"
#include "plan.hpp"

namespace manyfit::MANYFIT_ISA {

// A unit whose slope stays below this for every row is dead.
inline constexpr double alive_slope = 0.005;

template <class Real, int Members>
class Watch {
    using Vec = V<Real>;
    using Bits = typename VectorTypes<Real>::Int;
    static constexpr int unit_lanes = Members == 1 ? lanes<Real> : 1;

public:
    Buffer<Vec> before;  // parameters before the step

    Watch() = default;
    void make_room(const Structure& structure, std::ptrdiff_t n_vectors) {
        structure_ = &structure;
        before.reset(n_vectors);
        squares_.reset(std::size_t(3) * structure.n_layers * Members);
        first_.reset(structure.n_layers + 1);
        std::ptrdiff_t at = 0;
        for (int i = 1; i < structure.n_layers; i++) {
            first_[i] = at;
            at += (structure.widths[i] + unit_lanes - 1) / unit_lanes;
        }
        alive_.reset(at);
    }

    // kind: 0 gradient, 1 update, 2 weights. A lane a member across; one number within.
    void add(int kind, int layer, Vec total) {
        double* sum = squares_ + (kind * structure_->n_layers + layer) * Members;
        for (int l = 0; l < Members; l++) sum[l] += double(total[l]);
    }
    // The units of a hidden boundary, block by block.
    I<Real>* alive(int boundary) { return alive_ + first_[boundary]; }

    void load(int l, const double* from) {
        for (int k = 0; k < 3 * structure_->n_layers; k++) squares_[k * Members + l] = *from++;
        each_unit(l, [&](int, Bits& bits) { bits = -Bits(*from++ != 0); });
    }
    void store(int l, double* to) {
        for (int k = 0; k < 3 * structure_->n_layers; k++) *to++ = squares_[k * Members + l];
        each_unit(l, [&](int, Bits& bits) { *to++ = bits ? 1 : 0; });
    }
    // The record of so many steps of an epoch; the next begins anew.
    void record(int l, std::int64_t n_steps, double* to) {
        const int n = structure_->n_layers, room = structure_->layer_room;
        for (int i = 0; i < n; i++) {
            to[i] = __builtin_sqrt(squares_[i * Members + l] / double(n_steps));
            to[room + i] = __builtin_sqrt(squares_[(n + i) * Members + l] / squares_[(2 * n + i) * Members + l]);
        }
        for (int i = 0; i + 1 < n; i++) to[2 * room + i] = 0;
        each_unit(l, [&](int boundary, Bits& bits) {
            to[2 * room + boundary - 1] += bits ? 0 : 1;
            bits = 0;
        });
        for (int k = 0; k < 3 * n; k++) squares_[k * Members + l] = 0;
    }

private:
    const Structure* structure_ = nullptr;
    Buffer<double> squares_;  // [kind][layer][member]
    Buffer<std::ptrdiff_t> first_;
    Buffer<I<Real>> alive_;

    template <class F>
    void each_unit(int l, F&& f) {
        for (int i = 1; i < structure_->n_layers; i++) {
            Bits* bits = reinterpret_cast<Bits*>(alive(i));
            for (int u = 0; u < structure_->widths[i]; u++) f(i, bits[Members == 1 ? u : u * Members + l]);
        }
    }
};

}  // namespace manyfit::MANYFIT_ISA
