/// Counter-based random numbers (Philox 4x32-10): a value is a function of where it is used, never of history or
/// threads.
///
/// Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#pragma once
#include <gradus/core/types.hpp>

#include <array>

GRADUS_BEGIN

/// What a stream is used for; part of its key, so that two uses at one place never share numbers.
enum class Purpose : std::uint32_t { dropout, recurrent_dropout, noise, sample, initial, shuffle, split };

/// One Philox 4x32-10 block: four 32-bit words for a 128-bit counter under a 64-bit key.
constexpr std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> c, std::uint32_t k0, std::uint32_t k1) {
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c[0];
        const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * c[2];
        c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(p1),
             static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(p0)};
        k0 += 0x9E3779B9;
        k1 += 0xBB67AE85;
    }
    return c;
}

/// splitmix64's finaliser: spreads structured keys (seed, place, purpose) over 64 bits.
constexpr std::uint64_t mix(std::uint64_t x) {
    x += 0x9E3779B97F4A7C15;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
    return x ^ (x >> 31);
}

/// The upper 64 bits of a product, from four of 32 by 32: no compiler needs a wider type.
constexpr std::uint64_t high_product(std::uint64_t a, std::uint64_t b) {
    const std::uint64_t low = 0xFFFFFFFF;
    const std::uint64_t left = (a >> 32) * (b & low) + ((a & low) * (b & low) >> 32);
    const std::uint64_t right = (a & low) * (b >> 32) + (left & low);
    return (a >> 32) * (b >> 32) + (left >> 32) + (right >> 32);
}

/// A stream of random words addressed by (row, element). Plain data: kernels take it by value.
struct Random {
    std::uint64_t key = 0;       ///< mixed from seed, place and purpose
    std::uint32_t update = 0;    ///< update of the optimizer
    std::uint32_t micro = 0;     ///< micro-step within the update
    std::uint32_t first_row = 0; ///< row of the batch's first sample within the micro-step

    Random() = default;
    Random(std::uint64_t seed, std::uint64_t place, Purpose purpose, std::uint32_t update_ = 0,
           std::uint32_t micro_ = 0, std::uint32_t row = 0)
        : key(mix(mix(mix(seed) ^ place) ^ static_cast<std::uint64_t>(purpose))), update(update_), micro(micro_),
          first_row(row) {}

    /// Words 4*block .. 4*block+3 of a row. The counter is (block, first_row + row, update, micro).
    constexpr std::array<std::uint32_t, 4> block(Index row, Index block) const {
        return philox({static_cast<std::uint32_t>(block), first_row + static_cast<std::uint32_t>(row), update,
                       micro ^ static_cast<std::uint32_t>(static_cast<std::uint64_t>(block) >> 32 << 16)},
                      static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32));
    }
    /// The word of one element.
    constexpr std::uint32_t word(Index row, Index element) const {
        return block(row, element / 4)[static_cast<std::size_t>(element % 4)];
    }
    /// A 64-bit word of one element (two words of a block).
    constexpr std::uint64_t word64(Index row, Index element) const {
        const auto b = block(row, element / 2);
        const std::size_t i = static_cast<std::size_t>(element % 2) * 2;
        return (std::uint64_t{b[i + 1]} << 32) | b[i];
    }
    /// Uniform in [0, 1), a multiple of 2^-32.
    constexpr double uniform(Index row, Index element) const { return word(row, element) * 0x1p-32; }
    /// Uniform in [0, n) without bias worth speaking of (64-bit multiply-shift).
    constexpr Index below(Index row, Index element, Index n) const {
        return static_cast<Index>(high_product(word64(row, element), static_cast<std::uint64_t>(n)));
    }
};

GRADUS_END
