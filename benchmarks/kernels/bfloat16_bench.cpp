#include "kernel_bench.hpp"

#include <gradus/kernels/bfloat16.hpp>

using namespace gradus;

namespace {

/// From float operands on both sides, rounding included; beside it the product in float32, in turn. The peak is
/// float32's.
void matmul_bfloat16(benchmark::State& state) {
    bench::Product product(state);
    const auto ours = [&] { product.run(bfloat16); };
    if (!product.agrees(bfloat16)) return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, ours);
    bench::report_flops<float>(state, product.flops(), s);
    const auto [mine, theirs] = bench::in_turn(ours, [&] { product.run(); });
    state.counters["xfloat32"] = theirs / mine;
}
BENCHMARK(matmul_bfloat16)->Apply(bench::product_shapes)->MinTime(0.01)->UseRealTime();

} // namespace
