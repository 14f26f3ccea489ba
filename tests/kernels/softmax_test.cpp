#include <gradus/kernels/softmax.hpp>

#include "kernel_support.hpp"

using namespace gradus;
using namespace gradus::kernels;
using namespace kernel_support;

TEMPLATE_TEST_CASE("rows of softmax sum to one, also for large numbers", "[kernels]", float, double) {
    using T = TestType;
    on_each_set([] {
        for (Index cols : {1, 2, 10, 64, 65, 1000, 30522})
            for (double scale : {0.1, 30.0, 1e4}) {
                const Index rows = 3;
                auto x = numbers<T>(rows * cols, 1, -scale, scale);
                Numbers<T> expected(x.size());
                ref::softmax_forward(expected.data(), x.data(), rows, cols);
                softmax_forward(x.data(), x.data(), rows, cols);
                CHECK(largest_difference(x, expected) <= 32 * std::numeric_limits<T>::epsilon());
                for (Index r = 0; r < rows; ++r) {
                    long double sum = 0;
                    for (Index c = 0; c < cols; ++c) sum += static_cast<long double>(x[std::size_t(r * cols + c)]);
                    CHECK(std::abs(sum - 1) <= 64 * std::numeric_limits<T>::epsilon());
                }
            }
    });
}

TEMPLATE_TEST_CASE("softmax at its edges", "[kernels]", float, double) {
    using T = TestType;
    const T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
    on_each_set([&] {
        Numbers<T> x{-inf,     T(3), T(3), -inf, /**/ nan,  T(1), T(1), T(1),
                     /**/ inf, T(0), T(0), T(0), /**/ -inf, -inf, -inf, -inf};
        softmax_forward(x.data(), x.data(), 4, 4);
        CHECK(x[0] == 0);
        CHECK(x[1] == T(0.5));
        CHECK(x[3] == 0);
        CHECK(std::isnan(x[5]));
        CHECK(std::isnan(x[8]));
        CHECK(std::isnan(x[12]));
    });
}

TEMPLATE_TEST_CASE("softmax's gradient agrees with its twin and has the same bits everywhere", "[kernels]", float,
                   double) {
    using T = TestType;
    for (Index cols : {3, 16, 33, 70, 500}) {
        const Index rows = 101, n = rows * cols;
        auto y = numbers<T>(n, 1);
        ref::softmax_forward(y.data(), y.data(), rows, cols);
        const auto dy = numbers<T>(n, 2);
        Numbers<T> dx(y.size()), expected(y.size());
        ref::softmax_backward(expected.data(), dy.data(), y.data(), rows, cols);
        on_each_set([&] {
            softmax_backward(dx.data(), dy.data(), y.data(), rows, cols);
            CHECK(largest_difference(dx, expected) <= 16 * std::numeric_limits<T>::epsilon());
        });
        check_same_bits([&] {
            softmax_backward(dx.data(), dy.data(), y.data(), rows, cols);
            return dx;
        });
    }
}
