#include "kernel_bench.hpp"

#include <gradus/kernels/reduce.hpp>

using namespace gradus;

namespace {

void reduce_sum_squares(benchmark::State& state) {
    const Index n = state.range(0);
    const auto x = bench::numbers<float>(n);
    double expected = 0;
    for (float v : x) expected += double(v) * double(v);
    if (std::abs(double(kernels::sum_squares(x.data(), n)) - expected) > 1e-4 * expected)
        return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, [&] { benchmark::DoNotOptimize(kernels::sum_squares(x.data(), n)); });
    bench::report_bytes(state, 4.0 * double(n), s);
}
BENCHMARK(reduce_sum_squares)->Arg(64)->Arg(1000)->Arg(50000)->Arg(5000000);

void reduce_all_finite(benchmark::State& state) {
    const Index n = state.range(0);
    const auto x = bench::numbers<float>(n);
    if (!kernels::all_finite(x.data(), n)) return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, [&] { benchmark::DoNotOptimize(kernels::all_finite(x.data(), n)); });
    bench::report_bytes(state, 4.0 * double(n), s);
}
BENCHMARK(reduce_all_finite)->Arg(1000)->Arg(50000)->Arg(5000000);

} // namespace
