/// Version, configuration checks and the inline namespace that keeps differently configured builds apart.
///
/// Every declaration of the library stands between GRADUS_BEGIN and GRADUS_END. The inline namespace spells each macro
/// that changes code (OpenMP, the kernels' path, the version), so objects of mixed builds fail to link instead of
/// misbehaving.
#pragma once

#define GRADUS_VERSION_MAJOR 0
#define GRADUS_VERSION_MINOR 1
#define GRADUS_VERSION_PATCH 0
#define GRADUS_VERSION "0.1.0"

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "Gradus refuses -ffast-math: it breaks NaN propagation and the promise of equal bits"
#endif

#if !defined(GRADUS_OPENMP)
#if defined(_OPENMP)
#define GRADUS_OPENMP 1
#else
#define GRADUS_OPENMP 0
#endif
#endif
#if GRADUS_OPENMP && !defined(_OPENMP)
#error "GRADUS_OPENMP is 1 but the compiler's OpenMP support is off (-fopenmp)"
#endif

/// 1: kernels run on Eigen maps only (`GRADUS_KERNELS=eigen` in CMake); chosen by itself where the vector path does not
/// apply.
#if !defined(GRADUS_EIGEN_KERNELS)
#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
#define GRADUS_EIGEN_KERNELS 0
#else
#define GRADUS_EIGEN_KERNELS 1
#endif
#endif

#define GRADUS_CONCAT_(a, b, c, d, e, f) a##b##_##c##d##e##f
#define GRADUS_CONCAT(a, b, c, d, e, f) GRADUS_CONCAT_(a, b, c, d, e, f)
#define GRADUS_ABI_OPENMP_1 _omp
#define GRADUS_ABI_OPENMP_0 _plain
#define GRADUS_ABI_KERNELS_1 _eigen
#define GRADUS_ABI_KERNELS_0 _vector
#define GRADUS_PICK_(prefix, n) prefix##n
#define GRADUS_PICK(prefix, n) GRADUS_PICK_(prefix, n)
#define GRADUS_ABI                                                                                                 \
    GRADUS_CONCAT(v, GRADUS_VERSION_MAJOR, GRADUS_VERSION_MINOR, , GRADUS_PICK(GRADUS_ABI_OPENMP_, GRADUS_OPENMP), \
                  GRADUS_PICK(GRADUS_ABI_KERNELS_, GRADUS_EIGEN_KERNELS))

// clang-format off
#define GRADUS_BEGIN namespace gradus { inline namespace GRADUS_ABI {
#define GRADUS_END } }
// clang-format on

#if defined(__GNUC__) || defined(__clang__)
#define GRADUS_NOINLINE __attribute__((noinline))
#define GRADUS_ALWAYS_INLINE inline __attribute__((always_inline))
#define GRADUS_COLD __attribute__((noinline, cold))
#else
#define GRADUS_NOINLINE
#define GRADUS_ALWAYS_INLINE inline
#define GRADUS_COLD
#endif
