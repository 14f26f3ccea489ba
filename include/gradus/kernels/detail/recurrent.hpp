/// The products of recurrent_region.hpp, once per instruction set, for the regions of recurrent kernels.
#pragma once
#include <gradus/kernels/detail/simd.hpp>
#include <gradus/kernels/precision.hpp>

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

#if !GRADUS_EIGEN_KERNELS
/// Null where operands stay as they are.
template <class T> const RecurrentFormat<T>* recurrent_format(ProductPrecision precision) {
    if constexpr (std::is_same_v<T, float>)
        if (precision.format()) return precision.format()->recurrent();
    return nullptr;
}
#endif

} // namespace kernels::detail
GRADUS_END

#define GRADUS_REGION_FILE <gradus/kernels/detail/recurrent_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>
