/// CosineDecay: a rate that falls along half a wave of the cosine.
#pragma once
#include <gradus/kernels/math.hpp>
#include <gradus/optimizers/schedules/schedule.hpp>

#include <algorithm>
#include <limits>

GRADUS_BEGIN

struct CosineDecayOptions {
    double initial_learning_rate = std::numeric_limits<double>::quiet_NaN(); ///< must be given; at least 0
    Index decay_steps = 0;                                                   ///< must be given; at least 1
    double alpha = 0; ///< the last rate as a part of the first, in [0, 1]
};

/// initial_learning_rate ((1 - alpha) (1 + cos(pi step / decay_steps)) / 2 + alpha), and the last rate afterwards.
///
/// Throws ValueError where an option is missing or out of its range. Loshchilov and Hutter 2017. As Keras, whose
/// warmup_target and warmup_steps are Warmup here; PyTorch's CosineAnnealingLR has eta_min = alpha
/// initial_learning_rate and no end.
class CosineDecay : public Schedule {
public:
    CosineDecay() = default;
    explicit CosineDecay(CosineDecayOptions options) : o_(options) { check(); }

    std::string_view kind() const override { return "cosine_decay"; }
    void fields(Fields& f) override {
        f("initial_learning_rate", o_.initial_learning_rate);
        f("decay_steps", o_.decay_steps);
        f("alpha", o_.alpha);
        check();
    }
    const CosineDecayOptions& options() const { return o_; }

    double operator()(Index step) const override {
        const double at = std::min(1.0, static_cast<double>(step) / static_cast<double>(o_.decay_steps));
        const double wave = 0.5 * (1 + kernels::scalar::cos(0x1.921fb54442d18p+1 * at));
        return o_.initial_learning_rate * kernels::scalar::interpolate(o_.alpha, 1, wave);
    }
    std::unique_ptr<Schedule> copy() const override { return std::make_unique<CosineDecay>(*this); }

private:
    void check() const {
        detail::require_rate(kind(), "initial_learning_rate", o_.initial_learning_rate);
        detail::require_steps(kind(), "decay_steps", o_.decay_steps);
        detail::require_option(o_.alpha >= 0 && o_.alpha <= 1, kind(), "alpha", "a number in [0, 1]", o_.alpha);
    }

    CosineDecayOptions o_;
};

GRADUS_END
