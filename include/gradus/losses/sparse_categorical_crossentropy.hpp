/// SparseCategoricalCrossentropy: the loss of one class out of C, given by its number.
#pragma once
#include <gradus/kernels/crossentropy.hpp>
#include <gradus/losses/loss.hpp>

GRADUS_BEGIN

struct SparseCategoricalCrossentropyOptions {
    bool from_logits = false; ///< predictions are logits z, p = softmax(z)
};

/// loss[...] = -log p[..., label], natural logarithm.
///
/// Predictions [B, C] or [B, T, C], labels int32 [B] or [B, T] in [0, C), checked where they enter; one value per
/// sample or step. As Keras: probabilities are divided by their sum, then clipped to [1e-7, 1 - 1e-7], without gradient
/// where clipped, unless a softmax ends the model: then the gradient is taken below it, p - [c = label]. From logits z:
/// log sum exp z - z[label]. PyTorch's CrossEntropyLoss is this with from_logits; its classes stand on axis 1. Its
/// label_smoothing is, as in Keras, CategoricalCrossentropy's, with one-hot targets.
template <class T = float> class SparseCategoricalCrossentropy : public Loss<SparseCategoricalCrossentropy, T> {
public:
    SparseCategoricalCrossentropy() = default;
    explicit SparseCategoricalCrossentropy(SparseCategoricalCrossentropyOptions options) : o_(options) {}

    std::string_view kind() const override { return "sparse_categorical_crossentropy"; }
    void fields(Fields& f) override { f("from_logits", o_.from_logits); }
    bool passes_over(activation::Kind kind) const override { return kind == activation::softmax && !o_.from_logits; }
    Build::In target(const Build::In& prediction) const override {
        const SymbolicShape& s = prediction.shape;
        return {SymbolicShape(s.begin(), s.end() - (s.empty() ? 0 : 1)), Dtype::i32};
    }
    std::string_view target_hint(int axes) const override {
        return axes > 0 ? "one-hot targets are for CategoricalCrossentropy" : "";
    }

    void build(Build& b) override {
        detail::build_loss(b);
        detail::require_target(b, target(b.in(0)));
        b.ids(1, b.in(0).shape.back());
        gradient_ = b.saved<T>(b.in(0).shape);
    }
    void forward(Run<T>& r) const override {
        const auto p = r.x(0);
        const auto y = r.y(0);
        if (p.size() == 0) return;
        const Index rows = y.size(), classes = p.size() / rows;
        const std::int32_t* const labels = r.ids(1).data();
        T* const gradient = r[gradient_].data();
        if (r.passes_over() != linear)
            kernels::softmax_sparse_crossentropy(y.data(), gradient, p.data(), labels, rows, classes);
        else
            kernels::sparse_categorical_crossentropy(y.data(), gradient, p.data(), labels, rows, classes,
                                                     o_.from_logits);
    }
    void backward(Run<T>& r) const override { detail::scale_loss_gradient<T>(r.dx(0), r.dy(0), r[gradient_], 1); }

private:
    SparseCategoricalCrossentropyOptions o_;
    Saved<T> gradient_;
};

GRADUS_END
