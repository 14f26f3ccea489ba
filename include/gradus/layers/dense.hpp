/// Dense: the fully connected layer.
#pragma once
#include <gradus/kernels/activation.hpp>
#include <gradus/kernels/elementwise.hpp>
#include <gradus/kernels/matmul.hpp>
#include <gradus/layers/activation.hpp>
#include <gradus/layers/regularizer.hpp>

#include <algorithm>
#include <limits>

GRADUS_BEGIN

struct DenseOptions {
    Index units = 0;
    activation::Kind activation = linear;
    bool use_bias = true;
    Initializer kernel_initializer = initializers::glorot_uniform();
    Initializer bias_initializer = initializers::zeros();
    Regularizer kernel_regularizer = {};
    Regularizer bias_regularizer = {};
    Constraint kernel_constraint = {};
    Constraint bias_constraint = {};
};

/// y = f(x W + b): x [B, ..., D] -> y [B, ..., U], kernel W [D, U], bias b [U]. Masks pass.
/// As Keras's Dense; PyTorch's Linear holds W transposed and starts from other values.
template <class T = float> class Dense : public Layer<Dense, T> {
public:
    Dense() = default;
    explicit Dense(Index units, activation::Kind activation = linear) : o_{.units = units, .activation = activation} {}
    explicit Dense(const DenseOptions& options) : o_(options) {}

    std::string_view kind() const override { return "dense"; }
    void fields(Fields& f) override {
        f("units", o_.units);
        f("activation", o_.activation);
        f("use_bias", o_.use_bias);
        f("kernel_initializer", o_.kernel_initializer);
        f("bias_initializer", o_.bias_initializer);
        f("kernel_regularizer", o_.kernel_regularizer);
        f("bias_regularizer", o_.bias_regularizer);
        f("kernel_constraint", o_.kernel_constraint);
        f("bias_constraint", o_.bias_constraint);
    }
    activation::Kind ends_with() const override { return o_.activation; }
    bool passes_over(activation::Kind kind) const override { return kind == relu; }

    void build(Build& b) override {
        if (o_.units < 1)
            throw_value_error(b.context() + ": units expects at least 1, got " + std::to_string(o_.units));
        if (o_.units > std::numeric_limits<std::int32_t>::max())
            throw_value_error(b.context() + ": units expects at most 2^31 - 1, got " + std::to_string(o_.units));
        b.require_values(0, 2, 0, "values [batch, ..., features]");
        SymbolicShape shape = b.in(0).shape;
        b.require(shape.back().is_constant(), "a number of features known when the model is built");
        const Index features = shape.back().constant(), units = o_.units;
        Dim rows = 1;
        for (std::size_t i = 0; i + 1 < shape.size(); ++i) rows = rows * shape[i];
        shape.back() = units;
        b.out(0, shape);
        b.mask(0, build::Mask::pass);
        kernel_ = b.param("kernel", {features, units}, o_.kernel_initializer,
                          regularized(b, o_.kernel_regularizer, o_.kernel_constraint));
        const ParamOptions bias = regularized(b, o_.bias_regularizer, o_.bias_constraint, {.decay = false});
        bias_ = o_.use_bias ? b.param("bias", {units}, o_.bias_initializer, bias) : Param();
        b.product(rows * features * units, kernel_);
        const bool from_input = activation::needs_input(o_.activation);
        b.backward_needs(o_.activation == linear || from_input ? build::Needs::input : build::Needs::both);
        if (from_input) z_ = b.saved<T>({rows, units});
        if (o_.activation != linear) dz_ = b.scratch<T>({rows, units});
        workspace_ = b.scratch<T>(Sizer{
            {rows}, [=](const Index* n) {
                using kernels::Transpose;
                return std::max({kernels::matmul_workspace<T>(n[0], units, features, Transpose::no, Transpose::no),
                                 kernels::matmul_workspace<T>(features, units, n[0], Transpose::yes, Transpose::no),
                                 kernels::matmul_workspace<T>(n[0], features, units, Transpose::no, Transpose::yes)});
            }});
    }

    void forward(Run<T>& r) const override {
        using kernels::Transpose;
        const auto x = r.x(0);
        const auto y = r.y(0);
        const Index features = x.shape()[-1], units = o_.units, rows = y.size() / units;
        const bool fused = o_.activation == relu;
        T* const z = r[z_].empty() ? y.data() : r[z_].data();
        kernels::matmul<T>(z, units, x.data(), features, Transpose::no, r[kernel_].data(), units, Transpose::no, rows,
                           units, features, false, {.bias = r[bias_].data(), .activation = fused ? relu : linear},
                           r[workspace_].data(), r.precision());
        if (!fused) kernels::activation_forward(y.data(), z, o_.activation, rows, units);
    }

    void backward(Run<T>& r) const override {
        using kernels::Transpose;
        const auto x = r.x(0);
        const auto dx = r.dx(0);
        const auto dy = r.dy(0);
        const Index features = x.shape()[-1], units = o_.units, rows = r.y(0).size() / units;
        if (dy.empty()) return dx.empty() ? void() : kernels::fill(dx.data(), T(0), dx.size());
        const T* dz = dy.data();
        if (o_.activation != linear && !r.below_activation()) {
            const T* const saved = activation::needs_input(o_.activation) ? r[z_].data() : r.y(0).data();
            kernels::activation_backward(r[dz_].data(), dz, saved, o_.activation, rows, units);
            dz = r[dz_].data();
        }
        T* workspace = r[workspace_].data();
        const bool adds = !r.overwrites(kernel_), adds_bias = !r.overwrites(bias_);
        if (const auto g = r.grad(kernel_); !g.empty())
            kernels::matmul<T>(g.data(), units, x.data(), features, Transpose::yes, dz, units, Transpose::no, features,
                               units, rows, adds, {}, workspace, r.precision());
        if (const auto g = r.grad(bias_); !g.empty()) kernels::column_sums(g.data(), dz, rows, units, adds_bias);
        if (!dx.empty())
            kernels::matmul<T>(dx.data(), features, dz, units, Transpose::no, r[kernel_].data(), units, Transpose::yes,
                               rows, features, units, false,
                               {.gate = r.passes_over() == relu ? x.data() : nullptr, .ldgate = features}, workspace,
                               r.precision());
    }

    /// Takes a following activation into the product.
    std::unique_ptr<LayerOf<T>> fuse(const LayerOf<T>& next, int) const override {
        const auto* after = dynamic_cast<const Activation<T>*>(&next);
        if (!after || o_.activation != linear || after->ends_with() != after->function()) return {};
        auto both = std::make_unique<Dense>(*this);
        both->o_.activation = after->function();
        return both;
    }

private:
    DenseOptions o_;
    Param kernel_, bias_;
    Saved<T> z_;
    Scratch<T> dz_, workspace_;
};

GRADUS_END
