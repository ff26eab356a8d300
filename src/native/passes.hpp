// Forward and backward: the equations of the dense family, once for both layouts.
//
// Rows pass through in chunks that fit the cache. Gradients are carried from chunk to chunk in the order of the rows, so
// the length of a chunk changes no bit.
#pragma once

#include "gaussian.hpp"
#include "layer_norm.hpp"
#include "layers.hpp"
#include "losses.hpp"
#include "product.hpp"

namespace manyfit::MANYFIT_ISA {

// Rows of one member that take part: `rows` are numbers of rows of the table, positions from n on count as weight zero.
template <class Real>
struct RowList {
    const Real* table;
    std::ptrdiff_t stride;
    const std::int32_t* rows;
    std::int64_t n;
    const Real* at(std::int64_t position) const { return table + stride * rows[position < n ? position : 0]; }
};

// Inputs of a chunk: one row of cells after another, or, where all lanes read the same rows, plain numbers.
template <class Real, class Cell>
struct Inputs {
    const Cell* cells;
    const Real* numbers;
    std::ptrdiff_t row;  // in cells or in numbers
};

template <class Derived, class Real_, bool Across>
class Passes : public Layers<Real_, Across> {
    using Base = Layers<Real_, Across>;

public:
    using typename Base::Cell;
    using typename Base::Real;
    using typename Base::Vec;
    using Base::blocks;
    using Base::places;
    using Base::unit_lanes;

protected:
    using typename Base::Boundary;
    using typename Base::Layer;
    using Base::boundary_;
    using Base::cells;
    using Base::gradients_;
    using Base::in_cells;
    using Base::layers_;
    using Base::n_layers_;
    using Base::parameters_;
    using Base::structure_;
    using Base::zeros_;

    // What befalls the inputs in training; true where any member asks for it.
    struct Inflicted {
        bool noise = false, drop = false, dropout = false;
    };
    Inflicted inflicted_;
    Buffer<Vec> loss_settings_;

    Passes(const Structure& structure, int chunk) : Base(structure, chunk), loss_settings_(structure.n_loss_settings + 1) {}

    Derived& self() { return static_cast<Derived&>(*this); }

    // What layer i + 1 reads: the output of boundary i for n rows.
    Inputs<Real, Cell> output(int i) const {
        const Boundary& b = boundary_[i];
        return {cells(b.altered ? b.after : b.before), nullptr, in_cells(b.row)};
    }

    // Calls f(left factor) with the kind of left factor that the inputs are.
    template <class F>
    MANYFIT_INLINE static void with_left(const Inputs<Real, Cell>& inputs, F&& f) {
        if constexpr (Across) {
            if (inputs.numbers) return f(inputs.numbers);
        }
        f(inputs.cells);
    }

    // The sums of layer i for n rows, with the activation; z and a share their place.
    void forward_layer(int i, const Inputs<Real, Cell>& inputs, int n) {
        const Layer& layer = layers_[i];
        Boundary& to = boundary_[i + 1];
        const bool hidden = i + 1 < n_layers_, relu = hidden && structure_.activation == Activation::relu && !layer.normed();
        with_left(inputs, [&]<class A>(const A* a) {
            Product<Real, A> p{a, inputs.row, 1, parameters_ + layer.weights, layer.out, 1, to.before, to.row,
                               parameters_ + layer.bias, 0, layer.n_in, relu ? Finish::relu : Finish::plain};
            multiply(p, n, layer.out);
        });
        if (layer.normed()) norm_of(i).forward(to.before, n, [this](const Vec* place) { return self().add_places(place); });
        if (hidden && !relu && structure_.activation != Activation::identity)
            visit(structure_.activation, [&]<class A>() {
                for (int s = 0; s < n; s++)
                    for (int q = 0; q < layer.out; q++) {
                        Vec& z = to.before[s * to.row + q];
                        if constexpr (OfSum<A>)
                            z = to.own_slope.get() ? A::value(z, to.own_slope[s * to.row + q]) : A::value(z);
                        else
                            z = A::value(z);
                    }
            });
    }

    LayerNorm<Real, unit_lanes, places> norm_of(int i) {
        const Layer& layer = layers_[i];
        Boundary& to = boundary_[i + 1];
        const Vec* p = parameters_;
        return {layer.n_out, layer.out, to.row, p + layer.gain(), p + layer.shift(), to.unit, to.inverse};
    }

    // What the boundary before gives on, added to what this one does.
    void add_before(int i, const Inputs<Real, Cell>& before, const Vec* own, int n) {
        Boundary& b = boundary_[i];
        const Vec* from = reinterpret_cast<const Vec*>(before.cells);
        const std::ptrdiff_t from_row = before.row / in_cells(1);
        for (int s = 0; s < n; s++)
            for (int q = 0; q < blocks(b.units); q++) b.after[s * b.row + q] = from[s * from_row + q] + own[s * b.row + q];
    }

    // Masks for n rows from batch position `first` on, and the masked activations.
    void drop(int i, const Vec* from, std::ptrdiff_t from_row, int first, int n) {
        self().draw_masks(i, first, n, boundary_[i].mask.get(), boundary_[i].row);
        apply_masks(i, from, from_row, n);
    }
    void apply_masks(int i, const Vec* from, std::ptrdiff_t from_row, int n) {
        Boundary& b = boundary_[i];
        const int q_end = blocks(b.units);
        for (int s = 0; s < n; s++)
            for (int q = 0; q < q_end; q++) b.after[s * b.row + q] = from[s * from_row + q] * b.mask[s * b.row + q];
    }

