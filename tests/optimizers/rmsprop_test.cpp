#include <gradus/optimizers/rmsprop.hpp>

#include "catch.hpp"
#include "golden.hpp"

#include <limits>

using namespace gradus;
using namespace blocks;

TEST_CASE("RMSprop follows its closed formula", "[optimizers]") {
    const double rate = 0.02, rho = 0.8, epsilon = 1e-3;
    for (const double momentum : {0.0, 0.6})
        for (const bool centered : {false, true}) {
            CAPTURE(momentum, centered);
            const RMSprop<double> rmsprop(
                {.learning_rate = rate, .rho = rho, .momentum = momentum, .epsilon = epsilon, .centered = centered});
            CHECK(rmsprop.moments() == 1 + (momentum > 0) + centered);
            Blocks<double> b({{3, 5}, {7}, {1}}, rmsprop.moments());
            auto expected = b.parameters;
            std::vector<std::vector<double>> past;
            for (int t = 1; t <= 6; ++t) {
                b.fill_gradients(t);
                past.push_back(b.gradients);
                b.apply(rmsprop);
                for (const Segment& s : b.segments)
                    for (Index k = 0; k < s.size(); ++k) {
                        double step = 0;
                        for (std::size_t j = 0; j < past.size(); ++j) {
                            double v = 0, a = 0;
                            for (std::size_t i = 0; i <= j; ++i) {
                                const double g = past[i][static_cast<std::size_t>(s.slot + k)];
                                v += (1 - rho) * std::pow(rho, double(j - i)) * g * g;
                                a += (1 - rho) * std::pow(rho, double(j - i)) * g;
                            }
                            const double g = past[j][static_cast<std::size_t>(s.slot + k)];
                            const double factor = std::pow(momentum, double(past.size() - 1 - j));
                            step += factor * rate * g / std::sqrt(v - (centered ? a * a : 0) + epsilon);
                        }
                        expected[static_cast<std::size_t>(s.offset + k)] -= step;
                    }
                for (std::size_t i = 0; i < expected.size(); ++i)
                    CHECK(std::abs(b.parameters[i] - expected[i]) <= 1e-13);
            }
        }
}

TEST_CASE("RMSprop equals Keras", "[optimizers]") {
    const auto check = [](const char* name, const RMSpropOptions& options, double tolerance) {
        CAPTURE(name);
        CHECK(golden_difference<double>(name, [&](Index) { return RMSprop(options); }) <= 1e-12);
        CHECK(golden_difference<float>(name, [&](Index) { return RMSprop(options); }) <= tolerance);
    };
    check("rmsprop", {}, 1e-5);
    check("rmsprop_momentum", {.learning_rate = 0.01, .rho = 0.8, .momentum = 0.9, .epsilon = 1e-3}, 1e-5);
    check("rmsprop_centered", {.learning_rate = 0.01, .centered = true}, 1e-5);
    check("rmsprop_all", {.learning_rate = 0.02, .rho = 0.7, .momentum = 0.5, .epsilon = 1e-4, .centered = true}, 1e-5);
}

TEST_CASE("A variance that rounding makes negative is zero", "[optimizers]") {
    // The same gradient again and again: v - a^2 goes to 0, far below the rounding of v.
    const RMSprop<float> rmsprop({.learning_rate = 1e-8, .epsilon = 1e-7, .centered = true});
    Blocks<float> b({{64}}, 2);
    for (int t = 1; t <= 500; ++t) {
        for (Index k = 0; k < 64; ++k)
            b.gradients[static_cast<std::size_t>(b.segments[0].slot + k)] = 1000 + float(k) / 7;
        b.apply(rmsprop);
    }
    for (const float w : b.parameters) CHECK(std::isfinite(w));
    b.gradients[static_cast<std::size_t>(b.segments[0].slot)] = NAN;
    b.apply(rmsprop);
    CHECK(std::isnan(b.parameters[static_cast<std::size_t>(b.segments[0].offset)]));
}

TEST_CASE("RMSprop checks its options, and they come back from its fields", "[optimizers]") {
    const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
    for (double bad : {nan, inf, -1e-9}) {
        CHECK_THROWS_AS(RMSprop(bad), ValueError);
        CHECK_THROWS_AS(RMSprop({.rho = bad}), ValueError);
        CHECK_THROWS_AS(RMSprop({.momentum = bad}), ValueError);
        CHECK_THROWS_AS(RMSprop({.epsilon = bad}), ValueError);
        RMSprop rmsprop;
        CHECK_THROWS_AS(rmsprop.set_learning_rate(bad), ValueError);
        CHECK(rmsprop.learning_rate() == 1e-3);
    }
    CHECK_THROWS_WITH(RMSprop({.rho = 1}), "rmsprop: rho expects a number in [0, 1), got 1");
    CHECK_THROWS_WITH(RMSprop({.momentum = 1}), "rmsprop: momentum expects a number in [0, 1), got 1");
    const RMSprop<double> wide =
        RMSprop({.learning_rate = 0.5, .rho = 0.7, .momentum = 0.8, .epsilon = 0.1, .centered = true});
    CHECK(wide.options().learning_rate == 0.5);
    CHECK(wide.options().rho == 0.7);
    CHECK(wide.options().momentum == 0.8);
    CHECK(wide.options().epsilon == 0.1);
    CHECK(wide.options().centered);
}
