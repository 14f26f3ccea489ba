// Schedules: what they compute, against formulas and Keras; what they refuse; how they are held.
#include <gradus/io/safetensors.hpp>
#include <gradus/optimizers/adam.hpp>
#include <gradus/optimizers/schedules/constant.hpp>
#include <gradus/optimizers/schedules/cosine_decay.hpp>
#include <gradus/optimizers/schedules/cosine_decay_restarts.hpp>
#include <gradus/optimizers/schedules/exponential_decay.hpp>
#include <gradus/optimizers/schedules/piecewise_constant_decay.hpp>
#include <gradus/optimizers/schedules/polynomial_decay.hpp>
#include <gradus/optimizers/schedules/step_decay.hpp>
#include <gradus/optimizers/schedules/warmup.hpp>
#include <gradus/testing/allocation_guard.hpp>

#include "catch.hpp"
#include "golden.hpp"

#include <algorithm>
#include <limits>

using namespace gradus;
using namespace blocks;

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();
constexpr double inf_value = std::numeric_limits<double>::infinity();

bool close(double a, double b) { return std::abs(a - b) <= 1e-12 * std::abs(b) + 1e-17; }

void check_golden(const std::string& name, const Schedule& schedule) {
    const auto file = SafetensorsFile::read(std::string(GRADUS_GOLDEN_DIR) + "/schedules.safetensors");
    const auto expected = file.tensor<double>(name);
    REQUIRE(expected.size() == 100);
    for (Index step = 0; step < 100; ++step) {
        CAPTURE(name, step);
        CHECK(close(schedule(step), expected[step]));
    }
}

/// Every schedule, with options that are not the defaults.
std::vector<std::unique_ptr<Schedule>> all() {
    std::vector<std::unique_ptr<Schedule>> s;
    const auto add = [&](const auto& schedule) { s.push_back(schedule.copy()); };
    add(Constant(0.25));
    add(StepDecay({.initial_learning_rate = 0.3, .decay_steps = 7, .decay_rate = 0.4}));
    add(ExponentialDecay({.initial_learning_rate = 0.3, .decay_steps = 7, .decay_rate = 0.4, .staircase = true}));
    add(PolynomialDecay(
        {.initial_learning_rate = 0.3, .decay_steps = 17, .end_learning_rate = 0.02, .power = 1.5, .cycle = true}));
    add(CosineDecay({.initial_learning_rate = 0.3, .decay_steps = 17, .alpha = 0.1}));
    add(CosineDecayRestarts(
        {.initial_learning_rate = 0.3, .first_decay_steps = 7, .t_mul = 1.5, .m_mul = 0.9, .alpha = 0.1}));
    add(PiecewiseConstantDecay({.boundaries = {3, 5}, .values = {0.3, 0.2, 0.1}}));
    add(Warmup({.learning_rate = 0.3, .warmup_steps = 5, .initial_learning_rate = 0.01}));
    add(Warmup({.learning_rate = Warmup({.learning_rate = CosineDecay({.initial_learning_rate = 0.3, .decay_steps = 9}),
                                         .warmup_steps = 3}),
                .warmup_steps = 5}));
    return s;
}

} // namespace

TEST_CASE("schedules follow their formulas", "[schedules]") {
    const StepDecay stairs({.initial_learning_rate = 0.5, .decay_steps = 10, .decay_rate = 0.1});
    const ExponentialDecay exponential({.initial_learning_rate = 0.5, .decay_steps = 10, .decay_rate = 0.7});
    const PolynomialDecay polynomial(
        {.initial_learning_rate = 0.5, .decay_steps = 40, .end_learning_rate = 0.1, .power = 0.5});
    const CosineDecay cosine({.initial_learning_rate = 0.5, .decay_steps = 40, .alpha = 0.1});
    for (Index step = 0; step < 1000; ++step) {
        const auto t = double(step);
        CHECK(close(stairs(step), 0.5 * std::pow(0.1, double(step / 10))));
        CHECK(close(exponential(step), 0.5 * std::pow(0.7, t / 10)));
        CHECK(close(polynomial(step), 0.1 + 0.4 * std::sqrt(1 - std::min(1.0, t / 40))));
        CHECK(close(cosine(step), 0.5 * (0.1 + 0.9 * (1 + std::cos(pi * std::min(1.0, t / 40))) / 2)));
    }
    CHECK(cosine(40) == 0.5 * 0.1);
    CHECK(polynomial(40) == 0.1);
}

