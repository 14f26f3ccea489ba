#include "kernel_bench.hpp"

#include <gradus/kernels/matmul.hpp>

#include <dlfcn.h>

#include <cstdio>

using namespace gradus;
using kernels::Transpose;

namespace {

/// OpenBLAS where the machine has it.
struct OpenBlas {
    using Sgemm = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*,
                           int);
    Sgemm sgemm = nullptr;

    OpenBlas() {
        void* library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
        if (!library) return;
        sgemm = reinterpret_cast<Sgemm>(dlsym(library, "cblas_sgemm"));
        if (const auto set = reinterpret_cast<void (*)(int)>(dlsym(library, "openblas_set_num_threads")))
            set(threads());
        if (const auto core = reinterpret_cast<char* (*)()>(dlsym(library, "openblas_get_corename")))
            std::fprintf(stderr, "OpenBLAS core: %s\n", core());
    }
};

const OpenBlas& openblas() {
    static const OpenBlas library;
    return library;
}

void matmul(benchmark::State& state) {
    const Index m = state.range(0), n = state.range(1), k = state.range(2);
    const bool at = state.range(3) == 1, bt = state.range(3) == 2;
    const Transpose ta = Transpose(at), tb = Transpose(bt);
    const Index lda = at ? m : k, ldb = bt ? k : n;
    const auto a = bench::numbers<float>(m * k, 1), b = bench::numbers<float>(k * n, 2);
    std::vector<float> c(static_cast<std::size_t>(m * n)), expected(c.size());
    std::vector<float> workspace(static_cast<std::size_t>(kernels::matmul_workspace<float>(m, n, k, ta, tb)));
    const kernels::Epilogue<float> none;
    const auto ours = [&] {
        kernels::matmul(c.data(), n, a.data(), lda, ta, b.data(), ldb, tb, m, n, k, false, none, workspace.data());
    };
    ours();
    kernels::ref::matmul(expected.data(), n, a.data(), lda, ta, b.data(), ldb, tb, m, n, k, false, none);
    if (bench::largest_difference(c, expected) > 1e-6 * double(k + 10))
        return state.SkipWithError("differs from the reference");

    const double s = bench::time_kernel(state, ours);
    bench::report_flops<float>(state, 2.0 * double(m) * double(n) * double(k), s);
    if (openblas().sgemm) {
        const auto peer = [&] {
            openblas().sgemm(101, at ? 112 : 111, bt ? 112 : 111, int(m), int(n), int(k), 1, a.data(), int(lda),
                             b.data(), int(ldb), 0, expected.data(), int(n));
        };
        const auto [mine, theirs] = bench::in_turn(ours, peer);
        state.counters["xOpenBLAS"] = theirs / mine;
    }
    const auto eigen = [&] {
        kernels::ref::matmul(expected.data(), n, a.data(), lda, ta, b.data(), ldb, tb, m, n, k, false, none);
    };
    const auto [mine, theirs] = bench::in_turn(ours, eigen);
    state.counters["xEigen"] = theirs / mine;
}

BENCHMARK(matmul)->Apply(bench::product_shapes)->MinTime(0.01)->UseRealTime();

void column_sums(benchmark::State& state) {
    const Index rows = state.range(0), cols = state.range(1);
    const auto x = bench::numbers<float>(rows * cols, 1);
    std::vector<float> y(static_cast<std::size_t>(cols)), expected(y.size());
    kernels::column_sums(y.data(), x.data(), rows, cols, false);
    kernels::ref::column_sums(expected.data(), x.data(), rows, cols, false);
    if (bench::largest_difference(y, expected) > 1e-6 * double(rows))
        return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, [&] { kernels::column_sums(y.data(), x.data(), rows, cols, false); });
    bench::report_bytes(state, 4.0 * double(rows * cols), s);
}
BENCHMARK(column_sums)->Args({32, 64})->Args({128, 512})->Args({3200, 256})->Args({256, 10});

} // namespace
