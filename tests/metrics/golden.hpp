// What Keras computes for metrics of the same ten rows: tests/golden/metrics.safetensors.
#pragma once
#include <gradus/io/safetensors.hpp>
#include <gradus/metrics/metric.hpp>

#include "../catch.hpp"

#include <cmath>
#include <string>

namespace golden {

using namespace gradus;

/// The metric's result for targets and predictions by name, plain and weighted, in two batches, in float and double.
template <template <class> class M> void check(const M<float>& metric, const std::string& key,
                                               const std::string& target, const std::string& prediction,
                                               double tolerance = 1e-12) {
    INFO(key);
    const auto file = SafetensorsFile::read(std::string(GRADUS_GOLDEN_DIR) + "/metrics.safetensors");
    const auto run = [&]<class T>(Metric<T>& m, const auto& t) {
        const Tensor<T> p = file.tensor<T>(prediction), w = file.tensor<T>("w");
        for (bool weighted : {false, true}) {
            m.reset(p.size());
            for (auto [first, last] : {std::pair<Index, Index>{0, 7}, {7, 10}})
                m.update(t.view().rows(first, last), p.view().rows(first, last),
                         weighted ? View<const T>(w).rows(first, last) : View<const T>());
            const double expected = file.tensor<double>(key + (weighted ? "/weighted" : ""))[0];
            CHECK(std::abs(m.result() - expected) <= tolerance);
        }
    };
    M<float> single(metric);
    M<double> wide(metric);
    if (target == "labels") {
        run(single, file.tensor<std::int32_t>(target));
        run(wide, file.tensor<std::int32_t>(target));
    } else {
        run(single, file.tensor<float>(target));
        run(wide, file.tensor<double>(target));
    }
}

} // namespace golden
