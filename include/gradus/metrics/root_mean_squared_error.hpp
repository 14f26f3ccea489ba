/// RootMeanSquaredError: how far predictions are from numbers, in the numbers' unit.
#pragma once
#include <gradus/core/rounded.hpp>
#include <gradus/metrics/metric.hpp>

#include <cmath>

GRADUS_BEGIN

struct RootMeanSquaredErrorOptions {
    std::string name = "root_mean_squared_error";
};

namespace detail {

/// Throws ShapeError unless there is a target for each prediction.
inline void require_same_size(const std::string& who, const AnyView& target, const Shape& prediction) {
    if (target.shape.size() != prediction.size())
        throw_shape_error(who + ": expects one target for each of the predictions " + to_string(prediction) +
                          ", got targets " + to_string(target.shape));
}

} // namespace detail

/// The square root of the weighted mean of (p - t)^2 over all rows and outputs since `reset`, added in double and in
/// the order of rows. Predictions [B], [..., C], as many targets, else ShapeError. As Keras's, and the root of
/// scikit-learn's mean_squared_error. MeanSquaredError and MeanAbsoluteError are losses, and metrics as they are.
template <class T = float> class RootMeanSquaredError : public Metric<T> {
public:
    RootMeanSquaredError() = default;
    explicit RootMeanSquaredError(const RootMeanSquaredErrorOptions& options) : o_(options) {}
    template <class U>
        requires(!std::is_same_v<T, U>)
    RootMeanSquaredError(const RootMeanSquaredError<U>& other) {
        copy_fields(other, *this);
    }

    std::string_view kind() const override { return "root_mean_squared_error"; }
    std::string name() const override { return o_.name; }
    void fields(Fields& f) override { f("name", o_.name); }
    void state(Fields& f) override {
        f("sum", sum_);
        f("total", total_);
    }
    void reset(Index) override { sum_ = total_ = 0; }
    void update(const AnyView& target, View<const T> prediction, View<const T> weight = {},
                View<const std::uint8_t> mask = {}) override {
        detail::require_same_size(o_.name, target, prediction.shape());
        const Index outputs = prediction.rank() < 2 ? 1 : prediction.shape()[-1];
        const Index rows = outputs ? prediction.size() / outputs : 0;
        const detail::RowWeights<T> weights(o_.name, rows, weight, mask);
        for (Index i = 0; i < rows; ++i) {
            const double w = weights(i);
            if (w == 0) continue;
            double squares = 0;
            for (Index c = i * outputs; c < (i + 1) * outputs; ++c) {
                const double e = static_cast<double>(prediction[c]) - detail::target_value(target, c);
                squares += rounded(e * e);
            }
            sum_ += rounded(w * (squares / static_cast<double>(outputs)));
            total_ += w;
        }
    }
    double result() const override { return total_ == 0 ? 0 : std::sqrt(sum_ / total_); }
    std::unique_ptr<Metric<T>> clone() const override { return std::make_unique<RootMeanSquaredError>(*this); }

private:
    RootMeanSquaredErrorOptions o_;
    double sum_ = 0, total_ = 0;
};

template <class T = float> using RMSE = RootMeanSquaredError<T>;

GRADUS_END