TEST_CASE("schedules equal Keras", "[schedules]") {
    check_golden("exponential_decay",
                 ExponentialDecay({.initial_learning_rate = 0.1, .decay_steps = 7, .decay_rate = 0.9}));
    check_golden(
        "exponential_decay/staircase",
        ExponentialDecay({.initial_learning_rate = 0.1, .decay_steps = 7, .decay_rate = 0.9, .staircase = true}));
    check_golden("exponential_decay/staircase",
                 StepDecay({.initial_learning_rate = 0.1, .decay_steps = 7, .decay_rate = 0.9}));
    check_golden("polynomial_decay", PolynomialDecay({.initial_learning_rate = 0.1, .decay_steps = 60}));
    check_golden(
        "polynomial_decay/power",
        PolynomialDecay({.initial_learning_rate = 0.1, .decay_steps = 60, .end_learning_rate = 0.02, .power = 2.5}));
    check_golden(
        "polynomial_decay/cycle",
        PolynomialDecay(
            {.initial_learning_rate = 0.1, .decay_steps = 30, .end_learning_rate = 0.02, .power = 0.5, .cycle = true}));
    check_golden("cosine_decay", CosineDecay({.initial_learning_rate = 0.1, .decay_steps = 60}));
    check_golden("cosine_decay/alpha", CosineDecay({.initial_learning_rate = 0.1, .decay_steps = 60, .alpha = 0.25}));
    const CosineDecay wave({.initial_learning_rate = 0.2, .decay_steps = 60, .alpha = 0.25});
    check_golden("cosine_decay/warmup",
                 Warmup({.learning_rate = wave, .warmup_steps = 20, .initial_learning_rate = 0.01}));
    check_golden("cosine_decay_restarts", CosineDecayRestarts({.initial_learning_rate = 0.1, .first_decay_steps = 11}));
    check_golden("cosine_decay_restarts/same",
                 CosineDecayRestarts(
                     {.initial_learning_rate = 0.1, .first_decay_steps = 11, .t_mul = 1, .m_mul = 0.8, .alpha = 0.1}));
    check_golden(
        "cosine_decay_restarts/other",
        CosineDecayRestarts(
            {.initial_learning_rate = 0.1, .first_decay_steps = 11, .t_mul = 1.5, .m_mul = 0.8, .alpha = 0.1}));
    check_golden("piecewise_constant_decay",
                 PiecewiseConstantDecay({.boundaries = {10, 30, 31}, .values = {0.4, 0.3, 0.2, 0.1}}));
}

TEST_CASE("restarts come on their update, however many", "[schedules]") {
    for (const double t_mul : {1.0, 2.0, 3.0, 10.0}) {
        const CosineDecayRestarts s({.initial_learning_rate = 0.5, .first_decay_steps = 10, .t_mul = t_mul});
        Index at = 0;
        auto length = Index{10};
        for (int period = 0; period < 12; ++period) {
            CAPTURE(t_mul, period);
            CHECK(s(at) == 0.5);
            if (at > 0) CHECK(s(at - 1) < 0.1);
            at += length;
            length *= static_cast<Index>(t_mul);
        }
    }
    // Far beyond what anybody trains, and with steps that do not fit: rates all the same.
    for (const double t_mul : {1 + 1e-15, 1.0001, 1.37, 1e6})
        for (const Index step : {Index{1}, Index{12345}, Index{1} << 40, std::numeric_limits<Index>::max()}) {
            const double rate =
                CosineDecayRestarts({.initial_learning_rate = 0.5, .first_decay_steps = 3, .t_mul = t_mul})(step);
            CHECK((rate >= 0 && rate <= 0.5));
        }
}

TEST_CASE("a table of rates, a constant, a start from below", "[schedules]") {
    const PiecewiseConstantDecay table({.boundaries = {2, 3}, .values = {0.5, 0, 0.25}});
    CHECK(table(0) == 0.5);
    CHECK(table(2) == 0.5);
    CHECK(table(3) == 0);
    CHECK(table(4) == 0.25);
    CHECK(table(std::numeric_limits<Index>::max()) == 0.25);
    CHECK(PiecewiseConstantDecay({.values = {0.5}})(7) == 0.5);
    CHECK(Constant({.learning_rate = 0.125})(9) == 0.125);
    const Warmup number({.learning_rate = 0.5, .warmup_steps = 4});
    const Warmup schedule({.learning_rate = table, .warmup_steps = 4, .initial_learning_rate = 0.25});
    const double expected[] = {0, 0.125, 0.25, 0.375, 0.5, 0.5, 0.5, 0.5};
    const double then[] = {0.25, 0.3125, 0.375, 0.4375, 0.5, 0.5, 0.5, 0};
    for (Index step = 0; step < 8; ++step) {
        CHECK(number(step) == expected[step]);
        CHECK(schedule(step) == then[step]);
    }
}

