/// Activation functions on matrices, and their gradients.
#pragma once
#include <gradus/kernels/activation_kind.hpp>
#include <gradus/kernels/softmax.hpp>

#include <cmath>
#include <cstring>

GRADUS_BEGIN
namespace kernels::detail {

/// In the order of activation::Kind, from relu on.
template <class T> struct ActivationTable {
    void (*forward[3])(T* y, const T* x, Index n);
    void (*backward[3])(T* dx, const T* dy, const T* y, Index n);
};

/// `saved` is x or y.
template <class T> struct RareActivationTable {
    void (*smooth_forward)(T* y, const T* x, activation::Kind kind, T parameter, Index n);
    void (*smooth_backward)(T* dx, const T* dy, const T* saved, activation::Kind kind, Index n);
    void (*leaky_relu_forward)(T* y, const T* x, T slope, Index n);
    void (*piecewise_backward)(T* dx, const T* dy, const T* y, T slope, bool elu, Index n);
    void (*log_softmax_forward)(T* y, const T* x, Index rows, Index cols);
    void (*log_softmax_backward)(T* dx, const T* dy, const T* y, Index rows, Index cols);
};

/// Elements in a cell: about 10 microseconds.
constexpr Index activation_grain(activation::Kind kind) { return kind == activation::relu ? 65536 : 8192; }

template <class T> void copy(T* y, const T* x, Index n) {
    if (y != x && n > 0) std::memmove(y, x, sizeof(T) * static_cast<std::size_t>(n));
}

} // namespace kernels::detail
GRADUS_END

#define GRADUS_REGION_FILE <gradus/kernels/detail/activation_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>
#define GRADUS_REGION_FILE <gradus/kernels/detail/rare_activation_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>

