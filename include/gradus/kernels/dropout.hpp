/// Dropout's mask. Forward and backward are products with it (kernels/elementwise.hpp: multiply).
#pragma once
#include <gradus/core/parallel.hpp>
#include <gradus/kernels/detail/random.hpp>

GRADUS_BEGIN
namespace kernels::detail {

template <class T> struct DropoutTable {
    void (*mask)(T* mask, std::uint64_t key, std::uint32_t update, std::uint32_t micro, std::uint32_t first_row,
                 std::uint64_t threshold, T keep, Index rows, Index cols);
};

/// The smallest word that keeps its element.
constexpr std::uint64_t dropout_threshold(double rate) {
    const double words = rate * 0x1p32;
    if (!(words > 0)) return 0;
    if (words >= 0x1p32) return std::uint64_t{1} << 32;
    const auto whole = static_cast<std::uint64_t>(words);
    return whole + (static_cast<double>(whole) < words);
}
template <class T> constexpr T dropout_keep(T rate) { return rate < T(1) ? T(1) / (T(1) - rate) : T(0); }

} // namespace kernels::detail
GRADUS_END

#define GRADUS_REGION_FILE <gradus/kernels/detail/dropout_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>

GRADUS_BEGIN
namespace kernels {

namespace ref {

template <class T> void dropout_mask(T* mask, Random random, T rate, Index rows, Index cols) {
    for (Index r = 0; r < rows; ++r)
        for (Index c = 0; c < cols; ++c)
            mask[r * cols + c] =
                random.word(r, c) >= detail::dropout_threshold(double(rate)) ? detail::dropout_keep(rate) : T(0);
}

} // namespace ref

#if GRADUS_EIGEN_KERNELS

using ref::dropout_mask;

#else

/// mask[r, c] = 1 / (1 - rate) where random.word(r, c) / 2^32 >= rate, else zero. Rate 0 keeps all, rate 1 nothing.
template <class T> void dropout_mask(T* mask, Random random, T rate, Index rows, Index cols) {
    const auto f = GRADUS_DISPATCH(dropout_table<T>).mask;
    const std::uint64_t threshold = detail::dropout_threshold(double(rate));
    const Index grain = cols >= 16384 ? 1 : 16384 / (cols > 0 ? cols : 1);
    parallel_for(0, rows, grain, [&](Index r, Index end) {
        f(mask + r * cols, random.key, random.update, random.micro, random.first_row + static_cast<std::uint32_t>(r),
          threshold, detail::dropout_keep(rate), end - r, cols);
    });
}

#endif

} // namespace kernels
GRADUS_END
