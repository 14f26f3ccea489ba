#include "kernel_bench.hpp"

#include <gradus/kernels/bfloat16.hpp>
#include <gradus/kernels/lstm.hpp>

using namespace gradus;

namespace {

/// A layer's arguments with dropout of inputs and state, as lstm_text trains; masked: the first and the last sixth of
/// each sequence.
struct Layer {
    Index B, S, D, U, steps; // those that count
    ProductPrecision precision = {};
    std::vector<std::uint8_t> mask;
    std::vector<float> x, w, r, b, input_mask, recurrent_mask, dh, h, c, y, saved, forward_space, backward_space, dx,
        dw, dr, db;

    Layer(Index batch, Index time, Index features, Index units, bool masked = false)
        : B(batch), S(time), D(features), U(units), steps(masked ? S - 2 * (S / 6) : S), mask(masked ? size(B * S) : 0),
          x(bench::numbers<float>(B * S * D, 1)), w(bench::numbers<float>(D * 4 * U, 2)),
          r(bench::numbers<float>(U * 4 * U, 3)), b(bench::numbers<float>(4 * U, 4)),
          input_mask(bench::numbers<float>(B * D, 5)), recurrent_mask(bench::numbers<float>(B * U, 6)),
          dh(bench::numbers<float>(B * U, 7)), h(size(B * U)), c(h), y(size(B * S * U)),
          saved(size(kernels::lstm_saved(B, S, D, U))), forward_space(size(kernels::lstm_forward_workspace(B, D, U))),
          backward_space(size(kernels::lstm_backward_workspace(B, D, U))), dx(x.size()), dw(w.size()), dr(r.size()),
          db(b.size()) {
        for (float& v : w) v /= std::sqrt(float(D));
        for (float& v : r) v /= std::sqrt(float(U));
        for (float& v : input_mask) v = v > -0.6f ? 1.25f : 0.0f;
        for (float& v : recurrent_mask) v = v > -0.6f ? 1.25f : 0.0f;
        for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = Index(i) % S >= S / 6 && Index(i) % S < S / 6 + steps;
    }
    static std::size_t size(Index n) { return static_cast<std::size_t>(n); }

    kernels::LSTMForward<float> forward(bool train) {
        kernels::LSTMForward<float> a;
        a.batch = B, a.time = S, a.features = D, a.units = U;
        a.x = x.data(), a.kernel = w.data(), a.recurrent_kernel = r.data(), a.bias = b.data();
        a.mask = mask.empty() ? nullptr : mask.data();
        if (train) a.input_mask = input_mask.data(), a.recurrent_mask = recurrent_mask.data(), a.saved = saved.data();
        a.y = y.data(), a.h = h.data(), a.c = c.data(), a.workspace = forward_space.data();
        a.precision = precision;
        return a;
    }
    kernels::LSTMBackward<float> backward() {
        kernels::LSTMBackward<float> a;
        a.batch = B, a.time = S, a.features = D, a.units = U;
        a.kernel = w.data(), a.recurrent_kernel = r.data(), a.saved = saved.data();
        a.mask = mask.empty() ? nullptr : mask.data();
        a.input_mask = input_mask.data(), a.recurrent_mask = recurrent_mask.data(), a.dh = dh.data();
        a.dx = dx.data(), a.dkernel = dw.data(), a.drecurrent_kernel = dr.data(), a.dbias = db.data();
        a.workspace = backward_space.data();
        a.precision = precision;
        return a;
    }
    /// Forward and backward.
    void step() {
        kernels::lstm_forward(forward(true));
        kernels::lstm_backward(backward());
    }
    double forward_flops() const { return 2.0 * double(B * steps) * double(D + U) * double(4 * U); }

    bool agrees_with_reference() {
        Layer other(*this);
        step();
        kernels::ref::lstm_forward(other.forward(true));
        kernels::ref::lstm_backward(other.backward());
        double scale = 1;
        for (float v : other.dr) scale = std::max(scale, double(std::abs(v)));
        // A float that differs in its last bit may round to the next bfloat16.
        const double least = precision.format() ? 1e-3 : 1e-5, bound = scale * (precision.format() ? 1e-3 : 1e-4);
        const auto within = [](double most, const auto& mine, const auto& reference) {
            return bench::largest_difference(mine, reference) <= most;
        };
        return within(least, y, other.y) && within(least, h, other.h) && within(least, c, other.c) &&
               within(bound, dx, other.dx) && within(bound, dr, other.dr) && within(bound, dw, other.dw) &&
               within(bound, db, other.db);
    }
};

void train(benchmark::State& state, bool masked, ProductPrecision precision = {}) {
    Layer layer(state.range(0), state.range(1), state.range(2), state.range(3), masked);
    layer.precision = precision;
    if (!layer.agrees_with_reference()) return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, [&] { layer.step(); });
    const double forward = bench::best_seconds([&] { kernels::lstm_forward(layer.forward(true)); });
    state.counters["ms"] = 1e3 * s;
    state.counters["forward ms"] = 1e3 * forward;
    if (masked) { // beside the same steps without a mask
        Layer whole(layer.B, layer.steps, layer.D, layer.U);
        const auto [with, without] = bench::in_turn([&] { layer.step(); }, [&] { whole.step(); });
        state.counters["xunmasked"] = with / without;
    }
    state.counters["samples/s"] = double(layer.B) / s;
    bench::report_flops<float>(state, 3 * layer.forward_flops(), s);
}
void lstm_train(benchmark::State& state) { train(state, false); }
BENCHMARK(lstm_train)
    ->Args({32, 100, 50, 64})
    ->Args({64, 64, 128, 256})
    ->Args({64, 64, 256, 256})
    ->Args({128, 30, 16, 32});

void lstm_train_masked(benchmark::State& state) { train(state, true); }
BENCHMARK(lstm_train_masked)->Args({32, 100, 50, 64})->Args({64, 64, 128, 256});

void lstm_train_bfloat16(benchmark::State& state) { train(state, false, bfloat16); }
BENCHMARK(lstm_train_bfloat16)->Args({32, 100, 50, 64})->Args({64, 64, 128, 256})->Args({64, 64, 256, 256});

void lstm_inference(benchmark::State& state) {
    Layer layer(state.range(0), state.range(1), state.range(2), state.range(3)), other(layer);
    kernels::lstm_forward(layer.forward(false));
    kernels::ref::lstm_forward(other.forward(false));
    if (bench::largest_difference(layer.y, other.y) > 1e-5) return state.SkipWithError("differs from the reference");
    const double s = bench::time_kernel(state, [&] { kernels::lstm_forward(layer.forward(false)); });
    state.counters["us"] = 1e6 * s;
    bench::report_flops<float>(state, layer.forward_flops(), s);
}
BENCHMARK(lstm_inference)
    ->Args({1, 100, 50, 64})
    ->Args({1, 1, 16, 32})
    ->Args({32, 100, 50, 64})
    ->Args({64, 64, 256, 256});

} // namespace
