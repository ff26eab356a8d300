// The life of members in a bank: order of the rows, losses on record, divergence, early stopping, probes; once for both
// layouts.
//
// All lanes of a bank stand at the same batch of their epoch; everything else is a lane's own: epoch, step, settings, rows,
// fate. A lane whose member is done is given to the next member that waits, at the start of an epoch.
#pragma once

#include "across.hpp"
#include "bank.hpp"
#include "denormals.hpp"
#include "order.hpp"
#include "plateau.hpp"
#include "within.hpp"

namespace manyfit::MANYFIT_ISA {

template <class Real>
inline constexpr double largest = sizeof(Real) == 4 ? double(__FLT_MAX__) : __DBL_MAX__;

inline bool finite(double x) { return __builtin_fabs(x) <= __DBL_MAX__; }

// A loss this many times the first one, and above 1, is the end.
inline constexpr double divergence_factor = 1e6;

template <class Layout>
class Trainer final : public Bank {
    using Real = typename Layout::Real;
    static constexpr int members = Layout::members;

public:
    Trainer(const Structure& structure, Supply& supply)
        : structure_(structure), supply_(supply), layout_(structure), compact_(layout_.n_parameters()) {
        for (int l = 0; l < members; l++) limit_[l] = Real(largest<Real>), step_[l] = 1;
    }

    std::int64_t run(std::int64_t max_steps) override {
        const FlushDenormals flush;
        std::int64_t steps = 0;
        for (; steps < max_steps; steps++) {
            if ((batch_ == 0 || !occupied_) && occupied_ < members) fill();
            if (!occupied_) break;
            if (stale_) prepare_epoch();
            step();
        }
        return steps;
    }
    int occupied() const override { return occupied_; }
    std::int64_t batch() const override { return batch_; }
    void empty(void (*left)(void*, const Member*), void* context) override {
        for (Lane& lane : lanes_)
            if (const Member* who = lane.who) {
                store(lane, training);
                release(lane);
                left(context, who);
            }
    }

private:
    struct Lane {
        const Member* who = nullptr;
        int index = 0;
        std::int64_t epoch = 0, best_epoch = -1, bad = 0;
        double best = 0;
        Buffer<std::int32_t> order;
        std::int64_t order_room = 0;
        const std::int32_t* rows = nullptr;  // of this epoch, in the order of their visit
        Plateau plateau;
    };

    const Structure& structure_;
    Supply& supply_;
    Layout layout_;
    Lane lanes_[members];
    int occupied_ = 0;
    std::int64_t batch_ = 0;
    bool stale_ = true;    // rows or members changed since the epoch was prepared
    bool loaded_ = false;  // the only batch lies ready (full batch)
    bool shared_ = false;  // all lanes visit the same rows in the same order
    int first_ = 0;        // a lane with a member; lanes without one read its rows
    Buffer<Real> compact_;
    Buffer<unsigned char> order_scratch_;
    std::size_t order_scratch_room_ = 0;

    // Per lane, side by side: what every step touches.
    alignas(64) std::int64_t step_[members] = {};  // 1 without a member
    alignas(64) double sum_[members] = {}, weight_[members] = {}, start_[members] = {}, rate_[members] = {}, plateau_[members] = {};
    alignas(64) Real limit_[members] = {}, loss_[members] = {}, batch_sum_[members] = {}, batch_weight_[members] = {};

    // ---- who is in

    void fill() {
        for (int l = 0; l < members; l++) {
            Lane& lane = lanes_[l];
            lane.index = l;
            while (!lane.who) {
                const Member* next = supply_.take(occupied_ ? batch_ : -1);
                if (!next) return;
                enter(lane, *next);
            }
        }
    }

