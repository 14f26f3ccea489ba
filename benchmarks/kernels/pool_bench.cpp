#include "kernel_bench.hpp"

#include <gradus/kernels/pool.hpp>

using namespace gradus;

namespace {

void pool_average_time(benchmark::State& state) {
    const Index B = state.range(0), S = state.range(1), D = state.range(2);
    const auto x = bench::numbers<float>(B * S * D, 1), dy = bench::numbers<float>(B * D, 2);
    std::vector<float> y(dy.size()), expected(y), dx(x.size()), expected_dx(dx);
    std::vector<std::uint8_t> mask(static_cast<std::size_t>(B * S));
    for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = Index(i) % S < S / 2 + Index(i) / S;
    kernels::average_pool_time_forward(y.data(), x.data(), mask.data(), B, S, D);
    kernels::ref::average_pool_time_forward(expected.data(), x.data(), mask.data(), B, S, D);
    kernels::average_pool_time_backward(dx.data(), dy.data(), mask.data(), B, S, D);
    kernels::ref::average_pool_time_backward(expected_dx.data(), dy.data(), mask.data(), B, S, D);
    if (y != expected || bench::largest_difference(dx, expected_dx) > 1e-6)
        return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, [&] {
        kernels::average_pool_time_forward(y.data(), x.data(), static_cast<const std::uint8_t*>(nullptr), B, S, D);
        kernels::average_pool_time_backward(dx.data(), dy.data(), static_cast<const std::uint8_t*>(nullptr), B, S, D);
    });
    state.counters["us"] = 1e6 * s;
    bench::report_bytes(state, 8.0 * double(B * S * D), s);
}
BENCHMARK(pool_average_time)->Args({32, 100, 50})->Args({128, 30, 300});

} // namespace
