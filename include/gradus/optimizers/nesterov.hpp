/// Nesterov: momentum that looks ahead.
#pragma once
#include <gradus/optimizers/momentum.hpp>

GRADUS_BEGIN

struct NesterovOptions {
    LearningRate learning_rate = 0.01; ///< a number or a schedule
    double momentum = 0.9;             ///< what stays of the velocity, in [0, 1)
};

/// v = momentum v - learning_rate g;   w += momentum v - learning_rate g
///
/// `Nesterov({.learning_rate = 0.1, .momentum = 0.95})` or `Nesterov(0.1)`, or with a schedule for the number. Throws
/// ValueError where an option is out of its range. One moment. Sutskever et al. 2013 in Keras's form: SGD with momentum
/// and nesterov; PyTorch's v holds no rate, which is the same while the rate stays. A row-sparse parameter is updated
/// in all rows, as in Keras.
template <class T = float> class Nesterov : public Optimizer<T> {
public:
    Nesterov() : Nesterov(NesterovOptions{}) {}
    explicit Nesterov(NesterovOptions options) : o_(options) { check(); }
    template <class N>
        requires std::is_arithmetic_v<N>
    explicit Nesterov(N learning_rate)
        : Nesterov(NesterovOptions{.learning_rate = static_cast<double>(learning_rate)}) {}
    template <std::derived_from<Schedule> S> explicit Nesterov(const S& learning_rate)
        : Nesterov(NesterovOptions{.learning_rate = learning_rate}) {}

    std::string_view kind() const override { return "nesterov"; }
    void fields(Fields& f) override {
        o_.learning_rate.fields(f);
        f("momentum", o_.momentum);
        check();
    }
    const NesterovOptions& options() const { return o_; }

    Index moments() const override { return 1; }
    void update(const Update<T>& u) const override {
        detail::momentum_update(u, o_.learning_rate(u.step - 1), o_.momentum, kernels::MomentumForm::nesterov);
    }
    double learning_rate(Index updates = 0) const override { return o_.learning_rate(updates); }
    void set_learning_rate(double rate) override { o_.learning_rate.set(kind(), rate); }
    std::unique_ptr<Optimizer<T>> copy() const override { return std::make_unique<Nesterov>(*this); }
    template <class U>
        requires(!std::is_same_v<U, T>)
    operator Nesterov<U>() const {
        return detail::convert_optimizer<Nesterov<U>>(*this);
    }

private:
    void check() const {
        o_.learning_rate.check(kind());
        detail::require_option(o_.momentum >= 0 && o_.momentum < 1, kind(), "momentum", "a number in [0, 1)",
                               o_.momentum);
    }

    NesterovOptions o_;
};

GRADUS_END
