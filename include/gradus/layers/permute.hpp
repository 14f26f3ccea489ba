/// Permute: axes in another order.
#pragma once
#include <gradus/kernels/elementwise.hpp>
#include <gradus/kernels/permute.hpp>
#include <gradus/layers/layer.hpp>

#include <concepts>

GRADUS_BEGIN

struct PermuteOptions {
    std::vector<Index> dims = {}; ///< for each axis of y the axis of x, from 1: the batch stays first
};

/// y's axis i is x's axis dims[i - 1]: `Permute(2, 1)` makes [B, D, T] from [B, T, D]. A mask ends here.
/// As Keras's Permute. Throws ValueError where dims is not 1, 2, ... in some order, ShapeError where x has another
/// number of axes.
template <class T = float> class Permute : public Layer<Permute, T> {
public:
    Permute() = default;
    template <std::integral... Dims> explicit Permute(Index first, Dims... more)
        : o_{.dims = {first, static_cast<Index>(more)...}} {}
    explicit Permute(const PermuteOptions& options) : o_(options) {}

    std::string_view kind() const override { return "permute"; }
    void fields(Fields& f) override { f("dims", o_.dims); }

    void build(Build& b) override {
        const auto n = static_cast<Index>(o_.dims.size());
        if (n == 0 || n >= Shape::max_rank || !is_permutation(o_.dims))
            throw_value_error(b.context() + ": dims expects 1, 2, ... in some order, at most 7, got " +
                              to_string(SymbolicShape(o_.dims.begin(), o_.dims.end())));
        b.require_values(0, n + 1, n + 1, "values [batch, ...] with " + std::to_string(n) + " axes beside the batch");
        const SymbolicShape& x = b.in(0).shape;
        SymbolicShape y{x[0]};
        for (Index i = 0; i < n; ++i) {
            const Index from = o_.dims[static_cast<std::size_t>(i)];
            y.push_back(x[static_cast<std::size_t>(from)]);
            axes_[i + 1] = from;
            inverse_[from] = i + 1;
        }
        b.out(0, y);
        b.backward_needs(build::Needs::neither);
    }
    void forward(Run<T>& r) const override { kernels::permute(r.y(0).data(), r.x(0).data(), r.x(0).shape(), axes_); }
    void backward(Run<T>& r) const override {
        const auto dx = r.dx(0);
        const auto dy = r.dy(0);
        if (dx.empty()) return;
        if (dy.empty())
            kernels::fill(dx.data(), T(0), dx.size());
        else
            kernels::permute(dx.data(), dy.data(), dy.shape(), inverse_);
    }

private:
    static bool is_permutation(const std::vector<Index>& dims) {
        Index seen = 0;
        for (const Index d : dims) {
            if (d < 1 || d > static_cast<Index>(dims.size()) || (seen >> d & 1)) return false;
            seen |= Index{1} << d;
        }
        return true;
    }

    PermuteOptions o_;
    Index axes_[Shape::max_rank] = {}, inverse_[Shape::max_rank] = {};
};

GRADUS_END
