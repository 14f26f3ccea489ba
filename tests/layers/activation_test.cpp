#include "golden.hpp"
#include "promises.hpp"
#include <gradus/layers/activation.hpp>
#include <gradus/testing/check_layer.hpp>

using namespace gradus;

TEST_CASE("Activation: gradients") {
    for (const auto kind : {linear, relu, sigmoid, activation::tanh, softmax}) {
        CHECK_NOTHROW(check_layer(Activation(kind)));
        CHECK_NOTHROW(check_layer(Activation(kind), {.inputs = {{.shape = {dim::batch(), dim::time(), 3}, .mask = true, .low = -3, .high = 3}}}));
    }
    CHECK_NOTHROW(check_layer(Activation(relu), {.inputs = {{.shape = {dim::batch()}}}}));
}

TEST_CASE("Activation: Keras's numbers", "[golden]") {
    const auto file = golden_file("activation");
    const auto check = [&]<class T>(T, activation::Kind kind) {
        const Golden<T> g{file, std::string(activation::enum_names(kind)[static_cast<std::size_t>(kind)]) + "/", {"x"}, {"y"}, {}};
        const auto in = g.nodes();
        Harness<T> h(in, {Activation<T>(kind)(in[0])});
        g.load(h);
        g.check(h);
    };
    for (const auto kind : {linear, relu, sigmoid, activation::tanh, softmax}) check(float(), kind), check(double(), kind);
}

TEST_CASE("Activation: bits and allocations") {
    for (const auto kind : {linear, relu, sigmoid, activation::tanh, softmax})
        check_promises(Activation(kind), {dim::batch(), 70, 40}, 33);
}

TEST_CASE("Activation: bad input") {
    const Node ids = input({dim::batch(), 4}, Dtype::i32);
    CHECK_THROWS_WITH(Activation(relu)(ids), "activation: expects values [batch, ...], got int32 [batch, 4]; its input is the model's input");
}
