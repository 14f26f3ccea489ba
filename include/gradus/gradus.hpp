/// Gradus trains neural networks inside a C++ program. This file includes everything but io (gradus/io.hpp) and testing/,
/// in order of dependency: the architecture on one page.
#pragma once

// core: shapes, tensors, symbolic sizes, options, random numbers, threads
#include <gradus/core/config.hpp>
#include <gradus/core/dim.hpp>
#include <gradus/core/eigen.hpp>
#include <gradus/core/error.hpp>
#include <gradus/core/fields.hpp>
#include <gradus/core/moments.hpp>
#include <gradus/core/parallel.hpp>
#include <gradus/core/random.hpp>
#include <gradus/core/rounded.hpp>
#include <gradus/core/segment.hpp>
#include <gradus/core/shape.hpp>
#include <gradus/core/tensor.hpp>
#include <gradus/core/tensor_text.hpp>
#include <gradus/core/trace.hpp>
#include <gradus/core/view.hpp>

// initializers, metrics, optimizers: know kernels, but neither layers nor models
#include <gradus/initializers/initializer.hpp>
#include <gradus/metrics/accuracy.hpp>
#include <gradus/metrics/auc.hpp>
#include <gradus/metrics/classification_report.hpp>
#include <gradus/metrics/confusion_matrix.hpp>
#include <gradus/metrics/f1_score.hpp>
#include <gradus/metrics/precision.hpp>
#include <gradus/metrics/r2_score.hpp>
#include <gradus/metrics/root_mean_squared_error.hpp>
#include <gradus/metrics/top_k_categorical_accuracy.hpp>
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

// layers and losses
#include <gradus/layers/activation.hpp>
#include <gradus/layers/batch_normalization.hpp>
#include <gradus/layers/bidirectional.hpp>
#include <gradus/layers/dense.hpp>
#include <gradus/layers/dropout.hpp>
#include <gradus/layers/embedding.hpp>
#include <gradus/layers/flatten.hpp>
#include <gradus/layers/global_average_pooling_1d.hpp>
#include <gradus/layers/layer.hpp>
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

// graph: nodes, plan, executor
#include <gradus/graph/graph.hpp>
#include <gradus/graph/input.hpp>
#include <gradus/graph/node.hpp>
#include <gradus/graph/workspace.hpp>

// data and preprocessing
#include <gradus/data/byte_source.hpp>
#include <gradus/data/dataset.hpp>
#include <gradus/data/idx.hpp>
#include <gradus/data/k_fold.hpp>
#include <gradus/data/labels.hpp>
#include <gradus/data/npy.hpp>
#include <gradus/data/shuffle.hpp>
#include <gradus/data/split.hpp>
#include <gradus/data/text.hpp>
#include <gradus/preprocessing/pad_sequences.hpp>
#include <gradus/preprocessing/scalers.hpp>
#include <gradus/preprocessing/text_vectorization.hpp>
#include <gradus/preprocessing/tokenizer.hpp>

// models and callbacks
#include <gradus/callbacks/csv_logger.hpp>
#include <gradus/callbacks/early_stopping.hpp>
#include <gradus/callbacks/lambda_callback.hpp>
#include <gradus/callbacks/learning_rate_scheduler.hpp>
#include <gradus/callbacks/reduce_lr_on_plateau.hpp>
#include <gradus/callbacks/terminate_on_nan.hpp>
#include <gradus/models/averaged_scope.hpp>
#include <gradus/models/model.hpp>
#include <gradus/models/predictor.hpp>
#include <gradus/models/profile.hpp>
#include <gradus/models/sequential.hpp>

#include <gradus/compiled.hpp>
