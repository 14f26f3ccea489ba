/// AdamW: Adam with decoupled weight decay.
#pragma once
#include <gradus/optimizers/adam.hpp>

GRADUS_BEGIN

struct AdamWOptions {
    LearningRate learning_rate = 0.001; ///< a number or a schedule
    double weight_decay = 0.004;        ///< at least 0
    double beta_1 = 0.9;                ///< decay of the first moment, in [0, 1)
    double beta_2 = 0.999;              ///< decay of the second moment, in [0, 1)
    double epsilon = 1e-7;              ///< added to the root of the second moment, at least 0
};

/// w -= learning_rate weight_decay w, then Adam's update.
///
/// `AdamW({.learning_rate = 1e-3, .weight_decay = 0.01})` or `AdamW(1e-3)`, or with a schedule for the number. Defaults
/// are Keras's (PyTorch: a weight decay of 0.01). Throws ValueError where an option is out of its range. Two moments.
/// Loshchilov and Hutter 2019. Parameters whose layer asks for none (ParamOptions::decay: biases and the scales of
/// normalisations) do not decay; Keras and PyTorch decay all that are not excluded by hand. A row-sparse parameter
/// decays in all rows, as in Keras.
template <class T = float> class AdamW : public Optimizer<T> {
public:
    AdamW() : AdamW(AdamWOptions{}) {}
    explicit AdamW(AdamWOptions options) : o_(options) { check(); }
    template <class N>
        requires std::is_arithmetic_v<N>
    explicit AdamW(N learning_rate) : AdamW(AdamWOptions{.learning_rate = static_cast<double>(learning_rate)}) {}
    template <std::derived_from<Schedule> S> explicit AdamW(const S& learning_rate)
        : AdamW(AdamWOptions{.learning_rate = learning_rate}) {}

    std::string_view kind() const override { return "adamw"; }
    void fields(Fields& f) override {
        o_.learning_rate.fields(f);
        f("weight_decay", o_.weight_decay);
        f("beta_1", o_.beta_1);
        f("beta_2", o_.beta_2);
        f("epsilon", o_.epsilon);
        check();
    }
    const AdamWOptions& options() const { return o_; }

    Index moments() const override { return 2; }
    void update(const Update<T>& u) const override {
        detail::adam_update(u, o_.learning_rate(u.step - 1), o_.beta_1, o_.beta_2, o_.epsilon, o_.weight_decay);
    }
    double learning_rate(Index updates = 0) const override { return o_.learning_rate(updates); }
    void set_learning_rate(double rate) override { o_.learning_rate.set(kind(), rate); }
    std::unique_ptr<Optimizer<T>> copy() const override { return std::make_unique<AdamW>(*this); }
    template <class U>
        requires(!std::is_same_v<U, T>)
    operator AdamW<U>() const {
        return detail::convert_optimizer<AdamW<U>>(*this);
    }

private:
    void check() const {
        o_.learning_rate.check(kind());
        detail::check_adam(kind(), o_.beta_1, o_.beta_2, o_.epsilon);
        detail::require_rate(kind(), "weight_decay", o_.weight_decay);
    }

    AdamWOptions o_;
};

GRADUS_END
