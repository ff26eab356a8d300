// Matrix products small enough for the cache: c = start + a * b, each number summed in the order of the depth.
//
// Both layouts use the one kernel. `b` and `c` are matrices of vectors; the left factor is a matrix of vectors (across: a
// lane is a network) or of plain numbers spread over the lanes (within; or across, where all networks read the same rows).
// No sum is ever split: whatever the tile, a number of c is one chain of fused multiply-adds, so layouts agree to the bit.
#pragma once

#include "simd.hpp"

namespace manyfit::MANYFIT_ISA {

// What happens to a finished sum on its way to memory.
enum class Finish {
    plain,
    relu,  // max(0, x), which lets NaN through
    gate,  // zero where the guard is not positive: the slope of relu
};

template <class Real, class Cell>
struct Product {
    using Vec = V<Real>;
    const Cell* a;
    std::ptrdiff_t a_row, a_step;  // in cells
    const Vec* b;
    std::ptrdiff_t b_step, b_col;  // in vectors, as all below
    Vec* c;
    std::ptrdiff_t c_row;
    const Vec* start;
    std::ptrdiff_t start_row;
    int depth;
    Finish finish = Finish::plain;
    const Vec* guard = nullptr;
    std::ptrdiff_t guard_row = 0;
};

namespace detail {

template <class Real>
MANYFIT_INLINE V<Real> lift(const V<Real>& x) {
    return x;
}
template <class Real>
MANYFIT_INLINE V<Real> lift(const Real& x) {
    return broadcast<Real>(x);
}

// Rows x Cols sums in registers. UnitCol: columns of b lie side by side.
template <class Real, class Cell, bool UnitCol, int Rows, int Cols>
[[gnu::noinline]] void tile(const Product<Real, Cell>& p, std::ptrdiff_t row, std::ptrdiff_t col) {
    using Vec = V<Real>;
    const std::ptrdiff_t a_row = p.a_row, a_step = p.a_step, b_step = p.b_step, b_col = UnitCol ? 1 : p.b_col;
    const Cell* a = p.a + row * a_row;
    const Vec* b = p.b + col * b_col;
    Vec sum[Rows][Cols];
    const Vec* start = p.start + row * p.start_row + col;
#pragma GCC unroll 16
    for (int i = 0; i < Rows; i++)
#pragma GCC unroll 16
        for (int j = 0; j < Cols; j++) sum[i][j] = start[i * p.start_row + j];
    for (int k = p.depth; k > 0; k--) {
        Vec right[Cols];
#pragma GCC unroll 16
        for (int j = 0; j < Cols; j++) right[j] = b[j * b_col];
#pragma GCC unroll 16
        for (int i = 0; i < Rows; i++) {
            const Vec left = lift<Real>(a[i * a_row]);
#pragma GCC unroll 16
            for (int j = 0; j < Cols; j++) sum[i][j] = fma(left, right[j], sum[i][j]);
        }
        a += a_step;
        b += b_step;
    }
    Vec* c = p.c + row * p.c_row + col;
    if (p.finish == Finish::relu) {
#pragma GCC unroll 16
        for (int i = 0; i < Rows; i++)
#pragma GCC unroll 16
            for (int j = 0; j < Cols; j++) sum[i][j] = max(Vec{}, sum[i][j]);
    } else if (p.finish == Finish::gate) {
        const Vec* guard = p.guard + row * p.guard_row + col;
#pragma GCC unroll 16
        for (int i = 0; i < Rows; i++)
#pragma GCC unroll 16
            for (int j = 0; j < Cols; j++) sum[i][j] = where(guard[i * p.guard_row + j] > Vec{}, sum[i][j]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < Rows; i++)
#pragma GCC unroll 16
        for (int j = 0; j < Cols; j++) c[i * p.c_row + j] = sum[i][j];
}

// How many sums fit in the registers beside the factors, and are enough to hide the latency of an addition.
// 32 registers (v4, neon): 6x4, 8x3, 12x2, 16x1. 16 registers: 3x4 would spill one, so 6x2 and 10x1.
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr int most_cols = 4;
inline constexpr int most_rows[most_cols + 1] = {0, 16, 12, 8, 6};
#else
inline constexpr int most_cols = 2;
inline constexpr int most_rows[most_cols + 1] = {0, 10, has_fma ? 6 : 5};
#endif
inline constexpr int row_limit = 16;

template <class Real, class Cell>
using Tile = void (*)(const Product<Real, Cell>&, std::ptrdiff_t, std::ptrdiff_t);

// The tiles of one width: [rows - 1].
template <class Real, class Cell, bool UnitCol, int Cols>
struct Tiles {
    template <int... R>
    static constexpr Tile<Real, Cell> pick(int rows, std::integer_sequence<int, R...>) {
        Tile<Real, Cell> found = nullptr;
        ((R + 1 == rows ? found = &tile<Real, Cell, UnitCol, R + 1, Cols> : found), ...);
        return found;
    }
    static Tile<Real, Cell> at(int rows) {
        return pick(rows, std::make_integer_sequence<int, most_rows[Cols]>{});
    }
};

// Rows shared out evenly (100 rows at most 6 high: 15 of 6 and 2 of 5), because a lone leftover row would wait for its sums.
template <class Real, class Cell, bool UnitCol, int Cols>
MANYFIT_INLINE void stripe(const Product<Real, Cell>& p, int rows, std::ptrdiff_t col) {
    constexpr int most = most_rows[Cols];
    const int n = (rows + most - 1) / most, low = rows / n, extra = rows % n;
    std::ptrdiff_t row = 0;
    if (extra) {
        const Tile<Real, Cell> high_tile = Tiles<Real, Cell, UnitCol, Cols>::at(low + 1);
        for (int i = 0; i < extra; i++, row += low + 1) high_tile(p, row, col);
    }
    const Tile<Real, Cell> low_tile = Tiles<Real, Cell, UnitCol, Cols>::at(low);
    for (int i = extra; i < n; i++, row += low) low_tile(p, row, col);
}

template <class Real, class Cell, bool UnitCol>
void multiply_columns(const Product<Real, Cell>& p, int rows, int cols) {
    const int n = (cols + most_cols - 1) / most_cols;
    std::ptrdiff_t col = 0;
    for (int i = 0; i < n; i++) {
        const int here = (cols - int(col)) / (n - i) + ((cols - int(col)) % (n - i) != 0);
        switch (here) {
            case 1: stripe<Real, Cell, UnitCol, 1>(p, rows, col); break;
            case 2: stripe<Real, Cell, UnitCol, 2>(p, rows, col); break;
#if defined(__AVX512F__) || defined(__aarch64__)
            case 3: stripe<Real, Cell, UnitCol, 3>(p, rows, col); break;
            case 4: stripe<Real, Cell, UnitCol, 4>(p, rows, col); break;
#endif
        }
        col += here;
    }
}

}  // namespace detail

// c[rows, cols] = start + a[rows, depth] * b[depth, cols], then the finish.
template <class Real, class Cell>
void multiply(const Product<Real, Cell>& p, int rows, int cols) {
    if (rows <= 0) return;
    if constexpr (std::is_same_v<Cell, V<Real>>) {
        if (p.b_col != 1) return detail::multiply_columns<Real, Cell, false>(p, rows, cols);
    }
    detail::multiply_columns<Real, Cell, true>(p, rows, cols);
}

}  // namespace manyfit::MANYFIT_ISA
