// NumPy arrays as pointers, refused with one clear sentence when they are not what the core reads and writes.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <initializer_list>
#include <string>

#include "plan.hpp"

namespace manyfit {

namespace nb = nanobind;

[[noreturn]] inline void refuse(const std::string& sentence) { throw nb::value_error(sentence.c_str()); }

inline constexpr std::int64_t any_length = -1;

inline std::string shape_text(std::initializer_list<std::int64_t> shape) {
    std::string text = "[";
    for (const std::int64_t n : shape) text += (text.size() > 1 ? ", " : "") + (n == any_length ? "any" : std::to_string(n));
    return text + "]";
}

// What an array turned out to be.
struct Array {
    void* data = nullptr;
    std::int64_t shape[4] = {};
    nb::object keep;  // the array itself
};

// An array of this type and shape, contiguous in the order of C, writable when asked for.
inline Array array_of(nb::handle object, const std::string& name, nb::dlpack::dtype type, const char* type_name,
                      std::initializer_list<std::int64_t> shape, bool writable = false) {
    const std::string wanted = name + " must be a " + (writable ? "writable " : "") + "C-contiguous " + type_name +
                               " array of shape " + shape_text(shape);
    nb::ndarray<nb::ro> array;
    if (writable) {
        nb::ndarray<> open;
        if (!nb::try_cast(object, open, false)) refuse(wanted + ", got something else or a read-only array");
        array = nb::ndarray<nb::ro>(open);
    } else if (!nb::try_cast(object, array, false)) {
        refuse(wanted + ", got " + std::string(nb::str(object.type()).c_str()));
    }
    if (array.dtype() != type) refuse(wanted + ", got another dtype");
    std::string got = "[";
    for (std::size_t i = 0; i < array.ndim(); i++) got += (i ? ", " : "") + std::to_string(array.shape(i));
    got += "]";
    if (array.ndim() != shape.size()) refuse(wanted + ", got shape " + got);
    Array result;
    std::int64_t stride = 1;
    for (std::size_t i = shape.size(); i-- > 0;) {
        const std::int64_t length = std::int64_t(array.shape(i)), asked = shape.begin()[i];
        if (asked != any_length && asked != length) refuse(wanted + ", got shape " + got);
        if (length > 1 && array.size() && array.stride(i) != stride) refuse(wanted + ", got one that is not contiguous");
        stride *= length;
        result.shape[i] = length;
    }
    result.data = const_cast<void*>(static_cast<const void*>(array.data()));
    result.keep = nb::borrow(object);
    return result;
}

template <class T>
Array array_of(nb::handle object, const std::string& name, std::initializer_list<std::int64_t> shape, bool writable = false) {
    const char* type_name = std::is_same_v<T, double>          ? "float64"
                            : std::is_same_v<T, float>         ? "float32"
                            : std::is_same_v<T, std::int32_t>  ? "int32"
                            : std::is_same_v<T, std::uint32_t> ? "uint32"
                            : std::is_same_v<T, std::int64_t>  ? "int64"
                                                               : "uint64";
    return array_of(object, name, nb::dtype<T>(), type_name, shape, writable);
}

// In the precision of training.
inline Array array_of(Precision precision, nb::handle object, const std::string& name,
                      std::initializer_list<std::int64_t> shape, bool writable) {
    return precision == Precision::float32 ? array_of<float>(object, name, shape, writable)
                                           : array_of<double>(object, name, shape, writable);
}

}  // namespace manyfit
