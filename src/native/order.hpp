// The order in which an epoch visits the rows: a stable argsort of random words.
//
// w[position] = Philox4x32-10(key, counter = (epoch, 0, purpose, position / 4))[position % 4], and the order is the argsort of
// w, ties in natural order. Every engine draws the same words, so every engine visits the same rows.
//
// Sorting numbers that are known to be uniform is nearly free: two radix passes over the leading bits, five more of them than
// it takes to number the rows, put all but one in sixty in place, and an insertion pass repairs those (fewer bits would cost more
// in mispredicted branches there than they save here). Word and position travel as one 64-bit number, so that ties need no
// thought.
#pragma once

#include "philox.hpp"

namespace manyfit::MANYFIT_ISA {

inline constexpr std::uint32_t order_purpose = 3u << 24;

// Words at positions 0 .. n-1, for n rounded up to a multiple of 4 * lanes<float> (so much memory is written).
inline void order_words(std::uint64_t key, std::uint32_t epoch, std::int64_t n, std::uint32_t* words) {
    constexpr int L = lanes<float>;
    const PhiloxKey k(key);
    const UF k0 = broadcast_u32(k.k0), k1 = broadcast_u32(k.k1);
    const UF c0 = broadcast_u32(epoch), c2 = broadcast_u32(order_purpose);
    UF block{};
    for (int l = 0; l < L; l++) block[l] = block_of_lane(l);
    for (std::int64_t at = 0; at < n; at += 4 * L, block += std::uint32_t(L)) {
        UF w[4];
        philox<10>(c0, UF{}, c2, block, k0, k1, w);
        words_in_order(w);
        __builtin_memcpy(words + at, w, sizeof(w));
    }
}

namespace detail {

inline constexpr int most_digit_bits = 11, most_passes = 3;  // 2048 counters of 4 bytes: a part of any L1 cache

// How the leading bits are cut into digits.
struct Digits {
    int passes, bits;
    constexpr explicit Digits(std::int64_t n) : passes(2), bits(0) {
        int total = 6;
        while (total < 32 && (std::int64_t(1) << total) < 32 * n) total++;
        if (total > 2 * most_digit_bits) passes = most_passes;
        bits = (total + passes - 1) / passes;
    }
};

// Counts become first places.
inline void running_sum(std::uint32_t* counts, int n) {
    std::uint32_t sum = 0;
    for (int i = 0; i < n; i++) {
        const std::uint32_t c = counts[i];
        counts[i] = sum;
        sum += c;
    }
}

}  // namespace detail

// Bytes of scratch that order() needs for n rows.
constexpr std::size_t order_scratch_bytes(std::int64_t n) {
    return std::size_t((n + 64) * 2 * 8 + (detail::most_passes * 4 << detail::most_digit_bits));
}

// The rows of one epoch in the order in which they are visited. `scratch`: order_scratch_bytes(n), aligned to 64.
inline void order(std::uint64_t key, std::uint32_t epoch, std::int64_t n, std::int32_t* out, void* scratch) {
    const detail::Digits digits(n);
    auto* pairs = static_cast<std::uint64_t*>(scratch);
    auto* other = pairs + n + 64;
    auto* counts = reinterpret_cast<std::uint32_t*>(other + n + 64);
    const int n_counts = 1 << digits.bits;
    const std::uint32_t mask = std::uint32_t(n_counts) - 1;
    const int lowest = digits.bits * digits.passes < 32 ? 32 - digits.bits * digits.passes : 0;

    auto* words = reinterpret_cast<std::uint32_t*>(other);
    order_words(key, epoch, n, words);
    for (int i = 0; i < digits.passes * n_counts; i++) counts[i] = 0;
    for (std::int64_t i = 0; i < n; i++) {
        const std::uint32_t w = words[i] >> lowest;
        counts[w & mask]++;
        counts[n_counts + (w >> digits.bits & mask)]++;
        if (digits.passes == 3) counts[2 * n_counts + (w >> 2 * digits.bits)]++;
    }
    for (int pass = 0; pass < digits.passes; pass++) detail::running_sum(counts + pass * n_counts, n_counts);

    // The first pass reads plain words and makes the pairs.
    for (std::int64_t i = 0; i < n; i++) {
        const std::uint32_t w = words[i];
        pairs[counts[w >> lowest & mask]++] = std::uint64_t(w) << 32 | std::uint64_t(i);
    }
    for (int pass = 1; pass < digits.passes; pass++) {
        counts += n_counts;
        const int shift = 32 + lowest + pass * digits.bits;
        for (std::int64_t i = 0; i < n; i++) other[counts[pairs[i] >> shift & mask]++] = pairs[i];
        std::uint64_t* sorted = other;
        other = pairs;
        pairs = sorted;
    }
    // Neighbors that share all the leading bits.
    for (std::int64_t i = 1; i < n; i++) {
        const std::uint64_t p = pairs[i];
        std::int64_t j = i;
        for (; j > 0 && pairs[j - 1] > p; j--) pairs[j] = pairs[j - 1];
        pairs[j] = p;
    }
    for (std::int64_t i = 0; i < n; i++) out[i] = std::int32_t(std::uint32_t(pairs[i]));
}

}  // namespace manyfit::MANYFIT_ISA
