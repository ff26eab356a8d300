#include "add_group.hpp"

#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <unordered_map>

#include "arrays.hpp"
#include "cost.hpp"
#include "names.hpp"

namespace manyfit {
namespace {

// Reads the keywords, remembers the arrays, and notices words that nobody asked for.
class Spec {
public:
    Spec(const nb::kwargs& words, std::vector<nb::object>& keep) : words_(words), keep_(keep) {}

    nb::object at(const char* name) {
        if (!words_.contains(name)) refuse(std::string("add_group needs '") + name + "'");
        seen_.push_back(name);
        return words_[name];
    }
    template <class T>
    T value(const char* name) {
        T result;
        if (!nb::try_cast(at(name), result)) refuse(std::string("add_group: '") + name + "' has the wrong type");
        return result;
    }
    template <class T>
    T* array(const char* name, std::initializer_list<std::int64_t> shape, bool writable = false) {
        last_ = array_of<T>(at(name), name, shape, writable);
        keep_.push_back(last_.keep);
        return static_cast<T*>(last_.data);
    }
    char* array(Precision precision, const char* name, std::initializer_list<std::int64_t> shape) {
        last_ = array_of(precision, at(name), name, shape, true);
        keep_.push_back(last_.keep);
        return static_cast<char*>(last_.data);
    }
    std::int64_t last_shape(int axis) const { return last_.shape[axis]; }
    void keep(const nb::object& object) { keep_.push_back(object); }

