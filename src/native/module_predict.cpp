#include "module_predict.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

#include "arrays.hpp"
#include "cost.hpp"
#include "names.hpp"
#include "session.hpp"

namespace manyfit {
namespace {

using Numbers = nb::ndarray<const double, nb::c_contig, nb::device::cpu>;

// A fresh NumPy array that owns its memory.
template <class T>
struct Fresh {
    T* data;
    nb::object array;
    explicit Fresh(std::vector<std::size_t> shape) {
        std::size_t n = 1;
        for (const std::size_t d : shape) n *= d;
        data = new T[n ? n : 1]();
        nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<T*>(p); });
        array = nb::cast(nb::ndarray<nb::numpy, T>(data, shape.size(), shape.data(), owner));
    }
};

struct FreshReal {
    void* data;
    nb::object array;
    FreshReal(Precision precision, std::vector<std::size_t> shape) {
        if (precision == Precision::float32) {
            Fresh<float> fresh(std::move(shape));
            data = fresh.data, array = fresh.array;
        } else {
            Fresh<double> fresh(std::move(shape));
            data = fresh.data, array = fresh.array;
        }
    }
};

// The plain network of a prediction.
struct Network {
    std::vector<int> widths;
    Structure structure{};
    std::int64_t n_parameters = 0;

    Network(std::vector<int> w, const std::string& activation, const std::string& loss, bool residual, bool norm)
        : widths(std::move(w)) {
        if (widths.size() < 2) refuse("widths must name at least inputs and outputs");
        for (std::size_t i = 0; i < widths.size(); i++)
            if (widths[i] < 1) refuse("widths must be at least 1, got " + std::to_string(widths[i]));
        structure.widths = widths.data();
        structure.n_layers = int(widths.size()) - 1;
        structure.activation = activation_named(activation);
        set_loss(structure, loss);
        structure.batch = structure.n_batches = structure.last_batch = structure.record_every = 1;
        structure.residual = residual, structure.norm = norm;
        n_parameters = manyfit::n_parameters(structure);
    }
};

// Inputs that all networks share, [N, D], or that each has for itself, [P, N, D].
struct Inputs {
    const double* data;
    std::int64_t n_rows;
    int n_columns;
    std::int64_t apart;     // rows between one network's inputs and the next one's
    std::int64_t n_stored;  // rows in all

    Inputs(const Numbers& x, std::int64_t n_members, int n_inputs) : data(x.data()) {
        const bool own = x.ndim() == 3;
        if (x.ndim() != 2 && !own) refuse("X must be [rows, inputs] or [networks, rows, inputs]");
        if (own && std::int64_t(x.shape(0)) != n_members)
            refuse("X is for " + std::to_string(x.shape(0)) + " networks, there are " + std::to_string(n_members));
        n_rows = std::int64_t(x.shape(own ? 1 : 0));
        n_columns = int(x.shape(own ? 2 : 1));
        if (n_columns != n_inputs)
            refuse("X has " + std::to_string(n_columns) + " columns, the network " + std::to_string(n_inputs) + " inputs");
        apart = own ? n_rows : 0;
        n_stored = own ? n_members * n_rows : n_rows;
    }
};

// Calls one(member, from, to) for pieces of the rows of each member, on some threads.
void for_pieces(std::int64_t n_members, std::int64_t n_rows, int threads,
                const std::function<void(std::int64_t, std::int64_t, std::int64_t)>& one) {
    constexpr std::int64_t piece = 4096;
    const std::int64_t per_member = (n_rows + piece - 1) / piece, n = n_members * per_member;
    std::atomic<std::int64_t> next = 0;
    std::exception_ptr failure;
    std::mutex mutex;
    auto run = [&] {
        try {
            for (std::int64_t i; (i = next++) < n;) {
                const std::int64_t from = i % per_member * piece;
                one(i / per_member, from, std::min(n_rows, from + piece));
            }
        } catch (...) {
            const std::lock_guard lock(mutex);
            failure = std::current_exception();
        }
    };
    std::vector<std::thread> others;
    for (int i = 1; i < threads && i < n; i++) others.emplace_back(run);
    run();
    for (std::thread& thread : others) thread.join();
    if (failure) std::rethrow_exception(failure);
}

