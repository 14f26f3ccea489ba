/// Masking: steps that hold one value only become padding.
#pragma once
#include <gradus/core/parallel.hpp>
#include <gradus/kernels/elementwise.hpp>
#include <gradus/layers/layer.hpp>

#include <algorithm>

GRADUS_BEGIN

/// x [B, T, ...] -> y of the same shape, with a mask [B, T]: a step counts where any of its values differs from
/// mask_value, and where the mask of x, if there is one, says so; y is x there and zero elsewhere. As Keras's Masking,
/// which takes no notice of a mask that x has. Throws ValueError for a mask_value that is not a number.
template <class T = float> class Masking : public Layer<Masking, T> {
public:
    Masking() = default;
    explicit Masking(double mask_value) : mask_value_(mask_value) {}

    std::string_view kind() const override { return "masking"; }
    void fields(Fields& f) override { f("mask_value", mask_value_); }

    void build(Build& b) override {
        if (mask_value_ != mask_value_) throw_value_error(b.context() + ": mask_value expects a number, got nan");
        b.require_values(0, 3, 0, "values [batch, time, ...]");
        b.out(0, b.in(0).shape);
        b.mask(0, build::Mask::make);
        b.in_place();
        b.backward_needs(build::Needs::neither);
        counts_ = b.kept<std::uint8_t>({b.in(0).shape[0], b.in(0).shape[1]});
    }
    void forward(Run<T>& r) const override {
        const auto x = r.x(0);
        const auto y = r.y(0);
        const auto given = r.mask(0);
        const auto counts = r[counts_], mask = r.out_mask(0);
        const T value = static_cast<T>(mask_value_);
        each_step(x.shape(), [&](Index step, Index size) {
            const T* const from = x.data() + step * size;
            counts[step] =
                std::any_of(from, from + size, [=](T v) { return v != value; }) && (given.empty() || given[step]);
            write(y.data() + step * size, from, size, counts[step]);
        });
        if (!mask.empty()) std::copy(counts.begin(), counts.end(), mask.begin());
    }
    void backward(Run<T>& r) const override {
        const auto dx = r.dx(0);
        const auto dy = r.dy(0);
        if (dx.empty()) return;
        if (dy.empty()) return kernels::fill(dx.data(), T(0), dx.size());
        const auto counts = r[counts_];
        each_step(dx.shape(), [&](Index step, Index size) {
            write(dx.data() + step * size, dy.data() + step * size, size, counts[step]);
        });
    }

private:
    static void write(T* to, const T* from, Index size, bool counts) {
        if (!counts)
            std::fill_n(to, size, T(0));
        else if (to != from)
            std::copy_n(from, size, to);
    }
    template <class F> static void each_step(const Shape& s, const F& f) {
        const Index size = s.product(2, s.rank());
        parallel_for(0, s[0] * s[1], std::max<Index>(1, 16384 / std::max<Index>(1, size)),
                     [&](Index first, Index last) {
                         for (Index step = first; step < last; ++step) f(step, size);
                     });
    }
    double mask_value_ = 0;
    Kept<std::uint8_t> counts_;
};

GRADUS_END
