// Banks of the layout `within` in float32.
#include "../trainer.hpp"
#include "make_bank.hpp"

namespace manyfit::MANYFIT_ISA {

Bank* make_within_float32(const Structure& structure, Supply& supply) { return new Trainer<Within<float>>(structure, supply); }

}  // namespace manyfit::MANYFIT_ISA
