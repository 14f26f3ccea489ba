/// PiecewiseConstantDecay: a table of rates.
#pragma once
#include <gradus/optimizers/schedules/schedule.hpp>

#include <algorithm>
#include <vector>

GRADUS_BEGIN

struct PiecewiseConstantDecayOptions {
    std::vector<Index> boundaries = {}; ///< strictly ascending, at least 0
    std::vector<double> values = {};    ///< one more than boundaries; at least 0
};

/// values[i] for boundaries[i - 1] < step <= boundaries[i]: the first one up to and including boundaries[0].
///
/// `PiecewiseConstantDecay({.boundaries = {1000, 2000}, .values = {0.1, 0.01, 0.001}})`. Throws ValueError where
/// boundaries do not ascend, there are not one more values, or a value is no rate. As Keras; PyTorch's MultiStepLR
/// changes at step >= boundary.
class PiecewiseConstantDecay : public Schedule {
public:
    PiecewiseConstantDecay() = default;
    explicit PiecewiseConstantDecay(PiecewiseConstantDecayOptions options) : o_(std::move(options)) { check(); }

    std::string_view kind() const override { return "piecewise_constant_decay"; }
    void fields(Fields& f) override {
        f("boundaries", o_.boundaries);
        f("values", o_.values);
        check();
    }
    const PiecewiseConstantDecayOptions& options() const { return o_; }

    double operator()(Index step) const override {
        const auto at = std::lower_bound(o_.boundaries.begin(), o_.boundaries.end(), step) - o_.boundaries.begin();
        return o_.values.empty() ? NAN : o_.values[static_cast<std::size_t>(at)];
    }
    std::unique_ptr<Schedule> copy() const override { return std::make_unique<PiecewiseConstantDecay>(*this); }

private:
    void check() const {
        if (o_.values.size() != o_.boundaries.size() + 1)
            throw_value_error(std::string(kind()) + ": expects one more value than boundaries, got " +
                              std::to_string(o_.boundaries.size()) + " boundaries and " +
                              std::to_string(o_.values.size()) + " values");
        for (std::size_t i = 0; i < o_.boundaries.size(); ++i)
            if (i ? o_.boundaries[i] <= o_.boundaries[i - 1] : o_.boundaries[i] < 0)
                throw_value_error(std::string(kind()) + ": boundaries expects ascending steps of at least 0, got " +
                                  std::to_string(o_.boundaries[i]) +
                                  (i ? " after " + std::to_string(o_.boundaries[i - 1]) : ""));
        for (const double v : o_.values) detail::require_rate(kind(), "values", v);
    }

    PiecewiseConstantDecayOptions o_;
};

GRADUS_END
