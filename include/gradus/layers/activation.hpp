/// Activation: a function of each element, or softmax over the last axis.
#pragma once
#include <gradus/kernels/activation.hpp>
#include <gradus/kernels/elementwise.hpp>
#include <gradus/layers/layer.hpp>

#include <limits>

GRADUS_BEGIN

struct ActivationOptions {
    activation::Kind activation = linear;
    double negative_slope = 0.2; ///< of leaky_relu
    double alpha = 1;            ///< of elu
};

/// y = f(x), any shape; softmax and log_softmax work on the last axis. Masks pass. Kinds: linear, relu, sigmoid,
/// activation::tanh, softmax, gelu (exact, by the normal distribution), gelu_tanh (its approximation by tanh), silu,
/// elu, leaky_relu, softplus, log_softmax. The derivative at 0 is 0 for relu, negative_slope for leaky_relu and alpha
/// for elu. As Keras's Activation, whose gelu with approximate=True is gelu_tanh, and its layers LeakyReLU (slope 0.3
/// there) and ELU. Throws ValueError where negative_slope or alpha is negative or not finite.
template <class T = float> class Activation : public Layer<Activation, T> {
public:
    Activation() = default;
    explicit Activation(activation::Kind function) : o_{.activation = function} {}
    explicit Activation(const ActivationOptions& options) : o_(options) {}

    std::string_view kind() const override { return "activation"; }
    void fields(Fields& f) override {
        f("activation", o_.activation);
        f("negative_slope", o_.negative_slope);
        f("alpha", o_.alpha);
    }
    activation::Kind function() const { return o_.activation; }
    /// elu's alpha or leaky_relu's slope.
    double parameter() const {
        return o_.activation == elu ? o_.alpha : o_.activation == leaky_relu ? o_.negative_slope : 0;
    }
    activation::Kind ends_with() const override {
        return parameter() == activation::usual_parameter(o_.activation) ? o_.activation : linear;
    }

    void build(Build& b) override {
        for (const double v : {o_.negative_slope, o_.alpha})
            if (!(v >= 0 && v <= std::numeric_limits<double>::max()))
                throw_value_error(b.context() + ": negative_slope and alpha expect finite numbers of at least 0, got " +
                                  std::to_string(v));
        b.require_values(0, 1, 0, "values [batch, ...]");
        b.out(0, b.in(0).shape);
        b.mask(0, build::Mask::pass);
        b.in_place();
        b.backward_needs(o_.activation == linear                  ? build::Needs::neither
                         : activation::needs_input(o_.activation) ? build::Needs::input
                                                                  : build::Needs::output);
    }
    void forward(Run<T>& r) const override {
        const auto y = r.y(0);
        kernels::activation_forward(y.data(), r.x(0).data(), o_.activation, rows(y.shape()), y.shape()[-1],
                                    T(parameter()));
    }
    void backward(Run<T>& r) const override {
        const auto dx = r.dx(0);
        const auto dy = r.dy(0);
        if (dx.empty()) return;
        if (dy.empty()) return kernels::fill(dx.data(), T(0), dx.size());
        const auto kind = r.below_activation() ? linear : o_.activation;
        const T* const saved = activation::needs_input(kind) ? r.x(0).data() : r.y(0).data();
        kernels::activation_backward(dx.data(), dy.data(), saved, kind, rows(dx.shape()), dx.shape()[-1],
                                     T(parameter()));
    }

private:
    static Index rows(const Shape& s) { return s.product(0, s.rank() - 1); }
    ActivationOptions o_;
};

GRADUS_END
