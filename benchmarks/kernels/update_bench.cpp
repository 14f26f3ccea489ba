#include "kernel_bench.hpp"

#include <gradus/kernels/update.hpp>

using namespace gradus;

namespace {

void update_penalize(benchmark::State& state) {
    const Index n = state.range(0);
    const auto w = bench::numbers<float>(n, 1);
    auto g = bench::numbers<float>(n, 2), expected = g;
    kernels::penalize(g.data(), w.data(), 0.1f, 0.2f, n);
    kernels::ref::penalize(expected.data(), w.data(), 0.1f, 0.2f, n);
    if (bench::largest_difference(g, expected) > 1e-6) return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, [&] { kernels::penalize(g.data(), w.data(), 1e-7f, 1e-7f, n); });
    bench::report_bytes(state, 12.0 * double(n), s, 8.0 * double(n));
}
BENCHMARK(update_penalize)->Arg(20000)->Arg(500000);

void update_average(benchmark::State& state) {
    const Index n = state.range(0);
    const auto w = bench::numbers<float>(n, 1);
    auto a = bench::numbers<float>(n, 2), expected = a;
    kernels::average(a.data(), w.data(), 0.01f, n);
    kernels::ref::average(expected.data(), w.data(), 0.01f, n);
    if (bench::largest_difference(a, expected) > 1e-6) return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, [&] { kernels::average(a.data(), w.data(), 0.01f, n); });
    bench::report_bytes(state, 12.0 * double(n), s, 8.0 * double(n));
}
BENCHMARK(update_average)->Arg(20000)->Arg(500000);

void update_norm(benchmark::State& state) {
    const Index rows = state.range(0), dim = state.range(1);
    const auto x = bench::numbers<float>(rows * dim, 1);
    double squares = 0;
    for (const float v : x) squares += double(v) * double(v);
    if (std::abs(kernels::sum_squares_by_row(x.data(), rows, dim) / squares - 1) > 1e-5)
        return state.SkipWithError("differs from the reference");
    const double s =
        bench::time_kernel(state, [&] { benchmark::DoNotOptimize(kernels::sum_squares_by_row(x.data(), rows, dim)); });
    bench::report_bytes(state, 4.0 * double(rows * dim), s);
}
BENCHMARK(update_norm)->Args({500000, 1})->Args({784, 512})->Args({10000, 50});

void update_limit_columns(benchmark::State& state) {
    const Index rows = state.range(0), columns = state.range(1);
    auto w = bench::numbers<float>(rows * columns, 1), expected = w;
    kernels::limit_columns(w.data(), 2.0f, rows, columns);
    kernels::ref::limit_columns(expected.data(), 2.0f, rows, columns);
    if (bench::largest_difference(w, expected) > 1e-5) return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, [&] { kernels::limit_columns(w.data(), 2.0f, rows, columns); });
    bench::report_bytes(state, 12.0 * double(rows * columns), s, 4.0 * double(rows * columns));
}
BENCHMARK(update_limit_columns)->Args({784, 512})->Args({64, 64});

} // namespace