    // Inputs as training shows them: noise is added, some become 0, and dropout is last.
    void inflict(const Vec* from, std::ptrdiff_t from_row, int first, int n) {
        Boundary& b = boundary_[0];
        if (inflicted_.noise) {
            self().add_noise(from, from_row, first, n);
            from = b.after, from_row = b.row;
        }
        if (inflicted_.drop) {
            self().draw_dropped(first, n, b.mask.get(), b.row);
            apply_masks(0, from, from_row, n);
            from = b.after, from_row = b.row;
        }
        if (inflicted_.dropout) drop(0, from, from_row, first, n);
    }

    // Outputs for n rows; with dropout when `first` (their batch position) is not negative. Returns what layer 1 read.
    Inputs<Real, Cell> forward(Inputs<Real, Cell> inputs, int first, int n) {
        if (first >= 0 && boundary_[0].altered) {
            inflict(reinterpret_cast<const Vec*>(inputs.cells), inputs.row / in_cells(1), first, n);
            inputs = output(0);
        }
        Inputs<Real, Cell> read = inputs;
        for (int i = 0; i < n_layers_; i++) {
            forward_layer(i, read, n);
            Boundary& b = boundary_[i + 1];
            const bool dropping = first >= 0 && b.masked;
            if (dropping) drop(i + 1, b.before, b.row, first, n);
            if (b.adds) add_before(i + 1, read, dropping ? b.after : b.before, n);
            read = {cells(dropping || b.adds ? b.after : b.before), nullptr, in_cells(b.row)};
        }
        return inputs;
    }

    // Gradient past boundary i (1 or more), from the sums of the layer after it: slope_i = (slope_{i+1} W^T) act'(..).
    void backward_inputs(int i, int n) {
        const Layer& layer = layers_[i];
        Boundary &from = boundary_[i + 1], &to = boundary_[i];
        const bool normed = layers_[i - 1].normed();
        const bool relu = structure_.activation == Activation::relu, gated = relu && !to.altered && !normed;
        Product<Real, Cell> p{cells(from.slope), in_cells(from.row), 1, nullptr, 0, 0, to.slope, to.row,
                              from.adds ? from.carry.get() : zeros_.get(), from.adds ? from.row : 0, layer.n_out,
                              gated ? Finish::gate : Finish::plain, to.before, to.row};
        self().transposed_weights(i, p);
        multiply(p, n, layer.in);
        if (gated) return;
        if (to.adds)
            for (int s = 0; s < n; s++)
                for (int q = 0; q < layer.in; q++) to.carry[s * to.row + q] = to.slope[s * to.row + q];
        if (to.masked)
            for (int s = 0; s < n; s++)
                for (int q = 0; q < layer.in; q++) to.slope[s * to.row + q] *= to.mask[s * to.row + q];
        if (structure_.activation != Activation::identity)
            visit(structure_.activation, [&]<class A>() {
                for (int s = 0; s < n; s++)
                    for (int q = 0; q < layer.in; q++) {
                        Vec& d = to.slope[s * to.row + q];
                        if constexpr (OfSum<A>)
                            d *= to.own_slope[s * to.row + q];
                        else
                            d = A::back(to.before[s * to.row + q], d);
                    }
            });
        if (normed) {
            Vec *gain = gradients_, *shift = gradients_;  // none where nothing is trained
            if (gain) gain += layers_[i - 1].gain(), shift += layers_[i - 1].shift();
            norm_of(i - 1).backward(to.slope, n, gain, shift, [this](const Vec* place) { return self().add_places(place); });
        }
    }

    // Gradients of layer i, summed over n rows onto those of the rows before (or onto zero, at the first chunk).
    void backward_weights(int i, const Inputs<Real, Cell>& inputs, int n, bool first_chunk) {
        const Layer& layer = layers_[i];
        const Boundary& from = boundary_[i + 1];
        Vec* g = gradients_ + layer.weights;
        with_left(inputs, [&]<class A>(const A* a) {
            Product<Real, A> p{a, 1, inputs.row, from.slope, from.row, 1, g, layer.out, first_chunk ? zeros_.get() : g,
                               first_chunk ? 0 : layer.out, n};
            multiply(p, Across ? layer.n_in + 1 : layer.n_in, layer.out);
        });
        if constexpr (!Across) {
            Vec* b = gradients_ + layer.bias;
            for (int q = 0; q < layer.out; q++) {
                Vec sum = first_chunk ? Vec{} : b[q];
                for (int s = 0; s < n; s++) sum += from.slope[s * from.row + q];
                b[q] = sum;
            }
        }
    }

    // From the gradient of the loss with respect to the outputs to gradients of all parameters.
    void backward(const Inputs<Real, Cell>& inputs, int n, bool first_chunk) {
        for (int i = 0; i < n_layers_ && first_chunk; i++)
            for (int q = 0; q < 2 * layers_[i].out && layers_[i].normed(); q++) gradients_[layers_[i].gain() + q] = Vec{};
        for (int i = n_layers_ - 1; i >= 0; i--) {
            backward_weights(i, i ? output(i) : inputs, n, first_chunk);
            if (i) backward_inputs(i, n);
        }
    }
};

}  // namespace manyfit::MANYFIT_ISA
