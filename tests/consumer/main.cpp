// A user's program: trains, saves, loads, and agrees with itself.
#include <gradus/gradus.hpp>
#include <gradus/io.hpp>

#include <iostream>

int main() {
    using namespace gradus;
    Sequential model{Dense(8, sigmoid), Dense(1, sigmoid)};
    model.compile({.optimizer = Adam({.learning_rate = 0.05}), .loss = BinaryCrossentropy()});
    const Tensor<float> x = tensor<float>({{0, 0}, {0, 1}, {1, 0}, {1, 1}});
    const Tensor<float> y = tensor<float>({{0}, {1}, {1}, {0}});
    model.fit(x, y, {.batch_size = 4, .epochs = 5, .verbose = Verbose::silent});
    save(model, "consumer.safetensors");
    auto again = load("consumer.safetensors");
    const bool same = again.fingerprint() == model.fingerprint();
    std::cout << "gradus " << GRADUS_VERSION << (same ? ": saved and loaded\n" : ": the loaded model differs\n");
    return same ? 0 : 1;
}
