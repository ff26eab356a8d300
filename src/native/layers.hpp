// What a network in training is made of: layers, their parameters, and the activations and slopes at the boundaries between them.
//
// Everything lies in blocks: vectors of units, one unit wide (across) or as many units as a vector has lanes (within). A Cell is
// the activation of one unit for one row, a vector of networks (across) or a plain number (within).
#pragma once

#include <new>

#include "activations.hpp"
#include "buffer.hpp"
#include "plan.hpp"

namespace manyfit::MANYFIT_ISA {

// Sums over units are spread over this many places by unit, in both layouts alike.
inline constexpr int norm_places = 16;

template <class Real_, bool Across>
class Layers {
public:
    using Real = Real_;
    using Vec = V<Real>;
    using Cell = std::conditional_t<Across, Vec, Real>;
    static constexpr int vector = lanes<Real>;
    static constexpr int members = Across ? vector : 1;
    static constexpr int unit_lanes = Across ? 1 : vector;  // units in a block

    static constexpr int places = norm_places / unit_lanes;  // of a block, for sums over units

    static int blocks(int units) { return (units + unit_lanes - 1) / unit_lanes; }

    int n_parameters() const { return n_parameters_; }

protected:
    struct Layer {
        int n_in, n_out;             // units
        int in, out;                 // blocks
        int n_rows;                  // of `out` blocks: weights, biases, and where hidden sums are normalized gains and shifts
        std::ptrdiff_t weights, bias;  // where they start, in vectors
        bool normed() const { return n_rows > n_in + 1; }
        std::ptrdiff_t gain() const { return bias + out; }
        std::ptrdiff_t shift() const { return bias + 2 * out; }
    };

    Structure structure_;
    Buffer<Layer> layers_;
    int n_layers_, n_outputs_, n_targets_, chunk_;
    std::ptrdiff_t n_vectors_ = 0;
    int n_parameters_ = 0;
    Buffer<Vec> parameters_, gradients_;
    // Per layer boundary i (0 = inputs): activations before dropout, the same after it (what the next layer reads; inputs
    // after augmentation too), masks, gradients with respect to the sums before the activation, and slopes of an activation
    // whose output does not tell them. Of a boundary that adds to the one before: gradients with respect to what both give on.
    // Of one that is normalized: its sums of mean 0 and variance 1, and one over their spread, row by row.
    struct Boundary {
        Buffer<Vec> before, after, mask, slope, own_slope, carry, unit, inverse;
        std::ptrdiff_t row = 0;  // in vectors
        int units = 0;
        bool masked = false;   // by dropout, in training
        bool adds = false;     // to the boundary before
        bool altered = false;  // `after` is in use
    };
    Buffer<Boundary> boundary_;
    Buffer<Vec> zeros_;  // sums start from here

    Layers(const Structure& structure, int chunk)
        : structure_(structure), layers_(structure.n_layers), n_layers_(structure.n_layers),
          n_outputs_(structure.widths[structure.n_layers]),
          n_targets_(structure.classes ? 1 : n_outputs_), chunk_(chunk), boundary_(structure.n_layers + 1) {
        int widest = 0;
        for (int i = 0; i <= n_layers_; i++) {
            const int units = structure.widths[i];
            Boundary& b = *new (&boundary_[i]) Boundary;
            b.units = units;
            // Across, a column of ones follows the units: the bias is then one more row of the gradient of the weights.
            b.row = Across ? units + 1 : blocks(units);
            b.adds = structure.residual && i >= 2 && i < n_layers_ && units == structure.widths[i - 1];
            b.altered = b.adds;
            widest = b.row > widest ? int(b.row) : widest;
        }
        for (int i = 0; i < n_layers_; i++) {
            const int in = structure.widths[i], out = structure.widths[i + 1];
            const int n_rows = in + (structure.norm && i + 1 < n_layers_ ? 3 : 1);
            layers_[i] =
                Layer{in, out, blocks(in), blocks(out), n_rows, n_vectors_, n_vectors_ + std::ptrdiff_t(in) * blocks(out)};
            n_vectors_ += std::ptrdiff_t(n_rows) * blocks(out);
            n_parameters_ += n_rows * out;
        }
        zeros_.reset(widest);
        parameters_.reset(n_vectors_);
    }
    ~Layers() {
        for (int i = 0; i <= n_layers_; i++) boundary_[i].~Boundary();
    }

    // Sums over held rows move to double after this many rows, whatever the chunks.
    static constexpr int evaluation_rows() { return 64; }
    int evaluation_piece() const {
        int piece = evaluation_rows();
        while (piece > chunk_) piece /= 2;
        return piece;
    }

    // Rows of a chunk are padded to whole vectors, for losses that work on vectors of rows.
    std::size_t chunk_rows() const { return std::size_t(chunk_ + vector - 1) / vector * vector; }

    void make_room_forward() {
        for (int i = 1; i <= n_layers_; i++) {
            boundary_[i].before.reset(chunk_rows() * boundary_[i].row);
            fill_ones(boundary_[i].before, i);
            if (boundary_[i].adds) make_room_after(i);
            if (!layers_[i - 1].normed()) continue;
            boundary_[i].unit.reset(chunk_rows() * boundary_[i].row);
            boundary_[i].inverse.reset(chunk_rows());
        }
    }
    void make_room_backward() {
        for (int i = 1; i <= n_layers_; i++) {
            boundary_[i].slope.reset(chunk_rows() * boundary_[i].row);
            if (boundary_[i].adds) boundary_[i].carry.reset(chunk_rows() * boundary_[i].row);
        }
        for (int i = 1; i < n_layers_ && is_of_sum(structure_.activation); i++)
            boundary_[i].own_slope.reset(chunk_rows() * boundary_[i].row);
    }
    void make_room_after(int i) {
        if (boundary_[i].after.get()) return;
        boundary_[i].after.reset(chunk_rows() * boundary_[i].row);
        fill_ones(boundary_[i].after, i);
    }
    // Whether training does something to what a boundary gives on.
    void set_masked(int boundary, bool on) {
        Boundary& b = boundary_[boundary];
        b.masked = on;
        b.altered = on || b.adds;
        if (!on || b.mask.get()) return;
        b.mask.reset(chunk_rows() * b.row);
        make_room_after(boundary);
    }
    void fill_ones(Vec* at, int i) {
        if constexpr (Across)
            for (std::size_t s = 0; s < chunk_rows(); s++) at[s * boundary_[i].row + boundary_[i].units] = broadcast<Real>(1);
    }

    static const Cell* cells(const Vec* v) { return reinterpret_cast<const Cell*>(v); }
    // A distance in vectors as one in cells.
    static std::ptrdiff_t in_cells(std::ptrdiff_t vectors) { return Across ? vectors : vectors * vector; }
};

}  // namespace manyfit::MANYFIT_ISA