    void nothing_else() {
        for (auto [key, _] : words_) {
            const std::string name = nb::cast<std::string>(key);
            if (std::find(seen_.begin(), seen_.end(), name) == seen_.end())
                refuse("add_group does not know '" + name + "'");
        }
    }

private:
    const nb::kwargs& words_;
    std::vector<nb::object>& keep_;
    std::vector<std::string> seen_;
    Array last_;
};

// Equal lists of rows of one view get equal numbers, so that members which read the same rows can read them together.
class RowIds {
public:
    std::int32_t of(const View* view, const std::int32_t* rows, std::int64_t n) {
        std::uint64_t hash = 14695981039346656037ull ^ reinterpret_cast<std::uintptr_t>(view);
        for (std::int64_t i = 0; i < n; i++) hash = (hash ^ std::uint64_t(rows[i])) * 1099511628211ull;
        for (const Entry& e : entries_[hash])
            if (e.view == view && e.n == n && !std::memcmp(e.rows, rows, sizeof(*rows) * std::size_t(n))) return e.id;
        entries_[hash].push_back({view, rows, n, next_});
        return next_++;
    }

private:
    struct Entry {
        const View* view;
        const std::int32_t* rows;
        std::int64_t n;
        std::int32_t id;
    };
    std::unordered_map<std::uint64_t, std::vector<Entry>> entries_;
    std::int32_t next_ = 0;
};

std::string who(std::int64_t member) { return " (member " + std::to_string(member) + ")"; }

void check_rows(const std::int32_t* rows, std::int64_t n, const View& view, const char* what, std::int64_t member) {
    for (std::int64_t i = 0; i < n; i++)
        if (rows[i] < 0 || rows[i] >= view.n_rows)
            refuse(std::string(what) + " rows must be 0 to " + std::to_string(view.n_rows - 1) + ", got " +
                   std::to_string(rows[i]) + who(member));
}

void check_offsets(const std::int64_t* offsets, std::int64_t n_members, std::int64_t n_rows, const char* what) {
    bool good = offsets[0] == 0 && offsets[n_members] == n_rows;
    for (std::int64_t i = 0; i < n_members; i++) good = good && offsets[i] <= offsets[i + 1];
    if (!good) refuse(std::string(what) + " must rise from 0 to the number of rows, " + std::to_string(n_rows));
}

void read_structure(Spec& spec, const Session& session, Group& group) {
    Structure& s = group.structure;
    group.widths = spec.value<std::vector<int>>("widths");
    if (group.widths.size() < 2) refuse("widths must name at least inputs and outputs");
    for (const int width : group.widths)
        if (width < 1) refuse("widths must be at least 1, got " + std::to_string(width));
    s.widths = group.widths.data();
    s.n_layers = int(group.widths.size()) - 1;
    s.activation = activation_named(spec.value<std::string>("activation"));
    set_loss(s, spec.value<std::string>("loss"));
    const Catalog& catalog = session.kernels().kernels.catalog;
    s.optimizer = rule_named(spec.value<std::string>("optimizer"), catalog);
    const RuleCard& rule = catalog.rules[s.optimizer];
    for (const auto& [name, on] : spec.value<std::map<std::string, int>>("flags")) {
        const int bit = index_of(name, std::vector<std::string>(rule.flags, rule.flags + rule.n_flags), "flag of the optimizer");
        if (on) s.flags |= 1u << bit;
    }
    s.batch = spec.value<int>("batch_size");
    if (s.batch < 1) refuse("batch_size must be at least 1, got " + std::to_string(s.batch));
    s.shuffle = spec.value<bool>("shuffle");
    s.record_every = spec.value<int>("record_every");
    if (s.record_every < 1) refuse("record_every must be at least 1, got " + std::to_string(s.record_every));
    s.watch = spec.value<bool>("watch");
    s.residual = spec.value<bool>("residual");
    s.norm = spec.value<bool>("norm");
    group.layout = LayoutChoice(index_of(spec.value<std::string>("layout"), {"auto", "across", "within"}, "layout"));
}

// Batches of an epoch of n rows. The last one is filled up to a multiple of 8 rows with rows of weight zero.
void read_batches(Structure& s, std::int64_t n, bool first, std::int64_t member) {
    if (n < 1) refuse("a member needs at least one training row" + who(member));
    const std::int64_t batch = std::min<std::int64_t>(s.batch, n), n_batches = (n + batch - 1) / batch;
    const std::int64_t rest = n - (n_batches - 1) * batch, last = std::min(batch, (rest + 7) / 8 * 8);
    if (first) {
        s.batch = int(batch), s.n_batches = int(n_batches), s.last_batch = int(last);
    } else if (batch != s.batch || n_batches != s.n_batches || last != s.last_batch) {
        refuse("members of a group must agree in batch size, batches of an epoch and (rounded up to 8) rows of the last batch" +
               who(member));
    }
}

// Sums of the running epoch of a watched member: three for each layer, one for each hidden unit.
std::int64_t n_sums_watched(const std::vector<int>& widths) {
    std::int64_t n = 3 * (std::int64_t(widths.size()) - 1);
    for (std::size_t i = 1; i + 1 < widths.size(); i++) n += widths[i];
    return n;
}

struct Probing {
    const Probe* probe;
    const std::int32_t* epochs;
    std::int64_t n_epochs;
    char* out;
};

std::vector<Probing> read_probes(Spec& spec, const Session& session, const Group& group, std::int64_t n_members) {
    std::vector<Probing> all;
    for (nb::handle item : spec.value<nb::list>("probes")) {
        nb::tuple parts;
        int id;
        if (!nb::try_cast(item, parts) || parts.size() != 3 || !nb::try_cast(parts[0], id))
            refuse("probes must be tuples (probe, epochs, out)");
        if (id < 0 || id >= int(session.probes.size())) refuse("unknown probe " + std::to_string(id));
        const Probe& probe = session.probes[id];
        if (probe.view->n_inputs != group.widths.front()) refuse("a probe's rows must have as many inputs as the network");
        const Array epochs = array_of<std::int32_t>(parts[1], "epochs of a probe", {any_length});
        const Array out = array_of(session.precision(), parts[2], "out of a probe",
                                   {n_members, epochs.shape[0], probe.n_rows, group.widths.back()}, true);
        spec.keep(epochs.keep), spec.keep(out.keep);
        all.push_back({&probe, static_cast<const std::int32_t*>(epochs.data), epochs.shape[0], static_cast<char*>(out.data)});
    }
    return all;
}

}  // namespace

int add_group(Session& session, const nb::kwargs& words, std::vector<nb::object>& keep) {
    Spec spec(words, keep);
    Group& group = session.groups.emplace_back();
    try {
        read_structure(spec, session, group);
        Structure& s = group.structure;
        const RuleCard& rule = session.kernels().kernels.catalog.rules[s.optimizer];
        const Precision precision = session.precision();
        const std::size_t size = precision == Precision::float32 ? 4 : 8;

        const double* hyper = spec.array<double>("hyper", {any_length, rule.n_hypers});
        const std::int64_t P = spec.last_shape(0);
        const double* loss_settings = spec.array<double>("loss_settings", {P, s.n_loss_settings});
        const std::int64_t n_parameters = manyfit::n_parameters(s);

        const auto* table = spec.array<std::int32_t>("table", {P});
        const auto* plateau = spec.array<double>("plateau", {P, plateau_columns});
        const auto* keys = spec.array<std::uint64_t>("keys", {P, 2});
        const auto* epochs = spec.array<std::int32_t>("epochs", {P});
        const auto* view = spec.array<std::int32_t>("view", {P});
        const auto* train = spec.array<std::int32_t>("train", {any_length});
        const std::int64_t n_train = spec.last_shape(0);
        const auto* train_offsets = spec.array<std::int64_t>("train_offsets", {P + 1});
        const auto* held = spec.array<std::int32_t>("held", {any_length});
        const std::int64_t n_held = spec.last_shape(0);
        const auto* held_offsets = spec.array<std::int64_t>("held_offsets", {P + 1});
        check_offsets(train_offsets, P, n_train, "train_offsets");
        check_offsets(held_offsets, P, n_held, "held_offsets");
        const auto* keep16 = spec.array<std::uint32_t>("keep16", {P, s.n_layers});
        const auto* noise = spec.array<double>("noise", {P});
        const auto* input_keep16 = spec.array<std::uint32_t>("input_keep16", {P});
        const auto* l1 = spec.array<double>("l1", {P});
        const auto* l2 = spec.array<double>("l2", {P});
        const auto* l1_bias = spec.array<double>("l1_bias", {P});
        const auto* l2_bias = spec.array<double>("l2_bias", {P});
        const auto* threshold = spec.array<double>("threshold", {P});
        const auto* threshold_bias = spec.array<double>("threshold_bias", {P});
        const auto* clip_value = spec.array<double>("clip_value", {P});
        const auto* clip_norm = spec.array<double>("clip_norm", {P});
        const auto* min_delta = spec.array<double>("min_delta", {P});
        const auto* target_loss = spec.array<double>("target_loss", {P});
        const auto* max_steps = spec.array<std::int64_t>("max_steps", {P});
        const auto* patience = spec.array<std::int32_t>("patience", {P});

        char* params = spec.array(precision, "params", {P, n_parameters});
        const std::int64_t n_state = rule.state(s.flags).n;
        char* state = spec.array(precision, "state", {P, n_state, n_parameters});
        char* best = spec.array(precision, "best", {P, any_length});
        const std::int64_t n_best = spec.last_shape(1);
        if (n_best != 0 && n_best != n_parameters) refuse("best must have all parameters of a member, or none");
        auto* loss = spec.array<double>("loss_record", {P, any_length}, true);
        const std::int64_t T = spec.last_shape(1);
        auto* held_loss = spec.array<double>("held_record", {P, T}, true);
        auto* layers = spec.array<double>("layers_record", {P, T, 3, any_length}, true);
        s.layer_room = int(spec.last_shape(3));
        auto* watched = spec.array<double>("watched", {P, any_length}, true);
        const std::int64_t n_watched = spec.last_shape(1);
        if (s.watch && (s.layer_room < s.n_layers || n_watched < n_sums_watched(group.widths)))
            refuse("layers_record and watched must have room for every layer and every hidden unit");
        auto* cursor = spec.array<std::int64_t>("cursor", {P, cursor_columns}, true);
        auto* sums = spec.array<double>("sums", {P, sums_columns}, true);
        const std::vector<Probing> probes = read_probes(spec, session, group, P);
        spec.nothing_else();

        RowIds ids;
        group.members.resize(std::size_t(P));
        group.requests.resize(std::size_t(P) * probes.size());
        for (std::int64_t p = 0; p < P; p++) {
            Member& m = group.members[std::size_t(p)];
            m.params = params + p * n_parameters * size;
            m.state = state + p * n_state * n_parameters * size;
            m.best = n_best ? best + p * n_parameters * size : nullptr;
            m.loss = loss + p * T, m.held_loss = held_loss + p * T;
            m.layers = layers + p * T * 3 * s.layer_room, m.watched = watched + p * n_watched;
            m.cursor = cursor + p * cursor_columns, m.sums = sums + p * sums_columns;
            m.hyper = hyper + p * rule.n_hypers;
            m.loss_settings = loss_settings + p * s.n_loss_settings;
            m.order_key = keys[2 * p], m.noise_key = keys[2 * p + 1];
            m.epochs = epochs[p], m.patience = patience[p], m.max_steps = max_steps[p];
            if (m.epochs < 0 || m.epochs > T) refuse("epochs must be 0 to the columns of loss_record, " + std::to_string(T) + who(p));
            if (view[p] < 0 || view[p] >= int(session.views.size())) refuse("unknown view " + std::to_string(view[p]) + who(p));
            const StoredView& stored = session.views[std::size_t(view[p])];
            m.view = &stored.view;
            if (m.view->n_inputs != group.widths.front())
                refuse("the view has " + std::to_string(m.view->n_inputs) + " inputs, the network " +
                       std::to_string(group.widths.front()) + who(p));
            if (m.view->classes != s.classes)
                refuse(std::string("the loss needs targets that are ") + (m.view->classes ? "numbers" : "classes") + who(p));
            if (!m.view->classes && m.view->n_targets != group.widths.back())
                refuse("the view has " + std::to_string(m.view->n_targets) + " targets, the network " +
                       std::to_string(group.widths.back()) + " outputs" + who(p));
            if (stored.largest_class >= group.widths.back())
                refuse("class " + std::to_string(stored.largest_class) + " needs more outputs than " +
                       std::to_string(group.widths.back()) + who(p));
            m.train = train + train_offsets[p], m.n_train = train_offsets[p + 1] - train_offsets[p];
            m.held = held + held_offsets[p], m.n_held = held_offsets[p + 1] - held_offsets[p];
            check_rows(m.train, m.n_train, *m.view, "training", p);
            check_rows(m.held, m.n_held, *m.view, "held", p);
            m.train_id = ids.of(m.view, m.train, m.n_train), m.held_id = ids.of(m.view, m.held, m.n_held);
            read_batches(s, m.n_train, p == 0, p);
            if (table[p] < 0 || table[p] >= int(session.tables.size())) refuse("unknown table " + std::to_string(table[p]) + who(p));
            const std::vector<double>& rates = session.tables[std::size_t(table[p])];
            if (std::int64_t(rates.size()) < std::int64_t(m.epochs) * s.n_batches)
                refuse("the table of rates has " + std::to_string(rates.size()) + " steps, the member needs " +
                       std::to_string(std::int64_t(m.epochs) * s.n_batches) + who(p));
            m.table = rates.data();
            m.plateau = plateau[p * plateau_columns + plateau_patience] < 0 ? nullptr : plateau + p * plateau_columns;
            m.keep16 = keep16 + p * s.n_layers;
            for (int i = 0; i < s.n_layers; i++)
                if (m.keep16[i] > 65536) refuse("keep16 must be at most 65536" + who(p));
            m.noise = noise[p], m.input_keep16 = input_keep16[p];
            if (m.input_keep16 > 65536) refuse("input_keep16 must be at most 65536" + who(p));
            if (m.patience > 0 && !m.n_held) refuse("early stopping needs held rows" + who(p));
            if (m.patience > 0 && !n_best) refuse("early stopping needs 'best' to keep parameters in" + who(p));
            m.l1 = l1[p], m.l2 = l2[p], m.l1_bias = l1_bias[p], m.l2_bias = l2_bias[p];
            m.threshold = threshold[p], m.threshold_bias = threshold_bias[p];
            if ((m.threshold != 0 || m.threshold_bias != 0) && !rule.linear)
                refuse(std::string("a threshold needs a rule whose step is linear in the gradient") + who(p));
            m.clip_value = clip_value[p], m.clip_norm = clip_norm[p];
            m.min_delta = min_delta[p], m.target_loss = target_loss[p];
            m.probes = group.requests.data() + std::size_t(p) * probes.size();
            m.n_probes = int(probes.size());
            for (std::size_t i = 0; i < probes.size(); i++) {
                const Probing& one = probes[i];
                const std::int64_t numbers = one.n_epochs * one.probe->n_rows * group.widths.back();
                group.requests[std::size_t(p) * probes.size() + i] = {one.probe, one.epochs, one.n_epochs,
                                                                      one.out + p * numbers * std::int64_t(size)};
            }
        }
        group.open();
    } catch (...) {
        session.groups.pop_back();
        throw;
    }
    return int(session.groups.size()) - 1;
}

}  // namespace manyfit
