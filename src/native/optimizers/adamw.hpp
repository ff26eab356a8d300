// AdamW: Adam whose weight decay shrinks the weights directly instead of entering the moments.
//
// Loshchilov & Hutter 2017, https://arxiv.org/abs/1711.05101
#pragma once

#include "adam.hpp"

namespace manyfit::MANYFIT_ISA {

struct AdamW {
    static constexpr const char* name = "adamw";
    static constexpr Names<5> hypers{"lr", "beta1", "beta2", "eps", "weight_decay"};
    static constexpr NoNames flags{};
    static constexpr Names<2> state{"mean", "size"};
    static constexpr int n_running = 2, n_coefficients = 8;

    template <class D>
    static void advance(const D* h, D* running) {
        Adam::advance(h, running);
    }

    template <class D>
    static void coefficients(const D* h, D rate, unsigned, const D* running, D* c) {
        Adam::moments(h, rate, running, c);
        c[6] = 1.0 - rate * h[4];
    }

    template <class Vec>
    MANYFIT_INLINE static Vec step(Vec p, Vec g, Vec* s, const Vec* c) {
        return Adam::moved(p * c[6], g, s, c);
    }
};

}  // namespace manyfit::MANYFIT_ISA
