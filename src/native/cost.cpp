#include "cost.hpp"

namespace manyfit {
namespace {

int ceil_div(int a, int b) { return (a + b - 1) / b; }

// Fitted by least squares to 72 structures (widths 1 to 48, one and two hidden layers, batches of 32 to 256) on a Zen 5 core,
// float32, 16 lanes: within 28 % across, 13 % within, and break-even points mostly to one member in ten.
struct Prices {
    double multiply;  // one vector multiply-add of a product
    double update;    // one vector of parameters
    double unit;      // one vector of activations: losses, activations, bias sums
    double gather;    // one row that is fetched (minibatches), for a whole vector of lanes where they read their own
    double step;      // the rest
};
constexpr Prices price_across{0.176, 1.58, 0.513, 48.3, 466};
constexpr Prices price_within{0.120, 3.33, 2.66, 6.54, 65.6};

// Parameters, gradients and two moments of a vector of networks that leave the L2 cache: measured 1.2 to 1.3 times slower.
constexpr double roomy = 3 << 18, crowded_factor = 1.25;
constexpr int bytes_per_parameter = 4 * 64;

}  // namespace

double step_cost(const Structure& s, LayoutKind layout, int lanes) {
    const bool across = layout == LayoutKind::across;
    const int block = across ? 1 : lanes;
    double products = 0, parameters = 0, units = ceil_div(s.widths[0], block);
    for (int i = 0; i < s.n_layers; i++) {
        const double in = s.widths[i], out = s.widths[i + 1];
        const double in_blocks = ceil_div(s.widths[i], block), out_blocks = ceil_div(s.widths[i + 1], block);
        products += 2 * in * out_blocks + (i > 0 ? out * in_blocks : 0);
        parameters += (in + 1) * out_blocks;
        units += out_blocks;
    }
    const Prices& price = across ? price_across : price_within;
    double gathered = 0;
    if (s.n_batches > 1) gathered = across ? ceil_div(s.widths[0] + 3, lanes) * (lanes / 16.0) : 1;
    const double crowded = across && parameters * bytes_per_parameter > roomy ? crowded_factor : 1;
    return crowded * price.multiply * products * s.batch + price.update * parameters + price.unit * units * s.batch +
           price.gather * gathered * s.batch + price.step;
}

std::int64_t n_parameters(const Structure& s) {
    std::int64_t n = 0;
    for (int i = 0; i < s.n_layers; i++)
        n += std::int64_t(s.widths[i] + (s.norm && i + 1 < s.n_layers ? 3 : 1)) * s.widths[i + 1];
    return n;
}

LayoutKind cheaper_layout(const Structure& structure, int lanes, int members, int threads) {
    // As many as the threads can take at once, each a full bank; those beyond come next, and are asked about then.
    const int at_once = members < lanes * threads ? members : lanes * threads;
    const double across = step_cost(structure, LayoutKind::across, lanes);
    const double within = step_cost(structure, LayoutKind::within, lanes) * ceil_div(at_once, threads);
    return across < within ? LayoutKind::across : LayoutKind::within;
}

}  // namespace manyfit
