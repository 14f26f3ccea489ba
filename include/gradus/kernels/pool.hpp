/// The mean over time of the steps that are not masked.
///
/// Keras's GlobalAveragePooling1D, but that a sample without any step gives zero (and no gradient), not NaN, and that
/// the value of a masked step is not read: a NaN there stays there.
#pragma once
#include <gradus/core/parallel.hpp>
#include <gradus/kernels/detail/ref.hpp>
#include <gradus/kernels/detail/simd.hpp>

#include <algorithm>

GRADUS_BEGIN
namespace kernels::detail {

template <class T> struct PoolTable {
    void (*mean)(T* y, const T* x, const std::uint8_t* mask, Index time, Index dim);
    void (*spread)(T* dx, const T* dy, const std::uint8_t* mask, Index time, Index dim);
};

constexpr Index pool_grain(Index time, Index dim) { return std::max<Index>(1, 32768 / std::max<Index>(1, time * dim)); }

} // namespace kernels::detail
GRADUS_END

#define GRADUS_REGION_FILE <gradus/kernels/detail/pool_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>

GRADUS_BEGIN
namespace kernels {

namespace ref {

template <class T>
void average_pool_time_forward(T* y, const T* x, const std::uint8_t* mask, Index batch, Index time, Index dim) {
    for (Index b = 0; b < batch; ++b) {
        auto mean = array(y + b * dim, dim);
        Index steps = 0;
        mean.setZero();
        for (Index t = 0; t < time; ++t) {
            if (mask && !mask[b * time + t]) continue;
            mean += array(x + (b * time + t) * dim, dim);
            ++steps;
        }
        mean /= T(std::max<Index>(1, steps));
    }
}

template <class T>
void average_pool_time_backward(T* dx, const T* dy, const std::uint8_t* mask, Index batch, Index time, Index dim) {
    for (Index b = 0; b < batch; ++b) {
        const Index steps = mask ? time - std::count(mask + b * time, mask + (b + 1) * time, std::uint8_t{0}) : time;
        for (Index t = 0; t < time; ++t) {
            auto out = array(dx + (b * time + t) * dim, dim);
            if (mask && !mask[b * time + t])
                out.setZero();
            else
                out = array(dy + b * dim, dim) / T(steps);
        }
    }
}

} // namespace ref

/// y[b] = sum over unmasked t of x[b, t], divided by their number; zero where there is none. y [B, D], x [B, T, D],
/// mask [B, T] or null.
template <class T>
void average_pool_time_forward(T* y, const T* x, const std::uint8_t* mask, Index batch, Index time, Index dim) {
#if GRADUS_EIGEN_KERNELS
    ref::average_pool_time_forward(y, x, mask, batch, time, dim);
#else
    const auto& kernels = GRADUS_DISPATCH(pool_table<T>);
    parallel_for(0, batch, detail::pool_grain(time, dim), [&](Index first, Index last) {
        for (Index b = first; b < last; ++b)
            kernels.mean(y + b * dim, x + b * time * dim, mask ? mask + b * time : nullptr, time, dim);
    });
#endif
}

/// dx[b, t] = dy[b] divided by the number of unmasked steps; zero at masked ones. dx [B, T, D] is overwritten, dy [B,
/// D].
template <class T>
void average_pool_time_backward(T* dx, const T* dy, const std::uint8_t* mask, Index batch, Index time, Index dim) {
#if GRADUS_EIGEN_KERNELS
    ref::average_pool_time_backward(dx, dy, mask, batch, time, dim);
#else
    const auto& kernels = GRADUS_DISPATCH(pool_table<T>);
    parallel_for(0, batch, detail::pool_grain(time, dim), [&](Index first, Index last) {
        for (Index b = first; b < last; ++b)
            kernels.spread(dx + b * time * dim, dy + b * dim, mask ? mask + b * time : nullptr, time, dim);
    });
#endif
}

} // namespace kernels
GRADUS_END
