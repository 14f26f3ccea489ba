/// Initial weights: uniform, normal, truncated normal and orthogonal. The same bits on every build and instruction set,
/// the baseline included, for any number of threads; a float weight is the double one, rounded.
#pragma once
#include <gradus/core/random.hpp>
#include <gradus/kernels/detail/random.hpp>
#include <gradus/kernels/math.hpp>

// clang-format off: the order of these includes is a program
#if !GRADUS_EIGEN_KERNELS
#define GRADUS_REGION baseline
#define GRADUS_REGION_BYTES 16
#include <gradus/kernels/detail/region_begin.hpp>
#include <gradus/kernels/detail/initialize_region.hpp>
#include <gradus/kernels/detail/region_end.hpp>
#endif
// clang-format on

GRADUS_BEGIN
namespace kernels {

namespace detail {

inline constexpr Index initial_grain = 16384;

} // namespace detail

namespace ref {

inline double unit(Random random, Index row, Index element) {
    return (double(random.word(row, element)) + 0.5) * 0x1p-32;
}
inline double standard_normal(Random random, Index row, Index element) {
    const double radius = std::sqrt(-2 * std::log(unit(random, row, element / 2 * 2)));
    const double turn = 6.283185307179586 * unit(random, row, element / 2 * 2 + 1);
    return radius * (element % 2 ? std::sin(turn) : std::cos(turn));
}

template <class T> void fill_uniform(T* y, Random random, double low, double high, Index n) {
    for (Index i = 0; i < n; ++i) y[i] = T(low + (high - low) * unit(random, 0, i));
}
template <class T> void fill_normal(T* y, Random random, double mean, double sd, Index n) {
    for (Index i = 0; i < n; ++i) y[i] = T(mean + sd * standard_normal(random, 0, i));
}
template <class T> void fill_truncated_normal(T* y, Random random, double mean, double sd, Index n) {
    for (Index i = 0; i < n; ++i) {
        double z = standard_normal(random, 0, i);
        for (Index row = 1; std::abs(z) > 2; ++row) z = standard_normal(random, row, i);
        y[i] = T(mean + sd * z);
    }
}
inline void project_out(double* q, const double* u, Index first, Index last, Index n) {
    for (Index j = first; j < last; ++j) array(q + j * n, n) -= (array(q + j * n, n) * array(u, n)).sum() * array(u, n);
}
inline void normalize(double* row, Index n) { array(row, n) /= std::sqrt(array(row, n).square().sum()); }

} // namespace ref

#if GRADUS_EIGEN_KERNELS

using ref::fill_normal;
using ref::fill_truncated_normal;
using ref::fill_uniform;
namespace detail {
using ref::normalize;
using ref::project_out;
} // namespace detail

#else

namespace detail {

template <class T> void fill_normal(T* y, const Random& r, double mean, double sd, double limit, Index n) {
    parallel_for(0, n, initial_grain, [&](Index i, Index end) {
        baseline::initial_normal<T>(y, r.key, r.update, r.micro, r.first_row, mean, sd, limit, i, end);
    });
}
using baseline::normalize;
using baseline::project_out;

} // namespace detail

/// y[i] = low + (high - low) u, u = (word(0, i) + 1/2) / 2^32.
template <class T> void fill_uniform(T* y, Random random, double low, double high, Index n) {
    parallel_for(0, n, detail::initial_grain, [&](Index i, Index end) {
        detail::baseline::initial_uniform<T>(y, random.key, random.update, random.micro, random.first_row, low, high, i,
                                             end);
    });
}

/// y[i] = mean + sd z, z standard normal (Box and Muller, from the words of elements 2i and 2i + 1).
template <class T> void fill_normal(T* y, Random random, double mean, double sd, Index n) {
    detail::fill_normal(y, random, mean, sd, 0, n);
}

/// The same with |z| <= 2: what lies beyond is drawn again, from the random numbers of the next row.
template <class T> void fill_truncated_normal(T* y, Random random, double mean, double sd, Index n) {
    detail::fill_normal(y, random, mean, sd, 2, n);
}

#endif

/// Doubles that `orthogonal` needs as workspace.
constexpr Index orthogonal_workspace(Index rows, Index cols) { return rows * cols; }

/// w [rows, cols] = gain Q, Q with orthonormal columns (rows, where rows < cols), uniform among such matrices: the
/// factor Q of a normal matrix, with the signs that make R's diagonal positive, as Keras. Modified Gram-Schmidt in
/// double, twice.
template <class T> void orthogonal(T* w, Random random, double gain, Index rows, Index cols, double* workspace) {
    const bool wide = rows < cols;
    const Index count = wide ? rows : cols, n = wide ? cols : rows;
    fill_normal(workspace, random, 0, 1, count * n);
    for (int pass = 0; pass < 2; ++pass) {
        for (Index k = 0; k < count; ++k) {
            const double* const unit_row = workspace + k * n;
            detail::normalize(workspace + k * n, n);
            parallel_for(k + 1, count, n >= 8192 ? 1 : 8192 / n,
                         [=](Index j, Index end) { detail::project_out(workspace, unit_row, j, end, n); });
        }
    }
    for (Index r = 0; r < rows; ++r)
        for (Index c = 0; c < cols; ++c) w[r * cols + c] = T(gain * workspace[wide ? r * n + c : c * n + r]);
}

} // namespace kernels
GRADUS_END
