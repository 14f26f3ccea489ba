/// What gradus::compiled holds: kernels and common layers, instantiated once in a static library.
///
/// gradus.hpp ends with this file. With GRADUS_COMPILED (set by the target gradus::compiled) each entry becomes an
/// `extern template` declaration, so a program compiles faster; the library's sources define GRADUS_COMPILED_SCALAR and
/// turn the entries into definitions; otherwise the file declares nothing. Add an entry for a class or function
/// template on the scalar alone, by one line in its list. Functions are those that are neither inline nor overloaded.
#pragma once
#include <gradus/gradus.hpp>

#if defined(GRADUS_COMPILED) || defined(GRADUS_COMPILED_SCALAR)
#include <gradus/io/registry.hpp>

// clang-format off
#define GRADUS_COMPILED_FUNCTIONS(entry, T) \
    entry(detail::layer_kinds, T) \
    entry(detail::loss_kinds, T) \
    entry(detail::metric_kinds, T) \
    entry(detail::optimizer_kinds, T) \
    entry(kernels::activation_forward, T) \
    entry(kernels::activation_backward, T) \
    entry(kernels::adam_step, T) \
    entry(kernels::adam_update, T) \
    entry(kernels::adam_update_rows, T) \
    entry(kernels::add, T) \
    entry(kernels::all_finite, T) \
    entry(kernels::average, T) \
    entry(kernels::average_pool_time_forward, T) \
    entry(kernels::average_pool_time_backward, T) \
    entry(kernels::axpy, T) \
    entry(kernels::batch_normalization_forward, T) \
    entry(kernels::batch_normalization_backward, T) \
    entry(kernels::binary_crossentropy, T) \
    entry(kernels::categorical_crossentropy, T) \
    entry(kernels::clamp, T) \
    entry(kernels::column_sums, T) \
    entry(kernels::dropout_mask, T) \
    entry(kernels::embedding_forward, T) \
    entry(kernels::embedding_backward, T) \
    entry(kernels::fill, T) \
    entry(kernels::fill_normal, T) \
    entry(kernels::fill_truncated_normal, T) \
    entry(kernels::fill_uniform, T) \
    entry(kernels::huber, T) \
    entry(kernels::huber_gradient, T) \
    entry(kernels::layer_normalization_forward, T) \
    entry(kernels::layer_normalization_backward, T) \
    entry(kernels::limit_columns, T) \
    entry(kernels::lstm_forward, T) \
    entry(kernels::lstm_backward, T) \
    entry(kernels::matmul, T) \
    entry(kernels::mean_absolute_error, T) \
    entry(kernels::mean_absolute_error_gradient, T) \
    entry(kernels::mean_squared_error, T) \
    entry(kernels::mean_squared_error_gradient, T) \
    entry(kernels::momentum_update, T) \
    entry(kernels::momentum_update_rows, T) \
    entry(kernels::multiply, T) \
    entry(kernels::orthogonal, T) \
    entry(kernels::penalize, T) \
    entry(kernels::permute, T) \
    entry(kernels::rmsprop_update, T) \
    entry(kernels::rmsprop_update_rows, T) \
    entry(kernels::scale, T) \
    entry(kernels::sgd_update, T) \
    entry(kernels::sgd_update_rows, T) \
    entry(kernels::softmax_forward, T) \
    entry(kernels::softmax_backward, T) \
    entry(kernels::sparse_categorical_crossentropy, T) \
    entry(kernels::sum, T) \
    entry(kernels::sum_absolute, T) \
    entry(kernels::sum_squares, T) \
    entry(kernels::sum_squares_by_row, T) \
    entry(kernels::sum_squares_of_rows, T) \
    entry(kernels::vcos, T) \
    entry(kernels::vexp, T) \
    entry(kernels::vlog, T) \
    entry(kernels::vsigmoid, T) \
    entry(kernels::vsin, T) \
    entry(kernels::vtanh, T)

#define GRADUS_COMPILED_CLASSES(entry, T) \
    entry(AUC, T) \
    entry(Accuracy, T) \
    entry(Activation, T) \
    entry(Adam, T) \
    entry(AdamW, T) \
    entry(BatchNormalization, T) \
    entry(Bidirectional, T) \
    entry(BinaryAccuracy, T) \
    entry(BinaryCrossentropy, T) \
    entry(CategoricalAccuracy, T) \
    entry(CategoricalCrossentropy, T) \
    entry(Dense, T) \
    entry(Dropout, T) \
    entry(Embedding, T) \
    entry(F1Score, T) \
    entry(Flatten, T) \
    entry(GlobalAveragePooling1D, T) \
    entry(Huber, T) \
    entry(InputLayer, T) \
    entry(LSTM, T) \
    entry(LayerHandle, T) \
    entry(LayerNormalization, T) \
    entry(LossHandle, T) \
    entry(LossMetric, T) \
    entry(Masking, T) \
    entry(MeanAbsoluteError, T) \
    entry(MeanSquaredError, T) \
    entry(MetricHandle, T) \
    entry(Model, T) \
    entry(Momentum, T) \
    entry(Nesterov, T) \
    entry(Normalization, T) \
    entry(OptimizerHandle, T) \
    entry(Permute, T) \
    entry(Precision, T) \
    entry(Predictor, T) \
    entry(R2Score, T) \
    entry(RMSprop, T) \
    entry(Recall, T) \
    entry(RepeatVector, T) \
    entry(Reshape, T) \
    entry(RootMeanSquaredError, T) \
    entry(SGD, T) \
    entry(Sequential, T) \
    entry(SparseCategoricalAccuracy, T) \
    entry(SparseCategoricalCrossentropy, T) \
    entry(SparseGradient, T) \
    entry(SparseTopKCategoricalAccuracy, T) \
    entry(TimeDistributed, T) \
    entry(TopKCategoricalAccuracy, T) \
    entry(Workspace, T)
// clang-format on

#define GRADUS_COMPILED_EXTERN_FUNCTION(name, T) extern template decltype(name<T>) name<T>;
#define GRADUS_COMPILED_EXTERN_CLASS(name, T) extern template class name<T>;
#define GRADUS_COMPILED_FUNCTION(name, T) template decltype(name<T>) name<T>;
#define GRADUS_COMPILED_CLASS(name, T) template class name<T>;

GRADUS_BEGIN
#if defined(GRADUS_COMPILED_SCALAR)
GRADUS_COMPILED_FUNCTIONS(GRADUS_COMPILED_FUNCTION, GRADUS_COMPILED_SCALAR)
GRADUS_COMPILED_CLASSES(GRADUS_COMPILED_CLASS, GRADUS_COMPILED_SCALAR)
#else
namespace kernels::detail {
extern template const GemmTable<float>* bfloat16_kernels<float>();
extern template const RecurrentFormat<float>* bfloat16_recurrent<float>();
}
GRADUS_COMPILED_FUNCTIONS(GRADUS_COMPILED_EXTERN_FUNCTION, float)
GRADUS_COMPILED_FUNCTIONS(GRADUS_COMPILED_EXTERN_FUNCTION, double)
GRADUS_COMPILED_CLASSES(GRADUS_COMPILED_EXTERN_CLASS, float)
GRADUS_COMPILED_CLASSES(GRADUS_COMPILED_EXTERN_CLASS, double)
#endif
GRADUS_END

#endif
