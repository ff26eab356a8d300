// The layout `within`: one network at a time, lanes across its units; small products whose operands stay in the cache.
// For layers too wide for `across`, and for networks without company.
#pragma once

#include "machine.hpp"
#include "shuffle.hpp"

namespace manyfit::MANYFIT_ISA {

template <class Real_>
class Within : public Machine<Within<Real_>, Real_, false> {
    using Base = Machine<Within<Real_>, Real_, false>;
    friend Base;
    friend Passes<Within<Real_>, Real_, false>;

public:
    using typename Base::Real;
    using typename Base::Vec;
    using Base::members;
    using Base::vector;

    struct Rows {
        Buffer<Vec> inputs;            // [row][block of inputs]
        Buffer<Real> targets, weights;  // [target][row], [row]
        std::ptrdiff_t room = 0;       // rows between targets
        Real total = 0, share = 0;
    };

    // For prediction alone (`trains` false) nothing is kept of gradients and states.
    explicit Within(const Structure& structure, bool trains = true) : Base(structure, chunk_for(structure)) {
        if (trains) {
            this->make_room_training();
            make_rows(train_, structure.batch);
        } else {
            this->make_room_forward();
        }
        transposed_.reset(std::size_t(structure.n_layers) + 1);
        std::ptrdiff_t at = 0;
        for (int i = 0; i < this->n_layers_; i++) {
            transposed_[i] = at;
            at += std::ptrdiff_t(this->layers_[i].n_out) * this->layers_[i].in;
        }
        turned_.reset(at);
        const int room = this->n_outputs_ + vector;
        outputs_.reset(room), target_vectors_.reset(room), slopes_.reset(room);
    }

    // ---- members in and out

    void load_member(int, const Member& m, std::int64_t step) {
        load_parameters(static_cast<const Real*>(m.params));
        for (int j = 0; j < this->n_state_; j++)
            load_padded(this->state_ + j * this->n_vectors_, static_cast<const Real*>(m.state) + j * this->n_parameters_);
        this->set_rule(0, m.hyper, step);
        set_loss(m.loss_settings);
        auto& h = this->shaping_;
        const bool normed = m.clip_norm < __builtin_inf();
        h.penalty = this->pays(m), h.clip = normed || m.clip_value < __builtin_inf();
        h.proximal = m.threshold > 0 || m.threshold_bias > 0;
        h.penalized = I<Real>{} - int(h.penalty);
        h.clipped = I<Real>{} - int(normed);
        h.l1 = broadcast(Real(m.l1)), h.l2 = broadcast(Real(2 * m.l2));
        h.l1_bias = broadcast(Real(m.l1_bias)), h.l2_bias = broadcast(Real(2 * m.l2_bias));
        h.threshold = broadcast(Real(m.threshold)), h.threshold_bias = broadcast(Real(m.threshold_bias));
        h.clip_value = broadcast(Real(m.clip_value)), h.clip_norm = broadcast(Real(m.clip_norm));
        noise_key_ = m.noise_key;
        keep16_ = m.keep16;
        noise_ = Real(m.noise), input_keep16_ = m.input_keep16;
        auto& inflicted = this->inflicted_;
        inflicted = {m.noise > 0, m.input_keep16 < keep_all, m.keep16[0] < keep_all};
        std::size_t scratch = 0;
        for (int i = 0; i < this->n_layers_; i++) {
            const bool masked = i ? m.keep16[i] < keep_all : inflicted.drop || inflicted.dropout;
            this->set_masked(i, masked || (i == 0 && inflicted.noise));
            const std::size_t need = mask_scratch(this->chunk_, this->boundary_[i].units);
            if (masked && need > scratch) scratch = need;
        }
        if (scratch > scratch_room_) scratch_.reset(scratch_room_ = scratch);
        if (inflicted.noise && !noises_.get()) noises_.reset(noise_scratch(this->chunk_, this->boundary_[0].units));
    }
    void clear_member(int) {}
    void set_loss(const double* settings) {
        for (int i = 0; i < this->structure_.n_loss_settings; i++) this->loss_settings_[i] = broadcast(Real(settings[i]));
    }
    void load_parameters(const Real* from) { load_padded(this->parameters_, from); }
    void load_watched(int l, const double* from) { this->watch_.load(l, from); }
    void store_watched(int l, double* to) { this->watch_.store(l, to); }
    void record_layers(int l, std::int64_t n_steps, double* to) { this->watch_.record(l, n_steps, to); }
    void store_parameters(int, Real* to) const { store_padded(this->parameters_, to); }
    void store_state(int, Real* to) const {
        for (int j = 0; j < this->n_state_; j++)
            store_padded(this->state_ + j * this->n_vectors_, to + j * this->n_parameters_);
    }

