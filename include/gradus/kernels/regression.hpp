/// Squared, absolute and Huber's error of predictions: the mean of each row, and its gradient.
///
/// loss [rows], p and target [rows, cols], dp [rows, cols], dloss [rows]. dp[r, c] is dloss[r] times the derivative of
/// loss[r] by p[r, c], and 0 where dloss[r] is 0, also where p or the target is NaN: a row of no weight has no
/// gradient. dp may be p's memory.
#pragma once
#include <gradus/core/parallel.hpp>
#include <gradus/kernels/detail/reduce.hpp>
#include <gradus/kernels/detail/ref.hpp>

#include <cmath>

GRADUS_BEGIN
namespace kernels::detail {

template <class T> struct ErrorTable {
    void (*loss)(T* loss, const T* p, const T* target, Index rows, Index cols, T delta);
    void (*gradient)(T* dp, const T* dloss, const T* p, const T* target, Index rows, Index cols, T delta);
};

/// Rows in a cell of about 32768 elements.
constexpr Index error_grain(Index cols) { return cols >= 32768 ? 1 : 32768 / (cols > 0 ? cols : 1); }

} // namespace kernels::detail
GRADUS_END

#define GRADUS_REGION_FILE <gradus/kernels/detail/regression_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>

GRADUS_BEGIN
namespace kernels {

namespace ref {

template <class T> void mean_squared_error(T* loss, const T* p, const T* target, Index rows, Index cols) {
    for (Index r = 0; r < rows; ++r)
        loss[r] = (array(p + r * cols, cols) - array(target + r * cols, cols)).square().mean();
}
template <class T>
void mean_squared_error_gradient(T* dp, const T* dloss, const T* p, const T* target, Index rows, Index cols) {
    for (Index i = 0; i < rows * cols; ++i)
        dp[i] = dloss[i / cols] == 0 ? T(0) : dloss[i / cols] / T(cols) * (2 * (p[i] - target[i]));
}

template <class T> void mean_absolute_error(T* loss, const T* p, const T* target, Index rows, Index cols) {
    for (Index r = 0; r < rows; ++r)
        loss[r] = (array(p + r * cols, cols) - array(target + r * cols, cols)).abs().mean();
}
template <class T>
void mean_absolute_error_gradient(T* dp, const T* dloss, const T* p, const T* target, Index rows, Index cols) {
    for (Index i = 0; i < rows * cols; ++i) {
        const T e = p[i] - target[i], slope = e > 0 ? T(1) : e < 0 ? T(-1) : e;
        dp[i] = dloss[i / cols] == 0 ? T(0) : dloss[i / cols] / T(cols) * slope;
    }
}

template <class T> void huber(T* loss, const T* p, const T* target, Index rows, Index cols, T delta) {
    for (Index r = 0; r < rows; ++r) {
        T sum = 0;
        for (Index c = r * cols; c < (r + 1) * cols; ++c) {
            const T a = std::abs(p[c] - target[c]);
            sum += a > delta ? delta * a - delta * delta / 2 : a * a / 2;
        }
        loss[r] = sum / T(cols);
    }
}
template <class T>
void huber_gradient(T* dp, const T* dloss, const T* p, const T* target, Index rows, Index cols, T delta) {
    for (Index i = 0; i < rows * cols; ++i) {
        const T e = p[i] - target[i], slope = e > delta ? delta : e < -delta ? -delta : e;
        dp[i] = dloss[i / cols] == 0 ? T(0) : dloss[i / cols] / T(cols) * slope;
    }
}

} // namespace ref

#if GRADUS_EIGEN_KERNELS

using ref::huber;
using ref::huber_gradient;
using ref::mean_absolute_error;
using ref::mean_absolute_error_gradient;
using ref::mean_squared_error;
using ref::mean_squared_error_gradient;

#else

namespace detail {

template <class T>
void mean_errors(const ErrorTable<T>& table, T* loss, const T* p, const T* target, Index rows, Index cols, T delta) {
    parallel_for(0, rows, error_grain(cols), [&](Index r, Index end) {
        table.loss(loss + r, p + r * cols, target + r * cols, end - r, cols, delta);
    });
}
template <class T> void error_gradients(const ErrorTable<T>& table, T* dp, const T* dloss, const T* p, const T* target,
                                        Index rows, Index cols, T delta) {
    parallel_for(0, rows, error_grain(cols), [&](Index r, Index end) {
        table.gradient(dp + r * cols, dloss + r, p + r * cols, target + r * cols, end - r, cols, delta);
    });
}

} // namespace detail

/// loss[r] = mean over c of (p[r, c] - target[r, c])^2
template <class T> void mean_squared_error(T* loss, const T* p, const T* target, Index rows, Index cols) {
    detail::mean_errors<T>(GRADUS_DISPATCH(squared_error_table<T>), loss, p, target, rows, cols, T(0));
}
template <class T>
void mean_squared_error_gradient(T* dp, const T* dloss, const T* p, const T* target, Index rows, Index cols) {
    detail::error_gradients<T>(GRADUS_DISPATCH(squared_error_table<T>), dp, dloss, p, target, rows, cols, T(0));
}

/// loss[r] = mean over c of |p[r, c] - target[r, c]|; the slope at 0 is 0.
template <class T> void mean_absolute_error(T* loss, const T* p, const T* target, Index rows, Index cols) {
    detail::mean_errors<T>(GRADUS_DISPATCH(absolute_error_table<T>), loss, p, target, rows, cols, T(0));
}
template <class T>
void mean_absolute_error_gradient(T* dp, const T* dloss, const T* p, const T* target, Index rows, Index cols) {
    detail::error_gradients<T>(GRADUS_DISPATCH(absolute_error_table<T>), dp, dloss, p, target, rows, cols, T(0));
}

/// loss[r] = mean over c of h(p[r, c] - target[r, c]), h(e) = e^2 / 2 for |e| <= delta, else delta |e| - delta^2 / 2.
template <class T> void huber(T* loss, const T* p, const T* target, Index rows, Index cols, T delta) {
    detail::mean_errors<T>(GRADUS_DISPATCH(huber_error_table<T>), loss, p, target, rows, cols, delta);
}
template <class T>
void huber_gradient(T* dp, const T* dloss, const T* p, const T* target, Index rows, Index cols, T delta) {
    detail::error_gradients<T>(GRADUS_DISPATCH(huber_error_table<T>), dp, dloss, p, target, rows, cols, delta);
}

#endif

} // namespace kernels
GRADUS_END
