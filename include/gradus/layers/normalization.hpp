/// Normalization: numbers brought to mean 0 and variance 1 by statistics of data, learned before training and saved
/// with the model.
#pragma once
#include <gradus/core/moments.hpp>
#include <gradus/kernels/elementwise.hpp>
#include <gradus/layers/layer.hpp>

#include <algorithm>

GRADUS_BEGIN

struct NormalizationOptions {
    std::vector<Index> axis = {-1};    ///< the last axes, which have statistics of their own; {}: none has
    std::vector<double> mean = {};     ///< given instead of adapted: one for each position of the axes, or one for all
    std::vector<double> variance = {}; ///< as many as means
    bool invert = false;               ///< from mean 0 and variance 1 back to the data's
};

/// y = (x - mean) / max(sqrt(variance), 1e-7), inverted y = mean + x max(sqrt(variance), 1e-7). Any shape [B, ...];
/// masks pass; what mean and variance are is learned from data by `adapt`, not trained. As Keras's Normalization, but
/// kept axes must be the last ones. Being a layer, it may stand anywhere in a graph, on one of several inputs, and has
/// a gradient.
///
///     Normalization normalize;
///     normalize.adapt(x_train);
///     Sequential model{normalize, Dense(64, relu), Dense(1)};
///
/// Copies learn together, so adapt may follow the model's constructor; clones, and copies converted to another scalar,
/// on their own. The model must not run meanwhile. Throws ValueError on means and variances that do not pair, negative
/// or not finite, and on building before it knows any; ShapeError where axes or sizes do not fit.
template <class T = float> class Normalization : public Layer<Normalization, T> {
public:
    Normalization() = default;
    explicit Normalization(NormalizationOptions options) : axis_(std::move(options.axis)) {
        set(std::move(options.mean), std::move(options.variance), options.invert);
    }

    std::string_view kind() const override { return "normalization"; }
    void fields(Fields& f) override {
        auto axis = axis_;
        auto mean = known_->mean, variance = known_->variance;
        auto invert = invert_;
        f("axis", axis);
        f("mean", mean);
        f("variance", variance);
        f("invert", invert);
        if (axis == axis_ && invert == invert_ && mean == known_->mean && variance == known_->variance) return;
        set(std::move(mean), std::move(variance), invert);
        axis_ = std::move(axis);
    }
    /// Clones learn on their own.
    void set_identity(std::shared_ptr<Identity> identity) override {
        LayerBase::set_identity(std::move(identity));
        known_ = std::make_shared<Known>(*known_);
    }

    /// Learns mean and variance of data [N, ...] of any element type, anew each time. The order of additions is fixed,
    /// row by row. Throws ShapeError where data have no rows or other axes than the model, ValueError where they are
    /// not finite; what was known then stays.
    template <class U> void adapt(View<const U> data) {
        const Index width = kept_size(
            static_cast<Index>(data.rank()), [&](Index i) { return data.shape()[i]; },
            [&](const std::string& expects) {
                throw_shape_error("normalization: adapt expects " + expects + ", got " + to_string(data.shape()));
            });
        if (data.size() == 0)
            throw_shape_error("normalization: adapt expects rows of numbers, got " + to_string(data.shape()));
        if (known_->built && known_->built != width)
            throw_shape_error("normalization: adapt expects " + std::to_string(known_->built) +
                              " statistics as the model has, got " + to_string(data.shape()));
        if constexpr (std::is_floating_point_v<U>) {
            const Index row = data.size() / data.shape()[0];
            for (Index i = 0; i < data.size(); ++i)
                if (!std::isfinite(data[i]))
                    throw_value_error(std::string("normalization: adapt expects finite numbers, got ") +
                                      (data[i] != data[i] ? "NaN"
                                       : data[i] < 0      ? "-infinity"
                                                          : "infinity") +
                                      " in row " + std::to_string(i / row) + ", column " + std::to_string(i % width));
        }
        ColumnMoments m = column_moments(data, width);
        set(std::move(m.mean), std::move(m.variance), invert_);
    }
    template <class U> void adapt(const Tensor<U>& data) { adapt(data.view()); }
    /// Whether statistics were learned or given.
    bool adapted() const { return !known_->mean.empty(); }
    const std::vector<double>& mean() const { return known_->mean; }
    const std::vector<double>& variance() const { return known_->variance; }

    void build(Build& b) override {
        b.require_values(0, 1, 0, "values [batch, ...]");
        const SymbolicShape& x = b.in(0).shape;
        const auto refuse = [&](const std::string& expects) { b.require(false, expects); };
        const Index width = kept_size(
            std::ssize(x),
            [&](Index i) {
                const Dim& d = x[static_cast<std::size_t>(i)];
                if (!d.is_constant()) refuse("axes with statistics whose sizes are known when the model is built");
                return d.constant();
            },
            refuse);
        if (!adapted())
            throw_value_error(b.context() + ": expects adapt(data), or mean and variance, before the model is built");
        const auto known = std::ssize(known_->mean);
        b.require(known == 1 || known == width,
                  "axes of " + std::to_string(known) + " elements, as many as it has means");
        known_->built = width;
        b.out(0, x);
        b.mask(0, build::Mask::pass);
        b.in_place();
        b.backward_needs(build::Needs::neither);
    }
    void forward(Run<T>& r) const override {
        const Known& k = *known_;
        const T *x = r.x(0).data(), *shift = k.shift.data(), *scale = k.scale.data();
        T* y = r.y(0).data();
        const bool invert = invert_;
        each_tile(r.x(0).size(), [=](Index i, Index n) {
            if (invert) {
                kernels::multiply(y + i, x + i, scale, n);
                kernels::add(y + i, y + i, shift, n);
            } else {
                kernels::add(y + i, x + i, shift, n);
                kernels::multiply(y + i, y + i, scale, n);
            }
        });
    }
    void backward(Run<T>& r) const override {
        if (r.dx(0).empty()) return;
        if (r.dy(0).empty()) return kernels::fill(r.dx(0).data(), T(0), r.dx(0).size());
        const T *dy = r.dy(0).data(), *scale = known_->scale.data();
        T* dx = r.dx(0).data();
        each_tile(r.dx(0).size(), [=](Index i, Index n) { kernels::multiply(dx + i, dy + i, scale, n); });
    }

private:
    /// What copies share. Shift and scale repeat the statistics to the length of a tile, so that kernels see long rows.
    struct Known {
        std::vector<double> mean, variance;
        std::vector<T> shift, scale;
        Index built = 0; ///< statistics that a model was built with
    };

    /// The number of positions of the kept axes; size(i) is that of axis i.
    template <class Size, class Fail> Index kept_size(Index rank, const Size& size, const Fail& fail) const {
        std::vector<Index> axes;
        for (const Index a : axis_) axes.push_back(a < 0 ? a + rank : a);
        std::sort(axes.begin(), axes.end());
        Index width = 1;
        for (std::size_t i = 0; i < axes.size(); ++i) {
            const Index expected = rank - std::ssize(axes) + static_cast<Index>(i);
            if (axes[i] != expected || expected < 1)
                fail("the last axes, but not that of the batch, as axes with statistics");
            width *= size(axes[i]);
        }
        if (width == 0) fail("axes with statistics that are not empty");
        return width;
    }

    void set(std::vector<double> mean, std::vector<double> variance, bool invert) {
        if (mean.size() != variance.size())
            throw_value_error("normalization: expects as many variances as means, got " +
                              std::to_string(variance.size()) + " and " + std::to_string(mean.size()));
        for (std::size_t i = 0; i < mean.size(); ++i)
            if (!(std::isfinite(mean[i]) && std::isfinite(variance[i]) && variance[i] >= 0))
                throw_value_error("normalization: expects finite numbers, got mean " + std::to_string(mean[i]) +
                                  " and variance " + std::to_string(variance[i]) + " in column " + std::to_string(i));
        Known k{std::move(mean), std::move(variance), {}, {}, known_->built};
        const std::size_t width = k.mean.size(), tile = width ? width * std::max<std::size_t>(1, 2048 / width) : 0;
        for (std::size_t i = 0; i < tile; ++i) {
            const double deviation = std::max(std::sqrt(k.variance[i % width]), 1e-7), m = k.mean[i % width];
            k.shift.push_back(static_cast<T>(invert ? m : -m));
            k.scale.push_back(static_cast<T>(invert ? deviation : 1 / deviation));
        }
        *known_ = std::move(k);
        invert_ = invert;
    }

    /// Calls f(first element, elements) for tiles of n elements.
    template <class F> void each_tile(Index n, const F& f) const {
        const Index tile = std::ssize(known_->scale);
        const Index grain = tile * std::max<Index>(1, kernels::detail::elementwise_grain / tile);
        parallel_for(0, n, grain, [&](Index first, Index last) {
            for (Index i = first; i < last; i += tile) f(i, std::min(tile, last - i));
        });
    }

    std::vector<Index> axis_ = {-1};
    bool invert_ = false;
    std::shared_ptr<Known> known_ = std::make_shared<Known>();
};

GRADUS_END
