// Forward, backward and update: the equations of the dense family, once for both layouts.
//
// A layout (across.hpp, within.hpp) derives from Machine and says how numbers lie in vectors: a Cell is the activation of
// one unit for one row, a vector of networks (across) or a plain number (within); a block is a vector of units, one unit
// wide (across) or as many units as a vector has lanes (within). Everything elementwise then is the same loop over blocks.
//
// Rows pass through in chunks that fit the cache. Gradients are carried from chunk to chunk in the order of the rows, so
// the length of a chunk changes no bit.
#pragma once

#include "activations.hpp"
#include "buffer.hpp"
#include "gaussian.hpp"
#include "layer_norm.hpp"
#include "losses.hpp"
#include "optimizers/all.hpp"
#include "product.hpp"
#include "watch.hpp"

namespace manyfit::MANYFIT_ISA {

// Sums for the global norm are spread over this many places by unit, in both layouts alike.
inline constexpr int norm_places = 16;

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
class Machine {
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
    // Hyperparameters of the gradient itself, one lane per member.
    struct Shaping {
        bool penalty = false, clip = false, proximal = false;
        I<Real> penalized{}, clipped{};
        Vec l1{}, l2{}, l1_bias{}, l2_bias{}, threshold{}, threshold_bias{}, clip_value{}, clip_norm{};
    };
    static bool pays(const Member& m) { return m.l1 != 0 || m.l2 != 0 || m.l1_bias != 0 || m.l2_bias != 0; }

    Structure structure_;
    Buffer<Layer> layers_;
    int n_layers_, n_outputs_, n_targets_, chunk_;
    std::ptrdiff_t n_vectors_ = 0;
    int n_parameters_ = 0, n_state_;
    bool turns_;  // gradients are turned round: the rule climbs
    Buffer<Vec> parameters_, gradients_, state_;
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
    // What befalls the inputs in training; true where any member asks for it.
    struct Inflicted {
        bool noise = false, drop = false, dropout = false;
    };
    Buffer<Boundary> boundary_;
    Buffer<Vec> zeros_;  // sums start from here
    Buffer<Vec> loss_settings_;
    Shaping shaping_;
    Inflicted inflicted_;
    Watch<Real, members> watch_;

    // What the rule needs: hyperparameters and running products in double, coefficients of the step in Real.
    static constexpr int most_hypers = Rules::most_hypers;
    static constexpr int most_running = Rules::most_running ? Rules::most_running : 1;
    alignas(64) double hypers_[most_hypers][members] = {};
    alignas(64) double running_[most_running][members] = {};
    alignas(64) Vec coefficients_[Rules::most_coefficients] = {};

    Derived& self() { return static_cast<Derived&>(*this); }

