// Binds the pieces under the trainer: elementary functions, random words, orders and masks.
#pragma once

#include <nanobind/nanobind.h>

namespace manyfit {

void bind_math(nanobind::module_& m);

}  // namespace manyfit
