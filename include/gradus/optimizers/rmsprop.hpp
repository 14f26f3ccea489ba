/// RMSprop: gradient descent scaled by a running mean of squared gradients.
#pragma once
#include <gradus/kernels/optimizer.hpp>
#include <gradus/optimizers/optimizer.hpp>

GRADUS_BEGIN

struct RMSpropOptions {
    LearningRate learning_rate = 0.001; ///< a number or a schedule
    double rho = 0.9;                   ///< decay of the running means, in [0, 1)
    double momentum = 0;                ///< what stays of the velocity, in [0, 1); 0: none is kept
    double epsilon = 1e-7;              ///< added to the mean square under the root, at least 0
    bool centered = false;              ///< scales by the variance: a running mean of gradients is kept, too
};

/// v += (g^2 - v)(1 - rho);   a += (g - a)(1 - rho) where centered, otherwise a = 0
///
///     u = momentum u + learning_rate g / sqrt(v - a^2 + epsilon);   w -= u
///
/// `RMSprop({.learning_rate = 1e-3, .rho = 0.95})` or `RMSprop(1e-3)`, or with a schedule for the number. Defaults are
/// Keras's. Throws ValueError where an option is out of its range. One to three moments: v, u with momentum, a where
/// centered. Hinton's lecture 6e 2012; Graves 2013 for the centered form. As Keras, but a variance that rounding made
/// negative is 0 (Keras: NaN). PyTorch's epsilon (1e-8) stands beside the root, its rho ("alpha") is 0.99 and its u
/// holds no rate. A row-sparse parameter is updated in all rows, as in Keras.
template <class T = float> class RMSprop : public Optimizer<T> {
public:
    RMSprop() : RMSprop(RMSpropOptions{}) {}
    explicit RMSprop(RMSpropOptions options) : o_(options) { check(); }
    template <class N>
        requires std::is_arithmetic_v<N>
    explicit RMSprop(N learning_rate) : RMSprop(RMSpropOptions{.learning_rate = static_cast<double>(learning_rate)}) {}
    template <std::derived_from<Schedule> S> explicit RMSprop(const S& learning_rate)
        : RMSprop(RMSpropOptions{.learning_rate = learning_rate}) {}

    std::string_view kind() const override { return "rmsprop"; }
    void fields(Fields& f) override {
        o_.learning_rate.fields(f);
        f("rho", o_.rho);
        f("momentum", o_.momentum);
        f("epsilon", o_.epsilon);
        f("centered", o_.centered);
        check();
    }
    const RMSpropOptions& options() const { return o_; }

    Index moments() const override { return 1 + (o_.momentum > 0) + o_.centered; }
    void update(const Update<T>& u) const override {
        const double rate = o_.learning_rate(u.step - 1);
        const auto step = [&](const Segment& s) {
            return kernels::RmspropStep<T>{static_cast<T>(rate * u.scale(s)), static_cast<T>(1 - o_.rho),
                                           static_cast<T>(o_.momentum), static_cast<T>(o_.epsilon)};
        };
        T* const v = u.moments[0];
        T* const velocity = o_.momentum > 0 ? u.moments[1] : nullptr;
        T* const mean = o_.centered ? u.moments[u.moments.size() - 1] : nullptr;
        const auto at = [](T* moment, const Segment& s) { return moment ? moment + s.slot : nullptr; };
        detail::each_segment(
            u,
            [&](const Segment& s, Index n) {
                kernels::rmsprop_update(u.parameters + s.offset, v + s.slot, at(velocity, s), at(mean, s),
                                        u.gradients + s.slot, step(s), n);
            },
            [&](const Segment& s, const SparseRows<T>& rows) {
                kernels::rmsprop_update_rows(u.parameters + s.offset, v + s.slot, at(velocity, s), at(mean, s),
                                             rows.values, rows.ids.data(), static_cast<Index>(rows.ids.size()), step(s),
                                             s.shape[0], s.shape.product(1, s.shape.rank()));
            });
    }
    double learning_rate(Index updates = 0) const override { return o_.learning_rate(updates); }
    void set_learning_rate(double rate) override { o_.learning_rate.set(kind(), rate); }
    std::unique_ptr<Optimizer<T>> copy() const override { return std::make_unique<RMSprop>(*this); }
    template <class U>
        requires(!std::is_same_v<U, T>)
    operator RMSprop<U>() const {
        return detail::convert_optimizer<RMSprop<U>>(*this);
    }

private:
    void check() const {
        o_.learning_rate.check(kind());
        detail::require_option(o_.rho >= 0 && o_.rho < 1, kind(), "rho", "a number in [0, 1)", o_.rho);
        detail::require_option(o_.momentum >= 0 && o_.momentum < 1, kind(), "momentum", "a number in [0, 1)",
                               o_.momentum);
        detail::require_option(o_.epsilon >= 0 && std::isfinite(o_.epsilon), kind(), "epsilon",
                               "a finite number of at least 0", o_.epsilon);
    }

    RMSpropOptions o_;
};

GRADUS_END
