#include "catch.hpp"
#include "stub.hpp"

#include <gradus/gradus.hpp>

#include <cmath>

using namespace gradus;
using namespace stub;

TEST_CASE("LearningRateScheduler: a rate for each epoch") {
    Stub model;
    LearningRateScheduler decay([](Index epoch, double rate) { return epoch < 2 ? rate : rate / 2; });
    for (Index e = 0; e < 4; ++e) decay.on_epoch_begin(model, e);
    CHECK(model.rate == 0.025);
    LearningRateScheduler steps([](Index epoch) { return 1.0 / static_cast<double>(epoch + 1); });
    steps.on_epoch_begin(model, 3);
    CHECK(model.rate == 0.25);
    CHECK_THROWS_AS(LearningRateScheduler(std::function<double(Index, double)>()), ValueError);
    CHECK_THROWS_AS(FieldWriter::write(steps), ValueError);
}

TEST_CASE("LearningRateScheduler: in fit") {
    Tensor<float> x(Shape{8, 2}, 1.0f);
    Tensor<std::int32_t> y(Shape{8});
    const FitOptions quiet{.epochs = 3, .verbose = Verbose::silent};
    Sequential by_hand{Dense(1, sigmoid)}, scheduled{Dense(1, sigmoid)};
    for (auto* m : {&by_hand, &scheduled})
        m->compile({.optimizer = Adam(0.5), .loss = BinaryCrossentropy(), .seed = 3});
    for (Index e = 0; e < 3; ++e) {
        by_hand.set_learning_rate(0.5 / static_cast<double>(1 + e));
        by_hand.fit(x, y, {.epochs = e + 1, .verbose = Verbose::silent, .initial_epoch = e});
    }
    scheduled.fit(x, y, {.epochs = 3, .verbose = Verbose::silent, .callbacks = {LearningRateScheduler([](Index e) {
                                                                      return 0.5 / static_cast<double>(1 + e);
                                                                  })}});
    CHECK(scheduled.fingerprint() == by_hand.fingerprint());
    const std::string before = scheduled.fingerprint();
    for (const double bad : {-1.0, std::nan(""), HUGE_VAL})
        CHECK_THROWS_AS(
            scheduled.fit(
                x, y, {.verbose = Verbose::silent, .callbacks = {LearningRateScheduler([=](Index) { return bad; })}}),
            ValueError);
    CHECK(scheduled.fingerprint() == before);
}