TEST_CASE("schedules have the same bits on every instruction set", "[schedules]") {
    for (const auto& s : all())
        for (Index step = 0; step < 60; ++step) {
            const double rate = (*s)(step);
            CHECK((rate >= 0 && rate <= 1));
#if !GRADUS_EIGEN_KERNELS
            for (const auto isa : kernels::all_isas) {
                if (!kernels::available(isa)) continue;
                const kernels::IsaScope scope(isa);
                CHECK((*s)(step) == rate);
            }
#endif
        }
}

TEST_CASE("schedules come back from their fields", "[schedules]") {
    for (const auto& s : all()) {
        CAPTURE(std::string(s->kind()));
        if (s->kind() != "warmup") { // whose child needs a registry: tests/io
            const FieldMap map = FieldWriter::write(*s);
            const auto other = s->copy();
            FieldReader(map, "file").read(*other);
            for (Index step = 0; step < 40; ++step) CHECK((*other)(step) == (*s)(step));
            FieldMap damaged = map;
            if (auto* number = std::get_if<double>(&damaged[0].second.value)) {
                *number = -1;
                CHECK_THROWS_AS(FieldReader(damaged, "file").read(*other), ValueError);
            }
        }
        const auto copy = s->copy();
        CHECK(copy->kind() == s->kind());
        for (Index step = 0; step < 40; ++step) CHECK((*copy)(step) == (*s)(step));
    }
}

TEST_CASE("schedules allocate nothing", "[schedules]") {
    const auto schedules = all();
    REQUIRE(AllocationGuard::counting());
    double sum = 0;
    const AllocationGuard guard;
    for (const auto& s : schedules)
        for (Index step = 0; step < 100; ++step) sum += (*s)(step);
    CHECK(guard.count() == 0);
    CHECK(sum > 0);
}

TEST_CASE("schedules refuse rates that are none", "[schedules]") {
    for (const double bad : {nan_value, inf_value, -1e-9}) {
        CHECK_THROWS_AS(Constant(bad), ValueError);
        CHECK_THROWS_AS(StepDecay({.initial_learning_rate = bad, .decay_steps = 1}), ValueError);
        CHECK_THROWS_AS(StepDecay({.initial_learning_rate = 1, .decay_steps = 1, .decay_rate = bad}), ValueError);
        CHECK_THROWS_AS(ExponentialDecay({.initial_learning_rate = bad, .decay_steps = 1, .decay_rate = 1}),
                        ValueError);
        CHECK_THROWS_AS(ExponentialDecay({.initial_learning_rate = 1, .decay_steps = 1, .decay_rate = bad}),
                        ValueError);
        CHECK_THROWS_AS(PolynomialDecay({.initial_learning_rate = bad, .decay_steps = 1}), ValueError);
        CHECK_THROWS_AS(PolynomialDecay({.initial_learning_rate = 1, .decay_steps = 1, .end_learning_rate = bad}),
                        ValueError);
        CHECK_THROWS_AS(PolynomialDecay({.initial_learning_rate = 1, .decay_steps = 1, .power = bad}), ValueError);
        CHECK_THROWS_AS(CosineDecay({.initial_learning_rate = bad, .decay_steps = 1}), ValueError);
        CHECK_THROWS_AS(CosineDecay({.initial_learning_rate = 1, .decay_steps = 1, .alpha = bad}), ValueError);
        CHECK_THROWS_AS(CosineDecayRestarts({.initial_learning_rate = bad, .first_decay_steps = 1}), ValueError);
        CHECK_THROWS_AS(CosineDecayRestarts({.initial_learning_rate = 1, .first_decay_steps = 1, .t_mul = bad}),
                        ValueError);
        CHECK_THROWS_AS(CosineDecayRestarts({.initial_learning_rate = 1, .first_decay_steps = 1, .m_mul = bad}),
                        ValueError);
        CHECK_THROWS_AS(CosineDecayRestarts({.initial_learning_rate = 1, .first_decay_steps = 1, .alpha = bad}),
                        ValueError);
        CHECK_THROWS_AS(PiecewiseConstantDecay({.boundaries = {1}, .values = {1, bad}}), ValueError);
        CHECK_THROWS_AS(Warmup({.learning_rate = bad, .warmup_steps = 1}), ValueError);
        CHECK_THROWS_AS(Warmup({.warmup_steps = 1, .initial_learning_rate = bad}), ValueError);
    }
    CHECK_THROWS_WITH(Constant(-1.5), "constant: learning_rate expects a finite number of at least 0, got -1.5");
    CHECK_THROWS_WITH(CosineDecay({.initial_learning_rate = 1, .decay_steps = 1, .alpha = 1.5}),
                      "cosine_decay: alpha expects a number in [0, 1], got 1.5");
    CHECK_THROWS_WITH(CosineDecayRestarts({.initial_learning_rate = 1, .first_decay_steps = 1, .t_mul = 0.5}),
                      "cosine_decay_restarts: t_mul expects a number in [1, 1e6], got 0.5");
    CHECK_THROWS_WITH(CosineDecay({.decay_steps = 1}),
                      "cosine_decay: initial_learning_rate expects a finite number of at least 0, got nan");
    for (const auto& untold :
         {LearningRate(StepDecay()), LearningRate(ExponentialDecay()), LearningRate(PolynomialDecay()),
          LearningRate(CosineDecay()), LearningRate(CosineDecayRestarts()), LearningRate(PiecewiseConstantDecay())})
        CHECK_THROWS_AS(Adam({.learning_rate = untold}), ValueError);
}

