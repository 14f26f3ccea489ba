// Wrappers: an RNN around any cell, whose saved buffers have one entry per step.
#include "support.hpp"

#include <gradus/testing/check_layer.hpp>

using namespace contract;

namespace {

// A cell: x [B, D], h [B, U] -> h' = tanh(x W + h R), which it saves.
template <class T = float> class Cell : public Layer<Cell, T> {
public:
    Cell() = default;
    explicit Cell(Index units) : units_(units) {}
    std::string_view kind() const override { return "cell"; }
    void fields(Fields& f) override { f("units", units_); }
    void build(Build& b) override {
        const Index d = b.in(0).shape[1].constant();
        b.require_equal(b.in(1).shape[1], units_, "a state of its units");
        b.out(0, {b.in(0).shape[0], units_});
        w_ = b.param("w", {d, units_}, initializers::glorot_uniform());
        r_ = b.param("r", {units_, units_}, initializers::orthogonal());
        h_ = b.saved<T>({b.in(0).shape[0], units_});
        dz_ = b.scratch<T>({b.in(0).shape[0], units_});
        b.backward_needs(build::Needs::input);
    }
    void forward(Run<T>& run) const override {
        const auto x = run.x(0), h = run.x(1);
        const auto y = run.y(0), kept = run[h_];
        const Index batch = x.shape()[0], d = x.shape()[1];
        for (Index b = 0; b < batch; ++b)
            for (Index u = 0; u < units_; ++u) {
                T z = 0;
                for (Index i = 0; i < d; ++i) z += x[b * d + i] * run[w_][i * units_ + u];
                for (Index i = 0; i < units_; ++i) z += h[b * units_ + i] * run[r_][i * units_ + u];
                y[b * units_ + u] = std::tanh(z);
                if (!kept.empty()) kept[b * units_ + u] = y[b * units_ + u];
            }
    }
    void backward(Run<T>& run) const override {
        const auto x = run.x(0), h = run.x(1), dy = run.dy(0);
        const auto dx = run.dx(0), dh = run.dx(1), dw = run.grad(w_), dr = run.grad(r_), dz = run[dz_], kept = run[h_];
        const Index batch = x.shape()[0], d = x.shape()[1];
        for (Index i = 0; i < dz.size(); ++i) dz[i] = dy[i] * (1 - kept[i] * kept[i]);
        for (Index b = 0; b < batch; ++b) {
            const auto back = [&](auto in, auto out, auto weights, auto gradient, Index n) {
                for (Index i = 0; i < n; ++i) {
                    T sum = 0;
                    for (Index u = 0; u < units_; ++u) {
                        sum += dz[b * units_ + u] * weights[i * units_ + u];
                        if (!gradient.empty()) gradient[i * units_ + u] += dz[b * units_ + u] * in[b * n + i];
                    }
                    if (!out.empty()) out[b * n + i] = sum;
                }
            };
            back(x, dx, run[w_], dw, d);
            back(h, dh, run[r_], dr, units_);
        }
    }

private:
    Index units_ = 0;
    Param w_, r_;
    Saved<T> h_;
    Scratch<T> dz_;
};

// Steps of x [B, T, D] through a cell, [B, U] at the end.
template <class T = float> class RNN : public Layer<RNN, T> {
public:
    RNN() = default;
    explicit RNN(const LayerHandle<T>& cell, Index units) : cell_(cell), units_(units) {}
    std::string_view kind() const override { return "rnn"; }
    void fields(Fields& f) override {
        LayerSlot<T> cell(cell_);
        f("cell", cell);
        f("units", units_);
    }
    void build(Build& b) override {
        b.require_values(0, 3, 3, "[batch, time, features]");
        const auto& s = b.in(0).shape;
        const SymbolicShape step{s[0], s[2]}, state{s[0], units_};
        c_ = b.child(*cell_, {{step, b.scalar()}, {state, b.scalar()}}, "cell", s[1]);
        b.out(0, b.of(c_).outs()[0].shape);
        x_ = b.scratch<T>(step);
        dx_ = b.scratch<T>(step);
        // h of every step, the first is zero.
        h_ = b.saved<T>({s[1] + 1, s[0], units_});
        spare_ = b.scratch<T>({s[1] + 1, s[0], units_});
        dh_[0] = b.scratch<T>(state);
        dh_[1] = b.scratch<T>(state);
    }
    void forward(Run<T>& r) const override {
        const auto h = r[h_].empty() ? r[spare_] : r[h_];
        const Shape s = r.x(0).shape();
        std::fill(h.begin(), h.begin() + s[0] * units_, T(0));
        for (Index t = 0; t < s[1]; ++t) r.forward(c_, t, {step(r, t), hidden(h, t, s[0])}, {hidden(h, t + 1, s[0])});
        std::copy_n(h.data() + s[1] * s[0] * units_, s[0] * units_, r.y(0).data());
    }
    void backward(Run<T>& r) const override {
        const auto h = r[h_];
        const Shape s = r.x(0).shape();
        const auto dy = r.dy(0);
        View<T> dh = r[dh_[0]], next = r[dh_[1]];
        for (Index i = 0; i < dh.size(); ++i) dh[i] = dy.empty() ? T(0) : dy[i];
        for (Index t = s[1]; t-- > 0;) {
            const View<T> dx = r.dx(0).empty() ? View<T>() : r[dx_];
            r.backward(c_, t, {step(r, t), hidden(h, t, s[0])}, {hidden(h, t + 1, s[0])}, {dh}, {dx, next});
            for (Index b = 0; b < s[0] && !dx.empty(); ++b)
                std::copy_n(dx.data() + b * s[2], s[2], r.dx(0).data() + (b * s[1] + t) * s[2]);
            std::swap(dh, next);
        }
    }

private:
    View<T> step(Run<T>& r, Index t) const {
        const Shape s = r.x(0).shape();
        for (Index b = 0; b < s[0]; ++b)
            std::copy_n(r.x(0).data() + (b * s[1] + t) * s[2], s[2], r[x_].data() + b * s[2]);
        return r[x_];
    }
    View<T> hidden(View<T> h, Index t, Index batch) const {
        return {h.data() + t * batch * units_, Shape{batch, units_}};
    }

    LayerHandle<T> cell_;
    Index units_ = 0;
    Child c_;
    Scratch<T> x_, dx_, spare_, dh_[2];
    Saved<T> h_;
};

} // namespace

