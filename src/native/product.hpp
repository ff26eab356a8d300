// Matrix products small enough for the cache: c = start + a * b, each number summed in the order of the depth.
//
// Both layouts use the one kernel. `b` and `c` are matrices of vectors; the left factor is a matrix of vectors (across: a
// lane is a network) or of plain numbers spread over the lanes (within; or across, where all networks read the same rows).
// No sum is ever split: whatever the tile, a number of c is one chain of fused multiply-adds, so layouts agree to the bit.
#pragma once

#include <utility>

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

// The compiler must take this pointer as it is. Left to itself it computes all addresses of a tile ahead of the loop, and
// spends longer on spilling them than short products take.
template <class T>
MANYFIT_INLINE void opaque(T*& p) {
    asm("" : "+r"(p));
}

// `count` tiles below each other, of Rows x Cols sums in registers. UnitCol: columns of b lie side by side.
template <class Real, class Cell, bool UnitCol, int Rows, int Cols>
[[gnu::noinline]] void tiles(const Product<Real, Cell>& p, std::ptrdiff_t row, std::ptrdiff_t col, int count) {
    using Vec = V<Real>;
    const std::ptrdiff_t a_row = p.a_row, a_step = p.a_step, b_step = p.b_step, b_col = UnitCol ? 1 : p.b_col;
    const std::ptrdiff_t c_row = p.c_row, start_row = p.start_row;
    const Cell* a_tile = p.a + row * a_row;
    const Vec *b_tile = p.b + col * b_col, *start = p.start + row * start_row + col;
    const Vec* guard = p.guard + row * p.guard_row + col;
    Vec* c = p.c + row * c_row + col;
    for (; count > 0; count--) {
        const Cell* a = a_tile;
        const Vec* b = b_tile;
        Vec sum[Rows][Cols];
#pragma GCC unroll 16
        for (int i = 0; i < Rows; i++) {
#pragma GCC unroll 16
            for (int j = 0; j < Cols; j++) sum[i][j] = start[j];
            start += start_row;
            opaque(start);
        }
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
        if (p.finish == Finish::relu) {
#pragma GCC unroll 16
            for (int i = 0; i < Rows; i++)
#pragma GCC unroll 16
                for (int j = 0; j < Cols; j++) sum[i][j] = max(Vec{}, sum[i][j]);
        } else if (p.finish == Finish::gate) {
#pragma GCC unroll 16
            for (int i = 0; i < Rows; i++) {
#pragma GCC unroll 16
                for (int j = 0; j < Cols; j++) sum[i][j] = where(guard[j] > Vec{}, sum[i][j]);
                guard += p.guard_row;
                opaque(guard);
            }
        }
#pragma GCC unroll 16
        for (int i = 0; i < Rows; i++) {
#pragma GCC unroll 16
            for (int j = 0; j < Cols; j++) c[j] = sum[i][j];
            c += c_row;
            opaque(c);
        }
        a_tile += Rows * a_row;
    }
}

// How many sums fit in the registers beside the factors, and are enough to hide the latency of an addition.
// 32 registers (v4, neon): 6x4, 8x3, 12x2, 16x1. 16 registers: 3x4 would spill one, so 6x2 and 10x1.
// Few rows (gradients of a layer with one or two inputs) take wider tiles, or they would wait for their own sums.
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr int most_cols = 4, most_cols_flat = 8, flat_rows = 3;
inline constexpr int most_rows[most_cols_flat + 1] = {0, 16, 12, 8, 6, 3, 3, 3, 3};
#else
inline constexpr int most_cols = 2, most_cols_flat = 4, flat_rows = 2;
inline constexpr int most_rows[most_cols_flat + 1] = {0, 10, has_fma ? 6 : 5, 2, 2};
#endif

template <class Real, class Cell>
using Tiles = void (*)(const Product<Real, Cell>&, std::ptrdiff_t, std::ptrdiff_t, int);

// All tiles of one width, by their number of rows.
template <class Real, class Cell, bool UnitCol, int Cols, int... R>
inline const Tiles<Real, Cell>* tiles_of(std::integer_sequence<int, R...>) {
    static constexpr Tiles<Real, Cell> table[] = {nullptr, &tiles<Real, Cell, UnitCol, R + 1, Cols>...};
    return table;
}

// Rows shared out evenly (100 rows at most 6 high: 15 of 6 and 2 of 5), because a lone leftover row would wait for its sums.
template <class Real, class Cell, bool UnitCol, int Cols>
inline void stripe(const Product<Real, Cell>& p, int rows, std::ptrdiff_t col) {
    constexpr int most = most_rows[Cols];
    const Tiles<Real, Cell>* table = tiles_of<Real, Cell, UnitCol, Cols>(std::make_integer_sequence<int, most>{});
    const int n = (rows + most - 1) / most, low = rows / n, extra = rows % n;
    if (extra) table[low + 1](p, 0, col, extra);
    table[low](p, std::ptrdiff_t(extra) * (low + 1), col, n - extra);
}

template <class Real, class Cell, bool UnitCol, int... C>
inline void stripe_of(int cols, const Product<Real, Cell>& p, int rows, std::ptrdiff_t col, std::integer_sequence<int, C...>) {
    ((C + 1 == cols ? stripe<Real, Cell, UnitCol, C + 1>(p, rows, col) : void()), ...);
}

template <class Real, class Cell, bool UnitCol>
void multiply_columns(const Product<Real, Cell>& p, int rows, int cols) {
    const int most = rows <= flat_rows ? most_cols_flat : most_cols, n = (cols + most - 1) / most;
    std::ptrdiff_t col = 0;
    for (int left = n; left > 0; left--) {
        const int here = (cols - int(col) + left - 1) / left;
        stripe_of<Real, Cell, UnitCol>(here, p, rows, col, std::make_integer_sequence<int, most_cols_flat>{});
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
