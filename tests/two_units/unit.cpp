// Compiled twice, with different options; UNIT names the function.
#include <gradus/gradus.hpp>

#include <string>

std::string UNIT() {
    using namespace gradus;
    Sequential model{Dense(8, sigmoid), Dense(1, sigmoid)};
    model.compile({.optimizer = Adam({.learning_rate = 0.05}), .loss = BinaryCrossentropy()});
    const Tensor<float> x = tensor<float>({{0, 0}, {0, 1}, {1, 0}, {1, 1}});
    const Tensor<float> y = tensor<float>({{0}, {1}, {1}, {0}});
    model.fit(x, y, {.batch_size = 4, .epochs = 5, .verbose = Verbose::silent});
    return model.fingerprint();
}
