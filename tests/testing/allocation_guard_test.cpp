#include "catch.hpp"
#include "sanitizer.hpp"

#include <gradus/testing/allocation_guard.hpp>

#include <cstdio>
#include <memory>
#include <vector>

GRADUS_DEFINE_ALLOCATION_COUNTER;

using namespace gradus;

TEST_CASE("AllocationGuard: counts operator new of every kind") {
    if (thread_sanitizer) {
        std::puts("skipped: the thread sanitizer has an operator new of its own");
        return;
    }
    REQUIRE(AllocationGuard::counting());
    const void* volatile seen = nullptr; // a compiler may leave out allocations whose memory nobody sees
    const AllocationGuard guard;
    CHECK(guard.count() == 0);
    auto one = std::make_unique<int>(1);
    seen = one.get();
    CHECK(guard.count() == 1);
    std::vector<double> many(100);
    seen = many.data();
    CHECK(guard.count() == 2);
    struct alignas(64) Wide {
        char bytes[128];
    };
    auto wide = std::make_unique<Wide>();
    seen = wide.get();
    CHECK(guard.count() == 3);
    CHECK(reinterpret_cast<std::uintptr_t>(seen) % 64 == 0);
    int* const last = new (std::nothrow) int(2);
    seen = last;
    delete last;
    const Index after = guard.count();
    CHECK(after == 4);
}
