#include "kernel_bench.hpp"

#include <gradus/kernels/elementwise.hpp>

using namespace gradus;

namespace {

void elementwise_axpy(benchmark::State& state) {
    const Index n = state.range(0);
    const auto x = bench::numbers<float>(n, 1);
    auto y = bench::numbers<float>(n, 2), expected = y;
    kernels::axpy(y.data(), 0.5f, x.data(), n);
    kernels::ref::axpy(expected.data(), 0.5f, x.data(), n);
    if (bench::largest_difference(y, expected) > 1e-6) return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, [&] { kernels::axpy(y.data(), 1e-6f, x.data(), n); });
    bench::report_bytes(state, 12.0 * double(n), s, 8.0 * double(n));
}
BENCHMARK(elementwise_axpy)->Arg(1000)->Arg(20000)->Arg(500000);

void elementwise_multiply(benchmark::State& state) {
    const Index n = state.range(0);
    const auto a = bench::numbers<float>(n, 1), b = bench::numbers<float>(n, 2);
    std::vector<float> y(a.size()), expected(a.size());
    kernels::multiply(y.data(), a.data(), b.data(), n);
    kernels::ref::multiply(expected.data(), a.data(), b.data(), n);
    if (bench::largest_difference(y, expected) > 0) return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, [&] { kernels::multiply(y.data(), a.data(), b.data(), n); });
    bench::report_bytes(state, 12.0 * double(n), s);
}
BENCHMARK(elementwise_multiply)->Arg(1000)->Arg(20000)->Arg(500000);

} // namespace
