/// Constant: the same rate for every update.
#pragma once
#include <gradus/optimizers/schedules/schedule.hpp>

GRADUS_BEGIN

struct ConstantOptions {
    double learning_rate = 0.01; ///< at least 0
};

/// learning_rate. The same as the number itself, but that nobody can change it: set_learning_rate is an error.
///
/// `Constant({.learning_rate = 0.1})` or `Constant(0.1)`. Throws ValueError where the rate is not a number, infinite or
/// negative.
class Constant : public Schedule {
public:
    Constant() = default;
    explicit Constant(ConstantOptions options) : o_(options) { check(); }
    explicit Constant(double learning_rate) : Constant(ConstantOptions{.learning_rate = learning_rate}) {}

    std::string_view kind() const override { return "constant"; }
    void fields(Fields& f) override {
        f("learning_rate", o_.learning_rate);
        check();
    }
    const ConstantOptions& options() const { return o_; }

    double operator()(Index) const override { return o_.learning_rate; }
    std::unique_ptr<Schedule> copy() const override { return std::make_unique<Constant>(*this); }

private:
    void check() const { detail::require_learning_rate(kind(), o_.learning_rate); }

    ConstantOptions o_;
};

GRADUS_END
