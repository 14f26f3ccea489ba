/// LayerNormalization: the features of each sample, or step, with mean 0 and variance 1.
#pragma once
#include <gradus/kernels/normalization.hpp>
#include <gradus/layers/layer.hpp>
#include <gradus/layers/regularizer.hpp>

#include <algorithm>
#include <vector>

GRADUS_BEGIN

struct LayerNormalizationOptions {
    std::vector<Index> axis = {-1}; ///< one or several of the last axes
    double epsilon = 1e-3;
    bool center = true;
    bool scale = true;
    Initializer beta_initializer = initializers::zeros();
    Initializer gamma_initializer = initializers::ones();
    Regularizer beta_regularizer = {};
    Regularizer gamma_regularizer = {};
    Constraint beta_constraint = {};
    Constraint gamma_constraint = {};
};

/// y = gamma (x - m) / sqrt(v + epsilon) + beta: x [B, ..., C] -> y, m and v being mean and variance over the axes of
/// `axis` (C; with
/// {-2, -1} the last two), gamma (with scale) and beta (with center) of their shape. gamma and beta do not decay. Masks
/// pass. Throws ShapeError for less than two axes and for sizes along `axis` that are not known, ValueError for axes
/// that are not the last ones or leave none for the batch, a negative epsilon and a negative factor of regularisation.
/// As Keras's LayerNormalization (Ba, Kiros, Hinton 2016), whose axes may be any, without its rms_scaling, which Keras
/// calls incorrect. PyTorch's LayerNorm has an epsilon of 1e-5.
template <class T = float> class LayerNormalization : public Layer<LayerNormalization, T> {
public:
    LayerNormalization() = default;
    explicit LayerNormalization(const LayerNormalizationOptions& options) : o_(options) {}

    std::string_view kind() const override { return "layer_normalization"; }
    void fields(Fields& f) override {
        f("axis", o_.axis);
        f("epsilon", o_.epsilon);
        f("center", o_.center);
        f("scale", o_.scale);
        f("beta_initializer", o_.beta_initializer);
        f("gamma_initializer", o_.gamma_initializer);
        f("beta_regularizer", o_.beta_regularizer);
        f("gamma_regularizer", o_.gamma_regularizer);
        f("beta_constraint", o_.beta_constraint);
        f("gamma_constraint", o_.gamma_constraint);
    }

    void build(Build& b) override {
        b.require_values(0, 2, 0, "values [batch, ..., features]");
        const SymbolicShape& shape = b.in(0).shape;
        const auto rank = static_cast<Index>(shape.size()), count = static_cast<Index>(o_.axis.size());
        std::vector<Index> axes = o_.axis;
        for (Index& a : axes) a += a < 0 ? rank : 0;
        std::sort(axes.begin(), axes.end());
        std::string got;
        for (const Index a : o_.axis) got += (got.empty() ? "" : ", ") + std::to_string(a);
        for (Index i = 0; i < std::max<Index>(1, count); ++i)
            if (count < 1 || count >= rank || axes[static_cast<std::size_t>(i)] != rank - count + i)
                throw_value_error(b.context() + ": axis expects the last axes, but not the batch's, got {" + got + "}");
        if (!(o_.epsilon >= 0))
            throw_value_error(b.context() + ": epsilon expects 0 or more, got " + std::to_string(o_.epsilon));
        const SymbolicShape own(shape.end() - count, shape.end());
        features_ = 1;
        for (const Dim& d : own) {
            b.require(d.is_constant(), "sizes of the axes of `axis` known when the model is built");
            features_ *= d.constant();
        }
        b.out(0, shape);
        b.mask(0, build::Mask::pass);
        b.in_place();
        b.backward_needs(build::Needs::input);
        Dim rows = 1;
        for (Index i = 0; i < rank - count; ++i) rows = rows * shape[static_cast<std::size_t>(i)];
        const ParamOptions gamma = regularized(b, o_.gamma_regularizer, o_.gamma_constraint, {.decay = false});
        const ParamOptions beta = regularized(b, o_.beta_regularizer, o_.beta_constraint, {.decay = false});
        gamma_ = o_.scale ? b.param("gamma", own, o_.gamma_initializer, gamma) : Param();
        beta_ = o_.center ? b.param("beta", own, o_.beta_initializer, beta) : Param();
        statistics_ = b.saved<T>({rows, 2});
        workspace_ = b.scratch<T>(
            Sizer{{rows}, [n = features_](const Index* r) { return kernels::normalization_workspace(r[0], n); }});
    }

    void forward(Run<T>& r) const override {
        kernels::layer_normalization_forward(r.y(0).data(), r[statistics_].data(), r.x(0).data(), r[gamma_].data(),
                                             r[beta_].data(), rows(r), features_, static_cast<T>(o_.epsilon));
    }
    void backward(Run<T>& r) const override {
        const auto dx = r.dx(0);
        const auto dy = r.dy(0);
        if (dy.empty()) return dx.empty() ? void() : kernels::fill(dx.data(), T(0), dx.size());
        kernels::layer_normalization_backward(dx.data(), r.grad(gamma_).data(), r.grad(beta_).data(), dy.data(),
                                              r.x(0).data(), static_cast<const T*>(r[statistics_].data()),
                                              r[gamma_].data(), rows(r), features_, r[workspace_].data());
    }

private:
    Index rows(const Run<T>& r) const { return features_ > 0 ? r.y(0).size() / features_ : 0; }

    LayerNormalizationOptions o_;
    Index features_ = 0;
    Param gamma_, beta_;
    Saved<T> statistics_;
    Scratch<T> workspace_;
};

GRADUS_END
