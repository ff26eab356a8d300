// What a hidden unit makes of its sum z. `back` carries a gradient d past it, given its output a; where the output does not tell
// the slope, the activation is `of_sum` and gives both at once.
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

// Slope 0.01 below zero, as torch has it. In this order a NaN of z comes out again.
struct LeakyRelu {
    static constexpr double below = 0.01;
    template <class Vec>
    MANYFIT_INLINE static Vec value(Vec z) {
        return max(z * RealOf<Vec>(below), z);
    }
    template <class Vec>
    MANYFIT_INLINE static Vec back(Vec a, Vec d) {
        return select(a > Vec{}, d, d * RealOf<Vec>(below));
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

// z times the share of the normal distribution below z; exact, not the approximation by tanh.
struct Gelu {
    static constexpr bool of_sum = true;
    template <class Vec>
    MANYFIT_INLINE static Vec value(Vec z) {
        Vec slope;
        return value(z, slope);
    }
    template <class Vec>
    MANYFIT_INLINE static Vec value(Vec z, Vec& slope) {
        Vec density;
        const Vec below = normal_below(z, density);
        slope = fma(z, density, below);
        return z * below;
    }
};

// z times sigmoid(z), also called swish.
struct Silu {
    static constexpr bool of_sum = true;
    template <class Vec>
    MANYFIT_INLINE static Vec value(Vec z) {
        return z * sigmoid(z);
    }
    template <class Vec>
    MANYFIT_INLINE static Vec value(Vec z, Vec& slope) {
        const Vec s = sigmoid(z), a = z * s;
        slope = fma(a, RealOf<Vec>(1) - s, s);
        return a;
    }
};

struct Elu {
    template <class Vec>
    MANYFIT_INLINE static Vec value(Vec z) {
        return select(z > Vec{}, z, expm1(min(Vec{}, z)));
    }
    template <class Vec>
    MANYFIT_INLINE static Vec back(Vec a, Vec d) {
        return select(a > Vec{}, d, fma(d, a, d));
    }
};

template <class A>
concept OfSum = A::of_sum;

inline bool is_of_sum(Activation activation) { return activation == Activation::gelu || activation == Activation::silu; }

// Calls f.template operator()<Activation>().
template <class F>
MANYFIT_INLINE void visit(Activation activation, F&& f) {
    switch (activation) {
        case Activation::identity: f.template operator()<Identity>(); break;
        case Activation::relu: f.template operator()<Relu>(); break;
        case Activation::leaky_relu: f.template operator()<LeakyRelu>(); break;
        case Activation::tanh: f.template operator()<Tanh>(); break;
        case Activation::sigmoid: f.template operator()<Sigmoid>(); break;
        case Activation::gelu: f.template operator()<Gelu>(); break;
        case Activation::silu: f.template operator()<Silu>(); break;
        case Activation::elu: f.template operator()<Elu>(); break;
    }
}

}  // namespace manyfit::MANYFIT_ISA
