// The list of rules: a new one is a file in this folder and a name here.
#pragma once

#include <utility>

#include "adagrad.hpp"
#include "adam.hpp"
#include "adamw.hpp"
#include "lamb.hpp"
#include "momentum.hpp"
#include "rmsprop.hpp"
#include "sgd.hpp"

namespace manyfit::MANYFIT_ISA {

template <class Rule>
inline constexpr unsigned n_forms = 1u << Rule::form_flags;

template <class... Rule>
struct RuleList {
    static constexpr int count = sizeof...(Rule);
    static constexpr int most_hypers = [] { int m = 0; ((m = Rule::hypers.count > m ? Rule::hypers.count : m), ...); return m; }();
    static constexpr int most_running = [] { int m = 0; ((m = Rule::n_running > m ? Rule::n_running : m), ...); return m; }();
    static constexpr int most_coefficients =
        [] { int m = 0; ((m = Rule::n_coefficients > m ? Rule::n_coefficients : m), ...); return m; }();

    // Calls f.template operator()<Rule>() for the rule with this index.
    template <class F>
    MANYFIT_INLINE static void visit(int index, F&& f) {
        int i = 0;
        ((i++ == index ? f.template operator()<Rule>() : void()), ...);
    }
    // Calls f.template operator()<Rule, Form>() for the form of it that these flags choose.
    template <class F>
    MANYFIT_INLINE static void visit_form(int index, unsigned flags, F&& f) {
        visit(index, [&]<class R>() { form_of<R>(flags % n_forms<R>, f, std::make_integer_sequence<unsigned, n_forms<R>>{}); });
    }
    // Whether these flags turn gradients round: the last one of every rule.
    static bool turns(int index, unsigned flags) {
        bool on = false;
        visit(index, [&]<class R>() { on = flags >> (R::flags.count - 1) & 1u; });
        return on;
    }
    static int n_state(int index, unsigned flags) {
        int n = 0;
        visit_form(index, flags, [&]<class R, class Form>() { n = Form::state.count; });
        return n;
    }

private:
    template <class R, class F, unsigned... Flags>
    MANYFIT_INLINE static void form_of(unsigned flags, F&& f, std::integer_sequence<unsigned, Flags...>) {
        ((Flags == flags ? f.template operator()<R, typename R::template Form<Flags>>() : void()), ...);
    }
};

using Rules = RuleList<Sgd, Momentum, AdaGrad, RmsProp, Adam, AdamW, Lamb>;

}  // namespace manyfit::MANYFIT_ISA
