/// FloatScope: the floating-point mode in which Gradus computes.
#pragma once
#include <gradus/core/config.hpp>

GRADUS_BEGIN

/// Gives this thread Gradus's floating-point mode (round to nearest, denormals kept, exceptions masked) while it lives,
/// and then its own mode back. Audio programs flush denormals; without this, bits would depend on the thread that
/// computes them.
class FloatScope {
public:
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    FloatScope() : saved_(__builtin_ia32_stmxcsr()) {
        if ((saved_ & control_bits) != own_mode) __builtin_ia32_ldmxcsr(own_mode);
    }
    ~FloatScope() {
        if ((saved_ & control_bits) != own_mode) __builtin_ia32_ldmxcsr(saved_);
    }

private:
    static constexpr unsigned control_bits = 0xffc0;
    static constexpr unsigned own_mode = 0x1f80;
    unsigned saved_;
#else
    FloatScope() {}
    ~FloatScope() {}
#endif

public:
    FloatScope(const FloatScope&) = delete;
    FloatScope& operator=(const FloatScope&) = delete;
};

GRADUS_END
