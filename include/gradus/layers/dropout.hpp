/// Dropout: zeroes a part of its input while training.
#pragma once
#include <gradus/kernels/dropout.hpp>
#include <gradus/kernels/elementwise.hpp>
#include <gradus/layers/layer.hpp>

#include <algorithm>

GRADUS_BEGIN

/// Training: y = x m, m being 0 with probability `rate` and else 1 / (1 - rate); otherwise y = x. Any shape; masks
/// pass. As Keras's Dropout. m depends on seed, place, update and the sample's row only.
template <class T = float> class Dropout : public Layer<Dropout, T> {
public:
    Dropout() = default;
    explicit Dropout(double rate) : rate_(rate) {}

    std::string_view kind() const override { return "dropout"; }
    void fields(Fields& f) override { f("rate", rate_); }

    void build(Build& b) override {
        if (!(rate_ >= 0 && rate_ < 1))
            throw_value_error(b.context() + ": rate expects [0, 1), got " + std::to_string(rate_));
        b.require_values(0, 1, 0, "values [batch, ...]");
        b.out(0, b.in(0).shape);
        b.mask(0, build::Mask::pass);
        b.in_place();
        b.backward_needs(build::Needs::neither);
        if (rate_ > 0) mask_ = b.kept<T>(b.in(0).shape);
    }
    void forward(Run<T>& r) const override {
        const auto x = r.x(0);
        const auto y = r.y(0);
        if (!drops(r)) return assign(y, x);
        const auto m = r[mask_];
        const Index rows = x.shape()[0];
        if (rows)
            kernels::dropout_mask(m.data(), r.random(Purpose::dropout), static_cast<T>(rate_), rows, x.size() / rows);
        kernels::multiply(y.data(), x.data(), m.data(), x.size());
    }
    void backward(Run<T>& r) const override {
        const auto dy = r.dy(0);
        const auto dx = r.dx(0);
        if (dx.empty()) return;
        if (dy.empty())
            kernels::fill(dx.data(), T(0), dx.size());
        else if (drops(r))
            kernels::multiply(dx.data(), dy.data(), r[mask_].data(), dx.size());
        else
            assign(dx, dy);
    }

private:
    bool drops(const Run<T>& r) const { return r.training() && rate_ > 0; }
    static void assign(View<T> to, View<const T> from) {
        if (to.data() != from.data()) std::copy(from.begin(), from.end(), to.begin());
    }
    double rate_ = 0;
    Kept<T> mask_;
};

GRADUS_END
