#include "catch.hpp"
#include "stub.hpp"

#include <gradus/gradus.hpp>

#include <cmath>

using namespace gradus;
using namespace stub;

namespace {

// The rate after each epoch.
std::vector<double> rates(ReduceLROnPlateau& reduce, std::initializer_list<double> values,
                          const char* name = "val_loss", double start = 1) {
    Stub model;
    model.rate = start;
    reduce.on_train_begin(model);
    std::vector<double> result;
    for (const double v : values) {
        const Log logs[] = {{"loss", 1}, {name, v}};
        reduce.on_epoch_end(model, static_cast<Index>(result.size()), logs);
        result.push_back(model.rate);
    }
    return result;
}
using Rates = std::vector<double>;

} // namespace

// Keras's ReduceLROnPlateau gives these rates (run with a stub model; powers of two, which its float rates hold
// exactly).
TEST_CASE("ReduceLROnPlateau: Keras's rates") {
    ReduceLROnPlateau plain({.factor = 0.5, .patience = 2});
    CHECK(rates(plain, {5, 4, 4, 4, 4, 4, 3, 3, 3}) == Rates{1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125});
    CHECK(plain.reductions() == 3);
    CHECK(plain.best() == 3);
    ReduceLROnPlateau cool({.factor = 0.5, .patience = 1, .cooldown = 2});
    CHECK(rates(cool, {5, 5, 5, 5, 5, 5, 5, 5}) == Rates{1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.0625});
    ReduceLROnPlateau least({.factor = 0.5, .patience = 1, .min_lr = 0.375});
    CHECK(rates(least, {5, 5, 5, 5}) == Rates{1, 0.5, 0.375, 0.375});
    ReduceLROnPlateau delta({.factor = 0.5, .patience = 1, .min_delta = 0.5});
    CHECK(rates(delta, {5, 4.6, 4.4, 4.2}) == Rates{1, 0.5, 0.5, 0.25});
    ReduceLROnPlateau up({.monitor = "val_accuracy", .factor = 0.5, .patience = 1});
    CHECK(rates(up, {0.5, 0.6, 0.6, 0.7}, "val_accuracy") == Rates{1, 1, 0.5, 0.5});
    ReduceLROnPlateau eager({.factor = 0.5, .patience = 0});
    CHECK(rates(eager, {5, 4, 6, 6}) == Rates{1, 1, 0.5, 0.25});
    ReduceLROnPlateau nan({.factor = 0.5, .patience = 1});
    CHECK(rates(nan, {5, std::nan(""), 4}) == Rates{1, 0.5, 0.5});
}

TEST_CASE("ReduceLROnPlateau: what it refuses") {
    CHECK_THROWS_AS(ReduceLROnPlateau({.factor = 1}), ValueError);
    CHECK_THROWS_AS(ReduceLROnPlateau({.factor = std::nan("")}), ValueError);
    CHECK_THROWS_AS(ReduceLROnPlateau({.patience = -1}), ValueError);
    CHECK_THROWS_AS(ReduceLROnPlateau({.min_delta = -1}), ValueError);
    CHECK_THROWS_AS(ReduceLROnPlateau({.cooldown = -1}), ValueError);
    CHECK_THROWS_AS(ReduceLROnPlateau({.min_lr = -1}), ValueError);
    ReduceLROnPlateau missing({.monitor = "val_los"});
    CHECK(message([&] { rates(missing, {1}); }) ==
          "reduce_lr_on_plateau: monitor expects one of loss, val_loss, got \"val_los\"");
}

TEST_CASE("ReduceLROnPlateau: in fit; a schedule rules") {
    Tensor<float> x(Shape{8, 2}, 1.0f);
    Tensor<std::int32_t> y(Shape{8});
    Sequential model{Dense(1, sigmoid)};
    model.compile({.optimizer = SGD(0.25), .loss = BinaryCrossentropy()});
    const auto reduce = std::make_shared<ReduceLROnPlateau>(
        ReduceLROnPlateauOptions{.monitor = "loss", .factor = 0.5, .patience = 1, .min_delta = 100});
    model.fit(x, y, {.epochs = 3, .verbose = Verbose::silent, .callbacks = {reduce}});
    CHECK(model.learning_rate() == 0.0625);
    CHECK(reduce->reductions() == 2);
    model.compile({.optimizer = SGD(CosineDecay({.initial_learning_rate = 0.1, .decay_steps = 9})),
                   .loss = BinaryCrossentropy()});
    CHECK_THROWS_AS(model.fit(x, y, {.epochs = 3, .verbose = Verbose::silent, .callbacks = {reduce}}), ValueError);
}
