// Memory of vectors: aligned to a cache line, zero at first, freed at the end of its scope.
//
// std::vector would leave inline functions compiled for one instruction set where another could pick them up.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>

#include "simd.hpp"

namespace manyfit::MANYFIT_ISA {

template <class T>
class Buffer {
    T* at_ = nullptr;

public:
    Buffer() = default;
    explicit Buffer(std::size_t n) { reset(n); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    Buffer(Buffer&& other) noexcept : at_(other.at_) { other.at_ = nullptr; }
    ~Buffer() { std::free(at_); }

    // Room for n elements, all zero; what was there is gone.
    void reset(std::size_t n) {
        std::free(at_);
        const std::size_t bytes = (n * sizeof(T) + 127) / 64 * 64;
        at_ = static_cast<T*>(std::aligned_alloc(64, bytes));
        if (!at_) throw std::bad_alloc();
        std::memset(static_cast<void*>(at_), 0, bytes);
    }
    T* get() const { return at_; }
    operator T*() const { return at_; }
};

}  // namespace manyfit::MANYFIT_ISA
