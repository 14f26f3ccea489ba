/// Run-time dispatch: a kernel is written once and compiled once per instruction set. How to write one, `foo`:
///
/// 1. `kernels/foo.hpp`, the public header:
///
///        #include <gradus/core/parallel.hpp>
///        #include <gradus/kernels/detail/ref.hpp>               // Eigen maps for the twin
///        #include <gradus/kernels/detail/simd.hpp>              // brings this file, too
///        GRADUS_BEGIN namespace kernels { namespace detail {
///        template <class T> struct FooTable { void (*foo)(T* y, const T* x, Index n); };
///        } } GRADUS_END
///        #define GRADUS_REGION_FILE <gradus/kernels/detail/foo_region.hpp>
///        #include <gradus/kernels/detail/each_isa.hpp>          // includes the region file once per set
///        GRADUS_BEGIN namespace kernels {
///        namespace ref { template <class T> void foo(T* y, const T* x, Index n) { array(y, n) = ...; } }
///        template <class T> void foo(T* y, const T* x, Index n) {
///        #if GRADUS_EIGEN_KERNELS
///            ref::foo(y, x, n);
///        #else
///            const detail::FooTable<T>& table = GRADUS_DISPATCH(foo_table<T>);
///            parallel_for(0, n, 16384, [&](Index b, Index e) { table.foo(y + b, x + b, e - b); });
///        #endif
///        }
///        } GRADUS_END
///
///    One table per operation, a template on the scalar, so that a float program instantiates no double kernel.
///    parallel_for stands here, outside the region (a grain of the problem's size only), and sets the floating-point
///    mode; a table called without it needs a FloatScope.
///
/// 2. `kernels/detail/foo_region.hpp`, without `#pragma once`, its code between `#ifdef GRADUS_REGION` and `#endif`.
///    It stands inside `namespace gradus::kernels::detail::<set>`, with the target and -O3 switched on, and ends with
///    the table:
///
///        template <class T> void foo(T* y, const T* x, Index n) { ... }
///        template <class T> inline constexpr FooTable<T> foo_table = {&foo<T>};
///
///    Rules: it includes nothing and calls nothing from outside but compiler builtins and constexpr arithmetic of the
///    public header; helpers are GRADUS_REGION_INLINE. No lambdas: GCC forgets the target for them inside a template;
///    write a functor whose operator() is GRADUS_REGION_INLINE (elementwise_region.hpp). No vector type is a parameter,
///    result or template argument of anything outside the region, nor of a function that is not inlined. Entries of the
///    table are plain functions of pointers and numbers. All regions of a set share one namespace: names begin with the
///    kernel's (`foo_step`, not `step`).
///
///    Functions of other regions are called by name; include the header that brings them in yours, before your region:
///    `detail/math.hpp` (vector_exp, vector_tanh, ...), `detail/reduce.hpp` (row_sum, row_dot, row_max),
///    `detail/gemm.hpp`, `detail/recurrent.hpp`. A product of whole matrices is `kernels::matmul`, called outside the
///    region, which alone knows `compile`'s precision. Inside one it is `gemm_block(c, ldc, a, lda, ta, b, ldb, m, n,
///    k, ends)`, which shares no work out, and, for the same weights at every step, `recurrent_rows` of
///    recurrent_region.hpp on weights packed once.
///
/// 3. The same bits on every set. What a vector holds (`width<T>`) differs between sets, so it must not decide an order
///    of additions: reduce with row_sum, row_dot and row_max, or with `reduce_row` and a step of your own, which add in
///    `virtual_lanes<T>` (64 float, 32 double). Every fused multiply-add is written `fma(a, b, c)`; nothing else
///    contracts, so `a * b + c` rounds twice. Splat with `splat<T>(s)`. Tails: `load_part(p, n)` and
///    `store_part(p, v, n)` touch exactly n elements, and missing ones read as zero; each element goes through the same
///    operations as in a full vector. The baseline has no fused multiply-add: `fma` is a*b+c there, and its bits are
///    its own. What must have the same bits there, too (initial weights), uses no fma.
///
/// Tests run every set in one process: `for (Isa isa : all_isas) if (available(isa)) { IsaScope scope(isa); ... }`.
#pragma once
#include <gradus/kernels/detail/isa.hpp>

#if !GRADUS_EIGEN_KERNELS

/// The table of the set in use: GRADUS_DISPATCH(foo_table<T>).
#define GRADUS_DISPATCH(...)                                                        \
    ::gradus::kernels::detail::pick(::gradus::kernels::detail::avx512::__VA_ARGS__, \
                                    ::gradus::kernels::detail::avx2::__VA_ARGS__,   \
                                    ::gradus::kernels::detail::baseline::__VA_ARGS__)

GRADUS_BEGIN
namespace kernels::detail {

template <class Table> const Table& pick(const Table& avx512, const Table& avx2, const Table& baseline) {
    const Isa i = isa();
    return i == Isa::avx512 ? avx512 : i == Isa::avx2 ? avx2 : baseline;
}

} // namespace kernels::detail
GRADUS_END

#endif
