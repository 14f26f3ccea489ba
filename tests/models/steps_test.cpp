// A training step by hand: which order of calls is one, and what says that another is not.
#include "catch.hpp"
#include "hash_data.hpp"
#include "message.hpp"

#include <gradus/gradus.hpp>

using namespace gradus;
using namespace hash_data;

namespace {

const auto x = values(1, 2, Shape{8, 4});
const auto y = integers(2, 3, Shape{8});

Sequential<float> compiled_model(Index accumulate = 1) {
    Sequential model{Dense(5, activation::tanh), Dense(3, softmax)};
    model.compile({.optimizer = SGD(0.1), .loss = SparseCategoricalCrossentropy(), .accumulate = accumulate});
    return model;
}
Tensor<float> gradient(const Sequential<float>& model) { return Tensor<float>(model.gradient("dense.kernel")); }

} // namespace

TEST_CASE("steps: a backward uses up forward and loss") {
    auto model = compiled_model();
    model.forward(x);
    CHECK(message<ValueError>([&] { model.backward(); }) ==
          "model: backward expects loss first, or a gradient of the outputs, backward(dy)");
    const double first = model.loss(y);
    CHECK(model.loss(y) == first); // asked twice, seeded once
    model.backward();
    const auto g = gradient(model);
    CHECK(message<ValueError>([&] { model.backward(); }) ==
          "model: backward expects a new forward and loss, got those that a backward has used up");
    CHECK(message<ValueError>([&] { model.loss(y); }) ==
          "model: loss expects a new forward, got one that backward has used up");
    const Tensor<float> dy(Shape{8, 3}, 1.0f);
    CHECK(message<ValueError>([&] { model.backward(dy.view()); }) ==
          "model: backward expects a new forward, got one that a backward has used up");
    model.forward(x);
    CHECK(message<ValueError>([&] { model.backward(); }).find("expects loss first") != std::string::npos);
    for (Index i = 0; i < g.size(); ++i) CHECK(gradient(model)[i] == g[i]);
    CHECK(model.output().shape() == Shape{8, 3});
}

TEST_CASE("steps: an update expects a backward since the last one") {
    auto model = compiled_model();
    model.forward(x);
    model.loss(y);
    const char* none = "model: step expects backward first, got no gradients since the last update";
    CHECK(message<ValueError>([&] { model.step(); }) == none);
    model.backward();
    model.step();
    const std::string before = model.fingerprint();
    CHECK(message<ValueError>([&] { model.step(); }) == none);
    CHECK(model.updates() == 1);
    CHECK(model.fingerprint() == before);
    model.train_on_batch(x, y);
    CHECK(message<ValueError>([&] { model.step(); }) == none);
    model.fit(x, y, {.verbose = Verbose::silent});
    CHECK(message<ValueError>([&] { model.backward(); }).find("expects a new forward and loss") != std::string::npos);
    CHECK(message<ValueError>([&] { model.step(); }) == none);
}

TEST_CASE("steps: several batches before an update, a loss without backward, gradients of outputs") {
    auto model = compiled_model(2);
    model.forward(x);
    model.loss(y);
    model.backward();
    model.forward(x);
    model.loss(y);
    model.backward();
    model.step();
    CHECK(model.updates() == 1);
    auto whole = compiled_model();
    whole.forward(x, false);
    const double loss = whole.loss(y);
    CHECK(std::abs(loss - whole.evaluate(x, y).loss()) < 1e-6);
    whole.forward(x); // a forward may be dropped
    whole.loss(y);
    whole.backward();
    whole.step();
    for (Index i = 0; i < 20; ++i)
        CHECK(std::abs(model.parameter("dense.kernel")[i] - whole.parameter("dense.kernel")[i]) < 1e-6f);
    const Tensor<float> dy(Shape{8, 3}, 1.0f);
    whole.forward(x);
    whole.loss(y);
    whole.backward(dy.view());
    whole.step();
    CHECK(whole.updates() == 2);
}

TEST_CASE("steps: a batch that was refused leaves no step to go on with") {
    auto model = compiled_model();
    model.forward(x);
    model.loss(y);
    auto wrong = y;
    wrong[5] = 3;
    CHECK_THROWS_AS(model.train_on_batch(values(3, 2, Shape{8, 4}), wrong), ValueError);
    CHECK(message<ValueError>([&] { model.backward(); }) == "model: backward expects forward and loss first");
    CHECK(message<ValueError>([&] { model.output(); }) == "model: output expects forward first");
}
