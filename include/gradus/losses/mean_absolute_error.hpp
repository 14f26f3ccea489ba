/// MeanAbsoluteError: the loss of numbers by their distance.
#pragma once
#include <gradus/kernels/regression.hpp>
#include <gradus/losses/loss.hpp>

GRADUS_BEGIN

/// loss[...] = mean over c of |p[..., c] - t[..., c]|.
///
/// Predictions [B, C] or [B, T, C], targets of the same shape; one value per sample [B] or step [B, T], the mean over
/// the last axis, as in Keras. The gradient is 0 where p = t, as in PyTorch and TensorFlow (in Keras on JAX it is 1/C
/// there), and where a sample or step has weight 0 or is masked. PyTorch's L1Loss is the mean over all axes, the same
/// number where there are neither weights nor masks.
template <class T = float> class MeanAbsoluteError : public Loss<MeanAbsoluteError, T> {
public:
    std::string_view kind() const override { return "mean_absolute_error"; }
    Build::In target(const Build::In& prediction) const override { return {prediction.shape, dtype_of<T>()}; }

    void build(Build& b) override { detail::build_error_loss(b, target(b.in(0))); }
    void forward(Run<T>& r) const override {
        const auto p = r.x(0);
        const auto y = r.y(0);
        if (p.size()) kernels::mean_absolute_error(y.data(), p.data(), r.x(1).data(), y.size(), p.size() / y.size());
    }
    void backward(Run<T>& r) const override {
        detail::error_loss_gradient(r, [](auto... a) { kernels::mean_absolute_error_gradient<T>(a...); });
    }
};

template <class T = float> using MAE = MeanAbsoluteError<T>;

GRADUS_END
