#include <gradus/optimizers/adamw.hpp>

#include "catch.hpp"
#include "golden.hpp"

#include <limits>

using namespace gradus;
using namespace blocks;

TEST_CASE("AdamW decays by the rate, then follows Adam", "[optimizers]") {
    const double rate = 0.02, decay = 0.3;
    const AdamW<double> adamw(
        {.learning_rate = rate, .weight_decay = decay, .beta_1 = 0.8, .beta_2 = 0.95, .epsilon = 1e-3});
    const Adam<double> adam({.learning_rate = rate, .beta_1 = 0.8, .beta_2 = 0.95, .epsilon = 1e-3});
    Blocks<double> b({{3, 5}, {7}, {16}, {16}}, 2, 1), expected = b;
    b.segments[1].decay = false;
    b.segments[3].group = 1;
    expected.segments[3].group = 1;
    for (int t = 1; t <= 8; ++t) {
        b.fill_gradients(t);
        expected.fill_gradients(t);
        for (std::size_t i : {0u, 2u, 3u})
            for (Index k = 0; k < b.segments[i].size(); ++k)
                expected.parameters[static_cast<std::size_t>(b.segments[i].offset + k)] *=
                    1 - decay * rate * (i == 3 ? 0.5 : 1);
        b.apply(adamw, {1, 0.5});
        expected.apply(adam, {1, 0.5});
        for (std::size_t i = 0; i < b.parameters.size(); ++i)
            CHECK(std::abs(b.parameters[i] - expected.parameters[i]) <= 1e-14);
    }
}

TEST_CASE("AdamW without decay has Adam's bits", "[optimizers]") {
    Blocks<float> a({{3, 5}, {7}}, 2), b = a, c = a;
    for (Segment& s : c.segments) s.decay = false;
    for (int t = 1; t <= 4; ++t) {
        for (Blocks<float>* x : {&a, &b, &c}) x->fill_gradients(t);
        a.apply(Adam<float>());
        b.apply(AdamW<float>({.weight_decay = 0}));
        c.apply(AdamW<float>({.weight_decay = 0.5}));
    }
    CHECK(same(a.parameters, b.parameters));
    CHECK(same(a.parameters, c.parameters));
}

TEST_CASE("AdamW equals Keras", "[optimizers]") {
    const auto defaults = [](Index) { return AdamW(); };
    CHECK(golden_difference<double>("adamw", defaults) <= 1e-12);
    CHECK(golden_difference<float>("adamw", defaults) <= 1e-5);
    const auto other = [](Index) {
        return AdamW({.learning_rate = 0.05, .weight_decay = 0.3, .beta_1 = 0.8, .beta_2 = 0.9, .epsilon = 1e-3});
    };
    CHECK(golden_difference<double>("adamw_other", other, 1) <= 1e-12);
    CHECK(golden_difference<float>("adamw_other", other, 1) <= 1e-5);
    CHECK(golden_difference<double>("adamw_other", other) > 1e-3);
}

TEST_CASE("AdamW equals PyTorch with the epsilon that corresponds", "[optimizers]") {
    const auto torch = [](Index t) {
        return AdamW({.weight_decay = 0.01, .epsilon = 1e-8 * std::sqrt(1 - std::pow(0.999, double(t)))});
    };
    CHECK(golden_difference<double>("torch_adamw", torch) <= 1e-12);
}

TEST_CASE("AdamW checks its options, and they come back from its fields", "[optimizers]") {
    const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
    for (double bad : {nan, inf, -1e-9}) {
        CHECK_THROWS_AS(AdamW(bad), ValueError);
        CHECK_THROWS_AS(AdamW({.weight_decay = bad}), ValueError);
        CHECK_THROWS_AS(AdamW({.beta_1 = bad}), ValueError);
        CHECK_THROWS_AS(AdamW({.beta_2 = bad}), ValueError);
        CHECK_THROWS_AS(AdamW({.epsilon = bad}), ValueError);
        AdamW adamw;
        CHECK_THROWS_AS(adamw.set_learning_rate(bad), ValueError);
        CHECK(adamw.learning_rate() == 1e-3);
    }
    CHECK_THROWS_WITH(AdamW({.weight_decay = -1}), "adamw: weight_decay expects a finite number of at least 0, got -1");
    CHECK_THROWS_WITH(AdamW({.beta_1 = 1}), "adamw: beta_1 expects a number in [0, 1), got 1");
    const AdamW<double> wide =
        AdamW({.learning_rate = 0.5, .weight_decay = 0.25, .beta_1 = 0.7, .beta_2 = 0.8, .epsilon = 0.1});
    CHECK(wide.options().learning_rate == 0.5);
    CHECK(wide.options().weight_decay == 0.25);
    CHECK(wide.options().beta_1 == 0.7);
    CHECK(wide.options().beta_2 == 0.8);
    CHECK(wide.options().epsilon == 0.1);
}
