#include <gradus/kernels/math.hpp>

#include "kernel_support.hpp"

using namespace gradus;
using namespace gradus::kernels;
using namespace kernel_support;

namespace {

long double exact_exp(long double x) { return std::exp(x); }
long double exact_log(long double x) { return std::log(x); }
long double exact_tanh(long double x) { return std::tanh(x); }
long double exact_sigmoid(long double x) { return 1 / (1 + std::exp(-x)); }
long double exact_sin(long double x) { return std::sin(x); }
long double exact_cos(long double x) { return std::cos(x); }

template <class T> using Function = void (*)(T*, const T*, Index);
using Exact = long double (*)(long double);

/// Uniform in [low, high), or with `powers`: plus and minus two to the power of that.
template <class T> double worst(Function<T> f, Exact exact, double low, double high, bool powers = false) {
    const Index n = 100000;
    auto x = numbers<T>(n, 17, low, high);
    if (powers)
        for (std::size_t i = 0; i < x.size(); ++i) x[i] = T(std::exp2(x[i])) * (i % 2 ? T(-1) : T(1));
    Numbers<T> y(x.size());
    f(y.data(), x.data(), n);
    double w = 0;
    for (std::size_t i = 0; i < x.size(); ++i) w = std::max(w, ulp(y[i], exact(x[i])));
    return w;
}

template <class T> Numbers<T> apply(Function<T> f, Numbers<T> x) {
    f(x.data(), x.data(), static_cast<Index>(x.size()));
    return x;
}

} // namespace

TEST_CASE("elementary functions of floats are within two units of the last place", "[kernels]") {
    on_each_set([] {
        CHECK(worst<float>(vexp<float>, exact_exp, -104.5, 89.5) <= 1);
        CHECK(worst<float>(vexp<float>, exact_exp, -1, 1) <= 1);
        CHECK(worst<float>(vexp<float>, exact_exp, -149, 6, true) <= 1);
        CHECK(worst<float>(vlog<float>, exact_log, 0.5, 2) <= 1);
        CHECK(worst<float>(
                  vlog<float>, [](long double x) { return std::log(std::abs(x)) + (x < 0 ? NAN : 0.0L); }, -149, 128,
                  true) <= 1);
        CHECK(worst<float>(vtanh<float>, exact_tanh, -10, 10) <= 2);
        CHECK(worst<float>(vtanh<float>, exact_tanh, -149, 6, true) <= 2);
        CHECK(worst<float>(vsigmoid<float>, exact_sigmoid, -105, 105) <= 2);
        CHECK(worst<float>(vsigmoid<float>, exact_sigmoid, -8, 8) <= (GRADUS_EIGEN_KERNELS ? 2.5 : 2));
        for (double limit : {1.0, 1e4, 1e9}) {
            CHECK(worst<float>(vsin<float>, exact_sin, -limit, limit) <= 1);
            CHECK(worst<float>(vcos<float>, exact_cos, -limit, limit) <= 1);
        }
        CHECK(worst<float>(vsin<float>, exact_sin, -149, 60, true) <= 1);
    });
}

TEST_CASE("elementary functions of doubles are within four units of the last place", "[kernels]") {
    on_each_set([] {
        CHECK(worst<double>(vexp<double>, exact_exp, -746, 711) <= 2);
        CHECK(worst<double>(vexp<double>, exact_exp, -1074, 6, true) <= 2);
        CHECK(worst<double>(vlog<double>, exact_log, 0.5, 2) <= 1.1);
        CHECK(worst<double>(vlog<double>, exact_log, 0, 1e9) <= 1.1);
        CHECK(worst<double>(vtanh<double>, exact_tanh, -20, 20) <= 4);
        CHECK(worst<double>(vtanh<double>, exact_tanh, -1074, 6, true) <= 4);
        CHECK(worst<double>(vsigmoid<double>, exact_sigmoid, -746, 746) <= 4);
        CHECK(worst<double>(vsigmoid<double>, exact_sigmoid, -8, 8) <= 4);
        for (double limit : {1.0, 1e4, 1e9, 1e15}) {
            CHECK(worst<double>(vsin<double>, exact_sin, -limit, limit) <= 4);
            CHECK(worst<double>(vcos<double>, exact_cos, -limit, limit) <= 4);
        }
        CHECK(worst<double>(vsin<double>, exact_sin, -1074, 60, true) <= 4);
    });
}

TEST_CASE("sines of the largest arguments", "[kernels]") {
    // From 2000-bit arithmetic.
    on_each_set([] {
        const Numbers<double> x{1e22, -1e300, 0x1.fffffffffffffp+1023, 6381956970095103.0 * 0x1p+797};
        const Numbers<double> sine{-0.8522008497671888, 0.8178819121159085, 0.004961954789184062, 1.0};
        const Numbers<double> cosine{0.5232147853951389, -0.5753861119575491, -0.9999876894265599,
                                     -4.687165924254627e-19};
        CHECK(largest_difference(apply<double>(vsin<double>, x), sine) <= 3e-16);
        CHECK(largest_difference(apply<double>(vcos<double>, x), cosine) <= 3e-16);
#if !GRADUS_EIGEN_KERNELS
        CHECK(std::abs(apply<double>(vcos<double>, x)[3] / cosine[3] - 1) <= 1e-15);
#endif
    });
}

