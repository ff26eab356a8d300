// Banks of the layout `across` in float32.
#include "../trainer.hpp"
#include "make_bank.hpp"

namespace manyfit::MANYFIT_ISA {

Bank* make_across_float32(const Structure& structure, Supply& supply) { return new Trainer<Across<float>>(structure, supply); }

}  // namespace manyfit::MANYFIT_ISA
