// Binds predictions of trained networks, and gradients with respect to their inputs.
#pragma once

#include <nanobind/nanobind.h>

namespace manyfit {

void bind_predict(nanobind::module_& m);

}  // namespace manyfit
