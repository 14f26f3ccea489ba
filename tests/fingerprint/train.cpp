// Trains a text classifier and a small dense network for a few steps and prints the instruction set in use and, in a
// second line, a fingerprint of both. Every compiler, optimisation level, instruction set with fused multiply-add and
// number of threads must print the same one.
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

} // namespace

int main(int argc, char** argv) {
    try {
        set_threads(argc > 1 ? std::atoi(argv[1]) : 0);
        std::printf("isa: %s\n", kernels::name_of(kernels::isa()));
        std::printf("%s %s\n", text_classifier().c_str(), digits().c_str());
    } catch (const std::exception& e) {
        std::fprintf(stderr, "error: %s\n", e.what());
        return 1;
    }
}
