#include "names.hpp"

#include "arrays.hpp"

namespace manyfit {

int index_of(const std::string& name, const std::vector<std::string>& known, const char* what) {
    std::string list;
    for (std::size_t i = 0; i < known.size(); i++) {
        if (known[i] == name) return int(i);
        list += (i ? ", " : "") + known[i];
    }
    refuse(std::string("unknown ") + what + " '" + name + "'; the native core knows " + list);
}

Precision precision_named(const std::string& dtype) { return Precision(index_of(dtype, {"float32", "float64"}, "dtype")); }
Activation activation_named(const std::string& name) { return Activation(index_of(name, activation_names, "activation")); }

void set_loss(Structure& structure, const std::string& name) {
    std::vector<std::string> known;
    for (const LossCard& card : loss_cards) known.push_back(card.name);
    const int index = index_of(name, known, "loss");
    structure.loss = Loss(index);
    structure.classes = loss_cards[index].classes;
    structure.n_loss_settings = loss_cards[index].n_settings(structure.widths[structure.n_layers]);
}

int rule_named(const std::string& name, const Catalog& catalog) {
    std::vector<std::string> known;
    for (int i = 0; i < catalog.n_rules; i++) known.push_back(catalog.rules[i].name);
    return index_of(name, known, "optimizer");
}

}  // namespace manyfit