    void enter(Lane& lane, const Member& m) {
        const int l = lane.index;
        const bool fresh = m.cursor[cursor_step] == 0;
        lane.who = &m;
        lane.epoch = m.cursor[cursor_epoch];
        lane.best_epoch = fresh ? -1 : m.cursor[cursor_best_epoch];
        lane.bad = fresh ? 0 : m.cursor[cursor_bad];
        lane.best = fresh ? double(__builtin_inf()) : m.sums[sums_best];
        batch_ = m.cursor[cursor_batch];
        step_[l] = m.cursor[cursor_step];
        sum_[l] = fresh ? 0 : m.sums[sums_loss];
        weight_[l] = fresh ? 0 : m.sums[sums_weight];
        start_[l] = fresh ? __builtin_nan("") : m.sums[sums_start];
        limit_[l] = limit_after(start_[l]);  // a fresh one's is found in its first step
        layout_.load_member(l, m, step_[l]);
        if (structure_.watch) layout_.load_watched(l, m.watched);
        plateau_[l] = lane.plateau.recall(m, lane.epoch);
        occupied_++;
        stale_ = true;
        if (fresh) answer_probes(lane, 0);
        if (lane.epoch >= m.epochs || step_[l] >= m.max_steps) finish(lane, finished, step_[l]);
    }

    static Real limit_after(double start) {
        const double limit = start * divergence_factor > 1 ? start * divergence_factor : 1;
        return Real(limit < largest<Real> ? limit : largest<Real>);
    }

    void release(Lane& lane) {
        layout_.clear_member(lane.index);
        lane.who = nullptr;
        limit_[lane.index] = Real(largest<Real>);
        rate_[lane.index] = 0;
        step_[lane.index] = 1;  // not a first step, which would set a limit
        occupied_--;
        stale_ = true;
    }

    // Writes a lane back, so that a bank given these arrays goes on with the same bits.
    void store(Lane& lane, std::int64_t fate) {
        const Member& m = *lane.who;
        const int l = lane.index;
        layout_.store_parameters(l, static_cast<Real*>(m.params));
        layout_.store_state(l, static_cast<Real*>(m.state));
        m.cursor[cursor_epoch] = lane.epoch;
        m.cursor[cursor_batch] = batch_;
        m.cursor[cursor_step] = step_[l];
        m.cursor[cursor_fate] = fate;
        m.cursor[cursor_best_epoch] = lane.best_epoch;
        m.cursor[cursor_bad] = lane.bad;
        m.sums[sums_loss] = sum_[l];
        m.sums[sums_weight] = weight_[l];
        m.sums[sums_start] = start_[l];
        m.sums[sums_best] = lane.best;
        if (structure_.watch) layout_.store_watched(l, m.watched);
    }

    void finish(Lane& lane, std::int64_t fate, std::int64_t fate_step) {
        const Member& m = *lane.who;
        const int n = layout_.n_parameters();
        store(lane, fate);
        Real* params = static_cast<Real*>(m.params);
        if (fate != diverged && !all_finite(params, n)) m.cursor[cursor_fate] = diverged;
        m.cursor[cursor_fate_step] = fate_step;
        if (m.patience > 0 && lane.best_epoch >= 0) __builtin_memcpy(params, m.best, sizeof(Real) * n);
        release(lane);
    }

    static bool all_finite(const Real* x, int n) {
        bool ok = true;
        for (int i = 0; i < n; i++) ok &= finite(double(x[i]));
        return ok;
    }

    // ---- an epoch

    void prepare_epoch() {
        stale_ = loaded_ = false;
        first_ = -1;
        shared_ = true;
        for (Lane& lane : lanes_) {
            if (!lane.who) continue;
            if (first_ < 0) first_ = lane.index;
            shared_ &= same_rows(lane, lanes_[first_]);
            if (is_natural())
                lane.rows = lane.who->train;
            else
                find_order(lane);
        }
    }

    bool is_natural() const { return structure_.n_batches == 1 || !structure_.shuffle; }

    // Members with the same stream and rows (pairs, on purpose) share the work of drawing their order.
    void find_order(Lane& lane) {
        for (int l = first_; l < lane.index; l++)
            if (lanes_[l].who && same_rows(lane, lanes_[l])) {
                lane.rows = lanes_[l].rows;
                return;
            }
        draw_order(lane);
    }

