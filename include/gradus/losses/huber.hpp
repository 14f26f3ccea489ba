/// Huber: the loss of numbers, squared near the target and linear far from it.
#pragma once
#include <gradus/kernels/regression.hpp>
#include <gradus/losses/loss.hpp>

#include <cmath>
#include <string>

GRADUS_BEGIN

struct HuberOptions {
    double delta = 1; ///< where the square ends
};

/// loss[...] = mean over c of h(p[..., c] - t[..., c]), h(e) = e^2 / 2 for |e| <= delta, else delta (|e| - delta / 2).
///
/// Predictions [B, C] or [B, T, C], targets of the same shape; one value per sample [B] or step [B, T], the mean over
/// the last axis, as in Keras. A sample or step of weight 0, or masked, has no gradient. ValueError where delta is not
/// a number above 0. PyTorch's HuberLoss is the same function; its SmoothL1Loss is this divided by delta.
template <class T = float> class Huber : public Loss<Huber, T> {
public:
    Huber() = default;
    template <class N>
        requires std::is_arithmetic_v<N>
    explicit Huber(N delta) : o_{static_cast<double>(delta)} {}
    explicit Huber(HuberOptions options) : o_(options) {}

    std::string_view kind() const override { return "huber"; }
    void fields(Fields& f) override { f("delta", o_.delta); }
    Build::In target(const Build::In& prediction) const override { return {prediction.shape, dtype_of<T>()}; }

    void build(Build& b) override {
        if (!(o_.delta > 0 && std::isfinite(o_.delta)))
            throw_value_error(b.context() + ": delta expects a number above 0, got " + std::to_string(o_.delta));
        detail::build_error_loss(b, target(b.in(0)));
    }
    void forward(Run<T>& r) const override {
        const auto p = r.x(0);
        const auto y = r.y(0);
        if (p.size())
            kernels::huber(y.data(), p.data(), r.x(1).data(), y.size(), p.size() / y.size(), static_cast<T>(o_.delta));
    }
    void backward(Run<T>& r) const override {
        detail::error_loss_gradient(r, [&](auto... a) { kernels::huber_gradient<T>(a..., static_cast<T>(o_.delta)); });
    }

private:
    HuberOptions o_;
};

GRADUS_END
