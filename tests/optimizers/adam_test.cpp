#include <gradus/optimizers/adam.hpp>

#include "catch.hpp"
#include "golden.hpp"

#include <limits>

using namespace gradus;
using namespace blocks;

TEST_CASE("Adam follows its closed formula", "[optimizers]") {
    // After t steps the moments are weighted sums over all gradients so far: no recursion in the expectation.
    const std::vector<Shape> shapes{{3, 5}, {7}, {1}};
    const double rate = 0.02, b1 = 0.8, b2 = 0.95, epsilon = 1e-3;
    const Adam<double> adam({.learning_rate = rate, .beta_1 = b1, .beta_2 = b2, .epsilon = epsilon});
    Blocks<double> b(shapes, 2);
    auto expected = b.parameters;
    std::vector<std::vector<double>> past;
    for (int t = 1; t <= 8; ++t) {
        b.fill_gradients(t);
        past.push_back(b.gradients);
        const double scale = t % 2 ? 1 : 0.25;
        b.apply(adam, {scale});
        for (const Segment& s : b.segments)
            for (Index k = 0; k < s.size(); ++k) {
                double m = 0, v = 0;
                for (int i = 1; i <= t; ++i) {
                    const double g = past[static_cast<std::size_t>(i - 1)][static_cast<std::size_t>(s.slot + k)];
                    m += (1 - b1) * std::pow(b1, t - i) * g;
                    v += (1 - b2) * std::pow(b2, t - i) * g * g;
                }
                const double step = scale * rate * std::sqrt(1 - std::pow(b2, t)) / (1 - std::pow(b1, t));
                expected[static_cast<std::size_t>(s.offset + k)] -= step * m / (std::sqrt(v) + epsilon);
            }
        for (std::size_t i = 0; i < expected.size(); ++i) CHECK(std::abs(b.parameters[i] - expected[i]) <= 1e-13);
    }
}

TEST_CASE("Adam equals Keras", "[optimizers]") {
    const auto defaults = [](Index) { return Adam(); };
    CHECK(golden_difference<double>("adam", defaults) <= 1e-12);
    CHECK(golden_difference<float>("adam", defaults) <= 1e-5);
    const auto other = [](Index) {
        return Adam({.learning_rate = 0.05, .beta_1 = 0.8, .beta_2 = 0.9, .epsilon = 1e-3});
    };
    CHECK(golden_difference<double>("adam_other", other) <= 1e-12);
    CHECK(golden_difference<float>("adam_other", other) <= 1e-5);
}

TEST_CASE("Adam equals PyTorch with the epsilon that corresponds", "[optimizers]") {
    const auto torch = [](Index t) {
        return Adam({.learning_rate = 1e-3, .epsilon = 1e-8 * std::sqrt(1 - std::pow(0.999, double(t)))});
    };
    CHECK(golden_difference<double>("torch_adam", torch) <= 1e-12);
    CHECK(golden_difference<float>("torch_adam", torch) <= 1e-5);
}

TEST_CASE("Adam checks its options", "[optimizers]") {
    const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
    for (double bad : {nan, inf, -1e-9}) {
        CHECK_THROWS_AS(Adam(bad), ValueError);
        CHECK_THROWS_AS(Adam({.learning_rate = bad}), ValueError);
        CHECK_THROWS_AS(Adam({.beta_1 = bad}), ValueError);
        CHECK_THROWS_AS(Adam({.beta_2 = bad}), ValueError);
        CHECK_THROWS_AS(Adam({.epsilon = bad}), ValueError);
    }
    CHECK_THROWS_WITH(Adam({.beta_1 = 1}), "adam: beta_1 expects a number in [0, 1), got 1");
    CHECK_THROWS_WITH(Adam({.beta_2 = 1.5}), "adam: beta_2 expects a number in [0, 1), got 1.5");
    Adam adam;
    CHECK_THROWS_AS(adam.set_learning_rate(nan), ValueError);
    CHECK(adam.learning_rate() == 1e-3);
}

TEST_CASE("Adam's options come back from its fields, and bad ones are refused", "[optimizers]") {
    const Adam adam({.learning_rate = 0.5, .beta_1 = 0.7, .beta_2 = 0.8, .epsilon = 0.1});
    const Adam<double> wide = adam;
    CHECK(wide.options().learning_rate == 0.5);
    CHECK(wide.options().beta_1 == 0.7);
    CHECK(wide.options().beta_2 == 0.8);
    CHECK(wide.options().epsilon == 0.1);
    FieldMap map = FieldWriter::write(adam);
    CHECK(map.size() == 5);
    map[2].second.value = 7.0;
    Adam other;
    CHECK_THROWS_AS(FieldReader(map, "file").read(other), ValueError);
}
