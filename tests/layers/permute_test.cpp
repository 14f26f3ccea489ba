#include "golden.hpp"
#include "promises.hpp"
#include <gradus/layers/permute.hpp>
#include <gradus/testing/check_layer.hpp>

using namespace gradus;

TEST_CASE("Permute: gradients") {
    CHECK_NOTHROW(check_layer(Permute(1)));
    CHECK_NOTHROW(check_layer(Permute(2, 1), {.inputs = {{.shape = {dim::batch(), dim::time(), 3}, .mask = true}}}));
    CHECK_NOTHROW(check_layer(Permute(3, 1, 2), {.inputs = {{.shape = {dim::batch(), 2, dim::time(), 3}}}}));
}

TEST_CASE("Permute: Keras's numbers", "[golden]") {
    const auto file = golden_file("shaping");
    const auto check = [&]<class T>(T, const std::string& name, const Permute<T>& layer) {
        const Golden<T> g{file, name + "/", {"x"}, {"y"}, {}};
        const auto in = g.nodes();
        Harness<T> h(in, {layer(in[0])});
        g.load(h);
        g.check(h);
    };
    check(float(), "permute_2_1", Permute(2, 1));
    check(double(), "permute_2_1", Permute<double>(2, 1));
    check(float(), "permute_3_1_2", Permute({.dims = {3, 1, 2}}));
    check(double(), "permute_3_1_2", Permute<double>(3, 1, 2));
}

TEST_CASE("Permute: bits and allocations") {
    check_promises(Permute(2, 1), {dim::batch(), 100, 70}, 33);
    check_promises(Permute(2, 1, 3), {dim::batch(), 20, 30, 5}, 33);
}

TEST_CASE("Permute: bad options and input") {
    const Node x = input({dim::batch(), 6, 2});
    CHECK(Permute(2, 1)(x).shape() == SymbolicShape{dim::batch(), 2, 6});
    CHECK_THROWS_WITH(Permute(1, 1)(x), "permute: dims expects 1, 2, ... in some order, at most 7, got [1, 1]");
    for (const auto& bad : {Permute(), Permute(0, 1), Permute(2, 3), Permute(-1, 1), Permute(1, 2, 3, 4, 5, 6, 7, 8)})
        CHECK_THROWS_AS(bad(x), ValueError);
    CHECK_THROWS_WITH(Permute(1, 2, 3)(x),
                      "permute: expects values [batch, ...] with 3 axes beside the batch, got [batch, 6, 2]; its "
                      "input is the model's input");
    CHECK_THROWS_AS(Permute(1)(input({dim::batch(), 6}, Dtype::i32)), ShapeError);
}
