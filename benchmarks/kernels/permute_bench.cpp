#include "kernel_bench.hpp"

#include <gradus/kernels/permute.hpp>

using namespace gradus;

namespace {

void permute(benchmark::State& state, const std::vector<Index>& axes) {
    const Shape shape{state.range(0), state.range(1), state.range(2)};
    const auto x = bench::numbers<float>(shape.size());
    std::vector<float> y(x.size()), expected(x.size());
    const auto run = [&] { kernels::permute(y.data(), x.data(), shape, axes.data()); };
    run();
    kernels::ref::permute(expected.data(), x.data(), shape, axes.data());
    if (bench::largest_difference(y, expected) > 0) return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, run);
    bench::report_bytes(state, 8.0 * double(shape.size()), s);
}
BENCHMARK_CAPTURE(permute, 0_2_1, {0, 2, 1})->Args({32, 28, 28})->Args({32, 100, 50})->Args({16, 512, 512});
BENCHMARK_CAPTURE(permute, 1_0_2, {1, 0, 2})->Args({32, 100, 50});

} // namespace
