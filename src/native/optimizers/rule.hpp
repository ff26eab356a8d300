// What a rule of update consists of; one struct per rule in this folder, used by both layouts.
//
//     struct Rule {
//         static constexpr const char* name;
//         static constexpr Names<..> hypers, flags, state;   state: one array of the shape of the parameters each
//         static constexpr int n_running, n_coefficients;
//         advance(h, running)                        what is carried from step to step, from 1 before the first
//         coefficients(h, rate, flags, running, c)   what one step needs, in double, once per network and step
//         step(p, g, s, c) -> p                      one vector of parameters; s is updated in place
//     };
//
// A rule whose step is a linear function of gradient and state, the same for every weight, says `static constexpr bool linear =
// true`: proximal penalties need that.
//
// D is double or a vector of doubles (networks side by side): plain operations only, so both give the same bits.
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

}  // namespace manyfit::MANYFIT_ISA
