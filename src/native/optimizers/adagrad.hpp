// AdaGrad: gradients divided by the root of the sum of all their squares.
//
// Duchi, Hazan & Singer 2011, https://jmlr.org/papers/v12/duchi11a.html; epsilon outside the root, as in torch.optim.Adagrad.
#pragma once

#include "rule.hpp"

namespace manyfit::MANYFIT_ISA {

struct AdaGrad {
    static constexpr const char* name = "adagrad";
    // What the sum begins with stands in the state that Python hands over.
    static constexpr Names<5> hypers{"lr", "lr_decay", "initial_accumulator_value", "eps", "weight_decay"};
    static constexpr Names<1> flags{"maximize"};
    static constexpr int form_flags = 0, n_running = 1, n_coefficients = 3;

    // Steps made, and one more.
    template <class D>
    static void advance(const D*, D* running) {
        running[0] += 1.0;
    }

    template <class D>
    static void coefficients(const D* h, D rate, unsigned, const D* running, D* c) {
        c[0] = rate / (1.0 + (running[0] - 2.0) * h[1]);
        c[1] = h[4];
        c[2] = h[3];
    }

    template <unsigned>
    struct Form {
        static constexpr Names<1> state{"square_sum"};
        template <class Vec>
        MANYFIT_INLINE static Vec step(Vec p, Vec g, Vec* s, const Vec* c) {
            g = fma(c[1], p, g);
            s[0] = fma(g, g, s[0]);
            return fnma(c[0], adam_ratio(g, s[0], c[2]), p);
        }
    };
};

}  // namespace manyfit::MANYFIT_ISA
