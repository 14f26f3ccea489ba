/// The row reductions of reduce_region.hpp, once per instruction set, for other regions; kernels/reduce.hpp has the
/// public ones.
#pragma once
#include <gradus/kernels/detail/simd.hpp>

#include <utility>

GRADUS_BEGIN
namespace kernels::detail {

template <class T> struct ReduceTable {
    T (*sum)(const T* x, Index n);
    T (*sum_squares)(const T* x, Index n);
    bool (*all_finite)(const T* x, Index n);
};

} // namespace kernels::detail
GRADUS_END

#define GRADUS_REGION_FILE <gradus/kernels/detail/reduce_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>
