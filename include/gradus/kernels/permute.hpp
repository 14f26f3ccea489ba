/// Permutation of a tensor's axes.
#pragma once
#include <gradus/core/parallel.hpp>
#include <gradus/core/shape.hpp>
#include <gradus/kernels/detail/ref.hpp>
#include <gradus/kernels/detail/simd.hpp>

#include <algorithm>
#include <utility>

GRADUS_BEGIN
namespace kernels::detail {

template <class T> struct PermuteTable {
    void (*transpose)(T* y, Index ldy, const T* x, Index ldx, Index rows, Index cols);
    void (*copy_run)(T* y, const T* x, Index n);
};

/// Axes of y in order, outermost first: their sizes and their strides in x. Axes of size 1 are dropped, and neighbours
/// that stay neighbours are one.
struct Permutation {
    Index rank = 0, sizes[Shape::max_rank] = {}, strides[Shape::max_rank] = {};

    Permutation(const Shape& x, const Index* axes) {
        for (Index i = 0; i < x.rank(); ++i) {
            const Index size = x[axes[i]], stride = x.product(axes[i] + 1, x.rank());
            if (size == 1) continue;
            if (rank > 0 && strides[rank - 1] == size * stride) {
                sizes[rank - 1] *= size;
                strides[rank - 1] = stride;
            } else {
                sizes[rank] = size;
                strides[rank++] = stride;
            }
        }
        if (rank > 0) return;
        sizes[0] = strides[0] = rank = 1;
    }
    /// Product of the sizes of axes [first, last) of y.
    Index product(Index first, Index last) const {
        Index n = 1;
        while (first < last) n *= sizes[first++];
        return n;
    }
    /// Where in x element `i` of axes [0, last) of y lies.
    Index offset(Index i, Index last) const {
        Index at = 0;
        for (Index a = last - 1; a >= 0; --a) {
            at += i % sizes[a] * strides[a];
            i /= sizes[a];
        }
        return at;
    }
};

} // namespace kernels::detail
GRADUS_END

#define GRADUS_REGION_FILE <gradus/kernels/detail/permute_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>

GRADUS_BEGIN
namespace kernels {

namespace ref {

template <class T> void permute(T* y, const T* x, const Shape& shape, const Index* axes) {
    const Index n = shape.size();
    for (Index i = 0; i < n; ++i) {
        Index rest = i, at = 0;
        for (Index a = shape.rank() - 1; a >= 0; --a) {
            at += rest % shape[axes[a]] * shape.product(axes[a] + 1, shape.rank());
            rest /= shape[axes[a]];
        }
        y[i] = x[at];
    }
}

} // namespace ref

#if GRADUS_EIGEN_KERNELS

using ref::permute;

#else

/// y's axis i is x's axis axes[i]: x of `shape`, axes a permutation of 0, 1, ... rank - 1. y does not overlap x.
template <class T> void permute(T* y, const T* x, const Shape& shape, const Index* axes) {
    if (shape.size() == 0) return;
    const auto& table = GRADUS_DISPATCH(permute_table<T>);
    const detail::Permutation p(shape, axes);
    const Index cols = p.sizes[p.rank - 1];
    if (p.strides[p.rank - 1] == 1) { // runs stay runs
        const Index runs = shape.size() / cols;
        parallel_for(0, runs, std::max<Index>(1, 16384 / cols), [&](Index first, Index last) {
            for (Index i = first; i < last; ++i) table.copy_run(y + i * cols, x + p.offset(i, p.rank - 1), cols);
        });
        return;
    }
    // The axis along which x is contiguous, and y's last one, make matrices; y's axes before, between and after them
    // are counted.
    Index inner = 0;
    while (p.strides[inner] != 1) ++inner;
    const Index outer = p.product(0, inner), between = p.product(inner + 1, p.rank - 1);
    const Index rows = p.sizes[inner], ldx = p.strides[p.rank - 1], ldy = between * cols;
    // Cells are strips of y's rows of about 16384 elements, of whole tiles.
    const Index strip = std::min(rows, std::max<Index>(1, 16384 / cols / 16) * 16), strips = (rows - 1) / strip + 1;
    const Index grain = std::max<Index>(1, 16384 / (strip * cols));
    parallel_for(0, outer * strips * between, grain, [&](Index first, Index last) {
        for (Index cell = first; cell < last; ++cell) {
            const Index b = cell % between, s = cell / between % strips, o = cell / between / strips;
            Index at = p.offset(o, inner) + s * strip;
            for (Index a = p.rank - 2, rest = b; a > inner; rest /= p.sizes[a--])
                at += rest % p.sizes[a] * p.strides[a];
            table.transpose(y + (o * rows + s * strip) * ldy + b * cols, ldy, x + at, ldx,
                            std::min(strip, rows - s * strip), cols);
        }
    });
}

#endif

} // namespace kernels
GRADUS_END
