#include "kernel_bench.hpp"

#include <gradus/kernels/initialize.hpp>

using namespace gradus;

namespace {

void initialize_fill(benchmark::State& state) {
    const Index n = 500000;
    const Random random(1, 2, Purpose::initial);
    std::vector<float> y(static_cast<std::size_t>(n)), expected(y);
    const auto run = [&] {
        if (state.range(0) == 0) kernels::fill_uniform(y.data(), random, -0.05, 0.05, n);
        if (state.range(0) == 1) kernels::fill_normal(y.data(), random, 0, 1, n);
        if (state.range(0) == 2) kernels::fill_truncated_normal(y.data(), random, 0, 1, n);
    };
    run();
    if (state.range(0) == 0) kernels::ref::fill_uniform(expected.data(), random, -0.05, 0.05, n);
    if (state.range(0) == 1) kernels::ref::fill_normal(expected.data(), random, 0, 1, n);
    if (state.range(0) == 2) kernels::ref::fill_truncated_normal(expected.data(), random, 0, 1, n);
    if (bench::largest_difference(y, expected) > 1e-6) return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, run);
    state.counters["ns/element"] = 1e9 * s / double(n);
    bench::report_bytes(state, 4.0 * double(n), s);
}
BENCHMARK(initialize_fill)->ArgName("kind")->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);

/// Its rows are orthonormal: there is no other reference.
void initialize_orthogonal(benchmark::State& state) {
    const Index rows = state.range(0), cols = state.range(1);
    const auto size = [](Index n) { return static_cast<std::size_t>(n); };
    std::vector<float> w(size(rows * cols));
    std::vector<double> workspace(size(kernels::orthogonal_workspace(rows, cols)));
    const auto run = [&] {
        kernels::orthogonal(w.data(), Random(1, 2, Purpose::initial), 1, rows, cols, workspace.data());
    };
    run();
    for (Index a = 0; a < rows; ++a)
        for (Index b = 0; b <= a; ++b) {
            double product = 0;
            for (Index c = 0; c < cols; ++c) product += double(w[size(a * cols + c)]) * double(w[size(b * cols + c)]);
            if (std::abs(product - (a == b)) > 1e-6) return state.SkipWithError("is not orthogonal");
        }
    const double s = bench::time_kernel(state, run);
    bench::report_flops<double>(state, 4.0 * double(rows * rows * cols), s);
}
BENCHMARK(initialize_orthogonal)->Args({64, 256})->Args({256, 1024})->Unit(benchmark::kMillisecond);

} // namespace
