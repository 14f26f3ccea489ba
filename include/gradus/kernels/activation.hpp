/// Activation functions on matrices, and their gradients from the output.
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

/// Elements in a cell: about 10 microseconds.
constexpr Index activation_grain(activation::Kind kind) { return kind == activation::relu ? 65536 : 8192; }

template <class T> void copy(T* y, const T* x, Index n) {
    if (y != x && n > 0) std::memmove(y, x, sizeof(T) * static_cast<std::size_t>(n));
}

} // namespace kernels::detail
GRADUS_END

#define GRADUS_REGION_FILE <gradus/kernels/detail/activation_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>

GRADUS_BEGIN
namespace kernels {

namespace ref {

template <class T> void activation_forward(T* y, const T* x, activation::Kind kind, Index rows, Index cols) {
    const Index n = rows * cols;
    switch (kind) {
    case activation::Kind::linear: return detail::copy(y, x, n);
    case activation::Kind::softmax: return softmax_forward(y, x, rows, cols);
    case activation::Kind::relu:
        for (Index i = 0; i < n; ++i) y[i] = x[i] <= 0 ? T(0) : x[i];
        return;
    case activation::Kind::tanh:
        for (Index i = 0; i < n; ++i) y[i] = std::tanh(x[i]);
        return;
    case activation::Kind::sigmoid:
        for (Index i = 0; i < n; ++i) {
            const T e = std::exp(-std::abs(x[i]));
            y[i] = (x[i] >= 0 ? T(1) : e) / (1 + e);
        }
        return;
    }
}

template <class T>
void activation_backward(T* dx, const T* dy, const T* y, activation::Kind kind, Index rows, Index cols) {
    const Index n = rows * cols;
    switch (kind) {
    case activation::Kind::linear: return detail::copy(dx, dy, n);
    case activation::Kind::softmax: return softmax_backward(dx, dy, y, rows, cols);
    case activation::Kind::relu:
        for (Index i = 0; i < n; ++i) dx[i] = y[i] <= 0 ? T(0) : dy[i];
        return;
    case activation::Kind::tanh: array(dx, n) = array(dy, n) * ((1 - array(y, n)) * (1 + array(y, n))); return;
    case activation::Kind::sigmoid: array(dx, n) = array(dy, n) * (array(y, n) * (1 - array(y, n))); return;
    }
}

} // namespace ref

#if GRADUS_EIGEN_KERNELS

using ref::activation_backward;
using ref::activation_forward;

#else

/// y = f(x) for x [rows, cols]; y may be x. NaN stays NaN, also through relu. Softmax works on rows.
template <class T> void activation_forward(T* y, const T* x, activation::Kind kind, Index rows, Index cols) {
    if (kind == activation::linear) return detail::copy(y, x, rows * cols);
    if (kind == activation::softmax) return softmax_forward(y, x, rows, cols);
    const auto f = GRADUS_DISPATCH(activation_table<T>).forward[static_cast<int>(kind) - 1];
    parallel_for(0, rows * cols, detail::activation_grain(kind), [=](Index i, Index end) { f(y + i, x + i, end - i); });
}

/// dx = dy f'(x), computed from y = f(x); dx may be dy. relu's derivative at zero is zero.
template <class T>
void activation_backward(T* dx, const T* dy, const T* y, activation::Kind kind, Index rows, Index cols) {
    if (kind == activation::linear) return detail::copy(dx, dy, rows * cols);
    if (kind == activation::softmax) return softmax_backward(dx, dy, y, rows, cols);
    const auto f = GRADUS_DISPATCH(activation_table<T>).backward[static_cast<int>(kind) - 1];
    parallel_for(0, rows * cols, 65536, [=](Index i, Index end) { f(dx + i, dy + i, y + i, end - i); });
}

#endif

} // namespace kernels
GRADUS_END
