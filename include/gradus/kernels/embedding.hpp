/// Looking up rows of a table by id, and the way back: the rows that a batch used, and their gradients.
///
/// Ids outside [0, V) are clamped, so a wrong one never reads outside the table: who reads data checks them before.
#pragma once
#include <gradus/core/parallel.hpp>
#include <gradus/kernels/detail/ref.hpp>
#include <gradus/kernels/detail/simd.hpp>

#include <algorithm>

GRADUS_BEGIN
namespace kernels::detail {

template <class T> struct EmbeddingTable {
    void (*gather)(T* y, const std::int32_t* ids, const T* table, Index n, Index vocabulary, Index dim);
    void (*scatter)(T* drows, const T* dy, const std::int32_t* begin, const std::int32_t* order, Index first,
                    Index last, Index dim);
};
struct UniqueTable {
    Index (*by_bits)(std::int32_t* rows, std::int32_t* position, const std::int32_t* ids, Index n, Index vocabulary,
                     std::int32_t* workspace);
    Index (*by_sorting)(std::int32_t* rows, std::int32_t* position, const std::int32_t* ids, Index n, Index vocabulary,
                        std::int32_t* workspace);
    void (*sort_by_position)(std::int32_t* begin, std::int32_t* order, const std::int32_t* position, Index n,
                             Index count);
};

/// Rows in a parallel cell: about 16 Ki elements.
constexpr Index embedding_grain(Index dim) { return std::max<Index>(1, 16384 / std::max<Index>(1, dim)); }

} // namespace kernels::detail
GRADUS_END

#define GRADUS_REGION_FILE <gradus/kernels/detail/embedding_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>

GRADUS_BEGIN
namespace kernels {

namespace ref {

template <class T>
void embedding_forward(T* y, const std::int32_t* ids, const T* table, Index n, Index vocabulary, Index dim) {
    for (Index i = 0; i < n; ++i) {
        const Index id = std::clamp<Index>(ids[i], 0, vocabulary - 1);
        array(y + i * dim, dim) = array(table + id * dim, dim);
    }
}

inline Index unique_rows(std::int32_t* rows, std::int32_t* position, const std::int32_t* ids, Index n,
                         Index vocabulary) {
    for (Index i = 0; i < n; ++i) rows[i] = static_cast<std::int32_t>(std::clamp<Index>(ids[i], 0, vocabulary - 1));
    std::sort(rows, rows + n);
    const Index count = std::unique(rows, rows + n) - rows;
    for (Index i = 0; i < n; ++i) {
        const auto id = static_cast<std::int32_t>(std::clamp<Index>(ids[i], 0, vocabulary - 1));
        position[i] = static_cast<std::int32_t>(std::lower_bound(rows, rows + count, id) - rows);
    }
    return count;
}

template <class T> void embedding_backward(T* drows, const T* dy, const std::int32_t* position, Index n, Index dim) {
    for (Index i = 0; i < n; ++i) array(drows + position[i] * dim, dim) += array(dy + i * dim, dim);
}

} // namespace ref

/// y[i] = table[ids[i]]: y [n, dim], table [V, dim], V at least 1 where n is.
template <class T>
void embedding_forward(T* y, const std::int32_t* ids, const T* table, Index n, Index vocabulary, Index dim) {
#if GRADUS_EIGEN_KERNELS
    ref::embedding_forward(y, ids, table, n, vocabulary, dim);
#else
    const auto& kernels = GRADUS_DISPATCH(embedding_table<T>);
    parallel_for(0, n, detail::embedding_grain(dim), [&](Index first, Index last) {
        kernels.gather(y + first * dim, ids + first, table, last - first, vocabulary, dim);
    });
#endif
}

/// Integers of unique_rows' workspace.
constexpr Index unique_rows_workspace(Index n, Index vocabulary) {
    return std::min<Index>((vocabulary + 31) / 32, 16 * n + 2048) * 2 + 4 * n + 2048;
}

/// The distinct ids of a batch, ascending, into rows (room for n); position[i] is where ids[i] stands among them.
/// Returns their number.
inline Index unique_rows(std::int32_t* rows, std::int32_t* position, const std::int32_t* ids, Index n, Index vocabulary,
                         std::int32_t* workspace) {
#if GRADUS_EIGEN_KERNELS
    (void)workspace;
    return ref::unique_rows(rows, position, ids, n, vocabulary);
#else
    const auto& kernels = GRADUS_DISPATCH(unique_table);
    const bool dense = (vocabulary + 31) / 32 <= 16 * n + 2048;
    return (dense ? kernels.by_bits : kernels.by_sorting)(rows, position, ids, n, vocabulary, workspace);
#endif
}

/// Integers of embedding_backward's workspace.
constexpr Index embedding_backward_workspace(Index n, Index count) { return n + count + 1; }

/// drows[position[i]] += dy[i] for all i, ascending: drows [count, dim], dy [n, dim], positions below count. With ids
/// for positions and V for count it fills a dense gradient.
template <class T> void embedding_backward(T* drows, const T* dy, const std::int32_t* position, Index n, Index dim,
                                           Index count, std::int32_t* workspace) {
#if GRADUS_EIGEN_KERNELS
    (void)count, (void)workspace;
    ref::embedding_backward(drows, dy, position, n, dim);
#else
    const auto& kernels = GRADUS_DISPATCH(embedding_table<T>);
    std::int32_t* begin = workspace;
    std::int32_t* order = workspace + count + 1;
    GRADUS_DISPATCH(unique_table).sort_by_position(begin, order, position, n, count);
    parallel_for(0, count, detail::embedding_grain(dim),
                 [&](Index first, Index last) { kernels.scatter(drows, dy, begin, order, first, last, dim); });
#endif
}

} // namespace kernels
GRADUS_END
