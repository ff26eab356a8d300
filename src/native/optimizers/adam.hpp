// Adam: a running mean of gradients, divided by their running size.
//
// Kingma & Ba 2014, Algorithm 1, https://arxiv.org/abs/1412.6980; epsilon outside the root, as in torch.optim.Adam.
#pragma once

#include "rule.hpp"

namespace manyfit::MANYFIT_ISA {

struct Adam {
    static constexpr const char* name = "adam";
    static constexpr Names<5> hypers{"lr", "beta1", "beta2", "eps", "weight_decay"};
    static constexpr NoNames flags{};
    static constexpr Names<2> state{"mean", "size"};
    static constexpr int n_running = 2, n_coefficients = 8;

    // Powers of the betas as products, which cost no pow per step.
    template <class D>
    static void advance(const D* h, D* running) {
        running[0] *= h[1];
        running[1] *= h[2];
    }

    template <class D>
    static void coefficients(const D* h, D rate, unsigned, const D* running, D* c) {
        moments(h, rate, running, c);
        c[6] = h[4];
    }

    // The part that AdamW shares: rate without bias, what keeps and what feeds each moment, bias of the size, epsilon.
    template <class D>
    static void moments(const D* h, D rate, const D* running, D* c) {
        c[0] = rate / (1.0 - running[0]);
        c[1] = h[1];
        c[2] = 1.0 - h[1];
        c[3] = h[2];
        c[4] = 1.0 - h[2];
        c[5] = 1.0 / (1.0 - running[1]);
        c[7] = h[3];
    }

    template <class Vec>
    MANYFIT_INLINE static Vec step(Vec p, Vec g, Vec* s, const Vec* c) {
        return moved(p, fma(c[6], p, g), s, c);
    }

    template <class Vec>
    MANYFIT_INLINE static Vec moved(Vec p, Vec g, Vec* s, const Vec* c) {
        s[0] = fma(c[1], s[0], c[2] * g);
        s[1] = fma(c[3], s[1], c[4] * (g * g));
        return fnma(c[0], adam_ratio(s[0], s[1] * c[5], c[7]), p);
    }
};

}  // namespace manyfit::MANYFIT_ISA
