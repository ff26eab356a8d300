// The layout `across`: one lane, one network. Numbers lie as [unit, lane], so that one instruction advances as many
// networks as a vector has lanes, each with its own weights, rate, rows and fate. For narrow layers in company.
#pragma once

#include "machine.hpp"
#include "shuffle.hpp"

namespace manyfit::MANYFIT_ISA {

template <class Real_>
class Across : public Machine<Across<Real_>, Real_, true> {
    using Base = Machine<Across<Real_>, Real_, true>;
    friend Base;
    friend Passes<Across<Real_>, Real_, true>;

public:
    using typename Base::Real;
    using typename Base::Vec;
    using Base::members;

    // Rows in the order of the batch, ready to be read: inputs, a one, targets, weight. Where all lanes read the same rows the
    // inputs and the one are plain numbers instead.
    struct Rows {
        Buffer<Vec> cells;
        Buffer<Real> numbers;
        bool shared = false;
        Vec total{}, share{};  // sum of the weights; its reciprocal, or 0
    };

    explicit Across(const Structure& structure) : Base(structure, chunk_for(structure)) {
        this->make_room_training();
        const std::size_t n_boundaries = std::size_t(structure.n_layers);
        keep_.reset(n_boundaries);
        scale_.reset(n_boundaries);
        input_keep_ = broadcast_i32(keep_all);
        this->shaping_.clip_value = broadcast(Real(__builtin_inf()));
        for (std::size_t i = 0; i < n_boundaries; i++) keep_[i] = broadcast_i32(keep_all), scale_[i] = broadcast<Real>(1);
        make_rows(train_, structure.batch);
    }

    // ---- members in and out

    void load_member(int l, const Member& m, std::int64_t step) {
        load_strided(this->parameters_, static_cast<const Real*>(m.params), l);
        for (int j = 0; j < this->n_state_; j++)
            load_strided(this->state_ + j * this->n_vectors_, static_cast<const Real*>(m.state) + j * this->n_vectors_, l);
        this->set_rule(l, m.hyper, step);
        for (int i = 0; i < this->structure_.n_loss_settings; i++) this->loss_settings_[i][l] = Real(m.loss_settings[i]);
        auto& h = this->shaping_;
        h.penalized[l] = -int(this->pays(m)), h.clipped[l] = -int(m.clip_norm < __builtin_inf());
        h.l1[l] = Real(m.l1), h.l2[l] = Real(2 * m.l2), h.l1_bias[l] = Real(m.l1_bias), h.l2_bias[l] = Real(2 * m.l2_bias);
        h.threshold[l] = Real(m.threshold), h.threshold_bias[l] = Real(m.threshold_bias);
        h.clip_value[l] = Real(m.clip_value), h.clip_norm[l] = Real(m.clip_norm);
        find_shaping();
        const PhiloxKey key(m.noise_key);
        key_0_[l] = key.k0, key_1_[l] = key.k1;
        for (int i = 0; i < this->n_layers_; i++)
            keep_[i][l] = std::int32_t(m.keep16[i]), scale_[i][l] = Real(dropout_scale(m.keep16[i]));
        noise_[l] = Real(m.noise), input_keep_[l] = std::int32_t(m.input_keep16);
        find_altered();
    }
    // A lane without a member asks for nothing, and its zeros can't become NaN.
    void clear_member(int l) {
        for (std::ptrdiff_t q = 0; q < this->n_vectors_; q++) this->parameters_[q][l] = 0;
        for (std::ptrdiff_t q = 0; q < this->n_state_ * this->n_vectors_; q++) this->state_[q][l] = 0;
        auto& h = this->shaping_;
        h.penalized[l] = h.clipped[l] = 0, h.threshold[l] = h.threshold_bias[l] = 0, h.clip_value[l] = Real(__builtin_inf());
        find_shaping();
        for (int i = 0; i < this->n_layers_; i++) keep_[i][l] = keep_all, scale_[i][l] = 1;
        noise_[l] = 0, input_keep_[l] = keep_all;
        find_altered();
    }
    void load_watched(int l, const double* from) { this->watch_.load(l, from); }
    void store_watched(int l, double* to) { this->watch_.store(l, to); }
    void record_layers(int l, std::int64_t n_steps, double* to) { this->watch_.record(l, n_steps, to); }
    void store_parameters(int l, Real* to) const { store_strided(this->parameters_, to, l); }
    void store_state(int l, Real* to) const {
        for (int j = 0; j < this->n_state_; j++)
            store_strided(this->state_ + j * this->n_vectors_, to + j * this->n_vectors_, l);
    }

    // ---- one step

    // Reads the rows of one batch. They stay valid until the next call.
    void load_batch(const RowList<Real>* lists, bool shared, int n) {
        load_rows(train_, lists, shared && !this->boundary_[0].altered, 0, n);
        weigh(train_, n);
    }

