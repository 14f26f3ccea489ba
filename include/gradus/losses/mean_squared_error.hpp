/// MeanSquaredError: the loss of numbers, squared.
#pragma once
#include <gradus/kernels/regression.hpp>
#include <gradus/losses/loss.hpp>

GRADUS_BEGIN

/// loss[...] = mean over c of (p[..., c] - t[..., c])^2.
///
/// Predictions [B, C] or [B, T, C], targets of the same shape; one value per sample [B] or step [B, T], the mean over
/// the last axis, as in Keras. A sample or step of weight 0, or masked, has no gradient, even where its target is NaN.
/// PyTorch's MSELoss is the mean over all axes, the same number where there are neither weights nor masks.
template <class T = float> class MeanSquaredError : public Loss<MeanSquaredError, T> {
public:
    std::string_view kind() const override { return "mean_squared_error"; }
    Build::In target(const Build::In& prediction) const override { return {prediction.shape, dtype_of<T>()}; }

    void build(Build& b) override { detail::build_error_loss(b, target(b.in(0))); }
    void forward(Run<T>& r) const override {
        const auto p = r.x(0);
        const auto y = r.y(0);
        if (p.size()) kernels::mean_squared_error(y.data(), p.data(), r.x(1).data(), y.size(), p.size() / y.size());
    }
    void backward(Run<T>& r) const override {
        detail::error_loss_gradient(r, [](auto... a) { kernels::mean_squared_error_gradient<T>(a...); });
    }
};

template <class T = float> using MSE = MeanSquaredError<T>;

GRADUS_END
