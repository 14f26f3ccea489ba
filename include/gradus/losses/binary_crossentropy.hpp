/// BinaryCrossentropy: the loss of yes-or-no answers.
#pragma once
#include <gradus/kernels/crossentropy.hpp>
#include <gradus/kernels/reduce.hpp>
#include <gradus/losses/loss.hpp>

GRADUS_BEGIN

struct BinaryCrossentropyOptions {
    bool from_logits = false;   ///< predictions are logits z, p = sigmoid(z)
    double label_smoothing = 0; ///< s: a target t counts as (1 - s) t + s / 2
};

/// loss[...] = mean over c of -t log p - (1 - t) log(1 - p), natural logarithm.
///
/// Predictions [B, C] or [B, T, C], targets of the same shape in [0, 1], checked where they enter; one value per sample
/// [B] or step [B, T], the mean over the last axis. As Keras: p is clipped to [1e-7, 1 - 1e-7], and has no gradient
/// where it was clipped, unless a sigmoid ends the model: then the gradient is taken below it, p - t, and training goes
/// on where p is 0 or 1. From logits the stable form max(z, 0) - z t + log(1 + exp(-|z|)) is used. ValueError where
/// label_smoothing is outside [0, 1]. PyTorch's BCELoss bounds the logarithms at -100 instead of clipping p, and
/// smooths no labels.
template <class T = float> class BinaryCrossentropy : public Loss<BinaryCrossentropy, T> {
public:
    BinaryCrossentropy() = default;
    explicit BinaryCrossentropy(BinaryCrossentropyOptions options) : o_(options) {}

    std::string_view kind() const override { return "binary_crossentropy"; }
    void fields(Fields& f) override {
        f("from_logits", o_.from_logits);
        f("label_smoothing", o_.label_smoothing);
    }
    bool passes_over(activation::Kind kind) const override { return kind == activation::sigmoid && !o_.from_logits; }
    Build::In target(const Build::In& prediction) const override { return {prediction.shape, dtype_of<T>()}; }
    typename LossOf<T>::Range target_range() const override { return {0, 1}; }

    void build(Build& b) override {
        detail::require_smoothing(b, o_.label_smoothing);
        detail::build_loss(b);
        detail::require_target(b, target(b.in(0)));
        const SymbolicShape& shape = b.in(0).shape;
        gradient_ = b.saved<T>(shape);
        each_ = shape.back() == Dim(1) ? Scratch<T>{} : b.scratch<T>(shape);
    }
    void forward(Run<T>& r) const override {
        const auto p = r.x(0);
        const auto y = r.y(0);
        if (p.size() == 0) return;
        const Index rows = y.size(), n = p.size() / rows;
        const View<T> each = each_.i < 0 ? y : r[each_];
        T* const gradient = r[gradient_].data();
        const T* const t = r.x(1).data();
        const T epsilon = T(1e-7), smoothing = static_cast<T>(o_.label_smoothing);
        if (r.passes_over() != linear)
            kernels::sigmoid_binary_crossentropy(each.data(), gradient, p.data(), t, p.size(), epsilon, smoothing);
        else
            kernels::binary_crossentropy(each.data(), gradient, p.data(), t, p.size(), o_.from_logits, epsilon,
                                         smoothing);
        if (each_.i < 0) return;
        for (Index i = 0; i < rows; ++i) y[i] = kernels::sum(each.data() + i * n, n) / static_cast<T>(n);
    }
    void backward(Run<T>& r) const override {
        const View<T> dx = r.dx(0);
        detail::scale_loss_gradient<T>(dx, r.dy(0), r[gradient_], dx.empty() ? 1 : dx.shape()[-1]);
    }

private:
    BinaryCrossentropyOptions o_;
    Saved<T> gradient_;
    Scratch<T> each_;
};

GRADUS_END
