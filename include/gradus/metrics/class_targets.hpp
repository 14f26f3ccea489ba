/// ClassTargets: how metrics of classes read targets, whether labels or one number for each class.
#pragma once
#include <gradus/metrics/metric.hpp>

GRADUS_BEGIN
namespace detail {

/// Column of the first largest of n values; -1 where one is NaN.
template <class V> Index argmax(Index n, const V& value) {
    Index best = 0;
    for (Index j = 0; j < n; ++j) {
        if (value(j) != value(j)) return -1;
        if (value(j) > value(best)) best = j;
    }
    return best;
}

/// Rows [..., C] of predictions, and their targets: of the same shape (one-hot, or any number of classes at once), or
/// one label per row. Predictions [B] are one class.
class ClassTargets {
public:
    /// Throws ShapeError where targets do not fit.
    ClassTargets(std::string_view who, const AnyView& target, const Shape& prediction)
        : who_(who), target_(&target), classes_(prediction.rank() < 2 ? 1 : prediction[-1]) {
        rows_ = classes_ ? prediction.size() / classes_ : 0;
        labels_ = classes_ != 1 && target.shape != prediction;
        if (classes_ == 0 || target.shape.size() != (labels_ ? rows_ : prediction.size())) fail(prediction);
    }
    Index classes() const { return classes_; }
    Index rows() const { return rows_; }
    bool labels() const { return labels_; }

    /// The class of a row: its label, or its largest target. ValueError where a label is no class.
    Index label(Index row) const {
        if (!labels_) return argmax(classes_, [&](Index c) { return target_value(*target_, row * classes_ + c); });
        const double label = target_value(*target_, row);
        if (!(label >= 0 && label < static_cast<double>(classes_))) bad_label(label);
        return static_cast<Index>(label);
    }
    /// Whether class c is among the row's; without labels, where its target is not 0.
    bool is(Index row, Index c) const {
        return labels_ ? label(row) == c : target_value(*target_, row * classes_ + c) != 0;
    }

private:
    [[noreturn]] GRADUS_COLD void fail(const Shape& prediction) const {
        throw_shape_error(std::string(who_) +
                          ": expects targets of one label or one number per class for each row of predictions " +
                          to_string(prediction) + ", got targets " + to_string(target_->shape));
    }
    [[noreturn]] GRADUS_COLD void bad_label(double label) const {
        throw_value_error(std::string(who_) + ": expects labels from 0 to " + std::to_string(classes_ - 1) + ", got " +
                          std::to_string(label));
    }

    std::string_view who_;
    const AnyView* target_;
    Index classes_, rows_ = 0;
    bool labels_ = false;
};

} // namespace detail
GRADUS_END
