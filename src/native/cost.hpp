// What a step costs in either layout, so that members can be packed into the cheaper one. Never what it computes: both
// layouts give the same bits, so a wrong guess costs time alone.
#pragma once

#include "plan.hpp"

namespace manyfit {

// Nanoseconds of a step of one bank (all its members at once), roughly.
double step_cost(const Structure& structure, LayoutKind layout, int lanes);

// Numbers that a network of this structure has: weights, biases, gains and shifts.
std::int64_t n_parameters(const Structure& structure);

// The layout that trains this many members sooner, on this many threads.
LayoutKind cheaper_layout(const Structure& structure, int lanes, int members, int threads);

}  // namespace manyfit
