/// Accuracy: the weighted share of rows whose predicted class is the target. Accuracy chooses the form, as Keras's
/// "accuracy" does; BinaryAccuracy, CategoricalAccuracy and SparseCategoricalAccuracy name it.
#pragma once
#include <gradus/metrics/class_targets.hpp>

GRADUS_BEGIN

struct AccuracyOptions {
    std::string name = "accuracy";
};

struct BinaryAccuracyOptions {
    std::string name = "binary_accuracy";
    double threshold = 0.5;
};

struct CategoricalAccuracyOptions {
    std::string name = "categorical_accuracy";
};

struct SparseCategoricalAccuracyOptions {
    std::string name = "sparse_categorical_accuracy";
};

namespace detail {

/// What the accuracies share: sum of weights of correct rows over sum of weights.
template <class T> class AccuracyBase : public Metric<T> {
public:
    void reset(Index) override { correct_ = total_ = 0; }
    double result() const override { return total_ == 0 ? 0 : correct_ / total_; }
    void state(Fields& f) override {
        f("correct", correct_);
        f("total", total_);
    }

protected:
    void binary(std::string_view who, double threshold, const AnyView& target, View<const T> prediction,
                View<const T> weight, View<const std::uint8_t> mask) {
        const Index rows = prediction.size();
        if (target.shape.size() != rows) fail(who, prediction.shape(), target.shape);
        add(who, rows, weight, mask, [&](Index i) {
            const double p = static_cast<double>(prediction[i]);
            return p == p && target_value(target, i) == (p > threshold ? 1 : 0);
        });
    }
    void sparse(std::string_view who, const AnyView& target, View<const T> prediction, View<const T> weight,
                View<const std::uint8_t> mask) {
        const Index classes = prediction.rank() ? prediction.shape()[-1] : 0;
        const Index rows = classes ? prediction.size() / classes : 0;
        if (classes == 0 || target.shape.size() != rows) fail(who, prediction.shape(), target.shape);
        add(who, rows, weight, mask, [&](Index i) {
            const double label = target_value(target, i);
            if (!(label >= 0 && label < static_cast<double>(classes))) bad_label(who, label, classes);
            // Whether the label's is the largest, the first of such, and none is NaN; hardly a branch that data decide.
            const T* p = prediction.data() + i * classes;
            const auto at = static_cast<Index>(label);
            bool right = static_cast<double>(at) == label;
            for (Index j = 0; j < classes; ++j) right &= p[j] <= p[at];
            for (Index j = 0; right && j < at; ++j) right = p[j] != p[at];
            return right;
        });
    }
    void one_hot(std::string_view who, const AnyView& target, View<const T> prediction, View<const T> weight,
                 View<const std::uint8_t> mask) {
        const Index classes = prediction.rank() ? prediction.shape()[-1] : 0;
        if (classes == 0 || target.shape != prediction.shape()) fail(who, prediction.shape(), target.shape);
        add(who, classes ? prediction.size() / classes : 0, weight, mask, [&](Index i) {
            const T* p = prediction.data() + i * classes;
            const Index predicted = argmax(classes, [&](Index j) { return p[j]; });
            return predicted >= 0 &&
                   predicted == argmax(classes, [&](Index j) { return target_value(target, i * classes + j); });
        });
    }
    [[noreturn]] GRADUS_COLD static void fail(std::string_view who, const Shape& prediction, const Shape& target) {
        throw_shape_error(std::string(who) + ": expects one target for each row of predictions " +
                          to_string(prediction) + ", got targets " + to_string(target));
    }

private:
    template <class F>
    void add(std::string_view who, Index rows, View<const T> weight, View<const std::uint8_t> mask, const F& correct) {
        const RowWeights<T> weights(who, rows, weight, mask);
        for (Index i = 0; i < rows; ++i) {
            const double w = weights(i);
            if (w == 0) continue;
            total_ += w;
            if (correct(i)) correct_ += w;
        }
    }
    [[noreturn]] GRADUS_COLD static void bad_label(std::string_view who, double label, Index classes) {
        throw_value_error(std::string(who) + ": expects labels from 0 to " + std::to_string(classes - 1) + ", got " +
                          std::to_string(label));
    }

    double correct_ = 0, total_ = 0;
};

} // namespace detail

