/// StepDecay: a rate that falls by a factor every so many updates.
#pragma once
#include <gradus/kernels/math.hpp>
#include <gradus/optimizers/schedules/schedule.hpp>

#include <limits>

GRADUS_BEGIN

struct StepDecayOptions {
    double initial_learning_rate = std::numeric_limits<double>::quiet_NaN(); ///< must be given; at least 0
    Index decay_steps = 0;   ///< must be given; updates of one stair, at least 1
    double decay_rate = 0.1; ///< the factor, at least 0
};

/// initial_learning_rate decay_rate^floor(step / decay_steps)
///
/// Throws ValueError where an option is missing or out of its range. PyTorch's StepLR; Keras's ExponentialDecay with
/// staircase.
class StepDecay : public Schedule {
public:
    StepDecay() = default;
    explicit StepDecay(StepDecayOptions options) : o_(options) { check(); }

    std::string_view kind() const override { return "step_decay"; }
    void fields(Fields& f) override {
        f("initial_learning_rate", o_.initial_learning_rate);
        f("decay_steps", o_.decay_steps);
        f("decay_rate", o_.decay_rate);
        check();
    }
    const StepDecayOptions& options() const { return o_; }

    double operator()(Index step) const override {
        const double stairs = std::floor(static_cast<double>(step) / static_cast<double>(o_.decay_steps));
        return o_.initial_learning_rate * kernels::scalar::pow(o_.decay_rate, stairs);
    }
    std::unique_ptr<Schedule> copy() const override { return std::make_unique<StepDecay>(*this); }

private:
    void check() const {
        detail::require_rate(kind(), "initial_learning_rate", o_.initial_learning_rate);
        detail::require_steps(kind(), "decay_steps", o_.decay_steps);
        detail::require_rate(kind(), "decay_rate", o_.decay_rate);
    }

    StepDecayOptions o_;
};

GRADUS_END
