/// SGD: gradient descent.
#pragma once
#include <gradus/kernels/optimizer.hpp>
#include <gradus/optimizers/optimizer.hpp>

GRADUS_BEGIN

struct SGDOptions {
    LearningRate learning_rate = 0.01; ///< a number or a schedule
};

/// w -= learning_rate g.
///
/// `SGD({.learning_rate = 0.1})` or `SGD(0.1)`, or with a schedule for the number; the default is Keras's 0.01. Throws
/// ValueError where the learning rate is not a number, infinite or negative. Without moments. The same as Keras's and
/// PyTorch's without momentum.
template <class T = float> class SGD : public Optimizer<T> {
public:
    SGD() : SGD(SGDOptions{}) {}
    explicit SGD(SGDOptions options) : o_(options) { check(); }
    template <class N>
        requires std::is_arithmetic_v<N>
    explicit SGD(N learning_rate) : SGD(SGDOptions{.learning_rate = static_cast<double>(learning_rate)}) {}
    template <std::derived_from<Schedule> S> explicit SGD(const S& learning_rate)
        : SGD(SGDOptions{.learning_rate = learning_rate}) {}

    std::string_view kind() const override { return "sgd"; }
    void fields(Fields& f) override {
        o_.learning_rate.fields(f);
        check();
    }
    const SGDOptions& options() const { return o_; }

    Index moments() const override { return 0; }
    void update(const Update<T>& u) const override {
        const double rate = o_.learning_rate(u.step - 1);
        detail::each_segment(
            u,
            [&](const Segment& s, Index n) {
                kernels::sgd_update(u.parameters + s.offset, u.gradients + s.slot, static_cast<T>(rate * u.scale(s)),
                                    n);
            },
            [&](const Segment& s, const SparseRows<T>& rows) {
                kernels::sgd_update_rows(u.parameters + s.offset, rows.values, rows.ids.data(),
                                         static_cast<Index>(rows.ids.size()), static_cast<T>(rate * u.scale(s)),
                                         s.shape.product(1, s.shape.rank()));
            });
    }
    double learning_rate(Index updates = 0) const override { return o_.learning_rate(updates); }
    void set_learning_rate(double rate) override { o_.learning_rate.set(kind(), rate); }
    std::unique_ptr<Optimizer<T>> copy() const override { return std::make_unique<SGD>(*this); }
    template <class U>
        requires(!std::is_same_v<U, T>)
    operator SGD<U>() const {
        return detail::convert_optimizer<SGD<U>>(*this);
    }

private:
    void check() const { o_.learning_rate.check(kind()); }

    SGDOptions o_;
};

GRADUS_END
