#include "kernel_bench.hpp"

#include <gradus/kernels/optimizer.hpp>

using namespace gradus;

namespace {

std::size_t size(Index n) { return static_cast<std::size_t>(n); }

void optimizer_adam(benchmark::State& state) {
    const Index n = state.range(0);
    auto w = bench::numbers<float>(n, 1), expected = w;
    const auto g = bench::numbers<float>(n, 2);
    std::vector<float> m(size(n)), v(m), m_expected(m), v_expected(m);
    const auto step = kernels::adam_step<float>(1e-3, 0.9, 0.999, 1e-7, 1);
    kernels::adam_update(w.data(), m.data(), v.data(), g.data(), step, n);
    kernels::ref::adam_update(expected.data(), m_expected.data(), v_expected.data(), g.data(), step, n);
    if (bench::largest_difference(w, expected) > 1e-6) return state.SkipWithError("differs from the reference");
    const double s =
        bench::time_kernel(state, [&] { kernels::adam_update(w.data(), m.data(), v.data(), g.data(), step, n); });
    state.counters["us"] = 1e6 * s;
    bench::report_bytes(state, 28.0 * double(n), s, 16.0 * double(n));
}
BENCHMARK(optimizer_adam)->Arg(6144)->Arg(535040)->Arg(10000000);

/// A table of which `count` rows have a gradient; `idle` steps before the measurement let the moments of the others
/// decay.
void optimizer_adam_rows(benchmark::State& state) {
    const Index vocabulary = state.range(0), dim = state.range(1), count = state.range(2), idle = state.range(3);
    const Index n = vocabulary * dim;
    auto w = bench::numbers<float>(n, 1);
    auto m = bench::numbers<float>(n, 2), v = m;
    for (float& x : v) x *= x;
    auto expected = w, m_expected = m, v_expected = v;
    std::vector<std::int32_t> rows;
    for (Index i = 0; i < count; ++i) rows.push_back(std::int32_t(i * vocabulary / count));
    const auto drows = bench::numbers<float>(count * dim, 3);
    const auto step = kernels::adam_step<float>(1e-3, 0.9, 0.999, 1e-7, 100);
    const auto update = [&] {
        kernels::adam_update_rows(w.data(), m.data(), v.data(), drows.data(), rows.data(), count, step, vocabulary,
                                  dim);
    };
    update();
    kernels::ref::each_row(drows.data(), rows.data(), count, vocabulary, dim, [&](Index at, const float* g) {
        kernels::ref::adam_update(expected.data() + at, m_expected.data() + at, v_expected.data() + at, g, step, dim);
    });
    if (bench::largest_difference(w, expected) > 1e-6) return state.SkipWithError("differs from the reference");
    for (Index i = 0; i < idle; ++i) update();
    const double s = bench::time_kernel(state, update);
    state.counters["us"] = 1e6 * s;
    bench::report_bytes(state, 24.0 * double(n) + 4.0 * double(count * dim), s,
                        12.0 * double(n) + 4.0 * double(count * dim));
}
BENCHMARK(optimizer_adam_rows)->Args({10000, 50, 2700, 0})->Args({10000, 50, 100, 850})->Args({30522, 384, 2000, 0});

void optimizer_sgd(benchmark::State& state) {
    const Index n = state.range(0);
    auto w = bench::numbers<float>(n, 1), expected = w;
    const auto g = bench::numbers<float>(n, 2);
    kernels::sgd_update(w.data(), g.data(), 0.1f, n);
    kernels::ref::sgd_update(expected.data(), g.data(), 0.1f, n);
    if (bench::largest_difference(w, expected) > 1e-6) return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, [&] { kernels::sgd_update(w.data(), g.data(), 1e-6f, n); });
    state.counters["us"] = 1e6 * s;
    bench::report_bytes(state, 12.0 * double(n), s, 8.0 * double(n));
}
BENCHMARK(optimizer_sgd)->Arg(6144)->Arg(535040);

void optimizer_momentum(benchmark::State& state) {
    const Index n = state.range(0);
    const kernels::MomentumStep<float> step{1e-6f, 0.9f, kernels::MomentumForm(state.range(1)), 0.1f};
    auto w = bench::numbers<float>(n, 1), expected = w;
    const auto g = bench::numbers<float>(n, 2);
    std::vector<float> v(size(n)), v_expected(v);
    kernels::momentum_update(w.data(), v.data(), g.data(), step, n);
    kernels::ref::momentum_update(expected.data(), v_expected.data(), g.data(), step, n);
    if (bench::largest_difference(w, expected) > 1e-6) return state.SkipWithError("differs from the reference");
    const double s =
        bench::time_kernel(state, [&] { kernels::momentum_update(w.data(), v.data(), g.data(), step, n); });
    state.counters["us"] = 1e6 * s;
    bench::report_bytes(state, 20.0 * double(n), s, 12.0 * double(n));
}
BENCHMARK(optimizer_momentum)->ArgsProduct({{6144, 535040}, {0, 1, 2}});

/// With a velocity, a mean, or both.
void optimizer_rmsprop(benchmark::State& state) {
    const Index n = state.range(0);
    const bool velocity = state.range(1), mean = state.range(2);
    const kernels::RmspropStep<float> step{1e-6f, 0.1f, 0.9f, 1e-7f};
    auto w = bench::numbers<float>(n, 1), expected = w;
    const auto g = bench::numbers<float>(n, 2);
    std::vector<float> v(size(n)), u(v), a(v), v_expected(v), u_expected(v), a_expected(v);
    const auto one_of = [](bool has, std::vector<float>& x) { return has ? x.data() : nullptr; };
    kernels::rmsprop_update(w.data(), v.data(), one_of(velocity, u), one_of(mean, a), g.data(), step, n);
    kernels::ref::rmsprop_update(expected.data(), v_expected.data(), one_of(velocity, u_expected),
                                 one_of(mean, a_expected), g.data(), step, n);
    if (bench::largest_difference(w, expected) > 1e-6) return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, [&] {
        kernels::rmsprop_update(w.data(), v.data(), one_of(velocity, u), one_of(mean, a), g.data(), step, n);
    });
    state.counters["us"] = 1e6 * s;
    bench::report_bytes(state, (20.0 + 8 * velocity + 8 * mean) * double(n), s,
                        (12.0 + 4 * velocity + 4 * mean) * double(n));
}
BENCHMARK(optimizer_rmsprop)->ArgsProduct({{6144, 535040}, {0, 1}, {0, 1}});

} // namespace