    // ---- one step

    void load_batch(const RowList<Real>* list, bool, int n) {
        load_rows(train_, *list, 0, n);
        train_.total = add_weights(train_, n, 0);
        train_.share = train_.total > 0 ? Real(1) / train_.total : Real(0);
    }

    void gradient(const std::int64_t* step, int n, Real* loss_sum, Real* weight) {
        step_ = std::uint32_t(*step);
        turn_weights(1);
        Real sum = 0;
        for (int from = 0; from < n; from += this->chunk_) {
            const int here = n - from < this->chunk_ ? n - from : this->chunk_;
            const auto inputs = this->forward(inputs_of(train_, from), from, here);
            sum = losses<true>(train_, from, here, sum);
            if (this->structure_.watch) this->watch_units(train_, from, here);
            this->backward(inputs, here, from == 0);
        }
        *loss_sum = sum;
        *weight = train_.total;
    }

    void evaluate(const RowList<Real>* list, bool, std::int64_t n, double* loss_sum, double* weight) {
        if (!held_.inputs.get()) make_rows(held_, this->evaluation_rows());
        const int piece = this->evaluation_piece();
        *loss_sum = *weight = 0;
        Real sum = 0, total = 0;
        for (std::int64_t from = 0; from < n; from += piece) {
            const int here = n - from < piece ? int(n - from) : piece;
            load_rows(held_, *list, from, here);
            this->forward(inputs_of(held_, 0), -1, here);
            sum = losses<false>(held_, 0, here, sum);
            total = add_weights(held_, here, total);
            if ((from + here) % this->evaluation_rows() == 0 || from + here == n) {
                *loss_sum += sum, *weight += total;
                sum = total = 0;
            }
        }
    }

    using Base::advance_rule;
    using Base::update;

    // ---- prediction

    // Logits of rows: out[row][output].
    void predict(const RowList<Real>& list, Real* out) {
        if (!held_.inputs.get()) make_rows(held_, this->evaluation_rows());
        const int piece = this->evaluation_piece(), n_outputs = this->n_outputs_;
        for (std::int64_t from = 0; from < list.n; from += piece) {
            const int here = list.n - from < piece ? int(list.n - from) : piece;
            load_rows(held_, list, from, here);
            this->forward(inputs_of(held_, 0), -1, here);
            copy_units(this->boundary_[this->n_layers_].before, this->n_layers_, here, out + from * n_outputs);
        }
    }

    // Gradient of each row's own loss with respect to its inputs: out[row][input].
    void input_gradient(const RowList<Real>& list, Real* out) {
        if (!held_.inputs.get()) make_rows(held_, this->evaluation_rows());
        if (!this->boundary_[1].slope.get()) {
            this->make_room_backward();
            input_slope_.reset(this->chunk_rows() * this->boundary_[0].row);
        }
        turn_weights(0);
        const int piece = this->evaluation_piece(), n_inputs = this->boundary_[0].units;
        for (std::int64_t from = 0; from < list.n; from += piece) {
            const int here = list.n - from < piece ? int(list.n - from) : piece;
            load_rows(held_, list, from, here);
            for (int s = 0; s < here; s++) held_.weights[s] = 1;
            held_.share = 1;
            this->forward(inputs_of(held_, 0), -1, here);
            losses<true>(held_, 0, here, Real(0));
            for (int i = this->n_layers_ - 1; i > 0; i--) this->backward_inputs(i, here);
            const auto& first = this->boundary_[1];
            Product<Real, Real> p{this->cells(first.slope), this->in_cells(first.row), 1, nullptr, 0, 0, input_slope_,
                                  this->boundary_[0].row, this->zeros_, 0, this->layers_[0].n_out};
            transposed_weights(0, p);
            multiply(p, here, this->layers_[0].in);
            copy_units(input_slope_, 0, here, out + from * n_inputs);
        }
    }

private:
    Rows train_, held_;
    Buffer<std::ptrdiff_t> transposed_;  // where each layer's turned weights start
    Buffer<Vec> turned_;                 // [output][block of inputs]
    Buffer<Vec> outputs_, target_vectors_, slopes_, input_slope_;
    Buffer<std::uint32_t> scratch_;
    std::size_t scratch_room_ = 0;
    Buffer<Real> noises_;
    std::uint64_t noise_key_ = 0;
    Real noise_ = 0;
    std::uint32_t input_keep16_ = keep_all;
    const std::uint32_t* keep16_ = nullptr;
    std::uint32_t step_ = 0;

