/// Sums over n elements in an order that depends on n alone, and the check for NaN and infinity.
#pragma once
#include <gradus/core/parallel.hpp>
#include <gradus/kernels/detail/reduce.hpp>
#include <gradus/kernels/detail/ref.hpp>

#include <cmath>

GRADUS_BEGIN
namespace kernels {

namespace ref {

template <class T> T sum(const T* x, Index n) { return n > 0 ? array(x, n).sum() : T(0); }
template <class T> T sum_squares(const T* x, Index n) { return n > 0 ? array(x, n).square().sum() : T(0); }
template <class T> bool all_finite(const T* x, Index n) {
    for (Index i = 0; i < n; ++i)
        if (!std::isfinite(x[i])) return false;
    return true;
}

} // namespace ref

#if GRADUS_EIGEN_KERNELS

using ref::all_finite;
using ref::sum;
using ref::sum_squares;

#else

namespace detail {

inline constexpr Index reduce_cells = 64;

/// At most reduce_cells cells, of at least 64 k elements.
constexpr Index reduce_grain(Index n) {
    const Index grain = (n + reduce_cells - 1) / reduce_cells;
    return grain < 65536 ? 65536 : (grain + 63) / 64 * 64;
}

template <class T> T reduce(T (*f)(const T*, Index), const T* x, Index n) {
    T partials[reduce_cells];
    return parallel_reduce(
        Index{0}, n, reduce_grain(n), partials, [=](Index i, Index end) { return f(x + i, end - i); },
        [](T a, T b) { return a + b; });
}

} // namespace detail

/// x[0] + x[1] + ...; 64 lanes (double: 32) and a fixed tree within cells of at least 65536 elements, cells in order
template <class T> T sum(const T* x, Index n) { return detail::reduce<T>(GRADUS_DISPATCH(reduce_table<T>).sum, x, n); }

/// The sum of squares, in the same order.
template <class T> T sum_squares(const T* x, Index n) {
    return detail::reduce<T>(GRADUS_DISPATCH(reduce_table<T>).sum_squares, x, n);
}

/// Whether no element is NaN or infinite.
template <class T> bool all_finite(const T* x, Index n) {
    const auto f = GRADUS_DISPATCH(reduce_table<T>).all_finite;
    bool partials[detail::reduce_cells];
    return n <= 0 || parallel_reduce(
                         Index{0}, n, detail::reduce_grain(n), partials,
                         [=](Index i, Index end) { return f(x + i, end - i); }, [](bool a, bool b) { return a && b; });
}

#endif

} // namespace kernels
GRADUS_END
