/// Permutations from counter-based random numbers: the same everywhere for the same seed.
#pragma once
#include <gradus/core/random.hpp>

#include <concepts>
#include <span>
#include <utility>

GRADUS_BEGIN

/// Fills `out` with a random order of 0 ... n-1 (Fisher and Yates; Durstenfeld's form). Allocates nothing. A function
/// of `random` alone, so an epoch's order is `permutation(rows, Random(seed, 0, Purpose::shuffle, update))`. I is
/// std::int32_t or Index.
template <std::signed_integral I> void permutation(std::span<I> out, const Random& random) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<I>(i);
    for (std::size_t i = out.size(); i > 1; --i) {
        const Index j = random.below(0, static_cast<Index>(i), static_cast<Index>(i));
        std::swap(out[i - 1], out[static_cast<std::size_t>(j)]);
    }
}

GRADUS_END