TEST_CASE("children: an RNN around a cell, saved buffers per step") {
    check_layer(RNN<double>(Cell<double>(3), 3), {.inputs = {{.shape = {dim::batch(), dim::time(), 2}}}});
}

TEST_CASE("children: names, sharing and clones reach the inner layer") {
    const Cell<float> cell(3);
    Sequential model{RNN<float>(cell, 3), Dense(1, sigmoid)};
    model.build({dim::batch(), dim::time(), 2});
    CHECK(model.parameter("rnn.cell.w").shape() == Shape{2, 3});
    Sequential other{RNN<float>(cell, 3)};
    other.build({dim::batch(), dim::time(), 2});
    CHECK(other.parameter("rnn.cell.w").data() == model.parameter("rnn.cell.w").data());
    auto copy = model.clone();
    CHECK(copy.parameter("rnn.cell.w").data() != model.parameter("rnn.cell.w").data());
    const auto x = numbers(Shape{3, 4, 2}, 1);
    CHECK(same_bits(copy.predict(x), model.predict(x)));
    model.compile({.optimizer = Adam(0.05), .loss = BinaryCrossentropy()});
    const auto y = integers(Shape{3}, 2, 2);
    const double first = model.train_on_batch(x, y).loss();
    for (int i = 0; i < 40; ++i) model.train_on_batch(x, y);
    CHECK(model.train_on_batch(x, y).loss() < 0.5 * first);
}

TEST_CASE("children: what an inner layer refuses, the error names") {
    const Node x = input({dim::batch(), dim::time(), 2});
    const std::string error =
        message<ShapeError>([&] { Bidirectional(LSTM(3)).named("reader")(Dense(1)(input({dim::batch(), 4}))); });
    CHECK(error.find("bidirectional \"reader\"") != std::string::npos);
    CHECK(error.find("expects [batch, time, features], got [batch, 1]; its input is dense") != std::string::npos);
}
