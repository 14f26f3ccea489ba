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
    bench::Product p(state);
    const auto ours = [&] { p.run(); };
    if (!p.agrees()) return state.SkipWithError("differs from the reference");

    const double s = bench::time_kernel(state, ours);
    bench::report_flops<float>(state, p.flops(), s);
    if (openblas().sgemm) {
        const auto side = [](Transpose t) { return t == Transpose::yes ? 112 : 111; };
        const auto peer = [&] {
            openblas().sgemm(101, side(p.ta), side(p.tb), int(p.m), int(p.n), int(p.k), 1, p.a.data(), int(p.lda),
                             p.b.data(), int(p.ldb), 0, p.expected.data(), int(p.n));
        };
        const auto [mine, theirs] = bench::in_turn(ours, peer);
        state.counters["xOpenBLAS"] = theirs / mine;
    }
    const auto [mine, theirs] = bench::in_turn(ours, [&] { p.run_reference(); });
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