TEST_CASE("schedules refuse steps that are none or out of order", "[schedules]") {
    for (const Index bad : {0, -3}) {
        CHECK_THROWS_AS(StepDecay({.initial_learning_rate = 1, .decay_steps = bad}), ValueError);
        CHECK_THROWS_AS(ExponentialDecay({.initial_learning_rate = 1, .decay_steps = bad, .decay_rate = 1}),
                        ValueError);
        CHECK_THROWS_AS(PolynomialDecay({.initial_learning_rate = 1, .decay_steps = bad}), ValueError);
        CHECK_THROWS_AS(CosineDecay({.initial_learning_rate = 1, .decay_steps = bad}), ValueError);
        CHECK_THROWS_AS(CosineDecayRestarts({.initial_learning_rate = 1, .first_decay_steps = bad}), ValueError);
        CHECK_THROWS_AS(Warmup({.warmup_steps = bad}), ValueError);
    }
    CHECK_THROWS_WITH(CosineDecay({.initial_learning_rate = 1}), "cosine_decay: decay_steps expects at least 1, got 0");
    CHECK_THROWS_WITH(Warmup({.warmup_steps = -3}), "warmup: warmup_steps expects at least 1, got -3");
    CHECK_THROWS_WITH(PiecewiseConstantDecay({.boundaries = {20, 10}, .values = {3, 2, 1}}),
                      "piecewise_constant_decay: boundaries expects ascending steps of at least 0, got 10 after 20");
    CHECK_THROWS_WITH(PiecewiseConstantDecay({.boundaries = {10, 10}, .values = {3, 2, 1}}),
                      "piecewise_constant_decay: boundaries expects ascending steps of at least 0, got 10 after 10");
    CHECK_THROWS_WITH(PiecewiseConstantDecay({.boundaries = {-1}, .values = {3, 2}}),
                      "piecewise_constant_decay: boundaries expects ascending steps of at least 0, got -1");
    CHECK_THROWS_WITH(
        PiecewiseConstantDecay({.boundaries = {1, 2}, .values = {3, 2}}),
        "piecewise_constant_decay: expects one more value than boundaries, got 2 boundaries and 2 values");
    CHECK_THROWS_AS(PiecewiseConstantDecay(PiecewiseConstantDecayOptions{}), ValueError);
}

TEST_CASE("Adam with a schedule equals Keras", "[schedules]") {
    const CosineDecay wave({.initial_learning_rate = 0.05, .decay_steps = 12, .alpha = 0.1});
    CHECK(golden_difference<double>("adam_cosine", [&](Index) { return Adam(wave); }) <= 1e-12);
    CHECK(golden_difference<float>("adam_cosine", [&](Index) { return Adam({.learning_rate = wave}); }) <= 1e-5);
}
