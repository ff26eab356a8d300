// AdamW: Adam whose weight decay shrinks the weights directly instead of entering the moments.
//
// Loshchilov & Hutter 2017, https://arxiv.org/abs/1711.05101
#pragma once

#include "adam.hpp"

namespace manyfit::MANYFIT_ISA {

struct AdamW {
    static constexpr const char* name = "adamw";
    static constexpr Names<5> hypers{"lr", "beta1", "beta2", "eps", "weight_decay"};
    static constexpr Names<2> flags{"amsgrad", "maximize"};
    static constexpr int form_flags = 1, n_running = 2, n_coefficients = 8;

    template <class D>
    static void advance(const D* h, D* running) {
        Moments<false>::advance(h, running);
    }

    template <class D>
    static void coefficients(const D* h, D rate, unsigned, const D* running, D* c) {
        Moments<false>::coefficients(h, running, c);
        c[0] = rate / (1.0 - running[0]);
        c[6] = 1.0 - rate * h[4];
    }

    template <unsigned Flags>
    struct Form : Moments<(Flags & 1u) != 0> {
        template <class Vec>
        MANYFIT_INLINE static Vec step(Vec p, Vec g, Vec* s, const Vec* c) {
            return fnma(c[0], Form::ratio(g, s, c), p * c[6]);
        }
    };
};

}  // namespace manyfit::MANYFIT_ISA