GRADUS_BEGIN
namespace kernels {

namespace ref {

template <class T> T sigmoid(T x) {
    const T e = std::exp(-std::abs(x));
    return (x >= 0 ? T(1) : e) / (1 + e);
}
template <class T> T parameter_or_usual(activation::Kind kind, T given) {
    return given < 0 ? T(activation::usual_parameter(kind)) : given;
}
/// The argument of gelu_tanh's sigmoid, and its derivative.
template <class T> T gelu_argument(T x) { return T(1.5957691216057307118) * (x + T(0.044715) * x * x * x); }
template <class T> T gelu_argument_slope(T x) { return T(1.5957691216057307118) * (1 + T(0.134145) * x * x); }

template <class T>
void activation_forward(T* y, const T* x, activation::Kind kind, Index rows, Index cols, T parameter = T(-1)) {
    using activation::Kind;
    const Index n = rows * cols;
    const T p = parameter_or_usual(kind, parameter);
    const auto each = [&](auto f) {
        for (Index i = 0; i < n; ++i) y[i] = f(x[i]);
    };
    switch (kind) {
    case Kind::linear: return detail::copy(y, x, n);
    case Kind::softmax: return softmax_forward(y, x, rows, cols);
    case Kind::relu: return each([](T v) { return v <= 0 ? T(0) : v; });
    case Kind::tanh: return each([](T v) { return std::tanh(v); });
    case Kind::sigmoid: return each([](T v) { return sigmoid(v); });
    case Kind::gelu: return each([](T v) { return v / 2 * std::erfc(v * T(-0.70710678118654752440)); });
    case Kind::gelu_tanh: return each([](T v) { return v * sigmoid(gelu_argument(v)); });
    case Kind::silu: return each([](T v) { return v * sigmoid(v); });
    case Kind::elu: return each([=](T v) { return v > 0 ? v : p * std::expm1(v); });
    case Kind::leaky_relu: return each([=](T v) { return v > 0 ? v : p * v; });
    case Kind::softplus: return each([](T v) { return (v <= 0 ? T(0) : v) + std::log1p(std::exp(-std::abs(v))); });
    case Kind::log_softmax:
        for (Index r = 0; r < rows && cols > 0; ++r) {
            const auto row = array(x + r * cols, cols);
            const T largest = row.maxCoeff(), total = std::log((row - largest).exp().sum());
            array(y + r * cols, cols) = (row - largest) - total;
        }
        return;
    }
}

template <class T> void activation_backward(T* dx, const T* dy, const T* saved, activation::Kind kind, Index rows,
                                            Index cols, T parameter = T(-1)) {
    using activation::Kind;
    const Index n = rows * cols;
    const T p = parameter_or_usual(kind, parameter);
    const auto each = [&](auto slope) {
        for (Index i = 0; i < n; ++i) dx[i] = dy[i] * slope(saved[i]);
    };
    switch (kind) {
    case Kind::linear: return detail::copy(dx, dy, n);
    case Kind::softmax: return softmax_backward(dx, dy, saved, rows, cols);
    case Kind::relu:
        for (Index i = 0; i < n; ++i) dx[i] = saved[i] <= 0 ? T(0) : dy[i];
        return;
    case Kind::tanh: return each([](T y) { return (1 - y) * (1 + y); });
    case Kind::sigmoid: return each([](T y) { return y * (1 - y); });
    case Kind::gelu:
        return each([](T x) {
            return std::erfc(x * T(-0.70710678118654752440)) / 2 + x * T(0.39894228040143267794) * std::exp(x * x / -2);
        });
    case Kind::gelu_tanh:
        return each([](T x) {
            const T s = sigmoid(gelu_argument(x));
            return s + x * s * (1 - s) * gelu_argument_slope(x);
        });
    case Kind::silu: return each([](T x) { return sigmoid(x) * (1 + x * (1 - sigmoid(x))); });
    case Kind::elu: return each([=](T y) { return y > 0 ? T(1) : y + p; });
    case Kind::leaky_relu: return each([=](T y) { return y > 0 ? T(1) : p; });
    case Kind::softplus: return each([](T y) { return -std::expm1(-y); });
    case Kind::log_softmax:
        for (Index r = 0; r < rows && cols > 0; ++r) {
            const auto d = array(dy + r * cols, cols);
            const T total = d.sum();
            array(dx + r * cols, cols) = d - array(saved + r * cols, cols).exp() * total;
        }
        return;
    }
}

} // namespace ref

#if GRADUS_EIGEN_KERNELS

using ref::activation_backward;
using ref::activation_forward;

#else

/// y = f(x) for x [rows, cols]; y may be x. NaN stays NaN, also through relu. Softmax and log_softmax work on rows.
/// `parameter` is leaky_relu's slope or elu's alpha; below zero: 0.2 and 1. Gelu's error is at most 7 ULP, in its tails
/// too.
template <class T>
void activation_forward(T* y, const T* x, activation::Kind kind, Index rows, Index cols, T parameter = T(-1)) {
    using activation::Kind;
    if (kind == Kind::linear) return detail::copy(y, x, rows * cols);
    if (kind == Kind::softmax) return softmax_forward(y, x, rows, cols);
    if (kind < Kind::softmax) {
        const auto f = GRADUS_DISPATCH(activation_table<T>).forward[static_cast<int>(kind) - 1];
        return parallel_for(0, rows * cols, detail::activation_grain(kind),
                            [=](Index i, Index end) { f(y + i, x + i, end - i); });
    }
    const auto& table = GRADUS_DISPATCH(rare_activation_table<T>);
    if (kind == Kind::log_softmax)
        return parallel_for(0, rows, detail::row_grain(cols), [=, f = table.log_softmax_forward](Index r, Index end) {
            f(y + r * cols, x + r * cols, end - r, cols);
        });
    const T p = parameter < 0 ? T(activation::usual_parameter(kind)) : parameter;
    parallel_for(0, rows * cols, detail::activation_grain(kind), [&](Index i, Index end) {
        if (kind == Kind::leaky_relu)
            table.leaky_relu_forward(y + i, x + i, p, end - i);
        else
            table.smooth_forward(y + i, x + i, kind, p, end - i);
    });
}

/// dx = dy f'(x), computed from `saved`: x for the kinds of activation::needs_input, y = f(x) for the others. dx may be
/// dy. The derivative at zero is 0 for relu, the slope for leaky_relu and alpha for elu.
template <class T> void activation_backward(T* dx, const T* dy, const T* saved, activation::Kind kind, Index rows,
                                            Index cols, T parameter = T(-1)) {
    using activation::Kind;
    if (kind == Kind::linear) return detail::copy(dx, dy, rows * cols);
    if (kind == Kind::softmax) return softmax_backward(dx, dy, saved, rows, cols);
    if (kind < Kind::softmax) {
        const auto f = GRADUS_DISPATCH(activation_table<T>).backward[static_cast<int>(kind) - 1];
        return parallel_for(0, rows * cols, 65536, [=](Index i, Index end) { f(dx + i, dy + i, saved + i, end - i); });
    }
    const auto& table = GRADUS_DISPATCH(rare_activation_table<T>);
    if (kind == Kind::log_softmax)
        return parallel_for(0, rows, detail::row_grain(cols), [=, f = table.log_softmax_backward](Index r, Index end) {
            f(dx + r * cols, dy + r * cols, saved + r * cols, end - r, cols);
        });
    const T p = parameter < 0 ? T(activation::usual_parameter(kind)) : parameter;
    parallel_for(0, rows * cols, detail::activation_grain(kind), [&](Index i, Index end) {
        if (kind == Kind::leaky_relu || kind == Kind::elu)
            table.piecewise_backward(dx + i, dy + i, saved + i, p, kind == Kind::elu, end - i);
        else
            table.smooth_backward(dx + i, dy + i, saved + i, kind, end - i);
    });
}

#endif

} // namespace kernels
GRADUS_END
