#include "catch.hpp"
#include "stub.hpp"

#include <gradus/gradus.hpp>

#include <cmath>

using namespace gradus;
using namespace stub;

TEST_CASE("TerminateOnNaN: the loss alone, NaN or infinite") {
    Stub model;
    TerminateOnNaN stop;
    stop.on_train_begin(model);
    const auto batch = [&](double loss, double other) {
        const Log logs[] = {{"loss", loss}, {"accuracy", other}};
        stop.on_batch_end(model, 4, logs);
        return std::exchange(model.stopped, false);
    };
    CHECK_FALSE(batch(1, std::nan("")));
    CHECK(stop.batch() == -1);
    CHECK(batch(-HUGE_VAL, 0));
    CHECK(stop.batch() == 4);
    stop.on_train_begin(model);
    CHECK(batch(std::nan(""), 0));
}

TEST_CASE("TerminateOnNaN: ends the epoch after that batch") {
    Tensor<float> x(Shape{40, 1}, 1.0f), y(Shape{40, 1}, 1.0f);
    x[17] = std::nanf("");
    Sequential model{Dense(1)};
    model.compile({.optimizer = SGD(0.1), .loss = MeanSquaredError()});
    const auto stop = std::make_shared<TerminateOnNaN>();
    const History h = model.fit(x, y,
                                {.batch_size = 4,
                                 .epochs = 5,
                                 .verbose = Verbose::silent,
                                 .callbacks = {stop},
                                 .shuffle = false,
                                 .allow_nan = true});
    CHECK(h.epochs() == 1);
    CHECK(std::isnan(h["loss"][0]));
    CHECK(stop->batch() == 4);
    CHECK(model.updates() == 5);
}