    static int chunk_for(const Structure& structure) {
        const int most = structure.batch > 64 ? structure.batch : 64;
        return most < 128 ? most : 128;
    }

    void make_rows(Rows& rows, int n) {
        rows.room = (n + vector) / vector * vector + vector;
        rows.inputs.reset(std::size_t(n) * this->boundary_[0].row);
        rows.targets.reset(std::size_t(rows.room) * this->n_targets_);
        rows.weights.reset(rows.room);
    }

    Inputs<Real, Real> inputs_of(const Rows& rows, int from) const {
        const std::ptrdiff_t row = this->in_cells(this->boundary_[0].row);
        return {this->cells(rows.inputs) + from * row, nullptr, row};
    }

    void load_rows(Rows& to, const RowList<Real>& list, std::int64_t from, int n) {
        const int d = this->boundary_[0].units, t = this->n_targets_;
        const std::ptrdiff_t stride = this->in_cells(this->boundary_[0].row);
        Real* inputs = reinterpret_cast<Real*>(to.inputs.get());
        for (int s = 0; s < n; s++) {
            const Real* row = list.at(from + s);
            __builtin_memcpy(inputs + s * stride, row, sizeof(Real) * d);
            for (int c = 0; c < t; c++) to.targets[c * to.room + s] = row[d + 1 + c];
            to.weights[s] = from + s < list.n ? row[d + 1 + t] : Real(0);
        }
    }

    // What rows count for in the mean, one after the other.
    Real add_weights(const Rows& rows, int n, Real total) {
        visit(this->structure_.loss, [&]<class L>() {
            if constexpr (L::weighs) {
                for (int r = 0; r < n; r += lanes<Real>) {
                    const Vec y = load_any(rows.targets + r);
                    Real weighted[lanes<Real>];
                    store_any(weighted, load_any(rows.weights + r) * L::weight(&y, this->n_outputs_, this->loss_settings_.get()));
                    for (int j = 0; j < lanes<Real> && r + j < n; j++) total += weighted[j];
                }
            } else {
                for (int s = 0; s < n; s++) total += rows.weights[s];
            }
        });
        return total;
    }

    // A lane is a row here: squares of rows and outputs are transposed on the way to the loss and back.
    template <bool Slopes>
    Real losses(const Rows& rows, int from, int n, Real sum) {
        auto& to = this->boundary_[this->n_layers_];
        const int n_outputs = this->n_outputs_, columns = this->blocks(n_outputs);
        const Vec* h = this->loss_settings_;
        visit(this->structure_.loss, [&]<class L>() {
            for (int r = 0; r < n; r += vector) {
                const int here = n - r < vector ? n - r : vector;
                Vec* o = to.before + r * to.row;
                if (n_outputs == 1) {
                    for (int j = 0; j < vector; j++) outputs_[0][j] = o[j * to.row][0];
                } else {
                    for (int q = 0; q < columns; q++) {
                        Vec* square = outputs_ + q * vector;
                        for (int j = 0; j < vector; j++) square[j] = o[j * to.row + q];
                        transpose<Real>(square);
                    }
                }
                for (int c = 0; c < this->n_targets_; c++)
                    target_vectors_[c] = load_any(rows.targets + c * rows.room + from + r);
                const Vec w = load_any(rows.weights + from + r);
                Vec l;
                if constexpr (Slopes)
                    l = L::slope(outputs_.get(), target_vectors_.get(), n_outputs, h, w * rows.share, slopes_.get());
                else
                    l = L::value(outputs_.get(), target_vectors_.get(), n_outputs, h);
                Real weighted[vector];
                store_any(weighted, w * l);
                for (int j = 0; j < here; j++) sum += weighted[j];
                if constexpr (Slopes) {
                    Vec* d = to.slope + r * to.row;
                    if (n_outputs == 1) {
                        for (int j = 0; j < vector; j++) d[j * to.row][0] = slopes_[0][j];
                    } else {
                        for (int q = 0; q < columns; q++) {
                            Vec square[vector];
                            for (int j = 0; j < vector; j++) square[j] = slopes_[q * vector + j];
                            transpose<Real>(square);
                            for (int j = 0; j < vector; j++) d[j * to.row + q] = square[j];
                        }
                    }
                }
            }
        });
        return sum;
    }

