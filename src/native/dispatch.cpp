#include "dispatch.hpp"

#include <stdexcept>

namespace manyfit {
namespace {

std::vector<NamedKernels> find() {
    std::vector<NamedKernels> found;
#if defined(__x86_64__)
    __builtin_cpu_init();
#endif
#if defined(MANYFIT_HAS_V4)
    if (__builtin_cpu_supports("x86-64-v4")) found.push_back({"x86-64-v4", v4::kernels()});
#endif
#if defined(MANYFIT_HAS_V3)
    if (__builtin_cpu_supports("x86-64-v3")) found.push_back({"x86-64-v3", v3::kernels()});
#endif
#if defined(MANYFIT_HAS_V2)
    if (__builtin_cpu_supports("x86-64-v2")) found.push_back({"x86-64-v2", v2::kernels()});
#endif
#if defined(MANYFIT_HAS_NEON)
    found.push_back({"neon", neon::kernels()});
#endif
    if (found.empty()) throw std::runtime_error("manyfit's core was built for newer processors than this one");
    return found;
}

}  // namespace

const std::vector<NamedKernels>& usable_kernels() {
    static const std::vector<NamedKernels> found = find();
    return found;
}

const NamedKernels& kernels_named(const std::string& name) {
    const auto& all = usable_kernels();
    if (name.empty()) return all.front();
    std::string known;
    for (const NamedKernels& one : all) {
        if (one.name == name || one.name == "x86-64-" + name) return one;
        known += (known.empty() ? "" : ", ") + one.name;
    }
    throw std::invalid_argument("unknown instruction set '" + name + "'; this processor and build have " + known);
}

}  // namespace manyfit
