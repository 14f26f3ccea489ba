// Small layers and data that the tests of the contract share.
#pragma once
#include "catch.hpp"
#include "message.hpp"
#include "worse.hpp"

#include <gradus/gradus.hpp>

#include <algorithm>
#include <cmath>

namespace contract {

using namespace gradus;

// Numbers in [low, high) that depend on the key only.
template <class T = float> Tensor<T> numbers(const Shape& shape, std::uint64_t key, double low = -1, double high = 1) {
    Tensor<T> t(shape);
    for (Index i = 0; i < t.size(); ++i)
        t[i] = static_cast<T>(
            low + (high - low) * (static_cast<double>(mix(mix(key) + static_cast<std::uint64_t>(i)) >> 41) * 0x1p-23));
    return t;
}
inline Tensor<std::int32_t> integers(const Shape& shape, std::uint64_t key, Index below) {
    Tensor<std::int32_t> t(shape);
    for (Index i = 0; i < t.size(); ++i)
        t[i] = static_cast<std::int32_t>(mix(mix(key) + static_cast<std::uint64_t>(i)) %
                                         static_cast<std::uint64_t>(below));
    return t;
}

template <class A, class B> bool same_bits(const A& a, const B& b) {
    return a.size() == b.size() &&
           std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(a[0])) == 0;
}
template <class A, class B> double largest_difference(const A& a, const B& b) {
    REQUIRE(a.size() == b.size());
    double worst = 0;
    for (Index i = 0; i < a.size(); ++i)
        worst = worse(worst, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    return worst;
}

// y = s x with one trained number s, whatever the shape of x.
template <class T = float> class Scale : public Layer<Scale, T> {
public:
    Scale() = default;
    std::string_view kind() const override { return "scale"; }
    void build(Build& b) override {
        b.out(0, b.in(0).shape);
        b.mask(0, build::Mask::pass);
        s_ = b.param("s", {1}, initializers::constant(2));
    }
    void forward(Run<T>& r) const override {
        const auto x = r.x(0);
        const auto y = r.y(0);
        for (Index i = 0; i < x.size(); ++i) y[i] = r[s_][0] * x[i];
    }
    void backward(Run<T>& r) const override {
        const auto x = r.x(0);
        const auto dy = r.dy(0);
        const auto dx = r.dx(0);
        const auto ds = r.grad(s_);
        for (Index i = 0; i < x.size(); ++i) {
            const T d = dy.empty() ? T(0) : dy[i];
            if (!dx.empty()) dx[i] = d * r[s_][0];
            if (!ds.empty()) ds[0] += d * x[i];
        }
    }

private:
    Param s_;
};

// y = x - mean; the running mean of the columns moves half way to the batch's mean in training.
template <class T = float> class RunningMean : public Layer<RunningMean, T> {
public:
    std::string_view kind() const override { return "running_mean"; }
    void build(Build& b) override {
        b.require_values(0, 2, 2, "[batch, features]");
        b.out(0, b.in(0).shape);
        mean_ = b.state<T>("mean", {b.in(0).shape[1]}, T(0));
    }
    void forward(Run<T>& r) const override {
        const auto x = r.x(0);
        const auto mean = r[mean_];
        const Index rows = x.shape()[0], n = x.shape()[1];
        for (Index c = 0; c < n; ++c) {
            T sum = 0;
            for (Index i = 0; i < rows; ++i) sum += x[i * n + c];
            if (r.training()) mean[c] += (sum / static_cast<T>(rows) - mean[c]) / 2;
            for (Index i = 0; i < rows; ++i) r.y(0)[i * n + c] = x[i * n + c] - mean[c];
        }
    }
    void backward(Run<T>& r) const override {
        if (r.dx(0).empty()) return;
        for (Index i = 0; i < r.dx(0).size(); ++i) r.dx(0)[i] = r.dy(0).empty() ? T(0) : r.dy(0)[i];
    }

private:
    State<T> mean_;
};

// y = the inner layer of x.
template <class T = float> class Inside : public Layer<Inside, T> {
public:
    Inside() = default;
    explicit Inside(const LayerHandle<T>& layer) : layer_(layer) {}
    std::string_view kind() const override { return "inside"; }
    void fields(Fields& f) override {
        LayerSlot<T> layer(layer_);
        f("layer", layer);
    }
    void build(Build& b) override {
        inner_ = b.child(*layer_, {b.in(0)}, "inner");
        b.out(0, b.of(inner_).outs()[0].shape);
        b.mask(0, b.of(inner_).outs()[0].mask);
    }
    void forward(Run<T>& r) const override { r.forward(inner_, 0, {AnyView(r.x(0), r.mask(0))}, {r.y(0)}); }
    void backward(Run<T>& r) const override {
        r.backward(inner_, 0, {AnyView(r.x(0), r.mask(0))}, {r.y(0)}, {r.dy(0)}, {r.dx(0)});
    }

private:
    LayerHandle<T> layer_;
    Child inner_;
};

// logits = h E^T with the table E of an embedding: the output projection of a language model, without weights of its
// own.
template <class T = float> class TiedProjection : public Layer<TiedProjection, T> {
public:
    TiedProjection() = default;
    explicit TiedProjection(const Embedding<T>& owner, Index vocabulary) : owner_(owner), vocabulary_(vocabulary) {}
    std::string_view kind() const override { return "tied_projection"; }
    void fields(Fields& f) override {
        LayerSlot<T> owner(owner_);
        f.reference("embedding", owner);
        f("vocabulary", vocabulary_);
    }
    void build(Build& b) override {
        SymbolicShape s = b.in(0).shape;
        const Dim width = s.back();
        s.back() = vocabulary_;
        b.out(0, s);
        b.mask(0, build::Mask::pass);
        table_ = b.alias(*owner_, "embeddings", true);
    }
    void forward(Run<T>& r) const override {
        const auto x = r.x(0), table = r[table_];
        const Index d = x.shape()[-1], rows = x.size() / d;
        for (Index i = 0; i < rows; ++i)
            for (Index v = 0; v < vocabulary_; ++v) {
                T sum = 0;
                for (Index k = 0; k < d; ++k) sum += x[i * d + k] * table[v * d + k];
                r.y(0)[i * vocabulary_ + v] = sum;
            }
    }
    void backward(Run<T>& r) const override {
        const auto x = r.x(0), table = r[table_], dy = r.dy(0);
        const auto dx = r.dx(0), g = r.grad(table_);
        const Index d = x.shape()[-1], rows = x.size() / d;
        if (!dx.empty()) std::fill(dx.begin(), dx.end(), T(0));
        if (dy.empty()) return;
        for (Index i = 0; i < rows; ++i)
            for (Index v = 0; v < vocabulary_; ++v)
                for (Index k = 0; k < d; ++k) {
                    if (!dx.empty()) dx[i * d + k] += dy[i * vocabulary_ + v] * table[v * d + k];
                    if (!g.empty()) g[v * d + k] += dy[i * vocabulary_ + v] * x[i * d + k];
                }
    }

private:
    LayerHandle<T> owner_;
    Index vocabulary_ = 0;
    Param table_;
};

// One value per sample: the sum of squares of the rest.
template <class T = float> class SumOfSquares : public Layer<SumOfSquares, T> {
public:
    std::string_view kind() const override { return "sum_of_squares"; }
    void build(Build& b) override { b.out(0, {b.in(0).shape[0]}); }
    void forward(Run<T>& r) const override {
        const auto x = r.x(0);
        const Index n = x.size() / r.y(0).size();
        for (Index i = 0; i < r.y(0).size(); ++i) {
            T sum = 0;
            for (Index c = 0; c < n; ++c) sum += x[i * n + c] * x[i * n + c];
            r.y(0)[i] = sum;
        }
    }
    void backward(Run<T>& r) const override {
        const auto x = r.x(0), dy = r.dy(0);
        for (Index i = 0; i < r.dx(0).size(); ++i)
            r.dx(0)[i] = dy.empty() ? T(0) : 2 * x[i] * dy[i / (x.size() / dy.size())];
    }
};

} // namespace contract
