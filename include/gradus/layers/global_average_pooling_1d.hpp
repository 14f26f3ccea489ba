/// GlobalAveragePooling1D: the mean over time.
#pragma once
#include <gradus/kernels/elementwise.hpp>
#include <gradus/kernels/pool.hpp>
#include <gradus/layers/layer.hpp>

GRADUS_BEGIN

/// y[b, d] = mean of x[b, t, d] over the steps t that are not masked: x [B, T, D] -> y [B, D]. The mask ends here.
/// As Keras's, but that a sample without any step gives zero, not NaN.
template <class T = float> class GlobalAveragePooling1D : public Layer<GlobalAveragePooling1D, T> {
public:
    std::string_view kind() const override { return "global_average_pooling_1d"; }

    void build(Build& b) override {
        b.require_values(0, 3, 3, "[batch, time, features]");
        b.out(0, {b.in(0).shape[0], b.in(0).shape[2]});
        b.backward_needs(build::Needs::neither);
    }
    void forward(Run<T>& r) const override {
        const Shape s = r.x(0).shape();
        kernels::average_pool_time_forward(r.y(0).data(), r.x(0).data(), r.mask(0).data(), s[0], s[1], s[2]);
    }
    void backward(Run<T>& r) const override {
        const auto dx = r.dx(0);
        if (dx.empty()) return;
        const Shape s = dx.shape();
        if (r.dy(0).empty())
            kernels::fill(dx.data(), T(0), dx.size());
        else
            kernels::average_pool_time_backward(dx.data(), r.dy(0).data(), r.mask(0).data(), s[0], s[1], s[2]);
    }
};

GRADUS_END
