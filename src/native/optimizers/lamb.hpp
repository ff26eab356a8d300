// LAMB: Adam whose step is a share of the length of each array of parameters.
//
// You et al. 2019, Algorithm 2, https://arxiv.org/abs/1904.00962: bias correction in, epsilon outside the root, the decay inside the
// direction that is normalized, the ratio 1 where either norm is 0.
#pragma once

#include "adam.hpp"

namespace manyfit::MANYFIT_ISA {

struct Lamb {
    static constexpr const char* name = "lamb";
    static constexpr Names<6> hypers{"lr", "beta1", "beta2", "eps", "weight_decay", "max_ratio"};
    static constexpr Names<1> flags{"maximize"};
    static constexpr int form_flags = 0, n_running = 2, n_coefficients = 10;

    template <class D>
    static void advance(const D* h, D* running) {
        Moments<false>::advance(h, running);
    }

    template <class D>
    static void coefficients(const D* h, D rate, unsigned, const D* running, D* c) {
        Moments<false>::coefficients(h, running, c);
        c[0] = 1.0 / (1.0 - running[0]);
        c[6] = h[4];
        c[8] = rate;
        c[9] = h[5];
    }

    template <unsigned>
    struct Form : Moments<false> {
        static constexpr bool of_norms = true;
        template <class Vec>
        MANYFIT_INLINE static Vec way(Vec p, Vec g, Vec* s, const Vec* c) {
            return fma(c[6], p, c[0] * Form::ratio(g, s, c));
        }
        template <class Vec>
        MANYFIT_INLINE static Vec length(Vec p_norm, Vec way_norm, const Vec* c) {
            const auto both = (p_norm > Vec{}) & (way_norm > Vec{});
            return c[8] * min(c[9], select(both, p_norm / way_norm, broadcast(RealOf<Vec>(1))));
        }
    };
};

}  // namespace manyfit::MANYFIT_ISA
