/// Adam: gradient descent scaled by running moments of the gradient.
#pragma once
#include <gradus/kernels/optimizer.hpp>
#include <gradus/optimizers/optimizer.hpp>

GRADUS_BEGIN

struct AdamOptions {
    LearningRate learning_rate = 0.001; ///< a number or a schedule
    double beta_1 = 0.9;                ///< decay of the first moment, in [0, 1)
    double beta_2 = 0.999;              ///< decay of the second moment, in [0, 1)
    double epsilon = 1e-7;              ///< added to the root of the second moment, at least 0
};

namespace detail {

/// An update of Adam or AdamW; `decay` is the latter's.
template <class T>
void adam_update(const Update<T>& u, double rate, double beta_1, double beta_2, double epsilon, double decay = 0) {
    const auto step = [&](const Segment& s) {
        return kernels::adam_step<T>(rate * u.scale(s), beta_1, beta_2, epsilon, u.step, s.decay ? decay : 0);
    };
    T* const m = u.moments[0];
    T* const v = u.moments[1];
    each_segment(
        u,
        [&](const Segment& s, Index n) {
            kernels::adam_update(u.parameters + s.offset, m + s.slot, v + s.slot, u.gradients + s.slot, step(s), n);
        },
        [&](const Segment& s, const SparseRows<T>& rows) {
            kernels::adam_update_rows(u.parameters + s.offset, m + s.slot, v + s.slot, rows.values, rows.ids.data(),
                                      static_cast<Index>(rows.ids.size()), step(s), s.shape[0],
                                      s.shape.product(1, s.shape.rank()));
        },
        decay != 0);
}

inline void check_adam(std::string_view kind, double beta_1, double beta_2, double epsilon) {
    require_option(beta_1 >= 0 && beta_1 < 1, kind, "beta_1", "a number in [0, 1)", beta_1);
    require_option(beta_2 >= 0 && beta_2 < 1, kind, "beta_2", "a number in [0, 1)", beta_2);
    require_option(epsilon >= 0 && std::isfinite(epsilon), kind, "epsilon", "a finite number of at least 0", epsilon);
}

} // namespace detail

/// For step t = 1, 2, ...:
///
///     m += (g - m)(1 - beta_1);   v += (g^2 - v)(1 - beta_2)
///     w -= learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t)  m / (sqrt(v) + epsilon)
///
/// `Adam({.learning_rate = 1e-3})` or `Adam(1e-3)`, or with a schedule for the number. Defaults are Keras's. Throws
/// ValueError where an option is out of its range. Two moments. Kingma and Ba 2015 with "epsilon hat", as Keras;
/// PyTorch's epsilon (1e-8) stands beside sqrt(v) after its correction: the same as an epsilon here of 1e-8 sqrt(1 -
/// beta_2^t). A row-sparse parameter is updated in all rows, as in Keras: rows without a gradient move on by their
/// momentum (PyTorch's SparseAdam leaves them).
template <class T = float> class Adam : public Optimizer<T> {
public:
    Adam() : Adam(AdamOptions{}) {}
    explicit Adam(AdamOptions options) : o_(options) { check(); }
    template <class N>
        requires std::is_arithmetic_v<N>
    explicit Adam(N learning_rate) : Adam(AdamOptions{.learning_rate = static_cast<double>(learning_rate)}) {}
    template <std::derived_from<Schedule> S> explicit Adam(const S& learning_rate)
        : Adam(AdamOptions{.learning_rate = learning_rate}) {}

    std::string_view kind() const override { return "adam"; }
    void fields(Fields& f) override {
        o_.learning_rate.fields(f);
        f("beta_1", o_.beta_1);
        f("beta_2", o_.beta_2);
        f("epsilon", o_.epsilon);
        check();
    }
    const AdamOptions& options() const { return o_; }

    Index moments() const override { return 2; }
    void update(const Update<T>& u) const override {
        detail::adam_update(u, o_.learning_rate(u.step - 1), o_.beta_1, o_.beta_2, o_.epsilon);
    }
    double learning_rate(Index updates = 0) const override { return o_.learning_rate(updates); }
    void set_learning_rate(double rate) override { o_.learning_rate.set(kind(), rate); }
    std::unique_ptr<Optimizer<T>> copy() const override { return std::make_unique<Adam>(*this); }
    template <class U>
        requires(!std::is_same_v<U, T>)
    operator Adam<U>() const {
        return detail::convert_optimizer<Adam<U>>(*this);
    }

private:
    void check() const {
        o_.learning_rate.check(kind());
        detail::check_adam(kind(), o_.beta_1, o_.beta_2, o_.epsilon);
    }

    AdamOptions o_;
};

GRADUS_END
