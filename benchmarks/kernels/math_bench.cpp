#include "kernel_bench.hpp"

#include <gradus/kernels/math.hpp>

using namespace gradus;

namespace {

template <class T> using Function = void (*)(T*, const T*, Index);

/// Against libm, one call per element: what a plain loop does.
template <class T> void math(benchmark::State& state, Function<T> f, Function<T> reference, double low) {
    const Index n = 4096;
    auto x = bench::numbers<T>(n);
    for (T& v : x) v = low > 0 ? T(low) + std::abs(v) * 10 : v * 10;
    std::vector<T> y(x.size()), expected(x.size());
    f(y.data(), x.data(), n);
    reference(expected.data(), x.data(), n);
    for (std::size_t i = 0; i < x.size(); ++i)
        if (std::abs(double(y[i] - expected[i])) > 1e-6 * std::abs(double(expected[i])) + 1e-7)
            return state.SkipWithError("differs from the reference");
    for (auto _ : state) {
        f(y.data(), x.data(), n);
        benchmark::ClobberMemory();
    }
    const auto [ours, libm] =
        bench::in_turn([&] { f(y.data(), x.data(), n); }, [&] { reference(y.data(), x.data(), n); });
    state.counters["ns/element"] = 1e9 * ours / double(n);
    state.counters["times_libm"] = libm / ours;
    bench::report_bytes(state, 2.0 * sizeof(T) * double(n), ours);
}

BENCHMARK_CAPTURE(math, exp_float, &kernels::vexp<float>, &kernels::ref::vexp<float>, 0.0);
BENCHMARK_CAPTURE(math, log_float, &kernels::vlog<float>, &kernels::ref::vlog<float>, 0.01);
BENCHMARK_CAPTURE(math, tanh_float, &kernels::vtanh<float>, &kernels::ref::vtanh<float>, 0.0);
BENCHMARK_CAPTURE(math, sigmoid_float, &kernels::vsigmoid<float>, &kernels::ref::vsigmoid<float>, 0.0);
BENCHMARK_CAPTURE(math, sin_float, &kernels::vsin<float>, &kernels::ref::vsin<float>, 0.0);
BENCHMARK_CAPTURE(math, cos_float, &kernels::vcos<float>, &kernels::ref::vcos<float>, 0.0);
BENCHMARK_CAPTURE(math, exp_double, &kernels::vexp<double>, &kernels::ref::vexp<double>, 0.0);
BENCHMARK_CAPTURE(math, log_double, &kernels::vlog<double>, &kernels::ref::vlog<double>, 0.01);
BENCHMARK_CAPTURE(math, tanh_double, &kernels::vtanh<double>, &kernels::ref::vtanh<double>, 0.0);
BENCHMARK_CAPTURE(math, sin_double, &kernels::vsin<double>, &kernels::ref::vsin<double>, 0.0);

} // namespace