nb::object forward(const std::string& dtype, std::vector<int> widths, const std::string& activation, nb::object params,
                   Numbers x, const std::string& isa, int threads, bool residual, bool norm) {
    const Precision precision = precision_named(dtype);
    const Kernels& kernels = kernels_named(isa).kernels;
    const Network network(std::move(widths), activation, "mse", residual, norm);
    const Array p = array_of(precision, params, "params", {any_length, network.n_parameters}, false);
    const Inputs inputs(x, p.shape[0], network.widths.front());
    const std::int64_t n_rows = inputs.n_rows, n_outputs = network.widths.back();
    const StoredView view = store_view(precision, inputs.data, inputs.n_stored, inputs.n_columns, nullptr, 1, nullptr, nullptr);
    FreshReal out(precision, {std::size_t(p.shape[0]), std::size_t(n_rows), std::size_t(n_outputs)});
    const std::int64_t size = precision == Precision::float32 ? 4 : 8;
    {
        const nb::gil_scoped_release release;
        for_pieces(p.shape[0], n_rows, threads, [&](std::int64_t member, std::int64_t from, std::int64_t to) {
            kernels.forward(precision, network.structure, static_cast<char*>(p.data) + member * network.n_parameters * size,
                            view.view, member * inputs.apart + from, member * inputs.apart + to,
                            static_cast<char*>(out.data) + (member * n_rows + from) * n_outputs * size);
        });
    }
    return out.array;
}

nb::object input_grad(const std::string& dtype, std::vector<int> widths, const std::string& activation, const std::string& loss,
                      nb::object settings, nb::object params, Numbers x, nb::object y, const std::string& isa, int threads,
                      bool residual, bool norm) {
    const Precision precision = precision_named(dtype);
    const Kernels& kernels = kernels_named(isa).kernels;
    const Network network(std::move(widths), activation, loss, residual, norm);
    const int n_inputs = network.widths.front(), n_outputs = network.widths.back();
    const Array h = array_of<double>(settings, "settings of the loss", {network.structure.n_loss_settings});
    const Array p = array_of(precision, params, "params", {any_length, network.n_parameters}, false);
    const Inputs inputs(x, p.shape[0], n_inputs);
    const std::int64_t n_rows = inputs.n_rows;
    const bool is_class = network.structure.classes;
    const Array targets = is_class ? array_of<std::int64_t>(y, "y", {n_rows}) : array_of<double>(y, "y", {n_rows, n_outputs});
    const auto* classes = is_class ? static_cast<const std::int64_t*>(targets.data) : nullptr;
    const auto* numbers = is_class ? nullptr : static_cast<const double*>(targets.data);
    for (std::int64_t i = 0; classes && i < n_rows; i++)
        if (classes[i] < 0 || classes[i] >= n_outputs) refuse("classes must be 0 to " + std::to_string(n_outputs - 1));
    const StoredView view =
        store_view(precision, inputs.data, inputs.n_stored, n_inputs, numbers, is_class ? 1 : n_outputs, classes, nullptr, n_rows);
    FreshReal out(precision, {std::size_t(p.shape[0]), std::size_t(n_rows), std::size_t(n_inputs)});
    const std::int64_t size = precision == Precision::float32 ? 4 : 8;
    {
        const nb::gil_scoped_release release;
        for_pieces(p.shape[0], n_rows, threads, [&](std::int64_t member, std::int64_t from, std::int64_t to) {
            kernels.input_grad(precision, network.structure, static_cast<const double*>(h.data),
                               static_cast<char*>(p.data) + member * network.n_parameters * size,
                               view.view, member * inputs.apart + from, member * inputs.apart + to,
                               static_cast<char*>(out.data) + (member * n_rows + from) * n_inputs * size);
        });
    }
    return out.array;
}

}  // namespace

void bind_predict(nb::module_& m) {
    using nb::arg;
    m.def("forward", &forward, arg("dtype"), arg("widths"), arg("activation"), arg("params"), arg("X"), arg("isa") = "",
          arg("threads") = 1, arg("residual") = false, arg("norm") = false, "Logits [P, N, C].");
    m.def("input_grad", &input_grad, arg("dtype"), arg("widths"), arg("activation"), arg("loss"), arg("settings"), arg("params"),
          arg("X"), arg("y"), arg("isa") = "", arg("threads") = 1, arg("residual") = false, arg("norm") = false,
          "Gradient of each row's own loss, [P, N, D].");
}

}  // namespace manyfit
