// What fit and evaluate show.
#include "catch.hpp"
#include "hash_data.hpp"

#include <gradus/gradus.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <regex>
#include <sstream>
#include <string>
#include <thread>

#if defined(__unix__)
#include <fcntl.h>
#include <unistd.h>
#endif

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

TEST_CASE("progress: times from a minute on") {
    using clock = std::chrono::steady_clock;
    for (const Index batches : {Index(10000), Index(2000000)}) {
        std::ostringstream out;
        ProgressBar bar(Verbose::bar, &out, batches);
        const auto before = clock::now();
        bar.begin(0, 1);
        const auto began = clock::now();
        std::this_thread::sleep_for(std::chrono::milliseconds(60));
        const auto slept = clock::now();
        bar.update(1, {}); // what is left takes as long per batch as the first one
        const auto drawn = clock::now();
        const std::string text = out.str();
        const std::regex time(batches < 100000 ? " ()([1-9][0-9]*):([0-5][0-9]) [0-9]+m?s/step"
                                               : " ([1-9][0-9]*):([0-5][0-9]):([0-5][0-9]) [0-9]+m?s/step");
        std::smatch m;
        INFO(text);
        REQUIRE(std::regex_search(text, m, time));
        const double shown_seconds =
            (m[1].length() ? 3600 * std::stod(m[1]) : 0) + 60 * std::stod(m[2]) + std::stod(m[3]);
        const auto left = [&](clock::duration d) {
            return std::chrono::duration<double>(d).count() * double(batches - 1);
        };
        CHECK(shown_seconds >= left(slept - began) - 1);
        CHECK(shown_seconds <= left(drawn - before) + 1);
    }
}

#if defined(__unix__)
namespace {

/// What f writes to a standard output that is a terminal; "no terminal" where the system has none to give.
template <class F> std::string in_terminal(const F& f) {
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) return "no terminal";
    const int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    if (slave < 0) return "no terminal";
    std::cout.flush();
    const int kept = dup(1);
    dup2(slave, 1);
    f();
    const std::string end = "<end>"; // one read may bring a part only
    std::cout << end << std::flush;
    std::string text;
    char part[256];
    while (text.find(end) == std::string::npos) {
        const ssize_t n = read(master, part, sizeof part);
        if (n <= 0) break;
        text.append(part, static_cast<std::size_t>(n));
    }
    dup2(kept, 1);
    close(kept), close(slave), close(master);
    return text.substr(0, text.find(end));
}

} // namespace

TEST_CASE("progress: a bar in a terminal, with colours unless NO_COLOR is set") {
    const Log logs[] = {{"loss", 0.5}};
    const auto run = [&] {
        return in_terminal([&] {
            ProgressBar bar(Verbose::automatic, nullptr, 4);
            bar.begin(0, 1);
            bar.end(logs);
        });
    };
    const char* set = std::getenv("NO_COLOR");
    const std::string before = set ? set : "";
    unsetenv("NO_COLOR");
    const std::string colours = run();
    setenv("NO_COLOR", "", 1); // says nothing: no-color.org
    const std::string empty = run();
    setenv("NO_COLOR", "1", 1);
    const std::string plain = run();
    if (set)
        setenv("NO_COLOR", before.c_str(), 1);
    else
        unsetenv("NO_COLOR");
    if (colours == "no terminal") {
        WARN("skipped: no terminal to be had");
        return;
    }
    CHECK(empty.find("\x1b[32m") != std::string::npos);
    std::string full;
    for (int i = 0; i < 20; ++i) full += "\u2501";
    CHECK(colours.find("4/4 \x1b[32m" + full + "\x1b[37m\x1b[0m ") != std::string::npos);
    CHECK(plain.find("4/4 " + full + " ") != std::string::npos);
    CHECK(plain.find('\x1b') == std::string::npos);
    CHECK(plain.find("Epoch 1/1") == 0);
}
#endif

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