    void add_noise(const Vec* from, std::ptrdiff_t from_row, int first, int n) {
        auto& b = this->boundary_[0];
        add_noise_within<Real>(PhiloxKey(noise_key_), step_, noise_, first, n, b.units, from, from_row, b.after, b.row, noises_);
    }
    void draw_dropped(int first, int n, Vec* out, std::ptrdiff_t row) {
        draw_masks_within<Real>(PhiloxKey(noise_key_), step_, drop_purpose, input_keep16_, Real(1), first, n,
                                this->boundary_[0].units, out, row, scratch_);
    }
    void draw_masks(int i, int first, int n, Vec* out, std::ptrdiff_t row) {
        draw_masks_within<Real>(PhiloxKey(noise_key_), step_, dropout_purpose | std::uint32_t(i), keep16_[i],
                                Real(dropout_scale(keep16_[i])), first, n, this->boundary_[i].units, out, row, scratch_);
    }

    // All lanes, where a row weighs something.
    static I<Real> counts(const Rows& rows, int s) { return I<Real>{} - int(rows.weights[s] > 0); }

    void transposed_weights(int i, Product<Real, Real>& p) const {
        p.b = turned_ + transposed_[i];
        p.b_step = this->layers_[i].in;
        p.b_col = 1;
    }

    // The weights with inputs side by side, for gradients with respect to inputs; padding becomes zero.
    void turn_weights(int first_layer) {
        for (int i = first_layer; i < this->n_layers_; i++) {
            const auto& layer = this->layers_[i];
            const Vec* w = this->parameters_ + layer.weights;
            Vec* t = turned_ + transposed_[i];
            for (int q = 0; q < layer.in; q++)
                for (int j = 0; j < layer.out; j++) {
                    Vec square[vector];
                    for (int k = 0; k < vector; k++) {
                        const int row = q * vector + k;
                        square[k] = row < layer.n_in ? w[std::ptrdiff_t(row) * layer.out + j] : Vec{};
                    }
                    transpose<Real>(square);
                    for (int k = 0; k < vector && j * vector + k < layer.n_out; k++)
                        t[std::ptrdiff_t(j * vector + k) * layer.in + q] = square[k];
                }
        }
    }

    Vec add_places(const Vec* place) const {
        constexpr int n = norm_places / vector;
        Real sum = 0;
        for (int i = 0; i < n; i++)
            for (int j = 0; j < vector; j++) sum += place[i][j];
        return broadcast<Real>(sum);
    }

    void copy_units(const Vec* from, int boundary, int n, Real* to) const {
        const int units = this->boundary_[boundary].units;
        const std::ptrdiff_t stride = this->in_cells(this->boundary_[boundary].row);
        const Real* numbers = reinterpret_cast<const Real*>(from);
        for (int s = 0; s < n; s++) __builtin_memcpy(to + std::ptrdiff_t(s) * units, numbers + s * stride, sizeof(Real) * units);
    }

    // Python keeps parameters without padding. Padding begins at 0 for every member: what a diverged one left there (0 times
    // infinity) would reach the norms of the next.
    void load_padded(Vec* to, const Real* from) const {
        __builtin_memset(static_cast<void*>(to), 0, sizeof(Vec) * this->n_vectors_);
        for (int i = 0; i < this->n_layers_; i++) {
            const auto& layer = this->layers_[i];
            Real* at = reinterpret_cast<Real*>(to + layer.weights);
            for (int row = 0; row < layer.n_rows; row++, from += layer.n_out, at += layer.out * vector)
                __builtin_memcpy(at, from, sizeof(Real) * layer.n_out);
        }
    }
    void store_padded(const Vec* from, Real* to) const {
        for (int i = 0; i < this->n_layers_; i++) {
            const auto& layer = this->layers_[i];
            const Real* at = reinterpret_cast<const Real*>(from + layer.weights);
            for (int row = 0; row < layer.n_rows; row++, to += layer.n_out, at += layer.out * vector)
                __builtin_memcpy(to, at, sizeof(Real) * layer.n_out);
        }
    }
};

}  // namespace manyfit::MANYFIT_ISA
