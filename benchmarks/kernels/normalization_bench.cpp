#include "kernel_bench.hpp"

#include <gradus/kernels/normalization.hpp>

using namespace gradus;

namespace {

struct Data {
    Index rows, cols;
    std::vector<float> x, dy, gamma, beta, y, dx, expected, statistics, mean, variance, dgamma, dbeta, workspace;
    Data(Index r, Index c, Index statistics_size)
        : rows(r), cols(c), x(bench::numbers<float>(r * c, 1)), dy(bench::numbers<float>(r * c, 2)),
          gamma(bench::numbers<float>(c, 3)), beta(bench::numbers<float>(c, 4)), y(x.size()), dx(x.size()),
          expected(x.size()), statistics(static_cast<std::size_t>(statistics_size)), mean(gamma.size()),
          variance(gamma.size(), 1.0f), dgamma(gamma.size()), dbeta(gamma.size()),
          workspace(static_cast<std::size_t>(kernels::normalization_workspace(r, c))) {}
};

void normalization_batch(benchmark::State& state) {
    Data d(state.range(0), state.range(1), 2 * state.range(1));
    const kernels::BatchNorm<float> n{.rows = d.rows, .cols = d.cols, .gamma = d.gamma.data(), .beta = d.beta.data()};
    const auto forward = [&](auto f, std::vector<float>& y) {
        f(y.data(), d.statistics.data(), d.mean.data(), d.variance.data(), d.x.data(), n, 0.99, d.workspace.data());
    };
    forward(kernels::batch_normalization_forward<float>, d.y);
    forward(kernels::ref::batch_normalization_forward<float>, d.expected);
    if (bench::largest_difference(d.y, d.expected) > 1e-4) return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, [&] {
        forward(kernels::batch_normalization_forward<float>, d.y);
        kernels::batch_normalization_backward(d.dx.data(), d.dgamma.data(), d.dbeta.data(), d.dy.data(), d.x.data(),
                                              static_cast<const float*>(d.statistics.data()), n, d.workspace.data());
    });
    state.counters["us"] = 1e6 * s;
    bench::report_bytes(state, 20.0 * double(d.rows * d.cols), s);
}
BENCHMARK(normalization_batch)->Args({32, 64})->Args({128, 512})->Args({8192, 16})->Args({25088, 64});

void normalization_layer(benchmark::State& state) {
    Data d(state.range(0), state.range(1), 2 * state.range(0));
    const auto forward = [&](auto f, std::vector<float>& y) {
        f(y.data(), d.statistics.data(), d.x.data(), d.gamma.data(), d.beta.data(), d.rows, d.cols, 1e-3f);
    };
    forward(kernels::layer_normalization_forward<float>, d.y);
    forward(kernels::ref::layer_normalization_forward<float>, d.expected);
    if (bench::largest_difference(d.y, d.expected) > 1e-4) return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, [&] {
        forward(kernels::layer_normalization_forward<float>, d.y);
        kernels::layer_normalization_backward(d.dx.data(), d.dgamma.data(), d.dbeta.data(), d.dy.data(), d.x.data(),
                                              static_cast<const float*>(d.statistics.data()),
                                              static_cast<const float*>(d.gamma.data()), d.rows, d.cols,
                                              d.workspace.data());
    });
    state.counters["us"] = 1e6 * s;
    bench::report_bytes(state, 20.0 * double(d.rows * d.cols), s);
}
BENCHMARK(normalization_layer)->Args({32, 64})->Args({128, 512})->Args({8192, 16})->Args({2048, 512});

} // namespace
