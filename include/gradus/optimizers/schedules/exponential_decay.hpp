/// ExponentialDecay: a rate that falls by the same factor with every update.
#pragma once
#include <gradus/kernels/math.hpp>
#include <gradus/optimizers/schedules/schedule.hpp>

#include <limits>

GRADUS_BEGIN

struct ExponentialDecayOptions {
    double initial_learning_rate = std::numeric_limits<double>::quiet_NaN(); ///< must be given; at least 0
    Index decay_steps = 0; ///< must be given; updates for one factor of decay_rate, at least 1
    double decay_rate = std::numeric_limits<double>::quiet_NaN(); ///< must be given; at least 0
    bool staircase = false;                                       ///< step / decay_steps rounded down
};

/// initial_learning_rate decay_rate^(step / decay_steps)
///
/// Throws ValueError where an option is missing or out of its range. As Keras.
class ExponentialDecay : public Schedule {
public:
    ExponentialDecay() = default;
    explicit ExponentialDecay(ExponentialDecayOptions options) : o_(options) { check(); }

    std::string_view kind() const override { return "exponential_decay"; }
    void fields(Fields& f) override {
        f("initial_learning_rate", o_.initial_learning_rate);
        f("decay_steps", o_.decay_steps);
        f("decay_rate", o_.decay_rate);
        f("staircase", o_.staircase);
        check();
    }
    const ExponentialDecayOptions& options() const { return o_; }

    double operator()(Index step) const override {
        const double power = static_cast<double>(step) / static_cast<double>(o_.decay_steps);
        return o_.initial_learning_rate * kernels::scalar::pow(o_.decay_rate, o_.staircase ? std::floor(power) : power);
    }
    std::unique_ptr<Schedule> copy() const override { return std::make_unique<ExponentialDecay>(*this); }

private:
    void check() const {
        detail::require_rate(kind(), "initial_learning_rate", o_.initial_learning_rate);
        detail::require_steps(kind(), "decay_steps", o_.decay_steps);
        detail::require_rate(kind(), "decay_rate", o_.decay_rate);
    }

    ExponentialDecayOptions o_;
};

GRADUS_END
