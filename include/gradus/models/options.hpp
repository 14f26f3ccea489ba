/// The options of compile, fit, evaluate and predict. Order and names are Keras's.
#pragma once
#include <gradus/data/dataset.hpp>
#include <gradus/kernels/bfloat16.hpp>
#include <gradus/losses/loss.hpp>
#include <gradus/metrics/metric.hpp>
#include <gradus/models/callback.hpp>
#include <gradus/models/loss_metric.hpp>
#include <gradus/models/progress.hpp>
#include <gradus/optimizers/optimizer.hpp>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

GRADUS_BEGIN

/// One loss for each output: a single one, several in order of the outputs, or pairs of an output's name and its loss.
template <class T> class Losses {
public:
    using Pair = std::pair<std::string, LossHandle<T>>;
    Losses() = default;
    template <class L>
        requires std::is_constructible_v<LossHandle<T>, const L&>
    Losses(const L& loss) {
        list_.emplace_back(std::string(), LossHandle<T>(loss));
    }
    Losses(std::initializer_list<Pair> pairs) : list_(pairs) {}
    Losses(std::initializer_list<LossHandle<T>> losses) {
        for (const auto& l : losses) list_.emplace_back(std::string(), l);
    }
    const std::vector<Pair>& list() const { return list_; }
    void add(std::string output, LossHandle<T> loss) { list_.emplace_back(std::move(output), std::move(loss)); }

private:
    std::vector<Pair> list_;
};

/// Metrics of the only output, or pairs of an output's name and a metric.
template <class T> class Metrics {
public:
    using Pair = std::pair<std::string, MetricHandle<T>>;
    Metrics() = default;
    Metrics(std::initializer_list<MetricHandle<T>> metrics) {
        for (const auto& m : metrics) list_.emplace_back(std::string(), m);
    }
    Metrics(std::initializer_list<Pair> pairs) : list_(pairs) {}
    const std::vector<Pair>& list() const { return list_; }
    void add(std::string output, MetricHandle<T> metric) { list_.emplace_back(std::move(output), std::move(metric)); }

private:
    std::vector<Pair> list_;
};

namespace detail {
template <class T> void check_precision(ProductPrecision precision, const char* who) {
    if (precision.format() && dtype_of<T>() != Dtype::f32)
        throw_value_error(std::string(who) + ": precision " + std::string(precision.name()) +
                          " expects a model of float, got " + std::string(name_of(dtype_of<T>())));
}
} // namespace detail

/// Limits of gradients, one of them at most; 0: none. As Keras's clipvalue, clipnorm and global_clipnorm. Gradients of
/// a norm that is infinite or NaN become NaN.
struct ClipOptions {
    double value = 0;       ///< of each element, either way
    double norm = 0;        ///< of each parameter's gradient
    double global_norm = 0; ///< of all gradients together
};

/// Running averages of the trained parameters: after each update average = momentum average + (1 - momentum) parameter,
/// the first one the parameter itself. Training never sees them; swap_averaged and AveragedScope put them in place for
/// evaluate, predict and save. As Keras's use_ema, but that averages follow a limit on norms.
struct EMAOptions {
    double momentum = 0;   ///< in (0, 1), Keras's default is 0.99; 0: no averages
    bool overwrite = true; ///< fit ends with parameters that are their averages, as Keras's
};

/// Parameters with a learning rate of their own.
struct ParameterGroup {
    std::string name;      ///< of a layer, a scope or a parameter
    double rate_scale = 1; ///< multiplies the learning rate; 0: parameters stay, moments move
};

/// What compile takes. The seed is that of initial weights (where the model has none yet), dropout and shuffling.
template <class T> struct CompileOptions {
    OptimizerHandle<T> optimizer;
    Losses<T> loss = {};
    std::vector<double> loss_weights = {}; ///< one for each loss; empty: all 1
    Metrics<T> metrics = {};
    std::uint64_t seed = 0;
    /// Names of layers, scopes or parameters that this optimizer leaves as they are; frozen layers with running
    /// statistics use them and do not change them. Another model that contains the same layers may train them.
    std::vector<std::string> frozen = {};
    std::vector<ParameterGroup> groups = {}; ///< {{"encoder", 0.1}}; the first that covers a parameter counts
    ClipOptions clip = {};
    /// Batches whose gradients one update takes, as if they were one batch; the last group of an epoch may be smaller.
    /// Schedules, averages, callbacks and random numbers count updates. With several losses each batch counts by its
    /// rows.
    Index accumulate = 1;
    EMAOptions ema = {};
    /// `bfloat16`: products of Dense and LSTM round their operands to it; all else stays in the model's scalar, weights
    /// too, so the loss needs no scaling. Holds for fit, evaluate and predict of this model. ValueError for a model of
    /// double. As PyTorch's autocast, which also keeps results in bfloat16; Keras's mixed_bfloat16 keeps activations in
    /// it.
    ProductPrecision precision = {};
};

/// Data that training never sees.
struct ValidationData {
    Columns x, y, sample_weight = {};
};

/// What fit takes.
struct FitOptions {
    Index batch_size = 32;
    Index epochs = 1;
    Verbose verbose = Verbose::automatic;
    std::vector<CallbackHandle> callbacks = {};
    double validation_split = 0; ///< share of rows, the last ones before shuffling; n (1 - share), rounded down, train
    std::optional<ValidationData> validation_data = {};
    bool shuffle = true; ///< each epoch in an order of its own, a function of seed and updates so far
    /// {{0, 1.0}, {1, 5.0}}: weights of the losses by class of the target (of one-hot targets, the largest), 1 for the
    /// others; ValueError on a class that the loss does not know. As Keras's: for one output, not beside sample_weight,
    /// not for validation, and metrics do not see it.
    std::map<Index, double> class_weight = {};
    /// [N], or [N, T] for losses per step; multiplies losses, not the normaliser, as in Keras. Metrics count by it, as
    /// Keras's weighted_metrics do; those that Keras takes as metrics do not.
    Columns sample_weight = {};
    Index initial_epoch = 0;
    Index validation_batch_size = 0; ///< 0: batch_size
    bool allow_nan = false;          ///< NaN, infinity and what the scalar cannot hold are a ValueError unless allowed
    bool prefetch = false;           ///< read batches ahead on a thread of its own; the same bits
    std::ostream* output = nullptr;  ///< where the bar goes; std::cout
};

/// What evaluate takes.
struct EvaluateOptions {
    Index batch_size = 32;
    Verbose verbose = Verbose::silent;
    Columns sample_weight = {};
    bool allow_nan = false;
    std::ostream* output = nullptr;
};

/// What predict takes.
struct PredictOptions {
    Index batch_size = 32;
    bool allow_nan = false;
};

GRADUS_END
