// Optimizers and schedules in a model: the rate as updates go on, and which parameters decay.
#include <gradus/gradus.hpp>

#include "catch.hpp"

#include <cmath>
#include <cstring>

using namespace gradus;

namespace {

Tensor<float> inputs() {
    Tensor<float> x({8, 3});
    for (Index i = 0; i < x.size(); ++i) x[i] = std::sin(float(i));
    return x;
}
Tensor<float> targets() {
    Tensor<float> y({8, 1});
    for (Index i = 0; i < y.size(); ++i) y[i] = float(i % 2);
    return y;
}
Sequential<float> trained(const OptimizerHandle<float>& optimizer, int updates) {
    Sequential<float> model{Dense(4, activation::tanh), Dense(1, sigmoid)};
    model.build({dim::batch(), 3});
    model.compile({.optimizer = optimizer, .loss = BinaryCrossentropy(), .seed = 7});
    for (int i = 0; i < updates; ++i) model.train_on_batch(inputs(), targets());
    return model;
}

} // namespace

TEST_CASE("a scheduled rate follows the updates, and nobody may set it", "[models]") {
    const PiecewiseConstantDecay table({.boundaries = {1}, .values = {0.5, 0.25}});
    auto model = trained(SGD(table), 0);
    for (const double rate : {0.5, 0.5, 0.25, 0.25}) {
        CHECK(model.learning_rate() == rate);
        model.train_on_batch(inputs(), targets());
    }
    CHECK_THROWS_WITH(model.set_learning_rate(0.1), "sgd: set_learning_rate expects an optimizer whose rate is a "
                                                    "number, got a schedule (piecewise_constant_decay)");
    CHECK(model.learning_rate() == 0.25);
    // The same updates with rates set by hand.
    auto by_hand = trained(SGD(0.5), 2);
    by_hand.set_learning_rate(0.25);
    for (int i = 0; i < 2; ++i) by_hand.train_on_batch(inputs(), targets());
    CHECK(by_hand.fingerprint() == model.fingerprint());
}

TEST_CASE("a rate of 0 leaves the parameters as they are", "[models]") {
    const auto start = trained(SGD(0), 0).fingerprint();
    for (const OptimizerHandle<float>& optimizer : std::initializer_list<OptimizerHandle<float>>{
             SGD(0), Momentum(0), Nesterov(0), Adam(0), AdamW(0), RMSprop(0), Adam(Constant(0))})
        CHECK(trained(optimizer, 3).fingerprint() == start);
}

TEST_CASE("AdamW decays kernels, but no biases", "[models]") {
    auto without = trained(AdamW({.weight_decay = 0}), 1), with = trained(AdamW({.weight_decay = 0.5}), 1);
    for (const auto& v : with.variables()) {
        const auto a = with.parameter(v.name);
        const auto b = without.parameter(v.name);
        const bool equal = std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(float)) == 0;
        CAPTURE(v.name);
        CHECK(equal == (v.name.find("bias") != std::string::npos));
    }
}
