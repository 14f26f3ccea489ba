#include <gradus/optimizers/sgd.hpp>

#include "catch.hpp"
#include "golden.hpp"

#include <limits>

using namespace gradus;
using namespace blocks;

TEST_CASE("SGD follows its formula", "[optimizers]") {
    Blocks<double> b({{3, 5}, {7}, {1}}, 0);
    const SGD<double> sgd(0.3);
    auto expected = b.parameters;
    for (int t = 1; t <= 5; ++t) {
        b.fill_gradients(t);
        b.apply(sgd, t == 3 ? std::vector<double>{0.5} : std::vector<double>{});
        for (const Segment& s : b.segments)
            for (Index k = 0; k < s.size(); ++k)
                expected[static_cast<std::size_t>(s.offset + k)] -=
                    0.3 * (t == 3 ? 0.5 : 1) * b.gradients[static_cast<std::size_t>(s.slot + k)];
    }
    for (std::size_t i = 0; i < expected.size(); ++i) CHECK(std::abs(b.parameters[i] - expected[i]) <= 1e-14);
}

TEST_CASE("SGD equals Keras and PyTorch", "[optimizers]") {
    for (const char* name : {"sgd", "torch_sgd"}) {
        CHECK(golden_difference<double>(name, [](Index) { return SGD(); }) <= 1e-12);
        CHECK(golden_difference<float>(name, [](Index) { return SGD(); }) <= 1e-5);
    }
}

TEST_CASE("SGD checks its options", "[optimizers]") {
    const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
    for (double bad : {nan, inf, -0.1}) {
        CHECK_THROWS_AS(SGD(bad), ValueError);
        CHECK_THROWS_AS(SGD({.learning_rate = bad}), ValueError);
        SGD sgd;
        CHECK_THROWS_AS(sgd.set_learning_rate(bad), ValueError);
        CHECK(sgd.learning_rate() == 0.01);
    }
    CHECK_THROWS_WITH(SGD(-1.5), "sgd: learning_rate expects a finite number of at least 0, got -1.5");
    SGD sgd;
    sgd.set_learning_rate(0.25);
    CHECK(sgd.options().learning_rate == 0.25);
    const SGD<double> wide = sgd;
    CHECK(wide.learning_rate() == 0.25);
}
