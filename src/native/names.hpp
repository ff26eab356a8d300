// The words of Python for what the core knows: losses, activations, rules, precisions.
#pragma once

#include <string>
#include <vector>

#include "bank.hpp"

namespace manyfit {

inline const std::vector<std::string> loss_names{"mse", "cross_entropy", "bce"};  // in the order of enum Loss
inline const std::vector<std::string> activation_names{"identity", "relu", "tanh", "sigmoid"};  // of enum Activation

// The place of a name in a list. Throws nb::value_error that names the known ones.
int index_of(const std::string& name, const std::vector<std::string>& known, const char* what);

Precision precision_named(const std::string& dtype);
Loss loss_named(const std::string& name);
Activation activation_named(const std::string& name);
int rule_named(const std::string& name, const Catalog& catalog);

}  // namespace manyfit
