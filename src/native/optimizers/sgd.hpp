// Stochastic gradient descent: a step against the gradient.
#pragma once

#include "rule.hpp"

namespace manyfit::MANYFIT_ISA {

struct Sgd {
    static constexpr const char* name = "sgd";
    static constexpr Names<2> hypers{"lr", "weight_decay"};
    static constexpr Names<1> flags{"maximize"};
    static constexpr bool linear = true;
    static constexpr int form_flags = 0, n_running = 0, n_coefficients = 2;

    template <class D>
    static void advance(const D*, D*) {}

    template <class D>
    static void coefficients(const D* h, D rate, unsigned, const D*, D* c) {
        c[0] = rate;
        c[1] = h[1];
    }

    template <unsigned>
    struct Form {
        static constexpr NoNames state{};
        template <class Vec>
        MANYFIT_INLINE static Vec step(Vec p, Vec g, Vec*, const Vec* c) {
            return fnma(c[0], fma(c[1], p, g), p);
        }
    };
};

}  // namespace manyfit::MANYFIT_ISA
