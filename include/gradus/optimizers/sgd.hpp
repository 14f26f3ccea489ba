/// SGD: gradient descent.
#pragma once
#include <gradus/kernels/optimizer.hpp>
#include <gradus/optimizers/optimizer.hpp>

GRADUS_BEGIN

struct SGDOptions {
    double learning_rate = 0.01;
};

/// w -= learning_rate g.
///
/// `SGD({.learning_rate = 0.1})` or `SGD(0.1)`; the default is Keras's 0.01. Throws ValueError where the learning rate is not a
/// number, infinite or negative. Without moments. The same as Keras's and PyTorch's without momentum.
template <class T = float> class SGD : public Optimizer<T> {
public:
    SGD() : SGD(SGDOptions{}) {}
    explicit SGD(SGDOptions options) : o_(options) { check(); }
    explicit SGD(double learning_rate) : SGD(SGDOptions{.learning_rate = learning_rate}) {}

    std::string_view kind() const override { return "sgd"; }
    void fields(Fields& f) override {
        f("learning_rate", o_.learning_rate);
        check();
    }
    const SGDOptions& options() const { return o_; }

    Index moments() const override { return 0; }
    void update(const Update<T>& u) const override {
        const T rate = static_cast<T>(o_.learning_rate * u.rate_scale);
        detail::each_segment(
            u,
            [&](Index offset, Index slot, Index n) {
                kernels::sgd_update(u.parameters + offset, u.gradients + slot, rate, n);
            },
            [&](const Segment& s, const SparseRows<T>& rows) {
                kernels::sgd_update_rows(u.parameters + s.offset, rows.values, rows.ids.data(),
                                         static_cast<Index>(rows.ids.size()), rate, s.shape.product(1, s.shape.rank()));
            });
    }
    double learning_rate() const override { return o_.learning_rate; }
    void set_learning_rate(double rate) override {
        detail::require_learning_rate(kind(), rate);
        o_.learning_rate = rate;
    }
    std::unique_ptr<Optimizer<T>> copy() const override { return std::make_unique<SGD>(*this); }
    template <class U>
        requires(!std::is_same_v<U, T>)
    operator SGD<U>() const {
        return detail::convert_optimizer<SGD<U>>(*this);
    }

private:
    void check() const { detail::require_learning_rate(kind(), o_.learning_rate); }

    SGDOptions o_;
};

GRADUS_END
