#include "golden.hpp"
#include "promises.hpp"
#include <gradus/layers/activation.hpp>
#include <gradus/testing/check_layer.hpp>

using namespace gradus;

namespace {
constexpr activation::Kind kinds[] = {linear,    relu, sigmoid, activation::tanh, softmax,  gelu,
                                      gelu_tanh, silu, elu,     leaky_relu,       softplus, log_softmax};
} // namespace

TEST_CASE("Activation: gradients") {
    for (const auto kind : kinds) {
        CHECK_NOTHROW(check_layer(Activation(kind)));
        CHECK_NOTHROW(
            check_layer(Activation(kind),
                        {.inputs = {{.shape = {dim::batch(), dim::time(), 3}, .mask = true, .low = -3, .high = 3}}}));
    }
    CHECK_NOTHROW(check_layer(Activation(relu), {.inputs = {{.shape = {dim::batch()}}}}));
    CHECK_NOTHROW(check_layer(Activation({.activation = leaky_relu, .negative_slope = 0})));
    CHECK_NOTHROW(check_layer(Activation({.activation = leaky_relu, .negative_slope = 1.5})));
    CHECK_NOTHROW(check_layer(Activation({.activation = elu, .alpha = 0.3})));
}

TEST_CASE("Activation: Keras's numbers", "[golden]") {
    const auto file = golden_file("activation");
    const auto check = [&]<class T>(T, activation::Kind kind) {
        const Golden<T> g{
            file, std::string(activation::enum_names(kind)[static_cast<std::size_t>(kind)]) + "/", {"x"}, {"y"}, {}};
        const auto in = g.nodes();
        Harness<T> h(in, {Activation<T>(kind)(in[0])});
        g.load(h);
        g.check(h);
    };
    for (const auto kind : kinds) check(float(), kind), check(double(), kind);
}

TEST_CASE("Activation: bits and allocations") {
    for (const auto kind : kinds) check_promises(Activation(kind), {dim::batch(), 70, 40}, 33);
}

TEST_CASE("Activation: slopes of its own") {
    const Node x = input({dim::batch(), 3});
    Harness<> h({x}, {Activation({.activation = leaky_relu, .negative_slope = 0.5})(x),
                      Activation({.activation = elu, .alpha = 2})(x)});
    h.sizes({{"batch", 1}});
    h.set(0, tensor<float>({{-2, 0, 3}}));
    h.forward();
    CHECK((h.y(0)[0] == -1 && h.y(0)[1] == 0 && h.y(0)[2] == 3));
    CHECK(std::abs(h.y(1)[0] - 2 * std::expm1(-2.0)) < 1e-6);
    CHECK(h.y(1)[2] == 3);
}

TEST_CASE("Activation: bad options and input") {
    const Node x = input({dim::batch(), 3});
    CHECK_THROWS_WITH(Activation({.activation = leaky_relu, .negative_slope = -0.1})(x),
                      "activation: negative_slope and alpha expect finite numbers of at least 0, got -0.100000");
    CHECK_THROWS_AS(Activation({.activation = elu, .alpha = std::numeric_limits<double>::infinity()})(x), ValueError);
    CHECK_THROWS_AS(Activation({.activation = elu, .alpha = std::numeric_limits<double>::quiet_NaN()})(x), ValueError);
    const Node ids = input({dim::batch(), 4}, Dtype::i32);
    CHECK_THROWS_WITH(Activation(relu)(ids),
                      "activation: expects values [batch, ...], got int32 [batch, 4]; its input is the model's input");
}
