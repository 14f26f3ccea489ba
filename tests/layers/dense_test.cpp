#include "golden.hpp"
#include "promises.hpp"
#include <gradus/layers/dense.hpp>
#include <gradus/testing/check_layer.hpp>

using namespace gradus;

TEST_CASE("Dense: gradients") {
    CHECK_NOTHROW(check_layer(Dense(4)));
    for (const auto kind :
         {relu, sigmoid, activation::tanh, softmax, gelu, gelu_tanh, silu, elu, leaky_relu, softplus, log_softmax})
        check_layer(Dense(3, kind));
    CHECK_NOTHROW(check_layer(Dense(2, gelu), {.inputs = {{.shape = {dim::batch(), dim::time(), 3}, .mask = true}}}));
    CHECK_NOTHROW(check_layer(Dense({.units = 3, .activation = sigmoid, .use_bias = false})));
    CHECK_NOTHROW(check_layer(Dense(2, relu), {.inputs = {{.shape = {dim::batch(), dim::time(), 3}, .mask = true}}}));
    CHECK_NOTHROW(check_layer(Dense(2), {.inputs = {{.shape = {dim::batch(), 2, dim::time(), 3}}}}));
}

TEST_CASE("Dense: Keras's numbers", "[golden]") {
    const auto file = golden_file("dense");
    const auto check = [&]<class T>(T, const std::string& name, const DenseOptions& options) {
        Golden<T> g{file, name + "/", {"x"}, {"y"}, {{"dense.kernel", "kernel"}}};
        if (options.use_bias) g.parameters.emplace_back("dense.bias", "bias");
        const auto in = g.nodes();
        Harness<T> h(in, {Dense<T>(options)(in[0])});
        g.load(h);
        g.check(h);
    };
    const auto both = [&](const std::string& name, const DenseOptions& options) {
        check(float(), name, options);
        check(double(), name, options);
    };
    for (const auto kind : {linear, relu, sigmoid, activation::tanh, softmax, gelu, silu, leaky_relu, log_softmax})
        both(std::string(activation::enum_names(kind)[static_cast<std::size_t>(kind)]),
             {.units = 4, .activation = kind});
    both("time", {.units = 4, .activation = activation::tanh});
    both("no_bias", {.units = 4, .activation = activation::tanh, .use_bias = false});
}

TEST_CASE("Dense: bits and allocations") {
    check_promises(Dense(70, relu), {dim::batch(), 130}, 150);
    check_promises(Dense(10, softmax), {dim::batch(), 9, 33}, 64, true);
    check_promises(Dense(70, gelu), {dim::batch(), 130}, 150);
}

TEST_CASE("Dense: an activation that follows is taken into the product, unless it has a slope of its own") {
    const auto run = [](const auto& after, bool apart = false) {
        const Node x = input({dim::batch(), 5}), z = Dense(4).named("head")(x);
        std::vector<Node> outs{after(z)};
        if (apart) outs.push_back(z); // what a model puts out stays a place of its own
        Harness<> h({x}, outs);
        h.sizes({{"batch", 3}});
        h.set_parameter("head.kernel", numbers({5, 4}, 7));
        h.set(0, numbers({3, 5}));
        h.forward();
        h.seed(0, numbers({3, 4}, 3));
        if (apart) h.seed(1, Tensor<float>({3, 4}));
        h.backward();
        std::ptrdiff_t places = 0;
        for (const auto& n : h.workspace->plan().nodes()) places += n.layer != nullptr;
        std::vector<float> all(h.y().begin(), h.y().end());
        all.insert(all.end(), h.dx().begin(), h.dx().end());
        const auto g = h.grad("head.kernel");
        all.insert(all.end(), g.begin(), g.end());
        return std::pair(places, all);
    };
    for (const auto kind : {gelu, silu, leaky_relu, elu}) {
        const auto fused = run(Activation(kind)), apart = run(Activation(kind), true);
        CHECK(fused.first + 1 == apart.first);
        CHECK(fused.second == apart.second);
    }
    CHECK(run(Activation(leaky_relu)).first + 1 ==
          run(Activation({.activation = leaky_relu, .negative_slope = 0.1})).first);
}

TEST_CASE("Dense: bad options and input") {
    CHECK_THROWS_WITH(Dense(3)(input({dim::batch()})),
                      "dense: expects values [batch, ..., features], got [batch]; its input is the model's input");
    CHECK_THROWS_WITH(
        Dense(3)(input({dim::batch(), 4}, Dtype::i32)),
        "dense: expects values [batch, ..., features], got int32 [batch, 4]; its input is the model's input");
    CHECK_THROWS_AS(Dense(3)(input({dim::batch(), dim::time()})), ShapeError);
    CHECK_THROWS_WITH(Dense(3).named("head")(Node()),
                      "dense \"head\": expects values [batch, ..., features], got none");
    CHECK_THROWS_WITH(Dense(0)(input({dim::batch(), 4})), ContainsSubstring("dense: units expects"));
    CHECK_THROWS_AS(Dense<double>(3)(input<float>({dim::batch(), 4})), ShapeError);
}

TEST_CASE("Dense: from wide and empty batches") {
    const Node x = input({dim::batch(), 4});
    Harness<> h({x}, {Dense(3, relu)(x)});
    h.sizes({{"batch", 0}});
    h.forward();
    h.backward();
    CHECK(h.y().size() == 0);
    for (const float g : h.grad("dense.kernel")) CHECK(g == 0);
}
