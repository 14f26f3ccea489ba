#include <gradus/optimizers/momentum.hpp>
#include <gradus/optimizers/schedules/cosine_decay.hpp>
#include <gradus/optimizers/schedules/warmup.hpp>

#include "catch.hpp"
#include "golden.hpp"

#include <limits>

using namespace gradus;
using namespace blocks;

TEST_CASE("Momentum follows its closed formulas", "[optimizers]") {
    // After t steps the velocity is a weighted sum over all gradients so far: no recursion in the expectation.
    const double m = 0.7;
    for (const bool averaged : {false, true}) {
        const Momentum<double> momentum({.learning_rate = 0.3, .momentum = m, .averaged = averaged});
        Blocks<double> b({{3, 5}, {7}, {1}}, 1);
        auto expected = b.parameters;
        std::vector<std::vector<double>> past;
        std::vector<double> rates;
        for (int t = 1; t <= 6; ++t) {
            b.fill_gradients(t);
            past.push_back(b.gradients);
            rates.push_back(t == 3 ? 0.15 : 0.3);
            b.apply(momentum, {t == 3 ? 0.5 : 1});
            for (const Segment& s : b.segments)
                for (Index k = 0; k < s.size(); ++k) {
                    double v = 0;
                    for (std::size_t i = 0; i < past.size(); ++i)
                        v += std::pow(m, double(past.size() - 1 - i)) * past[i][static_cast<std::size_t>(s.slot + k)] *
                             (averaged ? rates.back() * (1 - m) : rates[i]);
                    expected[static_cast<std::size_t>(s.offset + k)] -= v;
                }
            for (std::size_t i = 0; i < expected.size(); ++i) CHECK(std::abs(b.parameters[i] - expected[i]) <= 1e-13);
        }
    }
}

TEST_CASE("Momentum equals Keras, and its averaged form PyTorch with dampening", "[optimizers]") {
    const auto classical = [](Index) { return Momentum(); };
    CHECK(golden_difference<double>("sgd_momentum", classical) <= 1e-12);
    CHECK(golden_difference<float>("sgd_momentum", classical) <= 1e-5);
    const auto averaged = [](Index) { return Momentum({.learning_rate = 0.1, .momentum = 0.8, .averaged = true}); };
    CHECK(golden_difference<double>("torch_momentum_averaged", averaged) <= 1e-12);
    CHECK(golden_difference<float>("torch_momentum_averaged", averaged) <= 1e-5);
    // At a constant rate the forms differ by a factor of the rate.
    const auto same_as_keras = [](Index) {
        return Momentum({.learning_rate = 0.1, .momentum = 0.9, .averaged = true});
    };
    CHECK(golden_difference<double>("sgd_momentum", same_as_keras) <= 1e-12);
}

TEST_CASE("Momentum with Warmup equals Keras", "[optimizers]") {
    const CosineDecay wave({.initial_learning_rate = 0.02, .decay_steps = 10});
    const Warmup warmup({.learning_rate = wave, .warmup_steps = 5, .initial_learning_rate = 0.001});
    CHECK(golden_difference<double>("momentum_warmup", [&](Index) { return Momentum(warmup); }) <= 1e-12);
}

TEST_CASE("Momentum checks its options, and they come back from its fields", "[optimizers]") {
    const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
    for (double bad : {nan, inf, -0.1}) {
        CHECK_THROWS_AS(Momentum(bad), ValueError);
        CHECK_THROWS_AS(Momentum({.momentum = bad}), ValueError);
        Momentum momentum;
        CHECK_THROWS_AS(momentum.set_learning_rate(bad), ValueError);
        CHECK(momentum.learning_rate() == 0.01);
    }
    CHECK_THROWS_WITH(Momentum({.momentum = 1}), "momentum: momentum expects a number in [0, 1), got 1");
    const Momentum<double> wide = Momentum({.learning_rate = 0.5, .momentum = 0, .averaged = true});
    CHECK(wide.options().learning_rate == 0.5);
    CHECK(wide.options().momentum == 0);
    CHECK(wide.options().averaged);
}
