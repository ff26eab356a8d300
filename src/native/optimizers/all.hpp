// The list of rules: a new one is a file in this folder and a name here.
#pragma once

#include "adam.hpp"
#include "adamw.hpp"
#include "momentum.hpp"
#include "sgd.hpp"

namespace manyfit::MANYFIT_ISA {

template <class... Rule>
struct RuleList {
    static constexpr int count = sizeof...(Rule);
    static constexpr int most_hypers = [] { int m = 0; ((m = Rule::hypers.count > m ? Rule::hypers.count : m), ...); return m; }();
    static constexpr int most_running = [] { int m = 0; ((m = Rule::n_running > m ? Rule::n_running : m), ...); return m; }();
    static constexpr int most_coefficients =
        [] { int m = 0; ((m = Rule::n_coefficients > m ? Rule::n_coefficients : m), ...); return m; }();
    static constexpr int n_hypers(int index) {
        int i = 0, n = 0;
        ((i++ == index ? n = Rule::hypers.count : n), ...);
        return n;
    }
    static constexpr int n_state(int index) {
        int i = 0, n = 0;
        ((i++ == index ? n = Rule::state.count : n), ...);
        return n;
    }
    // Calls f.template operator()<Rule>() for the rule with this index.
    template <class F>
    MANYFIT_INLINE static void visit(int index, F&& f) {
        int i = 0;
        ((i++ == index ? f.template operator()<Rule>() : void()), ...);
    }
};

using Rules = RuleList<Sgd, Momentum, Adam, AdamW>;

}  // namespace manyfit::MANYFIT_ISA
