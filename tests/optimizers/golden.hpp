// Follows a trajectory of tests/golden/optimizers.safetensors.
#pragma once
#include "blocks.hpp"
#include "worse.hpp"

#include <gradus/io/safetensors.hpp>

#include <algorithm>
#include <functional>
#include <string>

namespace blocks {

// The largest difference to the recorded values over all steps and tensors. `make` gives the optimizer of step t = 1,
// 2, ...; tensor `kept` does not decay.
template <class T>
double golden_difference(const std::string& name, const std::function<OptimizerHandle<T>(Index)>& make, int kept = -1) {
    const auto file = SafetensorsFile::read(std::string(GRADUS_GOLDEN_DIR) + "/optimizers.safetensors");
    std::vector<Tensor<double>> start, gradient, expected;
    std::vector<Shape> shapes;
    for (int i = 0; i < 3; ++i) {
        start.push_back(file.tensor<double>("start/" + std::to_string(i)));
        gradient.push_back(file.tensor<double>("gradient/" + std::to_string(i)));
        expected.push_back(file.tensor<double>(name + "/w/" + std::to_string(i)));
        shapes.push_back(start.back().shape());
    }
    Blocks<T> b(shapes, make(1)->moments());
    if (kept >= 0) b.segments[static_cast<std::size_t>(kept)].decay = false;
    for (std::size_t i = 0; i < 3; ++i)
        for (Index k = 0; k < start[i].size(); ++k)
            b.parameters[static_cast<std::size_t>(b.segments[i].offset + k)] = static_cast<T>(start[i][k]);
    double worst = 0;
    for (Index t = 0; t < expected[0].shape()[0]; ++t) {
        for (std::size_t i = 0; i < 3; ++i)
            for (Index k = 0; k < start[i].size(); ++k)
                b.gradients[static_cast<std::size_t>(b.segments[i].slot + k)] =
                    static_cast<T>(gradient[i][t * start[i].size() + k]);
        b.apply(*make(t + 1));
        for (std::size_t i = 0; i < 3; ++i)
            for (Index k = 0; k < start[i].size(); ++k)
                worst = worse(worst, std::abs(double(b.parameters[static_cast<std::size_t>(b.segments[i].offset + k)]) -
                                              expected[i][t * start[i].size() + k]));
    }
    return worst;
}

} // namespace blocks
