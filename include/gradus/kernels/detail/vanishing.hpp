/// Where a gradient, or a term of softmax, is taken for zero.
#pragma once
#include <gradus/core/types.hpp>

#include <cmath>

GRADUS_BEGIN
namespace kernels::detail {

/// A gradient that vanishes, on its way through time or as a model learns its rows by heart, is zero below this, before
/// it and its products become denormals, which make each operation many times as slow.
template <class T> inline constexpr T least_gradient = sizeof(T) == 4 ? T(0x1p-80) : T(0x1p-700);
/// Adam's and RMSprop's, which square it.
template <class T> inline constexpr T least_squared_gradient = sizeof(T) == 4 ? T(0x1p-63) : T(0x1p-511);
/// Adam's first moment, which the learning rate multiplies.
template <class T> inline constexpr T least_moment = sizeof(T) == 4 ? T(0x1p-100) : T(0x1p-900);

/// Softmax's terms e^x are zero for x below this.
template <class T> inline constexpr T least_exponent = sizeof(T) == 4 ? T(-80) : T(-700);

} // namespace kernels::detail
namespace kernels::ref {

/// x, or zero where its size is below `least`; NaN stays.
template <class T> T zero_below(T x, T least) { return std::abs(x) < least ? T(0) : x; }

} // namespace kernels::ref
GRADUS_END
