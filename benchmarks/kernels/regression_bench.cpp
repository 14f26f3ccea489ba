#include "kernel_bench.hpp"

#include <gradus/kernels/regression.hpp>

using namespace gradus;

namespace {

void mean_squared_error(benchmark::State& state) {
    const Index rows = state.range(0), cols = state.range(1), n = rows * cols;
    const auto p = bench::numbers<float>(n, 1), target = bench::numbers<float>(n, 2);
    std::vector<float> loss(static_cast<std::size_t>(rows)), expected(loss);
    const auto run = [&] { kernels::mean_squared_error(loss.data(), p.data(), target.data(), rows, cols); };
    run();
    kernels::ref::mean_squared_error(expected.data(), p.data(), target.data(), rows, cols);
    if (bench::largest_difference(loss, expected) > 1e-5) return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, run);
    state.counters["ns/row"] = 1e9 * s / double(rows);
    bench::report_bytes(state, 8.0 * double(n), s);
}
BENCHMARK(mean_squared_error)
    ->ArgNames({"rows", "cols"})
    ->Args({32, 1})
    ->Args({32, 10})
    ->Args({64, 784})
    ->Args({20000, 1});

void huber_gradient(benchmark::State& state) {
    const Index rows = state.range(0), cols = state.range(1), n = rows * cols;
    const auto p = bench::numbers<float>(n, 1), target = bench::numbers<float>(n, 2),
               dloss = bench::numbers<float>(rows, 3);
    std::vector<float> dp(p.size()), expected(dp);
    const auto run = [&] {
        kernels::huber_gradient(dp.data(), dloss.data(), p.data(), target.data(), rows, cols, 0.5f);
    };
    run();
    kernels::ref::huber_gradient(expected.data(), dloss.data(), p.data(), target.data(), rows, cols, 0.5f);
    if (bench::largest_difference(dp, expected) > 1e-6) return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, run);
    state.counters["ns/row"] = 1e9 * s / double(rows);
    bench::report_bytes(state, 12.0 * double(n), s);
}
BENCHMARK(huber_gradient)->ArgNames({"rows", "cols"})->Args({32, 1})->Args({64, 784})->Args({20000, 1});

} // namespace
