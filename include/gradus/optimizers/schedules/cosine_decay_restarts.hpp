/// CosineDecayRestarts: CosineDecay that starts again, each time longer.
#pragma once
#include <gradus/kernels/math.hpp>
#include <gradus/optimizers/schedules/schedule.hpp>

#include <limits>

GRADUS_BEGIN

struct CosineDecayRestartsOptions {
    double initial_learning_rate = std::numeric_limits<double>::quiet_NaN(); ///< must be given; at least 0
    Index first_decay_steps = 0; ///< must be given; updates of the first period, at least 1
    double t_mul = 2;            ///< how much longer each period is than the one before, in [1, 1e6]
    double m_mul = 1;            ///< how much higher it starts, at least 0
    double alpha = 0;            ///< the lowest rate as a part of the first, in [0, 1]
};

/// In period i = 0, 1, ..., of first_decay_steps t_mul^i updates, with `at` in [0, 1) the part of it that is done:
///
///     initial_learning_rate ((1 - alpha) m_mul^i (1 + cos(pi at)) / 2 + alpha)
///
/// Throws ValueError where an option is missing or out of its range. Loshchilov and Hutter 2017. As Keras, but a period
/// always begins on its first update: Keras finds it by logarithms, whose rounding may be an update late.
class CosineDecayRestarts : public Schedule {
public:
    CosineDecayRestarts() = default;
    explicit CosineDecayRestarts(CosineDecayRestartsOptions options) : o_(options) { check(); }

    std::string_view kind() const override { return "cosine_decay_restarts"; }
    void fields(Fields& f) override {
        f("initial_learning_rate", o_.initial_learning_rate);
        f("first_decay_steps", o_.first_decay_steps);
        f("t_mul", o_.t_mul);
        f("m_mul", o_.m_mul);
        f("alpha", o_.alpha);
        check();
    }
    const CosineDecayRestartsOptions& options() const { return o_; }

    double operator()(Index step) const override {
        double at = static_cast<double>(step) / static_cast<double>(o_.first_decay_steps);
        double period = std::floor(at);
        if (o_.t_mul == 1) {
            at -= period;
        } else {
            const double grown = kernels::scalar::interpolate(1, o_.t_mul, at);
            period = std::floor(kernels::scalar::log(grown) / kernels::scalar::log(o_.t_mul));
            if (begin(period + 1) <= at)
                ++period;
            else if (period > 0 && begin(period) > at)
                --period;
            at = (at - begin(period)) / kernels::scalar::pow(o_.t_mul, period);
        }
        const double wave =
            0.5 * kernels::scalar::pow(o_.m_mul, period) * (1 + kernels::scalar::cos(0x1.921fb54442d18p+1 * at));
        return o_.initial_learning_rate * kernels::scalar::interpolate(o_.alpha, 1, wave);
    }
    std::unique_ptr<Schedule> copy() const override { return std::make_unique<CosineDecayRestarts>(*this); }

private:
    /// Where a period begins, in lengths of the first.
    double begin(double period) const { return (kernels::scalar::pow(o_.t_mul, period) - 1) / (o_.t_mul - 1); }
    void check() const {
        detail::require_rate(kind(), "initial_learning_rate", o_.initial_learning_rate);
        detail::require_steps(kind(), "first_decay_steps", o_.first_decay_steps);
        detail::require_option(o_.t_mul >= 1 && o_.t_mul <= 1e6, kind(), "t_mul", "a number in [1, 1e6]", o_.t_mul);
        detail::require_rate(kind(), "m_mul", o_.m_mul);
        detail::require_option(o_.alpha >= 0 && o_.alpha <= 1, kind(), "alpha", "a number in [0, 1]", o_.alpha);
    }

    CosineDecayRestartsOptions o_;
};

GRADUS_END
