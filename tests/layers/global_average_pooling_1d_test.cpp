#include "catch.hpp"
#include <gradus/layers/global_average_pooling_1d.hpp>
#include <gradus/testing/check_layer.hpp>

using namespace gradus;

TEST_CASE("GlobalAveragePooling1D: gradients") {
    for (const bool mask : {false, true})
        check_layer<GlobalAveragePooling1D>({.inputs = {{.shape = {dim::batch(), dim::time(), 3}, .mask = mask}}});
}
