/// Elementary functions: on arrays, as fast as the machine allows; on single numbers, with the same bits on every
/// machine.
#pragma once
#include <gradus/core/parallel.hpp>
#include <gradus/kernels/detail/math.hpp>
#include <gradus/kernels/detail/ref.hpp>

#include <cmath>

GRADUS_BEGIN
namespace kernels::detail {

template <class T> struct MathTable {
    using Function = void(T* y, const T* x, Index n);
    Function *exp, *log, *tanh, *sigmoid, *sin, *cos;
};

inline constexpr Index math_grain = 8192;

/// 2/pi in binary, after 64 zeros.
inline constexpr std::uint64_t two_over_pi[] = {
    0x0000000000000000, 0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561,
    0xb7246e3a424dd2e0, 0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484, 0xe99c7026b45f7e41,
    0x3991d639835339f4, 0x9c845f8bbdf9283b, 0x1ff897ffde05980f, 0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7,
    0x4f463f669e5fea2d, 0x7527bac7ebe5f17b, 0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab,
    0xf0cfbc209af4361d};

} // namespace kernels::detail
GRADUS_END

#define GRADUS_REGION_FILE <gradus/kernels/detail/math_arrays_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>

GRADUS_BEGIN
namespace kernels {

namespace ref {

template <class T, class F> void map(T* y, const T* x, Index n, F f) {
    for (Index i = 0; i < n; ++i) y[i] = f(x[i]);
}
template <class T> void vexp(T* y, const T* x, Index n) {
    map(y, x, n, [](T v) { return std::exp(v); });
}
template <class T> void vlog(T* y, const T* x, Index n) {
    map(y, x, n, [](T v) { return std::log(v); });
}
template <class T> void vtanh(T* y, const T* x, Index n) {
    map(y, x, n, [](T v) { return std::tanh(v); });
}
template <class T> void vsigmoid(T* y, const T* x, Index n) {
    map(y, x, n, [](T v) {
        const T e = std::exp(-std::abs(v));
        return (v >= 0 ? T(1) : e) / (1 + e);
    });
}
template <class T> void vsin(T* y, const T* x, Index n) {
    map(y, x, n, [](T v) { return std::sin(v); });
}
template <class T> void vcos(T* y, const T* x, Index n) {
    map(y, x, n, [](T v) { return std::cos(v); });
}

} // namespace ref

// Errors in ULP: float at most 1 (exp, log, sin, cos) or 2 (tanh, sigmoid); double at most 1 (log), 2 (exp) or 3. y may
// be x.
#if GRADUS_EIGEN_KERNELS

using ref::vcos;
using ref::vexp;
using ref::vlog;
using ref::vsigmoid;
using ref::vsin;
using ref::vtanh;

#else

namespace detail {

template <class T> void map(typename MathTable<T>::Function* f, T* y, const T* x, Index n) {
    parallel_for(0, n, math_grain, [=](Index i, Index end) { f(y + i, x + i, end - i); });
}

} // namespace detail

/// y = e^x
template <class T> void vexp(T* y, const T* x, Index n) { detail::map<T>(GRADUS_DISPATCH(math_table<T>).exp, y, x, n); }
/// y = log x; NaN below zero
template <class T> void vlog(T* y, const T* x, Index n) { detail::map<T>(GRADUS_DISPATCH(math_table<T>).log, y, x, n); }
/// y = tanh x
template <class T> void vtanh(T* y, const T* x, Index n) {
    detail::map<T>(GRADUS_DISPATCH(math_table<T>).tanh, y, x, n);
}
/// y = 1 / (1 + e^-x)
template <class T> void vsigmoid(T* y, const T* x, Index n) {
    detail::map<T>(GRADUS_DISPATCH(math_table<T>).sigmoid, y, x, n);
}
/// y = sin x, for any finite x
template <class T> void vsin(T* y, const T* x, Index n) { detail::map<T>(GRADUS_DISPATCH(math_table<T>).sin, y, x, n); }
/// y = cos x, for any finite x
template <class T> void vcos(T* y, const T* x, Index n) { detail::map<T>(GRADUS_DISPATCH(math_table<T>).cos, y, x, n); }

#endif

/// Single numbers in double: the same bits from every compiler, optimisation and instruction set, the baseline
/// included, without libm. For all that reaches a parameter: schedules, bias corrections, initial weights, scaling.
namespace scalar {

#if GRADUS_EIGEN_KERNELS

inline double exp(double x) { return std::exp(x); }
inline double log(double x) { return std::log(x); }
inline double tanh(double x) { return std::tanh(x); }
inline double sqrt(double x) { return std::sqrt(x); }
inline double sin(double x) { return std::sin(x); }
inline double cos(double x) { return std::cos(x); }
inline double pow(double x, double y) { return std::pow(x, y); }
inline double interpolate(double a, double b, double f) { return a + (b - a) * f; }

#else

inline double exp(double x) { return detail::baseline::scalar_exp(x); }
inline double log(double x) { return detail::baseline::scalar_log(x); }
inline double tanh(double x) { return detail::baseline::scalar_tanh(x); }
inline double sqrt(double x) { return detail::baseline::scalar_sqrt(x); }
inline double sin(double x) { return detail::baseline::scalar_sin(x); }
inline double cos(double x) { return detail::baseline::scalar_cos(x); }
/// x^y: whole y by repeated squaring, others as exp(y log x) (relative error at most about |y| (1 + |log x|) 1e-16; NaN
/// for negative x).
inline double pow(double x, double y) { return detail::baseline::scalar_pow(x, y); }
/// a + (b - a) f, each operation rounded: outside a region compilers may fuse two.
inline double interpolate(double a, double b, double f) { return detail::baseline::scalar_interpolate(a, b, f); }

#endif

} // namespace scalar

} // namespace kernels
GRADUS_END
