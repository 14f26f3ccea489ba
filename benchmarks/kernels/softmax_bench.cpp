#include "kernel_bench.hpp"

#include <gradus/kernels/softmax.hpp>

using namespace gradus;

namespace {

void softmax_forward(benchmark::State& state) {
    const Index rows = state.range(0), cols = state.range(1), n = rows * cols;
    const auto x = bench::numbers<float>(n);
    std::vector<float> y(x.size()), expected(x.size());
    kernels::softmax_forward(y.data(), x.data(), rows, cols);
    kernels::ref::softmax_forward(expected.data(), x.data(), rows, cols);
    if (bench::largest_difference(y, expected) > 1e-6) return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, [&] { kernels::softmax_forward(y.data(), x.data(), rows, cols); });
    state.counters["ns/row"] = 1e9 * s / double(rows);
    bench::report_bytes(state, 8.0 * double(n), s);
}
BENCHMARK(softmax_forward)->Args({32, 10})->Args({128, 10})->Args({64, 65})->Args({64, 1000})->Args({16, 30522});

void softmax_backward(benchmark::State& state) {
    const Index rows = state.range(0), cols = state.range(1), n = rows * cols;
    auto y = bench::numbers<float>(n, 1);
    const auto dy = bench::numbers<float>(n, 2);
    kernels::softmax_forward(y.data(), y.data(), rows, cols);
    std::vector<float> dx(y.size()), expected(y.size());
    kernels::softmax_backward(dx.data(), dy.data(), y.data(), rows, cols);
    kernels::ref::softmax_backward(expected.data(), dy.data(), y.data(), rows, cols);
    if (bench::largest_difference(dx, expected) > 1e-6) return state.SkipWithError("differs from the reference");
    const double s =
        bench::time_kernel(state, [&] { kernels::softmax_backward(dx.data(), dy.data(), y.data(), rows, cols); });
    state.counters["ns/row"] = 1e9 * s / double(rows);
    bench::report_bytes(state, 12.0 * double(n), s);
}
BENCHMARK(softmax_backward)->Args({32, 10})->Args({64, 65})->Args({64, 1000});

} // namespace
