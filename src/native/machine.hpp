// A step, from the gradient to new parameters: penalties and clipping, the rule, and what those who watch are told of it.
//
// A layout (across.hpp, within.hpp) derives from Machine and says how numbers lie in vectors (layers.hpp); the equations
// (passes.hpp, and here) then are the same loops over blocks for both.
#pragma once

#include "optimizers/all.hpp"
#include "passes.hpp"
#include "watch.hpp"

namespace manyfit::MANYFIT_ISA {

template <class Derived, class Real_, bool Across>
class Machine : public Passes<Derived, Real_, Across> {
    using Base = Passes<Derived, Real_, Across>;

public:
    using typename Base::Real;
    using typename Base::Vec;
    using Base::blocks;
    using Base::members;
    using Base::places;

protected:
    using typename Base::Boundary;
    using typename Base::Layer;
    using Base::boundary_;
    using Base::gradients_;
    using Base::layers_;
    using Base::n_layers_;
    using Base::n_vectors_;
    using Base::parameters_;
    using Base::self;
    using Base::structure_;

    // Hyperparameters of the gradient itself, one lane per member.
    struct Shaping {
        bool penalty = false, clip = false, proximal = false;
        I<Real> penalized{}, clipped{};
        Vec l1{}, l2{}, l1_bias{}, l2_bias{}, threshold{}, threshold_bias{}, clip_value{}, clip_norm{};
    };
    static bool pays(const Member& m) { return m.l1 != 0 || m.l2 != 0 || m.l1_bias != 0 || m.l2_bias != 0; }

    int n_state_;
    bool turns_;  // gradients are turned round: the rule climbs
    Buffer<Vec> state_;
    Shaping shaping_;
    Watch<Real, members> watch_;

    // What the rule needs: hyperparameters and running products in double, coefficients of the step in Real.
    static constexpr int most_hypers = Rules::most_hypers;
    static constexpr int most_running = Rules::most_running ? Rules::most_running : 1;
    alignas(64) double hypers_[most_hypers][members] = {};
    alignas(64) double running_[most_running][members] = {};
    alignas(64) Vec coefficients_[Rules::most_coefficients] = {};

    Machine(const Structure& structure, int chunk)
        : Base(structure, chunk), n_state_(Rules::n_state(structure.optimizer, structure.flags)),
          turns_(Rules::turns(structure.optimizer, structure.flags)) {}

    void make_room_training() {
        this->make_room_forward();
        this->make_room_backward();
        gradients_.reset(n_vectors_);
        state_.reset(n_vectors_ * (n_state_ ? n_state_ : 1));
        if (structure_.watch) watch_.make_room(structure_, n_vectors_);
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
