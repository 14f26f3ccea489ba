#include "golden.hpp"
#include "promises.hpp"
#include <gradus/layers/embedding.hpp>
#include <gradus/testing/check_layer.hpp>

using namespace gradus;

TEST_CASE("Embedding: gradients") {
    const CheckInput tokens{.shape = {dim::batch(), dim::time()}, .dtype = Dtype::i32};
    CHECK_NOTHROW(check_layer(Embedding({.input_dim = 11, .output_dim = 4}), {.inputs = {tokens}}));
    CHECK_NOTHROW(check_layer(Embedding({.input_dim = 5, .output_dim = 3, .mask_zero = true}), {.inputs = {tokens}}));
    CHECK_NOTHROW(check_layer(Embedding({.input_dim = 700, .output_dim = 2}),
                              {.inputs = {{.shape = {dim::batch()}, .dtype = Dtype::i32}}}));
    CHECK_NOTHROW(check_layer(Embedding({.input_dim = 3, .output_dim = 2, .weights = Tensor<float>({3, 2}, 0.5f)}),
                              {.inputs = {tokens}}));
    CheckInput masked = tokens;
    masked.mask = true;
    CHECK_NOTHROW(check_layer(Embedding({.input_dim = 6, .output_dim = 3, .mask_zero = true}), {.inputs = {masked}}));
}

TEST_CASE("Embedding: Keras's numbers", "[golden]") {
    const auto file = golden_file("embedding");
    const auto check = [&]<class T>(T) {
        const Node ids = input<T>({dim::batch(), 6}, Dtype::i32);
        Harness<T> h({ids}, {Embedding<T>({.input_dim = 11, .output_dim = 5, .mask_zero = true})(ids)});
        h.sizes({{"batch", 3}});
        h.set(0, file.tensor<std::int32_t>("ids"));
        h.set_parameter("embedding.embeddings", file.tensor<double>("table"));
        h.forward();
        check_close<T>("y", h.y(), file.tensor<double>("y"));
        const auto mask = file.tensor<std::uint8_t>("mask");
        for (Index i = 0; i < mask.size(); ++i) CHECK(h.workspace->value(h.outputs[0]).mask[i] == mask[i]);
        h.seed(0, file.tensor<double>("dy"));
        h.backward();
        check_close<T>("dtable", h.grad("embedding.embeddings"), file.tensor<double>("dtable"));
    };
    check(float());
    check(double());
}

TEST_CASE("Embedding: bits and allocations") {
    check_promises(Embedding({.input_dim = 1000, .output_dim = 50}), {dim::batch(), 30}, 64, false, 1000);
    check_promises(Embedding({.input_dim = 20, .output_dim = 7, .mask_zero = true}), {dim::batch(), 9}, 65, false, 20);
}

TEST_CASE("Embedding: given values, dense gradients, ids outside") {
    Tensor<float> given = numbers({6, 3});
    const Node ids = input({dim::batch(), 2}, Dtype::i32);
    const Embedding layer({.input_dim = 6, .output_dim = 3, .weights = given});
    Harness<> h({ids}, {layer(ids)});
    for (Index i = 0; i < given.size(); ++i) CHECK(h.parameter("embedding.embeddings")[i] == given[i]);
    CHECK(h.layout.segments[0].row_sparse);
    h.sizes({{"batch", 2}});
    h.set(0, tensor<std::int32_t>({{-3, 0}, {5, 1000}}));
    h.forward();
    for (Index d = 0; d < 3; ++d) CHECK((h.y()[d] == given[d] && h.y()[9 + d] == given[15 + d]));
    h.seed(0, Tensor<float>({2, 2, 3}, 1.0f));
    h.backward();
    const Tensor<float> g = h.grad("embedding.embeddings");
    for (Index d = 0; d < 3; ++d) CHECK((g(0, d) == 2 && g(5, d) == 2 && g(3, d) == 0));
    CHECK(h.workspace->sparse_rows()[0].ids.size() == 2);

    CHECK_THROWS_WITH(Embedding({.input_dim = 6, .output_dim = 4, .weights = given})(ids),
                      "embedding: embeddings expects given values of [6, 4], got [6, 3]");
    CHECK_THROWS_WITH(Embedding({.input_dim = 6, .output_dim = 3})(input({dim::batch(), 2})),
                      "embedding: expects int32 ids [batch, ...], got [batch, 2]; its input is the model's input");
    CHECK_THROWS_WITH(Embedding({.output_dim = 3})(ids),
                      "embedding: expects input_dim and output_dim of at least 1, got 0 and 3");
    CHECK_THROWS_AS(Embedding({.input_dim = 6, .output_dim = 3, .mask_zero = true})(input({dim::batch()}, Dtype::i32)),
                    ShapeError);
}

TEST_CASE("embedding: a plan of more ids than positions can count is an error") {
    const Node ids = input({dim::batch(), 65536}, Dtype::i32);
    Harness<float> h({ids}, {Embedding({.input_dim = 6, .output_dim = 1})(ids)});
    CHECK_THROWS_WITH(h.sizes({{"batch", 32768}}),
                      "embedding: expects at most 2^31 - 1 ids in a batch, got 2147483648");
    h.sizes({{"batch", 2}});
}
