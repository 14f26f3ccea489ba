// Trains two text classifiers, a small dense network and one for each further optimizer, loss and option for a few
// steps and prints the instruction set in use and, in a second line, fingerprints of all. Every compiler, optimisation
// level, instruction set with fused multiply-add and number of threads must print the same one.
#include <gradus/gradus.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>

using namespace gradus;

namespace {

Tensor<std::int32_t> integers(const Shape& shape, std::uint64_t key, Index below) {
    Tensor<std::int32_t> t(shape);
    const Random random(7, key, Purpose::sample);
    for (Index i = 0; i < t.size(); ++i) t[i] = static_cast<std::int32_t>(random.below(0, i, below));
    return t;
}

std::string text_classifier() {
    Sequential model{
        Embedding({.input_dim = 300, .output_dim = 10, .mask_zero = true}),
        Bidirectional(LSTM({.units = 20, .dropout = 0.2, .recurrent_dropout = 0.2, .return_sequences = true})),
        LSTM({.units = 18}),
        Dropout(0.1),
        Dense(1, sigmoid),
    };
    model.compile({.optimizer = Adam({.learning_rate = 1e-2}),
                   .loss = BinaryCrossentropy(),
                   .metrics = {Accuracy(), AUC()},
                   .seed = 3});
    const auto x = integers(Shape{70, 13}, 1, 300);
    const auto y = integers(Shape{70}, 2, 2);
    const History history = model.fit(x, y, {.batch_size = 32, .epochs = 2, .verbose = Verbose::silent});
    char logs[96];
    std::snprintf(logs, sizeof(logs), " %.17g %.17g", history["loss"].back(), history["auc"].back());
    return model.fingerprint() + logs;
}

std::string order_free() {
    Sequential model{Embedding({.input_dim = 300, .output_dim = 50, .mask_zero = true}), GlobalAveragePooling1D(),
                     Dropout(0.5), Dense(1, sigmoid)};
    model.compile({.optimizer = Adam(1e-2), .loss = BinaryCrossentropy(), .seed = 6});
    auto x = integers(Shape{70, 21}, 1, 300);
    for (Index r = 0; r < 70; ++r) std::fill_n(x.data() + r * 21, r % 20, 0); // padded at the front
    const History history =
        model.fit(x, integers(Shape{70}, 2, 2), {.batch_size = 32, .epochs = 2, .verbose = Verbose::silent});
    char loss[48];
    std::snprintf(loss, sizeof(loss), " %.17g", history["loss"].back());
    return model.fingerprint() + loss;
}

std::string digits() {
    Sequential model{Dense(70, relu), BatchNormalization(), Dense(33, activation::tanh), LayerNormalization(),
                     Dense(10, softmax)};
    model.compile({.optimizer = SGD({.learning_rate = 0.05}), .loss = SparseCategoricalCrossentropy(), .seed = 4});
    Tensor<float> x({150, 45});
    initializers::random_normal(0, 1)(x.view(), Random(5, 6, Purpose::noise));
    const auto y = integers(Shape{150}, 3, 10);
    model.fit(x, y, {.batch_size = 64, .epochs = 2, .verbose = Verbose::silent});
    return model.fingerprint();
}

// One of the other optimizers and losses with some of the options, on layers that those above lack.
std::string other(activation::Kind inner, const LossHandle<float>& loss, const MetricHandle<float>& metric,
                  CompileOptions<float> options, const FitOptions& fit) {
    Sequential model{Masking(),
                     TimeDistributed(Dense({.units = 7, .activation = inner, .kernel_regularizer = L1L2(1e-3, 1e-2)})),
                     Permute(2, 1),
                     Reshape(6, 7),
                     Flatten(),
                     RepeatVector(2),
                     TimeDistributed(BatchNormalization()),
                     Flatten(),
                     Dense({.units = 3, .activation = softmax, .kernel_constraint = MaxNorm(0.8)})};
    options.loss = {loss};
    options.metrics = {metric};
    options.seed = 5;
    model.compile(options);
    Tensor<float> x({75, 6, 5});
    initializers::random_normal(0, 1)(x.view(), Random(5, 7, Purpose::noise));
    std::fill_n(x.data() + 4 * 5, 10, 0.0f); // the last two steps of the first row
    const History history = model.fit(x, one_hot(integers(Shape{75}, 4, 3), 3), fit);
    char logs[96];
    std::snprintf(logs, sizeof(logs), " %.17g %.17g\n", history["loss"].back(), history[metric->name()].back());
    return model.fingerprint() + logs;
}

std::string others() {
    const FitOptions fit{.batch_size = 16, .epochs = 2, .verbose = Verbose::silent};
    FitOptions weighted = fit;
    weighted.class_weight = {{0, 0.5}, {2, 3}};
    const ExponentialDecay falling({.initial_learning_rate = 0.05, .decay_steps = 3, .decay_rate = 0.7});
    const CosineDecayRestarts cosine({.initial_learning_rate = 0.02, .first_decay_steps = 4});
    return other(gelu, MeanSquaredError(), RootMeanSquaredError(), {.optimizer = Momentum(0.05), .clip = {.norm = 0.3}},
                 fit) +
           other(silu, MeanAbsoluteError(), R2Score(),
                 {.optimizer = Momentum({.learning_rate = 0.3, .averaged = true}), .accumulate = 2}, fit) +
           other(elu, Huber(0.4), F1Score(), {.optimizer = Nesterov(falling), .clip = {.global_norm = 0.5}}, fit) +
           other(softplus, CategoricalCrossentropy({.label_smoothing = 0.1}), TopKCategoricalAccuracy({.k = 2}),
                 {.optimizer = AdamW(Warmup({.learning_rate = cosine, .warmup_steps = 3})), .ema = {.momentum = 0.9}},
                 weighted) +
           other(leaky_relu, MeanSquaredError(), Precision(),
                 {.optimizer = RMSprop({.learning_rate = 0.01, .momentum = 0.8, .centered = true}),
                  .groups = {{"dense", 0.1}},
                  .clip = {.value = 0.01}},
                 fit);
}

} // namespace

int main(int argc, char** argv) {
    try {
        set_threads(argc > 1 ? std::atoi(argv[1]) : 0);
        std::printf("isa: %s\n", kernels::name_of(kernels::isa()));
        std::printf("%s %s %s\n%s", text_classifier().c_str(), order_free().c_str(), digits().c_str(),
                    others().c_str());
    } catch (const std::exception& e) {
        std::fprintf(stderr, "error: %s\n", e.what());
        return 1;
    }
}
