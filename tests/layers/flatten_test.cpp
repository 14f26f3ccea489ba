#include "promises.hpp"
#include <gradus/layers/flatten.hpp>
#include <gradus/testing/check_layer.hpp>

using namespace gradus;

TEST_CASE("Flatten: gradients") {
    CHECK_NOTHROW(check_layer<Flatten>());
    CHECK_NOTHROW(check_layer(Flatten(), {.inputs = {{.shape = {dim::batch(), 3, 2, 4}}}}));
    CHECK_NOTHROW(check_layer(Flatten(), {.inputs = {{.shape = {dim::batch()}}}}));
    CHECK_NOTHROW(check_layer(Flatten(), {.inputs = {{.shape = {dim::batch(), dim::time(), 3}, .mask = true}}}));
}

TEST_CASE("Flatten: row by row, without the mask") {
    const Node x = input<float>({dim::batch(), 3, 2}, Dtype::f32, true), y = Flatten()(x);
    CHECK(y.shape() == SymbolicShape{dim::batch(), 6});
    Harness<> h({x}, {y});
    h.sizes({{"batch", 2}});
    const auto values = numbers({2, 3, 2});
    h.set(0, values);
    h.forward();
    CHECK(std::equal(values.begin(), values.end(), h.y().begin()));
    CHECK(h.workspace->value(h.outputs[0]).mask == nullptr);
    CHECK(Flatten()(input({dim::batch()})).shape() == SymbolicShape{dim::batch(), 1});
}

TEST_CASE("Flatten: bits and allocations") { check_promises(Flatten(), {dim::batch(), 28, 28}, 33); }

TEST_CASE("Flatten: bad input") {
    CHECK_THROWS_WITH(Flatten()(input({dim::batch(), 4}, Dtype::i32)),
                      "flatten: expects values [batch, ...], got int32 [batch, 4]; its input is the model's input");
}
