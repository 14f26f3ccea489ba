/// Reshape: the same values under another shape.
#pragma once
#include <gradus/kernels/elementwise.hpp>
#include <gradus/layers/layer.hpp>

#include <algorithm>
#include <concepts>

GRADUS_BEGIN

struct ReshapeOptions {
    std::vector<Index> target_shape = {}; ///< without the batch; one size may be -1: whatever is left
};

/// x [B, ...] -> y [B, target_shape], the same values in the same order: `Reshape(28, 28)`, `Reshape(-1, 4)`. A mask
/// ends here. As Keras's Reshape. Throws ValueError for a size below 1 that is not -1 and for a second -1, ShapeError
/// where the sizes do not have the product of x's; for sizes that are symbols, when data arrive.
template <class T = float> class Reshape : public Layer<Reshape, T> {
public:
    Reshape() = default;
    template <std::integral... Sizes> explicit Reshape(Index first, Sizes... more)
        : o_{.target_shape = {first, static_cast<Index>(more)...}} {}
    explicit Reshape(const ReshapeOptions& options) : o_(options) {}

    std::string_view kind() const override { return "reshape"; }
    void fields(Fields& f) override { f("target_shape", o_.target_shape); }

    void build(Build& b) override {
        const auto& sizes = o_.target_shape;
        const bool good = std::all_of(sizes.begin(), sizes.end(), [](Index n) { return n >= 1 || n == -1; });
        if (!good || std::count(sizes.begin(), sizes.end(), -1) > 1)
            throw_value_error(b.context() + ": target_shape expects sizes of at least 1 and at most one -1, got " +
                              text());
        b.require_values(0, 1, 0, "values [batch, ...]");
        b.require(static_cast<Index>(sizes.size()) < Shape::max_rank, "a target_shape of at most 7 sizes");
        const SymbolicShape& x = b.in(0).shape;
        const std::string expectation = "values that fit target_shape " + text();
        Dim known = 1, numbers = 1, symbols = 1, target = 1;
        for (std::size_t i = 1; i < x.size(); ++i) {
            Dim& part = x[i].is_constant() ? numbers : symbols;
            part = part * x[i];
        }
        for (const Index n : sizes) known = known * Dim(n == -1 ? 1 : n);
        const bool exact = numbers.constant() % known.constant() == 0;
        const Dim left =
            exact ? Dim(numbers.constant() / known.constant()) * symbols : floor_div(numbers * symbols, known);
        SymbolicShape y{x[0]};
        for (const Index n : sizes) {
            y.push_back(n == -1 ? left : Dim(n));
            target = target * y.back();
        }
        b.require_equal(target, numbers * symbols, expectation);
        b.out(0, y);
        b.in_place();
        b.backward_needs(build::Needs::neither);
    }
    void forward(Run<T>& r) const override {
        const auto x = r.x(0);
        const auto y = r.y(0);
        if (y.data() != x.data()) std::copy(x.begin(), x.end(), y.begin());
    }
    void backward(Run<T>& r) const override {
        const auto dx = r.dx(0);
        const auto dy = r.dy(0);
        if (dx.empty()) return;
        if (dy.empty())
            kernels::fill(dx.data(), T(0), dx.size());
        else if (dx.data() != dy.data())
            std::copy(dy.begin(), dy.end(), dx.begin());
    }

private:
    std::string text() const { return to_string(SymbolicShape(o_.target_shape.begin(), o_.target_shape.end())); }
    ReshapeOptions o_;
};

GRADUS_END
