#include <cstdlib>
#include <cstring>
#include <new>

#include "session.hpp"

namespace manyfit {
namespace {

template <class Real>
void fill(Real* rows, std::int64_t stride, const double* x, std::int64_t n_rows, int n_inputs, const double* y, int n_targets,
          const std::int64_t* classes, const double* weights, std::int64_t n_target_rows) {
    for (std::int64_t i = 0, t = 0; i < n_rows; i++, t = t + 1 == n_target_rows ? 0 : t + 1) {
        Real* row = rows + i * stride;
        for (int k = 0; k < n_inputs; k++) row[k] = Real(x[i * n_inputs + k]);
        row[n_inputs] = Real(1);
        row += n_inputs + 1;
        if (classes) row[0] = Real(classes[t]);
        if (y)
            for (int k = 0; k < n_targets; k++) row[k] = Real(y[t * n_targets + k]);
        row[n_targets] = weights ? Real(weights[t]) : Real(1);
    }
}

}  // namespace

StoredView store_view(Precision precision, const double* x, std::int64_t n_rows, int n_inputs, const double* y, int n_targets,
                      const std::int64_t* classes, const double* weights, std::int64_t n_target_rows) {
    constexpr std::int64_t pad = 16;  // the most lanes of any instruction set
    const std::int64_t stride = (n_inputs + n_targets + 2 + pad - 1) / pad * pad;
    if (n_target_rows < 0) n_target_rows = n_rows;
    const std::size_t size = precision == Precision::float32 ? 4 : 8;
    const std::size_t bytes = (std::size_t(n_rows) * stride * size + 127) / 64 * 64;
    void* memory = std::aligned_alloc(64, bytes);
    if (!memory) throw std::bad_alloc();
    std::memset(memory, 0, bytes);
    StoredView stored{View{memory, n_rows, stride, n_inputs, n_targets, classes != nullptr, weights != nullptr},
                      {memory, &std::free}};
    if (precision == Precision::float32)
        fill(static_cast<float*>(memory), stride, x, n_rows, n_inputs, y, n_targets, classes, weights, n_target_rows);
    else
        fill(static_cast<double*>(memory), stride, x, n_rows, n_inputs, y, n_targets, classes, weights, n_target_rows);
    if (classes)
        for (std::int64_t i = 0; i < n_target_rows; i++)
            if (classes[i] > stored.largest_class) stored.largest_class = classes[i];
    return stored;
}

}  // namespace manyfit
