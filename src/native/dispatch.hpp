// Which instruction sets were built, which of them this processor runs, and their kernels.
#pragma once

#include <string>
#include <vector>

#include "bank.hpp"

namespace manyfit {

struct NamedKernels {
    std::string name;
    Kernels kernels;
};

// Those that run here, best first; never empty (a processor older than all of them is an error).
const std::vector<NamedKernels>& usable_kernels();

// By name ("x86-64-v3", or "v3"), "" for the best. Throws std::invalid_argument.
const NamedKernels& kernels_named(const std::string& name);

}  // namespace manyfit
