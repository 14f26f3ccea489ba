/// BatchNormalization: each feature with mean 0 and variance 1 over the batch.
#pragma once
#include <gradus/kernels/normalization.hpp>
#include <gradus/layers/layer.hpp>
#include <gradus/layers/regularizer.hpp>

GRADUS_BEGIN

struct BatchNormalizationOptions {
    Index axis = -1; ///< the last one, -1 or its number
    double momentum = 0.99;
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

/// y = gamma (x - m) / sqrt(v + epsilon) + beta for each feature: x [B, ..., C] -> y, gamma (with scale) and beta (with
/// center) [C]. Training: m and v are mean and variance over all other axes, and the moving ones approach them,
/// moving_mean = momentum moving_mean + (1 - momentum) m, and so moving_variance; they start at 0 and 1. Inference, and
/// training where the layer is frozen: m and v are moving_mean and moving_variance, which do not change. gamma and beta
/// do not decay. A mask [B, T] passes; masked steps do not count in m and v, but are normalised too. Throws ShapeError
/// for less than two axes, for two with a mask and for features of unknown number, ValueError for another axis, a
/// momentum outside [0, 1], a negative epsilon and a negative factor of regularisation.
/// As Keras's BatchNormalization (Ioffe, Szegedy 2015), but that the axis is the last one, that masked statistics
/// divide by the number of steps, not by it plus 1e-7, and that a batch without any step leaves the moving ones alone.
/// PyTorch's momentum is 1 - momentum (0.1), its epsilon 1e-5, and its running variance takes v n / (n - 1).
template <class T = float> class BatchNormalization : public Layer<BatchNormalization, T> {
public:
    BatchNormalization() = default;
    explicit BatchNormalization(const BatchNormalizationOptions& options) : o_(options) {}

    std::string_view kind() const override { return "batch_normalization"; }
    void fields(Fields& f) override {
        f("axis", o_.axis);
        f("momentum", o_.momentum);
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
        const auto& in = b.in(0);
        const auto rank = static_cast<Index>(in.shape.size());
        b.require_values(0, 2, 0, "values [batch, ..., features]");
        b.require(!in.has_mask || rank >= 3, "values [batch, time, ..., features] beside a mask");
        b.require(in.shape.back().is_constant(), "a number of features known when the model is built");
        const auto check = [&](bool good, const char* name, const char* expectation, const std::string& got) {
            if (!good) throw_value_error(b.context() + ": " + name + " expects " + expectation + ", got " + got);
        };
        check(o_.axis == -1 || o_.axis == rank - 1, "axis", "the last one, -1", std::to_string(o_.axis));
        check(o_.momentum >= 0 && o_.momentum <= 1, "momentum", "[0, 1]", std::to_string(o_.momentum));
        check(o_.epsilon >= 0, "epsilon", "0 or more", std::to_string(o_.epsilon));
        b.out(0, in.shape);
        b.mask(0, build::Mask::pass);
        b.in_place();
        b.backward_needs(build::Needs::input);
        const Index features = in.shape.back().constant();
        Dim rows = 1;
        for (std::size_t i = 0; i + 1 < in.shape.size(); ++i) rows = rows * in.shape[i];
        const ParamOptions gamma = regularized(b, o_.gamma_regularizer, o_.gamma_constraint, {.decay = false});
        const ParamOptions beta = regularized(b, o_.beta_regularizer, o_.beta_constraint, {.decay = false});
        gamma_ = o_.scale ? b.param("gamma", {features}, o_.gamma_initializer, gamma) : Param();
        beta_ = o_.center ? b.param("beta", {features}, o_.beta_initializer, beta) : Param();
        moving_mean_ = b.state<T>("moving_mean", {features}, T(0));
        moving_variance_ = b.state<T>("moving_variance", {features}, T(1));
        statistics_ = b.kept<T>({2, features});
        workspace_ = b.scratch<T>(
            Sizer{{rows}, [=](const Index* n) { return kernels::normalization_workspace(n[0], features); }});
    }

    void forward(Run<T>& r) const override {
        kernels::batch_normalization_forward(r.y(0).data(), r[statistics_].data(), r[moving_mean_].data(),
                                             r[moving_variance_].data(), r.x(0).data(), norm(r), o_.momentum,
                                             r[workspace_].data());
    }
    void backward(Run<T>& r) const override {
        const auto dx = r.dx(0);
        const auto dy = r.dy(0);
        if (dy.empty()) return dx.empty() ? void() : kernels::fill(dx.data(), T(0), dx.size());
        kernels::batch_normalization_backward(dx.data(), r.grad(gamma_).data(), r.grad(beta_).data(), dy.data(),
                                              r.x(0).data(), static_cast<const T*>(r[statistics_].data()), norm(r),
                                              r[workspace_].data());
    }

private:
    kernels::BatchNorm<T> norm(const Run<T>& r) const {
        const auto x = r.x(0);
        const auto mask = r.mask(0);
        const Index cols = x.shape()[-1], rows = x.shape().product(0, x.shape().rank() - 1);
        return {.rows = rows,
                .cols = cols,
                .gamma = r[gamma_].data(),
                .beta = r[beta_].data(),
                .mask = mask.data(),
                .span = mask.size() > 0 ? rows / mask.size() : 1,
                .epsilon = static_cast<T>(o_.epsilon),
                .batch = r.training()};
    }

    BatchNormalizationOptions o_;
    Param gamma_, beta_;
    State<T> moving_mean_, moving_variance_;
    Kept<T> statistics_;
    Scratch<T> workspace_;
};

GRADUS_END
