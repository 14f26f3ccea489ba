/// Helpers of the kernel benchmarks: rates, the machine's peaks in the same run, peers measured in turn.
#pragma once
#include <gradus/core/parallel.hpp>
#include <gradus/kernels/matmul.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace bench {

using gradus::Index;

inline double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Seconds of one call: the best of `rounds` windows of about `window` seconds.
template <class F> double best_seconds(F&& f, double window = 1e-3, int rounds = 9) {
    double start = seconds_now();
    f();
    Index repeats = 1;
    while ((
               start = seconds_now(),
               [&] {
                   for (Index i = 0; i < repeats; ++i) f();
               }(),
               seconds_now() - start) < window)
        repeats *= 2;
    double best = 1e30;
    for (int r = 0; r < rounds; ++r) {
        start = seconds_now();
        for (Index i = 0; i < repeats; ++i) f();
        best = std::min(best, (seconds_now() - start) / double(repeats));
    }
    return best;
}

/// Time of `ours` and of `peer`, measured in turn; each the best of its windows.
template <class F, class G> std::pair<double, double> in_turn(F&& ours, G&& peer) {
    double a = 1e30, b = 1e30;
    for (int r = 0; r < 5; ++r) {
        a = std::min(a, best_seconds(ours, 1e-3, 1));
        b = std::min(b, best_seconds(peer, 1e-3, 1));
    }
    return {a, b};
}

/// Reproducible numbers in [-1, 1).
template <class T> std::vector<T> numbers(Index n, unsigned seed = 1) {
    std::vector<T> x(static_cast<std::size_t>(n));
    unsigned s = seed * 2654435761u + 1;
    for (T& v : x) {
        s = s * 1664525u + 1013904223u;
        v = T(double(s >> 8) / double(1 << 23) - 1.0);
    }
    return x;
}

template <class T> double largest_difference(const std::vector<T>& a, const std::vector<T>& b) {
    double worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double d = std::abs(double(a[i]) - double(b[i]));
        if (!(d <= worst)) worst = d;
    }
    return worst;
}

/// GFLOP/s of one thread on data that fit the first cache: what the micro-kernel can reach, measured now.
template <class T> double peak_gflops() {
    const Index m = 12, n = gradus::kernels::detail::gemm_panel<T>, k = 128;
    const auto a = numbers<T>(m * k), b = numbers<T>(k * n);
    std::vector<T> c(static_cast<std::size_t>(m * n));
    gradus::SerialScope serial;
    const double s = best_seconds(
        [&] {
            gradus::kernels::matmul(c.data(), n, a.data(), k, gradus::kernels::Transpose::no, b.data(), n,
                                    gradus::kernels::Transpose::no, m, n, k, false, gradus::kernels::Epilogue<T>{},
                                    static_cast<T*>(nullptr));
            benchmark::DoNotOptimize(c.data());
        },
        5e-4, 20);
    return 2e-9 * double(m * n * k) / s;
}

/// GB/s of memcpy, bytes read plus bytes written, on a working set of about `bytes`; measured once per size.
inline double copy_bandwidth(Index bytes) {
    static std::map<Index, double> known;
    const Index half = std::max<Index>(bytes / 2, 64);
    if (const auto it = known.find(half); it != known.end()) return it->second;
    std::vector<char> from(static_cast<std::size_t>(half), 1), to(static_cast<std::size_t>(half));
    const double s = best_seconds([&] {
        std::memcpy(to.data(), from.data(), from.size());
        benchmark::ClobberMemory();
    });
    return known[half] = 2e-9 * double(half) / s;
}

/// Reports GFLOP/s and the percentage of the micro-kernel's peak times threads.
template <class T> void report_flops(benchmark::State& state, double flops_per_iteration, double seconds) {
    const double rate = 1e-9 * flops_per_iteration / seconds;
    state.counters["GFLOP/s"] = rate;
    state.counters["%peak"] = 100 * rate / (peak_gflops<T>() * gradus::threads());
}

/// Reports GB/s and the percentage of memcpy's rate on a working set of the same size: `distinct` bytes, which are
/// fewer than are read and written where something is updated in place (0: as many).
inline void report_bytes(benchmark::State& state, double bytes_per_iteration, double seconds, double distinct = 0) {
    const double rate = 1e-9 * bytes_per_iteration / seconds;
    state.counters["GB/s"] = rate;
    state.counters["%copy"] = 100 * rate / copy_bandwidth(Index(distinct > 0 ? distinct : bytes_per_iteration));
}

/// The common shape of a kernel's benchmark: check first, then time `run`; its rate comes from the best windows.
template <class F> double time_kernel(benchmark::State& state, F&& run) {
    for (auto _ : state) {
        run();
        benchmark::ClobberMemory();
    }
    return best_seconds(run);
}

/// A product of product_shapes, with its operands.
struct Product {
    explicit Product(const benchmark::State& state)
        : m(state.range(0)), n(state.range(1)), k(state.range(2)), ta(gradus::kernels::Transpose(state.range(3) == 1)),
          tb(gradus::kernels::Transpose(state.range(3) == 2)), lda(state.range(3) == 1 ? m : k),
          ldb(state.range(3) == 2 ? k : n), a(numbers<float>(m * k, 1)), b(numbers<float>(k * n, 2)),
          c(static_cast<std::size_t>(m * n)), expected(c),
          workspace(static_cast<std::size_t>(gradus::kernels::matmul_workspace<float>(m, n, k, ta, tb))) {}

    void run(gradus::ProductPrecision precision = {}) {
        gradus::kernels::matmul(c.data(), n, a.data(), lda, ta, b.data(), ldb, tb, m, n, k, false, {}, workspace.data(),
                                precision);
    }
    void run_reference(gradus::ProductPrecision precision = {}) {
        gradus::kernels::ref::matmul(expected.data(), n, a.data(), lda, ta, b.data(), ldb, tb, m, n, k, false, {},
                                     workspace.data(), precision);
    }
    /// Whether both give the same, to the sums' rounding.
    bool agrees(gradus::ProductPrecision precision = {}) {
        run(precision);
        run_reference(precision);
        return largest_difference(c, expected) <= 1e-6 * double(k + 10);
    }
    double flops() const { return 2.0 * double(m) * double(n) * double(k); }

    Index m, n, k;
    gradus::kernels::Transpose ta, tb;
    Index lda, ldb;
    std::vector<float> a, b, c, expected, workspace;
};

/// The products of the workloads, each also with either side transposed (1: left, 2: right).
inline void product_shapes(benchmark::internal::Benchmark* b) {
    b->ArgNames({"m", "n", "k", "transposed"});
    const Index all[][3] = {
        {32, 64, 20},     {128, 128, 128},   {256, 256, 256}, {512, 512, 512}, {1024, 1024, 1024}, {2048, 2048, 2048},
        {32, 256, 64},    {128, 512, 784},   {64, 256, 1024}, {32, 64, 50},    {256, 10, 64},      {4096, 64, 576},
        {1024, 768, 768}, {1024, 3072, 768}, {25, 64, 576},   {1, 256, 512},   {64, 256, 3200}};
    for (const auto& s : all)
        for (Index t : {0, 1, 2}) b->Args({s[0], s[1], s[2], t});
}
} // namespace bench
