// A small classifier: two dense layers, cross-entropy, Adam, a training loop.
#include <gradus/gradus.hpp>

#include <iostream>

using namespace gradus;

int main() {
    Tensor<float> x({256, 2});
    Tensor<std::int32_t> y({256});
    for (Index i = 0; i < 256; ++i) {
        x(i, 0) = static_cast<float>(i % 16) / 16;
        x(i, 1) = static_cast<float>(i / 16) / 16;
        y[i] = x(i, 0) * x(i, 1) > 0.25f;
    }
    Sequential model{Dense(16, relu), Dense(2, softmax)};
    model.compile({.optimizer = Adam(1e-2), .loss = SparseCategoricalCrossentropy(), .metrics = {Accuracy()}});
    model.fit(x, y, {.epochs = 20});
    std::cout << model.predict(x)[0] << "\n";
}
