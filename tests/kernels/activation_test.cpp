#include <gradus/kernels/activation.hpp>

#include "kernel_support.hpp"

using namespace gradus;
using namespace gradus::kernels;
using namespace kernel_support;

namespace {

constexpr activation::Kind kinds[] = {linear,    relu, sigmoid, activation::tanh, softmax,  gelu,
                                      gelu_tanh, silu, elu,     leaky_relu,       softplus, log_softmax};

template <class T>
Numbers<T> forward(activation::Kind kind, Numbers<T> x, Index rows, Index cols, T parameter = T(-1)) {
    activation_forward(x.data(), x.data(), kind, rows, cols, parameter);
    return x;
}
template <class T>
Numbers<T> backward(activation::Kind kind, Numbers<T> dy, const Numbers<T>& saved, T parameter = T(-1)) {
    activation_backward(dy.data(), dy.data(), saved.data(), kind, 1, static_cast<Index>(dy.size()), parameter);
    return dy;
}

/// In long double: f and f'.
long double exact(activation::Kind kind, long double x) {
    if (kind == gelu) return x / 2 * std::erfc(-x / std::sqrt(2.0L));
    if (kind == silu) return x / (1 + std::exp(-x));
    if (kind == elu) return x > 0 ? x : std::expm1(x);
    if (kind == softplus) return (x > 0 ? x : 0) + std::log1p(std::exp(-std::abs(x)));
    return x / (1 + std::exp(-std::sqrt(8 / 3.14159265358979323846264338L) * (x + 0.044715L * x * x * x)));
}
long double exact_slope(activation::Kind kind, long double x) {
    const long double s = 1 / (1 + std::exp(-x)),
                      bell = std::exp(-x * x / 2) / std::sqrt(2 * 3.14159265358979323846264338L);
    if (kind == gelu) return std::erfc(-x / std::sqrt(2.0L)) / 2 + x * bell;
    if (kind == silu) return s * (1 + x * (1 - s));
    if (kind == softplus) return s;
    const long double k = std::sqrt(8 / 3.14159265358979323846264338L),
                      t = 1 / (1 + std::exp(-k * (x + 0.044715L * x * x * x)));
    return t + x * t * (1 - t) * k * (1 + 0.134145L * x * x);
}
/// The largest error in ULP of f, and relative to 1 of f', for x in [low, high).
template <class T> double worst(activation::Kind kind, double low, double high, double& slope) {
    const auto x = numbers<T>(100000, 23, low, high);
    const auto y = forward(kind, x, 1, 100000);
    const auto d = backward(kind, Numbers<T>(x.size(), T(1)), activation::needs_input(kind) ? x : y);
    double w = slope = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        w = std::max(w, ulp(y[i], exact(kind, x[i])));
        const double e = std::abs(double(static_cast<long double>(d[i]) - exact_slope(kind, x[i])));
        slope = e <= slope ? slope : e;
    }
    return w;
}

} // namespace

TEMPLATE_TEST_CASE("activations agree with their twins on every set, unaligned and of any size", "[kernels]", float,
                   double) {
    using T = TestType;
    const double tolerance = 16 * std::numeric_limits<T>::epsilon();
    on_each_set([&] {
        for (activation::Kind kind : kinds)
            for (Index cols : {0, 1, 2, 3, 7, 10, 16, 17, 31, 33, 63, 64, 65, 100, 130})
                for (Index rows : {0, 1, 3, 200}) {
                    const Index n = rows * cols;
                    const auto x = numbers<T>(n + 1, 1, -5, 5), dy = numbers<T>(n + 1, 2);
                    Numbers<T> y(x.size() + 1, T(42)), expected = y, dx = y, expected_dx = y;
                    activation_forward(y.data() + 1, x.data() + 1, kind, rows, cols);
                    ref::activation_forward(expected.data() + 1, x.data() + 1, kind, rows, cols);
                    CHECK(largest_difference(y, expected) <= tolerance);
                    const T* const saved = (activation::needs_input(kind) ? x.data() : y.data()) + 1;
                    activation_backward(dx.data() + 1, dy.data() + 1, saved, kind, rows, cols);
                    ref::activation_backward(expected_dx.data() + 1, dy.data() + 1, saved, kind, rows, cols);
                    CHECK(largest_difference(dx, expected_dx) <= 8 * tolerance);
                    auto in_place = x;
                    activation_forward(in_place.data() + 1, in_place.data() + 1, kind, rows, cols);
                    CHECK(std::memcmp(in_place.data() + 1, y.data() + 1, sizeof(T) * std::size_t(n)) == 0);
                    in_place = dy;
                    activation_backward(in_place.data() + 1, in_place.data() + 1, saved, kind, rows, cols);
                    CHECK(std::memcmp(in_place.data() + 1, dx.data() + 1, sizeof(T) * std::size_t(n)) == 0);
                }
    });
}

