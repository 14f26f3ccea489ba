#include "catch.hpp"
#include <gradus/core/random.hpp>
#include <gradus/memory/planner.hpp>

#include <algorithm>

using namespace gradus;

namespace {
bool together(const LifeTime& a, const LifeTime& b) { return a.first <= b.last && b.first <= a.last; }

/// The largest sum of sizes in any step: no layout can be smaller.
Index lower_bound(const std::vector<LifeTime>& buffers) {
    Index most = 0;
    for (const LifeTime& at : buffers) {
        Index sum = 0;
        for (const LifeTime& b : buffers)
            if (b.first <= at.first && at.first <= b.last) sum += align_up(b.bytes);
        most = std::max(most, sum);
    }
    return most;
}
} // namespace

TEST_CASE("plan_layout: buffers that are live together never overlap") {
    double used = 0, needed = 0;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        const Random random(seed, 0, Purpose::noise);
        std::vector<LifeTime> buffers(static_cast<std::size_t>(1 + random.below(0, 0, 40)));
        for (std::size_t i = 0; i < buffers.size(); ++i) {
            const auto row = static_cast<Index>(i) + 1;
            const Index first = random.below(row, 0, 30);
            buffers[i] = {random.below(row, 1, seed % 3 ? 5000 : 3), first, first + random.below(row, 2, 12)};
        }
        const Layout layout = plan_layout(buffers);
        for (std::size_t i = 0; i < buffers.size(); ++i) {
            REQUIRE(layout.offsets[i] % 64 == 0);
            REQUIRE(layout.offsets[i] + buffers[i].bytes <= layout.bytes);
            for (std::size_t j = 0; j < i; ++j) {
                if (!together(buffers[i], buffers[j]) || !buffers[i].bytes || !buffers[j].bytes) continue;
                const bool apart = layout.offsets[i] + buffers[i].bytes <= layout.offsets[j] ||
                                   layout.offsets[j] + buffers[j].bytes <= layout.offsets[i];
                REQUIRE(apart);
            }
        }
        REQUIRE(layout.bytes >= lower_bound(buffers));
        used += static_cast<double>(layout.bytes);
        needed += static_cast<double>(lower_bound(buffers));
    }
    CHECK(used / needed < 1.1);
}

TEST_CASE("plan_layout: one after the other share memory") {
    const Layout layout = plan_layout({{100, 0, 1}, {100, 2, 3}, {100, 4, 5}, {0, 0, 5}});
    CHECK(layout.bytes == 128);
    CHECK(plan_layout({}).bytes == 0);
}
