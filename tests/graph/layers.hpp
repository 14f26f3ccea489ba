// Small layers for tests of the graph.
#pragma once
#include "harness.hpp"

namespace small {

using namespace gradus;

/// y = a + b; sizes that symbols leave open are checked when a plan is made.
template <class T = float> class Add : public Layer<Add, T> {
public:
    std::string_view kind() const override { return "add"; }
    void build(Build& b) override {
        b.require(b.in(0).shape.size() == b.in(1).shape.size(), "two values of the same shape");
        for (std::size_t i = 0; i < b.in(0).shape.size(); ++i)
            b.require_equal(b.in(0).shape[i], b.in(1).shape[i], "two values of the same shape");
        b.out(0, b.in(0).shape);
        b.backward_needs(build::Needs::neither);
    }
    void forward(Run<T>& r) const override {
        for (Index i = 0; i < r.y(0).size(); ++i) r.y(0)[i] = r.x(0)[i] + r.x(1)[i];
    }
    void backward(Run<T>& r) const override {
        for (const int k : {0, 1})
            for (Index i = 0; i < r.dx(k).size(); ++i) r.dx(k)[i] = r.dy(0)[i];
    }
};

/// y0 = 2 a, y1 = a b
template <class T = float> class TwoByTwo : public Layer<TwoByTwo, T> {
public:
    std::string_view kind() const override { return "two_by_two"; }
    void build(Build& b) override {
        b.require(b.in(0).shape == b.in(1).shape, "two values of the same shape");
        b.out(0, b.in(0).shape);
        b.out(1, b.in(0).shape);
        b.backward_needs(build::Needs::input);
    }
    void forward(Run<T>& r) const override {
        for (Index i = 0; i < r.y(0).size(); ++i) {
            r.y(0)[i] = 2 * r.x(0)[i];
            r.y(1)[i] = r.x(0)[i] * r.x(1)[i];
        }
    }
    void backward(Run<T>& r) const override {
        for (const int k : {0, 1})
            for (Index i = 0; i < r.dx(k).size(); ++i) {
                T g = 0;
                if (k == 0 && !r.dy(0).empty()) g += 2 * r.dy(0)[i];
                if (!r.dy(1).empty()) g += r.dy(1)[i] * r.x(1 - k)[i];
                r.dx(k)[i] = g;
            }
    }
};

/// y = x + n, n the number of training passes so far; state is written by training passes only.
template <class T = float> class Counter : public Layer<Counter, T> {
public:
    std::string_view kind() const override { return "counter"; }
    void build(Build& b) override {
        b.out(0, b.in(0).shape);
        count_ = b.template state<T>("count", {1}, T(0));
        b.in_place();
        b.backward_needs(build::Needs::neither);
    }
    void forward(Run<T>& r) const override {
        if (r.training()) r[count_][0] += 1;
        for (Index i = 0; i < r.y(0).size(); ++i) r.y(0)[i] = r.x(0)[i] + r[count_][0];
    }
    void backward(Run<T>& r) const override {
        for (Index i = 0; i < r.dx(0).size(); ++i) r.dx(0)[i] = r.dy(0)[i];
    }

private:
    State<T> count_;
};

/// Running sum over calls, per workspace: y = x + old, next = y.
template <class T = float> class Accumulator : public Layer<Accumulator, T> {
public:
    std::string_view kind() const override { return "accumulator"; }
    void build(Build& b) override {
        b.out(0, b.in(0).shape);
        sum_ = b.template carry<T>("sum", b.in(0).shape);
        b.backward_needs(build::Needs::neither);
    }
    void forward(Run<T>& r) const override {
        for (Index i = 0; i < r.y(0).size(); ++i) r.next(sum_)[i] = r.y(0)[i] = r.x(0)[i] + r.old(sum_)[i];
    }
    void backward(Run<T>& r) const override {
        for (Index i = 0; i < r.dx(0).size(); ++i) r.dx(0)[i] = r.dy(0)[i];
    }

private:
    Carry<T> sum_;
};

/// y = x E^T, E being an embedding's table [V, D]: logits over the vocabulary.
template <class T = float> class TiedProjection : public Layer<TiedProjection, T> {
public:
    TiedProjection() = default;
    explicit TiedProjection(const LayerHandle<T>& owner, Index vocabulary = 0)
        : owner_(owner), vocabulary_(vocabulary) {}
    std::string_view kind() const override { return "tied_projection"; }
    void fields(Fields& f) override {
        LayerSlot<T> slot(owner_);
        f.reference("owner", slot);
        f("vocabulary", vocabulary_);
    }
    void build(Build& b) override {
        SymbolicShape s = b.in(0).shape;
        s.back() = vocabulary_;
        b.out(0, s);
        table_ = b.alias(*owner_, "embeddings", true);
        b.backward_needs(build::Needs::input);
    }
    void forward(Run<T>& r) const override {
        const auto x = r.x(0), e = r[table_];
        const Index v = vocabulary_, d = x.shape()[-1];
        for (Index i = 0; i < r.y(0).size(); ++i) {
            T sum = 0;
            for (Index k = 0; k < d; ++k) sum += x[i / v * d + k] * e[i % v * d + k];
            r.y(0)[i] = sum;
        }
    }
    void backward(Run<T>& r) const override {
        const auto x = r.x(0), e = r[table_], dy = r.dy(0);
        const auto g = r.grad(table_), dx = r.dx(0);
        const Index v = vocabulary_, d = x.shape()[-1];
        for (Index i = 0; i < dx.size(); ++i) dx[i] = 0;
        for (Index i = 0; i < dy.size(); ++i)
            for (Index k = 0; k < d; ++k) {
                if (!g.empty()) g[i % v * d + k] += dy[i] * x[i / v * d + k];
                if (!dx.empty()) dx[i / v * d + k] += dy[i] * e[i % v * d + k];
            }
    }

private:
    LayerHandle<T> owner_;
    Index vocabulary_ = 0;
    Param table_;
};

} // namespace small