TEST_CASE("gradients of activations are those of finite differences", "[kernels]") {
    const Index rows = 3, cols = 11, n = rows * cols;
    const auto x = numbers<double>(n, 1), dy = numbers<double>(n, 2);
    on_each_set([&] {
        for (activation::Kind kind : kinds) {
            const auto y = forward(kind, x, rows, cols);
            Numbers<double> dx(x.size());
            activation_backward(dx.data(), dy.data(), (activation::needs_input(kind) ? x : y).data(), kind, rows, cols);
            for (std::size_t i = 0; i < x.size(); ++i) {
                const double h = 1e-6;
                auto above = x, below = x;
                above[i] += h;
                below[i] -= h;
                above = forward(kind, above, rows, cols);
                below = forward(kind, below, rows, cols);
                double slope = 0;
                for (std::size_t k = 0; k < x.size(); ++k) slope += dy[k] * (above[k] - below[k]) / (2 * h);
                CHECK(std::abs(slope - dx[i]) <= 1e-8);
            }
        }
    });
}

TEMPLATE_TEST_CASE("activations keep NaN, and relu cuts at zero", "[kernels]", float, double) {
    using T = TestType;
    const T nan = std::numeric_limits<T>::quiet_NaN(), inf = std::numeric_limits<T>::infinity();
    on_each_set([&] {
        const Numbers<T> x{nan, inf, -inf, T(0), -T(0), T(-1), T(2)};
        CHECK(same(forward<T>(relu, x, 1, 7), {nan, inf, 0, 0, 0, 0, 2}));
        CHECK(same(forward<T>(sigmoid, x, 1, 2), {nan, 1, -inf, 0, -T(0), -1, 2}));
        CHECK(same(forward<T>(activation::tanh, x, 1, 3), {nan, 1, -1, 0, -T(0), -1, 2}));
        CHECK(std::isnan(forward<T>(softmax, {T(1), nan, T(2)}, 1, 3)[0]));
        Numbers<T> dx{1, 2, 3, 4};
        activation_backward(dx.data(), dx.data(), Numbers<T>{nan, 1, 0, 2}.data(), relu, 1, 4);
        CHECK(same(dx, {1, 2, 0, 4}));
    });
}

TEMPLATE_TEST_CASE("gelu and its relatives are right to the last places, in the tails too", "[kernels]", float,
                   double) {
    using T = TestType;
    const double epsilon = std::numeric_limits<T>::epsilon();
    on_each_set([&] {
        // The baseline has no fused multiply-add, which gives back what the square's rounding takes.
        const bool fused = GRADUS_EIGEN_KERNELS == 0 && isa() != Isa::baseline;
        const double limit = 7;
        double slope = 0;
        CHECK(worst<T>(gelu, -3, 3, slope) <= (fused ? limit : 16));
        CHECK(slope <= 4 * epsilon);
        CHECK(worst<T>(gelu, -14.6, 20, slope) <= (fused ? limit : 400));
        CHECK(slope <= 4 * epsilon);
        CHECK(worst<T>(silu, -30, 30, slope) <= 4);
        CHECK(slope <= (fused ? 4 : 16) * epsilon);
        CHECK(worst<T>(elu, -30, 5, slope) <= 3);
        CHECK(worst<T>(softplus, -100, 30, slope) <= 3);
        CHECK(slope <= 4 * epsilon);
        // The formula's own argument, rounded, moves the tails.
        CHECK(worst<T>(gelu_tanh, -3, 3, slope) <= 32);
        CHECK(slope <= 16 * epsilon);
        if (sizeof(T) == 8 && fused) CHECK(worst<T>(gelu, -39, -30, slope) <= limit);
    });
}

