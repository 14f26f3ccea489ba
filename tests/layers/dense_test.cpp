#include "catch.hpp"
#include <gradus/layers/dense.hpp>
#include <gradus/testing/check_layer.hpp>

using namespace gradus;

TEST_CASE("Dense: gradients") {
    check_layer(Dense(4));
    for (const auto kind : {relu, sigmoid, activation::tanh, softmax}) check_layer(Dense(3, kind));
    check_layer(Dense({.units = 3, .activation = sigmoid, .use_bias = false}));
    check_layer(Dense(2, relu), {.inputs = {{.shape = {dim::batch(), dim::time(), 3}, .mask = true}}});
    check_layer(Dense(2), {.inputs = {{.shape = {dim::batch(), 2, dim::time(), 3}}}});
}
