/// The kinds that `load` can make: Gradus's own, one line each, and how a user names others.
///
///     auto model = load("model.safetensors", {.layers = {layer<Swish>()}});
#pragma once
#include <gradus/layers/activation.hpp>
#include <gradus/layers/batch_normalization.hpp>
#include <gradus/layers/bidirectional.hpp>
#include <gradus/layers/dense.hpp>
#include <gradus/layers/dropout.hpp>
#include <gradus/layers/embedding.hpp>
#include <gradus/layers/flatten.hpp>
#include <gradus/layers/global_average_pooling_1d.hpp>
#include <gradus/layers/layer_normalization.hpp>
#include <gradus/layers/lstm.hpp>
#include <gradus/layers/masking.hpp>
#include <gradus/layers/normalization.hpp>
#include <gradus/layers/permute.hpp>
#include <gradus/layers/repeat_vector.hpp>
#include <gradus/layers/reshape.hpp>
#include <gradus/layers/time_distributed.hpp>
#include <gradus/losses/binary_crossentropy.hpp>
#include <gradus/losses/categorical_crossentropy.hpp>
#include <gradus/losses/huber.hpp>
#include <gradus/losses/mean_absolute_error.hpp>
#include <gradus/losses/mean_squared_error.hpp>
#include <gradus/losses/sparse_categorical_crossentropy.hpp>
#include <gradus/metrics/accuracy.hpp>
#include <gradus/metrics/auc.hpp>
#include <gradus/metrics/f1_score.hpp>
#include <gradus/metrics/precision.hpp>
#include <gradus/metrics/r2_score.hpp>
#include <gradus/metrics/root_mean_squared_error.hpp>
#include <gradus/metrics/top_k_categorical_accuracy.hpp>
#include <gradus/models/loss_metric.hpp>
#include <gradus/optimizers/adam.hpp>
#include <gradus/optimizers/adamw.hpp>
#include <gradus/optimizers/momentum.hpp>
#include <gradus/optimizers/nesterov.hpp>
#include <gradus/optimizers/rmsprop.hpp>
#include <gradus/optimizers/schedules/constant.hpp>
#include <gradus/optimizers/schedules/cosine_decay.hpp>
#include <gradus/optimizers/schedules/cosine_decay_restarts.hpp>
#include <gradus/optimizers/schedules/exponential_decay.hpp>
#include <gradus/optimizers/schedules/piecewise_constant_decay.hpp>
#include <gradus/optimizers/schedules/polynomial_decay.hpp>
#include <gradus/optimizers/schedules/step_decay.hpp>
#include <gradus/optimizers/schedules/warmup.hpp>
#include <gradus/optimizers/sgd.hpp>
#include <gradus/preprocessing/text_vectorization.hpp>

#include <concepts>
#include <memory>
#include <string>
#include <vector>

GRADUS_BEGIN

/// A kind of saved object: its key in files, and what makes one with default options.
template <class Base> struct Kind {
    std::string kind;
    std::unique_ptr<Base> (*make)();
};

namespace detail {
/// A class template on the scalar that becomes a Kind of whatever base and scalar are asked for.
template <template <class> class C> struct KindOf {
    template <template <class> class Base, class T>
        requires std::derived_from<C<T>, Base<T>>
    operator Kind<Base<T>>() const {
        return {std::string(C<T>().kind()), []() -> std::unique_ptr<Base<T>> { return std::make_unique<C<T>>(); }};
    }
};
} // namespace detail

/// Names a user's class template for LoadOptions. It must be default-constructible and a template on the scalar alone.
template <template <class> class C> detail::KindOf<C> layer() { return {}; }
template <template <class> class C> detail::KindOf<C> loss() { return {}; }
template <template <class> class C> detail::KindOf<C> metric() { return {}; }
template <template <class> class C> detail::KindOf<C> optimizer() { return {}; }
/// Schedules and preprocessors are not templates.
template <std::derived_from<Schedule> S> Kind<Schedule> schedule() {
    return {std::string(S().kind()), []() -> std::unique_ptr<Schedule> { return std::make_unique<S>(); }};
}
template <std::derived_from<Preprocessor> P> Kind<Preprocessor> preprocessor() {
    return {std::string(P().kind()), []() -> std::unique_ptr<Preprocessor> { return std::make_unique<P>(); }};
}

