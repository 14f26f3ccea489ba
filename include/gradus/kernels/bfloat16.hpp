/// bfloat16 as the precision of products.
#pragma once
#include <gradus/kernels/detail/gemm.hpp>
#include <gradus/kernels/detail/recurrent.hpp>
#include <gradus/kernels/precision.hpp>

#include <bit>
#include <cstdint>

#define GRADUS_REGION_FILE <gradus/kernels/detail/bfloat16_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>
#define GRADUS_REGION_FILE <gradus/kernels/detail/bfloat16_recurrent_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>

GRADUS_BEGIN
namespace kernels {
namespace ref {

/// The nearest bfloat16 (float's exponent, 8 bits of significand), ties to even, as a float. Denormals become zero, NaN
/// stays NaN, what is too large infinity; as the processors' conversions.
inline float round_to_bfloat16(float x) {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    if (x != x) return std::bit_cast<float>((bits & 0xffff0000u) | 0x00400000u);
    if ((bits & 0x7f800000u) == 0) return std::bit_cast<float>(bits & 0x80000000u);
    return std::bit_cast<float>((bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u);
}

} // namespace ref

namespace detail {

#if !GRADUS_EIGEN_KERNELS
/// A template, so that only programs that use it compile the kernels.
template <class T> const GemmTable<T>& bfloat16_table(bool native) {
    if (native) return avx512::bfloat16_table<avx512::Bfloat16Native>;
    return pick(avx512::bfloat16_table<avx512::Bfloat16Emulated>, avx2::bfloat16_table<avx2::Bfloat16Emulated>,
                baseline::bfloat16_table<baseline::Bfloat16Emulated>);
}
template <class T> const RecurrentFormat<T>& bfloat16_format(bool native) {
    if (native) return avx512::bfloat16_format<avx512::Bfloat16NativeRows>;
    return pick(avx512::bfloat16_format<avx512::Bfloat16EmulatedRows>,
                avx2::bfloat16_format<avx2::Bfloat16EmulatedRows>,
                baseline::bfloat16_format<baseline::Bfloat16EmulatedRows>);
}
/// AMD's vdpbf16ps takes the time of one fma and does the work of two; on Emerald Rapids it takes that of four.
inline bool bfloat16_native() { return has_vdpbf16ps() && __builtin_cpu_is("amd"); }
#endif
template <class T> const GemmTable<T>* bfloat16_kernels() {
#if GRADUS_EIGEN_KERNELS
    return nullptr;
#else
    static_assert(sizeof(T) == 4);
    return &bfloat16_table<T>(bfloat16_native());
#endif
}
template <class T> const RecurrentFormat<T>* bfloat16_recurrent() {
#if GRADUS_EIGEN_KERNELS
    return nullptr;
#else
    static_assert(sizeof(T) == 4);
    return &bfloat16_format<T>(bfloat16_native());
#endif
}

} // namespace detail
} // namespace kernels

/// Products round their operands to bfloat16 while packing them, and sum in float32, in pairs of rows of k: an output
/// is one chain of fma(even, fma(odd, sum)) in rising order, denormals being zero (the bias, the gate and the output,
/// too). That is the processor's vdpbf16ps, with the same bits where it is emulated (not on the baseline set, which has
/// no fused multiply-add, nor on Eigen's kernels). It takes effect in Dense, in LSTM, and in wrappers around them.
inline constexpr struct Bfloat16 {
    template <class T = float> static constexpr kernels::detail::ProductFormat format{
        "bfloat16", &kernels::detail::bfloat16_kernels<T>, &kernels::detail::bfloat16_recurrent<T>,
        &kernels::ref::round_to_bfloat16};
} bfloat16;

GRADUS_END
