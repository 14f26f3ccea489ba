#include "golden.hpp"
#include "promises.hpp"
#include <gradus/layers/batch_normalization.hpp>
#include <gradus/testing/check_layer.hpp>

using namespace gradus;

TEST_CASE("BatchNormalization: gradients") {
    CHECK_NOTHROW(check_layer(BatchNormalization({.epsilon = 0.1})));
    CHECK_NOTHROW(check_layer(BatchNormalization(), {.batches = {5, 7, 1}}));
    CHECK_NOTHROW(check_layer(BatchNormalization({.epsilon = 0.1, .center = false})));
    CHECK_NOTHROW(check_layer(BatchNormalization({.epsilon = 0.1, .scale = false})));
    CHECK_NOTHROW(check_layer(BatchNormalization({.epsilon = 0.1}),
                              {.inputs = {{.shape = {dim::batch(), dim::time(), 3}, .mask = true}}}));
    CHECK_NOTHROW(check_layer(BatchNormalization({.axis = 3, .epsilon = 0.1}),
                              {.inputs = {{.shape = {dim::batch(), dim::time(), 2, 3}, .mask = true}}}));
}

TEST_CASE("BatchNormalization: Keras's numbers", "[golden]") {
    const auto file = golden_file("batch_normalization");
    const auto check = [&]<class T>(T, const std::string& name, bool training,
                                    const BatchNormalizationOptions& options) {
        INFO(name);
        Golden<T> g{file, name + "/", {"x"}, {"y"}, {}};
        if (options.scale) g.parameters.emplace_back("batch_normalization.gamma", "gamma");
        if (options.center) g.parameters.emplace_back("batch_normalization.beta", "beta");
        const auto in = g.nodes();
        Harness<T> h(in, {BatchNormalization<T>(options)(in[0])});
        g.load(h);
        for (const std::string s : {"moving_mean", "moving_variance"})
            h.set_parameter("batch_normalization." + s, g.at(s));
        h.pass.training = training;
        g.check(h);
        for (const std::string s : {"moving_mean", "moving_variance"})
            check_close<T>(name + "/" + s, h.parameter("batch_normalization." + s), g.at(s + "_after"));
    };
    const auto both = [&](const std::string& name, bool training, const BatchNormalizationOptions& options = {}) {
        check(float(), name, training, options);
        check(double(), name, training, options);
    };
    for (const bool training : {true, false}) {
        const std::string suffix = training ? "" : "_inference";
        both("plain" + suffix, training);
        both("images" + suffix, training, {.momentum = 0.8, .epsilon = 0.01});
        both("mask" + suffix, training);
    }
    both("no_scale", true, {.scale = false});
    both("no_center", true, {.center = false});
}

TEST_CASE("BatchNormalization: bits and allocations") {
    check_promises(BatchNormalization(), {dim::batch(), 130}, 700);
    check_promises(BatchNormalization(), {dim::batch(), 9, 33}, 164, true);
}

TEST_CASE("BatchNormalization: what it declares") {
    const Node x = input({dim::batch(), 4});
    Harness<> h({x}, {BatchNormalization().named("norm")(x)});
    std::vector<std::string> names;
    for (const Parameter& p : h.table.list()) names.push_back(p.name);
    CHECK(names == std::vector<std::string>{"norm.gamma", "norm.beta", "norm.moving_mean", "norm.moving_variance"});
    for (const Segment& s : h.layout.segments) CHECK(!s.decay);
    CHECK(h.layout.segments.size() == 2);
    CHECK(h.parameter("norm.gamma")[3] == 1);
    CHECK(h.parameter("norm.beta")[3] == 0);
    CHECK(h.parameter("norm.moving_mean")[3] == 0);
    CHECK(h.parameter("norm.moving_variance")[3] == 1);
    const Node m = input({dim::batch(), dim::time(), 4}, Dtype::f32, true);
    CHECK(BatchNormalization()(m).has_mask());
}

TEST_CASE("BatchNormalization: an empty batch, and one without any step") {
    const Node x = input({dim::batch(), dim::time(), 4}, Dtype::f32, true);
    Harness<> h({x}, {BatchNormalization()(x)});
    h.pass.training = true;
    for (const Index rows : {0, 2}) {
        h.sizes({{"batch", rows}, {"time", 3}});
        h.set(0, numbers(Shape{rows, 3, 4}));
        h.set_mask(0, Tensor<std::uint8_t>(Shape{rows, 3}));
        h.forward();
        h.seed(0, numbers(Shape{rows, 3, 4}, 2));
        h.backward();
        CHECK(h.parameter("batch_normalization.moving_mean")[0] == 0);
        CHECK(h.parameter("batch_normalization.moving_variance")[0] == 1);
        for (const float v : h.y()) CHECK(std::isfinite(v));
        for (const float v : h.dx()) CHECK(std::isfinite(v));
        for (const float v : h.grad("batch_normalization.gamma")) CHECK(std::isfinite(v));
    }
}

TEST_CASE("BatchNormalization: regularisers and constraints") {
    const Node x = input({dim::batch(), 4});
    Harness<> h({x}, {BatchNormalization({.beta_regularizer = L1(0.1),
                                          .gamma_regularizer = L2(0.2),
                                          .beta_constraint = MaxNorm(3),
                                          .gamma_constraint = MaxNorm(4)})(x)});
    const auto &gamma = h.layout.segments[0], &beta = h.layout.segments[1];
    CHECK((gamma.l1 == 0 && gamma.l2 == 0.2 && gamma.max_norm == 4 && !gamma.decay));
    CHECK((beta.l1 == 0.1 && beta.l2 == 0 && beta.max_norm == 3 && !beta.decay));
    CHECK_THROWS_AS(BatchNormalization({.gamma_regularizer = L1(-1)})(x), ValueError);
}

TEST_CASE("BatchNormalization: bad options and input") {
    const auto on = [](const BatchNormalizationOptions& o, SymbolicShape shape, bool mask = false,
                       Dtype dtype = Dtype::f32) { (void)BatchNormalization<float>(o)(input(shape, dtype, mask)); };
    CHECK_THROWS_WITH(on({}, {dim::batch()}),
                      ContainsSubstring("batch_normalization: expects values [batch, ..., features], got [batch]"));
    CHECK_THROWS_AS(on({}, {dim::batch(), 4}, false, Dtype::i32), ShapeError);
    CHECK_THROWS_AS(on({}, {dim::batch(), dim::time()}), ShapeError);
    CHECK_THROWS_WITH(on({}, {dim::batch(), 4}, true),
                      ContainsSubstring("expects values [batch, time, ..., features] beside a mask"));
    CHECK_THROWS_WITH(on({.axis = 1}, {dim::batch(), 3, 4}),
                      ContainsSubstring("batch_normalization: axis expects the last one, -1, got 1"));
    CHECK_NOTHROW(on({.axis = 2}, {dim::batch(), 3, 4}));
    for (const double momentum : {-0.1, 1.1, double(NAN)}) {
        CHECK_THROWS_AS(on({.momentum = momentum}, {dim::batch(), 4}), ValueError);
    }
    CHECK_THROWS_WITH(on({.epsilon = -1}, {dim::batch(), 4}),
                      ContainsSubstring("batch_normalization: epsilon expects 0 or more, got -1"));
    CHECK_THROWS_AS(on({.epsilon = double(NAN)}, {dim::batch(), 4}), ValueError);
}