    bool same_rows(const Lane& a, const Lane& b) const {
        return a.who->view == b.who->view && a.who->train_id == b.who->train_id &&
               (is_natural() || (a.who->order_key == b.who->order_key && a.epoch == b.epoch));
    }

    void draw_order(Lane& lane) {
        const Member& m = *lane.who;
        if (lane.order_room < m.n_train) lane.order.reset(lane.order_room = m.n_train);
        const std::size_t need = order_scratch_bytes(m.n_train);
        if (order_scratch_room_ < need) order_scratch_.reset(order_scratch_room_ = need);
        order(m.order_key, std::uint32_t(lane.epoch), m.n_train, lane.order, order_scratch_.get());
        for (std::int64_t i = 0; i < m.n_train; i++) lane.order[i] = m.train[lane.order[i]];
        lane.rows = lane.order;
    }

    // Rows [from, from + n) of each lane's epoch; lanes without a member read those of another.
    void batch_lists(RowList<Real>* lists, std::int64_t from, std::int64_t n) const {
        for (int l = 0; l < members; l++) {
            const Lane& lane = lanes_[lanes_[l].who ? l : first_];
            const std::int64_t left = lane.who->n_train - from;
            lists[l] = {static_cast<const Real*>(lane.who->view->rows), lane.who->view->stride, lane.rows + from,
                        left < n ? left : n};
        }
    }

    // ---- a step

    void step() {
        const bool last = batch_ == structure_.n_batches - 1;
        const int n = last ? structure_.last_batch : structure_.batch;
        if (!loaded_) {
            RowList<Real> lists[members];
            batch_lists(lists, batch_ * structure_.batch, n);
            layout_.load_batch(lists, shared_, n);
            loaded_ = structure_.n_batches == 1;
        }
        layout_.gradient(step_, n, batch_sum_, batch_weight_);

        bool within_limits = true;
        for (int l = 0; l < members; l++) {
            loss_[l] = batch_weight_[l] > 0 ? batch_sum_[l] / batch_weight_[l] : Real(0);
            if (step_[l] == 0) [[unlikely]] {
                start_[l] = double(loss_[l]);
                limit_[l] = limit_after(start_[l]);
            }
            within_limits &= loss_[l] <= limit_[l];
            sum_[l] += double(batch_sum_[l]);
            weight_[l] += double(batch_weight_[l]);
        }
        if (!within_limits) [[unlikely]]
            drop_diverged();

        bool some_end = false;
        for (int l = 0; l < members; l++) {
            const Member* m = lanes_[l].who;
            if (!m) continue;
            rate_[l] = m->hyper[0] * m->table[step_[l]] * plateau_[l];
            some_end |= ++step_[l] >= m->max_steps;
        }
        layout_.advance_rule(rate_);
        layout_.update();
        batch_++;
        if (last) {
            batch_ = 0;
            end_epoch();
        }
        if (some_end) [[unlikely]]
            for (Lane& lane : lanes_)
                if (lane.who && step_[lane.index] >= lane.who->max_steps) finish(lane, finished, step_[lane.index]);
    }

    // A member whose loss is not a number, or grew a million times, keeps the parameters from before this step.
    void drop_diverged() {
        for (Lane& lane : lanes_) {
            if (!lane.who || loss_[lane.index] <= limit_[lane.index]) continue;
            if (batch_) record_layers(lane, batch_);
            finish(lane, diverged, step_[lane.index] + 1);
        }
    }

    // What so many steps of this epoch were like, where somebody watches.
    void record_layers(const Lane& lane, std::int64_t n_steps) {
        if (structure_.watch)
            layout_.record_layers(lane.index, n_steps, lane.who->layers + lane.epoch * 3 * structure_.layer_room);
    }

