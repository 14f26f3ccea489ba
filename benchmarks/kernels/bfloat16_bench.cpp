#include "kernel_bench.hpp"

#include <gradus/kernels/bfloat16.hpp>

using namespace gradus;
using kernels::Transpose;

namespace {

/// From float operands on both sides, rounding included; beside it the product in float32, in turn.
void matmul_bfloat16(benchmark::State& state) {
    const Index m = state.range(0), n = state.range(1), k = state.range(2);
    const bool at = state.range(3) == 1, bt = state.range(3) == 2;
    const Transpose ta = Transpose(at), tb = Transpose(bt);
    const Index lda = at ? m : k, ldb = bt ? k : n;
    const auto a = bench::numbers<float>(m * k, 1), b = bench::numbers<float>(k * n, 2);
    std::vector<float> c(static_cast<std::size_t>(m * n)), expected(c.size());
    std::vector<float> workspace(static_cast<std::size_t>(kernels::matmul_workspace<float>(m, n, k, ta, tb)));
    const auto product = [&](ProductPrecision precision) {
        kernels::matmul(c.data(), n, a.data(), lda, ta, b.data(), ldb, tb, m, n, k, false, {}, workspace.data(),
                        precision);
    };
    const auto ours = [&] { product(bfloat16); };
    ours();
    kernels::ref::matmul(expected.data(), n, a.data(), lda, ta, b.data(), ldb, tb, m, n, k, false, {}, workspace.data(),
                         bfloat16);
    if (bench::largest_difference(c, expected) > 1e-6 * double(k + 10))
        return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, ours);
    state.counters["GFLOP/s"] = 2e-9 * double(m) * double(n) * double(k) / s;
    const auto [mine, theirs] = bench::in_turn(ours, [&] { product({}); });
    state.counters["xfloat32"] = theirs / mine;
}
BENCHMARK(matmul_bfloat16)->Apply(bench::product_shapes)->MinTime(0.01)->UseRealTime();

} // namespace