    // Gradients, mean loss and weight of the rows that were loaded. `steps` count for the noise.
    void gradient(const std::int64_t* steps, int n, Real* loss_sum, Real* weight) {
        for (int l = 0; l < members; l++) step_[l] = std::uint32_t(steps[l]);
        Vec sum{};
        for (int from = 0; from < n; from += this->chunk_) {
            const int here = n - from < this->chunk_ ? n - from : this->chunk_;
            const auto inputs = this->forward(inputs_of(train_, from), from, here);
            sum = losses<true>(train_, from, here, sum);
            if (this->structure_.watch) this->watch_units(train_, from, here);
            this->backward(inputs, here, from == 0);
        }
        store_any(loss_sum, sum);
        store_any(weight, train_.total);
    }

    // Sums of weight * loss and of weight over rows of its own for each lane, at the parameters as they are.
    void evaluate(const RowList<Real>* lists, bool shared, std::int64_t n, double* loss_sum, double* weight) {
        if (!held_.cells.get()) make_rows(held_, this->evaluation_rows());
        const int piece = this->evaluation_piece();
        for (int l = 0; l < members; l++) loss_sum[l] = weight[l] = 0;
        Vec sum{}, total{};
        for (std::int64_t from = 0; from < n; from += piece) {
            const int here = n - from < piece ? int(n - from) : piece;
            load_rows(held_, lists, shared, from, here);
            this->forward(inputs_of(held_, 0), -1, here);
            sum = losses<false>(held_, 0, here, sum);
            total = add_weights(held_, here, total);
            // In both layouts the sums move to double after the same rows.
            if ((from + here) % this->evaluation_rows() == 0 || from + here == n) {
                for (int l = 0; l < members; l++) loss_sum[l] += sum[l], weight[l] += total[l];
                sum = total = Vec{};
            }
        }
    }

    using Base::advance_rule;
    using Base::update;

private:
    Rows train_, held_;
    Buffer<IF> keep_;
    Buffer<Vec> scale_;
    Vec noise_{};
    IF input_keep_{};
    UF key_0_{}, key_1_{}, step_{};

    // Activations on both sides of a layer should stay in the L1 cache (48 KiB and more on the processors meant); a chunk is
    // no shorter than lets the tiles of a product do their work. Measured: 24 best for narrow layers, 16 for 32 units.
    static int chunk_for(const Structure& structure) {
        constexpr int narrow = 24, wide = 16, cache = 48 << 10;
        int pair = 0;
        for (int i = 0; i < structure.n_layers; i++) {
            const int units = structure.widths[i] + structure.widths[i + 1] + 2;
            pair = units > pair ? units : pair;
        }
        return pair * vector_bytes * narrow <= cache ? narrow : wide;
    }

    int targets_at() const { return this->boundary_[0].units + 1; }
    int weight_at() const { return targets_at() + this->n_targets_; }
    std::ptrdiff_t row_length() const { return weight_at() + 1; }
    Vec weight_of(const Rows& rows, int s) const { return rows.cells[s * row_length() + weight_at()]; }
    const Vec* targets_of(const Rows& rows, int s) const { return rows.cells + s * row_length() + targets_at(); }

    void make_rows(Rows& rows, int n) {
        rows.cells.reset(n * row_length() + members);
        rows.numbers.reset(std::size_t(n) * targets_at());
    }

    Inputs<Real, Vec> inputs_of(const Rows& rows, int from) const {
        if (rows.shared) return {nullptr, rows.numbers + std::ptrdiff_t(from) * targets_at(), targets_at()};
        return {rows.cells + from * row_length(), nullptr, row_length()};
    }

    // Rows from position `from` on; past the end of a lane's list they weigh nothing.
    void load_rows(Rows& to, const RowList<Real>* lists, bool shared, std::int64_t from, int n) {
        int longest = 0;
        std::int64_t shortest = lists[0].n;
        for (int l = 1; l < members; l++) {
            if (lists[l].n > lists[longest].n) longest = l;
            if (lists[l].n < shortest) shortest = lists[l].n;
        }
        to.shared = shared;
        if (shared)
            load_shared(to, lists[longest], from, n);
        else
            load_each(to, lists, from, n, shortest);
        for (std::int64_t s = shortest > from ? shortest - from : 0; s < n; s++)
            for (int l = 0; l < members; l++)
                if (from + s >= lists[l].n) to.cells[s * row_length() + weight_at()][l] = 0;
    }

    void load_shared(Rows& to, const RowList<Real>& list, std::int64_t from, int n) {
        const int n_numbers = targets_at(), length = int(row_length());
        for (int s = 0; s < n; s++) {
            const Real* row = list.at(from + s);
            __builtin_memcpy(to.numbers + std::ptrdiff_t(s) * n_numbers, row, sizeof(Real) * n_numbers);
            Vec* cells = to.cells + std::ptrdiff_t(s) * length;
            for (int c = n_numbers; c < length; c++) cells[c] = broadcast<Real>(row[c]);
        }
    }

