// Banks of the layout `within` in float64.
#include "../trainer.hpp"
#include "make_bank.hpp"

namespace manyfit::MANYFIT_ISA {

Bank* make_within_float64(const Structure& structure, Supply& supply) { return new Trainer<Within<double>>(structure, supply); }

}  // namespace manyfit::MANYFIT_ISA
