// The first 50 losses of eight models against Keras's, from the same weights and data.
#include "catch.hpp"
#include "hash_data.hpp"
#include "worse.hpp"

#include <gradus/gradus.hpp>
#include <gradus/io/safetensors.hpp>

#include <algorithm>
#include <cmath>

using namespace gradus;
using namespace hash_data;

namespace {

template <class T> void set(Model<T>& model, const std::string& name, const Tensor<T>& from) {
    const View<T> to = model.parameter(name);
    REQUIRE(to.size() == from.size());
    std::copy(from.begin(), from.end(), to.begin());
}

template <class T>
void start_lstm(Model<T>& model, const std::string& name, std::uint32_t block, Index features, Index units) {
    set(model, name + ".kernel", values<T>(block, 0.25f, Shape{features, 4 * units}));
    set(model, name + ".recurrent_kernel", values<T>(block + 1, 0.25f, Shape{units, 4 * units}));
    const auto bias = model.parameter(name + ".bias");
    for (Index i = 0; i < bias.size(); ++i) CHECK(bias[i] == (i >= units && i < 2 * units ? T(1) : T(0)));
}

// Trains on eight batches in turn; x and y hold them one after the other.
template <class T, class X> double worst_difference(Model<T>& model, const std::string& name, const Tensor<X>& x,
                                                    const Tensor<std::int32_t>& y, const Tensor<T>& weights = {}) {
    const auto file = SafetensorsFile::read(std::string(GRADUS_GOLDEN_DIR) + "/training" +
                                            (sizeof(T) == 8 ? "_f64" : "") + ".safetensors");
    const auto expected = file.tensor<T>(name + "/losses");
    const Index rows = x.shape()[0] / 8;
    double worst = 0;
    for (Index step = 0; step < expected.size(); ++step) {
        const Index first = step % 8 * rows, last = first + rows;
        const auto w = weights.empty() ? Columns() : Columns(weights.view().rows(first, last));
        const Results r = model.train_on_batch(x.view().rows(first, last), y.view().rows(first, last), w);
        worst = worse(worst, std::abs(r.loss() - static_cast<double>(expected[step])));
    }
    return worst;
}

template <class T> constexpr double tolerance = sizeof(T) == 8 ? 1e-9 : 1e-4;

template <class T> void train_mlp_small() {
    Sequential<T> model{Dense(64, relu), Dense(64, relu), Dense(10, softmax)};
    model.build({dim::batch(), 20});
    model.compile({.optimizer = Adam(), .loss = SparseCategoricalCrossentropy()});
    set(model, "dense.kernel", values<T>(3, 0.5f, Shape{20, 64}));
    set(model, "dense_1.kernel", values<T>(4, 0.5f, Shape{64, 64}));
    set(model, "dense_2.kernel", values<T>(5, 0.5f, Shape{64, 10}));
    CHECK(worst_difference(model, "mlp_small", values<T>(1, 2, Shape{256, 20}), integers(2, 10, Shape{256})) <
          tolerance<T>);
}

template <class T> void train_lstm_text() {
    Sequential<T> model{Embedding({.input_dim = 10000, .output_dim = 50}), LSTM(64), Dense(1, sigmoid)};
    model.build({dim::batch(), dim::time()});
    model.compile({.optimizer = Adam(), .loss = BinaryCrossentropy()});
    set(model, "embedding.embeddings", values<T>(3, 1, Shape{10000, 50}));
    start_lstm(model, "lstm", 4, 50, 64);
    set(model, "dense.kernel", values<T>(6, 0.5f, Shape{64, 1}));
    CHECK(worst_difference(model, "lstm_text", integers(1, 10000, Shape{256, 100}), integers(2, 2, Shape{256})) <
          tolerance<T>);
}

template <class T> void train_masked() {
    Sequential<T> model{Embedding({.input_dim = 50, .output_dim = 8, .mask_zero = true}), Bidirectional(LSTM<T>(6)),
                        Dense(3, softmax)};
    model.build({dim::batch(), dim::time()});
    model.compile({.optimizer = Adam(), .loss = SparseCategoricalCrossentropy()});
    set(model, "embedding.embeddings", values<T>(4, 0.125f, Shape{50, 8}));
    start_lstm(model, "bidirectional.forward", 5, 8, 6);
    start_lstm(model, "bidirectional.backward", 7, 8, 6);
    set(model, "dense.kernel", values<T>(9, 0.5f, Shape{12, 3}));
    CHECK(worst_difference(model, "masked", padded(1, 50, 128, 12), integers(3, 3, Shape{128})) < tolerance<T>);
}

template <class T> void train_batch_norm() {
    Sequential<T> model{Dense({.units = 64, .use_bias = false}),
                        BatchNormalization(),
                        Activation(relu),
                        Dense(64, relu),
                        BatchNormalization(),
                        Dense(10, softmax)};
    model.build({dim::batch(), 20});
    model.compile({.optimizer = Adam(), .loss = SparseCategoricalCrossentropy()});
    set(model, "dense.kernel", values<T>(3, 0.5f, Shape{20, 64}));
    set(model, "dense_1.kernel", values<T>(4, 0.5f, Shape{64, 64}));
    set(model, "dense_2.kernel", values<T>(5, 0.5f, Shape{64, 10}));
    CHECK(worst_difference(model, "batch_norm", values<T>(1, 2, Shape{256, 20}), integers(2, 10, Shape{256})) <
          tolerance<T>);
    const auto file = SafetensorsFile::read(std::string(GRADUS_GOLDEN_DIR) + "/training" +
                                            (sizeof(T) == 8 ? "_f64" : "") + ".safetensors");
    for (const std::string name : {"moving_mean", "moving_variance"}) {
        const auto expected = file.tensor<T>("batch_norm/" + name);
        const auto got = model.parameter("batch_normalization." + name);
        for (Index i = 0; i < 64; ++i) CHECK(std::abs(got[i] - expected[i]) < 10 * tolerance<T>);
    }
}

template <class T> void train_layer_norm() {
    Sequential<T> model{Dense(64, relu), LayerNormalization(), Dense(64, relu), LayerNormalization(),
                        Dense(10, softmax)};
    model.build({dim::batch(), 20});
    model.compile({.optimizer = Adam(), .loss = SparseCategoricalCrossentropy()});
    set(model, "dense.kernel", values<T>(3, 0.5f, Shape{20, 64}));
    set(model, "dense_1.kernel", values<T>(4, 0.5f, Shape{64, 64}));
    set(model, "dense_2.kernel", values<T>(5, 0.5f, Shape{64, 10}));
    CHECK(worst_difference(model, "layer_norm", values<T>(1, 2, Shape{256, 20}), integers(2, 10, Shape{256})) <
          tolerance<T>);
}

template <class T> void train_masked_batch_norm() {
    Sequential<T> model{Embedding({.input_dim = 50, .output_dim = 8, .mask_zero = true}), BatchNormalization(), LSTM(6),
                        Dense(3, softmax)};
    model.build({dim::batch(), dim::time()});
    model.compile({.optimizer = Adam(), .loss = SparseCategoricalCrossentropy()});
    set(model, "embedding.embeddings", values<T>(4, 1, Shape{50, 8}));
    start_lstm(model, "lstm", 5, 8, 6);
    set(model, "dense.kernel", values<T>(7, 0.5f, Shape{6, 3}));
    // Keras adds 1e-7 to the number of steps.
    CHECK(worst_difference(model, "masked_batch_norm", padded(1, 50, 128, 12), integers(3, 3, Shape{128})) <
          std::max(tolerance<T>, 1e-8));
}

template <class T> void train_tagger(bool weighted) {
    Sequential<T> model{Embedding({.input_dim = 50, .output_dim = 8, .mask_zero = true}),
                        LSTM({.units = 6, .return_sequences = true}), Dense(5, softmax)};
    model.build({dim::batch(), dim::time()});
    model.compile({.optimizer = Adam(), .loss = SparseCategoricalCrossentropy()});
    set(model, "embedding.embeddings", values<T>(4, 0.125f, Shape{50, 8}));
    start_lstm(model, "lstm", 5, 8, 6);
    set(model, "dense.kernel", values<T>(7, 0.5f, Shape{6, 5}));
    Tensor<T> weights;
    if (weighted) {
        weights = values<T>(8, 2, Shape{128, 12});
        for (T& w : weights) w += 1;
    }
    CHECK(worst_difference(model, weighted ? "tagger_weighted" : "tagger", padded(1, 50, 128, 12),
                           integers(3, 5, Shape{128, 12}), weights) < tolerance<T>);
}

} // namespace

TEST_CASE("training: Keras's losses in float", "[golden]") {
    train_mlp_small<float>();
    train_lstm_text<float>();
    train_masked<float>();
    train_tagger<float>(false);
    train_tagger<float>(true);
    train_batch_norm<float>();
    train_layer_norm<float>();
    train_masked_batch_norm<float>();
}

TEST_CASE("training: Keras's losses in double", "[golden]") {
    train_mlp_small<double>();
    train_lstm_text<double>();
    train_masked<double>();
    train_tagger<double>(false);
    train_tagger<double>(true);
    train_batch_norm<double>();
    train_layer_norm<double>();
    train_masked_batch_norm<double>();
}
