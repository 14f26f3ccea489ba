/// Loss: the interface of layers whose output is one number per sample or per step, and the copyable handle that
/// `compile` holds.
#pragma once
#include <gradus/kernels/elementwise.hpp>
#include <gradus/layers/layer.hpp>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

GRADUS_BEGIN

/// A loss is a layer: input 0 is the prediction, input 1 the target, more if it likes; output 0 is one value per sample
/// [B] or per step [B, T]. Weights, masks, the mean and the loss's own weight are the model's business: it hands them
/// in as dy.
///
/// A loss may compute its gradient in forward, into a Saved buffer (empty where nothing is differentiated). Where it
/// says `passes_over(kind)` and `Run::passes_over()` gives that kind, dx is the gradient below that activation of the
/// prediction, which stays an input as it is: a sigmoid's p - t, which does not vanish where p is saturated.
template <class T> class LossOf : public LayerOf<T> {
public:
    /// The shape and element type of the target for such a prediction: models convert the data's targets to it.
    virtual Build::In target(const Build::In& prediction) const = 0;
    /// The numbers that targets may be; models refuse others.
    struct Range {
        double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
    };
    virtual Range target_range() const { return {}; }
    /// What a model's error says of targets with an axis more (1) or less (-1) than expected; empty: nothing.
    virtual std::string_view target_hint(int axes) const {
        (void)axes;
        return {};
    }
};

/// What losses derive from: `template <class T = float> class Hinge : public Loss<Hinge, T>`. All that `Layer` gives.
template <template <class> class Self, class T> using Loss = Layer<Self, T, LossOf<T>>;

template <class L>
concept LossType = LayerType<L> && std::derived_from<L, LossOf<typename L::scalar>>;

/// Holds any loss of scalar T, by value; made from a loss of any scalar. Empty where default-constructed.
template <class T> class LossHandle {
public:
    LossHandle() = default;
    template <LossType L> LossHandle(const L& loss) {
        if constexpr (std::is_same_v<typename L::scalar, T>)
            loss_ = copied(loss);
        else
            loss_ = copied(loss.template to<T>());
    }
    LossHandle(std::unique_ptr<LossOf<T>> loss) : loss_(std::move(loss)) {}
    LossHandle(const LossHandle& o) : loss_(o.loss_ ? copied(*o.loss_) : nullptr) {}
    LossHandle(LossHandle&&) noexcept = default;
    LossHandle& operator=(LossHandle o) noexcept {
        loss_ = std::move(o.loss_);
        return *this;
    }

    explicit operator bool() const { return loss_ != nullptr; }
    LossOf<T>& operator*() const { return *loss_; }
    LossOf<T>* operator->() const { return loss_.get(); }

private:
    static std::unique_ptr<LossOf<T>> copied(const LossOf<T>& loss) {
        return std::unique_ptr<LossOf<T>>(static_cast<LossOf<T>*>(loss.copy().release()));
    }

    std::unique_ptr<LossOf<T>> loss_;
};

/// A handle as a field.
template <class T> class LossSlot : public ObjectSlot {
public:
    explicit LossSlot(LossHandle<T>& handle) : handle_(handle) {}
    Described* get() override { return handle_ ? &*handle_ : nullptr; }
    void set(std::unique_ptr<Described> object) override {
        auto* loss = dynamic_cast<LossOf<T>*>(object.get());
        if (!loss) throw_value_error("expects a loss of " + std::string(name_of(dtype_of<T>())));
        (void)object.release();
        handle_ = LossHandle<T>(std::unique_ptr<LossOf<T>>(loss));
    }
    std::string_view category() const override { return "loss"; }

private:
    LossHandle<T>& handle_;
};

namespace detail {

/// Declares a loss on predictions [..., C]: checks them, declares output [...].
inline void build_loss(Build& b) {
    b.require_values(0, 2, 0, "predictions [batch, ..., outputs]");
    const SymbolicShape& p = b.in(0).shape;
    b.require(!p.back().is_constant() || p.back().constant() > 0, "predictions of at least one output");
    b.out(0, SymbolicShape(p.begin(), p.end() - 1));
    b.detached(1);
    b.backward_needs(build::Needs::neither);
}

/// Checks that input 1 is what the loss's target() says.
inline void require_target(Build& b, const Build::In& expected) {
    const Build::In& t = b.in(1);
    const std::string type = expected.dtype == b.scalar() ? "" : std::string(name_of(expected.dtype)) + " ";
    const std::string text = "targets " + type + to_string(expected.shape) + " for its predictions";
    b.require(t.present && t.dtype == expected.dtype && t.shape.size() == expected.shape.size(), text);
    for (std::size_t i = 0; i < t.shape.size(); ++i) b.require_equal(t.shape[i], expected.shape[i], text);
}

/// Throws ValueError unless a share of targets may be smoothed.
inline void require_smoothing(const Build& b, double smoothing) {
    if (!(smoothing >= 0 && smoothing <= 1))
        throw_value_error(b.context() + ": label_smoothing expects a share from 0 to 1, got " +
                          std::to_string(smoothing));
}

/// As build_loss, for errors between predictions and targets of one shape, whose backward reads both.
inline void build_error_loss(Build& b, const Build::In& target) {
    build_loss(b);
    require_target(b, target);
    b.backward_needs(build::Needs::input);
}

/// dx from gradient(dx, dy, p, target, rows, cols); dy empty: zero.
template <class T, class F> void error_loss_gradient(Run<T>& r, const F& gradient) {
    const auto dx = r.dx(0);
    const auto dy = r.dy(0);
    if (dx.empty() || dx.size() == 0) return;
    if (dy.empty()) return kernels::fill(dx.data(), T(0), dx.size());
    gradient(dx.data(), dy.data(), r.x(0).data(), r.x(1).data(), dy.size(), dx.size() / dy.size());
}

/// dx[i, :] = gradient[i, :] * dy[i] / divisor, and 0 where dy[i] is 0, whatever the gradient; dy empty: zero.
template <class T> void scale_loss_gradient(View<T> dx, View<const T> dy, View<const T> gradient, Index divisor) {
    if (dx.empty() || dx.size() == 0) return;
    if (dy.empty()) {
        kernels::fill(dx.data(), T(0), dx.size());
        return;
    }
    const Index rows = dy.size(), n = dx.size() / rows;
    kernels::scale_rows(dx.data(), gradient.data(), dy.data(), n == 1 ? T(1) : static_cast<T>(divisor), rows, n);
}

} // namespace detail

GRADUS_END
