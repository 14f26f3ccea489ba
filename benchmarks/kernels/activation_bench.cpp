#include "kernel_bench.hpp"

#include <gradus/kernels/activation.hpp>

using namespace gradus;

namespace {

void activation_both_ways(benchmark::State& state, activation::Kind kind) {
    const Index rows = state.range(0), cols = state.range(1), n = rows * cols;
    const auto x = bench::numbers<float>(n, 1), dy = bench::numbers<float>(n, 2);
    std::vector<float> y(x.size()), dx(x.size()), expected(x.size()), expected_dx(x.size());
    const float* const saved = activation::needs_input(kind) ? x.data() : y.data();
    const auto run = [&] {
        kernels::activation_forward(y.data(), x.data(), kind, rows, cols);
        kernels::activation_backward(dx.data(), dy.data(), saved, kind, rows, cols);
    };
    run();
    kernels::ref::activation_forward(expected.data(), x.data(), kind, rows, cols);
    kernels::ref::activation_backward(expected_dx.data(), dy.data(), saved, kind, rows, cols);
    if (bench::largest_difference(y, expected) > 1e-6 || bench::largest_difference(dx, expected_dx) > 1e-6)
        return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, run);
    state.counters["ns/element"] = 1e9 * s / double(n);
    bench::report_bytes(state, 20.0 * double(n), s);
}
BENCHMARK_CAPTURE(activation_both_ways, relu, relu)->Args({32, 64})->Args({128, 512});
BENCHMARK_CAPTURE(activation_both_ways, sigmoid, sigmoid)->Args({32, 1})->Args({128, 512});
BENCHMARK_CAPTURE(activation_both_ways, tanh, activation::tanh)->Args({32, 64})->Args({128, 512});
BENCHMARK_CAPTURE(activation_both_ways, gelu, gelu)->Args({128, 512});
BENCHMARK_CAPTURE(activation_both_ways, gelu_tanh, gelu_tanh)->Args({128, 512});
BENCHMARK_CAPTURE(activation_both_ways, silu, silu)->Args({128, 512});
BENCHMARK_CAPTURE(activation_both_ways, elu, elu)->Args({128, 512});
BENCHMARK_CAPTURE(activation_both_ways, leaky_relu, leaky_relu)->Args({128, 512});
BENCHMARK_CAPTURE(activation_both_ways, softplus, softplus)->Args({128, 512});
BENCHMARK_CAPTURE(activation_both_ways, log_softmax, log_softmax)->Args({128, 512});

} // namespace