/// Share of predictions on the right side of a threshold. Targets are 0 or 1, in the shape of the predictions or
/// without its last axis of 1; several outputs per sample count one by one, as in Keras. A prediction above `threshold`
/// (default 0.5) says 1; NaN counts as wrong (Keras: as 0).
template <class T = float> class BinaryAccuracy : public detail::AccuracyBase<T> {
public:
    BinaryAccuracy() = default;
    explicit BinaryAccuracy(const BinaryAccuracyOptions& options) : o_(options) {}
    template <class U>
        requires(!std::is_same_v<T, U>)
    BinaryAccuracy(const BinaryAccuracy<U>& other) {
        copy_fields(other, *this);
    }

    std::string_view kind() const override { return "binary_accuracy"; }
    std::string name() const override { return o_.name; }
    void fields(Fields& f) override {
        f("name", o_.name);
        f("threshold", o_.threshold);
    }
    void update(const AnyView& target, View<const T> prediction, View<const T> weight = {},
                View<const std::uint8_t> mask = {}) override {
        this->binary(o_.name, o_.threshold, target, prediction, weight, mask);
    }
    std::unique_ptr<Metric<T>> clone() const override { return std::make_unique<BinaryAccuracy>(*this); }

private:
    BinaryAccuracyOptions o_;
};

/// Share of rows whose largest prediction (the first, on ties) is the largest target. Predictions and targets [..., C],
/// else ShapeError. A row with NaN counts as wrong.
template <class T = float> class CategoricalAccuracy : public detail::AccuracyBase<T> {
public:
    CategoricalAccuracy() = default;
    explicit CategoricalAccuracy(const CategoricalAccuracyOptions& options) : o_(options) {}
    template <class U>
        requires(!std::is_same_v<T, U>)
    CategoricalAccuracy(const CategoricalAccuracy<U>& other) {
        copy_fields(other, *this);
    }

    std::string_view kind() const override { return "categorical_accuracy"; }
    std::string name() const override { return o_.name; }
    void fields(Fields& f) override { f("name", o_.name); }
    void update(const AnyView& target, View<const T> prediction, View<const T> weight = {},
                View<const std::uint8_t> mask = {}) override {
        this->one_hot(o_.name, target, prediction, weight, mask);
    }
    std::unique_ptr<Metric<T>> clone() const override { return std::make_unique<CategoricalAccuracy>(*this); }

private:
    CategoricalAccuracyOptions o_;
};

/// Share of rows whose largest prediction (the first, on ties) is the target's class. Predictions [..., C], targets
/// [...] or
/// [..., 1] from 0 to C-1, else ValueError. A row with NaN counts as wrong.
template <class T = float> class SparseCategoricalAccuracy : public detail::AccuracyBase<T> {
public:
    SparseCategoricalAccuracy() = default;
    explicit SparseCategoricalAccuracy(const SparseCategoricalAccuracyOptions& options) : o_(options) {}
    template <class U>
        requires(!std::is_same_v<T, U>)
    SparseCategoricalAccuracy(const SparseCategoricalAccuracy<U>& other) {
        copy_fields(other, *this);
    }

    std::string_view kind() const override { return "sparse_categorical_accuracy"; }
    std::string name() const override { return o_.name; }
    void fields(Fields& f) override { f("name", o_.name); }
    void update(const AnyView& target, View<const T> prediction, View<const T> weight = {},
                View<const std::uint8_t> mask = {}) override {
        this->sparse(o_.name, target, prediction, weight, mask);
    }
    std::unique_ptr<Metric<T>> clone() const override { return std::make_unique<SparseCategoricalAccuracy>(*this); }

private:
    SparseCategoricalAccuracyOptions o_;
};

/// Accuracy in the form that the shapes ask for, as Keras's "accuracy": one prediction per row [B], [B, 1], [B, T, 1]
/// is binary with threshold 0.5; predictions [..., C] with one target per row are sparse; targets [..., C] of the same
/// shape are one-hot.
template <class T = float> class Accuracy : public detail::AccuracyBase<T> {
public:
    Accuracy() = default;
    explicit Accuracy(const AccuracyOptions& options) : o_(options) {}
    template <class U>
        requires(!std::is_same_v<T, U>)
    Accuracy(const Accuracy<U>& other) {
        copy_fields(other, *this);
    }

    std::string_view kind() const override { return "accuracy"; }
    std::string name() const override { return o_.name; }
    void fields(Fields& f) override { f("name", o_.name); }
    void update(const AnyView& target, View<const T> prediction, View<const T> weight = {},
                View<const std::uint8_t> mask = {}) override {
        const Shape& s = prediction.shape();
        if (s.rank() < 2 || s[-1] == 1)
            this->binary(o_.name, 0.5, target, prediction, weight, mask);
        else if (target.shape == s)
            this->one_hot(o_.name, target, prediction, weight, mask);
        else
            this->sparse(o_.name, target, prediction, weight, mask);
    }
    std::unique_ptr<Metric<T>> clone() const override { return std::make_unique<Accuracy>(*this); }

private:
    AccuracyOptions o_;
};

GRADUS_END
