// One vocabulary of vectors for every instruction set: width by the compiler's target, names the same everywhere.
//
// Everything lives in `namespace manyfit::MANYFIT_ISA` (v4, v3, v2, neon: a macro of the build), so that code compiled for
// AVX-512 can never be picked by the linker for a processor without it. For the same reason nothing of the standard library
// that could leave a shared inline function behind is used here.
//
// Two promises that the layouts rely on:
// - `max(a, b)` and `min(a, b)` return b when either is NaN: `max(zero, x)` passes a NaN of x on, `max(x, zero)` hides it.
// - `fma` rounds once where the hardware has it (v3, v4, neon) and twice on v2. Sums and products are never fused otherwise
//   (-ffp-contract=off), so that v3, v4 and neon agree to the bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#ifndef MANYFIT_ISA
#error "MANYFIT_ISA must name the instruction set (v4, v3, v2, neon)"
#endif

// Small functions on vectors are worthless as calls: registers would go through memory.
#define MANYFIT_INLINE __attribute__((always_inline)) inline

namespace manyfit::MANYFIT_ISA {

#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
#elif defined(__AVX2__)
inline constexpr int vector_bytes = 32;
#else
inline constexpr int vector_bytes = 16;
#endif

#if defined(__FMA__) || defined(__aarch64__)
inline constexpr bool has_fma = true;
#else
inline constexpr bool has_fma = false;
#endif

// The may_alias twins at the alignment of one element are for memory only: any address, any element type.
template <class Real>
struct VectorTypes;

template <>
struct VectorTypes<float> {
    typedef float V __attribute__((vector_size(vector_bytes)));
    typedef std::int32_t I __attribute__((vector_size(vector_bytes)));
    typedef std::uint32_t U __attribute__((vector_size(vector_bytes)));
    typedef float Memory __attribute__((vector_size(vector_bytes), aligned(4), may_alias));
    typedef float AlignedMemory __attribute__((vector_size(vector_bytes), may_alias));
    using Int = std::int32_t;
    using Unsigned = std::uint32_t;
};

template <>
struct VectorTypes<double> {
    typedef double V __attribute__((vector_size(vector_bytes)));
    typedef std::int64_t I __attribute__((vector_size(vector_bytes)));
    typedef std::uint64_t U __attribute__((vector_size(vector_bytes)));
    typedef double Memory __attribute__((vector_size(vector_bytes), aligned(8), may_alias));
    typedef double AlignedMemory __attribute__((vector_size(vector_bytes), may_alias));
    using Int = std::int64_t;
    using Unsigned = std::uint64_t;
};

// Numbers in one vector of Real: 16 and 8 (v4), 8 and 4 (v3), 4 and 2 (v2, neon).
template <class Real>
inline constexpr int lanes = vector_bytes / int(sizeof(Real));

template <class Real>
using V = typename VectorTypes<Real>::V;
// Integers as wide as Real; also the masks: every bit of a lane set (true) or clear (false), as comparisons return them.
template <class Real>
using I = typename VectorTypes<Real>::I;
template <class Real>
using U = typename VectorTypes<Real>::U;

using VF = V<float>;
using VD = V<double>;
using IF = I<float>;
using ID = I<double>;
using UF = U<float>;
using UD = U<double>;

// The element type of a vector type, so that a function can be written for `class Vec`.
template <class Vec>
using RealOf = std::remove_cvref_t<decltype(Vec{}[0])>;

// ---- making vectors

// x in every lane. (x - 0 keeps the sign of a zero; 0 + x would lose it.)
template <class Real>
MANYFIT_INLINE V<Real> broadcast(Real x) {
    return x - V<Real>{};
}
MANYFIT_INLINE UF broadcast_u32(std::uint32_t x) { return x - UF{}; }
MANYFIT_INLINE IF broadcast_i32(std::int32_t x) { return x - IF{}; }

// 0, 1, 2, ... as integers of the width of Real.
template <class Real>
MANYFIT_INLINE I<Real> iota() {
    I<Real> v{};
    for (int l = 0; l < lanes<Real>; l++) v[l] = typename VectorTypes<Real>::Int(l);
    return v;
}

// ---- memory

template <class Real>
MANYFIT_INLINE V<Real> load(const Real* p) {
    return *reinterpret_cast<const typename VectorTypes<Real>::AlignedMemory*>(p);
}
template <class Real>
MANYFIT_INLINE V<Real> load_any(const Real* p) {
    return *reinterpret_cast<const typename VectorTypes<Real>::Memory*>(p);
}
MANYFIT_INLINE void store(float* p, VF v) { *reinterpret_cast<VectorTypes<float>::AlignedMemory*>(p) = v; }
MANYFIT_INLINE void store(double* p, VD v) { *reinterpret_cast<VectorTypes<double>::AlignedMemory*>(p) = v; }
MANYFIT_INLINE void store_any(float* p, VF v) { *reinterpret_cast<VectorTypes<float>::Memory*>(p) = v; }
MANYFIT_INLINE void store_any(double* p, VD v) { *reinterpret_cast<VectorTypes<double>::Memory*>(p) = v; }

// The first `count` numbers at p (count of 0 to lanes), zero in the other lanes; memory past them is never touched.
template <class Real>
MANYFIT_INLINE V<Real> load_part(const Real* p, int count) {
    V<Real> v{};
#if defined(__AVX512F__)
    if constexpr (sizeof(Real) == 4)
        v = V<Real>(_mm512_maskz_loadu_ps(__mmask16((1u << count) - 1u), p));
    else
        v = V<Real>(_mm512_maskz_loadu_pd(__mmask8((1u << count) - 1u), p));
#elif defined(__AVX2__)
    const I<Real> on = iota<Real>() < (typename VectorTypes<Real>::Int(count) - I<Real>{});
    if constexpr (sizeof(Real) == 4)
        v = V<Real>(_mm256_maskload_ps(p, __m256i(on)));
    else
        v = V<Real>(_mm256_maskload_pd(p, __m256i(on)));
#else
    for (int l = 0; l < lanes<Real>; l++)
        if (l < count) v[l] = p[l];
#endif
    return v;
}

template <class Real>
MANYFIT_INLINE void store_part(Real* p, V<Real> v, int count) {
#if defined(__AVX512F__)
    if constexpr (sizeof(Real) == 4)
        _mm512_mask_storeu_ps(p, __mmask16((1u << count) - 1u), __m512(v));
    else
        _mm512_mask_storeu_pd(p, __mmask8((1u << count) - 1u), __m512d(v));
#elif defined(__AVX2__)
    const I<Real> on = iota<Real>() < (typename VectorTypes<Real>::Int(count) - I<Real>{});
    if constexpr (sizeof(Real) == 4)
        _mm256_maskstore_ps(p, __m256i(on), __m256(v));
    else
        _mm256_maskstore_pd(p, __m256i(on), __m256d(v));
#else
    for (int l = 0; l < lanes<Real>; l++)
        if (l < count) p[l] = v[l];
#endif
}

// ---- arithmetic

// a * b + c
MANYFIT_INLINE VF fma(VF a, VF b, VF c) {
#if defined(__AVX512F__)
    return VF(_mm512_fmadd_ps(__m512(a), __m512(b), __m512(c)));
#elif defined(__FMA__)
    return VF(_mm256_fmadd_ps(__m256(a), __m256(b), __m256(c)));
#elif defined(__aarch64__)
    return VF(vfmaq_f32(float32x4_t(c), float32x4_t(a), float32x4_t(b)));
#else
    return a * b + c;
#endif
}
MANYFIT_INLINE VD fma(VD a, VD b, VD c) {
#if defined(__AVX512F__)
    return VD(_mm512_fmadd_pd(__m512d(a), __m512d(b), __m512d(c)));
#elif defined(__FMA__)
    return VD(_mm256_fmadd_pd(__m256d(a), __m256d(b), __m256d(c)));
#elif defined(__aarch64__)
    return VD(vfmaq_f64(float64x2_t(c), float64x2_t(a), float64x2_t(b)));
#else
    return a * b + c;
#endif
}
// c - a * b (negating a factor is exact, and the compiler folds it into the instruction)
MANYFIT_INLINE VF fnma(VF a, VF b, VF c) { return fma(-a, b, c); }
MANYFIT_INLINE VD fnma(VD a, VD b, VD c) { return fma(-a, b, c); }
// a * b - c
MANYFIT_INLINE VF fms(VF a, VF b, VF c) { return fma(a, b, -c); }
MANYFIT_INLINE VD fms(VD a, VD b, VD c) { return fma(a, b, -c); }

// a > b ? a : b, so b when either is NaN. (The form with a mask of all lanes is the same instruction; the plain one makes
// GCC 12 warn about its own header.)
MANYFIT_INLINE VF max(VF a, VF b) {
#if defined(__AVX512F__)
    return VF(_mm512_maskz_max_ps(__mmask16(-1), __m512(a), __m512(b)));
#elif defined(__AVX2__)
    return VF(_mm256_max_ps(__m256(a), __m256(b)));
#elif defined(__x86_64__)
    return VF(_mm_max_ps(__m128(a), __m128(b)));
#else
    return a > b ? a : b;
#endif
}
MANYFIT_INLINE VD max(VD a, VD b) {
#if defined(__AVX512F__)
    return VD(_mm512_maskz_max_pd(__mmask8(-1), __m512d(a), __m512d(b)));
#elif defined(__AVX2__)
    return VD(_mm256_max_pd(__m256d(a), __m256d(b)));
#elif defined(__x86_64__)
    return VD(_mm_max_pd(__m128d(a), __m128d(b)));
#else
    return a > b ? a : b;
#endif
}
// a < b ? a : b, so b when either is NaN.
MANYFIT_INLINE VF min(VF a, VF b) {
#if defined(__AVX512F__)
    return VF(_mm512_maskz_min_ps(__mmask16(-1), __m512(a), __m512(b)));
#elif defined(__AVX2__)
    return VF(_mm256_min_ps(__m256(a), __m256(b)));
#elif defined(__x86_64__)
    return VF(_mm_min_ps(__m128(a), __m128(b)));
#else
    return a < b ? a : b;
#endif
}
MANYFIT_INLINE VD min(VD a, VD b) {
#if defined(__AVX512F__)
    return VD(_mm512_maskz_min_pd(__mmask8(-1), __m512d(a), __m512d(b)));
#elif defined(__AVX2__)
    return VD(_mm256_min_pd(__m256d(a), __m256d(b)));
#elif defined(__x86_64__)
    return VD(_mm_min_pd(__m128d(a), __m128d(b)));
#else
    return a < b ? a : b;
#endif
}

// Correctly rounded square root.
MANYFIT_INLINE VF sqrt(VF a) {
#if defined(__AVX512F__)
    return VF(_mm512_maskz_sqrt_ps(__mmask16(-1), __m512(a)));
#elif defined(__AVX2__)
    return VF(_mm256_sqrt_ps(__m256(a)));
#elif defined(__x86_64__)
    return VF(_mm_sqrt_ps(__m128(a)));
#elif defined(__aarch64__)
    return VF(vsqrtq_f32(float32x4_t(a)));
#else
    for (int l = 0; l < lanes<float>; l++) a[l] = __builtin_sqrtf(a[l]);
    return a;
#endif
}
MANYFIT_INLINE VD sqrt(VD a) {
#if defined(__AVX512F__)
    return VD(_mm512_maskz_sqrt_pd(__mmask8(-1), __m512d(a)));
#elif defined(__AVX2__)
    return VD(_mm256_sqrt_pd(__m256d(a)));
#elif defined(__x86_64__)
    return VD(_mm_sqrt_pd(__m128d(a)));
#elif defined(__aarch64__)
    return VD(vsqrtq_f64(float64x2_t(a)));
#else
    for (int l = 0; l < lanes<double>; l++) a[l] = __builtin_sqrt(a[l]);
    return a;
#endif
}

// ---- masks and bits

MANYFIT_INLINE VF select(IF mask, VF yes, VF no) { return mask ? yes : no; }
MANYFIT_INLINE VD select(ID mask, VD yes, VD no) { return mask ? yes : no; }
MANYFIT_INLINE IF select(IF mask, IF yes, IF no) { return mask ? yes : no; }
MANYFIT_INLINE ID select(ID mask, ID yes, ID no) { return mask ? yes : no; }
// x where the mask is true, +0 elsewhere.
MANYFIT_INLINE VF where(IF mask, VF x) { return VF(IF(x) & mask); }
MANYFIT_INLINE VD where(ID mask, VD x) { return VD(ID(x) & mask); }

MANYFIT_INLINE VF abs(VF x) { return VF(IF(x) & 0x7fffffff); }
MANYFIT_INLINE VD abs(VD x) { return VD(ID(x) & 0x7fffffffffffffff); }
// The size of a with the sign of b.
MANYFIT_INLINE VF copysign(VF a, VF b) {
    const IF sign = broadcast_i32(INT32_MIN);
    return VF((IF(a) & ~sign) | (IF(b) & sign));
}
MANYFIT_INLINE VD copysign(VD a, VD b) {
    const ID sign = INT64_MIN - ID{};
    return VD((ID(a) & ~sign) | (ID(b) & sign));
}
// Neither infinite nor NaN.
MANYFIT_INLINE IF is_finite(VF x) { return abs(x) < __builtin_inff() - VF{}; }
MANYFIT_INLINE ID is_finite(VD x) { return abs(x) < __builtin_inf() - VD{}; }

// The lanes of a mask as bits of an integer, lane 0 lowest.
MANYFIT_INLINE unsigned lane_bits(IF mask) {
#if defined(__AVX512F__)
    return unsigned(_mm512_movepi32_mask(__m512i(mask)));
#elif defined(__AVX2__)
    return unsigned(_mm256_movemask_ps(__m256(mask)));
#elif defined(__x86_64__)
    return unsigned(_mm_movemask_ps(__m128(mask)));
#else
    unsigned bits = 0;
    for (int l = 0; l < lanes<float>; l++) bits |= (mask[l] ? 1u : 0u) << l;
    return bits;
#endif
}
MANYFIT_INLINE unsigned lane_bits(ID mask) {
#if defined(__AVX512F__)
    return unsigned(_mm512_movepi64_mask(__m512i(mask)));
#elif defined(__AVX2__)
    return unsigned(_mm256_movemask_pd(__m256d(mask)));
#elif defined(__x86_64__)
    return unsigned(_mm_movemask_pd(__m128d(mask)));
#else
    unsigned bits = 0;
    for (int l = 0; l < lanes<double>; l++) bits |= (mask[l] ? 1u : 0u) << l;
    return bits;
#endif
}
template <class Mask>
MANYFIT_INLINE bool any(Mask mask) {
    return lane_bits(mask) != 0;
}
template <class Mask>
MANYFIT_INLINE bool all(Mask mask) {
    constexpr int n = int(sizeof(Mask) / sizeof(mask[0]));
    return lane_bits(mask) == (1u << n) - 1u;
}
// True in the lanes 0 .. count-1.
template <class Real>
MANYFIT_INLINE I<Real> first_lanes(int count) {
    return iota<Real>() < (typename VectorTypes<Real>::Int(count) - I<Real>{});
}

// ---- across lanes (never in the inner loops)

// Sum of the lanes as a fixed tree: halves onto halves, the same order for the same number of lanes.
template <class Real>
MANYFIT_INLINE Real sum_lanes(V<Real> v) {
    Real a[lanes<Real>];
    for (int l = 0; l < lanes<Real>; l++) a[l] = v[l];
    for (int h = lanes<Real> / 2; h; h /= 2)
        for (int l = 0; l < h; l++) a[l] += a[l + h];
    return a[0];
}
// Largest lane; NaN lanes are not looked for.
template <class Real>
MANYFIT_INLINE Real max_lanes(V<Real> v) {
    Real m = v[0];
    for (int l = 1; l < lanes<Real>; l++) m = v[l] > m ? v[l] : m;
    return m;
}

}  // namespace manyfit::MANYFIT_ISA
