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
#include "names.hpp"
#include "session.hpp"

namespace manyfit {
namespace {

using Numbers2 = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

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

    Network(std::vector<int> w, const std::string& activation, Loss loss) : widths(std::move(w)) {
        if (widths.size() < 2) refuse("widths must name at least inputs and outputs");
        for (std::size_t i = 0; i < widths.size(); i++)
            if (widths[i] < 1) refuse("widths must be at least 1, got " + std::to_string(widths[i]));
        for (std::size_t i = 0; i + 1 < widths.size(); i++) n_parameters += std::int64_t(widths[i] + 1) * widths[i + 1];
        structure.widths = widths.data();
        structure.n_layers = int(widths.size()) - 1;
        structure.activation = activation_named(activation);
        structure.loss = loss;
        structure.batch = structure.n_batches = structure.last_batch = structure.record_every = 1;
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
                   Numbers2 x, const std::string& isa, int threads) {
    const Precision precision = precision_named(dtype);
    const Kernels& kernels = kernels_named(isa).kernels;
    const Network network(std::move(widths), activation, Loss::cross_entropy);
    if (int(x.shape(1)) != network.widths.front())
        refuse("X has " + std::to_string(x.shape(1)) + " columns, the network " + std::to_string(network.widths.front()) + " inputs");
    const Array p = array_of(precision, params, "params", {any_length, network.n_parameters}, false);
    const std::int64_t n_rows = std::int64_t(x.shape(0)), n_outputs = network.widths.back();
    const StoredView view = store_view(precision, x.data(), n_rows, int(x.shape(1)), nullptr, 1, nullptr, nullptr);
    FreshReal out(precision, {std::size_t(p.shape[0]), std::size_t(n_rows), std::size_t(n_outputs)});
    const std::int64_t size = precision == Precision::float32 ? 4 : 8;
    {
        const nb::gil_scoped_release release;
        for_pieces(p.shape[0], n_rows, threads, [&](std::int64_t member, std::int64_t from, std::int64_t to) {
            kernels.forward(precision, network.structure, static_cast<char*>(p.data) + member * network.n_parameters * size,
                            view.view, from, to, static_cast<char*>(out.data) + (member * n_rows + from) * n_outputs * size);
        });
    }
    return out.array;
}

nb::object input_grad(const std::string& dtype, std::vector<int> widths, const std::string& activation, const std::string& loss,
                      nb::object params, Numbers2 x, nb::object y, const std::string& isa, int threads) {
    const Precision precision = precision_named(dtype);
    const Kernels& kernels = kernels_named(isa).kernels;
    const Network network(std::move(widths), activation, loss_named(loss));
    const int n_inputs = int(x.shape(1)), n_outputs = network.widths.back();
    if (n_inputs != network.widths.front())
        refuse("X has " + std::to_string(n_inputs) + " columns, the network " + std::to_string(network.widths.front()) + " inputs");
    const Array p = array_of(precision, params, "params", {any_length, network.n_parameters}, false);
    const std::int64_t n_rows = std::int64_t(x.shape(0));
    const bool is_class = network.structure.loss == Loss::cross_entropy;
    const Array targets = is_class ? array_of<std::int64_t>(y, "y", {n_rows}) : array_of<double>(y, "y", {n_rows, n_outputs});
    const auto* classes = is_class ? static_cast<const std::int64_t*>(targets.data) : nullptr;
    const auto* numbers = is_class ? nullptr : static_cast<const double*>(targets.data);
    for (std::int64_t i = 0; classes && i < n_rows; i++)
        if (classes[i] < 0 || classes[i] >= n_outputs) refuse("classes must be 0 to " + std::to_string(n_outputs - 1));
    const StoredView view =
        store_view(precision, x.data(), n_rows, n_inputs, numbers, is_class ? 1 : n_outputs, classes, nullptr);
    FreshReal out(precision, {std::size_t(p.shape[0]), std::size_t(n_rows), std::size_t(n_inputs)});
    const std::int64_t size = precision == Precision::float32 ? 4 : 8;
    {
        const nb::gil_scoped_release release;
        for_pieces(p.shape[0], n_rows, threads, [&](std::int64_t member, std::int64_t from, std::int64_t to) {
            kernels.input_grad(precision, network.structure, static_cast<char*>(p.data) + member * network.n_parameters * size,
                               view.view, from, to, static_cast<char*>(out.data) + (member * n_rows + from) * n_inputs * size);
        });
    }
    return out.array;
}

}  // namespace

void bind_predict(nb::module_& m) {
    using nb::arg;
    m.def("forward", &forward, arg("dtype"), arg("widths"), arg("activation"), arg("params"), arg("X"), arg("isa") = "",
          arg("threads") = 1, "Logits [P, N, C].");
    m.def("input_grad", &input_grad, arg("dtype"), arg("widths"), arg("activation"), arg("loss"), arg("params"), arg("X"),
          arg("y"), arg("isa") = "", arg("threads") = 1, "Gradient of each row's own loss, [P, N, D].");
}

}  // namespace manyfit
