/// Opens a region: code that follows is compiled for GRADUS_REGION's instruction set, optimised and without
/// contraction, in namespace gradus::kernels::detail::GRADUS_REGION. The order of GCC's pragmas matters: GCC 14 drops
/// an optimize after a target.
#ifdef GRADUS_REGION

#if defined(__clang__)
#pragma float_control(push)
#pragma clang fp contract(off)
#if GRADUS_REGION_BYTES == 64
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2,avx512f,avx512vl,avx512bw,avx512dq"))), \
                             apply_to = function)
#elif GRADUS_REGION_BYTES == 32
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2,no-avx512f"))), apply_to = function)
#else
#pragma clang attribute push(__attribute__((target("no-avx"))), apply_to = function)
#endif
#else
#pragma GCC push_options
#if GRADUS_REGION_BYTES == 64
#pragma GCC optimize("O3,fp-contract=off,no-fast-math")
#pragma GCC target("arch=x86-64-v4")
#elif GRADUS_REGION_BYTES == 32
#pragma GCC optimize("O3,fp-contract=off,no-fast-math")
#pragma GCC target("arch=x86-64-v3")
#else
// Few machines run the baseline, and every program compiles it.
#pragma GCC optimize("O1,fp-contract=off,no-fast-math")
#pragma GCC target("arch=x86-64")
#endif
#endif

/// Helpers of a region, member functions of its functors too.
#define GRADUS_REGION_INLINE inline __attribute__((always_inline))

GRADUS_BEGIN
namespace kernels::detail::GRADUS_REGION {
#endif
