#include "kernel_bench.hpp"

#include <gradus/kernels/dropout.hpp>

using namespace gradus;

namespace {

void dropout_mask(benchmark::State& state) {
    const Index rows = state.range(0), cols = state.range(1), n = rows * cols;
    const Random random(1, 2, Purpose::dropout);
    std::vector<float> mask(static_cast<std::size_t>(n)), expected(mask);
    kernels::dropout_mask(mask.data(), random, 0.2f, rows, cols);
    kernels::ref::dropout_mask(expected.data(), random, 0.2f, rows, cols);
    if (bench::largest_difference(mask, expected) > 0) return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, [&] { kernels::dropout_mask(mask.data(), random, 0.2f, rows, cols); });
    state.counters["ns/element"] = 1e9 * s / double(n);
    bench::report_bytes(state, 4.0 * double(n), s);
}
BENCHMARK(dropout_mask)->Args({32, 50})->Args({32, 64})->Args({128, 4096});

} // namespace