TEMPLATE_TEST_CASE("the other activations at their edges, and with parameters of their own", "[kernels]", float,
                   double) {
    using T = TestType;
    const T nan = std::numeric_limits<T>::quiet_NaN(), inf = std::numeric_limits<T>::infinity();
    on_each_set([&] {
        const Numbers<T> x{nan, inf, -inf, T(0), T(2), T(-2)}, one(6, T(1));
        const auto y = [&](activation::Kind kind) { return forward(kind, x, 1, 6); };
        const auto slope = [&](activation::Kind kind) {
            return backward(kind, one, activation::needs_input(kind) ? x : y(kind));
        };
        CHECK(y(elu)[2] == -1);
        CHECK(same(y(leaky_relu), {nan, inf, -inf, 0, 2, T(-2) * T(0.2)}));
        CHECK(same(slope(leaky_relu), {T(0.2), 1, T(0.2), T(0.2), 1, T(0.2)}));
        CHECK(same(forward<T>(leaky_relu, x, 1, 6, T(0.5)), {nan, inf, -inf, 0, 2, -1}));
        CHECK(same(backward<T>(leaky_relu, one, x, T(0)), {0, 1, 0, 0, 1, 0}));
        CHECK(forward<T>(elu, x, 1, 6, T(3))[2] == -3);
        CHECK(backward<T>(elu, one, {1, 1, 1, T(0), 2, T(-2)}, T(3))[5] == 1);
#if !GRADUS_EIGEN_KERNELS
        const auto first = [](Numbers<T> v, std::size_t n) { return v.resize(n), v; };
        for (const auto kind : {gelu, gelu_tanh, silu}) {
            CHECK(std::isnan(y(kind)[0]));
            CHECK(y(kind)[1] == inf);
            CHECK(y(kind)[2] == 0);
            CHECK(y(kind)[3] == 0);
            const auto d = slope(kind);
            CHECK((std::isnan(d[0]) && d[1] == 1 && d[2] == 0 && d[3] == T(0.5)));
        }
        CHECK(same(first(y(softplus), 3), {nan, inf, 0}));
        CHECK(same(first(slope(softplus), 2), {nan, 1}));
        CHECK(slope(softplus)[2] == 0);
#endif
        // Far below what softmax can say; NaN for a row with NaN or without anything above -infinity.
        CHECK(same(forward<T>(log_softmax, {T(-1000), T(0), T(-1000)}, 1, 3), {T(-1000), 0, T(-1000)}));
        CHECK(std::isnan(forward<T>(log_softmax, {T(1), nan}, 1, 2)[0]));
        CHECK(std::isnan(forward<T>(log_softmax, {-inf, -inf}, 1, 2)[0]));
    });
}

TEMPLATE_TEST_CASE("activations have the same bits on every set and for any number of threads", "[kernels]", float,
                   double) {
    using T = TestType;
    for (activation::Kind kind : kinds)
        for (Index cols : {10, 301}) {
            const Index rows = 60001 / cols, n = rows * cols;
            const auto x = numbers<T>(n, 5, -9, 9), dy = numbers<T>(n, 6);
            check_same_bits([&] {
                auto y = forward(kind, x, rows, cols);
                Numbers<T> dx(x.size());
                activation_backward(dx.data(), dy.data(), (activation::needs_input(kind) ? x : y).data(), kind, rows,
                                    cols);
                y.insert(y.end(), dx.begin(), dx.end());
                return y;
            });
        }
}
