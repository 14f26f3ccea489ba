/// Precision and Recall: the share of true positives among what is predicted positive, and among what is positive.
#pragma once
#include <gradus/metrics/class_targets.hpp>

#include <algorithm>

GRADUS_BEGIN

struct PrecisionOptions {
    double thresholds = 0.5; ///< a prediction above it is positive; 0 for logits
    Index top_k = 0;         ///< not 0: the k largest predictions of a row are positive, whatever the threshold
    Index class_id = -1;     ///< not -1: only this class counts
    std::string name = "precision";
};

struct RecallOptions {
    double thresholds = 0.5;
    Index top_k = 0;
    Index class_id = -1;
    std::string name = "recall";
};

namespace detail {

/// What Precision and Recall share: weighted numbers of true positives, false positives and false negatives.
template <class T, class Options> class PositiveCounts : public Metric<T> {
public:
    PositiveCounts() = default;
    explicit PositiveCounts(const Options& options) : o_(options) {}

    std::string name() const override { return o_.name; }
    void fields(Fields& f) override {
        f("thresholds", o_.thresholds);
        f("top_k", o_.top_k);
        f("class_id", o_.class_id);
        f("name", o_.name);
    }
    void state(Fields& f) override {
        f("true_positives", true_positives_);
        f("false_positives", false_positives_);
        f("false_negatives", false_negatives_);
    }
    void reset(Index) override {
        if (o_.top_k < 0) throw_value_error(o_.name + ": top_k expects at least 0, got " + std::to_string(o_.top_k));
        true_positives_ = false_positives_ = false_negatives_ = 0;
    }
    void update(const AnyView& target, View<const T> prediction, View<const T> weight = {},
                View<const std::uint8_t> mask = {}) override {
        const ClassTargets targets(o_.name, target, prediction.shape());
        const Index classes = targets.classes(), only = o_.class_id;
        if (only >= classes || only < -1)
            throw_value_error(o_.name + ": class_id expects a class from 0 to " + std::to_string(classes - 1) +
                              ", got " + std::to_string(only));
        const RowWeights<T> weights(o_.name, targets.rows(), weight, mask);
        for (Index i = 0; i < targets.rows(); ++i) {
            const double w = weights(i);
            if (w == 0) continue;
            const T* const p = prediction.data() + i * classes;
            const Index last = o_.top_k ? last_of_top(p, classes) : -1,
                        label = targets.labels() ? targets.label(i) : -1;
            for (Index c = only < 0 ? 0 : only; c < (only < 0 ? classes : only + 1); ++c) {
                const bool found = !o_.top_k  ? static_cast<double>(p[c]) > o_.thresholds
                                   : last < 0 ? false
                                              : p[c] > p[last] || (p[c] == p[last] && c <= last);
                const bool is = targets.labels() ? label == c : targets.is(i, c);
                if (found && is) true_positives_ += w;
                if (found && !is) false_positives_ += w;
                if (!found && is) false_negatives_ += w;
            }
        }
    }

protected:
    /// True positives over these and `others`; 0 where there are none.
    double share(double others) const { return true_positives_ > 0 ? true_positives_ / (true_positives_ + others) : 0; }

    Options o_;
    double true_positives_ = 0, false_positives_ = 0, false_negatives_ = 0;

private:
    /// Column of the k-th largest, the first ones on ties; -1 where there is no number. Takes k rounds, but no memory.
    Index last_of_top(const T* p, Index classes) const {
        Index last = -1;
        for (Index k = 0; k < std::min(o_.top_k, classes); ++k) {
            Index next = -1;
            for (Index c = 0; c < classes; ++c) {
                const bool after = p[c] == p[c] && (last < 0 || p[c] < p[last] || (p[c] == p[last] && c > last));
                if (after && (next < 0 || p[c] > p[next])) next = c;
            }
            if (next < 0) break;
            last = next;
        }
        return last;
    }
};

} // namespace detail

/// True positives / (true positives + false positives), weighted; 0 where nothing is predicted positive, as in Keras.
///
/// Predictions [...] or [..., C], each class of a row counting by itself; targets of the same shape, positive where not
/// 0, or labels [...], which Keras does not take. NaN is not positive. ShapeError where targets do not fit, ValueError
/// on labels or a class_id outside 0 to C-1, and from `reset` where top_k is negative. Keras also takes several
/// thresholds, and with top_k only those above one.
template <class T = float> class Precision : public detail::PositiveCounts<T, PrecisionOptions> {
public:
    using Base = detail::PositiveCounts<T, PrecisionOptions>;
    Precision() = default;
    explicit Precision(const PrecisionOptions& options) : Base(options) {}
    template <class U>
        requires(!std::is_same_v<T, U>)
    Precision(const Precision<U>& other) {
        copy_fields(other, *this);
    }
    std::string_view kind() const override { return "precision"; }
    double result() const override { return this->share(this->false_positives_); }
    std::unique_ptr<Metric<T>> clone() const override { return std::make_unique<Precision>(*this); }
};

/// True positives / (true positives + false negatives), weighted; 0 where nothing is positive. Otherwise as Precision.
template <class T = float> class Recall : public detail::PositiveCounts<T, RecallOptions> {
public:
    using Base = detail::PositiveCounts<T, RecallOptions>;
    Recall() = default;
    explicit Recall(const RecallOptions& options) : Base(options) {}
    template <class U>
        requires(!std::is_same_v<T, U>)
    Recall(const Recall<U>& other) {
        copy_fields(other, *this);
    }
    std::string_view kind() const override { return "recall"; }
    double result() const override { return this->share(this->false_negatives_); }
    std::unique_ptr<Metric<T>> clone() const override { return std::make_unique<Recall>(*this); }
};

GRADUS_END
