// The extension module: what Python sees of the core.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>

#include "add_group.hpp"
#include "arrays.hpp"
#include "module_math.hpp"
#include "module_predict.hpp"
#include "names.hpp"

namespace manyfit {
namespace {

using Numbers2 = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

// ---- Session

struct PySession {
    Session session;
    std::vector<nb::object> keep;  // arrays of Python that members live in

    PySession(const std::string& dtype, const std::string& isa) : session(precision_named(dtype), kernels_named(isa)) {}

    int add_view(Numbers2 x, nb::object y, nb::object weights) {
        const std::int64_t n = std::int64_t(x.shape(0));
        const double *targets = nullptr, *w = nullptr;
        const std::int64_t* classes = nullptr;
        int n_targets = 1;
        if (nb::ndarray<nb::ro> given; nb::try_cast(y, given, false) && given.ndim() == 1 && given.dtype() == nb::dtype<std::int64_t>()) {
            classes = static_cast<const std::int64_t*>(array_of<std::int64_t>(y, "y", {n}).data);
            for (std::int64_t i = 0; i < n; i++)
                if (classes[i] < 0 || classes[i] >= (1 << 24)) refuse("classes must be 0 to 2^24 - 1, got " + std::to_string(classes[i]));
        } else {
            const Array a = array_of<double>(y, "y (unless int64 classes of shape [N])", {n, any_length});
            targets = static_cast<const double*>(a.data);
            n_targets = int(a.shape[1]);
            if (n_targets < 1) refuse("y must have at least one column");
        }
        if (!weights.is_none()) w = static_cast<const double*>(array_of<double>(weights, "weights", {n}).data);
        session.views.push_back(store_view(session.precision(), x.data(), n, int(x.shape(1)), targets, n_targets, classes, w));
        return int(session.views.size()) - 1;
    }
    int add_table(nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu> multipliers) {
        session.tables.emplace_back(multipliers.data(), multipliers.data() + multipliers.shape(0));
        return int(session.tables.size()) - 1;
    }
    int add_probe(int view, nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu> rows) {
        if (view < 0 || view >= int(session.views.size())) refuse("unknown view " + std::to_string(view));
        const View& table = session.views[std::size_t(view)].view;
        for (std::size_t i = 0; i < rows.shape(0); i++)
            if (rows(i) < 0 || rows(i) >= table.n_rows)
                refuse("rows of a probe must be 0 to " + std::to_string(table.n_rows - 1) + ", got " + std::to_string(rows(i)));
        auto& kept = session.probe_rows.emplace_back(rows.data(), rows.data() + rows.shape(0));
        session.probes.push_back({&table, kept.data(), std::int64_t(kept.size())});
        return int(session.probes.size()) - 1;
    }
    bool advance(std::optional<double> seconds, std::optional<std::int64_t> max_steps, int threads) {
        if (threads < 1) refuse("threads must be at least 1, got " + std::to_string(threads));
        if (max_steps && *max_steps < 1) refuse("max_steps must be at least 1, got " + std::to_string(*max_steps));
        if (seconds && !(*seconds >= 0)) refuse("seconds must not be negative, got " + std::to_string(*seconds));
        constexpr double years = 1e9;  // more would overflow the clock
        if (seconds) seconds = std::min(*seconds, years);
        const nb::gil_scoped_release release;
        return session.advance(seconds, max_steps, threads);
    }
    void flush() {
        const nb::gil_scoped_release release;
        session.flush();
    }
};

// ---- what there is

nb::list texts(const char* const* words, int n) {
    nb::list list;
    for (int i = 0; i < n; i++) list.append(words[i]);
    return list;
}

nb::dict catalog() {
    nb::dict rules;
    const Catalog& found = usable_kernels().front().kernels.catalog;
    for (int i = 0; i < found.n_rules; i++) {
        const RuleCard& card = found.rules[i];
        nb::dict rule;
        rule["hypers"] = texts(card.hypers, card.n_hypers);
        rule["flags"] = texts(card.flags, card.n_flags);
        nb::list states;
        for (int form = 0; form < card.n_forms; form++) states.append(texts(card.forms[form].names, card.forms[form].n));
        rule["states"] = states;
        rule["linear"] = card.linear;
        rules[card.name] = rule;
    }
    nb::dict all;
    all["optimizers"] = rules;
    nb::dict losses;
    for (const LossCard& card : loss_cards) losses[card.name.c_str()] = card.settings;
    all["losses"] = losses;
    all["activations"] = activation_names;
    return all;
}

}  // namespace
}  // namespace manyfit

NB_MODULE(_native, m) {
    using namespace manyfit;
    using nb::arg;
    m.doc() = "The native core: trains populations of dense networks.";
    m.def("version", [] { return MANYFIT_VERSION; }, "Version of the package this core was built for.");
    m.def("isa", [] { return usable_kernels().front().name; }, "The best instruction set of this processor and build.");
    m.def(
        "isas",
        [] {
            std::vector<std::string> names;
            for (const NamedKernels& one : usable_kernels()) names.push_back(one.name);
            return names;
        },
        "Instruction sets that run here, best first.");
    m.def("catalog", &catalog, "Rules with their hyperparameters, flags and state; losses; activations.");
    bind_math(m);
    bind_predict(m);
    nb::class_<PySession>(m, "Session", "Trains groups of members; see engines/native/group.py for the arrays.")
        .def(nb::init<const std::string&, const std::string&>(), arg("dtype"), arg("isa") = "")
        .def("add_view", &PySession::add_view, arg("X"), arg("y"), arg("weights").none() = nb::none())
        .def("add_table", &PySession::add_table, arg("multipliers"))
        .def("add_probe", &PySession::add_probe, arg("view"), arg("rows"))
        .def("add_group",
             [](PySession& self, const nb::kwargs& spec) { return add_group(self.session, spec, self.keep); })
        .def("advance", &PySession::advance, arg("seconds").none() = nb::none(), arg("max_steps").none() = nb::none(),
             arg("threads") = 1)
        .def("flush", &PySession::flush)
        .def_prop_ro("seconds", [](const PySession& self) { return self.session.seconds(); });
}
