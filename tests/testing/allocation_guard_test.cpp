#include "catch.hpp"
#include <gradus/testing/allocation_guard.hpp>

#include <memory>
#include <vector>

GRADUS_DEFINE_ALLOCATION_COUNTER;

using namespace gradus;

TEST_CASE("AllocationGuard: counts operator new of every kind") {
    REQUIRE(AllocationGuard::counting());
    const AllocationGuard guard;
    CHECK(guard.count() == 0);
    auto one = std::make_unique<int>(1);
    CHECK(guard.count() == 1);
    std::vector<double> many(100);
    CHECK(guard.count() == 2);
    struct alignas(64) Wide {
        char bytes[128];
    };
    auto wide = std::make_unique<Wide>();
    CHECK(guard.count() == 3);
    CHECK(reinterpret_cast<std::uintptr_t>(wide.get()) % 64 == 0);
    delete new (std::nothrow) int(2);
    const Index after = guard.count();
    CHECK(after == 4);
}
