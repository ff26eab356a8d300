// Gradient descent with momentum, Nesterov's too, as torch.optim.SGD(momentum, dampening).
#pragma once

#include "rule.hpp"

namespace manyfit::MANYFIT_ISA {

struct Momentum {
    static constexpr const char* name = "momentum";
    static constexpr Names<4> hypers{"lr", "momentum", "dampening", "weight_decay"};
    static constexpr Names<2> flags{"nesterov", "maximize"};
    static constexpr bool linear = true;
    static constexpr int form_flags = 1, n_running = 1, n_coefficients = 4;

    // 1/2 at the first step, less at every other.
    template <class D>
    static void advance(const D*, D* running) {
        running[0] *= 0.5;
    }

    // The first gradient is not damped.
    template <class D>
    static void coefficients(const D* h, D rate, unsigned, const D* running, D* c) {
        const D one = h[0] - h[0] + 1.0;
        c[0] = rate;
        c[1] = h[1];
        c[2] = h[3];
        c[3] = running[0] < 0.5 ? one - h[2] : one;
    }

    template <unsigned Flags>
    struct Form {
        static constexpr bool nesterov = Flags & 1u;
        static constexpr Names<1> state{"velocity"};
        template <class Vec>
        MANYFIT_INLINE static Vec step(Vec p, Vec g, Vec* s, const Vec* c) {
            g = fma(c[2], p, g);
            s[0] = fma(c[1], s[0], c[3] * g);
            return fnma(c[0], nesterov ? fma(c[1], s[0], g) : s[0], p);
        }
    };
};

}  // namespace manyfit::MANYFIT_ISA
