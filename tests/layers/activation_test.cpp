#include "catch.hpp"
#include <gradus/layers/activation.hpp>
#include <gradus/testing/check_layer.hpp>

using namespace gradus;

TEST_CASE("Activation: gradients") {
    for (const auto kind : {linear, relu, sigmoid, activation::tanh, softmax}) {
        check_layer(Activation(kind));
        check_layer(Activation(kind), {.inputs = {{.shape = {dim::batch(), dim::time(), 3}, .mask = true, .low = -3, .high = 3}}});
    }
    check_layer(Activation(relu), {.inputs = {{.shape = {dim::batch()}}}});
}
