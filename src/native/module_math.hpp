// Binds the pieces under the trainer: elementary functions, random words, orders and masks.
#pragma once

#include <nanobind/nanobind.h>

#include <string>

#include "bank.hpp"

namespace manyfit {

// Kernels of an instruction set by name, "" for the best one; raises where there are none of that name.
using ChooseKernels = Kernels (*)(const std::string& isa);

void bind_math(nanobind::module_& m, ChooseKernels choose);

}  // namespace manyfit
