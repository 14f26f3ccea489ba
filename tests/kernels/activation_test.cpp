#include <gradus/kernels/activation.hpp>

#include "kernel_support.hpp"

using namespace gradus;
using namespace gradus::kernels;
using namespace kernel_support;

namespace {

constexpr activation::Kind kinds[] = {linear, relu, sigmoid, activation::tanh, softmax};

template <class T> Numbers<T> forward(activation::Kind kind, Numbers<T> x, Index rows, Index cols) {
    activation_forward(x.data(), x.data(), kind, rows, cols);
    return x;
}

} // namespace

TEMPLATE_TEST_CASE("activations agree with their twins on every set, unaligned and of any size", "[kernels]", float, double) {
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
                    activation_backward(dx.data() + 1, dy.data() + 1, y.data() + 1, kind, rows, cols);
                    ref::activation_backward(expected_dx.data() + 1, dy.data() + 1, y.data() + 1, kind, rows, cols);
                    CHECK(largest_difference(dx, expected_dx) <= 8 * tolerance);
                    auto in_place = x;
                    activation_forward(in_place.data() + 1, in_place.data() + 1, kind, rows, cols);
                    CHECK(std::memcmp(in_place.data() + 1, y.data() + 1, sizeof(T) * std::size_t(n)) == 0);
                    in_place = dy;
                    activation_backward(in_place.data() + 1, in_place.data() + 1, y.data() + 1, kind, rows, cols);
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
            activation_backward(dx.data(), dy.data(), y.data(), kind, rows, cols);
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

TEMPLATE_TEST_CASE("activations have the same bits on every set and for any number of threads", "[kernels]", float, double) {
    using T = TestType;
    for (activation::Kind kind : kinds)
        for (Index cols : {10, 301}) {
            const Index rows = 60001 / cols, n = rows * cols;
            const auto x = numbers<T>(n, 5, -9, 9), dy = numbers<T>(n, 6);
            check_same_bits([&] {
                auto y = forward(kind, x, rows, cols);
                Numbers<T> dx(x.size());
                activation_backward(dx.data(), dy.data(), y.data(), kind, rows, cols);
                y.insert(y.end(), dx.begin(), dx.end());
                return y;
            });
        }
}
