/// F1Score: the harmonic mean of precision and recall, of one class or averaged over several.
#pragma once
#include <gradus/core/rounded.hpp>
#include <gradus/metrics/class_targets.hpp>

#include <algorithm>
#include <span>
#include <vector>

GRADUS_BEGIN

/// How the scores of several classes become one.
///   binary    there is one class, whose score it is
///   micro     the score of all classes' counts together
///   macro     the mean of the classes' scores
///   weighted  their mean, weighted by how many rows have the class
enum class Averaging : std::uint8_t { binary, micro, macro, weighted };
inline std::span<const std::string_view> enum_names(Averaging) {
    static constexpr std::string_view names[] = {"binary", "micro", "macro", "weighted"};
    return names;
}

struct F1ScoreOptions {
    Averaging average = Averaging::macro;
    double threshold = 0; ///< predictions above it are positive; 0: the largest of a row, above 0.5 where it is alone
    std::string name = "f1_score";
};

/// F1 = 2 tp / (2 tp + fp + fn) of each class, tp, fp, fn the weighted numbers of true and false positives and false
/// negatives; 0 where there are none.
///
/// Predictions [...] or [..., C], targets of the same shape, positive where not 0, or labels [...]. Of equal largest
/// predictions the first counts, and none in a row with NaN. ShapeError where targets do not fit, or where the average
/// is binary and C is not 1; ValueError on labels outside 0 to C-1. As Keras's F1Score, whose default average None
/// gives a number for each class, whose result is up to 1e-7 lower, which counts all of several largest predictions,
/// and for one class needs a threshold. scikit-learn's macro average of a binary problem has two classes.
template <class T = float> class F1Score : public Metric<T> {
public:
    F1Score() = default;
    explicit F1Score(const F1ScoreOptions& options) : o_(options) {}
    template <class U>
        requires(!std::is_same_v<T, U>)
    F1Score(const F1Score<U>& other) {
        copy_fields(other, *this);
    }

    std::string_view kind() const override { return "f1_score"; }
    std::string name() const override { return o_.name; }
    void fields(Fields& f) override {
        f("average", o_.average);
        f("threshold", o_.threshold);
        f("name", o_.name);
    }
    void state(Fields& f) override {
        std::vector<double> counts;
        for (const Counts& c : counts_)
            counts.insert(counts.end(), {c.true_positives, c.false_positives, c.false_negatives});
        f("counts", counts);
        if (counts.size() % 3)
            throw_value_error(o_.name + ": state expects three counts for each class, got " +
                              std::to_string(counts.size()));
        counts_.clear();
        for (std::size_t i = 0; i < counts.size(); i += 3) counts_.push_back({counts[i], counts[i + 1], counts[i + 2]});
    }

    /// Reserves for up to 1024 classes; the first batch of more of them allocates.
    void reset(Index n) override {
        counts_.clear();
        counts_.reserve(static_cast<std::size_t>(std::min<Index>(std::max<Index>(n, 0), 1024)));
    }
    void update(const AnyView& target, View<const T> prediction, View<const T> weight = {},
                View<const std::uint8_t> mask = {}) override {
        const detail::ClassTargets targets(o_.name, target, prediction.shape());
        const Index classes = targets.classes();
        const auto known = static_cast<Index>(counts_.size());
        if ((known && known != classes) || (o_.average == Averaging::binary && classes != 1))
            throw_shape_error(o_.name + ": expects predictions of " + std::to_string(known ? known : 1) +
                              " class(es), got " + to_string(prediction.shape()));
        const detail::RowWeights<T> weights(o_.name, targets.rows(), weight, mask);
        counts_.resize(static_cast<std::size_t>(classes));
        const double threshold = o_.threshold > 0 ? o_.threshold : 0.5;
        const bool largest = classes > 1 && o_.threshold <= 0;
        for (Index i = 0; i < targets.rows(); ++i) {
            const double w = weights(i);
            if (w == 0) continue;
            const T* const p = prediction.data() + i * classes;
            const Index chosen = largest ? detail::argmax(classes, [&](Index c) { return p[c]; }) : -1;
            const Index label = targets.labels() ? targets.label(i) : -1;
            for (Index c = 0; c < classes; ++c) {
                const bool found = largest ? c == chosen : static_cast<double>(p[c]) > threshold;
                const bool is = targets.labels() ? label == c : targets.is(i, c);
                Counts& n = counts_[static_cast<std::size_t>(c)];
                if (found && is) n.true_positives += w;
                if (found && !is) n.false_positives += w;
                if (!found && is) n.false_negatives += w;
            }
        }
    }
    double result() const override {
        Counts all;
        double sum = 0, weighted = 0;
        for (const Counts& c : counts_) {
            all.true_positives += c.true_positives;
            all.false_positives += c.false_positives;
            all.false_negatives += c.false_negatives;
            sum += c.score();
            weighted += rounded(c.score() * c.support());
        }
        if (counts_.empty()) return 0;
        if (o_.average == Averaging::micro) return all.score();
        if (o_.average == Averaging::weighted) return all.support() > 0 ? weighted / all.support() : 0;
        return sum / static_cast<double>(counts_.size());
    }
    std::unique_ptr<Metric<T>> clone() const override { return std::make_unique<F1Score>(*this); }

private:
    struct Counts {
        double true_positives = 0, false_positives = 0, false_negatives = 0;
        double support() const { return true_positives + false_negatives; }
        double score() const {
            return true_positives > 0 ? 2 * true_positives / (2 * true_positives + (false_positives + false_negatives))
                                      : 0;
        }
    };

    F1ScoreOptions o_;
    std::vector<Counts> counts_;
};

GRADUS_END
