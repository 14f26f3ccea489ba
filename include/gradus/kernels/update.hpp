/// What surrounds an optimizer's update: penalties of parameters, clipping of gradients, norms of columns, averages.
#pragma once
#include <gradus/kernels/elementwise.hpp>
#include <gradus/kernels/reduce.hpp>

#include <algorithm>
#include <limits>

GRADUS_BEGIN
namespace kernels::detail {

template <class T> struct UpdateTable {
    void (*penalize)(T* g, const T* w, T l1, T l2, Index n);
    T (*sum_absolute)(const T* x, Index n);
    void (*clamp)(T* x, T limit, Index n);
    void (*average)(T* a, const T* w, T share, Index n);
    void (*limit_columns)(T* w, T limit, Index rows, Index columns, Index stride);
};

} // namespace kernels::detail
GRADUS_END

#define GRADUS_REGION_FILE <gradus/kernels/detail/update_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>

GRADUS_BEGIN
namespace kernels {

namespace ref {

template <class T> void penalize(T* g, const T* w, T l1, T l2, Index n) {
    array(g, n) += l2 * array(w, n) + l1 * array(w, n).sign();
}
template <class T> T sum_absolute(const T* x, Index n) { return n > 0 ? array(x, n).abs().sum() : T(0); }
template <class T> void clamp(T* x, T limit, Index n) {
    for (Index i = 0; i < n; ++i) x[i] = x[i] > limit ? limit : x[i] < -limit ? -limit : x[i];
}
template <class T> void average(T* a, const T* w, T share, Index n) {
    array(a, n) += share * (array(w, n) - array(a, n));
}
template <class T> void limit_columns(T* w, T limit, Index rows, Index columns) {
    for (Index c = 0; c < columns; ++c) {
        T squares = 0;
        for (Index r = 0; r < rows; ++r) squares += w[r * columns + c] * w[r * columns + c];
        const T norm = std::sqrt(squares);
        for (Index r = 0; norm > limit && r < rows; ++r) w[r * columns + c] *= limit / (norm + T(1e-7));
    }
}

} // namespace ref

#if GRADUS_EIGEN_KERNELS

using ref::average;
using ref::clamp;
using ref::limit_columns;
using ref::penalize;
using ref::sum_absolute;

#else

/// g += l1 sign(w) + l2 w; the sign of 0 is 0.
template <class T> void penalize(T* g, const T* w, T l1, T l2, Index n) {
    const auto f = GRADUS_DISPATCH(update_table<T>).penalize;
    parallel_for(0, n, detail::elementwise_grain, [=](Index i, Index end) { f(g + i, w + i, l1, l2, end - i); });
}

/// |x[0]| + |x[1]| + ..., in the order of kernels::sum.
template <class T> T sum_absolute(const T* x, Index n) {
    return detail::reduce<T>(GRADUS_DISPATCH(update_table<T>).sum_absolute, x, n);
}

/// x = x between -limit and limit; NaN stays.
template <class T> void clamp(T* x, T limit, Index n) {
    const auto f = GRADUS_DISPATCH(update_table<T>).clamp;
    parallel_for(0, n, detail::elementwise_grain, [=](Index i, Index end) { f(x + i, limit, end - i); });
}

/// a += share (w - a)
template <class T> void average(T* a, const T* w, T share, Index n) {
    const auto f = GRADUS_DISPATCH(update_table<T>).average;
    parallel_for(0, n, detail::elementwise_grain, [=](Index i, Index end) { f(a + i, w + i, share, end - i); });
}

/// Columns of w [rows, columns] with a norm above `limit` are multiplied by limit / (norm + 1e-7).
template <class T> void limit_columns(T* w, T limit, Index rows, Index columns) {
    const auto f = GRADUS_DISPATCH(update_table<T>).limit_columns;
    parallel_for(0, columns, 64, [=](Index i, Index end) { f(w + i, limit, rows, end - i, columns); });
}

#endif

namespace detail {

/// A parameter [rows, dim] as blocks of whole rows, of at most 256 elements where a row has no more, and cells of
/// blocks.
struct SquareBlocks {
    static constexpr Index most = 256;
    Index rows, dim, block, count, grain;
    SquareBlocks(Index rows_, Index dim_)
        : rows(rows_), dim(dim_), block(std::max<Index>(1, most / dim)), count((rows + block - 1) / block),
          grain(std::max((count + cells - 1) / cells, std::max<Index>(1, 65536 / (block * dim)))) {}
    Index size(Index b) const { return std::min(block, rows - b * block) * dim; }
    static constexpr Index cells = 64;
};

template <class T> double block_squares(const T* x, Index n) {
#if GRADUS_EIGEN_KERNELS
    return static_cast<double>(ref::sum_squares(x, n));
#else
    return static_cast<double>(GRADUS_DISPATCH(reduce_table<T>).sum_squares(x, n));
#endif
}

} // namespace detail

/// The sum of squares of x [rows, dim], dim at least 1: blocks of rows in T, their sums in double, in an order that the
/// shape fixes. Rows of zeros change no bit of it.
template <class T> double sum_squares_by_row(const T* x, Index rows, Index dim) {
    const detail::SquareBlocks b(rows, dim);
    double partials[detail::SquareBlocks::cells];
    return parallel_reduce(
        Index{0}, b.count, b.grain, partials,
        [&](Index i, Index end) {
            double s = 0;
            for (; i < end; ++i) s += detail::block_squares(x + i * b.block * dim, b.size(i));
            return s;
        },
        [](double p, double q) { return p + q; });
}

/// The same of a matrix whose rows `ids[i]`, sorted and unique, are drows[i * dim ...] and all others zero: the same
/// bits.
template <class T>
double sum_squares_of_rows(const T* drows, const std::int32_t* ids, Index count, Index rows, Index dim) {
    const FloatScope mode;
    const detail::SquareBlocks b(rows, dim);
    T buffer[detail::SquareBlocks::most];
    double total = 0, cell_sum = 0;
    for (Index i = 0, cell = 0; i < count;) {
        const Index at = ids[i] / b.block;
        if (at / b.grain != cell) {
            total += cell_sum;
            cell_sum = 0;
            cell = at / b.grain;
        }
        if (b.block == 1) {
            cell_sum += detail::block_squares(drows + i * dim, dim);
            ++i;
            continue;
        }
        std::fill(buffer, buffer + b.size(at), T(0));
        for (; i < count && ids[i] / b.block == at; ++i)
            std::copy(drows + i * dim, drows + (i + 1) * dim, buffer + (ids[i] - at * b.block) * dim);
        cell_sum += detail::block_squares(buffer, b.size(at));
    }
    return total + cell_sum;
}

/// What a gradient of this norm is multiplied by to have no larger one than `limit`; NaN where the norm is infinite or
/// NaN.
template <class T> T clip_factor(double norm, double limit) {
    if (!std::isfinite(norm)) return std::numeric_limits<T>::quiet_NaN();
    return norm > limit ? static_cast<T>(limit / norm) : T(1);
}

} // namespace kernels
GRADUS_END
