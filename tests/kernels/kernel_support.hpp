/// What tests of kernels share: every set in turn, the same bits on sets and for numbers of threads, test data.
#pragma once
#include <gradus/core/parallel.hpp>
#include <gradus/core/random.hpp>
#include <gradus/kernels/detail/isa.hpp>

#include "catch.hpp"
#include "worse.hpp"
#if __has_include(<catch2/catch_template_test_macros.hpp>)
#include <catch2/catch_template_test_macros.hpp>
#endif

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace kernel_support {

using namespace gradus;

template <class F> void on_each_set(F f) {
    for (kernels::Isa isa : kernels::all_isas) {
        if (!kernels::available(isa)) continue;
        kernels::IsaScope scope(isa);
        INFO("instruction set " << kernels::name_of(isa));
        f();
    }
}

template <class T> using Numbers = std::vector<T>;

/// Uniform in [low, high).
template <class T> Numbers<T> numbers(Index n, std::uint64_t seed, double low = -3, double high = 3) {
    const Random random(seed, 0, Purpose::sample);
    Numbers<T> x(static_cast<std::size_t>(n));
    for (Index i = 0; i < n; ++i)
        x[static_cast<std::size_t>(i)] = T(low + (high - low) * double(random.word64(0, i) >> 11) * 0x1p-53);
    return x;
}

/// What a product's gate may hold, as a relu's output or beside: numbers of both signs, zeros of both, NaN, infinity, a
/// denormal.
template <class T> Numbers<T> gates(Index n) {
    Numbers<T> x = numbers<T>(n, 8, -0.5, 1);
    const T special[] = {T(0), -T(0), std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity(),
                         std::numeric_limits<T>::denorm_min()};
    for (std::size_t i = 0; i < x.size(); ++i)
        if (i % 3 == 1) x[i] = special[i / 3 % std::size(special)];
    return x;
}

/// Bits, all NaN alike.
template <class T> bool same(const Numbers<T>& a, const Numbers<T>& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (std::memcmp(&a[i], &b[i], sizeof(T)) != 0 && !(a[i] != a[i] && b[i] != b[i])) return false;
    return true;
}

template <class T> double largest_difference(const Numbers<T>& a, const Numbers<T>& b) {
    double d = a.size() == b.size() ? 0 : std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
        if (a[i] == b[i] || (a[i] != a[i] && b[i] != b[i])) continue;
        const double e = std::abs(double(a[i]) - double(b[i]));
        d = worse(d, e);
    }
    return d;
}

#if !GRADUS_EIGEN_KERNELS
/// Calls f on AVX-512 where the machine has vdpbf16ps; says so where it has not.
template <class F> void where_vdpbf16ps_runs(F f) {
    if (!kernels::available(kernels::Isa::avx512)) {
        WARN("skipped: no AVX-512 on this machine");
        return;
    }
    kernels::IsaScope scope(kernels::Isa::avx512);
    if (!kernels::detail::has_vdpbf16ps()) {
        WARN("skipped: this machine has no vdpbf16ps");
        return;
    }
    f();
}
#endif

/// f() gives numbers; they must have the same bits on AVX2 and AVX-512 and, on each set, for 1, 2, 3 and 8 threads.
template <class F> void check_same_bits(F f) {
    using kernels::Isa;
    on_each_set([&] {
        set_threads(1);
        const auto one = f();
        for (int t : {2, 3, 8}) {
            set_threads(t);
            CHECK(same(f(), one));
        }
        set_threads(0);
    });
    if (kernels::available(Isa::avx2) && kernels::available(Isa::avx512)) {
        auto on = [&](Isa isa) {
            kernels::IsaScope scope(isa);
            return f();
        };
        CHECK(same(on(Isa::avx2), on(Isa::avx512)));
    }
}

/// Distance from the exact value in units of the last place of T; what overflows may be the largest number or infinity.
template <class T> double ulp(T y, long double exact) {
    using L = std::numeric_limits<T>;
    if (std::isnan(exact)) return std::isnan(y) ? 0 : 1e9;
    if (std::isnan(y)) return 1e9;
    if (std::isinf(y) || std::isinf(static_cast<T>(exact)))
        return y == static_cast<T>(exact) ? 0 : std::abs(exact) >= L::max() && std::abs(y) >= L::max() ? 1 : 1e9;
    int exponent = 0;
    std::frexp(exact, &exponent);
    exponent = exponent < L::min_exponent ? L::min_exponent : exponent;
    return double(std::abs(static_cast<long double>(y) - exact) / std::ldexp(1.0L, exponent - L::digits));
}

} // namespace kernel_support
