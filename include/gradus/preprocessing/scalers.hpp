/// StandardScaler, MinMaxScaler: columns of numbers brought to one scale, and back.
#pragma once
#include <gradus/core/moments.hpp>
#include <gradus/core/tensor.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

GRADUS_BEGIN

namespace detail {

/// What both scalers do: y = f(x, column), column by column of the last axis; a vector [N] is one column. Computed in
/// double, rounded once.
class ColumnScaler {
public:
    bool fitted() const { return width_ > 0; }

protected:
    explicit ColumnScaler(const char* who) : who_(who) {}

    /// Columns of data to learn from. Throws ShapeError without rows or columns, ValueError on a number that is not
    /// finite.
    template <class T> Index check_fit(View<const T> x) const {
        const Index width = x.rank() > 1 ? x.shape()[-1] : x.rank() == 1 ? 1 : 0;
        if (width == 0 || x.size() == 0)
            throw_shape_error(std::string(who_) + ": expects rows of numbers, got " + to_string(x.shape()));
        if constexpr (std::is_floating_point_v<T>)
            for (Index i = 0; i < x.size(); ++i)
                if (!std::isfinite(x[i]))
                    throw_value_error(std::string(who_) + ": expects finite numbers, got " + std::to_string(x[i]) +
                                      " in row " + std::to_string(i / width) + ", column " + std::to_string(i % width));
        return width;
    }
    template <class T, class F> Tensor<T> map(View<const T> x, const F& f) const {
        static_assert(std::is_floating_point_v<T>, "scaled numbers are float or double");
        if (!fitted()) throw_value_error(std::string(who_) + ": expects fit first");
        const Index width = x.rank() > 1 ? x.shape()[-1] : 1;
        if (x.rank() == 0 || width != width_)
            throw_shape_error(std::string(who_) + ": expects " + std::to_string(width_) + " columns, got " +
                              to_string(x.shape()));
        Tensor<T> y(x.shape());
        const FloatScope mode;
        for (Index i = 0; i < x.size(); i += width)
            for (Index c = 0; c < width; ++c)
                y[i + c] = static_cast<T>(f(static_cast<double>(x[i + c]), static_cast<std::size_t>(c)));
        return y;
    }
    Index width_ = 0;

private:
    const char* who_;
};

} // namespace detail

struct StandardScalerOptions {
    bool with_mean = true;
    bool with_std = true;
};

/// z = (x - mean) / standard deviation of each column of the last axis; a constant column is only shifted. As
/// scikit-learn's (the variance is divided by N).
///
///     StandardScaler scaler;
///     Tensor<float> x = scaler.fit_transform(x_train), x_new = scaler.transform(x_test);
///
/// transform and inverse_transform take float or double and throw ValueError before fit, ShapeError on another number
/// of columns; fit throws on numbers that are not finite. Normalization is the layer that does the same inside a model,
/// and is saved with it.
class StandardScaler : public detail::ColumnScaler {
public:
    explicit StandardScaler(const StandardScalerOptions& options = {}) : ColumnScaler("standard_scaler"), o_(options) {}

    template <class T> void fit(View<const T> x) {
        const Index width = check_fit(x);
        ColumnMoments m = column_moments(x, width);
        std::vector<double> scale(m.variance.size(), 1.0);
        for (std::size_t c = 0; c < scale.size(); ++c) {
            if (!std::isfinite(m.variance[c]))
                throw_value_error("standard_scaler: the variance of column " + std::to_string(c) + " overflows");
            if (o_.with_std && m.variance[c] > 0) scale[c] = std::sqrt(m.variance[c]);
            if (!o_.with_mean) m.mean[c] = 0;
        }
        mean_ = std::move(m.mean);
        scale_ = std::move(scale);
        width_ = width;
    }
    template <class T> void fit(const Tensor<T>& x) { fit(x.view()); }
    template <class T> Tensor<T> transform(const Tensor<T>& x) const {
        return map(x.view(), [&](double v, std::size_t c) { return (v - mean_[c]) / scale_[c]; });
    }
    template <class T> Tensor<T> inverse_transform(const Tensor<T>& z) const {
        return map(z.view(), [&](double v, std::size_t c) { return std::fma(v, scale_[c], mean_[c]); });
    }
    template <class T> Tensor<T> fit_transform(const Tensor<T>& x) {
        fit(x);
        return transform(x);
    }
    /// What is taken off each column, and what it is then divided by.
    const std::vector<double>& mean() const { return mean_; }
    const std::vector<double>& scale() const { return scale_; }

private:
    StandardScalerOptions o_;
    std::vector<double> mean_, scale_;
};

struct MinMaxScalerOptions {
    double low = 0, high = 1; ///< where the smallest and the largest number of a column go
    bool clip = false;        ///< keep what transform gives within them
};

/// z = low + (x - min) / (max - min) (high - low) for each column of the last axis; a constant column becomes `low` (0
/// / 1). As scikit-learn's. Throws ValueError unless low < high; otherwise as StandardScaler.
class MinMaxScaler : public detail::ColumnScaler {
public:
    explicit MinMaxScaler(const MinMaxScalerOptions& options = {}) : ColumnScaler("min_max_scaler"), o_(options) {
        if (!(o_.low < o_.high && std::isfinite(o_.high - o_.low)))
            throw_value_error("min_max_scaler: expects low below high, got " + std::to_string(o_.low) + " and " +
                              std::to_string(o_.high));
    }

    template <class T> void fit(View<const T> x) {
        const Index width = check_fit(x);
        std::vector<double> low(static_cast<std::size_t>(width), std::numeric_limits<double>::infinity()),
            range(low.size());
        std::vector<double> high(low.size(), -std::numeric_limits<double>::infinity());
        for (Index i = 0; i < x.size(); i += width)
            for (Index c = 0; c < width; ++c) {
                const auto k = static_cast<std::size_t>(c);
                low[k] = std::min(low[k], static_cast<double>(x[i + c]));
                high[k] = std::max(high[k], static_cast<double>(x[i + c]));
            }
        for (std::size_t c = 0; c < low.size(); ++c) {
            range[c] = high[c] > low[c] ? high[c] - low[c] : 1;
            if (!std::isfinite(range[c]))
                throw_value_error("min_max_scaler: the range of column " + std::to_string(c) + " overflows");
        }
        min_ = std::move(low);
        max_ = std::move(high);
        range_ = std::move(range);
        width_ = width;
    }
    template <class T> void fit(const Tensor<T>& x) { fit(x.view()); }
    template <class T> Tensor<T> transform(const Tensor<T>& x) const {
        return map(x.view(), [&](double v, std::size_t c) {
            const double z = std::fma((v - min_[c]) / range_[c], o_.high - o_.low, o_.low);
            return o_.clip ? (z < o_.low ? o_.low : z > o_.high ? o_.high : z) : z;
        });
    }
    template <class T> Tensor<T> inverse_transform(const Tensor<T>& z) const {
        return map(z.view(), [&](double v, std::size_t c) {
            return std::fma((v - o_.low) / (o_.high - o_.low), range_[c], min_[c]);
        });
    }
    template <class T> Tensor<T> fit_transform(const Tensor<T>& x) {
        fit(x);
        return transform(x);
    }
    /// The smallest and the largest number of each column.
    const std::vector<double>& min() const { return min_; }
    const std::vector<double>& max() const { return max_; }

private:
    MinMaxScalerOptions o_;
    std::vector<double> min_, max_, range_;
};

GRADUS_END
