/// Softmax of each row of a matrix.
#pragma once
#include <gradus/core/parallel.hpp>
#include <gradus/kernels/detail/math.hpp>
#include <gradus/kernels/detail/reduce.hpp>
#include <gradus/kernels/detail/ref.hpp>
#include <gradus/kernels/detail/vanishing.hpp>

#include <cmath>

GRADUS_BEGIN
namespace kernels::detail {

template <class T> struct SoftmaxTable {
    void (*forward)(T* y, const T* x, Index rows, Index cols);
    void (*backward)(T* dx, const T* dy, const T* y, Index rows, Index cols);
};

/// Rows in a cell of about 8192 elements.
constexpr Index row_grain(Index cols) { return cols >= 8192 ? 1 : 8192 / (cols > 0 ? cols : 1); }

} // namespace kernels::detail
GRADUS_END

#define GRADUS_REGION_FILE <gradus/kernels/detail/softmax_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>

GRADUS_BEGIN
namespace kernels {

namespace ref {

template <class T> void softmax_forward(T* y, const T* x, Index rows, Index cols) {
    for (Index r = 0; r < rows; ++r) {
        if (cols == 0) continue;
        auto row = array(y + r * cols, cols);
        const T shift = array(x + r * cols, cols).maxCoeff();
        for (Index c = 0; c < cols; ++c) {
            const T below = x[r * cols + c] - shift;
            row[c] = below < detail::least_exponent<T> ? T(0) : std::exp(below); // Eigen's own exp(-inf) is not zero
        }
        row /= row.sum();
    }
}
template <class T> void softmax_backward(T* dx, const T* dy, const T* y, Index rows, Index cols) {
    for (Index r = 0; r < rows; ++r) {
        const auto yr = array(y + r * cols, cols), dyr = array(dy + r * cols, cols);
        const T dot = cols > 0 ? (yr * dyr).sum() : T(0);
        array(dx + r * cols, cols) = yr * (dyr - dot);
    }
}

} // namespace ref

#if GRADUS_EIGEN_KERNELS

using ref::softmax_backward;
using ref::softmax_forward;

#else

/// y[r, c] = exp(x[r, c] - m) / sum over c of exp(x[r, c] - m), m the row's maximum. y may be x. A row with NaN, with
/// +infinity or of -infinity only becomes NaN. Terms below e^-80 (double: e^-700) are zero: near the denormals each
/// operation would be many times as slow.
template <class T> void softmax_forward(T* y, const T* x, Index rows, Index cols) {
    const auto f = GRADUS_DISPATCH(softmax_table<T>).forward;
    parallel_for(0, rows, detail::row_grain(cols),
                 [=](Index r, Index end) { f(y + r * cols, x + r * cols, end - r, cols); });
}

/// dx[r, c] = y[r, c] (dy[r, c] - sum over c of dy[r, c] y[r, c]), from softmax's output y. dx may be dy.
template <class T> void softmax_backward(T* dx, const T* dy, const T* y, Index rows, Index cols) {
    const auto f = GRADUS_DISPATCH(softmax_table<T>).backward;
    parallel_for(0, rows, detail::row_grain(cols),
                 [=](Index r, Index end) { f(dx + r * cols, dy + r * cols, y + r * cols, end - r, cols); });
}

#endif

} // namespace kernels
GRADUS_END
