// One instruction set's entry: its kernels as a table, and what is not a bank (predictions, random words, functions).
#include <cstring>
#include <utility>

#include "../denormals.hpp"
#include "../order.hpp"
#include "../within.hpp"
#include "make_bank.hpp"

namespace manyfit::MANYFIT_ISA {
namespace {

Bank* make_bank(Precision precision, LayoutKind layout, const Structure& structure, Supply& supply) {
    const bool single = precision == Precision::float32;
    if (layout == LayoutKind::across)
        return single ? make_across_float32(structure, supply) : make_across_float64(structure, supply);
    return single ? make_within_float32(structure, supply) : make_within_float64(structure, supply);
}

int lanes_of(Precision precision) { return precision == Precision::float32 ? lanes<float> : lanes<double>; }

// Rows from, from + 1, ... to - 1 of a view, as a list.
template <class Real>
struct Span {
    Buffer<std::int32_t> numbers;
    RowList<Real> list;
    Span(const View& view, std::int64_t from, std::int64_t to) : numbers(to - from) {
        for (std::int64_t i = from; i < to; i++) numbers[i - from] = std::int32_t(i);
        list = {static_cast<const Real*>(view.rows), view.stride, numbers, to - from};
    }
};

template <class Real>
void forward_of(const Structure& structure, const void* params, const View& view, std::int64_t from, std::int64_t to,
                void* out) {
    const Span<Real> span(view, from, to);
    Within<Real> one(structure, false);
    one.load_parameters(static_cast<const Real*>(params));
    one.predict(span.list, static_cast<Real*>(out));
}
void forward(Precision precision, const Structure& structure, const void* params, const View& view, std::int64_t from,
             std::int64_t to, void* out) {
    const FlushDenormals flush;
    if (precision == Precision::float32)
        forward_of<float>(structure, params, view, from, to, out);
    else
        forward_of<double>(structure, params, view, from, to, out);
}

template <class Real>
void input_grad_of(const Structure& structure, const double* loss_settings, const void* params, const View& view,
                   std::int64_t from, std::int64_t to, void* out) {
    const Span<Real> span(view, from, to);
    Within<Real> one(structure, false);
    one.set_loss(loss_settings);
    one.load_parameters(static_cast<const Real*>(params));
    one.input_gradient(span.list, static_cast<Real*>(out));
}
void input_grad(Precision precision, const Structure& structure, const double* loss_settings, const void* params,
                const View& view, std::int64_t from, std::int64_t to, void* out) {
    const FlushDenormals flush;
    if (precision == Precision::float32)
        input_grad_of<float>(structure, loss_settings, params, view, from, to, out);
    else
        input_grad_of<double>(structure, loss_settings, params, view, from, to, out);
}

template <int Rounds>
void philox_rows(const std::uint32_t* counters, const std::uint32_t* keys, std::int64_t n, std::uint32_t* out) {
    for (std::int64_t i = 0; i < n; i += lanes<float>) {
        UF c[4] = {}, k[2] = {}, w[4];
        const int here = n - i < lanes<float> ? int(n - i) : lanes<float>;
        for (int l = 0; l < here; l++) {
            for (int j = 0; j < 4; j++) c[j][l] = counters[(i + l) * 4 + j];
            for (int j = 0; j < 2; j++) k[j][l] = keys[(i + l) * 2 + j];
        }
        philox<Rounds>(c[0], c[1], c[2], c[3], k[0], k[1], w);
        for (int l = 0; l < here; l++)
            for (int j = 0; j < 4; j++) out[(i + l) * 4 + j] = w[j][l];
    }
}
bool philox_words(const std::uint32_t* counters, const std::uint32_t* keys, std::int64_t n, int rounds, std::uint32_t* out) {
    if (rounds == 7)
        philox_rows<7>(counters, keys, n, out);
    else if (rounds == 10)
        philox_rows<10>(counters, keys, n, out);
    else
        return false;
    return true;
}

void order_rows(std::uint64_t key, std::uint32_t epoch, std::int64_t n, std::int32_t* out) {
    Buffer<unsigned char> scratch(order_scratch_bytes(n));
    order(key, epoch, n, out, scratch.get());
}

void dropout_mask(std::uint64_t key, std::uint32_t step, int layer, std::int64_t n_positions, int n_units,
                  std::uint32_t keep16, double* out) {
    constexpr int L = lanes<double>;
    const int columns = (n_units + L - 1) / L;
    Buffer<VD> mask(columns);
    Buffer<std::uint32_t> scratch(mask_scratch(1, n_units));
    for (std::int64_t s = 0; s < n_positions; s++) {
        draw_masks_within<double>(PhiloxKey(key), step, dropout_purpose | std::uint32_t(layer), keep16, dropout_scale(keep16),
                                  int(s), 1, n_units, mask, 0, scratch);
        __builtin_memcpy(out + s * n_units, mask.get(), sizeof(double) * n_units);
    }
}

template <class Real>
bool elementary_of(const char* name, const Real* x, Real* y, std::int64_t n) {
    auto apply = [&](auto function) {
        for (std::int64_t i = 0; i < n; i += lanes<Real>) {
            const int here = n - i < lanes<Real> ? int(n - i) : lanes<Real>;
            store_part(y + i, function(load_part(x + i, here)), here);
        }
        return true;
    };
    using Vec = V<Real>;
    if (!std::strcmp(name, "exp")) return apply([](Vec v) { return exp(v); });
    if (!std::strcmp(name, "log")) return apply([](Vec v) { return log(v); });
    if (!std::strcmp(name, "log1p")) return apply([](Vec v) { return log1p(v); });
    if (!std::strcmp(name, "softplus")) return apply([](Vec v) { return softplus(v); });
    if (!std::strcmp(name, "tanh")) return apply([](Vec v) { return tanh(v); });
    if (!std::strcmp(name, "sigmoid")) return apply([](Vec v) { return sigmoid(v); });
    if (!std::strcmp(name, "expm1")) return apply([](Vec v) { return expm1(v); });
    if (!std::strcmp(name, "normal_below"))
        return apply([](Vec v) {
            Vec density;
            return normal_below(v, density);
        });
    if (!std::strcmp(name, "sqrt")) return apply([](Vec v) { return sqrt(v); });
    if (!std::strcmp(name, "sin_quarters")) return apply([](Vec v) { return sin_quarters(v); });
    if (!std::strcmp(name, "cos_quarters")) return apply([](Vec v) { return cos_quarters(v); });
    if (!std::strcmp(name, "adam_ratio"))  // of (1, x, 0): the reciprocal root that the update uses
        return apply([](Vec v) { return adam_ratio(broadcast(Real(1)), v, Vec{}); });
    return false;
}
bool elementary(const char* name, Precision precision, const void* x, void* y, std::int64_t n) {
    const FlushDenormals flush;
    if (precision == Precision::float32) return elementary_of(name, static_cast<const float*>(x), static_cast<float*>(y), n);
    return elementary_of(name, static_cast<const double*>(x), static_cast<double*>(y), n);
}

template <class Rule, unsigned... Flags>
const StateCard* forms_of(std::integer_sequence<unsigned, Flags...>) {
    static const StateCard cards[] = {
        {Rule::template Form<Flags>::state.at, Rule::template Form<Flags>::state.count}...};
    return cards;
}

template <class... Rule>
Catalog catalog_of(RuleList<Rule...>) {
    static const RuleCard cards[] = {RuleCard{Rule::name, Rule::hypers.at, Rule::hypers.count, Rule::flags.at, Rule::flags.count,
                                              forms_of<Rule>(std::make_integer_sequence<unsigned, n_forms<Rule>>{}),
                                              int(n_forms<Rule>), is_linear<Rule>}...};
    return {cards, sizeof...(Rule)};
}

}  // namespace

Kernels kernels() {
    return {&lanes_of, &make_bank, &forward, &input_grad, &philox_words, &order_rows, &dropout_mask, &elementary,
            catalog_of(Rules{})};
}

}  // namespace manyfit::MANYFIT_ISA
