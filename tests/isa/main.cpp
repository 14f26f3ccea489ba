// Trains a small model and prints the instruction set in use, or the error that GRADUS_ISA brings.
#include <gradus/gradus.hpp>

#include <iostream>

int main() {
    using namespace gradus;
    try {
        Sequential model{Dense(1)};
        model.compile({.optimizer = SGD(0.1), .loss = MeanSquaredError()});
        const Tensor<float> x = tensor<float>({{0, 1}, {1, 0}}), y = tensor<float>({{1}, {0}});
        model.fit(x, y, {.epochs = 1, .verbose = Verbose::silent});
        std::cout << kernels::name_of(kernels::isa()) << '\n';
    } catch (const ValueError& e) {
        std::cerr << "error: " << e.what() << '\n';
        return 1;
    }
}
