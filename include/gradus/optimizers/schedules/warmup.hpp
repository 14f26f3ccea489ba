/// Warmup: a straight line up to any schedule.
#pragma once
#include <gradus/kernels/math.hpp>
#include <gradus/optimizers/schedules/schedule.hpp>

GRADUS_BEGIN

struct WarmupOptions {
    LearningRate learning_rate = 0.001; ///< what follows: a schedule or a number
    Index warmup_steps = 0;             ///< must be given; at least 1
    double initial_learning_rate = 0;   ///< of the first update, at least 0
};

/// From initial_learning_rate in a straight line to the schedule's first rate, which update `warmup_steps` (from 0)
/// has; then the schedule, whose own steps begin there:
///
///     step < warmup_steps: initial_learning_rate + (learning_rate(0) - initial_learning_rate) step / warmup_steps
///     otherwise:           learning_rate(step - warmup_steps)
///
/// `Warmup({.learning_rate = CosineDecay({...}), .warmup_steps = 1000})`. With a start of 0 the first update changes
/// nothing. Throws ValueError where an option is missing or out of its range. Goyal et al. 2017. Before CosineDecay as
/// Keras's warmup_target.
class Warmup : public Schedule {
public:
    Warmup() = default;
    explicit Warmup(WarmupOptions options) : o_(std::move(options)) { check(); }

    std::string_view kind() const override { return "warmup"; }
    void fields(Fields& f) override {
        o_.learning_rate.fields(f);
        f("warmup_steps", o_.warmup_steps);
        f("initial_learning_rate", o_.initial_learning_rate);
        check();
    }
    const WarmupOptions& options() const { return o_; }

    double operator()(Index step) const override {
        if (step >= o_.warmup_steps) return o_.learning_rate(step - o_.warmup_steps);
        return kernels::scalar::interpolate(o_.initial_learning_rate, o_.learning_rate(0),
                                            static_cast<double>(step) / static_cast<double>(o_.warmup_steps));
    }
    std::unique_ptr<Schedule> copy() const override { return std::make_unique<Warmup>(*this); }

private:
    void check() const {
        o_.learning_rate.check(kind());
        detail::require_steps(kind(), "warmup_steps", o_.warmup_steps);
        detail::require_rate(kind(), "initial_learning_rate", o_.initial_learning_rate);
    }

    WarmupOptions o_;
};

GRADUS_END
