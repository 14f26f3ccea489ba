/// CategoricalCrossentropy: the loss of one class out of C, given by a probability for each.
#pragma once
#include <gradus/kernels/crossentropy.hpp>
#include <gradus/losses/loss.hpp>

GRADUS_BEGIN

struct CategoricalCrossentropyOptions {
    bool from_logits = false;   ///< predictions are logits z, p = softmax(z)
    double label_smoothing = 0; ///< s: a target t counts as (1 - s) t + s / C
};

/// loss[...] = -sum over c of t[..., c] log p[..., c], natural logarithm.
///
/// Predictions [B, C] or [B, T, C], targets of the same shape, one-hot or any distribution; one value per sample or
/// step. As Keras: probabilities are divided by their sum, then clipped to [1e-7, 1 - 1e-7], without gradient where
/// clipped, unless a softmax ends the model: then the gradient is taken below it, p sum of t - t. From logits z: sum
/// over c of t (log sum exp z - z), where a class of target 0 may have a logit of -infinity. ValueError where
/// label_smoothing is outside [0, 1]. PyTorch's CrossEntropyLoss with targets of probabilities is this with
/// from_logits; its classes stand on axis 1.
template <class T = float> class CategoricalCrossentropy : public Loss<CategoricalCrossentropy, T> {
public:
    CategoricalCrossentropy() = default;
    explicit CategoricalCrossentropy(CategoricalCrossentropyOptions options) : o_(options) {}

    std::string_view kind() const override { return "categorical_crossentropy"; }
    void fields(Fields& f) override {
        f("from_logits", o_.from_logits);
        f("label_smoothing", o_.label_smoothing);
    }
    bool passes_over(activation::Kind kind) const override { return kind == activation::softmax && !o_.from_logits; }
    Build::In target(const Build::In& prediction) const override { return {prediction.shape, dtype_of<T>()}; }
    std::string_view target_hint(int axes) const override {
        return axes < 0 ? "class numbers are for SparseCategoricalCrossentropy, or go through one_hot" : "";
    }

    void build(Build& b) override {
        detail::require_smoothing(b, o_.label_smoothing);
        detail::build_loss(b);
        detail::require_target(b, target(b.in(0)));
        gradient_ = b.saved<T>(b.in(0).shape);
    }
    void forward(Run<T>& r) const override {
        const auto p = r.x(0);
        const auto t = r.x(1);
        const auto y = r.y(0);
        if (p.size() == 0) return;
        const Index rows = y.size(), classes = p.size() / rows;
        T* const gradient = r[gradient_].data();
        const T epsilon = T(1e-7), smoothing = static_cast<T>(o_.label_smoothing);
        if (r.passes_over() != linear)
            kernels::softmax_categorical_crossentropy(y.data(), gradient, p.data(), t.data(), rows, classes, epsilon,
                                                      smoothing);
        else
            kernels::categorical_crossentropy(y.data(), gradient, p.data(), t.data(), rows, classes, o_.from_logits,
                                              epsilon, smoothing);
    }
    void backward(Run<T>& r) const override { detail::scale_loss_gradient<T>(r.dx(0), r.dy(0), r[gradient_], 1); }

private:
    CategoricalCrossentropyOptions o_;
    Saved<T> gradient_;
};

GRADUS_END
