// Numbers too small for a normal exponent, taken as zero while the core works.
#pragma once

#include "simd.hpp"

namespace manyfit::MANYFIT_ISA {

// Makes this thread treat numbers too small for a normal exponent as zero, for the length of a scope.
// Adam's moments decay into them, and they cost ten times a normal number. The caller's mode comes back at the end.
class FlushDenormals {
#if defined(__x86_64__)
    unsigned before_ = _mm_getcsr();

public:
    // FTZ (bit 15): results, DAZ (bit 6): operands. The empty asm keeps loads and stores on their side of the switch.
    FlushDenormals() {
        _mm_setcsr(before_ | 0x8040u);
        asm volatile("" : : : "memory");
    }
    ~FlushDenormals() {
        asm volatile("" : : : "memory");
        _mm_setcsr(before_);
    }
#elif defined(__aarch64__)
    std::uint64_t before_;

public:
    FlushDenormals() {
        asm volatile("mrs %0, fpcr" : "=r"(before_));
        asm volatile("msr fpcr, %0" : : "r"(before_ | (std::uint64_t(1) << 24)) : "memory");  // FZ
    }
    ~FlushDenormals() { asm volatile("msr fpcr, %0" : : "r"(before_) : "memory"); }
#else
public:
    FlushDenormals() {}
#endif
    FlushDenormals(const FlushDenormals&) = delete;
    FlushDenormals& operator=(const FlushDenormals&) = delete;
};

}  // namespace manyfit::MANYFIT_ISA