    void end_epoch() {
        alignas(64) double held_sum[members] = {}, held_weight[members] = {};
        bool evaluates[members], any_evaluates = false;
        for (int l = 0; l < members; l++) {
            Lane& lane = lanes_[l];
            evaluates[l] = false;
            if (!lane.who) continue;
            const Member& m = *lane.who;
            m.loss[lane.epoch] = weight_[l] > 0 ? sum_[l] / weight_[l] : 0.0;
            sum_[l] = weight_[l] = 0;
            const std::int64_t done = lane.epoch + 1;
            const bool watched = m.patience > 0 || m.plateau;
            evaluates[l] = m.n_held && (watched || done == m.epochs || done % structure_.record_every == 0);
            any_evaluates |= evaluates[l];
        }
        if (any_evaluates) evaluate(evaluates, held_sum, held_weight);
        for (int l = 0; l < members; l++)
            if (lanes_[l].who) {
                const double held = !evaluates[l] ? 0.0 : held_weight[l] > 0 ? held_sum[l] / held_weight[l] : 0.0;
                end_epoch_of(lanes_[l], evaluates[l], held);
            }
        if (structure_.n_batches > 1) stale_ = true;
    }

    void evaluate(const bool* evaluates, double* sum, double* weight) {
        const Lane* first = nullptr;
        for (int l = 0; l < members && !first; l++)
            if (evaluates[l]) first = &lanes_[l];
        RowList<Real> lists[members];
        std::int64_t n = 0;
        bool shared = true;
        for (int l = 0; l < members; l++) {
            const Member& m = evaluates[l] ? *lanes_[l].who : *first->who;
            lists[l] = {static_cast<const Real*>(m.view->rows), m.view->stride, m.held, evaluates[l] ? m.n_held : 0};
            n = lists[l].n > n ? lists[l].n : n;
            shared &= m.view == first->who->view && m.held_id == first->who->held_id;
        }
        layout_.evaluate(lists, shared, n, sum, weight);
    }

    // In this order: divergence, patience, target, the end.
    void end_epoch_of(Lane& lane, bool evaluated, double held) {
        const Member& m = *lane.who;
        record_layers(lane, structure_.n_batches);
        const std::int64_t e = lane.epoch++, steps = step_[lane.index];
        if (evaluated) {
            m.held_loss[e] = held;
            if (!finite(held)) {
                m.held_loss[e] = __builtin_nan("");
                return finish(lane, diverged, steps);
            }
            if (m.patience > 0) {
                if (held < lane.best - m.min_delta) {
                    lane.best = held;
                    lane.best_epoch = e;
                    lane.bad = 0;
                    layout_.store_parameters(lane.index, static_cast<Real*>(m.best));
                } else {
                    lane.bad++;
                }
            }
        }
        if (m.plateau) lane.plateau.watch(m, e, plateau_[lane.index]);
        answer_probes(lane, lane.epoch);
        if (evaluated && m.patience > 0 && lane.bad >= m.patience) return finish(lane, stopped_early, steps);
        if (m.loss[e] <= m.target_loss) return finish(lane, target_reached, steps);
        if (lane.epoch >= m.epochs) finish(lane, finished, steps);
    }

    // ---- probes

    void answer_probes(const Lane& lane, std::int64_t epoch) {
        const Member& m = *lane.who;
        for (int i = 0; i < m.n_probes; i++) {
            const ProbeRequest& request = m.probes[i];
            for (std::int64_t k = 0; k < request.n_epochs; k++)
                if (request.epochs[k] == epoch) answer(lane, request, k);
        }
    }

    // Always by the layout for one network: the bits are the same, and probes are few.
    void answer(const Lane& lane, const ProbeRequest& request, std::int64_t k) {
        Within<Real> one(structure_, false);
        layout_.store_parameters(lane.index, compact_);
        one.load_parameters(compact_);
        const Probe& probe = *request.probe;
        const RowList<Real> list{static_cast<const Real*>(probe.view->rows), probe.view->stride, probe.rows, probe.n_rows};
        one.predict(list, static_cast<Real*>(request.out) + k * probe.n_rows * structure_.widths[structure_.n_layers]);
    }
};

}  // namespace manyfit::MANYFIT_ISA
