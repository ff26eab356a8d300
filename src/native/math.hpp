// exp, log, tanh and friends on vectors: own polynomials, so that a number has the same bits in whichever lane and on every
// vendor's processor (v3, v4 and neon agree; v2 has no fused multiply-add and differs in the last bits). No estimate
// instructions (rsqrt, rcp): vendors differ in them.
//
// ULP: distance to the true value in units of the result's last place. The bounds in the comments hold on the whole range of
// normal results (tests/native/test_math.py measures them); results too small for a normal number are zero, as the mode in
// which the core runs (FlushDenormals) makes them. NaN in gives NaN out, always.
//
// The polynomials are minimax fits, made by fit_polynomials.py and rounded to the type. The reductions are the classical ones:
// Cody & Waite 1980, Software manual for the elementary functions; for log, Tang 1990, https://doi.org/10.1145/98267.98294.
#pragma once

#include "simd.hpp"

namespace manyfit::MANYFIT_ISA {

namespace detail {

// Numbers per type. `exp_poly` is P in exp(r) = 1 + r + r^2 P(r) on |r| <= ln(2)/2 (error 3e-9, 4e-18 of the result);
// `log_poly` is P in 2 atanh(s) / s = 2 + z P(z), z = s^2, s <= 0.172 (8e-10, 1.2e-18). `sin_poly` and `cos_poly` are P in
// sin(r pi/2) = r P(z) and cos(r pi/2) = 1 + z P(z), z = r^2, |r| <= 1/2 (3.3e-9, 3.4e-18; 3.3e-8, 5.2e-17).
template <class Real>
struct Elementary;

template <>
struct Elementary<float> {
    static constexpr int mantissa_bits = 23, bias = 127;
    static constexpr float log2e = 0x1.715476p+0f;
    // ln 2 in two pieces: the first has few enough bits that its product with an exponent is exact.
    static constexpr float ln2_high = 0x1.63p-1f, ln2_low = -0x1.bd0106p-13f;
    // 1.5 * 2^23: adding it leaves the nearest integer in the low bits of the sum.
    static constexpr float round_magic = 0x1.8p+23f;
    static constexpr float exp_high = 88.9f, exp_low = -87.3f;
    static constexpr float tanh_one = 9.1f;
    static constexpr float exp_poly[5] = {0x1.fffffcp-2f, 0x1.555490p-3f, 0x1.5558f4p-5f, 0x1.123a6cp-7f, 0x1.6a2364p-10f};
    static constexpr float log_poly[3] = {0x1.55557ap-1f, 0x1.995e9cp-2f, 0x1.31e678p-2f};
    static constexpr float sin_poly[4] = {0x1.921fb6p+0f, -0x1.4abbbap-1f, 0x1.465e92p-4f, -0x1.2d9302p-8f};
    static constexpr float cos_poly[3] = {-0x1.3bd3a2p+0f, 0x1.03b162p-2f, -0x1.4ea9e6p-6f};
    static constexpr std::uint32_t sqrt_half = 0x3f3504f3, least_normal = 0x00800000;
    static constexpr float tail_poly[8] = {0x1.82b484p-4f, -0x1.5cf86cp-3f, 0x1.fd8c66p-4f, -0x1.2583bcp-4f,
                                           0x1.f9121ap-6f, -0x1.1e5510p-7f, 0x1.196b68p-12f, 0x1.6f095ap-11f};
    static constexpr float tail_end = 13.39f;
};

template <>
struct Elementary<double> {
    static constexpr int mantissa_bits = 52, bias = 1023;
    static constexpr double log2e = 0x1.71547652b82fep+0;
    static constexpr double ln2_high = 0x1.62e42fefa0000p-1, ln2_low = 0x1.cf79abc9e3b3ap-40;
    static constexpr double round_magic = 0x1.8p+52;
    static constexpr double exp_high = 709.9, exp_low = -708.3;
    static constexpr double tanh_one = 19.2;
    static constexpr double exp_poly[10] = {0x1.000000000000ap-1,  0x1.55555555554f9p-3,  0x1.55555555507f1p-5,
                                            0x1.1111111127e85p-7,  0x1.6c16c1844b08dp-10, 0x1.a01a0129b3d7cp-13,
                                            0x1.a01999adb84cap-16, 0x1.71df262d27cf7p-19, 0x1.28adce83f0516p-22,
                                            0x1.ad7f019a3d07bp-26};
    static constexpr double log_poly[7] = {0x1.5555555555593p-1, 0x1.999999997fb2ep-2, 0x1.2492494217d55p-2,
                                           0x1.c71c51e7cf9bcp-3, 0x1.7466463422f9fp-3, 0x1.39a0f44c71cf9p-3,
                                           0x1.2f0d954534405p-3};
    static constexpr double sin_poly[7] = {0x1.921fb54442d18p+0, -0x1.4abbce625be41p-1, 0x1.466bc67758700p-4,
                                           -0x1.32d2cce2d536fp-8, 0x1.50782fca39869p-13, -0x1.e30063a0ce9d5p-19,
                                           0x1.e3eed5ff82626p-25};
    static constexpr double cos_poly[6] = {-0x1.3bd3cc9be45a5p+0, 0x1.03c1f081b14bep-2, -0x1.55d3c7dcb5f53p-6,
                                           0x1.e1f4fbfc01198p-11, -0x1.a6ca009643f23p-16, 0x1.f3ef424a1cb63p-22};
    static constexpr std::uint64_t sqrt_half = 0x3fe6a09e667f3bcd, least_normal = 0x0010000000000000;
    static constexpr double tail_poly[20] = {0x1.82b4bb8c94f43p-4, -0x1.5cf97b0ae7ea9p-3, 0x1.fd751a1fb929fp-4,
                                             -0x1.25b6aa969dc8ep-4, 0x1.f9b05f0b09329p-6, -0x1.1644dc203fa4bp-7,
                                             0x1.0a1bdc5187924p-11, 0x1.4eec2bbf17650p-11, -0x1.888e7b071afb9p-13,
                                             -0x1.7e2a5107d3c47p-15, 0x1.e0ac69e5f18ffp-16, 0x1.378e4f204414fp-18,
                                             -0x1.207b436ada0acp-18, -0x1.c75e6d9d810b1p-21, 0x1.572ac87140553p-21,
                                             0x1.cefd239f50e58p-23, -0x1.147ff5fe65216p-24, -0x1.73bf1ebad06cfp-25,
                                             -0x1.31ae47c135f82p-28, 0x1.b6f2f77e6ec44p-31};
    static constexpr double tail_end = 38.1;
};

template <class Vec, class Real, int N>
MANYFIT_INLINE Vec horner(Vec x, const Real (&c)[N]) {
    Vec y = broadcast(c[N - 1]);
    for (int k = N - 2; k >= 0; k--) y = fma(y, x, broadcast(c[k]));
    return y;
}

// exp(x) - 1 = scale * t + (scale - 1), with t = exp(r) - 1 on |r| <= ln(2)/2 and scale = 2^(n - Less).
// The low bits of the rounded sum are n + bias - Less: shifted into place they are the power of two itself.
template <int Less, class Vec>
MANYFIT_INLINE Vec exp_parts(Vec x, Vec& scale) {
    using Real = RealOf<Vec>;
    using K = Elementary<Real>;
    const Vec magic = broadcast(K::round_magic + Real(K::bias - Less));
    const Vec shifted = fma(x, broadcast(K::log2e), magic);
    const Vec n = shifted - magic;
    scale = Vec(U<Real>(shifted) << K::mantissa_bits);
    const Vec r = fma(n, broadcast(-K::ln2_low), fma(n, broadcast(-K::ln2_high), x));
    return fma(r * r, horner(r, K::exp_poly), r);
}

// log(1 + f) + k ln 2 for 1 + f in [sqrt(1/2), sqrt(2)].
template <class Vec>
MANYFIT_INLINE Vec log_core(Vec f, Vec k) {
    using Real = RealOf<Vec>;
    using K = Elementary<Real>;
    const Vec half_square = Real(0.5) * f * f;
    const Vec s = f / (Real(2) + f), z = s * s;
    const Vec rest = fma(s, fma(z, horner(z, K::log_poly), half_square), k * K::ln2_low);
    return fma(k, broadcast(K::ln2_high), f - (half_square - rest));
}

}  // namespace detail

// exp(x), within 1.1 ULP. Below 2^-125 (float) or 2^-1021 (double) the result is 0, above the largest number inf.
template <class Vec>
MANYFIT_INLINE Vec exp(Vec x) {
    using K = detail::Elementary<RealOf<Vec>>;
    // One power of two less, then doubled: otherwise 2^n itself overflows for the largest results.
    x = max(broadcast(K::exp_low), min(broadcast(K::exp_high), x));
    Vec scale;
    const Vec t = detail::exp_parts<1>(x, scale);
    // Without a fused operation t * scale alone could be too small to be normal.
    const Vec half = has_fma ? fma(t, scale, scale) : (t + RealOf<Vec>(1)) * scale;
    return half + half;
}

// Natural logarithm, within 1 ULP. log(0) = -inf (also for numbers too small to be normal), log(negative) = NaN.
template <class Vec>
MANYFIT_INLINE Vec log(Vec x) {
    using Real = RealOf<Vec>;
    using K = detail::Elementary<Real>;
    // x = 2^k m with m in [sqrt(1/2), sqrt(2)): the exponent counts from sqrt(1/2) upwards. Biased, so that the shift needs no
    // sign and the integer becomes a Real by two additions (64-bit conversions are rare before AVX-512).
    using Bits = U<Real>;
    constexpr auto bias_bits = typename VectorTypes<Real>::Unsigned(K::bias) << K::mantissa_bits;
    const Bits bits = Bits(x);
    const Bits biased = (bits - K::sqrt_half + bias_bits) >> K::mantissa_bits;
    const Vec k = Vec(biased + Bits(broadcast(K::round_magic))) - (K::round_magic + Real(K::bias));
    const Vec m = Vec(bits - (biased << K::mantissa_bits) + bias_bits);
    const Vec y = detail::log_core(m - Real(1), k);
    const Vec infinity = broadcast(Real(__builtin_inff()));
    const Vec least = broadcast(__builtin_bit_cast(Real, K::least_normal));
    // inf and NaN of either sign pass through x + x; negative numbers become NaN as inf - inf.
    const Vec unusual = select(x < Real(0), infinity - infinity, x + x);
    return select(x < least, select(x > -least, -infinity, unusual), select(x < infinity, y, unusual));
}

// log(1 + t) for t in [0, 1] (all that a softplus asks for), within 2 ULP.
template <class Vec>
MANYFIT_INLINE Vec log1p(Vec t) {
    using Real = RealOf<Vec>;
    // Above sqrt(2) - 1, halve 1 + t: (t - 1) / 2 is exact from 1/2 on and nearly so below.
    const auto upper = t > Real(0.41421356237309504880);
    const Vec k = select(upper, broadcast(Real(1)), Vec{});
    const Vec f = select(upper, Real(0.5) * (t - Real(1)), t);
    return detail::log_core(f, k);
}

// log(1 + exp(x)) without overflow: max(x, 0) + log1p(exp(-|x|)), within 2 ULP.
template <class Vec>
MANYFIT_INLINE Vec softplus(Vec x) {
    return max(Vec{}, x) + log1p(exp(-abs(x)));
}

// 1 / (1 + exp(-x)), within 3 ULP (2.5 were measured).
template <class Vec>
MANYFIT_INLINE Vec sigmoid(Vec x) {
    using Real = RealOf<Vec>;
    return Real(1) / (Real(1) + exp(-x));
}

// tanh(x), within 3 ULP, and odd to the bit. From e = exp(2|x|) - 1, which is accurate near 0 too: tanh = e / (e + 2).
template <class Vec>
MANYFIT_INLINE Vec tanh(Vec x) {
    using Real = RealOf<Vec>;
    const Vec a = min(broadcast(detail::Elementary<Real>::tanh_one), abs(x));
    Vec scale;
    const Vec t = detail::exp_parts<0>(a + a, scale);
    const Vec e = fma(t, scale, scale - Real(1));
    return copysign(e / (e + Real(2)), x);
}

// Sine and cosine of r quarter turns, |r| <= 1/2, within 2 ULP.
template <class Vec>
MANYFIT_INLINE Vec sin_quarters(Vec r) {
    return r * detail::horner(r * r, detail::Elementary<RealOf<Vec>>::sin_poly);
}
template <class Vec>
MANYFIT_INLINE Vec cos_quarters(Vec r) {
    const Vec z = r * r;
    return fma(z, detail::horner(z, detail::Elementary<RealOf<Vec>>::cos_poly), broadcast(RealOf<Vec>(1)));
}

// exp(x) - 1 for x <= 0, within 2 ULP.
template <class Vec>
MANYFIT_INLINE Vec expm1(Vec x) {
    using Real = RealOf<Vec>;
    Vec scale;
    const Vec t = detail::exp_parts<0>(max(broadcast(detail::Elementary<Real>::exp_low), x), scale);
    return fma(t, scale, scale - Real(1));
}

// The share of the normal distribution below x, within 1.6e-7 (float) or 3.1e-16 (double) of 1; 1.9e-7 or 3.4e-16 on v2, whose
// Horner rounds twice a step. And its density at x. From the tail beyond |x|: exp(-x^2 / 2) P((|x| - 4) / (|x| + 4)).
template <class Vec>
MANYFIT_INLINE Vec normal_below(Vec x, Vec& density) {
    using Real = RealOf<Vec>;
    using K = detail::Elementary<Real>;
    const Vec size = min(broadcast(K::tail_end), abs(x)), e = exp(Real(-0.5) * size * size);
    const Vec tail = e * detail::horner((size - Real(4)) / (size + Real(4)), K::tail_poly);
    density = e * Real(0.39894228040143267794);
    return select(x < Vec{}, tail, Real(1) - tail);
}

// m / (sqrt(x) + eps), what an adaptive rule steps by; three roundings: relative error within 1.8e-7 (float), 3.4e-16 (double).
// x = inf gives 0, as in torch; NaN stays NaN; 0 / (0 + 0) is NaN.
//
// The exact root and division of the hardware, because they are the fastest on the processor measured (Zen 5, one core, a whole
// Adam update of float32 in the L1 cache, ns per parameter, v4 / v3 / v2; 0.06 / 0.12 / 0.24 without root and division):
//     exact root, exact division          0.112 / 0.222 / 0.45
//     exact root, Newton reciprocal       0.139 / 0.275 / 0.80    (start from an integer constant, one cubic and one quadratic step)
//     Newton root, exact division         0.166 / 0.327 / 0.87
//     Newton root and reciprocal          0.246 / 0.477 / 1.53
template <class Vec>
MANYFIT_INLINE Vec adam_ratio(Vec m, Vec x, Vec eps) {
    return m / (sqrt(x) + eps);
}

}  // namespace manyfit::MANYFIT_ISA
