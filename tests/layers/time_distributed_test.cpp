#include "golden.hpp"
#include "promises.hpp"
#include <gradus/layers/batch_normalization.hpp>
#include <gradus/layers/dense.hpp>
#include <gradus/layers/dropout.hpp>
#include <gradus/layers/embedding.hpp>
#include <gradus/layers/flatten.hpp>
#include <gradus/layers/lstm.hpp>
#include <gradus/layers/time_distributed.hpp>
#include <gradus/testing/check_layer.hpp>

using namespace gradus;

TEST_CASE("TimeDistributed: gradients") {
    const CheckInput sequence{.shape = {dim::batch(), dim::time(), 3}},
        masked{.shape = {dim::batch(), dim::time(), 3}, .mask = true};
    const CheckInput nested{.shape = {dim::batch(), 2, dim::time(), 3}};
    for (const CheckInput& x : {sequence, masked})
        for (const auto kind : {linear, relu, gelu, softmax})
            CHECK_NOTHROW(check_layer(TimeDistributed(Dense<double>(2, kind)), {.inputs = {x}}));
    CHECK_NOTHROW(check_layer(TimeDistributed(BatchNormalization<double>()), {.inputs = {masked}}));
    CHECK_NOTHROW(check_layer(TimeDistributed(Activation<double>(silu)), {.inputs = {masked}}));
    CHECK_NOTHROW(check_layer(TimeDistributed(Dropout<double>(0.4)), {.inputs = {masked}}));
    CHECK_NOTHROW(check_layer(TimeDistributed(LSTM<double>({.units = 2, .dropout = 0.3})), {.inputs = {nested}}));
    CHECK_NOTHROW(
        check_layer(TimeDistributed(LSTM<double>({.units = 2, .return_sequences = true})), {.inputs = {nested}}));
    CHECK_NOTHROW(
        check_layer(TimeDistributed(Flatten<double>()), {.inputs = {{.shape = {dim::batch(), dim::time(), 3, 2}}}}));
    CHECK_NOTHROW(check_layer(TimeDistributed<double>(TimeDistributed(Dense<double>(2))), {.inputs = {nested}}));
    CHECK_NOTHROW(check_layer(TimeDistributed(Embedding<double>({.input_dim = 7, .output_dim = 2})),
                              {.inputs = {{.shape = {dim::batch(), dim::time(), 3}, .dtype = Dtype::i32}}}));
}

TEST_CASE("TimeDistributed: Keras's numbers", "[golden]") {
    const auto file = golden_file("shaping");
    const auto check = [&]<class T>(T, const std::string& name) {
        const Golden<T> g{
            file, name + "/", {"x"}, {"y"}, {{"time_distributed.kernel", "kernel"}, {"time_distributed.bias", "bias"}}};
        const auto in = g.nodes();
        Harness<T> h(in, {TimeDistributed(Dense<T>(4, activation::tanh))(in[0])});
        g.load(h);
        g.check(h);
    };
    for (const std::string name : {"time_distributed", "time_distributed_mask"})
        check(float(), name), check(double(), name);
}

TEST_CASE("TimeDistributed: a Dense in it has the bits of the Dense alone") {
    const Node x = input({dim::batch(), dim::time(), 5});
    Harness<> h({x}, {TimeDistributed(Dense(4, relu).named("head"))(x), Dense(4, relu)(x)});
    h.sizes({{"batch", 3}, {"time", 7}});
    h.set(0, numbers({3, 7, 5}));
    h.set_parameter("time_distributed.kernel", numbers({5, 4}, 3));
    h.set_parameter("dense.kernel", numbers({5, 4}, 3));
    h.forward();
    CHECK(h.y(0).shape() == Shape{3, 7, 4});
    CHECK(std::equal(h.y(0).begin(), h.y(0).end(), h.y(1).begin()));
    for (const std::size_t i : {0, 1}) h.seed(i, numbers({3, 7, 4}, 5));
    h.backward();
    const auto a = h.grad("time_distributed.kernel"), b = h.grad("dense.kernel");
    CHECK(std::equal(a.begin(), a.end(), b.begin()));
}

TEST_CASE("TimeDistributed: a Dropout in it draws for every step; the mask passes") {
    const Node x = input<float>({dim::batch(), dim::time(), 64}, Dtype::f32, true);
    Harness<> h({x}, {TimeDistributed(Dropout(0.5))(x)});
    h.sizes({{"batch", 2}, {"time", 3}});
    h.set(0, Tensor<float>({2, 3, 64}, 1.0f));
    for (Index i = 0; i < 6; ++i) h.workspace->value(h.inputs[0]).mask[i] = i != 4;
    h.pass.training = true;
    h.forward();
    const auto y = h.y();
    for (Index i = 1; i < 6; ++i) CHECK_FALSE(std::equal(y.data(), y.data() + 64, y.data() + i * 64));
    for (Index i = 0; i < 6; ++i) CHECK(h.workspace->value(h.outputs[0]).mask[i] == (i != 4));
}

TEST_CASE("TimeDistributed: bits and allocations") {
    check_promises(TimeDistributed(Dense(70, gelu)), {dim::batch(), 20, 50}, 37, true);
    check_promises(TimeDistributed(LSTM(8)), {dim::batch(), 5, 9, 6}, 37);
}

TEST_CASE("TimeDistributed: bad options and input") {
    const Node x = input({dim::batch(), dim::time(), 5});
    CHECK_THROWS_WITH(TimeDistributed()(x), "time_distributed: expects a layer, got none");
    CHECK_THROWS_WITH(TimeDistributed(Dense(3))(input({dim::batch(), 5})),
                      "time_distributed: expects [batch, time, ...], got [batch, 5]; its input is the model's input");
    CHECK_THROWS_AS(TimeDistributed(LSTM(3))(x), ShapeError);
    CHECK_THROWS_AS(TimeDistributed(LSTM({.units = 3, .return_state = true}))(input({dim::batch(), 2, dim::time(), 5})),
                    ShapeError);
    CHECK_THROWS_WITH(TimeDistributed(Dense(0))(x),
                      ContainsSubstring("time_distributed: units expects at least 1, got 0"));
}
