/// AUC: the area under the ROC curve, exact over the whole epoch.
#pragma once
#include <gradus/core/rounded.hpp>
#include <gradus/metrics/metric.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

GRADUS_BEGIN

struct AUCOptions {
    std::string name = "auc";
};

/// The weighted probability that a positive row scores higher than a negative one, ties counting half (Mann-Whitney;
/// the trapezoids of the ROC curve), computed from every score since `reset`. Keras estimates it with 200 thresholds.
///
/// Targets are 0 or 1, as many as predictions; probabilities and logits give the same value. The result is 0 where one
/// class is missing, as in Keras, and NaN after a NaN score. `reset(n)` reserves for n rows; beyond that `update` grows
/// and so allocates. While an epoch runs, `running` gives an estimate from 200 bins of the scores in [0, 1] for the
/// progress bar. `result` sorts what it holds, so two threads must not call it on one metric.
template <class T = float> class AUC : public Metric<T> {
public:
    AUC() = default;
    explicit AUC(const AUCOptions& options) : o_(options) {}
    template <class U>
        requires(!std::is_same_v<T, U>)
    AUC(const AUC<U>& other) {
        copy_fields(other, *this);
    }

    std::string_view kind() const override { return "auc"; }
    std::string name() const override { return o_.name; }
    void fields(Fields& f) override { f("name", o_.name); }
    void state(Fields& f) override {
        std::vector<double> scores, weights; // negative rows are kept as negative weights
        for (const Row& r : rows_) {
            scores.push_back(static_cast<double>(r.score));
            weights.push_back(r.positive ? r.weight : -r.weight);
        }
        f("scores", scores);
        f("weights", weights);
        f("nan", nan_);
        if (scores.size() != weights.size())
            throw_value_error(o_.name + ": state expects as many weights as scores, got " +
                              std::to_string(weights.size()) + " and " + std::to_string(scores.size()));
        const bool nan = nan_;
        reset(static_cast<Index>(scores.size()));
        nan_ = nan;
        for (std::size_t i = 0; i < scores.size(); ++i)
            add({static_cast<T>(scores[i]), std::abs(weights[i]), weights[i] > 0});
    }

    void reset(Index n) override {
        rows_.clear();
        rows_.reserve(static_cast<std::size_t>(n));
        bins_ = {};
        nan_ = false;
    }

    void update(const AnyView& target, View<const T> prediction, View<const T> weight = {},
                View<const std::uint8_t> mask = {}) override {
        const Index rows = prediction.size();
        if (target.shape.size() != rows)
            throw_shape_error(o_.name + ": expects one target for each prediction " + to_string(prediction.shape()) +
                              ", got targets " + to_string(target.shape));
        const detail::RowWeights<T> weights(o_.name, rows, weight, mask);
        for (Index i = 0; i < rows; ++i) {
            const double w = weights(i);
            if (w == 0) continue;
            const double label = detail::target_value(target, i);
            check_row(label, w);
            if (prediction[i] != prediction[i])
                nan_ = true;
            else
                add({prediction[i], w, label == 1});
        }
    }

    void check(const AnyView& target, const AnyView& weight) const override {
        const Index rows = target.shape.size(), weights = weight.shape.size();
        const Index steps = weight.empty() || weights == 0 ? 1 : std::max<Index>(1, rows / weights);
        for (Index i = 0; i < rows; ++i) {
            const double w = weight.empty() ? 1 : detail::target_value(weight, std::min(i / steps, weights - 1));
            if (w != 0) check_row(detail::target_value(target, i), w);
        }
    }

    double result() const override {
        if (nan_) return std::numeric_limits<double>::quiet_NaN();
        std::sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) { // total: equal rows are interchangeable
            if (a.score != b.score) return a.score < b.score;
            if (a.positive != b.positive) return b.positive;
            return a.weight < b.weight;
        });
        Area area;
        for (std::size_t i = 0; i < rows_.size();) {
            double positive = 0, negative = 0;
            const T score = rows_[i].score;
            for (; i < rows_.size() && rows_[i].score == score; ++i)
                (rows_[i].positive ? positive : negative) += rows_[i].weight;
            area.add(positive, negative);
        }
        return area.value();
    }

    double running() const override {
        if (nan_) return std::numeric_limits<double>::quiet_NaN();
        Area area;
        for (const Bin& b : bins_) area.add(b.positive, b.negative);
        return area.value();
    }

    std::unique_ptr<Metric<T>> clone() const override { return std::make_unique<AUC>(*this); }

private:
    struct Row {
        T score;
        double weight;
        bool positive;
    };
    struct Bin {
        double positive = 0, negative = 0;
    };
    /// Groups of equal scores, in ascending order.
    struct Area {
        double wins = 0, positives = 0, negatives = 0;
        void add(double positive, double negative) {
            wins += rounded(positive * (negatives + negative / 2));
            positives += positive;
            negatives += negative;
        }
        double value() const { return positives > 0 && negatives > 0 ? wins / (positives * negatives) : 0; }
    };

    void check_row(double label, double weight) const {
        if (label != 0 && label != 1)
            throw_value_error(o_.name + ": expects labels 0 or 1, got " + std::to_string(label));
        if (!(weight > 0))
            throw_value_error(o_.name + ": expects weights of at least 0, got " + std::to_string(weight));
    }
    void add(const Row& row) {
        rows_.push_back(row);
        const double s = std::clamp(static_cast<double>(row.score), 0.0, 1.0);
        Bin& bin = bins_[std::min<std::size_t>(static_cast<std::size_t>(s * 200), 199)];
        (row.positive ? bin.positive : bin.negative) += row.weight;
    }

    AUCOptions o_;
    mutable std::vector<Row> rows_; // sorted by result()
    std::array<Bin, 200> bins_{};
    bool nan_ = false;
};

GRADUS_END
