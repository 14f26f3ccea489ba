/// Sums, products and scaling of n elements. Outputs may be the inputs' memory, not overlap them otherwise.
#pragma once
#include <gradus/core/parallel.hpp>
#include <gradus/kernels/detail/ref.hpp>
#include <gradus/kernels/detail/simd.hpp>
#include <gradus/kernels/detail/vanishing.hpp>

#include <algorithm>

GRADUS_BEGIN
namespace kernels::detail {

template <class T> struct ElementwiseTable {
    void (*add)(T* y, const T* a, const T* b, Index n);
    void (*multiply)(T* y, const T* a, const T* b, Index n);
    void (*scale)(T* y, const T* x, T s, Index n);
    void (*axpy)(T* y, T s, const T* x, Index n);
    void (*fill)(T* y, T s, Index n);
    void (*scale_rows)(T* y, const T* x, const T* s, T divisor, Index rows, Index cols);
};

inline constexpr Index elementwise_grain = 32768;

} // namespace kernels::detail
GRADUS_END

#define GRADUS_REGION_FILE <gradus/kernels/detail/elementwise_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>

GRADUS_BEGIN
namespace kernels {

namespace ref {

template <class T> void add(T* y, const T* a, const T* b, Index n) { array(y, n) = array(a, n) + array(b, n); }
template <class T> void multiply(T* y, const T* a, const T* b, Index n) { array(y, n) = array(a, n) * array(b, n); }
template <class T> void scale(T* y, const T* x, T s, Index n) { array(y, n) = array(x, n) * s; }
template <class T> void axpy(T* y, T s, const T* x, Index n) { array(y, n) += s * array(x, n); }
template <class T> void fill(T* y, T s, Index n) { array(y, n).setConstant(s); }
template <class T> void scale_rows(T* y, const T* x, const T* s, T divisor, Index rows, Index cols) {
    for (Index i = 0; i < rows * cols; ++i) {
        const T factor = s[i / cols] / divisor;
        y[i] = factor == 0 ? T(0) : zero_below(x[i] * factor, detail::least_gradient<T>);
    }
}

} // namespace ref

#if GRADUS_EIGEN_KERNELS

using ref::add;
using ref::axpy;
using ref::fill;
using ref::multiply;
using ref::scale;
using ref::scale_rows;

#else

/// y = a + b
template <class T> void add(T* y, const T* a, const T* b, Index n) {
    const auto& table = GRADUS_DISPATCH(elementwise_table<T>);
    parallel_for(0, n, detail::elementwise_grain, [&](Index i, Index end) { table.add(y + i, a + i, b + i, end - i); });
}

/// y = a b
template <class T> void multiply(T* y, const T* a, const T* b, Index n) {
    const auto& table = GRADUS_DISPATCH(elementwise_table<T>);
    parallel_for(0, n, detail::elementwise_grain,
                 [&](Index i, Index end) { table.multiply(y + i, a + i, b + i, end - i); });
}

/// y = s x
template <class T> void scale(T* y, const T* x, T s, Index n) {
    const auto& table = GRADUS_DISPATCH(elementwise_table<T>);
    parallel_for(0, n, detail::elementwise_grain, [&](Index i, Index end) { table.scale(y + i, x + i, s, end - i); });
}

/// y += s x, with one rounding
template <class T> void axpy(T* y, T s, const T* x, Index n) {
    const auto& table = GRADUS_DISPATCH(elementwise_table<T>);
    parallel_for(0, n, detail::elementwise_grain, [&](Index i, Index end) { table.axpy(y + i, s, x + i, end - i); });
}

/// y = s
template <class T> void fill(T* y, T s, Index n) {
    const auto& table = GRADUS_DISPATCH(elementwise_table<T>);
    parallel_for(0, n, detail::elementwise_grain, [&](Index i, Index end) { table.fill(y + i, s, end - i); });
}

/// y[i, :] = x[i, :] s[i] / divisor, a gradient: zero where it is below 2^-80 (double: 2^-700), and where s[i] is zero,
/// whatever x.
template <class T> void scale_rows(T* y, const T* x, const T* s, T divisor, Index rows, Index cols) {
    if (cols == 0) return;
    const auto& table = GRADUS_DISPATCH(elementwise_table<T>);
    parallel_for(0, rows, std::max<Index>(1, detail::elementwise_grain / cols), [&](Index i, Index end) {
        table.scale_rows(y + i * cols, x + i * cols, s + i, divisor, end - i, cols);
    });
}

#endif

/// y += x
template <class T> void accumulate(T* y, const T* x, Index n) { add(y, y, x, n); }

} // namespace kernels
GRADUS_END
