// Loss of one row per lane: a lane is a network (across) or a row (within), and the code is the same.
//
//     struct Loss {
//         static constexpr bool weighs;            rows count for `weight` in the mean, else for 1
//         slope(o, y, n, h, share, d) -> loss      writes share * d loss / d output to d
//         value(o, y, n, h) -> loss                the loss that scores: without what is only a device of training
//         weight(y, n, h)                          where it weighs
//     };
//
// `o` are the outputs, `y` the targets, both one vector per output (classes: y is one vector, the number of the class). `h` are
// the settings, one vector each. A loss whose settings are off has a form of its own, which does not know them.
#pragma once

#include "math.hpp"
#include "plan.hpp"

namespace manyfit::MANYFIT_ISA {

// Mean over outputs of a function of the error o - y: `size` is the function, `way` its derivative.
template <class Error>
struct OfErrors {
    static constexpr bool weighs = false;
    template <class Vec>
    MANYFIT_INLINE static Vec value(const Vec* o, const Vec* y, int n, const Vec* h) {
        Vec sum{};
        for (int c = 0; c < n; c++) sum = Error::add_size(o[c] - y[c], h, sum);
        return sum * (RealOf<Vec>(1) / RealOf<Vec>(n));
    }
    template <class Vec>
    MANYFIT_INLINE static Vec slope(const Vec* o, const Vec* y, int n, const Vec* h, Vec share, Vec* d) {
        const Vec factor = share * (RealOf<Vec>(Error::way_factor) / RealOf<Vec>(n));
        Vec sum{};
        for (int c = 0; c < n; c++) {
            const Vec e = o[c] - y[c];
            sum = Error::add_size(e, h, sum);
            d[c] = factor * Error::way(e, h);
        }
        return sum * (RealOf<Vec>(1) / RealOf<Vec>(n));
    }
};

struct Squared {
    static constexpr int way_factor = 2;
    template <class Vec>
    MANYFIT_INLINE static Vec add_size(Vec e, const Vec*, Vec sum) {
        return fma(e, e, sum);
    }
    template <class Vec>
    MANYFIT_INLINE static Vec way(Vec e, const Vec*) {
        return e;
    }
};

struct Absolute {
    static constexpr int way_factor = 1;
    template <class Vec>
    MANYFIT_INLINE static Vec add_size(Vec e, const Vec*, Vec sum) {
        return sum + abs(e);
    }
    template <class Vec>
    MANYFIT_INLINE static Vec way(Vec e, const Vec*) {
        const Vec one = broadcast(RealOf<Vec>(1));
        return where(e > Vec{}, one) - where(e < Vec{}, one);
    }
};

// Up to delta half the square, beyond it a line: m (|e| - m / 2) with m = min(|e|, delta). In this order a NaN stays.
struct HuberError {
    static constexpr int way_factor = 1;
    template <class Vec>
    MANYFIT_INLINE static Vec add_size(Vec e, const Vec* h, Vec sum) {
        const Vec size = abs(e), m = min(h[0], size);
        return fma(m, fnma(broadcast(RealOf<Vec>(0.5)), m, size), sum);
    }
    template <class Vec>
    MANYFIT_INLINE static Vec way(Vec e, const Vec* h) {
        return copysign(min(h[0], abs(e)), e);
    }
};

// Shifted by the largest output, so that no exponential overflows. A NaN is passed on by the exponentials.
struct CrossEntropy {
    static constexpr bool weighs = false;
    template <class Vec>
    MANYFIT_INLINE static Vec value(const Vec* o, const Vec* y, int n, const Vec*) {
        Vec top = o[0], sum{}, own{};
        for (int c = 1; c < n; c++) top = max(top, o[c]);
        for (int c = 0; c < n; c++) {
            sum += exp(o[c] - top);
            own = select(y[0] == broadcast(RealOf<Vec>(c)), o[c], own);
        }
        return log(sum) + (top - own);
    }
    template <class Vec>
    MANYFIT_INLINE static Vec slope(const Vec* o, const Vec* y, int n, const Vec*, Vec share, Vec* d) {
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

// With h[0] the share of a label that is spread over all classes and, where Weighted, h[1 + c] the weight of class c.
template <bool Weighted>
struct SoftCrossEntropy {
    static constexpr bool weighs = Weighted;
    template <class Vec>
    MANYFIT_INLINE static Vec weight(const Vec* y, int n, const Vec* h) {
        Vec own{};
        for (int c = 0; c < n; c++) own = select(y[0] == broadcast(RealOf<Vec>(c)), h[1 + c], own);
        return own;
    }
    template <class Vec>
    MANYFIT_INLINE static Vec value(const Vec* o, const Vec* y, int n, const Vec* h) {
        const Vec loss = CrossEntropy::value(o, y, n, h);
        if constexpr (Weighted)
            return weight(y, n, h) * loss;
        else
            return loss;
    }
    // What is asked of class c is each * w_c, and own * w_y more of the right one; `asked` is the sum.
    template <class Vec>
    MANYFIT_INLINE static Vec slope(const Vec* o, const Vec* y, int n, const Vec* h, Vec share, Vec* d) {
        using Real = RealOf<Vec>;
        const Vec one = broadcast(Real(1)), each = h[0] * (Real(1) / Real(n));
        Vec top = o[0], sum{}, right{}, all{}, weights{};
        Vec own = one - h[0];
        for (int c = 1; c < n; c++) top = max(top, o[c]);
        for (int c = 0; c < n; c++) {
            const Vec less = o[c] - top;
            right = select(y[0] == broadcast(Real(c)), less, right);
            d[c] = exp(less);
            sum += d[c];
            if constexpr (Weighted) {
                all = fma(h[1 + c], less, all);
                weights += h[1 + c];
            } else {
                all += less;
            }
        }
        if constexpr (Weighted)
            own *= weight(y, n, h);
        else
            weights = broadcast(Real(n));
        const Vec asked = fma(each, weights, own), factor = asked * (share / sum), whole = log(sum);
        for (int c = 0; c < n; c++) {
            const Vec wanted = (Weighted ? each * h[1 + c] : each) + where(y[0] == broadcast(Real(c)), own);
            d[c] = fms(d[c], factor, share * wanted);
        }
        return fma(own, whole - right, each * fms(weights, whole, all));
    }
};

// Smoothed, it asks for y (1 - h[0]) + h[0] / 2 in place of y.
template <bool Smoothed>
struct BinaryCrossEntropy {
    static constexpr bool weighs = false;
    template <class Vec>
    MANYFIT_INLINE static Vec one(Vec o, Vec y) {
        return fnma(o, y, max(Vec{}, o)) + log1p(exp(-abs(o)));
    }
    template <class Vec>
    MANYFIT_INLINE static Vec value(const Vec* o, const Vec* y, int n, const Vec*) {
        Vec sum{};
        for (int c = 0; c < n; c++) sum += one(o[c], y[c]);
        return sum * (RealOf<Vec>(1) / RealOf<Vec>(n));
    }
    template <class Vec>
    MANYFIT_INLINE static Vec slope(const Vec* o, const Vec* y, int n, const Vec* h, Vec share, Vec* d) {
        using Real = RealOf<Vec>;
        const Vec factor = share * (Real(1) / Real(n));
        Vec sum{};
        for (int c = 0; c < n; c++) {
            const Vec asked = Smoothed ? fma(y[c], Real(1) - h[0], Real(0.5) * h[0]) : y[c];
            sum += one(o[c], asked);
            d[c] = factor * (sigmoid(o[c]) - asked);
        }
        return sum * (Real(1) / Real(n));
    }
};

// Calls f.template operator()<Loss>().
template <class F>
MANYFIT_INLINE void visit(Loss loss, F&& f) {
    switch (loss) {
        case Loss::mse: f.template operator()<OfErrors<Squared>>(); break;
        case Loss::mae: f.template operator()<OfErrors<Absolute>>(); break;
        case Loss::huber: f.template operator()<OfErrors<HuberError>>(); break;
        case Loss::cross_entropy: f.template operator()<CrossEntropy>(); break;
        case Loss::cross_entropy_smoothed: f.template operator()<SoftCrossEntropy<false>>(); break;
        case Loss::cross_entropy_weighted: f.template operator()<SoftCrossEntropy<true>>(); break;
        case Loss::bce: f.template operator()<BinaryCrossEntropy<false>>(); break;
        case Loss::bce_smoothed: f.template operator()<BinaryCrossEntropy<true>>(); break;
    }
}

}  // namespace manyfit::MANYFIT_ISA
