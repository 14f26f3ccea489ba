#include "catch.hpp"
#include <gradus/layers/embedding.hpp>
#include <gradus/testing/check_layer.hpp>

using namespace gradus;

TEST_CASE("Embedding: gradients") {
    const CheckInput tokens{.shape = {dim::batch(), dim::time()}, .dtype = Dtype::i32};
    check_layer(Embedding({.input_dim = 11, .output_dim = 4}), {.inputs = {tokens}});
    check_layer(Embedding({.input_dim = 5, .output_dim = 3, .mask_zero = true}), {.inputs = {tokens}});
    check_layer(Embedding({.input_dim = 700, .output_dim = 2}), {.inputs = {{.shape = {dim::batch()}, .dtype = Dtype::i32}}});
    check_layer(Embedding({.input_dim = 3, .output_dim = 2, .weights = Tensor<float>({3, 2}, 0.5f)}), {.inputs = {tokens}});
    CheckInput masked = tokens;
    masked.mask = true;
    check_layer(Embedding({.input_dim = 6, .output_dim = 3, .mask_zero = true}), {.inputs = {masked}});
}
