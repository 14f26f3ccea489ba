/// Momentum: gradient descent with a velocity.
#pragma once
#include <gradus/kernels/optimizer.hpp>
#include <gradus/optimizers/optimizer.hpp>

GRADUS_BEGIN

struct MomentumOptions {
    LearningRate learning_rate = 0.01; ///< a number or a schedule
    double momentum = 0.9;             ///< what stays of the velocity, in [0, 1)
    bool averaged = false;             ///< the velocity is a running mean of gradients
};

namespace detail {

/// An update with momentum in one of its forms, for Momentum and Nesterov.
template <class T> void momentum_update(const Update<T>& u, double rate, double momentum, kernels::MomentumForm form) {
    const auto step = [&](const Segment& s) {
        return kernels::MomentumStep<T>{static_cast<T>(rate * u.scale(s)), static_cast<T>(momentum), form,
                                        static_cast<T>(1 - momentum)};
    };
    T* const velocity = u.moments[0];
    each_segment(
        u,
        [&](const Segment& s, Index n) {
            kernels::momentum_update(u.parameters + s.offset, velocity + s.slot, u.gradients + s.slot, step(s), n);
        },
        [&](const Segment& s, const SparseRows<T>& rows) {
            kernels::momentum_update_rows(u.parameters + s.offset, velocity + s.slot, rows.values, rows.ids.data(),
                                          static_cast<Index>(rows.ids.size()), step(s), s.shape[0],
                                          s.shape.product(1, s.shape.rank()));
        });
}

} // namespace detail

/// Classical (Polyak 1964), or with `averaged` the running mean:
///
///     v = momentum v - learning_rate g;            w += v
///     v = momentum v + (1 - momentum) g;           w -= learning_rate v
///
/// `Momentum({.learning_rate = 0.1, .momentum = 0.95})` or `Momentum(0.1)`, or with a schedule for the number. Throws
/// ValueError where an option is out of its range. One moment, from zero. The classical form is Keras's SGD with
/// momentum; PyTorch's v holds no rate, which is the same while the rate stays. The averaged form is PyTorch's with
/// dampening = momentum, but for its first update, which takes the whole gradient; at a constant rate it equals the
/// classical form with learning_rate (1 - momentum). A row-sparse parameter is updated in all rows, as in Keras.
template <class T = float> class Momentum : public Optimizer<T> {
public:
    Momentum() : Momentum(MomentumOptions{}) {}
    explicit Momentum(MomentumOptions options) : o_(options) { check(); }
    template <class N>
        requires std::is_arithmetic_v<N>
    explicit Momentum(N learning_rate)
        : Momentum(MomentumOptions{.learning_rate = static_cast<double>(learning_rate)}) {}
    template <std::derived_from<Schedule> S> explicit Momentum(const S& learning_rate)
        : Momentum(MomentumOptions{.learning_rate = learning_rate}) {}

    std::string_view kind() const override { return "momentum"; }
    void fields(Fields& f) override {
        o_.learning_rate.fields(f);
        f("momentum", o_.momentum);
        f("averaged", o_.averaged);
        check();
    }
    const MomentumOptions& options() const { return o_; }

    Index moments() const override { return 1; }
    void update(const Update<T>& u) const override {
        detail::momentum_update(u, o_.learning_rate(u.step - 1), o_.momentum,
                                o_.averaged ? kernels::MomentumForm::averaged : kernels::MomentumForm::classical);
    }
    double learning_rate(Index updates = 0) const override { return o_.learning_rate(updates); }
    void set_learning_rate(double rate) override { o_.learning_rate.set(kind(), rate); }
    std::unique_ptr<Optimizer<T>> copy() const override { return std::make_unique<Momentum>(*this); }
    template <class U>
        requires(!std::is_same_v<U, T>)
    operator Momentum<U>() const {
        return detail::convert_optimizer<Momentum<U>>(*this);
    }

private:
    void check() const {
        o_.learning_rate.check(kind());
        detail::require_option(o_.momentum >= 0 && o_.momentum < 1, kind(), "momentum", "a number in [0, 1)",
                               o_.momentum);
    }

    MomentumOptions o_;
};

GRADUS_END
