#include "catch.hpp"
#include <gradus/memory/store.hpp>

using namespace gradus;

TEST_CASE("Store: one block each for parameters and state") {
    Store store;
    const Index kernel = store.add({3, 5}, Dtype::f32, true);
    const Index mean = store.add({7}, Dtype::f64, false);
    const Index bias = store.add({5}, Dtype::f32, true);
    const Index nothing = store.add({0, 4}, Dtype::f32, true);
    store.allocate();
    CHECK(store.size() == 4);
    CHECK(store.entry(kernel).offset == 0);
    CHECK(store.entry(bias).offset == 64);
    CHECK(store.parameter_bytes() == 128);
    CHECK(store.view(bias).data == store.parameters() + 64);
    CHECK(store.view(mean).dtype == Dtype::f64);
    CHECK(store.view(mean).shape == Shape{7});
    CHECK(reinterpret_cast<std::uintptr_t>(store.view(mean).data) % 64 == 0);
    CHECK(store.view(nothing).shape.size() == 0);
    for (const double v : store.view(mean).as<double>()) CHECK(v == 0);
}

TEST_CASE("Store: sizes whose bytes overflow are refused") {
    Store store;
    const Index large = Index{1} << 30;
    CHECK_THROWS_AS(store.add({large, 4 * large}, Dtype::f32, true), ShapeError);
    store.add({large, large}, Dtype::u8, true);
    CHECK_THROWS_AS(store.add({1}, Dtype::u8, true), ShapeError);
    CHECK(store.size() == 1);
}
