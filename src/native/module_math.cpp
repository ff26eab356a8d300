#include "module_math.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <memory>
#include <string>

#include "dispatch.hpp"

namespace nb = nanobind;

namespace manyfit {

namespace {

template <class T>
using Words = nb::ndarray<const T, nb::numpy, nb::c_contig, nb::device::cpu>;
template <class T, int N>
using Rows = nb::ndarray<const T, nb::numpy, nb::shape<-1, N>, nb::c_contig, nb::device::cpu>;

// A new array of NumPy and the memory behind it.
template <class T>
struct NewArray {
    T* data;
    nb::ndarray<nb::numpy, T> array;
    NewArray(std::size_t ndim, const std::size_t* shape) {
        std::size_t n = 1;
        for (std::size_t d = 0; d < ndim; d++) n *= shape[d];
        data = new T[n ? n : 1]();
        nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<T*>(p); });
        array = nb::ndarray<nb::numpy, T>(data, ndim, shape, owner);
    }
};

template <class T>
nb::ndarray<nb::numpy, T> apply(const Kernels& kernels, const std::string& name, Precision precision, const Words<T>& x) {
    std::unique_ptr<std::size_t[]> shape(new std::size_t[x.ndim() + 1]);
    for (std::size_t d = 0; d < x.ndim(); d++) shape[d] = x.shape(d);
    NewArray<T> y(x.ndim(), shape.get());
    if (!kernels.elementary(name.c_str(), precision, x.data(), y.data, std::int64_t(x.size())))
        throw nb::value_error(("elementary: there is no function '" + name +
                               "'. Known: exp, log, log1p, softplus, sigmoid, tanh, expm1, normal_below, sqrt, sin_quarters, cos_quarters, adam_ratio (of 1, x and 0).").c_str());
    return y.array;
}

void check_at_least(const char* what, std::int64_t value, std::int64_t least) {
    if (value < least)
        throw nb::value_error((std::string(what) + " must be at least " + std::to_string(least) + ", got " +
                               std::to_string(value) + ".").c_str());
}

}  // namespace

void bind_math(nb::module_& m) {
    m.def(
        "elementary",
        [](const std::string& name, const Words<float>& x, const std::string& isa) {
            return apply<float>(kernels_named(isa).kernels, name, Precision::float32, x);
        },
        nb::arg("name"), nb::arg("x").noconvert(), nb::arg("isa") = "",
        "One elementary function of the core on an array, in its own precision, by the kernels of one instruction set.");
    m.def(
        "elementary",
        [](const std::string& name, const Words<double>& x, const std::string& isa) {
            return apply<double>(kernels_named(isa).kernels, name, Precision::float64, x);
        },
        nb::arg("name"), nb::arg("x").noconvert(), nb::arg("isa") = "");
    m.def(
        "philox",
        [](const Rows<std::uint32_t, 4>& counters, const Rows<std::uint32_t, 2>& keys, int rounds,
                 const std::string& isa) {
            if (counters.shape(0) != keys.shape(0))
                throw nb::value_error(("philox: counters and keys must have equally many rows, got " +
                                       std::to_string(counters.shape(0)) + " and " + std::to_string(keys.shape(0)) + ".").c_str());
            const std::size_t shape[2] = {counters.shape(0), 4};
            NewArray<std::uint32_t> out(2, shape);
            if (!kernels_named(isa).kernels.philox(counters.data(), keys.data(), std::int64_t(shape[0]), rounds, out.data))
                throw nb::value_error(("philox: rounds must be 7 or 10, got " + std::to_string(rounds) + ".").c_str());
            return out.array;
        },
        nb::arg("counters"), nb::arg("keys"), nb::arg("rounds") = 10, nb::arg("isa") = "",
        "Philox4x32: four random words for each row of counters [n, 4] and keys [n, 2], all uint32.");
    m.def(
        "order",
        [](std::uint64_t key, std::uint32_t epoch, std::int64_t n, const std::string& isa) {
            check_at_least("order: n", n, 0);
            if (n > INT32_MAX) throw nb::value_error("order: n must fit into 32 bits.");
            const std::size_t shape[1] = {std::size_t(n)};
            NewArray<std::int32_t> out(1, shape);
            kernels_named(isa).kernels.order(key, epoch, n, out.data);
            return out.array;
        },
        nb::arg("key"), nb::arg("epoch"), nb::arg("n"), nb::arg("isa") = "",
        "The order in which an epoch visits n rows: a stable argsort of random words.");
    m.def(
        "dropout_mask",
        [](std::uint64_t key, std::uint32_t step, int layer, std::int64_t n_positions, int n_units, std::uint32_t keep16,
                 const std::string& isa) {
            check_at_least("dropout_mask: layer", layer, 0);
            check_at_least("dropout_mask: n_positions", n_positions, 0);
            check_at_least("dropout_mask: n_units", n_units, 0);
            if (keep16 > 65536)
                throw nb::value_error(("dropout_mask: keep16 must be at most 65536 (keep all), got " +
                                       std::to_string(keep16) + ".").c_str());
            const std::size_t shape[2] = {std::size_t(n_positions), std::size_t(n_units)};
            NewArray<double> out(2, shape);
            const Kernels& kernels = kernels_named(isa).kernels;
            if (n_positions && n_units) kernels.dropout_mask(key, step, layer, n_positions, n_units, keep16, out.data);
            return out.array;
        },
        nb::arg("key"), nb::arg("step"), nb::arg("layer"), nb::arg("n_positions"), nb::arg("n_units"), nb::arg("keep16"),
        nb::arg("isa") = "",
        "What each unit of each batch position is multiplied by in one step: 0 or 65536 / keep16, [n_positions, n_units].");
}

}  // namespace manyfit