/// What load takes. Kinds named here come before Gradus's own.
template <class T = float> struct LoadOptions {
    std::vector<Kind<LayerOf<T>>> layers = {};
    std::vector<Kind<LossOf<T>>> losses = {};
    std::vector<Kind<Metric<T>>> metrics = {};
    std::vector<Kind<Optimizer<T>>> optimizers = {};
    std::vector<Kind<Schedule>> schedules = {};
    std::vector<Kind<Preprocessor>> preprocessors = {};
    bool compile = true; ///< compile the model as it was, with the optimizer's moments; else products are in float32
};

// clang-format off
namespace detail {

template <class T> const std::vector<Kind<LayerOf<T>>>& layer_kinds() {
    static const std::vector<Kind<LayerOf<T>>> kinds{
        layer<Activation>(),
        layer<BatchNormalization>(),
        layer<Bidirectional>(),
        layer<Dense>(),
        layer<Dropout>(),
        layer<Embedding>(),
        layer<Flatten>(),
        layer<GlobalAveragePooling1D>(),
        layer<LayerNormalization>(),
        layer<LSTM>(),
        layer<Masking>(),
        layer<Normalization>(),
        layer<Permute>(),
        layer<RepeatVector>(),
        layer<Reshape>(),
        layer<TimeDistributed>(),
    };
    return kinds;
}

template <class T> const std::vector<Kind<LossOf<T>>>& loss_kinds() {
    static const std::vector<Kind<LossOf<T>>> kinds{
        loss<BinaryCrossentropy>(),
        loss<CategoricalCrossentropy>(),
        loss<Huber>(),
        loss<MeanAbsoluteError>(),
        loss<MeanSquaredError>(),
        loss<SparseCategoricalCrossentropy>(),
    };
    return kinds;
}

template <class T> const std::vector<Kind<Metric<T>>>& metric_kinds() {
    static const std::vector<Kind<Metric<T>>> kinds{
        metric<Accuracy>(),
        metric<AUC>(),
        metric<BinaryAccuracy>(),
        metric<CategoricalAccuracy>(),
        metric<F1Score>(),
        metric<LossMetric>(),
        metric<Precision>(),
        metric<R2Score>(),
        metric<Recall>(),
        metric<RootMeanSquaredError>(),
        metric<SparseCategoricalAccuracy>(),
        metric<SparseTopKCategoricalAccuracy>(),
        metric<TopKCategoricalAccuracy>(),
    };
    return kinds;
}

template <class T> const std::vector<Kind<Optimizer<T>>>& optimizer_kinds() {
    static const std::vector<Kind<Optimizer<T>>> kinds{
        optimizer<Adam>(),
        optimizer<AdamW>(),
        optimizer<Momentum>(),
        optimizer<Nesterov>(),
        optimizer<RMSprop>(),
        optimizer<SGD>(),
    };
    return kinds;
}

inline const std::vector<Kind<Schedule>>& schedule_kinds() {
    static const std::vector<Kind<Schedule>> kinds{
        schedule<Constant>(),
        schedule<CosineDecay>(),
        schedule<CosineDecayRestarts>(),
        schedule<ExponentialDecay>(),
        schedule<PiecewiseConstantDecay>(),
        schedule<PolynomialDecay>(),
        schedule<StepDecay>(),
        schedule<Warmup>(),
    };
    return kinds;
}

inline const std::vector<Kind<Preprocessor>>& preprocessor_kinds() {
    static const std::vector<Kind<Preprocessor>> kinds{
        preprocessor<TextVectorization>(),
    };
    return kinds;
}

} // namespace detail
// clang-format on
GRADUS_END
