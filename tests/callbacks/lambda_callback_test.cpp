#include "catch.hpp"
#include "stub.hpp"

#include <gradus/gradus.hpp>

using namespace gradus;

TEST_CASE("LambdaCallback: calls what is there") {
    Tensor<float> x(Shape{6, 2}, 1.0f);
    Tensor<std::int32_t> y(Shape{6});
    Sequential model{Dense(1, sigmoid)};
    model.compile({.optimizer = SGD(0.1), .loss = BinaryCrossentropy()});
    std::string text;
    const LambdaCallback all({
        .on_epoch_begin = [&](ModelBase&, Index e) { text += "(" + std::to_string(e); },
        .on_epoch_end = [&](ModelBase&, Index, std::span<const Log> logs) { text += ")" + std::string(logs[0].name); },
        .on_train_begin = [&](ModelBase& m) { text += "[" + std::to_string(m.updates()); },
        .on_train_end = [&](ModelBase& m) { text += "]" + std::to_string(m.updates()); },
        .on_batch_end = [&](ModelBase&, Index b, std::span<const Log>) { text += " " + std::to_string(b); },
    });
    model.fit(x, y, {.batch_size = 4, .epochs = 2, .verbose = Verbose::silent, .callbacks = {all, LambdaCallback({})}});
    CHECK(text == "[0(0 0 1)loss(1 0 1)loss]4");
    // One that looks at every batch and ends training.
    model.fit(x, y,
              {.batch_size = 2,
               .epochs = 9,
               .verbose = Verbose::silent,
               .callbacks = {LambdaCallback({.on_batch_end = [](ModelBase& m, Index b, std::span<const Log>) {
                   if (b == 1) m.stop_training();
               }})}});
    CHECK(model.updates() == 6);
    CHECK_THROWS_AS(FieldWriter::write(all), ValueError);
}
