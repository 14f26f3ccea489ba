/// R2Score: the share of the targets' variance that predictions explain.
#pragma once
#include <gradus/metrics/root_mean_squared_error.hpp>

#include <algorithm>
#include <span>
#include <vector>

GRADUS_BEGIN

/// How the scores of several outputs become one: their mean, or that weighted by the variance of each output's targets.
enum class ClassAggregation : std::uint8_t { uniform_average, variance_weighted_average };
inline std::span<const std::string_view> enum_names(ClassAggregation) {
    static constexpr std::string_view names[] = {"uniform_average", "variance_weighted_average"};
    return names;
}

struct R2ScoreOptions {
    ClassAggregation class_aggregation = ClassAggregation::uniform_average;
    std::string name = "r2_score";
};

/// R2 = 1 - sum w (t - p)^2 / sum w (t - m)^2 of each output, m the weighted mean of its targets, over all rows since
/// `reset`.
///
/// Predictions [B], [..., C], as many targets, else ShapeError. Sums are in double and in the order of rows; variances
/// are those of Welford (1962), which a large mean does not spoil, as it does Keras's sum of squares. Where an output's
/// targets are all equal its score is 1 if they are predicted exactly and else 0, as in scikit-learn. Keras's adjusted
/// score (num_regressors) is not there.
template <class T = float> class R2Score : public Metric<T> {
public:
    R2Score() = default;
    explicit R2Score(const R2ScoreOptions& options) : o_(options) {}
    template <class U>
        requires(!std::is_same_v<T, U>)
    R2Score(const R2Score<U>& other) {
        copy_fields(other, *this);
    }

    std::string_view kind() const override { return "r2_score"; }
    std::string name() const override { return o_.name; }
    void fields(Fields& f) override {
        f("class_aggregation", o_.class_aggregation);
        f("name", o_.name);
    }
    void state(Fields& f) override {
        std::vector<double> sums;
        for (const Output& o : outputs_) sums.insert(sums.end(), {o.mean, o.variation, o.residual});
        f("total", total_);
        f("sums", sums);
        if (sums.size() % 3)
            throw_value_error(o_.name + ": state expects three numbers for each output, got " +
                              std::to_string(sums.size()));
        outputs_.clear();
        for (std::size_t i = 0; i < sums.size(); i += 3) outputs_.push_back({sums[i], sums[i + 1], sums[i + 2]});
    }

    /// Reserves for up to 1024 outputs; the first batch of more of them allocates.
    void reset(Index n) override {
        outputs_.clear();
        outputs_.reserve(static_cast<std::size_t>(std::min<Index>(std::max<Index>(n, 0), 1024)));
        total_ = 0;
    }
    void update(const AnyView& target, View<const T> prediction, View<const T> weight = {},
                View<const std::uint8_t> mask = {}) override {
        detail::require_same_size(o_.name, target, prediction.shape());
        const Index outputs = prediction.rank() < 2 ? 1 : prediction.shape()[-1];
        const Index rows = outputs ? prediction.size() / outputs : 0;
        if (!outputs_.empty() && static_cast<Index>(outputs_.size()) != outputs)
            throw_shape_error(o_.name + ": expects predictions of " + std::to_string(outputs_.size()) +
                              " output(s), got " + to_string(prediction.shape()));
        const detail::RowWeights<T> weights(o_.name, rows, weight, mask);
        outputs_.resize(static_cast<std::size_t>(outputs));
        for (Index i = 0; i < rows; ++i) {
            const double w = weights(i);
            if (w == 0) continue;
            total_ += w;
            const double share = w / total_;
            for (Index c = 0; c < outputs; ++c) {
                Output& o = outputs_[static_cast<std::size_t>(c)];
                const double t = detail::target_value(target, i * outputs + c);
                const double e = t - static_cast<double>(prediction[i * outputs + c]), d = t - o.mean;
                o.mean += rounded(share * d);
                o.variation += rounded(rounded(w * d) * (t - o.mean));
                o.residual += rounded(rounded(w * e) * e);
            }
        }
    }
    double result() const override {
        double scores = 0, weighted = 0, variation = 0;
        for (const Output& o : outputs_) {
            const double score = o.variation != 0 ? 1 - o.residual / o.variation : o.residual == 0 ? 1 : 0;
            scores += score;
            weighted += rounded(o.variation * score);
            variation += o.variation;
        }
        if (total_ == 0) return 0;
        const bool uniform = o_.class_aggregation == ClassAggregation::uniform_average || variation == 0;
        return uniform ? scores / static_cast<double>(outputs_.size()) : weighted / variation;
    }
    std::unique_ptr<Metric<T>> clone() const override { return std::make_unique<R2Score>(*this); }

private:
    struct Output {
        double mean = 0, variation = 0, residual = 0;
    };

    R2ScoreOptions o_;
    double total_ = 0;
    std::vector<Output> outputs_;
};

GRADUS_END
