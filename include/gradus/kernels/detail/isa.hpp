/// Which instruction set the kernels run on.
#pragma once
#include <gradus/core/error.hpp>
#include <gradus/core/types.hpp>

#include <atomic>
#include <cstdlib>
#include <string>
#include <string_view>

GRADUS_BEGIN
namespace kernels {

/// Ordered: a later set contains the earlier ones. `eigen` is the portable path, the only one where the vector path
/// does not apply.
enum class Isa : int { eigen, baseline, avx2, avx512 };

inline constexpr Isa all_isas[] = {Isa::eigen, Isa::baseline, Isa::avx2, Isa::avx512};

constexpr const char* name_of(Isa isa) {
    return isa == Isa::avx512 ? "avx512" : isa == Isa::avx2 ? "avx2" : isa == Isa::baseline ? "baseline" : "eigen";
}

/// Whether this build and this machine can run the set: all that region_begin.hpp lets the compiler use, for a
/// hypervisor may mask any of it.
inline bool available(Isa isa) {
#if GRADUS_EIGEN_KERNELS
    return isa == Isa::eigen;
#else
    switch (isa) {
    case Isa::avx512:
        return available(Isa::avx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512cd");
    case Isa::avx2:
#if !defined(__clang__) || __clang_major__ >= 19 // older ones do not know the names, and use none of the three
        if (!__builtin_cpu_supports("lzcnt") || !__builtin_cpu_supports("movbe") || !__builtin_cpu_supports("f16c"))
            return false;
#endif
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
               __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("sse4.2");
    case Isa::baseline: return true;
    default: return false;
    }
#endif
}

namespace detail {

inline std::atomic<int> chosen_isa{-1};

inline std::string available_names() {
    std::string s;
    for (Isa i : all_isas)
        if (available(i)) s += (s.empty() ? "" : ", ") + std::string(name_of(i));
    return s;
}

/// The set that `wanted` names, or the best one when it is null or empty. Throws ValueError if unknown or unavailable.
GRADUS_COLD inline Isa choose_isa(const char* wanted) {
    Isa best = GRADUS_EIGEN_KERNELS ? Isa::eigen : Isa::baseline;
    for (Isa i : all_isas)
        if (available(i)) best = i;
    if (!wanted || !*wanted) return best;
    for (Isa i : all_isas)
        if (std::string_view(wanted) == name_of(i) && available(i)) return i;
    throw_value_error("GRADUS_ISA: expects one of " + available_names() + " on this machine, got \"" + wanted + "\"");
}

GRADUS_COLD inline Isa first_isa() {
    const Isa isa = choose_isa(std::getenv("GRADUS_ISA"));
    int unset = -1;
    chosen_isa.compare_exchange_strong(unset, static_cast<int>(isa), std::memory_order_relaxed);
    return static_cast<Isa>(chosen_isa.load(std::memory_order_relaxed));
}

} // namespace detail

/// The set in use: the best that the machine has, or what the environment variable GRADUS_ISA names. Chosen when first
/// asked for; throws ValueError if GRADUS_ISA names none that can run here. Kernels ask for it themselves, those on
/// Eigen do not; a model asks when it is built, so that the error comes early, and in every build.
inline Isa isa() {
    const int i = detail::chosen_isa.load(std::memory_order_relaxed);
    return i >= 0 ? static_cast<Isa>(i) : detail::first_isa();
}

namespace detail {

/// Whether vdpbf16ps can run.
inline bool has_vdpbf16ps() {
#if GRADUS_EIGEN_KERNELS
    return false;
#else
    return isa() == Isa::avx512 && __builtin_cpu_supports("avx512bf16");
#endif
}

} // namespace detail

/// Tests and benchmarks: runs the whole process on another set while it lives. Throws ValueError if it is not
/// available.
class IsaScope {
public:
    explicit IsaScope(Isa isa) : before_(detail::chosen_isa.load()) {
        detail::chosen_isa = int(detail::choose_isa(name_of(isa)));
    }
    ~IsaScope() { detail::chosen_isa = before_; }
    IsaScope(const IsaScope&) = delete;
    IsaScope& operator=(const IsaScope&) = delete;

private:
    int before_;
};

} // namespace kernels
GRADUS_END
