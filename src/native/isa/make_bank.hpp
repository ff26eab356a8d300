// The four kinds of bank, one translation unit each, so that they compile in parallel.
#pragma once

#include "../bank.hpp"

namespace manyfit::MANYFIT_ISA {

Bank* make_across_float32(const Structure&, Supply&);
Bank* make_across_float64(const Structure&, Supply&);
Bank* make_within_float32(const Structure&, Supply&);
Bank* make_within_float64(const Structure&, Supply&);

}  // namespace manyfit::MANYFIT_ISA
