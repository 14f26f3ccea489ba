#include "catch.hpp"
#include "harness.hpp"
#include "promises.hpp"
#include <gradus/layers/dropout.hpp>
#include <gradus/testing/check_layer.hpp>

using namespace gradus;

TEST_CASE("Dropout: gradients") {
    CHECK_NOTHROW(check_layer(Dropout(0.4)));
    CHECK_NOTHROW(check_layer(Dropout(0.0)));
    CHECK_NOTHROW(check_layer(Dropout(0.2), {.inputs = {{.shape = {dim::batch(), dim::time(), 3}, .mask = true}}}));
}

TEST_CASE("Dropout: drops its share, keeps the mean, and only while training") {
    const Node x = input({dim::batch(), 1000});
    Harness<> h({x}, {Dropout(0.25)(x)});
    h.sizes({{"batch", 100}});
    h.set(0, Tensor<float>({100, 1000}, 1.0f));
    h.forward();
    for (const float y : h.y()) REQUIRE(y == 1);
    h.pass.training = true;
    h.forward();
    Index dropped = 0;
    for (const float y : h.y()) {
        REQUIRE((y == 0 || y == 1 / 0.75f));
        dropped += y == 0;
    }
    CHECK(std::abs(static_cast<double>(dropped) / 1e5 - 0.25) < 0.01);
    // A sample's mask depends on its row in the micro-step, not on the batch around it.
    const Tensor<float> all(View<const float>(h.y()));
    h.sizes({{"batch", 40}});
    h.set(0, Tensor<float>({40, 1000}, 1.0f));
    h.pass.first_row = 60;
    h.forward();
    bool same = true;
    for (Index i = 0; i < 40 * 1000; ++i) same = same && h.y()[i] == all[60 * 1000 + i];
    CHECK(same);
    // A plan without gradients drops too.
    Harness<> plain({x}, {Dropout(0.25)(x)}, {});
    plain.sizes({{"batch", 100}});
    plain.set(0, Tensor<float>({100, 1000}, 1.0f));
    plain.pass.training = true;
    plain.forward();
    same = true;
    for (Index i = 0; i < all.size(); ++i) same = same && plain.y()[i] == all[i];
    CHECK(same);
}

TEST_CASE("Dropout: bits, allocations, bad rates") {
    check_promises(Dropout(0.3), {dim::batch(), 70, 40}, 33);
    const Node x = input({dim::batch(), 4});
    for (const double rate : {1.0, -0.1, std::nan("")}) CHECK_THROWS_AS(Dropout(rate)(x), ValueError);
    CHECK_THROWS_WITH(Dropout(2)(x), "dropout: rate expects [0, 1), got 2.000000");
}
