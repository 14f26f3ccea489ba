#include "catch.hpp"
#include <gradus/core/random.hpp>

#include <cmath>
#include <set>

using namespace gradus;

TEST_CASE("Random: Philox 4x32-10 gives its authors' numbers") {
    // Known answers of Random123 (kat_vectors).
    CHECK(philox({0, 0, 0, 0}, 0, 0) == std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    CHECK(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, 0xffffffff, 0xffffffff) ==
          std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0xa4093822, 0x299f31d0) ==
          std::array<std::uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("Random: every part of the address matters, and nothing else") {
    const auto word = [](std::uint64_t seed, std::uint64_t place, Purpose p, std::uint32_t update, std::uint32_t micro,
                         std::uint32_t row, Index r,
                         Index e) { return Random(seed, place, p, update, micro, row).word(r, e); };
    std::set<std::uint32_t> seen;
    seen.insert(word(1, 2, Purpose::dropout, 3, 4, 5, 6, 7));
    seen.insert(word(2, 2, Purpose::dropout, 3, 4, 5, 6, 7));
    seen.insert(word(1, 3, Purpose::dropout, 3, 4, 5, 6, 7));
    seen.insert(word(1, 2, Purpose::noise, 3, 4, 5, 6, 7));
    seen.insert(word(1, 2, Purpose::dropout, 4, 4, 5, 6, 7));
    seen.insert(word(1, 2, Purpose::dropout, 3, 5, 5, 6, 7));
    seen.insert(word(1, 2, Purpose::dropout, 3, 4, 6, 6, 7));
    seen.insert(word(1, 2, Purpose::dropout, 3, 4, 5, 6, 8));
    CHECK(seen.size() == 8);
    // A sample's stream is that of its row in the micro-step, however the batch is cut.
    CHECK(word(1, 2, Purpose::dropout, 3, 4, 5, 6, 7) == word(1, 2, Purpose::dropout, 3, 4, 11, 0, 7));
    const Random r(1, 2, Purpose::noise);
    CHECK(r.word(0, Index{1} << 34) != r.word(0, 0));
    CHECK(r.word64(3, 5) != r.word64(3, 4));
}

TEST_CASE("Random: uniform is the word of its element, in [0, 1)") {
    const Random r(7, 1, Purpose::sample);
    double mean = 0;
    for (Index i = 0; i < 10000; ++i) {
        const double u = r.uniform(2, i);
        CHECK(u == static_cast<double>(r.word(2, i)) / 4294967296.0);
        CHECK((u >= 0 && u < 1));
        mean += u / 10000;
    }
    CHECK(std::abs(mean - 0.5) < 0.02);
}

TEST_CASE("Random: below is uniform and inside") {
    const Random r(7, 0, Purpose::shuffle);
    std::array<int, 7> count{};
    for (Index i = 0; i < 70000; ++i) {
        const Index v = r.below(0, i, 7);
        REQUIRE((v >= 0 && v < 7));
        ++count[static_cast<std::size_t>(v)];
    }
    for (const int n : count) CHECK(std::abs(n - 10000) < 500);
    for (Index i = 0; i < 10; ++i) CHECK(r.below(1, i, 1) == 0);
}
