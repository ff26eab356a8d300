// Gradient descent with momentum, Nesterov's too, as torch.optim.SGD(momentum, dampening=0).
#pragma once

#include "rule.hpp"

namespace manyfit::MANYFIT_ISA {

struct Momentum {
    static constexpr const char* name = "momentum";
    static constexpr Names<3> hypers{"lr", "momentum", "weight_decay"};
    static constexpr Names<1> flags{"nesterov"};
    static constexpr Names<1> state{"velocity"};
    static constexpr bool linear = true;
    static constexpr int n_running = 0, n_coefficients = 5;

    template <class D>
    static void advance(const D*, D*) {}

    // The way is of_g * g + of_v * v: (0, 1) plain, (1, momentum) Nesterov's.
    template <class D>
    static void coefficients(const D* h, D rate, unsigned flags, const D*, D* c) {
        const D zero = h[0] - h[0], one = zero + 1.0;
        c[0] = rate;
        c[1] = h[1];
        c[2] = h[2];
        c[3] = flags & 1u ? one : zero;
        c[4] = flags & 1u ? h[1] : one;
    }

    template <class Vec>
    MANYFIT_INLINE static Vec step(Vec p, Vec g, Vec* s, const Vec* c) {
        g = fma(c[2], p, g);
        s[0] = fma(c[1], s[0], g);
        return fnma(c[0], fma(c[4], s[0], c[3] * g), p);
    }
};

}  // namespace manyfit::MANYFIT_ISA
