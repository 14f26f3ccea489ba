// A layer of one's own, without parameters: y = x / (1 + exp(-x)).
#pragma once
#include <gradus/layers/layer.hpp>

#include <cmath>

template <class T = float> class Swish : public gradus::Layer<Swish, T> {
public:
    std::string_view kind() const override { return "swish"; }
    void build(gradus::Build& b) override {
        b.out(0, b.in(0).shape);
        b.mask(0, gradus::build::Mask::pass);
    }
    void forward(gradus::Run<T>& r) const override {
        const auto x = r.x(0);
        const auto y = r.y(0);
        for (gradus::Index i = 0; i < x.size(); ++i) y[i] = x[i] / (1 + std::exp(-x[i]));
    }
    void backward(gradus::Run<T>& r) const override {
        const auto x = r.x(0);
        const auto dy = r.dy(0);
        const auto dx = r.dx(0);
        for (gradus::Index i = 0; i < dx.size(); ++i) {
            const T s = 1 / (1 + std::exp(-x[i]));
            dx[i] = dy.empty() ? T(0) : dy[i] * (s + x[i] * s * (1 - s));
        }
    }
};
