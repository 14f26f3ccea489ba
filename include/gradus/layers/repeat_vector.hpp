/// RepeatVector: a vector as every step of a sequence.
#pragma once
#include <gradus/core/parallel.hpp>
#include <gradus/kernels/elementwise.hpp>
#include <gradus/kernels/matmul.hpp>
#include <gradus/layers/layer.hpp>

#include <algorithm>

GRADUS_BEGIN

/// y[b, t] = x[b] for t in [0, n): x [B, D] -> y [B, n, D]. A mask ends here.
/// As Keras's RepeatVector. Throws ValueError for n below 1.
template <class T = float> class RepeatVector : public Layer<RepeatVector, T> {
public:
    RepeatVector() = default;
    explicit RepeatVector(Index n) : n_(n) {}

    std::string_view kind() const override { return "repeat_vector"; }
    void fields(Fields& f) override { f("n", n_); }

    void build(Build& b) override {
        if (n_ < 1) throw_value_error(b.context() + ": n expects at least 1, got " + std::to_string(n_));
        b.require_values(0, 2, 2, "values [batch, features]");
        b.out(0, {b.in(0).shape[0], n_, b.in(0).shape[1]});
        b.backward_needs(build::Needs::neither);
    }
    void forward(Run<T>& r) const override {
        const T* const x = r.x(0).data();
        T* const y = r.y(0).data();
        each_sample(r.x(0).shape(), [=, this](Index b, Index features) {
            for (Index t = 0; t < n_; ++t) std::copy_n(x + b * features, features, y + (b * n_ + t) * features);
        });
    }
    void backward(Run<T>& r) const override {
        T* const dx = r.dx(0).data();
        const T* const dy = r.dy(0).data();
        if (!dx) return;
        if (!dy) return kernels::fill(dx, T(0), r.dx(0).size());
        each_sample(r.dx(0).shape(), [=, this](Index b, Index features) {
            kernels::column_sums(dx + b * features, dy + b * n_ * features, n_, features, false);
        });
    }

private:
    template <class F> void each_sample(const Shape& s, const F& f) const {
        parallel_for(0, s[0], std::max<Index>(1, 16384 / std::max<Index>(1, n_ * s[1])), [&](Index first, Index last) {
            for (Index b = first; b < last; ++b) f(b, s[1]);
        });
    }
    Index n_ = 0;
};

GRADUS_END
