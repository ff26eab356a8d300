// Adam: a running mean of gradients, divided by their running size.
//
// Kingma & Ba 2014, Algorithm 1, https://arxiv.org/abs/1412.6980; epsilon outside the root, and AMSGrad, as in torch.optim.Adam.
#pragma once

#include "rule.hpp"

namespace manyfit::MANYFIT_ISA {

// What Adam and its kin keep of the gradients, and the coefficients that it takes: 1 to 5, and 7.
template <bool Largest>
struct Moments {
    static constexpr auto state = [] {
        if constexpr (Largest)
            return Names<3>{"mean", "size", "largest"};
        else
            return Names<2>{"mean", "size"};
    }();

    // Powers of the betas as products, which cost no pow per step.
    template <class D>
    static void advance(const D* h, D* running) {
        running[0] *= h[1];
        running[1] *= h[2];
    }

    // Bias of the mean, what keeps and what feeds each moment, bias of the size, epsilon.
    template <class D>
    static void coefficients(const D* h, const D* running, D* c) {
        c[1] = h[1];
        c[2] = 1.0 - h[1];
        c[3] = h[2];
        c[4] = 1.0 - h[2];
        c[5] = 1.0 / (1.0 - running[1]);
        c[7] = h[3];
    }

    // The mean over the size, both without the bias that c[0] and c[5] take away; c[0] is left to the rule.
    template <class Vec>
    MANYFIT_INLINE static Vec ratio(Vec g, Vec* s, const Vec* c) {
        s[0] = fma(c[1], s[0], c[2] * g);
        s[1] = fma(c[3], s[1], c[4] * (g * g));
        if constexpr (Largest) s[2] = max(s[2], s[1]);  // in this order a NaN comes through
        return adam_ratio(s[0], s[Largest ? 2 : 1] * c[5], c[7]);
    }
};

struct Adam {
    static constexpr const char* name = "adam";
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
        c[6] = h[4];
    }

    template <unsigned Flags>
    struct Form : Moments<(Flags & 1u) != 0> {
        template <class Vec>
        MANYFIT_INLINE static Vec step(Vec p, Vec g, Vec* s, const Vec* c) {
            return fnma(c[0], Form::ratio(fma(c[6], p, g), s, c), p);
        }
    };
};

}  // namespace manyfit::MANYFIT_ISA
