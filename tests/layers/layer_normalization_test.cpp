#include "golden.hpp"
#include "promises.hpp"
#include <gradus/layers/layer_normalization.hpp>
#include <gradus/testing/check_layer.hpp>

using namespace gradus;

TEST_CASE("LayerNormalization: gradients") {
    CHECK_NOTHROW(check_layer(LayerNormalization()));
    CHECK_NOTHROW(check_layer(LayerNormalization({.center = false})));
    CHECK_NOTHROW(check_layer(LayerNormalization({.scale = false})));
    CHECK_NOTHROW(check_layer(LayerNormalization({.epsilon = 0.1}),
                              {.inputs = {{.shape = {dim::batch(), dim::time(), 3}, .mask = true}}}));
    CHECK_NOTHROW(check_layer(LayerNormalization({.axis = {-1, -2}}),
                              {.inputs = {{.shape = {dim::batch(), dim::time(), 2, 3}}}}));
}

TEST_CASE("LayerNormalization: Keras's numbers", "[golden]") {
    const auto file = golden_file("layer_normalization");
    const auto check = [&]<class T>(T, const std::string& name, const LayerNormalizationOptions& options) {
        Golden<T> g{file, name + "/", {"x"}, {"y"}, {}};
        if (options.scale) g.parameters.emplace_back("layer_normalization.gamma", "gamma");
        if (options.center) g.parameters.emplace_back("layer_normalization.beta", "beta");
        const auto in = g.nodes();
        Harness<T> h(in, {LayerNormalization<T>(options)(in[0])});
        g.load(h);
        g.check(h);
    };
    const auto both = [&](const std::string& name, const LayerNormalizationOptions& options = {}) {
        check(float(), name, options);
        check(double(), name, options);
    };
    both("plain");
    both("time", {.epsilon = 0.01});
    both("axes", {.axis = {-2, -1}});
    both("no_scale", {.scale = false});
    both("no_center", {.center = false});
}

TEST_CASE("LayerNormalization: bits and allocations") {
    check_promises(LayerNormalization(), {dim::batch(), 130}, 700);
    check_promises(LayerNormalization({.axis = {1, 2}}), {dim::batch(), 9, 33}, 300, true);
}

TEST_CASE("LayerNormalization: what it declares") {
    const Node x = input({dim::batch(), 3, 4}, Dtype::f32, true);
    const Node y = LayerNormalization({.axis = {1, 2}}).named("norm")(x);
    Harness<> h({x}, {y});
    CHECK(y.has_mask());
    CHECK(h.layout.segments.size() == 2);
    for (const Segment& s : h.layout.segments) {
        CHECK(!s.decay);
        CHECK(s.shape == Shape{3, 4});
    }
    CHECK(h.parameter("norm.gamma")[3] == 1);
    CHECK(h.parameter("norm.beta")[3] == 0);
}

TEST_CASE("LayerNormalization: regularisers and constraints") {
    const Node x = input({dim::batch(), 4});
    Harness<> h({x}, {LayerNormalization({.beta_regularizer = L1(0.1),
                                          .gamma_regularizer = L2(0.2),
                                          .beta_constraint = MaxNorm(3),
                                          .gamma_constraint = MaxNorm(4)})(x)});
    const auto &gamma = h.layout.segments[0], &beta = h.layout.segments[1];
    CHECK((gamma.l1 == 0 && gamma.l2 == 0.2 && gamma.max_norm == 4 && !gamma.decay));
    CHECK((beta.l1 == 0.1 && beta.l2 == 0 && beta.max_norm == 3 && !beta.decay));
    CHECK_THROWS_AS(LayerNormalization({.gamma_regularizer = L1(-1)})(x), ValueError);
}

TEST_CASE("LayerNormalization: bad options and input") {
    const auto on = [](const LayerNormalizationOptions& o, SymbolicShape shape, Dtype dtype = Dtype::f32) {
        (void)LayerNormalization<float>(o)(input(shape, dtype));
    };
    CHECK_THROWS_WITH(on({}, {dim::batch()}),
                      ContainsSubstring("layer_normalization: expects values [batch, ..., features], got [batch]"));
    CHECK_THROWS_AS(on({}, {dim::batch(), 4}, Dtype::i32), ShapeError);
    CHECK_THROWS_WITH(on({}, {dim::batch(), dim::time()}),
                      ContainsSubstring("expects sizes of the axes of `axis` known"));
    const std::vector<std::vector<Index>> bad = {{}, {1}, {0, 1, 2}, {-1, -1}, {3}, {2, 2}, {-4}, {1, 1}};
    for (const auto& axis : bad) CHECK_THROWS_AS(on({.axis = axis}, {dim::batch(), 3, 4}), ValueError);
    CHECK_THROWS_WITH(
        on({.axis = {0, 1}}, {dim::batch(), 3, 4}),
        ContainsSubstring("layer_normalization: axis expects the last axes, but not the batch's, got {0, 1}"));
    CHECK_NOTHROW(on({.axis = {2, -2}}, {dim::batch(), 3, 4}));
    CHECK_THROWS_WITH(on({.epsilon = -1}, {dim::batch(), 4}),
                      ContainsSubstring("layer_normalization: epsilon expects 0 or more"));
}
