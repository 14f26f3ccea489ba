/// Flatten: all axes but the batch become one.
#pragma once
#include <gradus/kernels/elementwise.hpp>
#include <gradus/layers/layer.hpp>

#include <algorithm>

GRADUS_BEGIN

/// x [B, ...] -> y [B, n], the same values in the same order, n the product of the other axes (1 for x [B]). A mask
/// ends here. As Keras's Flatten. Throws ShapeError where x is not of the layer's scalar.
template <class T = float> class Flatten : public Layer<Flatten, T> {
public:
    std::string_view kind() const override { return "flatten"; }

    void build(Build& b) override {
        b.require_values(0, 1, 0, "values [batch, ...]");
        const SymbolicShape& x = b.in(0).shape;
        Dim n = 1;
        for (std::size_t i = 1; i < x.size(); ++i) n = n * x[i];
        b.out(0, {x[0], n});
        b.in_place();
        b.backward_needs(build::Needs::neither);
    }
    void forward(Run<T>& r) const override {
        const auto x = r.x(0);
        const auto y = r.y(0);
        if (y.data() != x.data()) std::copy(x.begin(), x.end(), y.begin());
    }
    void backward(Run<T>& r) const override {
        const auto dx = r.dx(0);
        const auto dy = r.dy(0);
        if (dx.empty()) return;
        if (dy.empty())
            kernels::fill(dx.data(), T(0), dx.size());
        else if (dx.data() != dy.data())
            std::copy(dy.begin(), dy.end(), dx.begin());
    }
};

GRADUS_END