TEMPLATE_TEST_CASE("elementary functions at their edges", "[kernels]", float, double) {
    using T = TestType;
    const T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
    const T tiny = std::numeric_limits<T>::denorm_min(), largest = std::numeric_limits<T>::max();
    on_each_set([&] {
        const Numbers<T> x{T(0), -T(0), inf, -inf, nan, tiny, -tiny, largest, -largest};
        CHECK(same(apply<T>(vexp<T>, x), {1, 1, inf, 0, nan, 1, 1, inf, 0}));
        CHECK(same(apply<T>(vsigmoid<T>, x), {T(0.5), T(0.5), 1, 0, nan, T(0.5), T(0.5), 1, 0}));
        CHECK(same(apply<T>(vtanh<T>, x), {0, -T(0), 1, -1, nan, tiny, -tiny, 1, -1}));
        const auto log = apply<T>(vlog<T>, {T(0), -T(0), inf, -inf, nan, T(1), -tiny});
        CHECK(same(log, {-inf, -inf, inf, nan, nan, 0, nan}));
        CHECK(ulp(apply<T>(vlog<T>, {tiny})[0], std::log(static_cast<long double>(tiny))) <= 1);
        CHECK(same(apply<T>(vsin<T>, {T(0), inf, -inf, nan, tiny}), {0, nan, nan, nan, tiny}));
        CHECK(same(apply<T>(vcos<T>, {T(0), inf, -inf, nan, tiny}), {1, nan, nan, nan, 1}));
    });
}

TEMPLATE_TEST_CASE("elementary functions do not depend on length or alignment", "[kernels]", float, double) {
    using T = TestType;
    on_each_set([] {
        for (auto f : {vexp<T>, vlog<T>, vtanh<T>, vsigmoid<T>, vsin<T>, vcos<T>}) {
            const auto x = numbers<T>(131, 3, 0.01, 9);
            Numbers<T> single(x.size());
            for (std::size_t i = 0; i < x.size(); ++i) f(&single[i], &x[i], 1);
            for (Index n = 0; n <= 130; ++n) {
                Numbers<T> y(132, T(42));
                f(y.data() + 1, x.data() + 1, n);
                bool good = y[0] == T(42) && y[static_cast<std::size_t>(n + 1)] == T(42);
                for (Index i = 1; i <= n; ++i)
                    good &= y[static_cast<std::size_t>(i)] == single[static_cast<std::size_t>(i)];
                CHECK(good);
            }
        }
    });
}

TEMPLATE_TEST_CASE("elementary functions have the same bits on every set and for any number of threads", "[kernels]",
                   float, double) {
    using T = TestType;
    for (auto f : {vexp<T>, vlog<T>, vtanh<T>, vsigmoid<T>, vsin<T>, vcos<T>})
        check_same_bits([&] { return apply<T>(f, numbers<T>(50001, 5, -9, 9)); });
    check_same_bits([&] { return apply<T>(vsin<T>, numbers<T>(5001, 5, -1e12, 1e12)); });
}

TEST_CASE("functions of single numbers", "[kernels]") {
    for (double x : numbers<double>(2000, 9, 0.001, 20)) {
        CHECK(ulp(scalar::exp(x), std::exp(static_cast<long double>(x))) <= 4);
        CHECK(ulp(scalar::log(x), std::log(static_cast<long double>(x))) <= 4);
        CHECK(ulp(scalar::tanh(x), std::tanh(static_cast<long double>(x))) <= 4);
        CHECK(scalar::sqrt(x) == std::sqrt(x));
        CHECK(ulp(scalar::sin(x), std::sin(static_cast<long double>(x))) <= 4);
        CHECK(ulp(scalar::cos(x), std::cos(static_cast<long double>(x))) <= 4);
        CHECK(ulp(scalar::pow(x, 3), std::pow(static_cast<long double>(x), 3.0L)) <= 4);
        CHECK(std::abs(scalar::pow(x, -1.7) / std::pow(x, -1.7) - 1) <= 1e-14);
    }
    CHECK(std::isnan(scalar::sqrt(-1)));
    CHECK(scalar::pow(0.9, 0) == 1);
    CHECK(scalar::pow(0, 0.5) == 0);
    CHECK(scalar::interpolate(0.5, 2, 0.25) == 0.875);
    CHECK(scalar::pow(-2, 3) == -8);
    CHECK(scalar::pow(2, -2) == 0.25);
    CHECK(std::abs(scalar::pow(0.9999, 100000) / std::pow(0.9999, 100000) - 1) <= 2e-11);
}
