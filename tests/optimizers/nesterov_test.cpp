#include <gradus/optimizers/nesterov.hpp>

#include "catch.hpp"
#include "golden.hpp"

#include <limits>

using namespace gradus;
using namespace blocks;

TEST_CASE("Nesterov follows its closed formula", "[optimizers]") {
    const double m = 0.7, rate = 0.3;
    const Nesterov<double> nesterov({.learning_rate = rate, .momentum = m});
    Blocks<double> b({{3, 5}, {7}, {1}}, 1);
    auto expected = b.parameters;
    std::vector<std::vector<double>> past;
    for (int t = 1; t <= 6; ++t) {
        b.fill_gradients(t);
        past.push_back(b.gradients);
        b.apply(nesterov);
        for (const Segment& s : b.segments)
            for (Index k = 0; k < s.size(); ++k) {
                double v = 0;
                for (std::size_t i = 0; i < past.size(); ++i)
                    v +=
                        rate * std::pow(m, double(past.size() - 1 - i)) * past[i][static_cast<std::size_t>(s.slot + k)];
                expected[static_cast<std::size_t>(s.offset + k)] -=
                    m * v + rate * past.back()[static_cast<std::size_t>(s.slot + k)];
            }
        for (std::size_t i = 0; i < expected.size(); ++i) CHECK(std::abs(b.parameters[i] - expected[i]) <= 1e-13);
    }
}

TEST_CASE("Nesterov equals Keras and PyTorch", "[optimizers]") {
    for (const char* name : {"sgd_nesterov", "torch_nesterov"}) {
        CHECK(golden_difference<double>(name, [](Index) { return Nesterov(); }) <= 1e-12);
        CHECK(golden_difference<float>(name, [](Index) { return Nesterov(); }) <= 1e-5);
    }
}

TEST_CASE("Nesterov checks its options, and they come back from its fields", "[optimizers]") {
    const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
    for (double bad : {nan, inf, -0.1}) {
        CHECK_THROWS_AS(Nesterov(bad), ValueError);
        CHECK_THROWS_AS(Nesterov({.momentum = bad}), ValueError);
        Nesterov nesterov;
        CHECK_THROWS_AS(nesterov.set_learning_rate(bad), ValueError);
        CHECK(nesterov.learning_rate() == 0.01);
    }
    CHECK_THROWS_WITH(Nesterov({.momentum = 1.5}), "nesterov: momentum expects a number in [0, 1), got 1.5");
    const Nesterov<double> wide = Nesterov({.learning_rate = 0.5, .momentum = 0.25});
    CHECK(wide.options().learning_rate == 0.5);
    CHECK(wide.options().momentum == 0.25);
}
