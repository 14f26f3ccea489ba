/// What the numbers of a column must be before a model takes them.
#pragma once
#include <gradus/core/view.hpp>

#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

GRADUS_BEGIN
namespace detail {

struct ColumnRule {
    Dtype to = Dtype::f64;           ///< where they go: numbers that it cannot hold are refused
    bool allow_nan = false;          ///< NaN, infinity and such numbers pass, but not into integers
    Index below = -1;                ///< whole numbers in [0, below); negative: any numbers
    std::string_view called = "ids"; ///< those whole numbers, or the numbers from low to high
    double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
};

inline double least(Dtype d) {
    return d == Dtype::i32  ? std::numeric_limits<std::int32_t>::lowest()
           : d == Dtype::u8 ? 0
                            : -std::numeric_limits<double>::infinity();
}
inline double largest(Dtype d) {
    switch (d) {
    case Dtype::f32: return static_cast<double>(std::numeric_limits<float>::max());
    case Dtype::f64: return std::numeric_limits<double>::max();
    case Dtype::i32: return std::numeric_limits<std::int32_t>::max();
    default: return std::numeric_limits<std::uint8_t>::max();
    }
}

/// "0.5", "1e+300", "infinity", "NaN"
template <class U> std::string value_text(U value) {
    if constexpr (std::is_floating_point_v<U>) {
        if (value != value) return "NaN";
        if (std::isinf(value)) return value < 0 ? "-infinity" : "infinity";
    }
    char text[48] = {};
    std::to_chars(text, text + sizeof text - 1, value);
    return text;
}

template <class U> bool breaks(const ColumnRule& rule, U value, double most) {
    const auto d = static_cast<double>(value);
    bool bad = d < rule.low || d > rule.high;
    if (rule.to == Dtype::i32 || rule.to == Dtype::u8)
        bad |= !(d >= least(rule.to) && d <= most); // NaN has no integer
    else if constexpr (std::is_floating_point_v<U>)
        bad |= !rule.allow_nan && !(std::abs(d) <= most);
    if (rule.below >= 0) {
        bad |= !(d >= 0 && d < static_cast<double>(rule.below));
        if constexpr (std::is_floating_point_v<U>) bad |= d != std::floor(d);
    }
    return bad;
}

/// Throws ValueError where a number breaks the rule: name() says whose it is, note(), which may be empty, what more
/// there is to say of one outside its range; both are asked then only.
template <class Name, class Note>
void check_column(const AnyView& v, const ColumnRule& rule, const Name& name, const Note& note) {
    const auto fail = [&](Index i, const std::string& expected, const std::string& got, const std::string& more) {
        const Index width = v.shape.rank() ? v.shape.product(1, v.shape.rank()) : 1;
        throw_value_error(
            name() + ": expects " + expected + ", got " + got + " in row " + std::to_string(width ? i / width : 0) +
            (width > 1 ? ", element " + std::to_string(i % width) : "") + (more.empty() ? "" : "; ") + more);
    };
    const auto explain = [&](Index i, auto value) {
        const auto d = static_cast<double>(value);
        const std::string got = value_text(value), called(rule.called);
        if (!rule.allow_nan && !std::isfinite(d)) fail(i, "finite numbers", got, "");
        if (rule.below >= 0 && d >= 0 && d < static_cast<double>(rule.below)) fail(i, "whole numbers", got, "");
        if (rule.below >= 0) fail(i, called + " from 0 to " + std::to_string(rule.below - 1), got, note());
        if (d < rule.low || d > rule.high)
            fail(i,
                 std::isinf(rule.high) ? called + " of at least " + value_text(rule.low)
                                       : called + " from " + value_text(rule.low) + " to " + value_text(rule.high),
                 got, note());
        fail(i, "numbers that " + std::string(name_of(rule.to)) + " can hold", got, "");
    };
    const auto check = [&]<class U>(const U* p) {
        const Index n = v.shape.size();
        const double most = largest(rule.to);
        const bool any = rule.below < 0 && std::isinf(rule.low) && std::isinf(rule.high) &&
                         (rule.to == Dtype::f32 || rule.to == Dtype::f64);
        bool bad = false;
        if constexpr (std::is_floating_point_v<U>) {
            if (any && rule.allow_nan) return;
            const U bound = most < std::numeric_limits<U>::max() ? static_cast<U>(most) : std::numeric_limits<U>::max();
            for (Index i = 0; any && i < n; ++i) bad |= !(std::abs(p[i]) <= bound); // each step of a loop runs this
        }
        for (Index i = 0; !any && i < n; ++i) bad |= breaks(rule, p[i], most);
        for (Index i = 0; bad && i < n; ++i)
            if (breaks(rule, p[i], most)) explain(i, p[i]);
    };
    switch (v.dtype) {
    case Dtype::f32: return check(static_cast<const float*>(v.data));
    case Dtype::f64: return check(static_cast<const double*>(v.data));
    case Dtype::i32: return check(static_cast<const std::int32_t*>(v.data));
    case Dtype::u8: return check(static_cast<const std::uint8_t*>(v.data));
    }
}
template <class Name> void check_column(const AnyView& v, const ColumnRule& rule, const Name& name) {
    check_column(v, rule, name, [] { return std::string(); });
}

} // namespace detail
GRADUS_END
