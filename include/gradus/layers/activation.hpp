/// Activation: a function of each element, or softmax over the last axis.
#pragma once
#include <gradus/kernels/activation.hpp>
#include <gradus/kernels/elementwise.hpp>
#include <gradus/layers/layer.hpp>

GRADUS_BEGIN

/// y = f(x), any shape; softmax works on the last axis. linear, relu, sigmoid, activation::tanh, softmax. Masks pass.
/// As Keras's Activation; the derivative of relu at 0 is 0.
template <class T = float> class Activation : public Layer<Activation, T> {
public:
    Activation() = default;
    explicit Activation(activation::Kind function) : function_(function) {}

    std::string_view kind() const override { return "activation"; }
    void fields(Fields& f) override { f("activation", function_); }
    activation::Kind function() const { return function_; }
    activation::Kind ends_with() const override { return function_; }

    void build(Build& b) override {
        b.require_values(0, 1, 0, "values [batch, ...]");
        b.out(0, b.in(0).shape);
        b.mask(0, build::Mask::pass);
        b.in_place();
        b.backward_needs(function_ == linear ? build::Needs::neither : build::Needs::output);
    }
    void forward(Run<T>& r) const override {
        const auto y = r.y(0);
        kernels::activation_forward(y.data(), r.x(0).data(), function_, rows(y.shape()), y.shape()[-1]);
    }
    void backward(Run<T>& r) const override {
        const auto dx = r.dx(0);
        const auto dy = r.dy(0);
        if (dx.empty()) return;
        if (dy.empty()) return kernels::fill(dx.data(), T(0), dx.size());
        const auto kind = r.below_activation() ? linear : function_;
        kernels::activation_backward(dx.data(), dy.data(), r.y(0).data(), kind, rows(dx.shape()), dx.shape()[-1]);
    }

private:
    static Index rows(const Shape& s) { return s.product(0, s.rank() - 1); }
    activation::Kind function_ = linear;
};

GRADUS_END
