/// Metric: the interface of what fit and evaluate report beside the loss, and the copyable handle that lists of metrics
/// hold.
#pragma once
#include <gradus/core/fields.hpp>
#include <gradus/core/view.hpp>

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

GRADUS_BEGIN

/// A number about targets and predictions, exact over everything since `reset`: the way an epoch is cut into batches
/// does not change it. Rows are added in order, in double, so it depends on neither threads nor batch size.
///
/// A metric converts to another scalar through its fields: `Accuracy<double> a(Accuracy());`
template <class T> class Metric : public Described {
public:
    using scalar = T;

    /// Forgets everything and reserves for `n` rows (samples, or samples times steps). The only call that has to
    /// allocate.
    virtual void reset(Index n) = 0;

    /// Adds a batch. Allocates nothing while the rows since `reset(n)` are at most n.
    ///   target      any element type; [B], [B, 1], [B, T], or the shape of the prediction
    ///   prediction  what the last layer says
    ///   weight      empty, one per row, or one per sample, which then counts for each of its steps
    ///   mask        empty, one per row, or [B, T] for rows [B, T, C], which then counts for each of a step's: 0 leaves
    ///   out
    /// Throws ShapeError where sizes do not fit and ValueError where a target is out of range.
    virtual void update(const AnyView& target, View<const T> prediction, View<const T> weight = {},
                        View<const std::uint8_t> mask = {}) = 0;

    /// Throws ValueError on targets or weights that `update` would refuse: fit asks for all rows before anything
    /// changes. `weight` is empty, or has one number per row or per sample, of any element type.
    virtual void check(const AnyView& target, const AnyView& weight) const {
        (void)target;
        (void)weight;
    }

    /// The exact value; 0 where nothing was added.
    virtual double result() const = 0;

    /// What the progress bar shows after each batch: the exact value where that is cheap, else an estimate.
    virtual double running() const { return result(); }

    /// The key in logs and History.
    virtual std::string name() const { return std::string(this->kind()); }

    virtual std::unique_ptr<Metric> clone() const = 0;
};

/// Holds any metric of scalar T, by value. Made from a metric of any scalar, or from whatever `make_metric` accepts
/// (found by argument-dependent lookup: losses are metrics too).
template <class T> class MetricHandle {
public:
    template <template <class> class M, class U>
        requires std::derived_from<M<U>, Metric<U>>
    MetricHandle(const M<U>& metric) {
        if constexpr (std::is_same_v<T, U>)
            metric_ = metric.clone();
        else
            metric_ = std::make_unique<M<T>>(metric);
    }
    template <class M>
        requires requires(const M& m) {
            { make_metric(std::type_identity<T>{}, m) } -> std::convertible_to<std::unique_ptr<Metric<T>>>;
        }
    MetricHandle(const M& m) : metric_(make_metric(std::type_identity<T>{}, m)) {}
    /// Throws ValueError on a null pointer.
    MetricHandle(std::unique_ptr<Metric<T>> metric) : metric_(std::move(metric)) {
        if (!metric_) throw_value_error("metric: expects an object, got none");
    }
    MetricHandle(const MetricHandle& o) : metric_(o.metric_->clone()) {}
    MetricHandle(MetricHandle&&) noexcept = default;
    MetricHandle& operator=(MetricHandle o) noexcept {
        metric_ = std::move(o.metric_);
        return *this;
    }

    Metric<T>& operator*() const { return *metric_; }
    Metric<T>* operator->() const { return metric_.get(); }

private:
    std::unique_ptr<Metric<T>> metric_;
};

namespace detail {

/// Target i as a number, whatever the element type.
inline double target_value(const AnyView& target, Index i) {
    switch (target.dtype) {
    case Dtype::f32: return static_cast<const float*>(target.data)[i];
    case Dtype::f64: return static_cast<const double*>(target.data)[i];
    case Dtype::i32: return static_cast<const std::int32_t*>(target.data)[i];
    default: return static_cast<const std::uint8_t*>(target.data)[i];
    }
}

/// What row i of a batch counts: its weight or its sample's, 0 where masked.
template <class T> class RowWeights {
public:
    RowWeights(std::string_view who, Index rows, View<const T> weight, View<const std::uint8_t> mask)
        : weight_(weight.data()), mask_(mask.data()) {
        if (weight_ && (weight.size() == 0 ? rows != 0 : rows % weight.size() != 0))
            fail(who, "weights", rows, weight.shape());
        const bool per_step = mask.rank() == 2 && mask.size() != 0 && rows % mask.size() == 0;
        if (mask_ && mask.size() != rows && !per_step) fail(who, "mask", rows, mask.shape());
        if (weight_ && weight.size() != 0) steps_ = rows / weight.size();
        if (mask_ && mask.size() != 0) outputs_ = rows / mask.size();
    }
    double operator()(Index row) const {
        if (mask_ && mask_[outputs_ == 1 ? row : row / outputs_] == 0) return 0;
        return weight_ ? static_cast<double>(weight_[steps_ == 1 ? row : row / steps_]) : 1;
    }

private:
    [[noreturn]] GRADUS_COLD static void fail(std::string_view who, const char* what, Index rows, const Shape& found) {
        throw_shape_error(std::string(who) + ": expects " + what + " for " + std::to_string(rows) + " rows, got " +
                          to_string(found));
    }

    const T* weight_;
    const std::uint8_t* mask_;
    Index steps_ = 1, outputs_ = 1;
};

} // namespace detail

GRADUS_END
