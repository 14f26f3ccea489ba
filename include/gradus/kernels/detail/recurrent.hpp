/// What recurrent kernels share: how a batch is cut and padded, another number format, and, once per instruction set,
/// the products of recurrent_region.hpp.
#pragma once
#include <gradus/kernels/detail/simd.hpp>
#include <gradus/kernels/precision.hpp>

#include <algorithm>
#include <cstdint>
#include <type_traits>

GRADUS_BEGIN
namespace kernels::detail {

/// Operands of a recurrent kernel's products in another number format. A product takes them in pairs along k, its sums
/// start from a T and end as one. Rounded operands lie where the numbers were, `stored` of them for k, and are numbers
/// no more: what else is needed of a row (a GRU's h of the step before) is kept apart. An even k may be cut in two at
/// `stored` of an even place.
template <class T> struct RecurrentFormat {
    Index pair;                             ///< elements that a pair takes
    void (*round_row)(T* x, Index k);       ///< a row of A; an odd k takes one element more
    void (*round_panel)(T* panel, Index k); ///< rows of a panel; an odd k takes one row more
    /// Two rounded rows of B or of a transposed A, of which `odd` may be null, become one row of pairs, or two,
    /// `lanes` apart: what a product along these rows takes. Elements from n to a whole pair are written, too.
    void (*join_rows)(T* to, const T* even, const T* odd, Index n, Index lanes);
    /// product_rows, whose inner and step count what is stored, and product_transposed, whose count does, on joined
    /// rows, `first` being a column of theirs.
    void (*rows)(Index rows, Index cols, Index outer, Index inner, const T* const* a, Index step, const T* b,
                 const T* from, Index ldfrom, T* to, Index ldto);
    void (*transposed)(Index m, Index count, const T* const* a, Index first, const T* b, const T* from, Index ldfrom,
                       T* to);

    constexpr Index stored(Index k) const { return (k + 1) / 2 * pair; }
};

/// Room for units or gate columns in packed weights and saved arrays: no region pads its groups to more.
constexpr Index recurrent_padded(Index units) { return (units + 15) / 16 * 16; }
/// Features are laid out in pairs, for RecurrentFormat.
constexpr Index recurrent_even(Index features) { return features + features % 2; }

/// Blocks of rows, which run through the sequence each on its own: one, two or four, and one for every 32 rows above
/// 128. Never fewer as the batch grows.
inline constexpr Index recurrent_max_rows = 32;
constexpr Index recurrent_blocks(Index batch) {
    return batch < 16 ? 1 : batch < 32 ? 2 : batch <= 128 ? 4 : (batch + recurrent_max_rows - 1) / recurrent_max_rows;
}
constexpr Index recurrent_block_rows(Index batch) {
    return (batch + recurrent_blocks(batch) - 1) / recurrent_blocks(batch);
}

/// The first multiple of 64 bytes from p on.
template <class T> T* recurrent_aligned(T* p) {
    const auto address = reinterpret_cast<std::uintptr_t>(p);
    return p + static_cast<Index>((64 - address % 64) % 64 / sizeof(T));
}

#if !GRADUS_EIGEN_KERNELS
/// Null where operands stay as they are.
template <class T> const RecurrentFormat<T>* recurrent_format(ProductPrecision precision) {
    if constexpr (std::is_same_v<T, float>)
        if (precision.format()) return precision.format()->recurrent();
    return nullptr;
}
#endif

} // namespace kernels::detail

namespace kernels::ref {

/// Rounds the operands of a product in place.
template <class T> void round_operands(T* x, Index n, ProductPrecision precision) {
    if (!precision.format() || !std::is_same_v<T, float>) return;
    for (Index i = 0; i < n; ++i) x[i] = static_cast<T>(precision.format()->round(static_cast<float>(x[i])));
}
/// n weights, or a rounded copy of them at `copy`, behind which it ends.
template <class T> const T* round_weights(const T* weights, Index n, T*& copy, ProductPrecision precision) {
    if (!precision.format()) return weights;
    const T* rounded = copy;
    copy = std::copy_n(weights, n, copy);
    round_operands(copy - n, n, precision);
    return rounded;
}

} // namespace kernels::ref
GRADUS_END

#define GRADUS_REGION_FILE <gradus/kernels/detail/recurrent_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>
