// Loss of one row per lane: a lane is a network (across) or a row (within), and the code is the same.
//
// `o` are the outputs, `y` the targets, both one vector per output (classes: y is one vector, the number of the class).
// `slope` writes share * d loss / d output to d and returns the loss; `value` returns the loss alone, with the same bits.
#pragma once

#include "math.hpp"
#include "plan.hpp"

namespace manyfit::MANYFIT_ISA {

struct MeanSquared {
    template <class Vec>
    MANYFIT_INLINE static Vec value(const Vec* o, const Vec* y, int n) {
        Vec sum{};
        for (int c = 0; c < n; c++) {
            const Vec e = o[c] - y[c];
            sum = fma(e, e, sum);
        }
        return sum * (RealOf<Vec>(1) / RealOf<Vec>(n));
    }
    template <class Vec>
    MANYFIT_INLINE static Vec slope(const Vec* o, const Vec* y, int n, Vec share, Vec* d) {
        const Vec factor = share * (RealOf<Vec>(2) / RealOf<Vec>(n));
        Vec sum{};
        for (int c = 0; c < n; c++) {
            const Vec e = o[c] - y[c];
            sum = fma(e, e, sum);
            d[c] = factor * e;
        }
        return sum * (RealOf<Vec>(1) / RealOf<Vec>(n));
    }
};

struct CrossEntropy {
    // Shifted by the largest output, so that no exponential overflows. A NaN is passed on by the exponentials.
    template <class Vec>
    MANYFIT_INLINE static Vec value(const Vec* o, const Vec* y, int n) {
        Vec top = o[0], sum{}, own{};
        for (int c = 1; c < n; c++) top = max(top, o[c]);
        for (int c = 0; c < n; c++) {
            sum += exp(o[c] - top);
            own = select(y[0] == broadcast(RealOf<Vec>(c)), o[c], own);
        }
        return log(sum) + (top - own);
    }
    template <class Vec>
    MANYFIT_INLINE static Vec slope(const Vec* o, const Vec* y, int n, Vec share, Vec* d) {
        Vec top = o[0], sum{}, own{};
        for (int c = 1; c < n; c++) top = max(top, o[c]);
        for (int c = 0; c < n; c++) {
            d[c] = exp(o[c] - top);
            sum += d[c];
        }
        const Vec factor = share / sum;
        for (int c = 0; c < n; c++) {
            const auto mine = y[0] == broadcast(RealOf<Vec>(c));
            own = select(mine, o[c], own);
            d[c] = fma(d[c], factor, where(mine, -share));
        }
        return log(sum) + (top - own);
    }
};

struct BinaryCrossEntropy {
    template <class Vec>
    MANYFIT_INLINE static Vec one(Vec o, Vec y) {
        return fnma(o, y, max(Vec{}, o)) + log1p(exp(-abs(o)));
    }
    template <class Vec>
    MANYFIT_INLINE static Vec value(const Vec* o, const Vec* y, int n) {
        Vec sum{};
        for (int c = 0; c < n; c++) sum += one(o[c], y[c]);
        return sum * (RealOf<Vec>(1) / RealOf<Vec>(n));
    }
    template <class Vec>
    MANYFIT_INLINE static Vec slope(const Vec* o, const Vec* y, int n, Vec share, Vec* d) {
        const Vec factor = share * (RealOf<Vec>(1) / RealOf<Vec>(n));
        Vec sum{};
        for (int c = 0; c < n; c++) {
            sum += one(o[c], y[c]);
            d[c] = factor * (sigmoid(o[c]) - y[c]);
        }
        return sum * (RealOf<Vec>(1) / RealOf<Vec>(n));
    }
};

// Calls f.template operator()<Loss>().
template <class F>
MANYFIT_INLINE void visit(Loss loss, F&& f) {
    switch (loss) {
        case Loss::mse: f.template operator()<MeanSquared>(); break;
        case Loss::cross_entropy: f.template operator()<CrossEntropy>(); break;
        case Loss::bce: f.template operator()<BinaryCrossEntropy>(); break;
    }
}

}  // namespace manyfit::MANYFIT_ISA
