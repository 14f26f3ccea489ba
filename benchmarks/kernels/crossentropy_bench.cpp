#include "kernel_bench.hpp"

#include <gradus/kernels/crossentropy.hpp>

using namespace gradus;

namespace {

void sparse_crossentropy(benchmark::State& state) {
    const Index rows = state.range(0), classes = state.range(1), n = rows * classes;
    const bool fused = state.range(2) != 0;
    auto p = bench::numbers<float>(n);
    if (fused) kernels::softmax_forward(p.data(), p.data(), rows, classes);
    std::vector<std::int32_t> target(static_cast<std::size_t>(rows));
    for (std::size_t r = 0; r < target.size(); ++r) target[r] = std::int32_t(r * 7 % std::size_t(classes));
    std::vector<float> loss(target.size()), d(p.size()), expected(loss), expected_d(d);
    const auto run = [&](float* l, float* g) {
        if (fused)
            kernels::softmax_sparse_crossentropy(l, g, p.data(), target.data(), rows, classes);
        else
            kernels::sparse_categorical_crossentropy(l, g, p.data(), target.data(), rows, classes, true);
    };
    run(loss.data(), d.data());
    if (fused)
        kernels::ref::softmax_sparse_crossentropy(expected.data(), expected_d.data(), p.data(), target.data(), rows,
                                                  classes);
    else
        kernels::ref::sparse_categorical_crossentropy(expected.data(), expected_d.data(), p.data(), target.data(), rows,
                                                      classes, true);
    if (bench::largest_difference(loss, expected) > 1e-5 || bench::largest_difference(d, expected_d) > 1e-6)
        return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, [&] { run(loss.data(), d.data()); });
    state.counters["ns/row"] = 1e9 * s / double(rows);
    bench::report_bytes(state, 8.0 * double(n), s);
}
BENCHMARK(sparse_crossentropy)
    ->ArgNames({"rows", "classes", "fused"})
    ->Args({32, 10, 1})
    ->Args({32, 10, 0})
    ->Args({4096, 65, 1});

void categorical_crossentropy(benchmark::State& state) {
    const Index rows = state.range(0), classes = state.range(1), n = rows * classes;
    auto p = bench::numbers<float>(n, 1), target = bench::numbers<float>(n, 2);
    kernels::softmax_forward(p.data(), p.data(), rows, classes);
    kernels::softmax_forward(target.data(), target.data(), rows, classes);
    std::vector<float> loss(static_cast<std::size_t>(rows)), d(p.size()), expected(loss), expected_d(d);
    const auto run = [&] {
        kernels::softmax_categorical_crossentropy(loss.data(), d.data(), p.data(), target.data(), rows, classes, 1e-7f,
                                                  0.1f);
    };
    run();
    kernels::ref::softmax_categorical_crossentropy(expected.data(), expected_d.data(), p.data(), target.data(), rows,
                                                   classes, 1e-7f, 0.1f);
    if (bench::largest_difference(loss, expected) > 1e-5 || bench::largest_difference(d, expected_d) > 1e-6)
        return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, run);
    state.counters["ns/row"] = 1e9 * s / double(rows);
    bench::report_bytes(state, 12.0 * double(n), s);
}
BENCHMARK(categorical_crossentropy)->ArgNames({"rows", "classes"})->Args({32, 10})->Args({64, 1000});

void binary_crossentropy(benchmark::State& state) {
    const Index n = state.range(0);
    const auto z = bench::numbers<float>(n);
    std::vector<float> target(z.size()), loss(z.size()), d(z.size()), expected(z.size()), expected_d(z.size());
    for (std::size_t i = 0; i < z.size(); ++i) target[i] = float(i % 2);
    const auto run = [&] { kernels::binary_crossentropy(loss.data(), d.data(), z.data(), target.data(), n, true); };
    run();
    kernels::ref::binary_crossentropy(expected.data(), expected_d.data(), z.data(), target.data(), n, true);
    if (bench::largest_difference(loss, expected) > 1e-6 || bench::largest_difference(d, expected_d) > 1e-6)
        return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, run);
    state.counters["ns/element"] = 1e9 * s / double(n);
    bench::report_bytes(state, 16.0 * double(n), s);
}
BENCHMARK(binary_crossentropy)->Arg(32)->Arg(10000);

} // namespace
