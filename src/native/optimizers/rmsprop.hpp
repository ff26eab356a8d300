// RMSprop: gradients divided by the root of the running mean of their squares.
//
// Tieleman & Hinton 2012; centered and with momentum as in torch.optim.RMSprop, epsilon outside the root.
#pragma once

#include "rule.hpp"

namespace manyfit::MANYFIT_ISA {

struct RmsProp {
    static constexpr const char* name = "rmsprop";
    static constexpr Names<5> hypers{"lr", "alpha", "eps", "momentum", "weight_decay"};
    // The flag "momentum" is on where the number of that name is not 0.
    static constexpr Names<3> flags{"centered", "momentum", "maximize"};
    static constexpr int form_flags = 2, n_running = 0, n_coefficients = 6;

    template <class D>
    static void advance(const D*, D*) {}

    template <class D>
    static void coefficients(const D* h, D rate, unsigned, const D*, D* c) {
        c[0] = rate;
        c[1] = h[1];
        c[2] = 1.0 - h[1];
        c[3] = h[2];
        c[4] = h[3];
        c[5] = h[4];
    }

    template <unsigned Flags>
    struct Form {
        static constexpr bool centered = Flags & 1u, moving = Flags & 2u;
        static constexpr auto state = [] {
            if constexpr (centered && moving)
                return Names<3>{"mean_square", "mean", "velocity"};
            else if constexpr (centered)
                return Names<2>{"mean_square", "mean"};
            else if constexpr (moving)
                return Names<2>{"mean_square", "velocity"};
            else
                return Names<1>{"mean_square"};
        }();
        template <class Vec>
        MANYFIT_INLINE static Vec step(Vec p, Vec g, Vec* s, const Vec* c) {
            g = fma(c[5], p, g);
            s[0] = fma(c[1], s[0], c[2] * (g * g));
            Vec square = s[0];
            if constexpr (centered) {
                s[1] = fma(c[1], s[1], c[2] * g);
                square = max(Vec{}, fnma(s[1], s[1], square));  // below 0 by rounding; in this order a NaN stays
            }
            Vec way = adam_ratio(g, square, c[3]);
            if constexpr (moving) {
                Vec& velocity = s[centered ? 2 : 1];
                way = velocity = fma(c[4], velocity, way);
            }
            return fnma(c[0], way, p);
        }
    };
};

}  // namespace manyfit::MANYFIT_ISA
