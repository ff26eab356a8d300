// The words of Python for what the core knows: losses, activations, rules, precisions.
#pragma once

#include <string>
#include <vector>

#include "bank.hpp"

namespace manyfit {

// In the order of enum Loss: its name, the names of its settings, and whether the last of them is a number for each output.
struct LossCard {
    std::string name;
    std::vector<std::string> settings;
    bool classes, per_output;
    int n_settings(int n_outputs) const { return int(settings.size()) + (per_output ? n_outputs - 1 : 0); }
};
inline const std::vector<LossCard> loss_cards{
    {"mse", {}, false, false},
    {"mae", {}, false, false},
    {"huber", {"delta"}, false, false},
    {"cross_entropy", {}, true, false},
    {"cross_entropy_smoothed", {"label_smoothing"}, true, false},
    {"cross_entropy_weighted", {"label_smoothing", "class_weights"}, true, true},
    {"bce", {}, false, false},
    {"bce_smoothed", {"label_smoothing"}, false, false},
};
inline const std::vector<std::string> activation_names{"identity", "relu", "leaky_relu", "tanh",
                                                       "sigmoid",  "gelu", "silu",       "elu"};  // of enum Activation

// The place of a name in a list. Throws nb::value_error that names the known ones.
int index_of(const std::string& name, const std::vector<std::string>& known, const char* what);

Precision precision_named(const std::string& dtype);
// Sets what a structure holds of its loss; it has its widths already.
void set_loss(Structure& structure, const std::string& name);
Activation activation_named(const std::string& name);
int rule_named(const std::string& name, const Catalog& catalog);

}  // namespace manyfit
