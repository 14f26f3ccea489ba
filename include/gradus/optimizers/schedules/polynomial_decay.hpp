/// PolynomialDecay: a rate that goes to another one along a power of the time left.
#pragma once
#include <gradus/kernels/math.hpp>
#include <gradus/optimizers/schedules/schedule.hpp>

#include <algorithm>
#include <limits>

GRADUS_BEGIN

struct PolynomialDecayOptions {
    double initial_learning_rate = std::numeric_limits<double>::quiet_NaN(); ///< must be given; at least 0
    Index decay_steps = 0;                                                   ///< must be given; at least 1
    double end_learning_rate = 0.0001;                                       ///< at least 0
    double power = 1;                                                        ///< 1: a straight line; at least 0
    bool cycle = false; ///< starts over at each multiple of decay_steps, flatter
};

/// (initial_learning_rate - end_learning_rate) (1 - step / decay_steps)^power + end_learning_rate
///
/// Afterwards the end rate stays; with `cycle` decay_steps is replaced by its smallest multiple that is at least
/// `step`. Throws ValueError where an option is missing or out of its range. As Keras.
class PolynomialDecay : public Schedule {
public:
    PolynomialDecay() = default;
    explicit PolynomialDecay(PolynomialDecayOptions options) : o_(options) { check(); }

    std::string_view kind() const override { return "polynomial_decay"; }
    void fields(Fields& f) override {
        f("initial_learning_rate", o_.initial_learning_rate);
        f("decay_steps", o_.decay_steps);
        f("end_learning_rate", o_.end_learning_rate);
        f("power", o_.power);
        f("cycle", o_.cycle);
        check();
    }
    const PolynomialDecayOptions& options() const { return o_; }

    double operator()(Index step) const override {
        const double steps = static_cast<double>(o_.decay_steps);
        double at = static_cast<double>(step) / steps;
        at = o_.cycle ? at / std::max(1.0, std::ceil(at)) : std::min(1.0, at);
        const double left = kernels::scalar::pow(1 - at, o_.power);
        return kernels::scalar::interpolate(o_.end_learning_rate, o_.initial_learning_rate, left);
    }
    std::unique_ptr<Schedule> copy() const override { return std::make_unique<PolynomialDecay>(*this); }

private:
    void check() const {
        detail::require_rate(kind(), "initial_learning_rate", o_.initial_learning_rate);
        detail::require_steps(kind(), "decay_steps", o_.decay_steps);
        detail::require_rate(kind(), "end_learning_rate", o_.end_learning_rate);
        detail::require_rate(kind(), "power", o_.power);
    }

    PolynomialDecayOptions o_;
};

GRADUS_END
