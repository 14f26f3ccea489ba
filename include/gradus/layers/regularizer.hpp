/// Regularizers and constraints of parameters, by Keras's names: options of the layers that have kernels.
#pragma once
#include <gradus/core/call_text.hpp>
#include <gradus/core/error.hpp>
#include <gradus/layers/build.hpp>

#include <limits>
#include <type_traits>

GRADUS_BEGIN

/// Adds l1 times the sum of |w| and l2 times the sum of w^2 to the loss: `.kernel_regularizer = L2(1e-4)`. None by
/// default.
struct Regularizer {
    double l1 = 0, l2 = 0;

    /// "none", "l1l2(0.01, 0)"
    std::string to_string() const {
        return l1 == 0 && l2 == 0 ? "none" : "l1l2(" + detail::number_text(l1) + ", " + detail::number_text(l2) + ")";
    }
    /// The reverse, exact. Throws ValueError.
    static Regularizer parse(std::string_view text) {
        if (text == "none") return {};
        detail::CallText call(text);
        const Regularizer r{call.number(0), call.number(1)};
        if (!call.good || call.name != "l1l2" || call.arguments.size() != 2)
            throw_value_error("regularizer: expects none or l1l2(l1, l2), got \"" + std::string(text.substr(0, 80)) +
                              "\"");
        return r;
    }
};
struct L1 : Regularizer {
    L1() : Regularizer{0.01, 0} {}
    template <class N>
        requires std::is_arithmetic_v<N>
    explicit L1(N factor) : Regularizer{static_cast<double>(factor), 0} {}
};
struct L2 : Regularizer {
    L2() : Regularizer{0, 0.01} {}
    template <class N>
        requires std::is_arithmetic_v<N>
    explicit L2(N factor) : Regularizer{0, static_cast<double>(factor)} {}
};
struct L1L2 : Regularizer {
    explicit L1L2(double first = 0, double second = 0) : Regularizer{first, second} {}
};

/// Scales, after an update, each column whose norm is above max_norm back to it: `.kernel_constraint = MaxNorm(3)`.
/// None by default.
struct Constraint {
    double max_norm = 0; ///< 0: none

    /// "none", "max_norm(3)"
    std::string to_string() const { return max_norm == 0 ? "none" : "max_norm(" + detail::number_text(max_norm) + ")"; }
    /// The reverse, exact. Throws ValueError.
    static Constraint parse(std::string_view text) {
        if (text == "none") return {};
        detail::CallText call(text);
        const Constraint c{call.number(0)};
        if (!call.good || call.name != "max_norm" || call.arguments.size() != 1)
            throw_value_error("constraint: expects none or max_norm(value), got \"" + std::string(text.substr(0, 80)) +
                              "\"");
        return c;
    }
};
/// Keras's MaxNorm with its axis 0.
struct MaxNorm : Constraint {
    MaxNorm() : Constraint{2} {}
    template <class N>
        requires std::is_arithmetic_v<N>
    explicit MaxNorm(N max_value) : Constraint{static_cast<double>(max_value)} {}
};

/// `options` with both. Throws ValueError, naming the place, where a number is negative or not finite.
inline ParamOptions regularized(const Build& b, const Regularizer& r, const Constraint& c, ParamOptions options = {}) {
    for (const double v : {r.l1, r.l2, c.max_norm})
        if (!(v >= 0 && v <= std::numeric_limits<double>::max()))
            throw_value_error(b.context() + ": regularizers and constraints expect finite numbers of at least 0, got " +
                              std::to_string(v));
    options.l1 = r.l1;
    options.l2 = r.l2;
    options.max_norm = c.max_norm;
    return options;
}

GRADUS_END
