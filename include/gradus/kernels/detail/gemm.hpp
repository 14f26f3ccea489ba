/// The matrix product inside regions: what gemm_region.hpp defines once per instruction set, for matmul.hpp and other
/// regions.
#pragma once
#include <gradus/kernels/detail/simd.hpp>

#include <utility>

GRADUS_BEGIN
namespace kernels::detail {

/// Columns in multiples of which a packed B is handed out: of each set's strips, too.
template <class T> inline constexpr Index gemm_panel = 128 / Index(sizeof(T));
/// Rows of k that one pass takes; further passes continue each output's chain from C.
template <class T> inline constexpr Index gemm_depth = 1024 / Index(sizeof(T));

/// Elements that op(B) [k, n] takes at most when packed by gemm_pack: strips, each [k][as many columns as a tile has].
template <class T> constexpr Index gemm_packed_size(Index k, Index n) {
    return k * ((n + gemm_panel<T> - 1) / gemm_panel<T> * gemm_panel<T>);
}

/// What happens around the sum: `c = relu(sum (+ c) + bias)`, and then 0 where `gate <= 0`.
template <class T> struct GemmEnds {
    const T* bias = nullptr; ///< [n] or none
    bool accumulate = false; ///< the sum starts from c
    bool relu = false;
    const T* gate = nullptr; ///< [m, n], rows ldgate apart, or none
    Index ldgate = 0;

    /// For the part of C that begins at (i, j).
    constexpr GemmEnds at(Index i, Index j) const {
        return {bias ? bias + j : nullptr, accumulate, relu, gate ? gate + i * ldgate + j : nullptr, ldgate};
    }
    /// For one of several passes over k: a later one starts from C, the last one ends.
    constexpr GemmEnds pass(bool first, bool last) const {
        return {last ? bias : nullptr, accumulate || !first, last && relu, last ? gate : nullptr, ldgate};
    }
};

/// What is worth its while on an instruction set. No bit depends on it.
struct GemmBlocking {
    Index pack_rows;    ///< B is packed where so many rows of A use it ...
    Index pack_bytes;   ///< ... and it has more bytes
    Index wide_rows;    ///< the least rows of a cell that has all columns
    Index packing_rows; ///< the same where it packs them
    Index row_cols;     ///< a block packs A where so many columns ...
    Index row_depth;    ///< ... and rows of k use it
    Index row_bytes;    ///< and the rows of a transposed one are so far apart
};

/// Whether a block packs its rows of A, once for all its columns: rows far apart, or a multiple of 4096 bytes, which
/// share one set of the first cache, fall out of it between strips. Element (i, p) of op(A) is a[i * row + p * step].
template <class T> constexpr bool gemm_packs_rows(const GemmBlocking& by, Index row, Index step, Index n, Index k) {
    return k <= gemm_depth<T> && n >= by.row_cols && k >= by.row_depth &&
           (step == 1 ? row * Index(sizeof(T)) % 4096 == 0 : step * Index(sizeof(T)) >= by.row_bytes);
}

template <class T> struct GemmTable {
    Index depth;           ///< rows of k that one pass takes
    Index unit, unit_rows; ///< so many rows of k become so many rows of a strip
    GemmBlocking blocking;
    void (*pack)(T* packed, const T* b, Index ldb, bool transposed, Index k, Index n);
    void (*block)(T* c, Index ldc, const T* a, Index lda, bool transposed_a, const T* b, Index ldb, Index m, Index n,
                  Index k, const GemmEnds<T>& ends);
    void (*panels)(T* c, Index ldc, const T* a, Index lda, const T* b, Index ldb, bool transposed_b, Index m, Index n,
                   Index k, const GemmEnds<T>& ends);
    void (*column_sums)(T* out, const T* x, Index ldx, Index rows, Index cols, bool accumulate);
};

/// Rows of a strip that hold k rows of B.
template <class T> Index packed_rows(const GemmTable<T>& table, Index k) {
    return (k + table.unit - 1) / table.unit * table.unit_rows;
}

} // namespace kernels::detail
GRADUS_END

#define GRADUS_REGION_FILE <gradus/kernels/detail/gemm_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>
