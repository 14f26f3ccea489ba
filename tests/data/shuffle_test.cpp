#include "../catch.hpp"

#include <gradus/data/shuffle.hpp>

#include <algorithm>
#include <array>
#include <vector>

using namespace gradus;

TEST_CASE("permutation holds every number once and depends on its key only") {
    std::vector<std::int32_t> a(1000), b(1000), c(1000);
    permutation(std::span<std::int32_t>(a), Random(7, 0, Purpose::shuffle, 3));
    permutation(std::span<std::int32_t>(b), Random(7, 0, Purpose::shuffle, 3));
    permutation(std::span<std::int32_t>(c), Random(7, 0, Purpose::shuffle, 4));
    CHECK(a == b);
    CHECK(a != c);
    std::vector<Index> wide(1000);
    permutation(std::span<Index>(wide), Random(7, 0, Purpose::shuffle, 3));
    CHECK(std::equal(a.begin(), a.end(), wide.begin()));
    std::sort(a.begin(), a.end());
    for (std::size_t i = 0; i < a.size(); ++i) REQUIRE(a[i] == static_cast<std::int32_t>(i));
}

TEST_CASE("permutation of no and one element") {
    std::vector<Index> none, one(1, 5);
    permutation(std::span<Index>(none), Random());
    permutation(std::span<Index>(one), Random());
    CHECK(one[0] == 0);
}

TEST_CASE("permutation is uniform") {
    std::array<int, 24> count{};
    for (std::uint32_t t = 0; t < 24000; ++t) {
        std::array<Index, 4> p;
        permutation(std::span<Index>(p), Random(1, 0, Purpose::shuffle, t));
        int rank = 0;
        for (std::size_t i = 0; i < 4; ++i) {
            int smaller = 0;
            for (std::size_t j = i + 1; j < 4; ++j) smaller += p[j] < p[i];
            rank = rank * static_cast<int>(4 - i) + smaller;
        }
        ++count[static_cast<std::size_t>(rank)];
    }
    double chi2 = 0;
    for (int n : count) chi2 += (n - 1000.0) * (n - 1000.0) / 1000.0;
    CHECK(chi2 < 49.7); // 23 degrees of freedom, p = 0.001
}
