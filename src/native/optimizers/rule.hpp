// What a rule of update consists of; one struct per rule in this folder, used by both layouts.
//
//     struct Rule {
//         static constexpr const char* name;
//         static constexpr Names<..> hypers, flags;  the last flag is "maximize"
//         static constexpr int form_flags;           so many of the first flags change the state or the arithmetic
//         static constexpr int n_running, n_coefficients;
//         advance(h, running)                        what is carried from step to step, from 1 before the first
//         coefficients(h, rate, flags, running, c)   what one step needs, in double, once per network and step
//         template <unsigned Flags> struct Form {
//             static constexpr Names<..> state;      one array of the shape of the parameters each
//             step(p, g, s, c) -> p                  one vector of parameters; s is updated in place
//         };
//     };
//
// A form is compiled by itself, so a flag costs nothing where it is off. A rule whose step depends on norms of whole arrays of
// parameters (weights of a layer, its biases) has in its forms, in place of step,
//             static constexpr bool of_norms = true;
//             way(p, g, s, c)                        what to go along
//             length(p_norm, way_norm, c)            and how far, in units of it
//
// A rule whose step is a linear function of gradient and state, the same for every weight, says `static constexpr bool linear =
// true`: proximal penalties need that.
//
// "maximize" is no rule's own concern: the machine turns gradients round.
//
// D is double or a vector of doubles (networks side by side): plain operations and ?: only, so both give the same bits.
// `rate` is the learning rate of this step, lr times the schedule. Weight decay here is the coupled one of torch.optim.
#pragma once

#include "../math.hpp"

namespace manyfit::MANYFIT_ISA {

template <int N>
struct Names {
    const char* at[N ? N : 1];
    static constexpr int count = N;
};
template <class Rule>
inline constexpr bool is_linear = requires { requires Rule::linear; };

struct NoNames {
    const char* at[1] = {nullptr};
    static constexpr int count = 0;
};

// A form without `of_norms` goes element by element.
template <class Form>
concept OfNorms = Form::of_norms;

}  // namespace manyfit::MANYFIT_ISA
