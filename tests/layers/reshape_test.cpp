#include "promises.hpp"
#include <gradus/layers/reshape.hpp>
#include <gradus/testing/check_layer.hpp>

using namespace gradus;

TEST_CASE("Reshape: gradients") {
    CHECK_NOTHROW(check_layer(Reshape(5)));
    CHECK_NOTHROW(check_layer(Reshape(4, 6), {.inputs = {{.shape = {dim::batch(), 3, 2, 4}}}}));
    CHECK_NOTHROW(check_layer(Reshape(-1, 2), {.inputs = {{.shape = {dim::batch(), dim::time(), 4}, .mask = true}}}));
}

TEST_CASE("Reshape: shapes") {
    const auto shape = [](const Reshape<>& layer, SymbolicShape x) { return layer(input(std::move(x))).shape(); };
    CHECK(shape(Reshape(28, 28), {dim::batch(), 784}) == SymbolicShape{dim::batch(), 28, 28});
    CHECK(shape(Reshape({.target_shape = {4, -1, 7}}), {dim::batch(), 28, 28}) ==
          SymbolicShape{dim::batch(), 4, 28, 7});
    CHECK(shape(Reshape(-1), {dim::batch(), 3, 5}) == SymbolicShape{dim::batch(), 15});
    CHECK(shape(Reshape(), {dim::batch(), 1}) == SymbolicShape{dim::batch()});
    CHECK(shape(Reshape(-1, 2), {dim::batch(), dim::time(), 4}) ==
          SymbolicShape{dim::batch(), Dim(2) * dim::time(), 2});
    CHECK(shape(Reshape(4, -1), {dim::batch(), dim::time(), 4}) == SymbolicShape{dim::batch(), 4, dim::time()});
}

TEST_CASE("Reshape: values keep their order, and what symbols leave open is checked with the data") {
    const Node x = input({dim::batch(), dim::time(), 3});
    Harness<> h({x}, {Reshape(2, -1)(x)});
    h.sizes({{"batch", 2}, {"time", 4}});
    const auto values = numbers({2, 4, 3});
    h.set(0, values);
    h.forward();
    CHECK(h.y().shape() == Shape{2, 2, 6});
    CHECK(std::equal(values.begin(), values.end(), h.y().begin()));
    CHECK_THROWS_WITH(h.sizes({{"time", 5}}), "reshape: expects values that fit target_shape [2, -1], got 14 and 15");
    h.sizes({{"time", 6}});

    const Node fixed = input({dim::batch(), dim::time()});
    Harness<> f({fixed}, {Reshape(2, 3)(fixed)});
    CHECK_NOTHROW(f.sizes({{"batch", 2}, {"time", 6}}));
    CHECK_THROWS_AS(f.sizes({{"batch", 2}, {"time", 7}}), ShapeError);
}

TEST_CASE("Reshape: bits and allocations") { check_promises(Reshape(14, 56), {dim::batch(), 28, 28}, 33); }

TEST_CASE("Reshape: bad options and input") {
    const Node x = input({dim::batch(), 6});
    CHECK_THROWS_WITH(Reshape(-1, -1)(x),
                      "reshape: target_shape expects sizes of at least 1 and at most one -1, got [-1, -1]");
    CHECK_THROWS_AS(Reshape(0)(x), ValueError);
    CHECK_THROWS_AS(Reshape(-2, 3)(x), ValueError);
    CHECK_THROWS_WITH(
        Reshape(4, 2)(x),
        "reshape: expects values that fit target_shape [4, 2], got [batch, 6]; its input is the model's input");
    CHECK_THROWS_AS(Reshape(-1, 4)(x), ShapeError);
    CHECK_THROWS_AS(Reshape(6, 1, 1, 1, 1, 1, 1, 1)(x), ShapeError);
    CHECK_THROWS_AS(Reshape(6)(input({dim::batch(), 6}, Dtype::i32)), ShapeError);
}