    // A row of its own for each lane: squares of `members` rows and columns are transposed in registers. What a square holds
    // beyond the end of a row is overwritten by the next row.
    void load_each(Rows& to, const RowList<Real>* lists, std::int64_t from, int n, std::int64_t shortest) {
        const std::ptrdiff_t length = row_length();
        for (int s = 0; s < n; s++) {
            const Real* rows[members];
            if (from + s < shortest)
                for (int l = 0; l < members; l++) rows[l] = lists[l].table + lists[l].stride * lists[l].rows[from + s];
            else
                for (int l = 0; l < members; l++) rows[l] = lists[l].at(from + s);
            Vec* cells = to.cells + s * length;
            for (std::ptrdiff_t c = 0; c < length; c += members) {
                Vec square[members];
#pragma GCC unroll 16
                for (int l = 0; l < members; l++) square[l] = load_any(rows[l] + c);
                transpose<Real>(square);
#pragma GCC unroll 16
                for (int j = 0; j < members; j++) cells[c + j] = square[j];
            }
        }
    }

    void weigh(Rows& rows, int n) {
        rows.total = add_weights(rows, n, Vec{});
        rows.share = where(rows.total > Vec{}, Real(1) / rows.total);
    }

    // What rows count for in the mean, one after the other.
    Vec add_weights(const Rows& rows, int n, Vec total) {
        visit(this->structure_.loss, [&]<class L>() {
            for (int s = 0; s < n; s++)
                if constexpr (L::weighs)
                    total += weight_of(rows, s) * L::weight(targets_of(rows, s), this->n_outputs_, this->loss_settings_.get());
                else
                    total += weight_of(rows, s);
        });
        return total;
    }

    // Adds weight * loss of rows to `sum`, one after the other; with gradients when Slopes.
    template <bool Slopes>
    Vec losses(const Rows& rows, int from, int n, Vec sum) {
        auto& to = this->boundary_[this->n_layers_];
        const Vec* h = this->loss_settings_;
        visit(this->structure_.loss, [&]<class L>() {
            for (int s = 0; s < n; s++) {
                const Vec w = weight_of(rows, from + s), *y = targets_of(rows, from + s), *o = to.before + s * to.row;
                if constexpr (Slopes)
                    sum += w * L::slope(o, y, this->n_outputs_, h, w * rows.share, to.slope + s * to.row);
                else
                    sum += w * L::value(o, y, this->n_outputs_, h);
            }
        });
        return sum;
    }

    // Whether at least one lane asks for it.
    void find_shaping() {
        auto& h = this->shaping_;
        h.penalty = any(h.penalized), h.clip = any(h.clipped) || any(h.clip_value < broadcast(Real(__builtin_inf())));
        h.proximal = any((h.threshold > Vec{}) | (h.threshold_bias > Vec{}));
    }

    // Where at least one lane asks for noise or dropout.
    void find_altered() {
        auto drops = [](IF keep) {
            bool found = false;
            for (int j = 0; j < members; j++) found |= keep[j] < std::int32_t(keep_all);
            return found;
        };
        auto& inflicted = this->inflicted_;
        inflicted = {any(noise_ > Vec{}), drops(input_keep_), drops(keep_[0])};
        this->set_masked(0, inflicted.noise || inflicted.drop || inflicted.dropout);
        for (int i = 1; i < this->n_layers_; i++) this->set_masked(i, drops(keep_[i]));
    }

    void add_noise(const Vec* from, std::ptrdiff_t from_row, int first, int n) {
        auto& b = this->boundary_[0];
        add_noise_across<Real>(key_0_, key_1_, step_, noise_, first, n, b.units, from, from_row, b.after, b.row);
    }
    void draw_dropped(int first, int n, Vec* out, std::ptrdiff_t row) {
        draw_masks_across<Real>(key_0_, key_1_, step_, drop_purpose, input_keep_, broadcast<Real>(1), first, n,
                                this->boundary_[0].units, out, row);
    }
    void draw_masks(int i, int first, int n, Vec* out, std::ptrdiff_t row) {
        draw_masks_across<Real>(key_0_, key_1_, step_, dropout_purpose | std::uint32_t(i), keep_[i], scale_[i], first, n,
                                this->boundary_[i].units, out, row);
    }

    // Lanes for which a row weighs something.
    I<Real> counts(const Rows& rows, int s) const { return weight_of(rows, s) > Vec{}; }

    // Weights are read where they lie, column by column.
    void transposed_weights(int i, Product<Real, Vec>& p) const {
        p.b = this->parameters_ + this->layers_[i].weights;
        p.b_step = 1;
        p.b_col = this->layers_[i].out;
    }

    static Vec add_places(const Vec* place) {
        Vec sum{};
        for (int i = 0; i < norm_places; i++) sum += place[i];
        return sum;
    }

    void load_strided(Vec* to, const Real* from, int l) const {
        for (std::ptrdiff_t q = 0; q < this->n_vectors_; q++) to[q][l] = from[q];
    }
    void store_strided(const Vec* from, Real* to, int l) const {
        for (std::ptrdiff_t q = 0; q < this->n_vectors_; q++) to[q] = from[q][l];
    }
};

}  // namespace manyfit::MANYFIT_ISA