    Machine(const Structure& structure, int chunk)
        : structure_(structure), layers_(structure.n_layers), n_layers_(structure.n_layers),
          n_outputs_(structure.widths[structure.n_layers]),
          n_targets_(structure.classes ? 1 : n_outputs_), chunk_(chunk),
          n_state_(Rules::n_state(structure.optimizer, structure.flags)),
          turns_(Rules::turns(structure.optimizer, structure.flags)), boundary_(structure.n_layers + 1) {
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
        loss_settings_.reset(structure.n_loss_settings + 1);
        parameters_.reset(n_vectors_);
    }
    ~Machine() {
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
    void make_room_training() {
        make_room_forward();
        make_room_backward();
        gradients_.reset(n_vectors_);
        state_.reset(n_vectors_ * (n_state_ ? n_state_ : 1));
        if (structure_.watch) watch_.make_room(structure_, n_vectors_);
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

    // Penalties onto the gradient, its numbers and then its norm within bounds. Lanes without them keep every bit of theirs.
    Vec shape_gradient() {
        const Shaping& h = shaping_;
        const Vec zero{}, one = broadcast<Real>(1);
        Vec total{};
        for (int i = 0; i < n_layers_; i++) {
            const Layer& layer = layers_[i];
            Vec place[places] = {};
            for (int row = 0; row < layer.n_rows; row++) {
                const bool bias = row >= layer.n_in;
                const Vec l1 = bias ? h.l1_bias : h.l1, l2 = bias ? h.l2_bias : h.l2;
                const std::ptrdiff_t at = layer.weights + std::ptrdiff_t(row) * layer.out;
                for (int q = 0; q < layer.out; q++) {
                    Vec g = gradients_[at + q];
                    if (h.penalty) {
                        const Vec p = parameters_[at + q];
                        const Vec sign = where(p > zero, one) - where(p < zero, one);
                        g = select(h.penalized, g + fma(l2, p, l1 * sign), g);
                    }
                    if (h.clip) g = max(-h.clip_value, min(h.clip_value, g));
                    gradients_[at + q] = g;
                    place[q % places] = fma(g, g, place[q % places]);
                }
            }
            total += self().add_places(place);
        }
        const Vec ratio = h.clip_norm / (sqrt(total) + Real(1e-6));
        return select(h.clipped, min(one, ratio), one);
    }

    // ---- for those who watch

    // Σ x^2 over the parameters of a layer: one lane a member, or all lanes the same number.
    template <class X>
    Vec sum_of_squares(int i, X&& x) {
        const Layer& layer = layers_[i];
        Vec place[places] = {};
        for (int row = 0; row < layer.n_rows; row++)
            for (int q = 0; q < layer.out; q++) {
                const Vec each = x(layer.weights + std::ptrdiff_t(row) * layer.out + q);
                place[q % places] = fma(each, each, place[q % places]);
            }
        return self().add_places(place);
    }
    void watch_gradients() {
        for (int i = 0; i < n_layers_; i++) watch_.add(0, i, sum_of_squares(i, [&](auto at) { return gradients_[at]; }));
        __builtin_memcpy(watch_.before.get(), parameters_.get(), sizeof(Vec) * n_vectors_);
    }
    void watch_update() {
        for (int i = 0; i < n_layers_; i++) {
            watch_.add(1, i, sum_of_squares(i, [&](auto at) { return parameters_[at] - watch_.before[at]; }));
            watch_.add(2, i, sum_of_squares(i, [&](auto at) { return watch_.before[at]; }));
        }
    }
    // Hidden units that something can flow back through, for rows that weigh something; `from` is where the chunk begins.
    template <class Rows>
    void watch_units(const Rows& rows, int from, int n) {
        const Vec one = broadcast<Real>(1), least = broadcast(Real(alive_slope));
        for (int i = 1; i < n_layers_; i++)
            visit(structure_.activation, [&]<class A>() {
                const Boundary& b = boundary_[i];
                I<Real>* alive = watch_.alive(i);
                for (int s = 0; s < n; s++) {
                    const auto counts = self().counts(rows, from + s);
                    for (int q = 0; q < blocks(b.units); q++) {
                        Vec slope;
                        if constexpr (OfSum<A>)
                            slope = b.own_slope[s * b.row + q];
                        else
                            slope = A::back(b.before[s * b.row + q], one);
                        alive[q] |= counts & (abs(slope) >= least);
                    }
                }
            });
    }

    // The hyperparameters of one lane, its running products advanced to `step`.
    void set_rule(int lane, const double* hyper, std::int64_t step) {
        Rules::visit(structure_.optimizer, [&]<class Rule>() {
            double running[most_running];
            for (double& r : running) r = 1;
            for (std::int64_t t = 0; t < step; t++) Rule::advance(hyper, running);
            for (int i = 0; i < Rule::hypers.count; i++) hypers_[i][lane] = hyper[i];
            for (int i = 0; i < Rule::n_running; i++) running_[i][lane] = running[i];
        });
    }

    // Coefficients of the next step from the rates of its members.
    void advance_rule(const double* rates) {
        Rules::visit(structure_.optimizer, [&]<class Rule>() {
            using D = std::conditional_t<Across, VD, double>;
            constexpr int side_by_side = Across ? lanes<double> : 1;
            alignas(64) Real out[Rule::n_coefficients][members];
            for (int l = 0; l < members; l += side_by_side) {
                D h[most_hypers], running[most_running], c[Rule::n_coefficients], rate;
                auto get = [&](const double* from) { D d; __builtin_memcpy(&d, from + l, sizeof(D)); return d; };
                for (int i = 0; i < Rule::hypers.count; i++) h[i] = get(hypers_[i]);
                for (int i = 0; i < Rule::n_running; i++) running[i] = get(running_[i]);
                rate = get(rates);
                Rule::advance(h, running);
                Rule::coefficients(h, rate, structure_.flags, running, c);
                for (int i = 0; i < Rule::n_running; i++) __builtin_memcpy(running_[i] + l, &running[i], sizeof(D));
                for (int i = 0; i < Rule::n_coefficients; i++) {
                    double d[side_by_side];
                    __builtin_memcpy(d, &c[i], sizeof(D));
                    for (int j = 0; j < side_by_side; j++) out[i][l + j] = Real(d[j]);
                }
            }
            for (int i = 0; i < Rule::n_coefficients; i++) {
                if constexpr (Across)
                    coefficients_[i] = load(out[i]);
                else
                    coefficients_[i] = broadcast<Real>(out[i][0]);
            }
        });
    }

    // One step of the rule for every parameter.
    void update() {
        if (structure_.watch) watch_gradients();
        update_parameters();
        if (structure_.watch) watch_update();
    }
    void update_parameters() {
        const bool shaped = shaping_.penalty || shaping_.clip, scaled = shaped || turns_;
        Vec scale = shaped ? shape_gradient() : broadcast<Real>(1);
        if (turns_) scale = -scale;
        Rules::visit_form(structure_.optimizer, structure_.flags, [&]<class Rule, class Form>() {
            if constexpr (is_linear<Rule>) {
                if (shaping_.proximal) return update_proximally<Rule, Form>(scale);
            }
            if constexpr (OfNorms<Form>)
                update_arrays<Rule, Form>(scale);
            else if (scaled)
                update_by<Rule, Form, true>(scale);
            else
                update_by<Rule, Form, false>(scale);
        });
    }
    // One step of the rule, brought nearer to 0 by what one unit of gradient moves a weight times the threshold; to 0 where it
    // is no further from it. What this adds to the gradient (at 0 less than the threshold) enters the state like any gradient.
    template <class Rule, class Form>
    [[gnu::noinline]] void update_proximally(Vec scale) {
        constexpr int S = Form::state.count;
        const Vec zero{}, one = broadcast<Real>(1), *c = coefficients_;
        Vec at_rest[S ? S : 1] = {};
        const Vec gain = -Form::step(zero, one, at_rest, c);
        for (int i = 0; i < n_layers_; i++) {
            const Layer& layer = layers_[i];
            for (int row = 0; row < layer.n_rows; row++) {
                const Vec by = gain * (row >= layer.n_in ? shaping_.threshold_bias : shaping_.threshold);
                const auto off = by == zero;  // lanes that ask for no threshold, or have a rate of 0, keep every bit of theirs
                for (int q = 0; q < layer.out; q++) {
                    const std::ptrdiff_t at = layer.weights + std::ptrdiff_t(row) * layer.out + q;
                    const Vec p = parameters_[at], g = gradients_[at] * scale;
                    Vec before[S ? S : 1], after[S ? S : 1];
                    for (int j = 0; j < S; j++) before[j] = after[j] = state_[j * n_vectors_ + at];
                    const Vec moved = Form::step(p, g, after, c), size = abs(moved) - by;
                    const Vec near = select(off, moved, select(size <= zero, zero, copysign(size, moved)));
                    Form::step(p, select(off, g, g + (moved - near) / gain), before, c);
                    parameters_[at] = near;
                    for (int j = 0; j < S; j++) state_[j * n_vectors_ + at] = before[j];
                }
            }
        }
    }
    template <class Rule, class Form, bool Scaled>
    [[gnu::noinline]] void update_by(Vec scale) {
        constexpr int S = Form::state.count;
        Vec c[Rule::n_coefficients];
        for (int i = 0; i < Rule::n_coefficients; i++) c[i] = coefficients_[i];
        Vec *p = parameters_, *g = gradients_, *state = state_;
        const std::ptrdiff_t n = n_vectors_;
        for (std::ptrdiff_t q = 0; q < n; q++) {
            Vec s[S ? S : 1];
            for (int j = 0; j < S; j++) s[j] = state[j * n + q];
            p[q] = Form::step(p[q], Scaled ? g[q] * scale : g[q], s, c);
            for (int j = 0; j < S; j++) state[j * n + q] = s[j];
        }
    }
    // Array by array: which way each parameter would go (kept where its gradient was), then all of them by a length in common.
    template <class Rule, class Form>
    [[gnu::noinline]] void update_arrays(Vec scale) {
        constexpr int S = Form::state.count;
        Vec c[Rule::n_coefficients];
        for (int i = 0; i < Rule::n_coefficients; i++) c[i] = coefficients_[i];
        for (int i = 0; i < n_layers_; i++) {
            const Layer& layer = layers_[i];
            for (int part = layer.n_in - 1; part < layer.n_rows; part++) {  // all weights, then row by row
                const bool weights = part < layer.n_in;
                const std::ptrdiff_t from = layer.weights + (weights ? 0 : std::ptrdiff_t(part) * layer.out);
                const std::ptrdiff_t n_rows = weights ? layer.n_in : 1;
                Vec of_p[places] = {}, of_way[places] = {};
                for (std::ptrdiff_t row = 0; row < n_rows; row++)
                    for (int q = 0; q < layer.out; q++) {
                        const std::ptrdiff_t at = from + row * layer.out + q;
                        Vec s[S];
                        for (int j = 0; j < S; j++) s[j] = state_[j * n_vectors_ + at];
                        const Vec p = parameters_[at], way = Form::way(p, gradients_[at] * scale, s, c);
                        for (int j = 0; j < S; j++) state_[j * n_vectors_ + at] = s[j];
                        gradients_[at] = way;
                        of_p[q % places] = fma(p, p, of_p[q % places]);
                        of_way[q % places] = fma(way, way, of_way[q % places]);
                    }
                const Vec length = Form::length(sqrt(self().add_places(of_p)), sqrt(self().add_places(of_way)), c);
                for (std::ptrdiff_t at = from; at < from + n_rows * layer.out; at++)
                    parameters_[at] = fnma(length, gradients_[at], parameters_[at]);
            }
        }
    }
};

}  // namespace manyfit::MANYFIT_ISA
