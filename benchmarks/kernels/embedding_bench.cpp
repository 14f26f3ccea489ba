#include "kernel_bench.hpp"

#include <gradus/kernels/embedding.hpp>

using namespace gradus;

namespace {

std::vector<std::int32_t> tokens(Index n, Index vocabulary) {
    std::vector<std::int32_t> ids(static_cast<std::size_t>(n));
    unsigned s = 1;
    for (auto& id : ids) {
        s = s * 1664525u + 1013904223u;
        id = std::int32_t(Index(s >> 4) % vocabulary);
    }
    return ids;
}
std::size_t size(Index n) { return static_cast<std::size_t>(n); }

void embedding_forward(benchmark::State& state) {
    const Index n = state.range(0), vocabulary = state.range(1), dim = state.range(2);
    const auto ids = tokens(n, vocabulary);
    const auto table = bench::numbers<float>(vocabulary * dim);
    std::vector<float> y(size(n * dim)), expected(y);
    kernels::embedding_forward(y.data(), ids.data(), table.data(), n, vocabulary, dim);
    kernels::ref::embedding_forward(expected.data(), ids.data(), table.data(), n, vocabulary, dim);
    if (y != expected) return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(
        state, [&] { kernels::embedding_forward(y.data(), ids.data(), table.data(), n, vocabulary, dim); });
    state.counters["us"] = 1e6 * s;
    bench::report_bytes(state, 8.0 * double(n * dim), s);
}
BENCHMARK(embedding_forward)->Args({3200, 10000, 50})->Args({4096, 65, 128})->Args({2048, 30522, 384});

void embedding_unique_rows(benchmark::State& state) {
    const Index n = state.range(0), vocabulary = state.range(1);
    const auto ids = tokens(n, vocabulary);
    std::vector<std::int32_t> rows(ids), position(ids), expected_rows(ids), expected(ids);
    std::vector<std::int32_t> space(size(kernels::unique_rows_workspace(n, vocabulary)));
    const Index count = kernels::unique_rows(rows.data(), position.data(), ids.data(), n, vocabulary, space.data());
    kernels::ref::unique_rows(expected_rows.data(), expected.data(), ids.data(), n, vocabulary);
    if (position != expected) return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(
        state, [&] { kernels::unique_rows(rows.data(), position.data(), ids.data(), n, vocabulary, space.data()); });
    state.counters["us"] = 1e6 * s;
    bench::report_bytes(state, 4.0 * double(2 * n + count), s);
}
BENCHMARK(embedding_unique_rows)->Args({3200, 10000})->Args({3200, 1000000})->Args({3200, 1 << 30});

void embedding_backward(benchmark::State& state) {
    const Index n = state.range(0), vocabulary = state.range(1), dim = state.range(2);
    const auto ids = tokens(n, vocabulary);
    std::vector<std::int32_t> rows(ids), position(ids),
        space(size(kernels::unique_rows_workspace(n, vocabulary) + 2 * n + 1));
    const Index count = kernels::unique_rows(rows.data(), position.data(), ids.data(), n, vocabulary, space.data());
    const auto dy = bench::numbers<float>(n * dim);
    std::vector<float> drows(size(count * dim)), expected(drows);
    kernels::embedding_backward(drows.data(), dy.data(), position.data(), n, dim, count, space.data());
    kernels::ref::embedding_backward(expected.data(), dy.data(), position.data(), n, dim);
    if (drows != expected) return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, [&] {
        kernels::embedding_backward(drows.data(), dy.data(), position.data(), n, dim, count, space.data());
    });
    state.counters["us"] = 1e6 * s;
    bench::report_bytes(state, 4.0 * double(n * dim + 2 * count * dim), s);
}
BENCHMARK(embedding_backward)->Args({3200, 10000, 50})->Args({4096, 65, 128})->Args({2048, 30522, 384});

} // namespace
