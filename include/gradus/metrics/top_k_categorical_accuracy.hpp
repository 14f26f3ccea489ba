/// TopKCategoricalAccuracy: the weighted share of rows whose class is among the k largest predictions; and the same for
/// labels.
#pragma once
#include <gradus/metrics/class_targets.hpp>

GRADUS_BEGIN

struct TopKCategoricalAccuracyOptions {
    Index k = 5;
    std::string name = "top_k_categorical_accuracy";
};

struct SparseTopKCategoricalAccuracyOptions {
    Index k = 5;
    std::string name = "sparse_top_k_categorical_accuracy";
};

namespace detail {

template <class T, class Options> class TopKAccuracyBase : public Metric<T> {
public:
    TopKAccuracyBase() = default;
    explicit TopKAccuracyBase(const Options& options) : o_(options) {}

    std::string name() const override { return o_.name; }
    void fields(Fields& f) override {
        f("k", o_.k);
        f("name", o_.name);
    }
    void state(Fields& f) override {
        f("correct", correct_);
        f("total", total_);
    }
    void reset(Index) override {
        if (o_.k < 1) throw_value_error(o_.name + ": k expects at least 1, got " + std::to_string(o_.k));
        correct_ = total_ = 0;
    }
    void update(const AnyView& target, View<const T> prediction, View<const T> weight = {},
                View<const std::uint8_t> mask = {}) override {
        const ClassTargets targets(o_.name, target, prediction.shape());
        const RowWeights<T> weights(o_.name, targets.rows(), weight, mask);
        for (Index i = 0; i < targets.rows(); ++i) {
            const double w = weights(i);
            if (w == 0) continue;
            const Index label = targets.label(i);
            const T* const p = prediction.data() + i * targets.classes();
            Index larger = 0;
            for (Index c = 0; c < targets.classes(); ++c) larger += label >= 0 && p[c] > p[label];
            total_ += w;
            if (label >= 0 && p[label] == p[label] && larger < o_.k) correct_ += w;
        }
    }
    double result() const override { return total_ == 0 ? 0 : correct_ / total_; }

private:
    Options o_;
    double correct_ = 0, total_ = 0;
};

} // namespace detail

/// Share of rows with fewer than k predictions above that of the target's class; ties so count as right, and a class
/// whose prediction is NaN as wrong, as in Keras. Predictions [..., C]; targets of the same shape, whose largest is
/// meant, or labels [...], ValueError outside 0 to C-1. `reset` throws ValueError where k is below 1.
template <class T = float> class TopKCategoricalAccuracy
    : public detail::TopKAccuracyBase<T, TopKCategoricalAccuracyOptions> {
public:
    using Base = detail::TopKAccuracyBase<T, TopKCategoricalAccuracyOptions>;
    TopKCategoricalAccuracy() = default;
    explicit TopKCategoricalAccuracy(std::integral auto k) : Base({.k = static_cast<Index>(k)}) {}
    explicit TopKCategoricalAccuracy(const TopKCategoricalAccuracyOptions& options) : Base(options) {}
    template <class U>
        requires(!std::is_same_v<T, U>)
    TopKCategoricalAccuracy(const TopKCategoricalAccuracy<U>& other) {
        copy_fields(other, *this);
    }
    std::string_view kind() const override { return "top_k_categorical_accuracy"; }
    std::unique_ptr<Metric<T>> clone() const override { return std::make_unique<TopKCategoricalAccuracy>(*this); }
};

/// The same under Keras's name for labels.
template <class T = float> class SparseTopKCategoricalAccuracy
    : public detail::TopKAccuracyBase<T, SparseTopKCategoricalAccuracyOptions> {
public:
    using Base = detail::TopKAccuracyBase<T, SparseTopKCategoricalAccuracyOptions>;
    SparseTopKCategoricalAccuracy() = default;
    explicit SparseTopKCategoricalAccuracy(std::integral auto k) : Base({.k = static_cast<Index>(k)}) {}
    explicit SparseTopKCategoricalAccuracy(const SparseTopKCategoricalAccuracyOptions& options) : Base(options) {}
    template <class U>
        requires(!std::is_same_v<T, U>)
    SparseTopKCategoricalAccuracy(const SparseTopKCategoricalAccuracy<U>& other) {
        copy_fields(other, *this);
    }
    std::string_view kind() const override { return "sparse_top_k_categorical_accuracy"; }
    std::unique_ptr<Metric<T>> clone() const override { return std::make_unique<SparseTopKCategoricalAccuracy>(*this); }
};

GRADUS_END
