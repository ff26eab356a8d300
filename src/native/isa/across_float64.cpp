// Banks of the layout `across` in float64.
#include "../trainer.hpp"
#include "make_bank.hpp"

namespace manyfit::MANYFIT_ISA {

Bank* make_across_float64(const Structure& structure, Supply& supply) { return new Trainer<Across<double>>(structure, supply); }

}  // namespace manyfit::MANYFIT_ISA
