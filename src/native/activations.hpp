// What a hidden unit makes of its sum. `back` carries a gradient d past it, given its output a.
#pragma once

#include "math.hpp"
#include "plan.hpp"

namespace manyfit::MANYFIT_ISA {

struct Identity {
    template <class Vec>
    MANYFIT_INLINE static Vec value(Vec z) {
        return z;
    }
    template <class Vec>
    MANYFIT_INLINE static Vec back(Vec, Vec d) {
        return d;
    }
};

struct Relu {
    // In this order a NaN of z comes out again.
    template <class Vec>
    MANYFIT_INLINE static Vec value(Vec z) {
        return max(Vec{}, z);
    }
    template <class Vec>
    MANYFIT_INLINE static Vec back(Vec a, Vec d) {
        return where(a > Vec{}, d);
    }
};

struct Tanh {
    template <class Vec>
    MANYFIT_INLINE static Vec value(Vec z) {
        return tanh(z);
    }
    template <class Vec>
    MANYFIT_INLINE static Vec back(Vec a, Vec d) {
        return d * fnma(a, a, broadcast(RealOf<Vec>(1)));
    }
};

struct Sigmoid {
    template <class Vec>
    MANYFIT_INLINE static Vec value(Vec z) {
        return sigmoid(z);
    }
    template <class Vec>
    MANYFIT_INLINE static Vec back(Vec a, Vec d) {
        return d * fnma(a, a, a);
    }
};

// Calls f.template operator()<Activation>().
template <class F>
MANYFIT_INLINE void visit(Activation activation, F&& f) {
    switch (activation) {
        case Activation::identity: f.template operator()<Identity>(); break;
        case Activation::relu: f.template operator()<Relu>(); break;
        case Activation::tanh: f.template operator()<Tanh>(); break;
        case Activation::sigmoid: f.template operator()<Sigmoid>(); break;
    }
}

}  // namespace manyfit::MANYFIT_ISA
