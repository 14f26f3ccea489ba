#include "catch.hpp"
#include <gradus/layers/dropout.hpp>
#include <gradus/testing/check_layer.hpp>

using namespace gradus;

TEST_CASE("Dropout: gradients") {
    check_layer(Dropout(0.4));
    check_layer(Dropout(0.0));
    check_layer(Dropout(0.2), {.inputs = {{.shape = {dim::batch(), dim::time(), 3}, .mask = true}}});
}
