// What fit and evaluate show.
#include "catch.hpp"
#include "hash_data.hpp"

#include <gradus/gradus.hpp>

#include <regex>
#include <sstream>
#include <thread>

using namespace gradus;

namespace {

std::string shown(Verbose verbose, bool validation = false) {
    Sequential model{Dense(1, sigmoid)};
    model.compile({.optimizer = Adam(), .loss = BinaryCrossentropy(), .metrics = {Accuracy()}});
    std::ostringstream out;
    model.fit(hash_data::values(1, 2, Shape{40, 3}), hash_data::integers(2, 2, Shape{40}),
              {.batch_size = 8,
               .epochs = 2,
               .verbose = verbose,
               .validation_split = validation ? 0.25 : 0.0,
               .output = &out});
    return out.str();
}

const std::string step = "[0-9]+s [0-9]+(s|ms|us)/step";

} // namespace

TEST_CASE("progress: a line for each epoch where it is no terminal") {
    for (const Verbose v : {Verbose::line, Verbose::automatic}) {
        const std::regex expected("Epoch 1/2 - " + step + " - loss: 0\\.[0-9]{4} - accuracy: [01]\\.[0-9]{4}\n" +
                                  "Epoch 2/2 - " + step + " - loss: 0\\.[0-9]{4} - accuracy: [01]\\.[0-9]{4}\n");
        CHECK(std::regex_match(shown(v), expected));
    }
    const std::regex validation(
        "Epoch 1/2 - " + step +
        " - loss: [0-9.]+ - accuracy: [0-9.]+ - val_loss: [0-9.]+ - val_accuracy: [0-9.]+\n(.|\n)*");
    CHECK(std::regex_match(shown(Verbose::line, true), validation));
    CHECK(shown(Verbose::silent).empty());
}

TEST_CASE("progress: the bar, without colours where it is no terminal") {
    const std::string text = shown(Verbose::bar);
    std::string bar;
    for (int i = 0; i < 20; ++i) bar += "\u2501";
    const std::regex expected("Epoch 1/2\n(.|\n|\r)*\r5/5 " + bar + " " + step +
                              " - loss: 0\\.[0-9]{4} - accuracy: [01]\\.[0-9]{4} *\n" + "Epoch 2/2\n(.|\n|\r)*\r5/5 " +
                              bar + " " + step + " - loss: 0\\.[0-9]{4} - accuracy: [01]\\.[0-9]{4} *\n");
    CHECK(std::regex_match(text, expected));
    CHECK(text.find('\x1b') == std::string::npos);
}

TEST_CASE("progress: part of a bar, small numbers, times") {
    std::ostringstream out;
    ProgressBar bar(Verbose::bar, &out, 4);
    bar.begin(0, 3);
    const Log logs[] = {{"loss", 0.00025}, {"auc", 0}, {"big", 12.5}};
    bar.update(1, logs);
    CHECK(out.str() == "Epoch 1/3\n"); // drawn at most every 50 ms
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    bar.update(2, logs);
    std::string half;
    for (int i = 0; i < 10; ++i) half += "\u2501";
    CHECK(out.str().find("\r2/4 " + half + "           0s ") != std::string::npos);
    CHECK(out.str().find("ms/step - loss: 2.5000e-04 - auc: 0.0000 - big: 12.5000") != std::string::npos);
}

TEST_CASE("progress: evaluate is quiet unless asked") {
    Sequential model{Dense(1, sigmoid)};
    model.compile({.optimizer = Adam(), .loss = BinaryCrossentropy(), .metrics = {Accuracy()}});
    const auto x = hash_data::values(1, 2, Shape{40, 3});
    const auto y = hash_data::integers(2, 2, Shape{40});
    std::ostringstream out;
    model.evaluate(x, y, {.output = &out});
    CHECK(out.str().empty());
    model.evaluate(x, y, {.batch_size = 8, .verbose = Verbose::line, .output = &out});
    CHECK(std::regex_match(out.str(), std::regex("5/5 - " + step + " - loss: [0-9.]+ - accuracy: [0-9.]+\n")));
}
