#include "kernel_bench.hpp"

#include <gradus/kernels/normalization.hpp>

using namespace gradus;

namespace {

struct Data {
    Index rows, cols;
    std::vector<float> x, dy, gamma, beta, y, dx, statistics, mean, variance, dgamma, dbeta, workspace;
    Data(Index r, Index c, Index statistics_size)
        : rows(r), cols(c), x(bench::numbers<float>(r * c, 1)), dy(bench::numbers<float>(r * c, 2)),
          gamma(bench::numbers<float>(c, 3)), beta(bench::numbers<float>(c, 4)), y(x.size()), dx(x.size()),
          statistics(static_cast<std::size_t>(statistics_size)), mean(gamma.size()), variance(gamma.size(), 1.0f),
          dgamma(gamma.size()), dbeta(gamma.size()),
          workspace(static_cast<std::size_t>(kernels::normalization_workspace(r, c))) {}

    bool agrees(const Data& other) const {
        return bench::largest_difference(y, other.y) <= 1e-4 && bench::largest_difference(dx, other.dx) <= 1e-4 &&
               bench::largest_difference(dgamma, other.dgamma) <= 1e-6 * double(rows + 100) &&
               bench::largest_difference(dbeta, other.dbeta) <= 1e-6 * double(rows + 100);
    }
};

void normalization_batch(benchmark::State& state) {
    Data d(state.range(0), state.range(1), 2 * state.range(1)), expected(d);
    const kernels::BatchNorm<float> n{.rows = d.rows, .cols = d.cols, .gamma = d.gamma.data(), .beta = d.beta.data()};
    const auto run = [&n](Data& on, auto forward, auto backward) {
        forward(on.y.data(), on.statistics.data(), on.mean.data(), on.variance.data(), on.x.data(), n, 0.99,
                on.workspace.data());
        backward(on.dx.data(), on.dgamma.data(), on.dbeta.data(), on.dy.data(), on.x.data(), on.statistics.data(), n,
                 on.workspace.data());
    };
    const auto kernel = [&] {
        run(d, kernels::batch_normalization_forward<float>, kernels::batch_normalization_backward<float>);
    };
    kernel();
    run(expected, kernels::ref::batch_normalization_forward<float>, kernels::ref::batch_normalization_backward<float>);
    if (!d.agrees(expected)) return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, kernel);
    state.counters["us"] = 1e6 * s;
    bench::report_bytes(state, 20.0 * double(d.rows * d.cols), s);
}
BENCHMARK(normalization_batch)->Args({32, 64})->Args({128, 512})->Args({8192, 16})->Args({25088, 64});

void normalization_layer(benchmark::State& state) {
    Data d(state.range(0), state.range(1), 2 * state.range(0)), expected(d);
    const auto run = [](Data& on, auto forward, auto backward) {
        forward(on.y.data(), on.statistics.data(), on.x.data(), on.gamma.data(), on.beta.data(), on.rows, on.cols,
                1e-3f);
        backward(on.dx.data(), on.dgamma.data(), on.dbeta.data(), on.dy.data(), on.x.data(), on.statistics.data(),
                 on.gamma.data(), on.rows, on.cols, on.workspace.data());
    };
    const auto kernel = [&] {
        run(d, kernels::layer_normalization_forward<float>, kernels::layer_normalization_backward<float>);
    };
    kernel();
    run(expected, kernels::ref::layer_normalization_forward<float>, kernels::ref::layer_normalization_backward<float>);
    if (!d.agrees(expected)) return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, kernel);
    state.counters["us"] = 1e6 * s;
    bench::report_bytes(state, 20.0 * double(d.rows * d.cols), s);
}
BENCHMARK(normalization_layer)->Args({32, 64})->Args({128, 512})->Args({8192, 16})->Args({2048, 512});

} // namespace
